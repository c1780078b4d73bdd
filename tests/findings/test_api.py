"""The same numbers and the same findings by the API, on the page, in the file, and in every facet."""

import csv
import io
import itertools
import re
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings.api import findings
from findings.api.shapes import FindingShape
from findings.forms import FilterForm
from findings.models import Finding
from findings.queries import controls, detail, export, listing
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
API = "/api/v1/findings/"


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db):
    mine = factories.account(team=factories.team(slug="payments"), name="payments-api")
    accounts = (mine, factories.account(name="web"))
    controls = [factories.control(severity=severity) for severity in ("CRITICAL", "LOW")]
    for account, control in itertools.product(accounts, controls):
        for number in range(4):
            factories.finding(
                account=account, control=control, status="PASSED" if number == 3 else "OPEN"
            )
    factories.count_findings()
    return mine


def all_of(client, query):
    """Every finding of the list, page by page, and what the first page says."""
    first = found = client.get(f"{API}?{query}").json()
    results = list(first["results"])
    while found["next"]:
        found = client.get(f"{API}?{query}&{urlencode({'cursor': found['next']})}").json()
        results += found["results"]
    return results, first


@pytest.mark.parametrize(
    "query", ["", "severity=CRITICAL", "status=PASSED&status=OPEN", "account={mine}&severity=LOW"]
)
@pytest.mark.parametrize("role", ["security_engineer", "team_member"])
def test_page_api_file_and_facets_agree(client, world, monkeypatch, query, role):
    monkeypatch.setattr(listing, "PAGE_SIZE", 3)
    user = (
        factories.security_engineer()
        if role == "security_engineer"
        else factories.team_member(team=world.team)
    )
    client.force_login(user)
    query = query.format(mine=world.account_id)
    results, first = all_of(client, f"{query}&facets=true" if query else "facets=true")
    exported = b"".join(client.get(f"/findings/export.csv?{query}").streaming_content).decode()
    file = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert [str(one["id"]) for one in results] == [row["id"] for row in file]
    content = client.get(f"/findings/?{query}").content.decode()
    shown = re.search(r'class="cnt"[^>]*><b>([\d,]+)', content).group(1)
    assert first["total"] == len(results) == int(shown.replace(",", "")) > 0
    facets = {facet["name"]: facet["choices"] for facet in first["facets"]}
    for name in ("region", "type", "product", "exposure"):
        assert sum(choice["findings"] for choice in facets[name]) == first["total"]


def test_a_person_gets_the_findings_of_their_accounts_only(client, world):
    client.force_login(factories.team_member(team=world.team))
    results, first = all_of(client, "")
    assert {one["account_name"] for one in results} == {"payments-api"}
    assert "web" not in str(first)
    client.force_login(factories.person(role="Team member"))
    assert client.get(API).json()["results"] == []


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("severity=BAD", "severity", "“BAD” is none of CRITICAL, HIGH"),
        ("severity=LOW&severity=", "severity", "It is empty"),
        ("cursor=zz", "cursor", "no cursor of this list"),
        ("sort=worst&sort=due", "sort", "Give it once"),
        ("sort=best", "sort", "none of worst, due"),
        ("account=12", "account", "does not have the form"),
        ("ou=Nowhere", "ou", "There is no such organisational unit."),
        ("page=2", "page", "no such parameter here. Known: account, age"),
        ("fields=id,secret", "fields", "There is no field secret"),
        ("fields=id,", "fields", "does not have the form"),
        ("limit=201", "limit", "no whole number from 1 to 200"),
        ("facets=1", "facets", "neither true nor false"),
        ("q=%00", "q", "NUL"),
        ("product=" + "x" * 131, "product", "longer than 130"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(client, world, query, parameter, words):
    client.force_login(factories.security_engineer())
    response = client.get(f"{API}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    problem = response.json()
    assert problem["type"] == "urn:parapet:problem:bad-parameters"
    assert problem["instance"] == API
    (error,) = problem["errors"]
    assert error["parameter"] == parameter and words in error["detail"]
    assert "left out" not in error["detail"]


def test_everything_that_is_wrong_is_named_at_once(client, world):
    client.force_login(factories.security_engineer())
    problem = client.get(f"{API}?severity=BAD&limit=0&page=1").json()
    assert {error["parameter"] for error in problem["errors"]} == {"severity", "limit", "page"}


def test_the_filters_are_those_of_the_page():
    described = {one.name for one in findings.FILTERS} | {"sort", "cursor"}
    assert described == set(FilterForm.base_fields)
    assert set(FindingShape().fields) == set(export.FIELDS)


def test_only_the_fields_that_are_asked_for(client, world):
    client.force_login(factories.security_engineer())
    found = client.get(f"{API}?fields=title,severity&limit=2").json()
    assert [list(row) for row in found["results"]] == [["title", "severity"]] * 2
    assert "facets" not in found


def test_paging_is_complete_and_the_same_while_findings_come_in(client, world):
    client.force_login(factories.security_engineer())
    whole = [row["id"] for row in all_of(client, "sort=oldest")[0]]
    read, cursor = [], ""
    while cursor is not None:
        query = urlencode({"sort": "oldest", "limit": 3} | ({"cursor": cursor} if cursor else {}))
        page = client.get(f"{API}?{query}").json()
        read += [row["id"] for row in page["results"]]
        factories.finding(account=world, control=factories.control(), opened_at=NOW)
        cursor = page["next"]
    assert read[: len(whole)] == whole
    assert len(set(read)) == len(read)
    back = client.get(f"{API}?{urlencode({'sort': 'oldest', 'limit': 3})}").json()
    assert back["previous"] is None


def test_a_cursor_is_of_one_list_with_its_filters(client, world):
    client.force_login(factories.security_engineer())
    cursor = client.get(f"{API}?limit=2").json()["next"]
    for query in ("severity=LOW", "sort=due", "q=bucket"):
        problem = client.get(f"{API}?{query}&{urlencode({'cursor': cursor})}")
        assert problem.status_code == 400
        assert problem.json()["errors"][0]["parameter"] == "cursor"
    assert (
        client.get(f"{API}?{urlencode({'cursor': cursor, 'limit': 5, 'fields': 'id'})}").status_code
        == 200
    )
    elsewhere = f"/api/v1/controls/?{urlencode({'cursor': cursor})}"
    assert client.get(elsewhere).status_code == 400


def test_the_pages_are_linked(client, world):
    client.force_login(factories.security_engineer())
    response = client.get(f"{API}?limit=2&severity=LOW")
    (address,) = re.findall(r'<([^>]+)>; rel="next"', response["Link"])
    second = client.get(address)
    assert (
        second.json()
        == client.get(
            f"{API}?limit=2&severity=LOW&{urlencode({'cursor': response.json()['next']})}"
        ).json()
    )
    assert 'rel="prev"' in second["Link"]


def test_one_finding_says_what_its_page_says(client, world):
    user = factories.security_engineer()
    client.force_login(user)
    row = Finding.objects.filter(account=world, status="OPEN").order_by("pk").first()
    found = client.get(f"{API}{row.pk}/").json()
    page = detail.finding(user, row.pk, now=NOW)
    listed = next(one for one in all_of(client, "")[0] if one["id"] == row.pk)
    assert {name: found[name] for name in listed} == listed
    assert (found["control_open"], found["payload"]) == (page.control_open, page.payload)
    assert found["status_note"]["text"] == page.status.text
    assert [event["text"] for event in found["events"]] == [event.text for event in page.events]
    assert found["feed"] == row.feed
    foreign = Finding.objects.filter(account__name="web").first()
    client.force_login(factories.team_member(team=world.team))
    assert client.get(f"{API}{row.pk}/").status_code == 200
    hidden, absent = client.get(f"{API}{foreign.pk}/"), client.get(f"{API}999999999/")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["detail"] == absent.json()["detail"]


def test_controls_say_what_their_pages_say(client, world):
    user = factories.team_member(team=world.team)
    client.force_login(user)
    rows = controls.controls(user).rows
    found = client.get("/api/v1/controls/").json()["results"]
    assert [(row["control_id"], row["open_findings"]) for row in found] == [
        (row.control_id, row.open_findings) for row in rows
    ]
    one = client.get(f"/api/v1/controls/{rows[0].control_id}/").json()
    assert one["open_findings"] == rows[0].open_findings
    assert sum(line["findings"] for line in one["by_status"]) == 4
    assert client.get("/api/v1/controls/NO.1/").status_code == 404


def test_as_many_queries_for_many_findings_as_for_few(client, world):
    client.force_login(factories.security_engineer())

    def queries(query):
        with CaptureQueriesContext(connection) as found:
            assert client.get(f"{API}?{query}").status_code == 200
        return len(found)

    queries("limit=1")
    few = queries("limit=1"), queries("limit=1&facets=true")
    for _ in range(30):
        factories.finding(account=world, control=factories.control())
    factories.count_findings()
    assert (queries("limit=200"), queries("limit=200&facets=true")) == few
