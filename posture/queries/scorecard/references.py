"""What the scores of an OU are read against: its siblings, and the OUs of the organisation."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from inventory import access
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import scoring

# Read by their day: it hangs on the number of OUs, not on how many days have been kept.
_MEDIANS: Final = """
SELECT d.area,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY d.managed_n * 100 / d.managed_d)
        FILTER (WHERE o.parent_id = %(parent)s AND o.id <> %(ou)s),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY d.managed_n * 100 / d.managed_d)
FROM posture_ouday d JOIN inventory_organizationalunit o ON o.id = d.ou_id
WHERE d.day = %(day)s AND d.managed_d > 0 AND o.depth > 0 AND o.role <> %(suspended)s
    AND o.organization_id = %(organization)s
GROUP BY d.area
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """Medians of scores on the same day; None: there is none to compare with, or it may not be seen.

    `siblings` are the other OUs below the same parent, `organization` all OUs but the root.
    """

    siblings: Decimal | None = None
    organization: Decimal | None = None


def references(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> dict[str, Reference]:
    """By area, "" for the whole score. One query.

    Whoever does not see the parent as a whole learns nothing of the siblings; whoever does not see
    the organisation, nothing of its median.
    """
    scope = access.scope_of(user)
    is_beside = scope.everything or _parent_path(ou).startswith(scope.ou_paths or ("\0",))
    values: dict[str, Any] = {
        "parent": ou.parent_id,
        "ou": ou.pk,
        "day": day,
        "suspended": OrganizationalUnit.Role.SUSPENDED,
        "organization": ou.organization_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, values)
        rows = cursor.fetchall()
    return {
        area: Reference(
            _shown(beside) if is_beside and not ou.is_root else None,
            _shown(whole) if scope.everything else None,
        )
        for area, beside, whole in rows
    }


def _parent_path(ou: OrganizationalUnit) -> str:
    return ou.path[: ou.path.rstrip("/").rfind("/") + 1]


def _shown(median: float | None) -> Decimal | None:
    return None if median is None else scoring.one_decimal(Decimal(repr(median)))
