"""Findings that could not be taken in."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from findings.models import QuarantinedFinding
from inventory import access
from inventory.access import AnyUser
from inventory.models import CollectionRun

REASONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class QuarantineLine:
    """So many findings of a source that were refused for the same reason."""

    source: str
    reason: str
    findings: int
    newest_at: datetime


def quarantine(user: AnyUser) -> tuple[QuarantineLine, ...]:
    """By source and reason, most first; nothing for people who see a part only. One query.

    A finding that cannot be read belongs to no account that could be checked.
    """
    if not access.scope_of(user).everything:
        return ()
    labels = dict(CollectionRun.Source.choices)
    rows = (
        QuarantinedFinding.objects.values("source", "reason")
        .annotate(findings=Count("pk"), newest_at=Max("first_seen_at"))
        .order_by("-findings", "source", "reason")
    )
    return tuple(
        QuarantineLine(
            source=str(labels.get(row["source"], row["source"])),
            reason=row["reason"],
            findings=row["findings"],
            newest_at=row["newest_at"],
        )
        for row in rows[:REASONS_SHOWN]
    )
