"""What moved a score between two days, cell by cell, and summed by cause: the SQL behind the split.

Nothing here reads the cells that stayed as they were. A cell is looked at when it has a row between
the days, when its control weighs something else, or when its account came, left, moved or weighs
something else. Its state on the first day is one step down the index of CellDay; that on the last
day is its newest row between them, or the same.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection

from posture.scoring import SHARE_PLACES, WEIGHTS, Part, Share

_WEIGHT: Final = (
    "CASE WHEN {0}.is_counted THEN CASE {0}.severity "
    + " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    + " ELSE 0 END ELSE 0 END"
)


def _share(weight: str, passed: str, failed: str) -> str:
    """The numerator of posture.scoring.Sums.of_cell."""
    return (
        f"CASE WHEN {passed} + {failed} > 0 THEN"
        f" round({weight} * {passed} / ({passed} + {failed}), {SHARE_PLACES}) ELSE 0 END"
    )


def _whole(weight: str, passed: str, failed: str) -> str:
    return f"CASE WHEN {passed} + {failed} > 0 THEN {weight} ELSE 0 END"


# stood: each account on either day, 0 where it was nowhere. route: which of the OUs asked for the
# accounts of two places counted in, on which day. traveller: the accounts that counted in any.
# A day before the first row of all controls takes that row: no earlier one was ever written.
MOVED: Final = f"""
WITH target AS MATERIALIZED (
    SELECT id, organization_id, path, depth = 0 AS is_root FROM inventory_organizationalunit
    WHERE id = ANY(%(ous)s)
), below AS MATERIALIZED (
    SELECT t.id AS target, o.id AS ou_id FROM target t JOIN inventory_organizationalunit o
        ON o.organization_id = t.organization_id AND starts_with(o.path, t.path)
), stood AS MATERIALIZED (
    SELECT account_id,
        COALESCE(max(ou_id) FILTER (WHERE day = %(since)s), 0) AS ou_0,
        COALESCE(max(ou_id) FILTER (WHERE day = %(until)s), 0) AS ou_1,
        COALESCE(bool_or(is_scored) FILTER (WHERE day = %(since)s), false) AS scored_0,
        COALESCE(bool_or(is_scored) FILTER (WHERE day = %(until)s), false) AS scored_1,
        max(criticality) FILTER (WHERE day = %(since)s) AS k_0,
        max(criticality) FILTER (WHERE day = %(until)s) AS k_1
    FROM posture_accountday WHERE area = '' AND day IN (%(since)s, %(until)s) GROUP BY account_id
), route AS MATERIALIZED (
    SELECT target, ou_0, ou_1, scored_0, scored_1, bool_or(was_in) AS was_in, bool_or(is_in) AS is_in
    FROM (
        SELECT b.target, s.ou_0, s.ou_1, s.scored_0, s.scored_1, true AS was_in, false AS is_in
        FROM stood s JOIN below b ON b.ou_id = s.ou_0 WHERE s.scored_0
        UNION ALL
        SELECT b.target, s.ou_0, s.ou_1, s.scored_0, s.scored_1, false, true
        FROM stood s JOIN below b ON b.ou_id = s.ou_1 WHERE s.scored_1
    ) ways GROUP BY 1, 2, 3, 4, 5
), traveller AS MATERIALIZED (
    SELECT s.account_id, s.k_0 IS DISTINCT FROM s.k_1
        OR (s.ou_0, s.scored_0) <> (s.ou_1, s.scored_1) AS has_moved
    FROM stood s WHERE s.scored_0 AND s.ou_0 IN (SELECT ou_id FROM below)
        OR s.scored_1 AND s.ou_1 IN (SELECT ou_id FROM below)
), weighed AS MATERIALIZED (
    SELECT c.id, c.organization_id, c.control_id AS name, c.is_delegated_admin_only AS is_of_all,
        COALESCE({_WEIGHT.format("b")}, 0)::numeric AS w_0, COALESCE(b.is_counted, false) AS counted_0,
        COALESCE(b.is_enabled, false) AS on_0,
        COALESCE({_WEIGHT.format("a")}, 0)::numeric AS w_1, COALESCE(a.is_counted, false) AS counted_1,
        COALESCE(a.is_enabled, false) AS on_1
    FROM findings_control c
    LEFT JOIN LATERAL (
        SELECT * FROM posture_controlday d WHERE d.control_id = c.id
            AND d.day <= (SELECT GREATEST(%(since)s, min(day)) FROM posture_controlday)
        ORDER BY d.day DESC LIMIT 1) b ON true
    LEFT JOIN LATERAL (
        SELECT * FROM posture_controlday d WHERE d.control_id = c.id
            AND d.day <= (SELECT GREATEST(%(until)s, min(day)) FROM posture_controlday)
        ORDER BY d.day DESC LIMIT 1) a ON true
    WHERE c.organization_id IN (SELECT organization_id FROM target)
), newest AS MATERIALIZED (
    SELECT DISTINCT ON (d.account_id, d.control_id) d.account_id, d.control_id,
        d.passed, d.failed, d.excepted, d.unknown
    FROM posture_cellday d
    WHERE d.day > %(since)s AND d.day <= %(until)s
        AND (d.account_id IN (SELECT account_id FROM traveller)
            OR d.control_id IN (SELECT id FROM weighed WHERE is_of_all))
    ORDER BY d.account_id, d.control_id, d.day DESC
), weighed_anew AS (
    SELECT t.account_id, w.id AS control_id FROM traveller t CROSS JOIN weighed w
    WHERE t.has_moved AND NOT w.is_of_all AND (w.w_0 > 0 OR w.w_1 > 0)
    UNION
    SELECT t.account_id, w.id FROM traveller t CROSS JOIN weighed w WHERE w.w_0 <> w.w_1
    UNION
    SELECT s.account_id, w.id FROM stood s CROSS JOIN weighed w
    WHERE w.is_of_all AND (w.w_0 <> w.w_1 OR s.ou_0 = 0 OR s.ou_1 = 0)
), touched AS (
    SELECT *, true AS has_changed FROM newest
    UNION ALL
    SELECT account_id, control_id, NULL, NULL, NULL, NULL, false FROM weighed_anew x
    WHERE NOT EXISTS (SELECT 1 FROM newest n
        WHERE n.account_id = x.account_id AND n.control_id = x.control_id)
), state AS (
    SELECT t.account_id, t.control_id, w.organization_id, w.name AS control, w.is_of_all,
        s.ou_0, s.ou_1,
        s.scored_0, s.scored_1, w.w_0, w.w_1, w.counted_0, w.counted_1, w.on_0, w.on_1,
        CASE WHEN w.is_of_all THEN 1 ELSE COALESCE(s.k_0, 0) END::numeric AS k_0,
        CASE WHEN w.is_of_all THEN 1 ELSE COALESCE(s.k_1, 0) END::numeric AS k_1,
        COALESCE(b.passed, 0) AS p_0, COALESCE(b.failed, 0) AS f_0,
        COALESCE(b.excepted, 0) AS x_0, COALESCE(b.unknown, 0) AS u_0,
        -- Without a row between the days it is as it was.
        CASE WHEN t.has_changed THEN t.passed ELSE COALESCE(b.passed, 0) END AS p_1,
        CASE WHEN t.has_changed THEN t.failed ELSE COALESCE(b.failed, 0) END AS f_1,
        CASE WHEN t.has_changed THEN t.excepted ELSE COALESCE(b.excepted, 0) END AS x_1,
        CASE WHEN t.has_changed THEN t.unknown ELSE COALESCE(b.unknown, 0) END AS u_1
    FROM touched t JOIN weighed w ON w.id = t.control_id JOIN stood s ON s.account_id = t.account_id
    LEFT JOIN LATERAL (
        SELECT * FROM posture_cellday d
        WHERE d.account_id = t.account_id AND d.control_id = t.control_id AND d.day <= %(since)s
        ORDER BY d.day DESC LIMIT 1) b ON true
    WHERE w.is_of_all OR t.account_id IN (SELECT account_id FROM traveller)
    OFFSET 0
), evaluated AS (
    SELECT *, w_0 * k_0 > 0 AND p_0 + f_0 > 0 AND (NOT is_of_all OR ou_0 > 0) AS ev_0,
        w_1 * k_1 > 0 AND p_1 + f_1 > 0 AND (NOT is_of_all OR ou_1 > 0) AS ev_1,
        f_1 + x_1 - LEAST(x_0, f_1 + x_1) AS f_r,
        (ou_0, scored_0) <> (ou_1, scored_1) AS has_moved
    FROM state OFFSET 0
), counted AS (
    -- Its share before and after, and with what was done in it but nothing else.
    SELECT *, CASE WHEN ev_0 THEN {_share("w_0 * k_0", "p_0", "f_0")} END AS n_0,
        CASE WHEN ev_1 THEN {_share("w_1 * k_1", "p_1", "f_1")} END AS n_1,
        CASE WHEN ev_0 AND ev_1 THEN {_share("w_0 * k_0", "p_1", "f_r")} END AS n_done,
        {_whole("w_0 * k_0", "p_1", "f_r")} AS d_done
    FROM evaluated WHERE ev_0 OR ev_1 OFFSET 0
)
"""
# How a cell of an account counts where the account stayed in the OU (STAYED), or for an OU that it
# left (LEFT) or came to (CAME). A step from one weight to the next, so that each has its own cause.
# Each is worked out only where it applies: of most cells that changed, one does.
STEPS: Final = f"""
CROSS JOIN LATERAL (
    SELECT 'LEFT', 'exits', CASE WHEN c.ou_1 = 0 THEN 'account left'
            WHEN NOT c.scored_1 THEN 'account no longer scored' ELSE 'account moved' END,
        true, -c.n_0, -c.w_0 * c.k_0
    WHERE c.has_moved AND c.ev_0
    UNION ALL
    SELECT 'CAME', 'entries', CASE WHEN c.ou_0 = 0 THEN 'account joined'
            WHEN NOT c.scored_0 THEN 'account now scored' ELSE 'account moved' END,
        true, c.n_1, c.w_1 * c.k_1
    WHERE c.has_moved AND c.ev_1
    UNION ALL
    SELECT 'STAYED', 'exits', CASE
            WHEN c.on_0 AND NOT c.on_1 THEN 'control disabled'
            WHEN NOT c.counted_1 THEN 'control no longer scored'
            WHEN c.w_1 = 0 THEN 'severity changed'
            WHEN c.x_1 > 0 THEN 'exception granted'
            WHEN c.u_1 > 0 THEN 'data lost' ELSE 'resources gone' END,
        c.w_1 > 0 AND c.on_0 = c.on_1 AND c.x_1 = 0 AND c.u_1 > 0, -c.n_0, -c.w_0 * c.k_0
    WHERE c.ev_0 AND NOT c.ev_1
    UNION ALL
    SELECT 'STAYED', 'entries', CASE
            WHEN c.on_1 AND NOT c.on_0 THEN 'control enabled'
            WHEN NOT c.counted_0 THEN 'control left grace'
            WHEN c.w_0 = 0 THEN 'severity changed'
            WHEN c.x_0 > 0 THEN 'exception expired'
            WHEN c.u_0 > 0 THEN 'data regained' ELSE 'resources added' END,
        c.w_0 > 0 AND c.on_0 = c.on_1 AND c.x_0 = 0 AND c.u_0 > 0, c.n_1, c.w_1 * c.k_1
    WHERE c.ev_1 AND NOT c.ev_0
    UNION ALL
    SELECT 'STAYED', 'posture', CASE WHEN c.d_done = 0 THEN 'resources gone'
            WHEN c.n_done > c.n_0 THEN 'improved' ELSE 'worsened' END,
        false, c.n_done - c.n_0, c.d_done - c.w_0 * c.k_0
    WHERE c.ev_0 AND c.ev_1
    UNION ALL
    SELECT 'STAYED', 'posture', 'severity changed', false,
        {_share("c.w_1 * c.k_0", "c.p_1", "c.f_r")} - c.n_done,
        {_whole("c.w_1 * c.k_0", "c.p_1", "c.f_r")} - c.d_done
    WHERE c.ev_0 AND c.ev_1 AND c.w_0 <> c.w_1
    UNION ALL
    SELECT 'STAYED', 'posture', 'criticality changed', true,
        {_share("c.w_1 * c.k_1", "c.p_1", "c.f_r")} - {_share("c.w_1 * c.k_0", "c.p_1", "c.f_r")},
        {_whole("c.w_1 * c.k_1", "c.p_1", "c.f_r")} - {_whole("c.w_1 * c.k_0", "c.p_1", "c.f_r")}
    WHERE c.ev_0 AND c.ev_1 AND c.k_0 <> c.k_1
    UNION ALL
    SELECT 'STAYED', 'exceptions',
        CASE WHEN c.x_1 > c.x_0 THEN 'exception granted' ELSE 'exception expired' END, false,
        c.n_1 - {_share("c.w_1 * c.k_1", "c.p_1", "c.f_r")},
        c.w_1 * c.k_1 - {_whole("c.w_1 * c.k_1", "c.p_1", "c.f_r")}
    WHERE c.ev_0 AND c.ev_1 AND c.f_r <> c.f_1
    OFFSET 0
) m (way, part, cause, is_account, n, d)
"""
# By the way between two OUs first: as often as there are causes, not as often as there are cells.
_BY_CAUSE: Final = f"""
{MOVED}, grouped AS MATERIALIZED (
    SELECT c.ou_0, c.ou_1, c.scored_0, c.scored_1, c.organization_id, c.is_of_all, m.way, m.part, m.cause,
        CASE WHEN m.is_account THEN c.account_id END AS account_id,
        CASE WHEN m.is_account THEN NULL ELSE c.control END AS control,
        count(*) AS cells, sum(m.n) AS n, sum(m.d) AS d
    FROM counted c {STEPS} WHERE m.n <> 0 OR m.d <> 0
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), of_target AS (
    SELECT r.target, g.* FROM route r JOIN grouped g ON NOT g.is_of_all
        AND g.ou_0 = r.ou_0 AND g.ou_1 = r.ou_1
        AND g.scored_0 = r.scored_0 AND g.scored_1 = r.scored_1
        AND g.way = CASE WHEN r.was_in AND r.is_in THEN 'STAYED' WHEN r.was_in THEN 'LEFT' ELSE 'CAME' END
    UNION ALL
    SELECT t.id, g.* FROM target t JOIN grouped g ON g.is_of_all AND t.is_root AND g.way = 'STAYED'
        AND g.organization_id = t.organization_id
)
SELECT o.target, o.part, o.cause, COALESCE(o.control, a.name), sum(o.cells)::bigint, sum(o.n), sum(o.d)
FROM of_target o LEFT JOIN inventory_account a ON a.id = o.account_id
GROUP BY o.target, o.part, o.cause, o.control, o.account_id, a.name ORDER BY 1, 2, 3, 4, o.account_id
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """Cells that moved the score of an OU in one part for one cause.

    `name` is the control, or the account where it is the account that changed. `share` is what they
    added to numerator and denominator; negative for what they took away.
    """

    part: Part
    cause: str
    name: str
    cells: int
    share: Share


def by_cause(ous: Collection[int], *, since: date, until: date) -> dict[int, list[Moved]]:
    """What moved the scores of these OUs (keys), by OU. One query.

    Both must be days with a rollup.
    """
    values: dict[str, Any] = {"ous": sorted(ous), "since": since, "until": until}
    found: dict[int, list[Moved]] = {ou: [] for ou in ous}
    with connection.cursor() as cursor:
        cursor.execute(_BY_CAUSE, values)
        for target, part, cause, name, cells, n, d in cursor.fetchall():
            found[target].append(Moved(Part(part), cause, name, cells, Share(n, d)))
    return found
