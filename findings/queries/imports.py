"""The files that were imported, and how far those are that are being read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from findings.models import FileImport
from inventory.access import AnyUser

State = FileImport.State
SHOWN: Final = 30
# A worker takes a file within seconds; after this long nobody is there to take it.
NO_WORKER_AFTER: Final = timedelta(seconds=60)
_COUNTED: Final = ("new", "changed", "unchanged", "closed", "quarantined")
_SHAPES: Final = {"asff": "ASFF", "ocsf": "OCSF", "access_analyzer": "Access Analyzer"}


@dataclass(frozen=True, slots=True)
class Reason:
    """So many findings of a file that went into quarantine for the same reason."""

    text: str
    findings: int
    example: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One file. `pct` is how much of it has been read, None where its size is not known."""

    pk: int
    name: str
    size: int
    state: str
    state_label: str
    shape: str
    findings: int
    counts: tuple[tuple[str, int], ...]
    quarantined: int
    reasons: tuple[Reason, ...]
    error: str
    pct: int | None
    requested_by: str
    created_at: datetime
    finished_at: datetime | None
    is_unfinished: bool
    has_no_worker: bool


def imports(user: AnyUser, *, now: datetime) -> tuple[ImportRow, ...]:
    """The newest first. One query, and those of the user's scope."""
    return tuple(
        _row(row, now) for row in FileImport.objects.visible_to(user).order_by("-pk")[:SHOWN]
    )


def _row(row: FileImport, now: datetime) -> ImportRow:
    counts = {name: _number(row.counts, name) for name in _COUNTED}
    return ImportRow(
        pk=row.pk,
        name=row.name,
        size=row.size,
        state=row.state,
        state_label=row.get_state_display(),
        shape=_SHAPES.get(row.shape, ""),
        findings=sum(counts.values()) - counts["closed"],
        counts=tuple(counts.items()),
        quarantined=counts["quarantined"],
        reasons=tuple(
            Reason(reason["reason"], reason["findings"], reason["example"])
            for reason in row.reasons
        ),
        error=row.error,
        pct=min(100, 100 * row.bytes_read // row.size) if row.size else None,
        requested_by=row.requested_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        is_unfinished=row.state in (State.PENDING, State.RUNNING),
        has_no_worker=row.state == State.PENDING and now - row.created_at > NO_WORKER_AFTER,
    )


def _number(counts: Mapping[str, Any], name: str) -> int:
    return int(counts.get(name, 0))
