"""Invariants on the pages of accounts and OUs and in the API: one evaluation, the same numbers everywhere."""

import copy
import csv
import io
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse

from invariants.api import coverage as accounts
from invariants.api import register
from invariants.evaluation import coverage
from invariants.models import Coverage, Invariant, OuCoverage
from invariants.queries import sections
from inventory.models import Account, Organization
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures import coverage as fixtures

pytestmark = pytest.mark.django_db
API = "/api/v1"
KEYS = ("acct-leave-org", "kms-delete", "mon-cloudtrail")
SIGN_IN = "posture.actions.sign_in.backend.Backend"


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    """The catalogue takes a while to load and to evaluate: once for all of these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def world(built, db):
    """Three invariants in force: one holds everywhere, one below Workloads, one nowhere."""
    return copy.deepcopy(built)


def build():
    root = factories.root()
    workloads = factories.ou(name="Workloads")
    sandbox = factories.ou(name="Sandbox", role="SANDBOX")
    team = factories.team(slug="payments")
    accounts = {
        "shop": factories.account(ou=workloads, name="shop", team=team),
        "till": factories.account(ou=workloads, name="till"),
        "toys": factories.account(ou=sandbox, name="toys"),
        "payer": factories.account(ou=root, name="payer", account_id="100000000001"),
    }
    for ou in (root, workloads, sandbox):
        factories.ou_day(ou=ou)
    for account in accounts.values():
        factories.account_day(account=account)
    fixtures.catalogue()
    fixtures.full_access(
        root.ou_id, workloads.ou_id, sandbox.ou_id, *(one.account_id for one in accounts.values())
    )
    fixtures.of_invariant("acct-leave-org", root.ou_id)
    fixtures.of_invariant("kms-delete", workloads.ou_id)
    fixtures.in_force(*KEYS)
    fixtures.reading(NOW)
    run = coverage.run(Organization.objects.get(), now=NOW)
    assert run.state == "COMPLETE"
    return {"root": root, "workloads": workloads, "sandbox": sandbox, "team": team, **accounts}


@pytest.fixture
def engineer(client, world):
    client.force_login(factories.security_engineer(), backend=SIGN_IN)
    return client


@pytest.fixture
def member(client, world):
    client.force_login(factories.team_member(team=world["team"]), backend=SIGN_IN)
    return client


def states(section):
    return {row.key: row.state for row in section.rows}


def test_an_account_shows_its_invariants_the_worst_first_with_policy_and_reason(engineer, world):
    page = engineer.get(reverse("posture:account", args=[world["shop"].account_id]))
    section = page.context["page"].invariants
    assert states(section) == {
        "acct-leave-org": "ENFORCED",
        "kms-delete": "ENFORCED",
        "mon-cloudtrail": "MISSING",
    }
    assert section.rows[0].key == "mon-cloudtrail"
    assert section.counts.total == 3
    text = page.content.decode()
    assert 'href="/invariants/mon-cloudtrail/"' in text
    assert "attached to Workloads" in text
    assert "{account}" not in text


def test_drafts_and_retired_invariants_are_not_claimed(engineer, world):
    Invariant.objects.filter(key="mon-cloudtrail").update(state="RETIRED")
    page = engineer.get(reverse("posture:account", args=[world["shop"].account_id]))
    assert "mon-cloudtrail" not in states(page.context["page"].invariants)


def test_the_management_account_says_that_nothing_can_be_enforced(engineer, world):
    page = engineer.get(reverse("posture:account", args=[world["payer"].account_id]))
    assert set(states(page.context["page"].invariants).values()) == {"NOT_ENFORCEABLE"}
    assert "No SCP and no RCP reaches it" in page.content.decode()


def test_a_member_sees_their_account_and_no_name_from_above_it(member, world):
    page = member.get(reverse("posture:account", args=[world["shop"].account_id]))
    section = page.context["page"].invariants
    assert states(section)["kms-delete"] == "ENFORCED"
    assert {row.level for row in section.rows} <= {"", "Workloads"}
    other = reverse("posture:account", args=[world["toys"].account_id])
    assert member.get(other).status_code == 404


def test_a_day_that_is_over_has_its_states_and_says_that_reasons_are_not_kept(engineer, world):
    later = NOW + timedelta(days=3)
    fixtures.of_invariant("mon-cloudtrail", world["root"].ou_id)
    fixtures.reading(later)
    coverage.run(Organization.objects.get(), now=later)
    user, account = factories.security_engineer(), Account.objects.get(name="shop")
    now = sections.of_account(user, account)
    then = sections.of_account(user, account, day=DAY)
    before = sections.of_account(user, account, day=DAY - timedelta(days=1))
    assert states(now)["mon-cloudtrail"] == "ENFORCED"
    assert states(then)["mon-cloudtrail"] == "MISSING"
    assert then.rows[0].reason == ""
    assert before.groups == ()


def test_a_scorecard_shows_what_is_counted_below_it_and_children_add_up(engineer, world):
    found = {}
    for name in ("root", "workloads", "sandbox"):
        page = engineer.get(reverse("posture:scorecard", args=[world[name].ou_id]))
        found[name] = page.context["invariants"]
    below = found["workloads"].counts + found["sandbox"].counts
    # The payer is right below the root, and nothing can be enforced there.
    assert found["root"].counts.in_scope == below.in_scope
    assert found["root"].counts.protected == below.protected
    assert found["root"].counts.not_enforceable == 3
    assert found["workloads"].worst[0].key == "mon-cloudtrail"
    assert found["workloads"].percent == pytest.approx(100 * 4 / 6)
    text = page.content.decode()
    assert "pairs of account and invariant hold" in text


def test_a_scorecard_of_a_day_that_is_over_says_that_no_sums_are_kept(engineer, world):
    factories.ou_day(ou=world["workloads"], day=DAY - timedelta(days=2))
    factories.account_day(account=world["shop"], day=DAY - timedelta(days=2))
    address = reverse("posture:scorecard", args=[world["workloads"].ou_id])
    page = engineer.get(f"{address}?as_of={DAY - timedelta(days=2)}")
    assert page.context["invariants"] is None
    assert "Kept of the present alone" in page.content.decode()


def test_the_overview_counts_the_accounts_that_one_sees(engineer, world):
    whole = sections.in_short(factories.security_engineer(username="other"))
    mine = sections.in_short(factories.team_member(team=world["team"], username="mine"))
    assert whole.counts.total == 3 * 4
    assert (mine.counts.total, mine.counts.enforced, mine.counts.missing) == (3, 2, 1)
    assert "Invariants" in engineer.get("/").content.decode()


@pytest.mark.parametrize("who", ["engineer", "member"])
def test_page_api_export_and_rows_say_the_same(request, who, world):
    """For who sees all of it, and for who sees one account."""
    client = request.getfixturevalue(who)
    rows = client.get(f"{API}/invariants/?limit=200&state=ENFORCED").json()["results"]
    assert {row["key"] for row in rows} == set(KEYS)
    exported = client.get(reverse("invariants:list_csv") + "?state=ENFORCED").getvalue().decode()
    lines = {line["key"]: line for line in csv.DictReader(io.StringIO(exported.lstrip("\ufeff")))}
    page = client.get(reverse("invariants:list") + "?state=ENFORCED")
    shown = {row.key: row.counts for row in page.context["found"].rows}
    for row in rows:
        key, counts = row["key"], row["counts"]
        accounts = client.get(f"{API}/invariants/{key}/accounts/?limit=200").json()["results"]
        by_state = {
            state.lower(): sum(1 for one in accounts if one["state"] == state)
            for state in Coverage.State.values
        }
        told = {name: counts[name] for name in by_state}
        assert told == by_state
        assert shown[key].enforced == counts["enforced"] == int(lines[key]["accounts enforced"])
        assert shown[key].missing == counts["missing"] == int(lines[key]["accounts missing"])
        detail = client.get(f"{API}/invariants/{key}/").json()
        assert detail["counts"] == counts
        if who == "engineer":
            ous = client.get(f"{API}/invariants/{key}/ous/").json()["results"]
            top = next(ou for ou in ous if ou["depth"] == 0)
            assert {name: top["counts"][name] for name in by_state} == by_state
            stored = OuCoverage.objects.get(ou=world["root"], invariant__key=key)
            assert stored.enforced == counts["enforced"]


def test_the_account_says_the_same_in_the_api(engineer, world):
    found = engineer.get(f"{API}/accounts/{world['shop'].account_id}/").json()["invariants"]
    assert {one["key"]: one["state"] for one in found} == {
        "acct-leave-org": "ENFORCED",
        "kms-delete": "ENFORCED",
        "mon-cloudtrail": "MISSING",
    }


def test_policies_moves_and_problems_are_for_who_sees_the_whole_organisation(member, world):
    assert member.get(f"{API}/invariants/kms-delete/").json()["demand"] is None
    for path in (
        "invariants/kms-delete/versions/",
        "invariants/kms-delete/moves/",
        "catalogue-problems/",
    ):
        response = member.get(f"{API}/{path}")
        assert response.status_code == 403
        assert "See the whole organisation" in response.json()["detail"]


def test_who_sees_it_all_reads_the_policy_the_versions_and_the_moves(engineer, world):
    demand = engineer.get(f"{API}/invariants/kms-delete/").json()["demand"]
    assert "kms:ScheduleKeyDeletion" in demand["policy"]
    versions = engineer.get(f"{API}/invariants/kms-delete/versions/").json()["results"]
    assert [one["number"] for one in versions] == [1]
    assert engineer.get(f"{API}/invariants/kms-delete/moves/").json()["results"] == []
    assert engineer.get(f"{API}/catalogue-problems/").json()["results"] == []


def test_accounts_of_an_invariant_are_paged_and_narrowed(engineer, world):
    address = f"{API}/invariants/mon-cloudtrail/accounts/"
    first = engineer.get(address, {"limit": 2}).json()
    rest = engineer.get(address, {"limit": 2, "cursor": first["next"]}).json()
    names = [one["name"] for one in first["results"] + rest["results"]]
    assert names == ["payer", "shop", "till", "toys"]
    assert rest["next"] is None
    missing = engineer.get(address, {"state": "MISSING", "ou": world["sandbox"].ou_id}).json()
    assert [one["name"] for one in missing["results"]] == ["toys"]
    assert engineer.get(address, {"state": "SOMEHOW"}).status_code == 400
    assert engineer.get(address, {"ou": "ou-ab12-99999999"}).status_code == 404


def test_an_answer_that_has_not_changed_is_304(engineer, world, time_machine):
    time_machine.move_to(NOW, tick=False)
    first = engineer.get(f"{API}/invariants/", {"limit": 2})
    assert first.json()["next"]
    # A cursor names its page and not the second in which it was given out.
    time_machine.move_to(NOW + timedelta(seconds=2), tick=False)
    again = engineer.get(
        f"{API}/invariants/", {"limit": 2}, headers={"If-None-Match": first["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("resource", "address"),
    [
        (register.InvariantList, "invariants/"),
        (accounts.InvariantAccountList, f"invariants/{KEYS[1]}/accounts/"),
    ],
)
def test_the_example_of_the_description_has_the_shape_of_the_answer(
    engineer, world, resource, address
):
    found = engineer.get(f"{API}/{address}").json()
    assert set(resource.example) == set(found)
    shown, told = resource.example["results"][0], found["results"][0]
    assert {
        name: type(value) for name, value in shown.items() if value is not None
    }.keys() == told.keys()
