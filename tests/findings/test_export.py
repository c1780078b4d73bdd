"""The findings list as a file: the rows, the order and the count of the page, and no formulas."""

import csv
import io
import itertools
import json
import re
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.models import Finding
from findings.queries import counts, export
from findings.queries.filters import Filters
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1+1", 'quote " comma , line\nbreak')


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db):
    team = factories.team(slug="payments")
    mine = factories.account(team=team, name="payments-api")
    foreign = factories.account(name="web")
    severe = factories.control(severity="CRITICAL", title="Public bucket")
    slight = factories.control(severity="LOW", title="No tags", area="CULTURE")
    for account, control in itertools.product((mine, foreign), (severe, slight)):
        for _ in range(3):
            factories.finding(account=account, control=control)
    for title in HOSTILE:
        factories.finding(account=mine, control=slight, title=title, status="PASSED")
    factories.count_findings()
    return {"team": team, "mine": mine}


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def body(response):
    return b"".join(response.streaming_content).decode()


def rows_of(response):
    return list(csv.DictReader(io.StringIO(body(response), newline="")))


def ids_of_page(client, query):
    content = client.get(f"/findings/?{query}").content.decode()
    return re.findall(r'name="finding" value="(\d+)"', content)


def total_of_page(client, query):
    content = client.get(f"/findings/?{query}").content.decode()
    return int(re.search(r'class="cnt"[^>]*><b>([\d,]+)', content).group(1).replace(",", ""))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sort=due",
        "sort=newest",
        "sort=oldest&severity=LOW",
        "status=OPEN&status=PASSED",
        "severity=CRITICAL&area=DATA_PROTECTION&sla=OVERDUE",
        "q=bucket",
    ],
)
def test_the_file_has_the_rows_the_order_and_the_count_of_the_page(engineer, world, query):
    if "q=" in query:
        factories.write_words()
    shown = ids_of_page(engineer, query)
    assert [row["id"] for row in rows_of(engineer.get(f"/findings/export.csv?{query}"))] == shown
    as_json = json.loads(body(engineer.get(f"/findings/export.json?{query}")))
    assert [str(row["id"]) for row in as_json] == shown
    assert total_of_page(engineer, query) == len(shown) > 0


def test_every_facet_adds_up_to_the_rows_of_the_file(engineer, world):
    """Page = export = sum over a facet, for each facet that has one value for every finding."""
    user = factories.security_engineer()
    filters = Filters(severities=("CRITICAL",))
    summary = counts.summary(user, filters, now=NOW)
    rows = rows_of(engineer.get("/findings/export.csv?severity=CRITICAL"))
    assert summary.total.findings == len(rows) == 6
    for shown in summary.facets:
        if shown.name not in ("severity", "status", "ou"):
            facet = counts.facet(user, filters, shown.name, now=NOW)
            assert sum(choice.findings for choice in facet.choices) == len(rows), facet.name


def test_the_names_of_the_columns_are_a_promise(engineer, world):
    header = body(engineer.get("/findings/export.csv")).partition("\r\n")[0]
    assert header == ",".join(export.FIELDS)
    assert header.startswith(
        "id,severity,title,status,workflow,compliance,record_state,control_id,area,product,"
        "account_id,account_name,ou,environment,team,region,resource_type,resource_id"
    )


def test_a_title_can_be_no_formula_and_no_second_cell(engineer, world):
    rows = rows_of(engineer.get("/findings/export.csv?status=PASSED"))
    titles = {row["title"] for row in rows}
    assert titles == {f"'{title}" for title in HOSTILE[:-1]} | {HOSTILE[-1]}
    as_json = json.loads(body(engineer.get("/findings/export.json?status=PASSED")))
    assert {row["title"] for row in as_json} == set(HOSTILE)


def test_times_are_utc_and_what_is_not_known_is_empty(engineer, world):
    row = rows_of(engineer.get("/findings/export.csv?severity=CRITICAL"))[0]
    assert row["opened_at"] == "2026-11-11T12:00:00Z"
    assert row["is_public"] == "" and row["is_excepted"] == "false"
    found = json.loads(body(engineer.get("/findings/export.json?severity=CRITICAL")))[0]
    assert found["is_public"] is None and found["is_excepted"] is False


def test_a_selection_is_exported_alone(engineer, world):
    shown = ids_of_page(engineer, "")
    query = urlencode([("finding", shown[2]), ("finding", shown[0]), ("finding", "x")])
    rows = rows_of(engineer.get(f"/findings/export.csv?severity=MEDIUM&{query}"))
    assert [row["id"] for row in rows] == [shown[0], shown[2]]


def test_people_export_what_they_may_see(client, world):
    client.force_login(factories.team_member(team=world["team"]))
    rows = rows_of(client.get("/findings/export.csv"))
    assert {row["account_name"] for row in rows} == {"payments-api"} and len(rows) == 6
    foreign = Finding.objects.exclude(account=world["mine"]).first()
    assert rows_of(client.get(f"/findings/export.csv?finding={foreign.pk}")) == []


def test_nothing_found_is_a_whole_file_too(engineer, world):
    assert rows_of(engineer.get("/findings/export.csv?severity=MEDIUM")) == []
    assert json.loads(body(engineer.get("/findings/export.json?severity=MEDIUM"))) == []


def test_the_file_has_a_name_and_is_kept_by_nobody(engineer, world):
    response = engineer.get("/findings/export.csv")
    assert response["Content-Disposition"] == 'attachment; filename="findings-2026-11-20-1200.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert response.streaming


def test_rows_are_read_by_one_cursor_as_they_are_sent(engineer, world):
    rows = Finding.objects.order_by("pk")
    with CaptureQueriesContext(connection) as queries:
        records = export.records(rows)
        assert len(queries) == 0
        first = next(records)
        records.close()
    assert first[0] == rows[0].pk
    assert sum("SELECT" in query["sql"] for query in queries.captured_queries) <= 1
