"""The API and the pages say the same, to the same people, of any day."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Account
from inventory.queries import runs
from posture.models import KpiPoint
from posture.queries import (
    account_page,
    accounts,
    coverage,
    kpi_pages,
    kpis,
    organization,
    scorecard,
)
from posture.queries.accounts import AccountFilters
from tests import factories
from tests.browser import demo
from tests.fixtures import reviews

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def world():
    found = demo.build()
    found["day"] = found["now"].date()
    for days in range(40):
        for place, ahead in ((factories.root(), 0), (found["production"], 5)):
            KpiPoint.objects.create(
                ou=place,
                kpi="K12",
                day=found["day"] - timedelta(days=days),
                numerator=90 - days + ahead,
                denominator=100,
                covered=9,
                expected=10,
            )
    return found


@pytest.fixture
def ask(client):
    """The answer to a person, which has to be good."""

    def ask(user, path, **query):
        client.force_login(user)
        response = client.get(f"{API}{path}", query)
        assert response.status_code == 200, response.content
        return response.json()

    return ask


@pytest.fixture
def all_of(ask):
    """Every result of a list, page by page."""

    def all_of(user, path, **query):
        page = ask(user, path, **query)
        results = list(page["results"])
        while page["next"]:
            page = ask(user, path, **query, cursor=page["next"])
            assert page["previous"]
            results += page["results"]
        return results

    return all_of


def text(value):
    return None if value is None else str(value)


def says_the_same(shown, standing):
    assert (shown["score"], shown["coverage"]) == (text(standing.score), text(standing.coverage))
    assert (shown["letter"], shown["delta"]) == (standing.letter, text(standing.delta))
    assert shown["as_of"] == (standing.as_of.isoformat() if standing.as_of else None)
    if standing.figures:
        assert shown["figures"]["open_critical"] == standing.figures.open_critical
        assert shown["figures"]["failed"] == standing.figures.sums.failed


@pytest.mark.parametrize("weeks", [0, 3])
def test_the_scorecards_are_those_of_the_page(all_of, world, weeks):
    user, day = world["engineer"], world["day"] - timedelta(days=7 * weeks)
    query = {"as_of": day.isoformat()} if weeks else {}
    rows = organization.scorecards(user, day=day, is_frozen=bool(weeks))
    found = all_of(user, "/scorecards/", limit=2, **query)
    assert [one["ou_id"] for one in found] == [row.ou_id for row in rows]
    assert len(found) == 4
    for one, row in zip(found, rows, strict=True):
        says_the_same(one["standing"], row.standing)
        assert [(area["code"], area["score"]) for area in one["areas"]] == [
            (area.code, text(area.score)) for area in row.areas
        ]


@pytest.mark.parametrize("weeks", [0, 2])
def test_one_scorecard_is_that_of_the_page(ask, client, world, weeks):
    user, ou = world["engineer"], world["workloads"]
    day = world["day"] - timedelta(days=7 * weeks)
    query = {"as_of": day.isoformat()} if weeks else {}
    card = scorecard.scorecard(user, ou.ou_id, day=day, is_frozen=bool(weeks))
    found = ask(user, f"/scorecards/{ou.ou_id}/", **query)
    says_the_same(found["standing"], card.standing)
    assert found["is_frozen"] is bool(weeks)
    assert [one["control_id"] for one in found["failing"]["top"]] == [
        row.control_id for row in card.failing.top
    ]
    assert [one["points"] for one in found["failing"]["top"]] == [
        text(row.points) for row in card.failing.top
    ]
    assert [one["name"] for one in found["children"]] == [child.ou.name for child in card.children]
    assert [week["value"] for week in found["weeks"]] == [text(value) for _, value in card.trend]
    page = client.get(reverse("posture:scorecard", args=[ou.ou_id]), query).content.decode()
    assert f"{card.standing.score}" in page and found["standing"]["score"] in page


@pytest.mark.parametrize(
    "query", [{}, {"sort": "name"}, {"q": "pay"}, {"team": "payments", "environment": "production"}]
)
@pytest.mark.parametrize("who", ["engineer", "member"])
def test_the_accounts_are_those_of_the_page(ask, all_of, client, world, who, query):
    user = world[who]
    factories.account(
        ou=world["sandbox"] if "sandbox" in world else factories.root(), name="foreign"
    )
    filters = AccountFilters(**query)
    rows = accounts.listing(user, filters, cursor_text="", day=world["day"]).rows
    found = all_of(user, "/accounts/", limit=1, **query)
    assert [one["account_id"] for one in found] == [row.account_id for row in rows]
    for one, row in zip(found, rows, strict=True):
        says_the_same(one["standing"], row.standing)
    total = ask(user, "/accounts/", **query)["total"]
    assert total == len(rows) == accounts.total(user, filters)
    page = client.get(reverse("posture:accounts"), query).content.decode()
    assert all(row.account_id in page.replace(" ", "") or row.name in page for row in rows)


def test_one_account_is_that_of_the_page(ask, client, world):
    user, account = world["engineer"], world["account"]
    page = account_page.account_page(user, account.account_id, day=world["day"])
    found = ask(user, f"/accounts/{account.account_id}/")
    says_the_same(found["standing"], page.standing)
    assert [one["control_id"] for one in found["controls"]] == [
        row.control_id for row in page.controls
    ]
    assert [one["name"] for one in found["policies"]] == [row.name for row in page.policies]
    assert len(found["gaps"]) == len(page.gaps) == 1
    assert found["tags"] == [{"key": "owner", "value": "payments"}]
    past = world["day"] - timedelta(days=14)
    frozen = account_page.account_page(user, account.account_id, day=past, is_frozen=True)
    says_the_same(
        ask(user, f"/accounts/{account.account_id}/", as_of=past.isoformat())["standing"],
        frozen.standing,
    )


@pytest.mark.parametrize("place", ["", "production"])
def test_the_kpis_are_those_of_the_page(ask, all_of, client, world, place):
    user = world["engineer"]
    ou = world[place] if place else factories.root()
    query = {"ou": ou.ou_id} if place else {}
    lines = kpis.lines(user, ou, day=world["day"])
    found = all_of(user, "/kpis/", limit=7, **query)
    assert [one["kpi"] for one in found] == [line.kpi.id for line in lines]
    for one, line in zip(found, lines, strict=True):
        assert (one["value"], one["status"]) == (text(line.value), str(line.status))
        assert one["verdict"] == str(line.verdict)
        assert [week["value"] for week in one["weeks"]] == [text(value) for _, value in line.weeks]
    detail = ask(user, "/kpis/K12/", **query)
    listed = next(one for one in found if one["kpi"] == "K12")
    assert {name: detail[name] for name in listed} == listed
    assert detail["ou"] == ou.ou_id
    page = client.get(reverse("posture:kpi", args=["K12"]), query)
    assert page.context["page"].row.line.value == lines[11].value
    assert text(lines[11].value) == listed["value"]


def test_the_points_of_a_kpi_end_in_the_value_of_its_page(ask, all_of, world):
    user, day = world["engineer"], world["day"]
    found = all_of(user, "/kpis/K12/points/", limit=7)
    assert len(found) == 40
    line = kpis.line(user, "K12", factories.root(), day=day)
    assert (found[-1]["day"], found[-1]["value"]) == (day.isoformat(), text(line.value))
    assert found[-1]["amounts"]["coverage"] == text(line.coverage)
    some = {
        "from": (day - timedelta(days=9)).isoformat(),
        "to": (day - timedelta(days=3)).isoformat(),
    }
    assert all_of(user, "/kpis/K12/points/", **some) == found[-10:-3]
    other = ask(user, "/kpis/K12/points/", ou=world["production"].ou_id)
    assert other["results"][-1]["value"] == "95.0"
    weekly = kpis.history(user, "K12", factories.root(), since=day - timedelta(days=27), until=day)
    assert [found[-1 - 7 * week]["value"] for week in range(4)] == [
        text(week.value) for week in reversed(weekly.weeks)
    ]


def test_the_accounts_of_a_kpi_are_those_of_its_page(all_of, world):
    user = world["engineer"]
    page = kpi_pages.page(user, "K12", None, day=world["day"])
    found = all_of(user, "/kpis/K12/accounts/")
    assert [one["account_id"] for one in found] == [
        row.line.account_id for row in page.accounts.rows
    ]


@pytest.mark.parametrize("who", ["engineer", "member"])
def test_the_coverage_is_that_of_the_page(all_of, world, who):
    user = world[who]
    page = coverage.heat(user, "")
    found = all_of(user, "/coverage/", limit=1)
    assert [one["ou_id"] for one in found] == [row.ou_id for row in page.rows]
    for one, row in zip(found, page.rows, strict=True):
        assert [(cell["expected"], cell["on"], cell["percent"]) for cell in one["services"]] == [
            (cell.expected, cell.on, text(cell.percent)) for cell in row.cells
        ]
    column = coverage.column("guardduty")
    behind = all_of(user, "/coverage/accounts/", service="guardduty", limit=1)
    assert [one["account_id"] for one in behind] == [
        row.account_id for row in coverage.drill(user, "", column, page=1).rows
    ]
    said = {gap["words"] for one in behind for gap in one["gaps"]}
    assert "refused (guardduty:ListMembers)" in said


@pytest.mark.parametrize("who", ["engineer", "member"])
def test_the_collections_and_their_runs_are_those_of_the_page(all_of, world, who):
    user = world[who]
    past = runs.history(user)
    found = all_of(user, "/runs/", limit=1)
    assert [(one["id"], one["runs"], one["problems"]) for one in found] == [
        (row.collection_id, row.runs, row.problems) for row in past
    ]
    scopes = all_of(user, "/runs/scopes/", limit=2)
    assert [(one["source"], one["account_id"], one["state"]) for one in scopes] == [
        (scope.source, scope.account_id, scope.state) for scope in runs.scopes(user)
    ]
    denied = all_of(user, "/runs/scopes/", state="DENIED")
    assert [one["missing_permission"] for one in denied] == ["access-analyzer:ListAnalyzers"]


def test_organisations_and_ous_are_those_that_the_person_sees(ask, all_of, client, world):
    whole = ask(world["engineer"], "/organizations/")["results"]
    assert [(one["org_id"], one["root_id"]) for one in whole] == [("o-halden0001", "r-ab12")]
    (part,) = ask(world["member"], "/organizations/")["results"]
    assert (part["org_id"], part["management_account_id"]) == ("o-halden0001", None)
    assert ask(world["stranger"], "/organizations/")["results"] == []
    assert [one["name"] for one in all_of(world["engineer"], "/ous/", limit=1)] == [
        *("Halden Group", "Sandbox", "Workloads", "Production")
    ]
    reader = factories.ou_reader(ou=world["workloads"])
    below = ask(reader, "/ous/")["results"]
    assert [(one["name"], one["parent"]) for one in below] == [
        ("Workloads", ""),
        ("Production", world["workloads"].ou_id),
    ]
    one = ask(reader, f"/ous/{world['production'].ou_id}/")
    assert one == below[1]
    assert ask(reader, "/ous/", ou=world["production"].ou_id)["results"] == [one]
    assert client.get(f"{API}/ous/r-ab12/").status_code == 404


def test_of_what_is_not_theirs_people_are_told_nothing(client, world):
    foreign = factories.account(name="foreign")
    factories.account_day(account=foreign, day=world["day"])
    client.force_login(world["member"])
    hidden = (
        f"/accounts/{foreign.account_id}/",
        f"/scorecards/{world['production'].ou_id}/",
        f"/ous/{world['production'].ou_id}/",
        "/kpis/",
        "/kpis/K12/",
        "/kpis/K12/points/",
        f"/coverage/?ou={world['production'].ou_id}",
    )
    for path in hidden:
        assert client.get(f"{API}{path}").status_code == 404, path
    for path in ("/scorecards/", "/ous/"):
        assert client.get(f"{API}{path}").json()["results"] == []
    for path in ("/accounts/", "/runs/scopes/", "/coverage/accounts/", "/kpis/K12/accounts/"):
        found = client.get(f"{API}{path}")
        assert found.status_code == 200 and foreign.account_id not in found.content.decode(), path


def test_paging_is_complete_while_accounts_and_ous_come_in(client, world):
    client.force_login(world["engineer"])
    falling = (f"Aaa {number:02}" for number in range(99, 0, -1))
    for path, key, make, query in (
        ("/accounts/", "account_id", lambda: factories.account(name="aaa"), {"sort": "name"}),
        ("/ous/", "ou_id", lambda: factories.ou(name=next(falling)), {}),
        ("/runs/", "id", factories.collection, {}),
    ):
        whole = [one[key] for one in client.get(f"{API}{path}", query).json()["results"]]
        asked, read = {"limit": 1, **query}, []
        while True:
            page = client.get(f"{API}{path}", asked).json()
            read += [one[key] for one in page["results"]]
            # Before what has been read, or right behind it.
            make()
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        assert [one for one in read if one in whole] == whole, path
        assert len(set(read)) == len(read)


def test_one_may_page_back(client, world):
    client.force_login(world["engineer"])
    for path in ("/accounts/", "/ous/", "/scorecards/", "/kpis/", "/runs/"):
        first = client.get(f"{API}{path}", {"limit": 1}).json()
        second = client.get(f"{API}{path}", {"limit": 1, "cursor": first["next"]}).json()
        back = client.get(f"{API}{path}", {"limit": 1, "cursor": second["previous"]}).json()
        assert back["results"] == first["results"] != second["results"]
        assert back["previous"] is None and back["next"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/scorecards/?as_of=2999-01-01", "has not come yet"),
        ("/accounts/?as_of=1999-01-01", "is before the first data"),
        ("/accounts/?as_of=yesterday", "is no day: write it as 2026-11-06"),
        ("/scorecards/r-ab12/?as_of=2026-02-30", "is no day"),
        ("/kpis/?day=2999-01-01", "still to come"),
        ("/kpis/K12/points/?from=2026-11-20&to=2026-11-01", "is after"),
        ("/coverage/accounts/?service=ec2", "none of detection, cloudtrail"),
        ("/reviews/?state=OLD", "none of DRAFT, PUBLISHED"),
    ],
)
def test_a_day_that_there_is_not_is_refused(client, world, path, words):
    client.force_login(world["engineer"])
    response = client.get(f"{API}{path}")
    assert response.status_code == 400
    assert words in response.json()["detail"]


LISTS = (
    *("/accounts/", "/scorecards/", "/ous/", "/kpis/", "/coverage/", "/coverage/accounts/"),
    *("/runs/", "/runs/scopes/", "/reviews/", "/organizations/", "/kpis/K12/points/"),
)


def test_as_many_queries_for_many_rows_as_for_few(client, world):
    reviews.weekly_review()
    client.force_login(world["engineer"])
    client.get(f"{API}/ous/")

    def queries(path):
        with CaptureQueriesContext(connection) as found:
            assert client.get(f"{API}{path}", {"limit": 200}).status_code == 200
        return len(found)

    few = {path: queries(path) for path in LISTS}
    for number in range(20):
        place = factories.ou(parent=world["workloads"], name=f"Unit {number}")
        factories.ou_day(ou=place, day=world["day"])
        account = factories.account(ou=place)
        factories.account_day(account=account, day=world["day"])
        done = factories.collection()
        factories.run(collection=done, source="REGIONS", account_id=account.account_id)
    assert {path: queries(path) for path in LISTS} == few
    # A round number for each is in the words of its query.
    assert max(few.values()) <= 14, few


def test_the_root_leads_to_every_list(client, world):
    client.force_login(world["engineer"])
    found = client.get(f"{API}/").json()
    assert {f"{API}{path}" for path in LISTS if "K12" not in path} <= {
        one["href"] for one in found["resources"]
    }
    for one in found["resources"]:
        assert client.get(one["href"]).status_code == 200
    assert client.get(found["schema"]).status_code == client.get(found["docs"]).status_code == 200


def test_a_link_header_leads_on(client, world):
    client.force_login(world["engineer"])
    response = client.get(f"{API}/accounts/", {"limit": 2, "sort": "name"})
    query = urlencode({"limit": 2, "sort": "name", "cursor": response.json()["next"]})
    assert response["Link"] == f'<http://testserver{API}/accounts/?{query}>; rel="next"'
    assert Account.objects.count() == 3
