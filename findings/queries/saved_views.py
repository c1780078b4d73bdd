"""Findings lists that are kept under a name: everybody's own, the shared ones, and the ready-made."""

from dataclasses import dataclass
from typing import Final

from findings.models import SavedView
from inventory.access import AnyUser

# A menu of more is no menu.
SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """`query` is a query string of the list; `owner` is "" for the person's own views."""

    pk: int
    name: str
    query: str
    is_shared: bool
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """A view that everybody has."""

    name: str
    query: str


_WORST = "severity=CRITICAL&exposure=PUBLIC&environment=production&sla=OVERDUE"
PRESETS: Final = (
    Preset("Critical, public, in production, past due", _WORST),
    Preset("Past due", "sla=OVERDUE"),
    Preset("New this week", "age=WEEK"),
    Preset("Public", "exposure=PUBLIC"),
    Preset("No due date", "sla=NONE"),
    Preset("Suppressed", "workflow=SUPPRESSED"),
)


def views(user: AnyUser) -> tuple[View, ...]:
    """The person's own views, then those that others share, by name. One query.

    A shared view is only a query: whoever opens it sees what is in their own scope.
    """
    rows = SavedView.objects.visible_to(user).select_related("owner").order_by("name", "pk")
    found = [
        View(
            row.pk,
            row.name,
            row.query,
            row.is_shared,
            "" if row.owner_id == user.pk else row.owner.get_full_name() or row.owner.username,
        )
        for row in rows[:SHOWN]
    ]
    return tuple(sorted(found, key=lambda view: bool(view.owner)))
