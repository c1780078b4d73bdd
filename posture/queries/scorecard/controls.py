"""The controls that fail below an OU: those that cost it most, and those that are not scored in it."""

from collections.abc import Callable
from datetime import date
from itertools import islice
from typing import Any, Final

from django.db import connection

from inventory.models import OrganizationalUnit
from posture.queries import fixing, past
from posture.queries.figures import Standing
from posture.queries.fixing import ControlRow, FailingControls
from posture.queries.past import PastControl

BESIDE_SHOWN: Final = 20
# A control with a day that has not come is provisional. Each half is read in the order of its index.
_FAILING: Final = """
WITH failing AS NOT MATERIALIZED (
    SELECT CASE WHEN c.scored_from > %(day)s THEN c.scored_from END AS since, c.control_id, c.title,
        c.severity, c.area, c.is_scored AND COALESCE(c.scored_from <= %(day)s, true) AS is_counted,
        c.is_scored, c.is_delegated_admin_only, x.passed, x.failed, x.accounts_failing, x.accounts,
        x.overdue, x.lost_weight, c.remediation_url
    FROM posture_oucontrol x JOIN findings_control c ON c.id = x.control_id
    WHERE x.ou_id = %(ou)s AND x.failed > 0
)
(SELECT * FROM failing WHERE since IS NULL AND NOT is_delegated_admin_only
ORDER BY lost_weight DESC, control_id LIMIT %(top)s)
UNION ALL
(SELECT * FROM failing WHERE since IS NOT NULL OR is_delegated_admin_only
ORDER BY lost_weight DESC, control_id LIMIT %(beside)s)
"""


def failing_controls(
    ou: OrganizationalUnit, standing: Standing, *, day: date, is_frozen: bool
) -> FailingControls:
    """Whoever calls has made sure that the person sees the OU. One query."""
    found = _then(ou, day=day) if is_frozen else _now(ou, day=day)
    weight = fixing.whole(standing)

    def rows(
        is_wanted: Callable[[PastControl], bool], limit: int | None = None
    ) -> tuple[ControlRow, ...]:
        wanted = (pair for pair in found if is_wanted(pair[0]))
        return tuple(fixing.row_of(one, weight, since) for one, since in islice(wanted, limit))

    return FailingControls(
        top=rows(lambda one: not (one.is_provisional or one.is_of_all), fixing.SHOWN),
        lost=fixing.lost(standing),
        provisional=rows(lambda one: one.is_provisional, BESIDE_SHOWN),
        of_all=rows(lambda one: one.is_of_all and not one.is_provisional),
    )


def _then(ou: OrganizationalUnit, *, day: date) -> list[tuple[PastControl, date | None]]:
    return [(one, None) for one in past.failing_in_ou(ou.pk, day=day)]


def _now(ou: OrganizationalUnit, *, day: date) -> list[tuple[PastControl, date | None]]:
    """Each with the day from which on it is scored, None for those that are."""
    values: dict[str, Any] = {"ou": ou.pk, "day": day, "top": fixing.SHOWN, "beside": BESIDE_SHOWN}
    with connection.cursor() as cursor:
        cursor.execute(_FAILING, values)
        return [(PastControl(*row), since) for since, *row in cursor.fetchall()]
