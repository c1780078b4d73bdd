"""Every combination of what AWS says, from the ingest to the cell and to the words of the page.

RecordState x Workflow x Compliance x control on or off x checked lately or not, each as the first
copy that comes, and each after the check had failed before.
"""

import itertools
from datetime import timedelta

import pytest

from findings import ingest
from findings.models import DirtyCell, Finding
from findings.queries import explanations
from posture import rollups
from posture.models import AccountDay, Cell, OuDay
from tests import factories
from tests.findings.records import NOW, record

pytestmark = pytest.mark.django_db

RECORD_STATES = ("ACTIVE", "ARCHIVED")
WORKFLOWS = ("NEW", "NOTIFIED", "SUPPRESSED", "RESOLVED")
COMPLIANCES = ("PASSED", "FAILED", "WARNING", "NOT_AVAILABLE", "")
COMBINATIONS = list(
    itertools.product(RECORD_STATES, WORKFLOWS, COMPLIANCES, (True, False), (True, False))
)
STALE = timedelta(hours=100)
FRESH = timedelta(hours=1)
BEFORE = timedelta(hours=200)


def first_copy(record_state, workflow, compliance, is_enabled):
    """(status, title of the words) of a finding of which nothing else is known: kpis 4.2."""
    if record_state == "ARCHIVED":
        if compliance == "FAILED" and not is_enabled:
            return "OPEN", "Carried as open"
        return "CLOSED", "Closed: archived by AWS"
    if compliance == "PASSED":
        return "PASSED", "Passed"
    if compliance in ("WARNING", "NOT_AVAILABLE"):
        return "UNKNOWN", "Unknown"
    if not compliance and workflow == "RESOLVED":
        return "CLOSED", "Closed: marked as resolved in Security Hub"
    return "OPEN", {
        "SUPPRESSED": "Open, suppressed in Security Hub",
        "RESOLVED": "Open, marked as resolved in Security Hub",
    }.get(workflow, "Open")


def counted(status, is_stale):
    """(passed, failed, unknown) in the cell. What fails stays failed, however old."""
    if status == "OPEN":
        return (0, 1, 0)
    if status == "PASSED":
        return (0, 0, 1) if is_stale else (1, 0, 0)
    return (0, 0, 1) if status == "UNKNOWN" else None


def cells():
    return {
        (cell.account_id, cell.control_id): (cell.passed, cell.failed, cell.unknown)
        for cell in Cell.objects.all()
    }


@pytest.fixture
def world():
    """One control and one account for each combination, so that each has a cell of its own."""
    account = factories.account(account_id="200000000001", ou=factories.ou())
    controls = {}
    for number, (_, _, _, is_enabled, _) in enumerate(COMBINATIONS):
        status = "ENABLED" if is_enabled else "DISABLED"
        controls[number] = factories.control(control_id=f"EC2.{number + 1000}", status=status)
    return account, controls


def take(number, combination, *, updated_at):
    record_state, workflow, compliance, *_ = combination
    return record(
        finding_id=f"finding-{number}",
        control_id=f"EC2.{number + 1000}",
        record_state=record_state,
        workflow=workflow,
        compliance=compliance,
        updated_at=updated_at,
    )


def ingested(records, *, as_of=NOW):
    catalog = ingest.load_catalog(factories.organization())
    counts = ingest.upsert_findings(records, catalog=catalog, as_of=as_of)
    assert counts.rejected == ()


def stored(number):
    return Finding.objects.select_related("control").get(finding_id=f"finding-{number}")


def test_each_combination_has_its_status_its_cell_and_its_words(world):
    account, controls = world
    assert len(COMBINATIONS) == 160
    ingested(
        [
            take(number, one, updated_at=NOW - (STALE if one[4] else FRESH))
            for number, one in enumerate(COMBINATIONS)
        ]
    )
    rollups.roll_up(now=NOW)
    assert not DirtyCell.objects.exists()
    found = cells()
    for number, one in enumerate(COMBINATIONS):
        record_state, workflow, compliance, is_enabled, is_stale = one
        status, title = first_copy(record_state, workflow, compliance, is_enabled)
        if status == "PASSED" and is_stale:
            title = "Passed, but stale"
        row = stored(number)
        assert row.status == status, one
        assert found.get((account.pk, controls[number].pk)) == counted(status, is_stale), one
        assert explanations.status(row, now=NOW).title == title, one
        assert (row.opened_at is None) == (status != "OPEN"), one


def after_failing(record_state, workflow, compliance, is_enabled):
    """(status, title) of one that was seen to fail before: losing sight of it mends nothing.

    What AWS archives while the control is off is carried, whatever it says of the check by then:
    only a pass ends it (kpis R3).
    """
    if compliance != "PASSED" and record_state == "ARCHIVED" and not is_enabled:
        return "OPEN", "Carried as open"
    if record_state == "ACTIVE" and compliance in ("WARNING", "NOT_AVAILABLE"):
        return "OPEN", "Carried as open"
    return first_copy(record_state, workflow, compliance, is_enabled)


def test_each_combination_after_a_failure(world):
    account, controls = world
    failed = ("ACTIVE", "NEW", "FAILED")
    ingested(
        [take(number, failed, updated_at=NOW - BEFORE) for number in controls], as_of=NOW - BEFORE
    )
    ingested(
        [
            take(number, one, updated_at=NOW - (STALE if one[4] else FRESH))
            for number, one in enumerate(COMBINATIONS)
        ]
    )
    rollups.roll_up(now=NOW)
    found = cells()
    for number, one in enumerate(COMBINATIONS):
        record_state, workflow, compliance, is_enabled, is_stale = one
        status, title = after_failing(record_state, workflow, compliance, is_enabled)
        if status == "PASSED" and is_stale:
            title = "Passed, but stale"
        row = stored(number)
        assert row.status == status, one
        assert found.get((account.pk, controls[number].pk)) == counted(status, is_stale), one
        assert explanations.status(row, now=NOW).title == title, one


@pytest.mark.parametrize(
    ("compliance", "is_account_level", "expected", "title"),
    [
        ("PASSED", False, None, "Passed, not counted"),
        ("PASSED", True, (1, 0, 0), "Passed"),
        ("FAILED", False, (0, 1, 0), "Open"),
        ("FAILED", True, (0, 1, 0), "Open"),
    ],
)
def test_an_account_that_has_no_such_resources_passes_nothing(
    compliance, is_account_level, expected, title
):
    account = factories.account(account_id="200000000001")
    control = factories.control(control_id="S3.8", is_account_level=is_account_level)
    ingested([record(compliance=compliance, resource_type="AwsAccount")])
    rollups.roll_up(now=NOW)
    assert cells().get((account.pk, control.pk)) == expected
    row = Finding.objects.select_related("control").get()
    assert explanations.status(row, now=NOW).title == title


def test_a_control_of_the_delegated_administrator_speaks_for_the_organisation():
    factories.account(account_id="200000000001")
    control = factories.control(control_id="Inspector.1", is_delegated_admin_only=True)
    ingested([record(control_id="Inspector.1")])
    rollups.roll_up(now=NOW)
    assert AccountDay.objects.get(area="").raw_d == 0
    assert OuDay.objects.get(ou__depth=0, area="").raw_d > 0
    assert [note.title for note in explanations.scope(control, today=NOW.date())] == [
        "Organisation scope"
    ]


def test_a_product_without_passes_is_shown_and_not_scored():
    factories.account(account_id="200000000001")
    control = factories.control(control_id="GuardDuty.Finding", is_scored=False)
    ingested([record(control_id="GuardDuty.Finding", compliance="", product="guardduty")])
    rollups.roll_up(now=NOW)
    assert cells() == {}
    assert [note.title for note in explanations.scope(control, today=NOW.date())] == [
        "Shown, not scored"
    ]


def test_a_switched_off_control_says_why():
    control = factories.control(status="DISABLED", disabled_reason="We have another tool.")
    (note,) = explanations.scope(control, today=NOW.date())
    assert note.text == "Nobody checks it any more. Reason given: We have another tool."
