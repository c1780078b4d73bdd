"""The same numbers and the same findings by the API, on the page, in the file, and in every facet."""

import csv
import io
import itertools
import re
from urllib.parse import urlencode

import pytest
import time_machine

from findings.queries import counts, listing
from findings.queries.filters import Filters
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
    results, first = all_of(client, query)
    exported = b"".join(client.get(f"/findings/export.csv?{query}").streaming_content).decode()
    file = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert [str(one["id"]) for one in results] == [row["id"] for row in file]
    content = client.get(f"/findings/?{query}").content.decode()
    shown = re.search(r'class="cnt"[^>]*><b>([\d,]+)', content).group(1)
    assert first["total"] == len(results) == int(shown.replace(",", "")) > 0
    for name in ("region", "type", "product", "exposure"):
        assert sum(choice["findings"] for choice in first["facets"][name]) == first["total"]


def test_a_person_gets_the_findings_of_their_accounts_only(client, world):
    client.force_login(factories.team_member(team=world.team))
    results, first = all_of(client, "")
    assert {one["account_name"] for one in results} == {"payments-api"}
    assert "web" not in str(first)
    client.force_login(factories.person(role="Team member"))
    assert client.get(API).json()["results"] == []


def test_a_wrong_value_is_named_and_left_out(client, world):
    user = factories.security_engineer()
    client.force_login(user)
    found = client.get(f"{API}?severity=BAD&cursor=zz").json()
    assert found["total"] == counts.total(user, Filters(), now=NOW).findings
    assert any("BAD" in message for message in found["messages"])
