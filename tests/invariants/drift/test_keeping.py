"""A drift is one row from the first collection that saw it to the last, whatever happens in between."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from invariants import tasks
from invariants.evaluation import drift
from invariants.models import Drift, DriftRun, Invariant, InvariantVersion
from inventory.models import Collection, CollectionRun, PolicyAttachment
from tests import factories
from tests.invariants.drift.pictures import LEAVE, USERS

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SCP = "SERVICE_CONTROL_POLICY"
pytestmark = pytest.mark.django_db


def invariant(key="acct-leave-org", policy=LEAVE, state="ENFORCED", targets=None, **changes):
    row = Invariant.objects.create(
        organization=factories.organization(),
        key=key,
        state=state,
        state_since=NOW,
        **{
            "statement": f"{key} holds.",
            "why": "",
            "type": SCP,
            "type_name": "Service control policy",
            "severity": "HIGH",
            "area": "IDENTITY",
            "owner": "cloud-security",
            "is_mandatory": True,
        }
        | changes,
    )
    row.version = InvariantVersion.objects.create(
        invariant=row,
        number=1,
        declared=1,
        digest=f"{row.pk:064x}",
        content={"policy": policy, "targets": targets or {"root": True}, "must_set": []},
        loaded_at=NOW,
    )
    row.save(update_fields=["version"])
    return row


def attach(policy, target_id="r-ab12", kind="ROOT"):
    return PolicyAttachment.objects.create(
        policy=policy, target_id=target_id, target_kind=kind, since=NOW - DAY
    )


@pytest.fixture
def organization():
    factories.root()
    row = factories.organization()
    row.enabled_policy_types = [SCP]
    row.save()
    return row


def policy(content=LEAVE, **changes):
    values = {"target": "r-ab12", "target_kind": "ROOT", "content": json.dumps(content)}
    return factories.policy(**(values | changes)).policy


def edited(row, content):
    row.content = content if isinstance(content, str) else json.dumps(content)
    row.save(update_fields=["content"])


def other(text="organizations:DescribeOrganization"):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": ["organizations:LeaveOrganization", text],
                "Resource": "*",
            }
        ],
    }


def collection(state="COMPLETE", *, is_full=True, error="", at=NOW):
    row = Collection.objects.create(as_of=at, state=Collection.State.COMPLETE)
    CollectionRun.objects.create(
        collection=row, source="ORGANIZATIONS", state=state, is_full=is_full, error=error
    )
    return row


def test_what_lasts_is_one_row_whose_first_day_never_moves(organization):
    row = policy(other())
    mine = invariant()
    assert drift.evaluate(organization, now=NOW).opened == (Drift.objects.get().pk,)
    assert drift.evaluate(organization, now=NOW + DAY) == drift.Result()
    found = Drift.objects.get()
    assert (found.kind, found.invariant, found.policy) == ("CONTENT", mine, row)
    assert (found.first_seen, found.last_seen, found.ended_at) == (NOW, NOW + DAY, None)
    assert (found.absent_at, found.changed_since) == (None, NOW)


def test_doing_it_twice_changes_nothing(organization):
    policy(other())
    invariant()
    drift.evaluate(organization, now=NOW)
    before = Drift.objects.values().get()
    drift.evaluate(organization, now=NOW)
    assert Drift.objects.values().get() == before


def test_what_is_put_right_ends_and_what_comes_again_is_another(organization):
    row = policy()
    invariant()
    drift.evaluate(organization, now=NOW)
    assert not Drift.objects.exists()
    edited(row, other())
    drift.evaluate(organization, now=NOW + DAY)
    assert Drift.objects.get().absent_at == NOW
    edited(row, LEAVE)
    assert len(drift.evaluate(organization, now=NOW + 2 * DAY).ended) == 1
    assert Drift.objects.get().ended_at == NOW + 2 * DAY
    edited(row, other())
    drift.evaluate(organization, now=NOW + 3 * DAY)
    assert Drift.objects.count() == 2
    assert Drift.objects.lasting().get().first_seen == NOW + 3 * DAY


def test_what_changes_again_is_the_same_drift_but_open_and_by_somebody_else(organization):
    row = policy(other())
    invariant()
    drift.evaluate(organization, now=NOW)
    Drift.objects.update(
        state="ACCEPTED",
        decided_by_name="Marta",
        decided_at=NOW,
        decided_why="Agreed.",
        changed_by="luca",
        changed_at=NOW,
        who_asked_at=NOW,
    )
    drift.evaluate(organization, now=NOW + DAY)
    assert Drift.objects.get().state == "ACCEPTED"
    edited(row, other("organizations:ListRoots"))
    drift.evaluate(organization, now=NOW + 2 * DAY)
    found = Drift.objects.get()
    assert (found.state, found.changed_by, found.who_asked_at) == ("OPEN", "", None)
    assert (found.first_seen, found.changed_since) == (NOW, NOW + 2 * DAY)
    assert found.absent_at == NOW + DAY


def test_one_refused_text_does_not_stop_the_comparison_of_the_others(organization):
    """Whoever can refuse the reading of one policy could otherwise hide every other change."""
    policy("")
    row = policy(LEAVE)
    invariant()
    drift.of_collection(organization, collection("PARTIAL"), now=NOW)
    assert not Drift.objects.exists()
    edited(row, other())
    broken = collection("PARTIAL", error="DescribePolicy was denied.")
    drift.of_collection(organization, broken, now=NOW + DAY)
    assert Drift.objects.get().kind == "CONTENT"


@pytest.mark.parametrize("state", ["DENIED", "FAILED", "NOT_CONFIGURED"])
def test_a_reading_that_broke_off_neither_opens_nor_ends(organization, state):
    row = policy(other())
    invariant()
    drift.evaluate(organization, now=NOW)
    before = Drift.objects.values().get()
    edited(row, LEAVE)
    policy(USERS, name="tmp")
    broken = collection(state, error="ListPolicies was denied.")
    assert drift.of_collection(organization, broken, now=NOW + DAY) == drift.Result()
    assert Drift.objects.values().get() == before
    run = DriftRun.objects.order_by("-at").first()
    assert (run.state, run.why) == ("SKIPPED", "ListPolicies was denied.")
    whole = collection()
    changed = drift.of_collection(organization, whole, now=NOW + 2 * DAY)
    assert (len(changed.opened), len(changed.ended)) == (1, 1)


def test_a_pass_without_policies_compares_nothing(organization):
    policy(other())
    invariant()
    assert drift.of_collection(organization, collection(is_full=False), now=NOW) is None
    assert not DriftRun.objects.exists()


def test_an_unreadable_text_holds_what_was_and_opens_nothing(organization):
    row = policy(other())
    mine = invariant()
    users = invariant("iam-no-users", USERS)
    drift.evaluate(organization, now=NOW)
    assert {(d.kind, d.invariant) for d in Drift.objects.all()} == {
        ("CONTENT", mine),
        ("MISSING_IN_AWS", users),
    }
    edited(row, '{"Version": "2012-')
    changed = drift.evaluate(organization, now=NOW + DAY)
    assert changed == drift.Result()
    assert set(Drift.objects.values_list("last_seen", flat=True)) == {NOW}
    counts = DriftRun.objects.order_by("-at").first().counts
    assert (counts["held"], counts["unreadable"]) == (2, [row.policy_id])


def test_drift_of_an_account_is_for_its_people_and_the_rest_for_who_sees_everything(organization):
    ou = factories.ou()
    account = factories.account(ou=ou)
    row = policy(other())
    attach(row, account.account_id, "ACCOUNT")
    attach(row, ou.ou_id, "OU")
    invariant(targets={"ou_roles": ["SANDBOX"]})
    drift.evaluate(organization, now=NOW)
    assert Drift.objects.count() == 4
    stranger, member = factories.stranger(), factories.ou_reader(ou=ou)
    everything = factories.security_engineer()
    assert not Drift.objects.visible_to(AnonymousUser()).exists()
    assert not Drift.objects.visible_to(stranger).exists()
    assert [d.target_id for d in Drift.objects.visible_to(member)] == [account.account_id]
    assert Drift.objects.visible_to(everything).count() == 4


def test_the_number_of_statements_does_not_grow_with_what_drifts(
    organization, django_assert_max_num_queries
):
    for number in range(12):
        policy(USERS, name=f"copy {number}")
    invariant()
    with django_assert_max_num_queries(20):
        drift.evaluate(organization, now=NOW)
    assert Drift.objects.count() == 13
    with django_assert_max_num_queries(20):
        drift.evaluate(organization, now=NOW + DAY)


def test_a_fault_changes_nothing_and_is_said(organization):
    policy(other())
    invariant()
    drift.evaluate(organization, now=NOW)
    before = Drift.objects.values().get()
    InvariantVersion.objects.update(content={"policy": {}})
    assert tasks.compare_drift(collection(), now=NOW + DAY) == {}
    assert Drift.objects.values().get() == before
    run = DriftRun.objects.order_by("-at").first()
    assert (run.state, "fault of Parapet's own" in run.why) == ("SKIPPED", True)
