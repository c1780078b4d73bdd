"""The inbox and one drift: who sees what, what is first, and what people can decide."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission

from invariants.models import Drift, DriftRun
from invariants.queries import drift as queries
from inventory.models import OrgPolicy
from posture.models import AuditEntry
from tests import factories
from tests.invariants.drift.pictures import LEAVE, USERS
from tests.invariants.drift.test_keeping import invariant

NOW = factories.NOW
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def drifted(**changes):
    number = factories.number()
    values = {
        "organization": factories.organization(),
        "kind": "CONTENT",
        "key": f"{number:064x}",
        "policy_type": "SERVICE_CONTROL_POLICY",
        "policy_name": "deny-leaving",
        "severity": "HIGH",
        "summary": f"Something is different ({number}).",
        "before": '{\n  "a": 1,\n  "b": 2\n}',
        "after": '{\n  "a": 1,\n  "b": 3\n}',
        "first_seen": NOW - 3 * DAY,
        "last_seen": NOW,
        "changed_since": NOW - 3 * DAY,
    }
    return Drift.objects.create(**(values | changes))


@pytest.fixture(autouse=True)
def clock():
    factories.root()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(client):
    user = factories.security_engineer()
    client.force_login(user)
    return user


def shown(client, query=""):
    return [row.pk for row in client.get(f"/invariants/drift/{query}").context["found"].page.rows]


def test_the_worst_and_then_the_oldest_come_first(client, engineer):
    low = drifted(severity="LOW", first_seen=NOW - 90 * DAY)
    young = drifted(severity="CRITICAL")
    old = drifted(severity="CRITICAL", first_seen=NOW - 9 * DAY)
    drifted(ended_at=NOW)
    assert shown(client) == [old.pk, young.pk, low.pk]


def test_filters_narrow_and_what_is_wrong_in_them_is_said(client, engineer):
    mine = invariant()
    content = drifted(invariant=mine, first_seen=NOW - 40 * DAY)
    missing = drifted(kind="MISSING_IN_AWS", first_seen=NOW)
    ended = drifted(ended_at=NOW)
    accepted = drifted(state="ACCEPTED", decided_by_name="m", decided_at=NOW, decided_why="Agreed.")
    assert shown(client, "?kind=MISSING_IN_AWS") == [missing.pk]
    assert shown(client, "?invariant=acct-leave-org") == [content.pk]
    assert shown(client, "?age=30d") == [content.pk]
    assert shown(client, "?age=new") == [missing.pk]
    assert shown(client, "?state=ended") == [ended.pk]
    assert shown(client, "?state=accepted") == [accepted.pk]
    answer = client.get("/invariants/drift/?kind=NONSENSE")
    assert "There is no such kind; all are shown." in answer.content.decode()
    counts = answer.context["found"].standings
    assert counts == {"open": 2, "explained": 0, "accepted": 1, "ended": 1}


def test_an_empty_inbox_says_whether_anything_was_compared(client, engineer):
    assert "Nothing was compared yet" in client.get("/invariants/drift/").content.decode()
    counts = {"unreadable": [], "classes": {"CUSTOMER": 4, "AWS_MANAGED": 2, "CONTROL_TOWER": 3}}
    DriftRun.objects.create(
        organization=factories.organization(), at=NOW - DAY, state="COMPLETE", counts=counts
    )
    text = client.get("/invariants/drift/").content.decode()
    assert "No open drift that you may see" in text
    assert "2 managed by AWS, 3 of AWS Control Tower" in text


def test_the_inbox_says_what_could_not_be_read(client, engineer):
    organization = factories.organization()
    OrgPolicy.objects.create(
        organization=organization, policy_id="p-x", name="half a text", type="T", changed_at=NOW
    )
    runs = DriftRun.objects
    counts = {"unreadable": ["p-x"]}
    runs.create(organization=organization, at=NOW - 2 * DAY, state="COMPLETE", counts=counts)
    runs.create(organization=organization, at=NOW - DAY, state="SKIPPED", why="Denied: ListRoots.")
    text = client.get("/invariants/drift/").content.decode()
    assert "Not compared since 18 Nov 2026" in text
    assert "Denied: ListRoots." in text
    assert "half a text" in text


def test_who_sees_one_ou_sees_the_drift_of_its_accounts_and_no_policy(client):
    ou = factories.ou()
    account = factories.account(ou=ou)
    mine = drifted(kind="ATTACHMENT", account=account, target_id=account.account_id)
    other = drifted()
    client.force_login(factories.ou_reader(ou=ou))
    assert shown(client) == [mine.pk]
    assert client.get(f"/invariants/drift/{mine.pk}/").status_code == 200
    assert client.get(f"/invariants/drift/{other.pk}/").status_code == 404
    found = client.get(f"/invariants/drift/{mine.pk}/").context["found"]
    assert (found.commands, found.terraform, found.accept) == (None, None, None)
    lines = b"".join(client.get("/invariants/drift/export.csv").streaming_content).decode()
    assert mine.summary in lines
    assert other.summary not in lines
    client.force_login(factories.stranger())
    assert shown(client) == []
    client.logout()
    assert client.get("/invariants/drift/").status_code == 302


def test_one_drift_shows_its_diff_who_did_it_and_what_to_do(client, engineer):
    policy = factories.policy(target="r-ab12", content=json.dumps(USERS)).policy
    row = drifted(
        invariant=invariant("iam-no-users", USERS),
        policy=policy,
        changed_by="luca as OrgAdmin",
        changed_at=NOW - 4 * DAY,
        event_id="e-1",
        event_name="UpdatePolicy",
        restore={"content": json.dumps(USERS)},
    )
    text = client.get(f"/invariants/drift/{row.pk}/").content.decode()
    assert (
        '<span class="l del" data-n="3"><span class="vh">removed: </span>  &quot;b&quot;: 2</span>'
        in text
    )
    assert '<span class="vh">added: </span>' in text
    assert "luca as OrgAdmin" in text
    assert f"aws organizations update-policy --policy-id {policy.policy_id}" in text
    assert "overrides: &quot;iam-no-users&quot;" in text
    assert "aws_organizations_policy" in text


def test_it_opens_as_a_drawer_and_closing_it_leaves_the_list(client, engineer):
    row = drifted()
    headers = {"HX-Request": "true", "HX-Target": "drawer"}
    drawer = client.get(f"/invariants/drift/{row.pk}/", headers=headers)
    assert "<html" not in drawer.content.decode()
    assert "data-drawer-close" in drawer.content.decode()
    assert client.get("/invariants/drift/", headers=headers).content.strip() == b""


def test_accepting_needs_a_reason_and_is_written_down_with_who(client, engineer):
    row = drifted()
    address = f"/invariants/drift/{row.pk}/accept/"
    seen = row.changed_since.isoformat()
    assert client.post(address, {"why": "", "seen": seen}).status_code == 422
    assert Drift.objects.get().state == "OPEN"
    assert client.post(address, {"why": "The vendor needs it.", "seen": seen}).status_code == 302
    found = Drift.objects.get()
    assert (found.state, found.decided_by, found.decided_why) == (
        "ACCEPTED",
        engineer,
        "The vendor needs it.",
    )
    assert shown(client) == []
    entry = AuditEntry.objects.filter(event="drift_decided").latest("pk")
    assert entry.who_name == engineer.get_username()
    assert client.post(f"/invariants/drift/{row.pk}/reopen/").status_code == 302
    assert shown(client) == [row.pk]


def test_what_has_changed_since_it_was_looked_at_is_not_accepted(client, engineer):
    row = drifted()
    seen = row.changed_since.isoformat()
    Drift.objects.update(changed_since=NOW)
    answer = client.post(f"/invariants/drift/{row.pk}/accept/", {"why": "Fine.", "seen": seen})
    assert answer.status_code == 422
    assert "It has changed again since you opened it" in answer.content.decode()
    assert Drift.objects.get().state == "OPEN"


def test_an_owner_and_a_note_can_be_given_while_it_lasts(client, engineer):
    row = drifted()
    address = f"/invariants/drift/{row.pk}/assign/"
    assert client.post(address, {"owner": "Priya", "note": "Asked."}).status_code == 302
    assert (Drift.objects.get().owner, Drift.objects.get().note) == ("Priya", "Asked.")
    Drift.objects.update(ended_at=NOW)
    assert client.post(address, {"owner": "Ines"}).status_code == 422
    assert Drift.objects.get().owner == "Priya"


@pytest.mark.parametrize("what", ["accept", "reopen", "assign"])
def test_deciding_is_for_those_with_the_right_and_only_by_post(client, what):
    row = drifted()
    address = f"/invariants/drift/{row.pk}/{what}/"
    client.force_login(factories.person(role="Auditor"))
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    client.force_login(factories.stranger())
    assert client.post(address).status_code == 403
    client.force_login(factories.security_engineer())
    assert client.post(f"/invariants/drift/{2**40}/{what}/").status_code == 404
    assert client.post(f"/invariants/drift/{2**70}/{what}/").status_code == 404
    assert Drift.objects.get().state == "OPEN"


def test_the_right_has_a_role():
    assert Permission.objects.filter(codename="manage_drift").exists()


def test_the_inbox_costs_the_same_for_one_and_for_thirty(
    client, engineer, django_assert_num_queries
):
    drifted(invariant=invariant())
    queries.inbox(engineer, queries.Filters(), cursor_text="", now=NOW)
    with django_assert_num_queries(6):
        queries.inbox(engineer, queries.Filters(), cursor_text="", now=NOW)
    for _ in range(29):
        drifted(policy=factories.policy(target="r-ab12", content=json.dumps(LEAVE)).policy)
    with django_assert_num_queries(6):
        found = queries.inbox(engineer, queries.Filters(), cursor_text="", now=NOW)
    assert len(found.page.rows) == 30


def test_long_lists_are_paged(client, engineer):
    for _ in range(queries.PAGE_SIZE + 2):
        drifted()
    first = client.get("/invariants/drift/").context
    assert len(first["found"].page.rows) == queries.PAGE_SIZE
    second = client.get(f"/invariants/drift/?{first['next_query']}").context["found"].page
    assert len(second.rows) == 2
    assert second.previous_cursor


def test_counts_agree_on_the_badge_the_page_and_the_invariant(client, engineer):
    mine = invariant()
    drifted(invariant=mine)
    drifted(invariant=mine, ended_at=NOW)
    drifted()
    answer = client.get("/invariants/drift/")
    assert answer.context["found"].total == answer.context["shell"].open_drift == 2
    assert queries.open_by_invariant(engineer) == {mine.pk: 1}
    assert len(queries.of_invariant(engineer, mine)) == 1
    lines = b"".join(client.get("/invariants/drift/export.csv").streaming_content)
    assert len(lines.decode().strip().splitlines()) == 3
