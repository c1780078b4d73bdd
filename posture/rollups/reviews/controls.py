"""What became of controls between two days: released, enabled, disabled, counted from now on."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection

from inventory.models import Organization

# Rows of the week, each with the state before it. Before the first row of all nothing is known: that
# every control is new then is no news.
_CHANGES: Final = """
SELECT c.control_id, n.severity, n.is_enabled, n.is_counted, b.is_enabled, b.is_counted
FROM findings_control c
CROSS JOIN LATERAL (SELECT * FROM posture_controlday d
    WHERE d.control_id = c.id AND d.day > %(since)s AND d.day <= %(until)s
    ORDER BY d.day DESC LIMIT 1) n
LEFT JOIN LATERAL (SELECT * FROM posture_controlday d
    WHERE d.control_id = c.id AND d.day <= %(since)s ORDER BY d.day DESC LIMIT 1) b ON true
WHERE c.organization_id = %(organization)s
    AND EXISTS (SELECT 1 FROM posture_controlday d WHERE d.day <= %(since)s)
ORDER BY c.control_id
"""
RELEASED: Final = "released, shown and not yet scored"
RELEASED_SCORED: Final = "released and scored"
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
COUNTED: Final = "scored from now on"


@dataclass(frozen=True, slots=True)
class ControlChange:
    """`what` completes "3 controls …"."""

    control_id: str
    severity: str
    what: str


def between(organization: Organization, since: date, until: date) -> tuple[ControlChange, ...]:
    """From the end of `since` to the end of `until`, by control. One query."""
    values: dict[str, Any] = {"organization": organization.pk, "since": since, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, values)
        rows = cursor.fetchall()
    found = []
    for control_id, severity, is_enabled, is_counted, was_enabled, was_counted in rows:
        what = _what((is_enabled, is_counted), (was_enabled, was_counted))
        if what:
            found.append(ControlChange(control_id, severity, what))
    return tuple(found)


def _what(now: tuple[bool, bool], before: tuple[bool | None, bool | None]) -> str:
    is_enabled, is_counted = now
    was_enabled, was_counted = before
    if was_enabled is None:
        return (RELEASED_SCORED if is_counted else RELEASED) if is_enabled else ""
    if is_enabled != was_enabled:
        return ENABLED if is_enabled else DISABLED
    return COUNTED if is_counted and not was_counted else ""
