"""What the last rounds of upkeep did, for the sync page."""

from dataclasses import dataclass
from datetime import datetime

from findings.models import UpkeepRun
from inventory import access
from inventory.access import AnyUser


@dataclass(frozen=True, slots=True)
class RetentionLine:
    """The newest round of retention in words; `at` is when it ended, or was last heard of."""

    at: datetime
    text: str


def retention(user: AnyUser) -> RetentionLine | None:
    """None before the first round, and for people who see a part only. One query."""
    if not access.scope_of(user).everything:
        return None
    run = UpkeepRun.objects.of(UpkeepRun.Kind.RETENTION).order_by("-pk").first()
    if run is None:
        return None
    return RetentionLine(run.finished_at or run.heartbeat_at, _words(run))


def _words(run: UpkeepRun) -> str:
    counted = sorted(run.counts.items(), key=lambda item: -item[1])
    removed = ", ".join(f"{number:,} {name}" for name, number in counted if number)
    said = f"Removed {removed}." if removed else "Nothing was old enough to go."
    if run.state == UpkeepRun.State.FAILED:
        return f"{run.error} {said}" if removed else run.error
    if run.state == UpkeepRun.State.PARTIAL:
        return f"{said} There is more; the next round goes on from there."
    return said if run.finished_at else f"Running now. {said}" if removed else "Running now."
