"""What to fix next: controls that fail, by the points that they cost a score.

For the accounts of somebody, cells are read account by account: the cost hangs on how many accounts
and controls there are, not on findings, nor on how many days have been kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from findings.queries import hints
from findings.queries.hints import Hint
from inventory import links
from posture import scoring
from posture.queries.figures import Standing
from posture.queries.past import PastControl
from posture.scoring import SHARE_PLACES, WEIGHTS

SHOWN: Final = 10

# (key of an account that is scored, its criticality)
Weighed = tuple[int, int]

# What only a delegated administrator reports is about the whole organisation: of no account.
_SUMS: Final = """
SELECT x.control_id, x.title, x.severity, x.area, true, true, false,
    sum(x.passed)::int, sum(x.failed)::int, count(*) FILTER (WHERE x.failed > 0),
    count(*) FILTER (WHERE x.passed + x.failed > 0), sum(x.overdue)::int,
    sum(CASE WHEN x.failed > 0 THEN w.weight * x.factor
        - round(w.weight * x.factor * x.passed / (x.passed + x.failed), %(places)s) ELSE 0 END) AS lost,
    x.remediation_url
FROM read x JOIN unnest(%(severities)s::text[], %(weights)s::numeric[]) w (severity, weight)
    ON w.severity = x.severity
GROUP BY x.control_id, x.title, x.severity, x.area, x.remediation_url
HAVING sum(x.failed) > 0
ORDER BY lost DESC, x.control_id LIMIT %(limit)s
"""
_NOW: Final = """
WITH read AS (
    SELECT c.control_id, c.title, c.severity, c.area, c.remediation_url, o.factor,
        x.passed, x.failed, x.overdue
    FROM unnest(%(accounts)s::bigint[], %(factors)s::numeric[]) o (account_id, factor)
    JOIN posture_cell x ON x.account_id = o.account_id
    JOIN findings_control c ON c.id = x.control_id AND c.is_scored AND NOT c.is_delegated_admin_only
    WHERE COALESCE(c.scored_from <= %(day)s, true)
)
"""
# One step down an index for each account and control; what was past due then is not kept.
_THEN: Final = """
WITH weighed AS MATERIALIZED (
    SELECT c.id, c.control_id, c.title, COALESCE(w.severity, c.severity) AS severity,
        COALESCE(w.area, c.area) AS area, c.remediation_url
    FROM findings_control c
    LEFT JOIN LATERAL (
        SELECT severity, area, is_counted FROM posture_controlday d
        WHERE d.control_id = c.id
            AND d.day <= (SELECT GREATEST(%(day)s, min(day)) FROM posture_controlday)
        ORDER BY d.day DESC LIMIT 1) w ON true
    WHERE COALESCE(w.is_counted, c.is_scored) AND NOT c.is_delegated_admin_only
), read AS (
    SELECT c.*, o.factor, x.passed, x.failed, NULL::int AS overdue
    FROM unnest(%(accounts)s::bigint[], %(factors)s::numeric[]) o (account_id, factor)
    CROSS JOIN weighed c
    CROSS JOIN LATERAL (
        SELECT passed, failed FROM posture_cellday d
        WHERE d.account_id = o.account_id AND d.control_id = c.id AND d.day <= %(day)s
        ORDER BY d.day DESC LIMIT 1) x
)
"""


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A control that fails; `points` is what fixing it all would win the score beside it.

    `overdue` is None where it is not kept. `is_provisional`: new, and not scored before
    `scored_from`, which is not kept for days of the past. `fix_url` leads to AWS's own instructions.
    `prevention` is what keeps such findings from coming up, by findings/data.
    """

    control_id: str
    title: str
    severity: str
    area: str
    failed: int
    accounts_failing: int
    accounts: int
    overdue: int | None
    points: Decimal | None
    share: Decimal | None
    is_provisional: bool = False
    scored_from: date | None = None
    fix_url: str = ""
    prevention: Hint | None = None

    @property
    def is_candidate(self) -> bool:
        """A preventive control leaves the check nothing to fail on: it could be an invariant."""
        return self.prevention is not None and self.prevention.stops_finding


@dataclass(frozen=True, slots=True)
class FailingControls:
    """`top` are scored, most lost weight first; `of_all` are of the organisation: only in the root.

    `lost` are the points that all failing controls together cost, None without a score.
    """

    top: tuple[ControlRow, ...]
    lost: Decimal | None = None
    provisional: tuple[ControlRow, ...] = ()
    of_all: tuple[ControlRow, ...] = ()

    @property
    def pareto(self) -> tuple[tuple[str, Decimal, str], ...]:
        """(title, points, control id) of those that cost any, as the chart takes them."""
        return tuple((row.title, row.share, row.control_id) for row in self.top if row.share)


def failing_in(
    accounts: Iterable[Weighed], standing: Standing, *, day: date, is_frozen: bool
) -> FailingControls:
    """What to fix next in the scored accounts of somebody, as of a day. One query.

    Whoever calls has made sure that the person sees the accounts. :param standing: of them together.
    """
    found = _read(accounts, day=day, is_frozen=is_frozen)
    rows = tuple(row_of(one, whole(standing)) for one in found)
    return FailingControls(top=rows, lost=lost(standing))


def _read(accounts: Iterable[Weighed], *, day: date, is_frozen: bool) -> tuple[PastControl, ...]:
    weighed = list(accounts)
    values: dict[str, Any] = {
        "accounts": [account for account, _ in weighed],
        "factors": [factor for _, factor in weighed],
        "day": day,
        "severities": list(WEIGHTS),
        "weights": list(WEIGHTS.values()),
        "places": SHARE_PLACES,
        "limit": SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute((_THEN if is_frozen else _NOW) + _SUMS, values)
        return tuple(PastControl(*row) for row in cursor.fetchall())


def row_of(one: PastControl, weight: Decimal, scored_from: date | None = None) -> ControlRow:
    """:param weight: what the score is divided by."""
    return ControlRow(
        control_id=one.control_id,
        title=one.title,
        severity=one.severity,
        area=one.area_label,
        failed=one.failed,
        accounts_failing=one.accounts_failing,
        accounts=one.accounts,
        overdue=one.overdue,
        points=points(one.lost_weight, weight) if one.is_counted else None,
        share=one.lost_weight * 100 / weight if one.is_counted and weight else None,
        is_provisional=one.is_provisional,
        scored_from=scored_from,
        fix_url=one.remediation_url if links.is_web_link(one.remediation_url) else "",
        prevention=_prevention(one.control_id),
    )


def _prevention(control_id: str) -> Hint | None:
    """The first that leaves nothing to fail on, else the first that takes the risk away."""
    known = hints.for_control(control_id)
    return next((hint for hint in known if hint.stops_finding), known[0] if known else None)


def points(part: Decimal, weight: Decimal) -> Decimal | None:
    """Points of a score with this denominator that so much weight is worth."""
    return scoring.one_decimal(part * 100 / weight) if weight else None


def whole(standing: Standing) -> Decimal:
    """The weight that a score is divided by."""
    return standing.figures.sums.managed_d if standing.figures else Decimal(0)


def lost(standing: Standing) -> Decimal | None:
    """The points that all failing controls together cost, exactly; None without a score."""
    weight = whole(standing)
    return standing.figures.sums.lost_weight * 100 / weight if standing.figures and weight else None
