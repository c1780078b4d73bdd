"""New controls: shown from the first day, scored and with due dates after thirty (kpis.md R10)."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.urls import reverse

from findings import ingest
from findings.models import Control, DirtyCell, Episode, Finding
from findings.queries import detail
from findings.sources.security_hub import ControlRecord
from tests import factories
from tests.findings.records import NOW, record

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
GRACE = timedelta(days=30)
SCORED_FROM = NOW.date() + GRACE
MIDNIGHT = datetime.combine(SCORED_FROM, time(), tzinfo=UTC)
CLOCK = 30 * DAY  # severity HIGH


@pytest.fixture
def account():
    return factories.account(account_id="200000000001", name="payments-api")


def listed(control_id, status="ENABLED"):
    return ControlRecord(
        control_id=control_id,
        title=f"{control_id} holds",
        description="",
        severity="HIGH",
        status=status,
        disabled_reason="",
        parameters={},
        remediation_url="",
        standards=("standards/aws-foundational-security-best-practices/v/1.0.0",),
    )


def look(account, *controls, at=NOW):
    ingest.store_controls(account.organization, controls, as_of=at)
    ingest.reclock_new(account.organization, now=at)


def take(account, *records, at=NOW):
    catalog = ingest.load_catalog(account.organization)
    counts = ingest.upsert_findings(records, catalog=catalog, as_of=at)
    assert counts.rejected == ()


def failure(control_id="SSM.7", **changes):
    return record(control_id=control_id, severity="HIGH", compliance="FAILED", **changes)


@pytest.fixture
def watched(account):
    """The organisation has been looked at before, with one control."""
    look(account, listed("S3.8"), at=NOW - 40 * DAY)
    return account


def test_at_the_first_look_every_clock_runs(account):
    look(account, listed("SSM.7"))
    take(account, failure())
    found = Finding.objects.get()
    assert (found.control.scored_from, found.control.clock_from) == (None, None)
    assert found.due_at == found.opened_at + CLOCK


def test_no_clock_of_a_new_control_runs_before_it_is_scored(watched):
    look(watched, listed("S3.8"), listed("SSM.7"))
    old, new = failure("S3.8", finding_id="old"), failure()
    late = failure(finding_id="late", updated_at=NOW + 35 * DAY, first_observed_at=None)
    take(watched, old, new)
    take(watched, late, at=NOW + 36 * DAY)
    due = {one.finding_id: one.due_at for one in Finding.objects.all()}
    assert due["old"] == old.updated_at + CLOCK
    assert due[new.finding_id] == MIDNIGHT + CLOCK
    assert due["late"] == late.updated_at + CLOCK
    # An episode has the due date of its finding: the KPIs of flow ask no other clock.
    episode = Episode.objects.get(finding__finding_id=new.finding_id)
    assert episode.due_at == MIDNIGHT + CLOCK
    assert Control.objects.get(control_id="SSM.7").scored_from == SCORED_FROM


def test_a_finding_that_came_before_its_control_gets_its_clock_when_the_control_comes(watched):
    take(watched, failure())
    found = Finding.objects.get()
    assert found.due_at == found.opened_at + CLOCK
    DirtyCell.objects.all().delete()
    look(watched, listed("S3.8"), listed("SSM.7"))
    found.refresh_from_db()
    assert found.due_at == MIDNIGHT + CLOCK
    cell = DirtyCell.objects.get()
    assert (cell.account_id, cell.control_id) == (found.account_id, found.control_id)
    look(watched, listed("S3.8"), listed("SSM.7"), at=NOW + DAY)
    assert DirtyCell.objects.count() == 1


def test_a_control_that_is_enabled_anew_is_provisional_and_keeps_its_clocks(watched):
    look(watched, listed("S3.8"), listed("SSM.7"), at=NOW - 39 * DAY)
    first = Control.objects.get(control_id="S3.8")
    assert first.clock_from is None
    old = failure("S3.8", updated_at=NOW - 38 * DAY, first_observed_at=None)
    take(watched, old, at=NOW - 38 * DAY)
    look(watched, listed("S3.8", "DISABLED"), at=NOW - DAY)
    look(watched, listed("S3.8"))
    take(watched, replace(old, updated_at=NOW), at=NOW)
    control = Control.objects.get(control_id="S3.8")
    assert (control.scored_from, control.clock_from) == (SCORED_FROM, None)
    assert Finding.objects.get().due_at == old.updated_at + CLOCK


def test_a_clock_set_anew_keeps_waiting_for_the_control(watched):
    look(watched, listed("S3.8"), listed("SSM.7"))
    one = failure()
    take(watched, one)
    call_command("reclock_findings", "--all")
    assert Finding.objects.get().due_at == MIDNIGHT + CLOCK
    take(watched, replace(one, updated_at=NOW + DAY), at=NOW + DAY)
    assert Finding.objects.get().due_at == MIDNIGHT + CLOCK


def test_pages_say_since_when_the_clock_runs(watched, client):
    look(watched, listed("S3.8"), listed("SSM.7"))
    take(watched, failure())
    user = factories.security_engineer()
    found = detail.finding(user, Finding.objects.get().pk, now=NOW)
    day = f"{SCORED_FROM:%-d %b %Y}"
    assert (
        found.due_rule
        == f"High: 30 days, counted from {day}, the day from which its control is scored"
    )
    (note,) = found.notes
    assert note.text == (
        f"New: shown, and not scored before {day}. Its due dates count from that day."
    )
    Control.objects.filter(control_id="SSM.7").update(clock_from=None)
    (note,) = detail.finding(user, found.row.pk, now=NOW).notes
    assert note.text == (
        f"Enabled anew: shown, and not scored before {day}. Its due dates go on as they were."
    )
    assert detail.finding(user, found.row.pk, now=MIDNIGHT).notes == ()
    client.force_login(user)
    with time_machine.travel(NOW, tick=False):
        page = client.get(reverse("findings:control", args=["SSM.7"])).content.decode()
    assert f"not scored before {day}" in page
    with time_machine.travel(MIDNIGHT, tick=False):
        page = client.get(reverse("findings:control", args=["SSM.7"])).content.decode()
    assert "not scored before" not in page
