"""What stands beside the score of an OU, from the sums that the findings list shows as well.

Sums are of now: a day that is over has none of them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from findings.models import Dimension, Status, bits
from inventory.models import OrganizationalUnit
from posture import scoring
from posture.scoring import AwsControlStatus

_SUPPRESSED: Final = "SUPPRESSED"
_DISABLED_SHOWN: Final = 8
_PLACE: Final = {status: place for place, status in enumerate(Status)}
# Security Hub's own rule (aws.md 1.5): what is suppressed or archived is looked past; the worst of the
# rest is the control's. Columns of FacetCount are in the order of the bits; the root has no OU.
# Controls are disabled for the whole organisation.
_NOW: Final = """
SELECT controls.*, (
    SELECT COALESCE(sum(f.findings), 0)::bigint
    FROM findings_facetvalue v JOIN findings_facetcount f ON f.a = v.id
    WHERE v.dimension = %(workflow)s AND v.text = %(suppressed)s
        AND f.dimensions = %(of_all)s AND f.status = %(open)s AND f.b = %(ou)s AND f.c = 0
), ARRAY(
    SELECT ARRAY[c.control_id, c.title, c.disabled_reason] FROM findings_control c
    WHERE c.organization_id = %(organization)s AND c.status = 'DISABLED' AND c.is_scored
    ORDER BY c.control_id
)
FROM (
    SELECT count(*) FILTER (WHERE failed) AS failed,
        count(*) FILTER (WHERE unknown AND NOT failed) AS unknown,
        count(*) FILTER (WHERE passed AND NOT unknown AND NOT failed) AS passed
    FROM (
        SELECT f.b, bool_or(f.status = %(open)s) AS failed, bool_or(f.status = %(unknown)s) AS unknown,
            bool_or(f.status = %(passed)s) AS passed
        FROM findings_facetcount f
        JOIN findings_facetvalue v ON v.id = f.a AND v.text <> %(suppressed)s
        WHERE f.dimensions = %(by_control)s AND f.status = ANY(%(statuses)s) AND f.c = %(ou)s
            AND f.findings > 0 AND v.dimension = %(workflow)s
        GROUP BY f.b
    ) one JOIN findings_control c ON c.id = one.b AND c.is_scored AND c.status = 'ENABLED'
) controls
"""
# Of one owner; 0 is no owner.
_OF_TEAM: Final = """
SELECT COALESCE(sum(f.findings), 0)::bigint
FROM findings_facetvalue v JOIN findings_facetcount f ON f.a = v.id
WHERE v.dimension = %(workflow)s AND v.text = %(suppressed)s
    AND f.dimensions = %(dimensions)s AND f.status = %(open)s AND f.b = %(team)s AND f.c = 0
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
    """What scores tell of exceptions, beside their register: the load, and what hides failures.

    `suppressed` are open findings that somebody set to SUPPRESSED in Security Hub: without an
    approved exception they count as failing. Controls are disabled for the whole organisation.
    None: not kept for a day that is over.
    """

    load: Decimal | None
    suppressed: int | None
    disabled: int | None
    controls: tuple[DisabledControl, ...] = ()


def then(load: Decimal | None) -> Exceptions:
    """Of a day that is over: no more than the load of its score is kept. No query."""
    return Exceptions(load, None, None)


def now(ou: OrganizationalUnit, load: Decimal | None) -> tuple[AwsFigure, Exceptions]:
    """Whoever calls has made sure that the person sees the OU. One query.

    :param load: of exceptions on the score, in percent.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOW, _values(ou))
        failed, unknown, passed, suppressed, disabled = cursor.fetchone()
    statuses = (
        [AwsControlStatus.PASSED] * passed
        + [AwsControlStatus.FAILED] * failed
        + [AwsControlStatus.UNKNOWN] * unknown
    )
    figure = AwsFigure(scoring.aws_security_score(statuses), passed, failed, unknown)
    shown = tuple(DisabledControl(*control) for control in disabled[:_DISABLED_SHOWN])
    return figure, Exceptions(load, suppressed, len(disabled), shown)


def _values(ou: OrganizationalUnit) -> dict[str, Any]:
    def dimensions(*some: Dimension) -> int:
        return bits(some if ou.is_root else [*some, Dimension.OU])

    return {
        "by_control": dimensions(Dimension.WORKFLOW, Dimension.CONTROL),
        "of_all": dimensions(Dimension.WORKFLOW),
        "ou": 0 if ou.is_root else ou.pk,
        "organization": ou.organization_id,
        "workflow": Dimension.WORKFLOW,
        "suppressed": _SUPPRESSED,
        "statuses": [_PLACE[status] for status in (Status.OPEN, Status.UNKNOWN, Status.PASSED)],
        "open": _PLACE[Status.OPEN],
        "passed": _PLACE[Status.PASSED],
        "unknown": _PLACE[Status.UNKNOWN],
    }


def suppressed_of(team: int) -> int:
    """Open findings of an owner's accounts that somebody set to SUPPRESSED. One query.

    Whoever calls has made sure that the person sees all of them. :param team: its key, 0 is none.
    """
    values: dict[str, Any] = {
        "dimensions": bits([Dimension.WORKFLOW, Dimension.TEAM]),
        "workflow": Dimension.WORKFLOW,
        "suppressed": _SUPPRESSED,
        "open": _PLACE[Status.OPEN],
        "team": team,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OF_TEAM, values)
        return int(cursor.fetchone()[0])
