"""What stands beside the score of an OU, from the sums that the findings list shows as well.

Sums are of now: a day that is over has none of them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from findings.models import Control, Dimension, Status, bits
from inventory.models import OrganizationalUnit
from posture import scoring
from posture.scoring import AwsControlStatus

_SUPPRESSED: Final = "SUPPRESSED"
_DISABLED_SHOWN: Final = 8
_PLACE: Final = {status: place for place, status in enumerate(Status)}
# Security Hub's own rule (aws.md 1.5): what is suppressed or archived is looked past; the worst of the
# rest is the control's. Columns of FacetCount are in the order of the bits; the root has no OU.
_STATUSES: Final = """
SELECT count(*) FILTER (WHERE failed), count(*) FILTER (WHERE unknown AND NOT failed),
    count(*) FILTER (WHERE passed AND NOT unknown AND NOT failed)
FROM (
    SELECT f.b, bool_or(f.status = %(open)s) AS failed, bool_or(f.status = %(unknown)s) AS unknown,
        bool_or(f.status = %(passed)s) AS passed
    FROM findings_facetcount f
    JOIN findings_facetvalue v ON v.id = f.a AND v.text <> %(suppressed)s
    JOIN findings_control c ON c.id = f.b AND c.is_scored AND c.status = 'ENABLED'
    WHERE f.dimensions = %(dimensions)s AND f.status = ANY(%(statuses)s) AND f.c = %(ou)s
        AND f.findings > 0 AND v.dimension = %(workflow)s
    GROUP BY f.b
) controls
"""
_HIDDEN: Final = """
SELECT COALESCE(sum(f.findings), 0)::bigint, COALESCE(count(f.findings), 0)
FROM findings_facetvalue v JOIN findings_facetcount f ON f.a = v.id
WHERE v.dimension = %(workflow)s AND v.text = %(suppressed)s
    AND f.dimensions = %(dimensions)s AND f.status = %(open)s AND f.b = %(ou)s AND f.c = 0
"""


@dataclass(frozen=True, slots=True)
class AwsFigure:
    """Security Hub's own score of the accounts of an OU, a whole per cent; None: nothing is counted."""

    score: int | None
    passed: int
    failed: int
    unknown: int

    @property
    def controls(self) -> int:
        return self.passed + self.failed + self.unknown


@dataclass(frozen=True, slots=True)
class DisabledControl:
    control_id: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What is known of exceptions without a register: the load of the score, and what hides failures.

    `suppressed` are open findings that somebody set to SUPPRESSED in Security Hub: without an
    approved exception they count as failing. Controls are disabled for the whole organisation.
    None: not kept for a day that is over.
    """

    load: Decimal | None
    suppressed: int | None
    disabled: int | None
    controls: tuple[DisabledControl, ...] = ()


def aws_figure(ou: OrganizationalUnit) -> AwsFigure:
    """Whoever calls has made sure that the person sees the OU. One query."""
    dimensions = [Dimension.WORKFLOW, Dimension.CONTROL]
    counted = (Status.OPEN, Status.UNKNOWN, Status.PASSED)
    values = _values(ou, dimensions) | {"statuses": [_PLACE[status] for status in counted]}
    failed, unknown, passed = _one(_STATUSES, values)
    statuses = (
        [AwsControlStatus.PASSED] * passed
        + [AwsControlStatus.FAILED] * failed
        + [AwsControlStatus.UNKNOWN] * unknown
    )
    return AwsFigure(scoring.aws_security_score(statuses), passed, failed, unknown)


def exceptions(ou: OrganizationalUnit, load: Decimal | None, *, is_frozen: bool) -> Exceptions:
    """Whoever calls has made sure that the person sees the OU. Two queries, none of a frozen day."""
    if is_frozen:
        return Exceptions(load, None, None)
    suppressed, _ = _one(_HIDDEN, _values(ou, [Dimension.WORKFLOW]))
    disabled = Control.objects.filter(
        organization=ou.organization_id, status=Control.Status.DISABLED, is_scored=True
    ).order_by("control_id")
    rows = [
        DisabledControl(control.control_id, control.title, control.disabled_reason)
        for control in disabled
    ]
    return Exceptions(load, suppressed, len(rows), tuple(rows[:_DISABLED_SHOWN]))


def _values(ou: OrganizationalUnit, dimensions: list[Dimension]) -> dict[str, Any]:
    return {
        "dimensions": bits(dimensions if ou.is_root else [*dimensions, Dimension.OU]),
        "ou": 0 if ou.is_root else ou.pk,
        "workflow": Dimension.WORKFLOW,
        "suppressed": _SUPPRESSED,
        "open": _PLACE[Status.OPEN],
        "passed": _PLACE[Status.PASSED],
        "unknown": _PLACE[Status.UNKNOWN],
    }


def _one(statement: str, values: dict[str, Any]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(cursor.fetchone())
