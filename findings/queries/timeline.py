"""What happened to a finding: its episodes, its workflow, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from findings.models import Episode, Finding, WorkflowChange

SHOWN: Final = 100
_WORKFLOW: Final = {
    "NEW": "new",
    "NOTIFIED": "notified",
    "SUPPRESSED": "suppressed",
    "RESOLVED": "resolved",
}
_CLOSED: Final = {
    Episode.CloseReason.PASSED: "Closed: the check passed",
    Episode.CloseReason.ARCHIVED: "Closed: archived, the resource is gone",
    Episode.CloseReason.RESOLVED: "Closed: marked as resolved in Security Hub",
    Episode.CloseReason.VANISHED: "Closed: not reported any more, which is not fixed",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a finding's history; `by` is "" where AWS or somebody in its console did it."""

    at: datetime
    text: str
    icon: str
    kind: str = ""
    note: str = ""
    by: str = ""


def of(finding: Finding, *, now: datetime) -> tuple[Event, ...]:
    """The newest SHOWN events, newest first. Two queries."""
    events = [*_own(finding, now=now), *_episodes(finding), *_workflow(finding)]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True)[:SHOWN])


def _own(finding: Finding, *, now: datetime) -> list[Event]:
    events = []
    if finding.first_observed_at:
        events.append(Event(finding.first_observed_at, "First observed by AWS", "scan-search"))
    if finding.due_at and finding.due_at < now:
        events.append(Event(finding.due_at, "Due date passed", "clock", "bad"))
    if finding.vanished_at:
        events.append(
            Event(
                finding.vanished_at,
                "Not reported by AWS any more, which is not fixed",
                "circle-dashed",
            )
        )
    return events


def _episodes(finding: Finding) -> list[Event]:
    events = []
    for episode in Episode.objects.filter(finding=finding).order_by("-opened_at", "-pk")[:SHOWN]:
        events.append(Event(episode.opened_at, _opened(episode), "circle-alert", "now"))
        if episode.closed_at:
            reason = Episode.CloseReason(episode.close_reason)
            # Not reported is no good news: only what was seen to be mended is.
            kind = "" if reason == Episode.CloseReason.VANISHED else "ok"
            icon = "circle-dashed" if not kind else "check"
            events.append(Event(episode.closed_at, _CLOSED[reason], icon, kind))
    return events


def _opened(episode: Episode) -> str:
    if not episode.resumed:
        return "Opened"
    times = "once" if episode.resumed == 1 else f"{episode.resumed} times"
    return f"Opened; closed and failed again {times} within 14 days, so its clock went on"


def _workflow(finding: Finding) -> list[Event]:
    changes = WorkflowChange.objects.filter(finding=finding).order_by("-at", "-pk")[:SHOWN]
    return [
        Event(change.at, _changed(change), "arrow-right", note=change.note, by=change.by)
        for change in changes
    ]


def _changed(change: WorkflowChange) -> str:
    after = _WORKFLOW.get(change.after, change.after)
    if not change.before:
        return f"Workflow set to {after}"
    return f"Workflow: {_WORKFLOW.get(change.before, change.before)} → {after}"
