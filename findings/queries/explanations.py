"""The states and the due date of a finding in plain words. Pure: says what the rows mean."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from findings import clocks
from findings.models import Control, Finding, Severity, Status

# Without a check for this long PASSED is no longer known: what posture.scoring counts by.
STALE_AFTER: Final = timedelta(hours=72)
_TIER = re.compile(r"bod:(\d+)(\D*)")


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence about a finding; `kind` is that of a callout: "", ok, warn or bad."""

    title: str
    text: str
    kind: str = ""


def status(finding: Finding, *, now: datetime) -> Note:
    """Why the finding has its status. Reads finding.control: load it with the finding."""
    if finding.status == Status.OPEN:
        return _open(finding)
    if finding.status == Status.PASSED:
        return _passed(finding, now=now)
    if finding.status == Status.UNKNOWN:
        return _unknown(finding)
    return _closed(finding)


def _open(finding: Finding) -> Note:
    control = finding.control
    if finding.vanished_at:
        return Note(
            "Carried as open",
            "AWS does not report this check any more. Not reported is not fixed: it stays open until "
            "the check passes, or the resource is seen to be gone.",
            "warn",
        )
    if finding.record_state == "ARCHIVED" and control.status == Control.Status.DISABLED:
        return Note(
            "Carried as open",
            "AWS archived it because the control was switched off. That mends nothing: the fault that "
            "was seen last stays open.",
            "warn",
        )
    if finding.compliance in ("WARNING", "NOT_AVAILABLE"):
        return Note(
            "Carried as open",
            f"AWS cannot tell at the moment ({finding.compliance}). It failed when it was last "
            "checked, and stays open until it passes.",
            "warn",
        )
    if finding.workflow == "SUPPRESSED":
        return Note(
            "Open, suppressed in Security Hub",
            "Still open here, with its due date: a suppression hides a finding in AWS, but is no "
            "exception.",
            "warn",
        )
    if finding.workflow == "RESOLVED":
        return Note(
            "Open, marked as resolved in Security Hub",
            "The check still fails, so it is still open here.",
            "warn",
        )
    if finding.workflow == "NOTIFIED":
        return Note(
            "Open", "Marked as notified in Security Hub: somebody has been told. It is still open."
        )
    if finding.compliance:
        return Note("Open", "The check fails.")
    return Note("Open", "The product that found it holds it to be true still.")


def _passed(finding: Finding, *, now: datetime) -> Note:
    if is_vacuous(finding):
        return Note(
            "Passed, not counted",
            "The account as a whole passes a check about single resources: it has none of them. "
            "That counts in no score.",
        )
    if is_stale(finding, now=now):
        return Note(
            "Passed, but stale",
            "It passed when it was last checked, more than 72 hours ago: unknown in the scores, no "
            "longer a pass.",
            "warn",
        )
    return Note("Passed", "The check passes.", "ok")


def is_stale(finding: Finding, *, now: datetime) -> bool:
    """Whether a PASSED finding counts as unknown, since nobody has checked it for long."""
    return finding.status == Status.PASSED and finding.updated_at < now - STALE_AFTER


def is_vacuous(finding: Finding) -> bool:
    """Whether it says of an account that it has no such resources. A FAILED one always counts."""
    return (
        finding.status in (Status.PASSED, Status.UNKNOWN)
        and finding.resource_type == "AwsAccount"
        and finding.control.is_scored
        and not finding.control.is_account_level
    )


def _unknown(finding: Finding) -> Note:
    said = f"AWS says {finding.compliance}: " if finding.compliance else ""
    return Note(
        "Unknown",
        f"{said}the check could not be made. It counts neither as passed nor as failed; the missing "
        "coverage shows in the score.",
        "warn",
    )


def _closed(finding: Finding) -> Note:
    if finding.vanished_at:
        return Note(
            "Closed: not reported any more",
            "AWS stopped reporting it. Nobody has seen that it was fixed: AWS also removes findings "
            "by their age.",
        )
    if finding.record_state == "ARCHIVED":
        return Note(
            "Closed: archived by AWS",
            "The resource is gone, or the product no longer holds the finding to be true.",
        )
    return Note(
        "Closed: marked as resolved in Security Hub", "The product reports no checks of its own."
    )


def notes(finding: Finding, *, today: date) -> tuple[Note, ...]:
    """What else there is to know of how the finding counts. Reads finding.control."""
    excepted = Note(
        "Excepted", "An approved exception covers it: it counts neither as passed nor as failed."
    )
    return (*([excepted] if finding.is_excepted else []), *scope(finding.control, today=today))


def scope(control: Control, *, today: date) -> tuple[Note, ...]:
    """What is particular about how findings of this control count."""
    notes = []
    if control.scored_from and control.scored_from > today:
        notes.append(_provisional(control, control.scored_from))
    if control.is_delegated_admin_only:
        notes.append(
            Note(
                "Organisation scope",
                "Reported once for the whole organisation, in the delegated administrator's account: "
                "it lowers no single account's score.",
            )
        )
    if not control.is_scored:
        notes.append(
            Note(
                "Shown, not scored",
                "This product reports no passes, so there is no pass rate to score.",
            )
        )
    if control.status == Control.Status.DISABLED:
        reason = f" Reason given: {control.disabled_reason}" if control.disabled_reason else ""
        notes.append(
            Note("The control is switched off", f"Nobody checks it any more.{reason}", "warn")
        )
    return tuple(notes)


def _provisional(control: Control, until: date) -> Note:
    is_new = control.clock_from == until
    word = "New" if is_new else "Enabled anew"
    due = "count from that day" if is_new else "go on as they were"
    return Note(
        "Provisional",
        f"{word}: shown, and not scored before {until:%-d %b %Y}. Its due dates {due}.",
    )


def due_rule(finding: Finding) -> str:
    """Which rule gave the due date, in words: "High: 30 days". "" when the finding is not open.

    Reads finding.control.
    """
    if finding.status != Status.OPEN:
        return ""
    clock_from = finding.control.clock_from
    days = None
    if finding.due_at and finding.opened_at:
        starts_at = clocks.starts_at(finding.opened_at, finding.fix_seen_at, clock_from)
        days = (finding.due_at - starts_at).days
    kind, _, value = finding.sla_rule.partition(":")
    severity = Severity(value if value in Severity else finding.severity).label
    if finding.sla_rule == "no-fix":
        return "No fix is available yet: the clock starts when there is one"
    if finding.sla_rule == "bod:next-upgrade":
        return "CISA BOD 26-04: with the next upgrade, no fixed day"
    if tier := _TIER.match(finding.sla_rule):
        triage = ", and a forensic look at the machine" if "triage" in tier[2] else ""
        return f"CISA BOD 26-04: {_days(int(tier[1]))}{triage}{_from_when(finding)}"
    if days is None:
        return f"{severity}: no clock"
    exposed = " and publicly exposed" if kind == "public" else ""
    return f"{severity}{exposed}: {_days(days)}{_from_when(finding)}"


def _from_when(finding: Finding) -> str:
    """Since when the clock runs, where it had to wait for a fix or for its new control to count."""
    if finding.opened_at is None:
        return ""
    starts_at = clocks.starts_at(finding.opened_at, finding.fix_seen_at, finding.control.clock_from)
    if starts_at == finding.opened_at:
        return ""
    why = (
        "when a fix was first named"
        if starts_at == finding.fix_seen_at
        else "the day from which its control is scored"
    )
    return f", counted from {starts_at:%-d %b %Y}, {why}"


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"
