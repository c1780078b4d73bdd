"""Who changed it, and what AWS says is in force: asked of the sandbox over HTTP."""

from datetime import timedelta

import pytest
import time_machine

from invariants import tasks
from invariants.evaluation import drift
from invariants.evaluation.drift import reading, values
from invariants.ingest import changers, effective_policies
from invariants.ingest.effective_policies import Question
from invariants.models import Drift, EffectivePolicyReading, OrgChangeEvent
from invariants.sources.effective_policies import read_effective_policy
from invariants.sources.organization_changes import ChangeRecord, parse_change
from inventory import aws
from inventory import tasks as inventory_tasks
from inventory.models import Collection, CollectionRun, PolicyAttachment
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.hub import NOW
from tests.invariants.drift.pictures import EC2
from tests.invariants.drift.test_pages import drifted

DAY = timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.allow_hosts(["127.0.0.1"])]


def policy(policy_id="p-1", **changes):
    return factories.policy(target="r-ab12", policy_id=policy_id, **changes).policy


def edited(row, **changes):
    """Drift that was not there a day before NOW, and was found at NOW."""
    values = {"policy": row, "changed_since": NOW, "first_seen": NOW, "last_seen": NOW}
    return drifted(**(values | {"absent_at": NOW - DAY} | changes))


def change(name="UpdatePolicy", at=NOW - DAY / 2, **changes):
    values = {
        "event_id": f"e-{factories.number()}",
        "by": "luca as OrgAdmin",
        "by_arn": "",
        "policy_id": "p-1",
        "target_id": "",
        "policy_type": "",
    }
    return ChangeRecord(name=name, at=at, **(values | changes))


def told(*changes):
    """An event history that has these."""
    asked = []

    def ask(name, since, until):
        asked.append((name, since, until))
        return [one for one in changes if one.name == name and since <= one.at <= until]

    ask.asked = asked
    return ask


def name(ask, now=NOW + DAY):
    organization = factories.organization()
    factories.root()
    return changers.name_changers(organization, changers.waiting(organization), ask=ask, now=now)


def test_the_last_call_before_it_was_found_did_it():
    edited(policy())
    ask = told(
        change(at=NOW - 2 * DAY, by="somebody else"),
        change(at=NOW - DAY / 2),
        change(at=NOW - DAY / 4, policy_id="p-other"),
        change(at=NOW - DAY / 4, name=""),
    )
    assert name(ask) == 1
    found = Drift.objects.get()
    assert (found.changed_by, found.changed_at) == ("luca as OrgAdmin", NOW - DAY / 2)
    assert (found.event_name, found.who_note) == ("UpdatePolicy", "")
    assert name(ask) == 0
    assert len(ask.asked) == 2


def test_each_kind_looks_for_its_own_calls():
    row = policy()
    edited(row, kind="ATTACHMENT", target_id="ou-1", restore={"attach": ["ou-1"]})
    edited(row, kind="ATTACHMENT", target_id="ou-2", restore={"detach": ["ou-2"]})
    edited(None, kind="TYPE_DISABLED", policy_type="S3_POLICY")
    ask = told(
        change("DetachPolicy", target_id="ou-1", by="who detached"),
        change("AttachPolicy", target_id="ou-1", by="nobody"),
        change("AttachPolicy", target_id="ou-2", by="who attached"),
        change("DisablePolicyType", policy_id="", policy_type="TAG_POLICY", by="nobody"),
        change("DisablePolicyType", policy_id="", policy_type="S3_POLICY", by="who disabled"),
    )
    assert name(ask) == 3
    rows = Drift.objects.order_by("pk").values_list("changed_by", flat=True)
    assert list(rows) == ["who detached", "who attached", "who disabled"]
    # One question a kind of call, whatever the number of rows.
    assert len(ask.asked) == 3


def test_events_that_came_by_themselves_are_looked_at_first():
    edited(policy())
    OrgChangeEvent.objects.create(
        event_id="7f3b0d2c-9a51-4c68-8f0e-2d6c1b5a4e90",
        organization=factories.organization(),
        at=NOW - DAY / 3,
        name="UpdatePolicy",
        policy_id="p-1",
        by_name="priya",
        source="QUEUE",
    )
    ask = told()
    assert name(ask) == 1
    assert Drift.objects.get().changed_by == "priya"
    assert ask.asked == []


def test_a_refusal_is_said_and_asked_again_and_no_error():
    def refuse(name, since, until):
        raise aws.Denied("No.", service="cloudtrail", operation="LookupEvents", permission="x:Y")

    edited(policy())
    assert name(refuse) == 0
    found = Drift.objects.get()
    assert "Allow x:Y" in found.who_note
    assert found.who_asked_at is None
    assert name(told(change())) == 1
    assert Drift.objects.get().who_note == ""


def test_what_is_older_than_the_history_is_not_asked_for():
    edited(policy(), changed_since=NOW - 95 * DAY)
    ask = told()
    name(ask, now=NOW)
    assert "CloudTrail keeps 90 days" in Drift.objects.get().who_note
    assert ask.asked == []


def test_an_event_may_be_late_but_not_by_more_than_an_hour():
    edited(policy())
    name(told(), now=NOW + timedelta(minutes=5))
    assert Drift.objects.get().who_asked_at is None
    name(told(), now=NOW + timedelta(hours=2))
    assert Drift.objects.get().who_asked_at is not None
    assert "CloudTrail has no such event" in Drift.objects.get().who_note


def test_a_call_that_aws_refused_changed_nothing():
    raw = {
        "EventId": "e",
        "EventName": "UpdatePolicy",
        "EventTime": NOW,
        "Username": "luca",
        "CloudTrailEvent": '{"errorCode": "AccessDenied", "requestParameters": {"policyId": "p-1"}}',
    }
    assert parse_change(raw).name == ""
    cut = parse_change(raw | {"CloudTrailEvent": '{"requestPara'})
    assert (cut.name, cut.by, cut.policy_id) == ("UpdatePolicy", "luca", "")


def test_without_a_role_in_the_management_account_it_is_not_known_and_no_error(hub):
    edited(policy(), organization=hub.organization, changed_since=NOW, absent_at=None)
    assert tasks.find_who_changed() == 0
    assert not Drift.objects.get().changed_by


def test_the_management_accounts_history_is_asked_by_the_published_role(hub, settings):
    running = hub.running
    management = running.org.management_account_id
    hub.organization.management_account_id = management
    hub.organization.save()
    settings.POSTURE_MANAGEMENT_ROLE_ARN = f"arn:aws:iam::{management}:role/ParapetManagementRead"
    inventory_tasks.door.cache_clear()
    (console,) = (
        p for p in running.world.moment().snapshot.policies if p.name == "tmp-console-debug"
    )
    edited(
        policy(console.policy_id),
        kind="UNMANAGED",
        organization=hub.organization,
        absent_at=NOW - 80 * DAY,
    )
    with time_machine.travel(NOW, tick=True):
        assert tasks.find_who_changed() == 1
    found = Drift.objects.get()
    assert "teodor.lindqvist" in found.changed_by
    assert found.event_name in ("CreatePolicy", "AttachPolicy")


def effective_run(organization):
    collection = Collection.objects.create(as_of=NOW, state="COMPLETE")
    return CollectionRun.objects.create(
        collection=collection, organization=organization, source="EFFECTIVE_POLICIES"
    )


@pytest.fixture
def serial(hub):
    """One account with the sandbox's declarative policies above it, and an invariant on them."""
    from tests.invariants.drift.test_keeping import invariant  # noqa: PLC0415

    shot = hub.running.world.moment().snapshot
    hub.organization.enabled_policy_types = [EC2]
    hub.organization.save()
    row = invariant("ec2-serial", {"ec2_attributes": {}}, type=EC2)
    row.version.content |= {
        "must_set": [{"path": "ec2_attributes.serial_console_access.status", "value": "disabled"}]
    }
    row.version.save()
    wanted = next(p for p in shot.policies if p.name == "tmp-console-debug")
    stored = policy(wanted.policy_id, type=EC2, content=wanted.content)
    PolicyAttachment.objects.update(target_id=wanted.target_ids[0], target_kind="ACCOUNT")
    return stored, wanted.target_ids[0]


def test_aws_is_asked_once_for_each_stack_and_told_values_are_kept(hub, serial):
    run = effective_run(hub.organization)
    inventory_tasks.door.cache_clear()
    assert tasks.collect_effective_policies(run_id=run.pk, then="posture.collect_advance")
    run.refresh_from_db()
    assert (run.state, run.counts["told"]) == ("COMPLETE", 1)
    kept = EffectivePolicyReading.objects.get()
    assert (kept.state, kept.account_id) == ("KNOWN", serial[1])
    assert kept.value["ec2_attributes"]["serial_console_access"] == {"status": "enabled"}
    again = effective_run(hub.organization)
    tasks.collect_effective_policies(run_id=again.pk, then="posture.collect_advance")
    again.refresh_from_db()
    assert again.counts == {"stacks": 1, "told": 0}
    picture = reading.read(hub.organization)
    (stack,) = values.stacks(picture)
    assert picture.told[EC2, stack.digest].value == kept.value


def test_without_the_permission_the_run_says_which_and_is_no_hole(hub, serial):
    hub.faults.add(Rule("deny", operation="DescribeEffectivePolicy"))
    run = effective_run(hub.organization)
    tasks.collect_effective_policies(run_id=run.pk, then="posture.collect_advance")
    run.refresh_from_db()
    assert run.state == "NOT_CONFIGURED"
    assert run.missing_permission == "organizations:DescribeEffectivePolicy"
    assert EffectivePolicyReading.objects.get().state == "DENIED"
    drift.evaluate(hub.organization, now=NOW)


def test_after_a_refusal_the_others_are_not_asked():
    factories.root()
    asked = []

    def refuse(policy_type, account_id):
        asked.append(account_id)
        raise aws.Denied("No.", service="organizations", operation="DescribeEffectivePolicy")

    questions = [Question(EC2, f"{n:064x}", f"30000000000{n}") for n in range(3)]
    told_of, problems = effective_policies.store_answers(
        factories.organization(), questions, read=refuse, as_of=NOW
    )
    assert (told_of, len(problems), len(asked)) == (0, 1, 1)
    assert EffectivePolicyReading.objects.filter(state="DENIED").count() == 3
    rest = effective_policies.to_ask(factories.organization(), questions[:1], fresh_since=NOW - DAY)
    assert rest == questions[:1]
    assert EffectivePolicyReading.objects.count() == 1


def test_an_account_without_any_such_policy_has_no_values(hub):
    client = inventory_tasks.door().client("organizations")
    account = hub.running.world.moment().snapshot.accounts[-1].account_id
    assert read_effective_policy(client, policy_type="CHATBOT_POLICY", account_id=account) == {}
