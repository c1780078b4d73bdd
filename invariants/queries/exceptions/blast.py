"""The blast radius of an exception: what it would let through, and what would no longer count.

Its cost hangs on the scope: accounts and controls are looked up one by one on the index of cells, and
no more than MOST findings are read. What nothing records is None, which is not the same as nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from django.db import connection

from findings.models import Finding, Severity
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions import reach as reaching
from invariants.queries.exceptions import refused
from invariants.queries.exceptions.reach import Reach
from invariants.queries.exceptions.refused import Refused
from inventory.access import AnyUser
from inventory.models import Account

# More findings than these are not read: the answer is "more than".
MOST: Final = 5_000
EXAMPLES: Final = 5
ACCOUNTS_SHOWN: Final = 6
_RANKS: Final = {4: "CRITICAL", 3: "HIGH", 2: "MEDIUM", 1: "LOW", 0: "INFORMATIONAL"}

# One step down the index of cells for each account and control of the scope.
_COVERED: Final = """
SELECT f.id, f.severity_rank, f.is_excepted
FROM unnest(%(accounts)s::bigint[]) a (id)
CROSS JOIN unnest(%(controls)s::bigint[]) c (id)
CROSS JOIN LATERAL (
    SELECT x.* FROM findings_finding x
    WHERE x.control_id = c.id AND x.account_id = a.id AND x.status = 'OPEN'
        AND (%(regions)s::text[] = '{}' OR x.region = ANY(%(regions)s::text[]))
        AND (NOT %(is_of_resources)s OR x.resource_id = ANY(%(resources)s::text[])
            OR x.resource_id ~ ANY(%(patterns)s::text[])
            OR (%(tags)s::text[] <> '{}' AND EXISTS (
                SELECT FROM findings_findingpayload p,
                    jsonb_path_query(p.payload, '$.Resources[*].Tags.keyvalue()') AS tag
                WHERE p.finding_id = x.id
                    AND (tag ->> 'key') || '=' || (tag ->> 'value') = ANY(%(tags)s::text[]))))
    LIMIT %(most)s) f
LIMIT %(most)s
"""
_OF_KEY: Final = """
SELECT id, severity_rank, is_excepted FROM findings_finding
WHERE organization_id = %(organization)s AND key = %(key)s AND status = 'OPEN'
    AND account_id = ANY(%(accounts)s::bigint[])
"""
# A resource is excepted in its cell once every open finding of it there is: the rule of posture's cells.
_MOVED: Final = """
SELECT f.account_id, f.control_id, count(DISTINCT f.resource_hash)
FROM findings_finding f
WHERE f.id = ANY(%(ids)s::bigint[]) AND NOT f.is_excepted AND NOT EXISTS (
    SELECT FROM findings_finding o
    WHERE o.account_id = f.account_id AND o.control_id = f.control_id
        AND o.resource_hash = f.resource_hash AND o.status = 'OPEN' AND NOT o.is_excepted
        AND o.id <> ALL(%(ids)s::bigint[]))
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """So many resources of a cell would count as excepted instead of failed."""

    account_id: int
    control_id: int
    resources: int


@dataclass(frozen=True, slots=True)
class ScoreEffect:
    """What becomes of the managed score of a place, in points of 0-100 with one decimal.

    `weight_pct` is the share of the weight that would be under exception because of it. `place` is
    for people. None where there is no score.
    """

    place: str
    before: Decimal | None
    after: Decimal | None
    points: Decimal | None
    weight_pct: Decimal | None


ScoreSource: TypeAlias = Callable[[AnyUser, Sequence[Moved]], tuple[ScoreEffect, ...]]
_score_sources: list[ScoreSource] = []


def register_score(source: ScoreSource) -> None:
    """Ask `source` what becomes of scores: the floor above knows them."""
    if source not in _score_sources:
        _score_sources.append(source)


@dataclass(frozen=True, slots=True)
class Example:
    pk: int
    title: str
    severity: str
    resource: str
    account_name: str


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """`findings` are open now and in the scope, `already` of them excepted by something else.

    `has_more`: only the first MOST were counted, and the score is not worked out. `scores` None: not
    worked out. `refused` None: no policy changes, so nobody may do more than before.
    `is_partial`: only of accounts that the viewer sees. `controls`: how many controls' findings count.
    """

    findings: int
    already: int
    has_more: bool
    by_severity: tuple[tuple[str, int], ...]
    examples: tuple[Example, ...]
    accounts: tuple[Account, ...]
    controls: int
    scores: tuple[ScoreEffect, ...] | None
    refused: Refused | None
    is_partial: bool
    is_of_invariant: bool

    @property
    def worst(self) -> str:
        return self.by_severity[0][0] if self.by_severity else ""

    @property
    def shown_accounts(self) -> tuple[Account, ...]:
        return self.accounts[:ACCOUNTS_SHOWN]

    @property
    def more_accounts(self) -> int:
        return max(len(self.accounts) - ACCOUNTS_SHOWN, 0)

    @property
    def more_findings(self) -> int:
        return max(self.findings - len(self.examples), 0)


def radius(user: AnyUser, request: ExceptionRequest, *, now: datetime) -> BlastRadius:
    """Of what has been asked for, as it would be now. A dozen queries at most."""
    return of_reach(user, reaching.of_request(user, request), now=now)


def of_reach(user: AnyUser, reach: Reach, *, now: datetime) -> BlastRadius:
    rows = _covered(reach)
    has_more = len(rows) > MOST
    rows = rows[:MOST]
    counted = Counter(_RANKS[rank] for _, rank, _ in rows)
    moved = () if has_more else _moved([pk for pk, _, _ in rows])
    return BlastRadius(
        findings=len(rows),
        already=sum(is_excepted for _, _, is_excepted in rows),
        has_more=has_more,
        by_severity=tuple((name, counted[name]) for name in _RANKS.values() if counted[name]),
        examples=_examples(user, rows),
        accounts=reach.accounts,
        controls=len(reach.controls),
        scores=None if has_more else _scores(user, moved),
        refused=refused.of_reach(reach, now=now) if reach.has_policy else None,
        is_partial=reaching.is_partial(user, reach),
        is_of_invariant=reach.invariant is not None,
    )


def _covered(reach: Reach) -> list[tuple[int, int, bool]]:
    """(key, severity rank, whether it is excepted already), one more than MOST at most. One query."""
    if not reach.accounts or not (reach.finding_key or reach.controls):
        return []
    patterns = [_regex(one) for one in reach.of(ScopeKind.PATTERN)]
    bound: dict[str, Any] = reaching.values(reach) | {"patterns": patterns, "most": MOST + 1}
    bound["is_of_resources"] = bool(bound["resources"] or patterns or bound["tags"])
    with connection.cursor() as cursor:
        cursor.execute(_OF_KEY if reach.finding_key else _COVERED, bound)
        return list(cursor.fetchall())


def _regex(pattern: str) -> str:
    """As actions.exceptions.effects reads a pattern; a test holds both to the same findings."""
    parts = ({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return f"^{''.join(parts)}$"


def _moved(ids: list[int]) -> tuple[Moved, ...]:
    if not ids:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {"ids": ids})
        return tuple(Moved(*row) for row in cursor.fetchall())


def _scores(user: AnyUser, moved: Sequence[Moved]) -> tuple[ScoreEffect, ...]:
    return tuple(effect for source in _score_sources for effect in source(user, moved))


def _examples(user: AnyUser, rows: Sequence[tuple[int, int, bool]]) -> tuple[Example, ...]:
    """The worst few. One query."""
    worst = sorted(rows, key=lambda row: (-row[1], -row[0]))[:EXAMPLES]
    if not worst:
        return ()
    found = Finding.objects.visible_to(user).filter(pk__in=[pk for pk, _, _ in worst])
    return tuple(
        Example(one.pk, one.title, Severity(one.severity).value, one.resource_id, one.account.name)
        for one in found.select_related("account").order_by("-severity_rank", "-pk")
    )
