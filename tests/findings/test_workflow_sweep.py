"""What people set in the AWS console, found by collections: nothing of it moves UpdatedAt."""

from datetime import timedelta

import pytest

from findings import ingest, tasks
from findings.ingest import decided
from findings.models import Finding, WorkflowChange
from inventory import actions
from inventory.models import CollectionRun
from inventory.tasks import door
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.hub import NOW

# Later than what a listing may be behind an event.
STEP = timedelta(minutes=20)


def collect(hub, *, number, is_full=False):
    as_of = NOW + STEP * number
    collection = factories.collection(as_of=as_of, is_full=is_full, state="COMPLETE")
    run = factories.run(
        collection=collection,
        organization=hub.organization,
        source="SECURITY_HUB",
        state="PENDING",
        is_full=is_full,
    )
    hub.running.stats.reset()
    actions.perform(run.pk, tasks._read_hub, clock=lambda: as_of)
    run.refresh_from_db()
    return run


BOTH = pytest.mark.parametrize("api", ["v1", "v2"], indirect=True)


@pytest.fixture
def api(request, settings):
    settings.POSTURE_SECURITY_HUB_API = getattr(request, "param", "v1")
    return settings.POSTURE_SECURITY_HUB_API


@pytest.fixture
def collected(hub, api):
    """Everything is read once, and with the first reading of changes nothing is left to tell."""
    assert collect(hub, number=0, is_full=True).state == "COMPLETE"
    return hub


def workflow(row):
    return Finding.objects.get(finding_id=row["Id"]).workflow


def failing(hub, state="NEW"):
    return hub.findings(RecordState="ACTIVE", Workflow=state, Compliance="FAILED")


@BOTH
def test_an_incremental_collection_sees_what_was_set_and_taken_back(collected, api):
    rows = failing(collected)[:3]
    for row, state in zip(rows, ("SUPPRESSED", "NOTIFIED", "RESOLVED"), strict=True):
        collected.set([row], state, note=f"{state} by hand")
    run = collect(collected, number=1)
    assert run.state == "COMPLETE"
    assert [workflow(row) for row in rows] == ["SUPPRESSED", "NOTIFIED", "RESOLVED"]
    assert run.counts["workflow_changed"] == 3
    assert run.counts["workflow_read"] >= 3

    collected.set(rows, "NEW")
    run = collect(collected, number=2)
    assert [workflow(row) for row in rows] == ["NEW"] * 3
    assert run.counts["workflow_changed"] == 3
    after = WorkflowChange.objects.filter(finding__finding_id=rows[0]["Id"]).order_by("at")
    assert list(after.values_list("before", "after")) == [
        ("NEW", "SUPPRESSED"),
        ("SUPPRESSED", "NEW"),
    ]


@BOTH
def test_nothing_set_is_nothing_changed_and_costs_few_calls(collected, api):
    run = collect(collected, number=1)
    assert run.counts["workflow_changed"] == 0
    operation = {"v1": "GetFindings", "v2": "GetFindingsV2"}[api]
    # One for what changed, and the decided: V1 needs two questions for them.
    assert collected.calls[f"securityhub.{operation}"] <= {"v1": 4, "v2": 3}[api]


def test_a_full_collection_asks_for_nothing_more(collected):
    run = collect(collected, number=1, is_full=True)
    assert "workflow_read" not in run.counts


def test_the_watermark_is_that_of_the_findings_that_changed(collected):
    before = collect(collected, number=1).watermark
    collected.set(failing(collected)[:2], "SUPPRESSED")
    assert collect(collected, number=2).watermark == before


def test_a_sweep_that_fails_leaves_the_run_failed_and_the_next_does_it(collected):
    [row] = failing(collected)[:1]
    collected.set([row], "SUPPRESSED")
    collected.faults.add(Rule("deny", operation="GetFindings"))
    assert collect(collected, number=1).state == "DENIED"
    assert workflow(row) == "NEW"
    collected.faults.clear()
    assert collect(collected, number=2).state == "COMPLETE"
    assert workflow(row) == "SUPPRESSED"


def test_only_so_many_are_asked_for_by_id_and_the_rest_at_the_next_run(hub, monkeypatch):
    monkeypatch.setattr(decided, "ASKED", 25)
    rows = failing(hub)[:40]
    hub.set(rows, "SUPPRESSED")
    collect(hub, number=0, is_full=True)
    hub.set(rows, "NEW")
    left = Finding.objects.filter(workflow="SUPPRESSED", finding_id__in=[row["Id"] for row in rows])
    counts = []
    for number in (1, 2):
        collect(hub, number=number)
        counts.append(left.count())
    # One or two changed by themselves as well, and came with what had changed.
    assert 12 <= counts[0] <= 15
    assert counts[1] == 0


def test_findings_that_aws_no_longer_has_stay_as_they_are(collected):
    control = Finding.objects.first().control
    account = Finding.objects.first().account
    gone = factories.finding(account=account, control=control, workflow="SUPPRESSED")
    run = collect(collected, number=1)
    gone.refresh_from_db()
    assert (run.state, gone.workflow) == ("COMPLETE", "SUPPRESSED")


@BOTH
def test_the_decided_of_one_region_are_asked_for_alone(hub, api):
    client = door().client("securityhub")
    hub_api = tasks.HUBS[api]
    every = [r for page in hub_api.read_decided(client) for r in page.findings]
    one = [r for page in hub_api.read_decided(client, region="eu-west-1") for r in page.findings]
    assert {r.region for r in one} == {"eu-west-1"}
    assert len(one) == sum(r.region == "eu-west-1" for r in every) < len(every)
    assert {(r.record_state, r.workflow) for r in every} <= {
        ("ACTIVE", state) for state in ("SUPPRESSED", "NOTIFIED", "RESOLVED")
    }
    assert not [r for r in every if r.compliance == "PASSED" and r.workflow == "RESOLVED"]


COMPARED = (
    "key",
    "finding_id",
    "product_arn",
    "product",
    "account__account_id",
    "region",
    "control__control_id",
    "status",
    "compliance",
    "severity",
    "resource_id",
    "resource_type",
    "record_state",
    "workflow",
    "updated_at",
    "opened_at",
)


def test_both_apis_end_in_the_same_findings(hub, settings):
    """The same organisation, read by one and by the other."""
    hub.set(failing(hub)[:2], "SUPPRESSED")
    found = {}
    for name in ("v1", "v2"):
        settings.POSTURE_SECURITY_HUB_API = name
        run = collect(hub, number=0, is_full=True)
        assert (run.state, run.counts["quarantined"]) == ("COMPLETE", 0)
        rows = Finding.objects.values_list(*COMPARED)
        found[name] = {bytes(row[0]): dict(zip(COMPARED[1:], row[1:], strict=True)) for row in rows}
        Finding.objects.all().delete()
    assert found["v1"].keys() == found["v2"].keys()
    differing = {
        name: [
            (one[name], found["v2"][key][name], one["record_state"])
            for key, one in found["v1"].items()
            if one[name] != found["v2"][key][name]
        ]
        for name in COMPARED[1:]
    }
    # OCSF has one status for workflow and life cycle: of an archived finding it tells no workflow.
    assert {state for _, _, state in differing.pop("workflow")} <= {"ARCHIVED"}
    assert {name: rows[:3] for name, rows in differing.items() if rows} == {}
    assert CollectionRun.objects.count() == 2
    assert ingest.load_catalog(hub.organization).controls
