"""Who was refused what by an invariant in the accounts of a scope: what an exception would let through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from invariants.models import TrailFeed
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions.reach import Reach

DAYS: Final = 90
SHOWN: Final = 8

# Denials of the invariant in accounts that the viewer sees, narrowed by what the scope names.
_REFUSED: Final = """
WITH met AS (
    SELECT n.principal, n.action, sum(d.count)::bigint AS calls, max(n.last_at) AS last_at
    FROM invariants_denialserves s
    JOIN invariants_denial n ON n.id = s.denial_id
    JOIN invariants_denialday d ON d.denial_id = n.id AND d.day >= %(since)s
    WHERE s.invariant_id = %(invariant)s AND n.account_id = ANY(%(accounts)s::bigint[])
        AND n.principal <> '' AND n.action <> ''
        AND (%(principals)s::text[] = '{}' OR n.principal = ANY(%(principals)s::text[]))
        AND (%(actions)s::text[] = '{}' OR lower(n.action) = ANY(%(actions)s::text[]))
        AND (%(regions)s::text[] = '{}' OR n.region = ANY(%(regions)s::text[]))
    GROUP BY 1, 2
)
SELECT principal, action, calls, last_at, count(*) OVER (), sum(calls) OVER (),
    (SELECT count(DISTINCT principal) FROM met), (SELECT count(DISTINCT action) FROM met)
FROM met ORDER BY calls DESC, principal, action LIMIT %(shown)s
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A principal that was refused an action so many times within DAYS."""

    principal: str
    action: str
    calls: int
    last_at: datetime

    @property
    def short(self) -> str:
        return self.principal.split(":", 5)[-1]


@dataclass(frozen=True, slots=True)
class Refused:
    """`is_known`: something records denials. `since`: from when on, at most DAYS back.

    `pairs` are the most frequent; the numbers are over all. `is_by_tag`: of these principals only those
    count that carry a tag of the scope, and which do nothing records: they are the most that there can be.
    """

    is_known: bool
    since: datetime | None = None
    pairs: tuple[Pair, ...] = ()
    all_pairs: int = 0
    calls: int = 0
    principals: int = 0
    actions: int = 0
    is_by_tag: bool = False


def of_reach(reach: Reach, *, now: datetime) -> Refused:
    """Two queries. Whoever calls has narrowed the accounts to those that the user sees."""
    first = (
        TrailFeed.objects.filter(organization=reach.organization)
        .order_by("first_event_at")
        .values_list("first_event_at", flat=True)
        .first()
    )
    if first is None or reach.invariant is None:
        return Refused(is_known=False)
    since = max(first, now - timedelta(days=DAYS))
    rows = _rows(reach, since=since)
    if not rows:
        return Refused(is_known=True, since=since)
    _, _, _, _, pairs, calls, principals, actions = rows[0]
    return Refused(
        is_known=True,
        since=since,
        pairs=tuple(Pair(*row[:4]) for row in rows),
        all_pairs=int(pairs),
        calls=int(calls),
        principals=int(principals),
        actions=int(actions),
        is_by_tag=bool(reach.of(ScopeKind.PRINCIPAL_TAG)),
    )


def _rows(reach: Reach, *, since: datetime) -> list[tuple[Any, ...]]:
    by_tag = bool(reach.of(ScopeKind.PRINCIPAL_TAG))
    bound = {
        "since": since.date(),
        "invariant": reach.invariant.pk if reach.invariant else None,
        "accounts": [account.pk for account in reach.accounts],
        "principals": [] if by_tag else list(reach.of(ScopeKind.PRINCIPAL)),
        "actions": [action.lower() for action in reach.of(ScopeKind.ACTION)],
        "regions": list(reach.of(ScopeKind.REGION)),
        "shown": SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, bound)
        return list(cursor.fetchall())
