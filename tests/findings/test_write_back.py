"""Workflow and note from here to Security Hub: batches, refusals, faults, and workers that fall."""

import pytest
from django.core.management import call_command
from django.db import connection

from findings import ingest, tasks
from findings.ingest import write_back as works
from findings.models import BulkAction, BulkItem, Feed, Finding, WorkflowChange
from findings.normalise import asff, ocsf
from findings.sources import write_back
from inventory import aws
from inventory.tasks import door
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.hub import NOW


@pytest.fixture
def person(hub):
    return factories.security_engineer()


def known(hub, count, *, parse=asff.parse, rows=None):
    """Findings that AWS has, taken in as a collection would."""
    raw = rows or hub.findings(RecordState="ACTIVE", Workflow="NEW", Compliance="FAILED")[:count]
    catalog = ingest.load_catalog(hub.organization)
    ingest.upsert_findings([parse(row) for row in raw], catalog=catalog, as_of=NOW)
    return list(Finding.objects.order_by("pk"))


def asked(person, findings, workflow="SUPPRESSED", note="Accepted until spring."):
    action = BulkAction.objects.create(
        organization=findings[0].organization,
        requested_by=person,
        workflow=workflow,
        note=note,
        total=len(findings),
        created_at=NOW,
    )
    BulkItem.objects.bulk_create(
        BulkItem(action=action, finding=one, before=one.workflow, after=workflow)
        for one in findings
    )
    return action


def perform(action):
    state = tasks.write_findings_back(action_id=action.pk)
    action.refresh_from_db()
    return state


def test_workflow_and_note_are_set_in_aws_and_here(hub, person, sent):
    findings = known(hub, 3)
    action = asked(person, findings)
    assert perform(action) == "COMPLETE"
    for finding in findings:
        row = hub.finding(finding.finding_id)
        assert row["Workflow"]["Status"] == "SUPPRESSED"
        assert row["Note"]["Text"] == "Accepted until spring."
        assert row["Note"]["UpdatedBy"] == f"{person.username} (Parapet)"
    assert set(Finding.objects.values_list("workflow", flat=True)) == {"SUPPRESSED"}
    changes = WorkflowChange.objects.values_list("before", "after", "by", "note").distinct()
    assert list(changes) == [("NEW", "SUPPRESSED", person.username, "Accepted until spring.")]
    assert (action.done, action.failed, action.state) == (3, 0, "COMPLETE")
    assert action.finished_at is not None
    assert sent() == ["posture.roll_up"]


def test_aws_is_asked_for_a_hundred_at_a_time(hub, person):
    findings = known(hub, 0, rows=hub.findings(RecordState="ACTIVE")[:201])
    assert perform(asked(person, findings, "NOTIFIED", note="")) == "COMPLETE"
    assert hub.calls["securityhub.BatchUpdateFindings"] == 3
    ids = {one.finding_id for one in findings}
    assert ids <= {row["Id"] for row in hub.findings(Workflow="NOTIFIED")}


def test_what_aws_does_not_process_is_told_and_the_rest_is_done(hub, person):
    findings = known(hub, 2)
    gone = factories.finding(
        account=findings[0].account, control=findings[0].control, finding_id="gone from AWS"
    )
    action = asked(person, [*findings, gone])
    assert perform(action) == "PARTIAL"
    assert (action.done, action.failed) == (2, 1)
    item = BulkItem.objects.get(finding=gone)
    assert (item.state, item.error) == ("FAILED", "FindingNotFound: Finding not found")
    gone.refresh_from_db()
    assert gone.workflow != "SUPPRESSED"


def test_findings_of_files_and_analyzers_are_not_sent(hub, person):
    findings = known(hub, 2)
    Finding.objects.filter(pk=findings[0].pk).update(feed=Feed.FILE)
    action = asked(person, findings)
    assert perform(action) == "PARTIAL"
    assert BulkItem.objects.get(finding=findings[0]).error.startswith("Security Hub does not have")
    assert hub.finding(findings[0].finding_id)["Workflow"]["Status"] == "NEW"


def test_an_undo_gives_each_finding_its_own_workflow_back(hub, person):
    findings = known(hub, 4)
    hub.set([hub.finding(one.finding_id) for one in findings[:2]], "NOTIFIED")
    Finding.objects.filter(pk__in=[one.pk for one in findings[:2]]).update(workflow="NOTIFIED")
    findings = list(Finding.objects.order_by("pk"))
    first = asked(person, findings)
    assert perform(first) == "COMPLETE"
    undo = BulkAction.objects.create(
        organization=first.organization,
        requested_by=person,
        workflow="",
        undoes=first,
        created_at=NOW,
    )
    BulkItem.objects.bulk_create(
        BulkItem(action=undo, finding=item.finding, before=item.after, after=item.before)
        for item in first.items.all()
    )
    assert perform(undo) == "COMPLETE"
    states = [hub.finding(one.finding_id)["Workflow"]["Status"] for one in findings]
    assert states == ["NOTIFIED", "NOTIFIED", "NEW", "NEW"]
    assert list(Finding.objects.order_by("pk").values_list("workflow", flat=True)) == states


def test_the_event_that_follows_changes_nothing_more(hub, person):
    findings = known(hub, 2)
    perform(asked(person, findings))
    call_command("consume_events", "--once")
    assert set(Finding.objects.values_list("workflow", flat=True)) == {"SUPPRESSED"}
    assert WorkflowChange.objects.count() == 2


def test_switched_off_nothing_is_written(hub, person, settings):
    settings.POSTURE_WRITE_BACK = False
    action = asked(person, known(hub, 1))
    assert perform(action) == "FAILED"
    assert action.error == "Writing to AWS is switched off. Set POSTURE_WRITE_BACK=1 to allow it."
    assert "securityhub.BatchUpdateFindings" not in hub.calls


def test_the_hub_role_alone_may_not_write(hub, person, settings):
    settings.POSTURE_WRITE_BACK_ROLE_ARN = ""
    action = asked(person, known(hub, 1))
    assert perform(action) == "FAILED"
    assert "Allow securityhub:BatchUpdateFindings to the role that was used" in action.error
    assert hub.finding(action.items.get().finding.finding_id)["Workflow"]["Status"] == "NEW"
    assert set(Finding.objects.values_list("workflow", flat=True)) == {"NEW"}
    assert action.items.get().state == "PENDING"


def test_a_denial_in_the_middle_leaves_what_was_done(hub, person):
    findings = known(hub, 0, rows=hub.findings(RecordState="ACTIVE")[:120])
    action = asked(person, findings, "NOTIFIED")
    road = spoilt(hub, Rule("deny", operation="BatchUpdateFindings"))
    assert works.perform(action.pk, road=road, clock=lambda: NOW) == "PARTIAL"
    action.refresh_from_db()
    assert (action.done, action.items.filter(state="PENDING").count()) == (100, 20)
    assert "securityhub:BatchUpdateFindings" in action.error


def test_a_throttle_makes_it_wait_and_it_goes_on_where_it_was(hub, person):
    findings = known(hub, 0, rows=hub.findings(RecordState="ACTIVE")[:120])
    action = asked(person, findings, "NOTIFIED")
    throttle = Rule("error", operation="BatchUpdateFindings", code="LimitExceededException")
    with pytest.raises(aws.Throttled):
        works.perform(action.pk, road=spoilt(hub, throttle), clock=lambda: NOW)
    action.refresh_from_db()
    assert (action.state, action.done) == ("PENDING", 100)
    hub.faults.clear()
    hub.running.stats.reset()
    assert perform(action) == "COMPLETE"
    assert (action.done, action.error) == (120, "")
    assert hub.calls["securityhub.BatchUpdateFindings"] == 1


def spoilt(hub, rule):
    """A road that the fault bars after the first batch, without patience."""
    road, batches = tasks._road(), []
    impatient = aws.Door(door().config, attempts=1)

    def client_of(region):
        if batches:
            hub.faults.add(rule)
        batches.append(region)
        return impatient.write_client("securityhub")

    return works.Road(client_of, api=road.api, is_regional=road.is_regional)


def test_two_workers_do_it_once(hub, person):
    action = asked(person, known(hub, 2))
    assert perform(action) == "COMPLETE"
    assert perform(action) is None
    assert hub.calls["securityhub.BatchUpdateFindings"] == 1


def test_a_worker_that_falls_after_aws_and_before_us_is_followed_by_another(hub, person, sent):
    findings = known(hub, 3)
    action = asked(person, findings)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fall() RETURNS trigger AS $$ BEGIN RAISE 'fallen'; END $$ LANGUAGE plpgsql"
        )
        cursor.execute(
            "CREATE TRIGGER fall BEFORE UPDATE ON findings_bulkitem FOR EACH ROW EXECUTE FUNCTION fall()"
        )
    with pytest.raises(Exception, match="fallen"):
        perform(action)
    # As a killed process leaves it: AWS knows, we do not.
    assert hub.finding(findings[0].finding_id)["Workflow"]["Status"] == "SUPPRESSED"
    assert set(Finding.objects.values_list("workflow", flat=True)) == {"NEW"}
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER fall ON findings_bulkitem")
    BulkAction.objects.update(state="RUNNING", heartbeat_at=NOW, finished_at=None)
    sent()
    assert tasks.rescue_write_back() == 1
    assert sent() == ["findings.write_back"]
    assert perform(action) == "COMPLETE"
    assert (action.done, action.failed) == (3, 0)
    assert WorkflowChange.objects.count() == 3


def test_a_worker_back_from_the_dead_leaves_the_action_to_its_successor(hub, person):
    action = asked(person, known(hub, 2))
    road = tasks._road()

    def taken_over(region):
        BulkAction.objects.update(state="RUNNING", heartbeat_at=NOW)
        return road.client_of(region)

    slow = works.Road(taken_over, api=road.api, is_regional=road.is_regional)
    assert works.perform(action.pk, road=slow, clock=lambda: NOW.replace(hour=13)) is None
    action.refresh_from_db()
    assert (action.state, action.done) == ("RUNNING", 0)
    assert set(action.items.values_list("state", flat=True)) == {"PENDING"}


def test_an_action_whose_message_was_lost_is_sent_again(hub, person, sent):
    action = asked(person, known(hub, 1))
    assert tasks.rescue_write_back() == 1
    assert sent() == ["findings.write_back"]
    assert tasks.rescue_write_back() == 0
    assert perform(action) == "COMPLETE"


def test_without_an_aggregator_each_finding_is_written_in_its_region(hub, person):
    hub.organization.aggregation_mode = "NONE"
    hub.organization.save()
    rows = hub.findings(RecordState="ACTIVE", Workflow="NEW", Compliance="FAILED")
    # The hub account has not switched the last of them on.
    regions = ("eu-central-1", "eu-west-1", "eu-south-2")
    some = [next(row for row in rows if row["Region"] == region) for region in regions]
    action = asked(person, known(hub, 0, rows=some))
    assert perform(action) == "PARTIAL"
    assert hub.calls["securityhub.BatchUpdateFindings"] == 3
    items = {item.finding.region: item for item in action.items.select_related("finding")}
    assert [items[region].state for region in regions] == ["DONE", "DONE", "FAILED"]
    assert "not subscribed to AWS Security Hub" in items["eu-south-2"].error


def test_the_v2_api_is_told_in_its_own_words(hub, person, settings):
    settings.POSTURE_SECURITY_HUB_API = "v2"
    rows = door().client("securityhub").call("get_findings_v2", MaxResults=5)["Findings"]
    findings = known(hub, 0, rows=rows, parse=ocsf.parse)
    by_v1 = factories.finding(account=findings[0].account, control=findings[0].control)
    action = asked(person, [*findings, by_v1], "NOTIFIED")
    assert perform(action) == "PARTIAL"
    assert (action.done, action.failed) == (5, 1)
    assert BulkItem.objects.get(finding=by_v1).error.startswith("The V2 API has not given")
    for finding in findings:
        row = hub.finding(finding.finding_id)
        assert (row["Workflow"]["Status"], row["Note"]["Text"]) == ("NOTIFIED", action.note)


def test_more_than_aws_takes_is_a_fault_of_ours(hub):
    some = [write_back.Identifier(str(number), "arn") for number in range(101)]
    client = door().write_client("securityhub")
    with pytest.raises(ValueError, match="at most 100"):
        write_back.update(client, some, workflow="NEW", note="", by="x")
    with pytest.raises(ValueError, match="DONE"):
        write_back.update(client, some[:1], workflow="DONE", note="", by="x")
    assert write_back.update(client, [], workflow="NEW", note="", by="x").processed == frozenset()
