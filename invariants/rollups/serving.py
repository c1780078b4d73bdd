"""Which invariants a denial was for: asked of the engine, statement by statement.

Coverage says which statements of a deployed policy serve which invariants (the proofs' `serves`). Of a
denial the policy, the principal, the action, the resource and the Region are known: the statements that
apply, or may apply for all that is known, are those that denied. Where they serve several invariants
each is named, and none for certain.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

from invariants import engine
from invariants.engine.matching import CompiledStatement, compile_statement
from invariants.models import Denial, DenialServes, DeniedBy, PreventionCount
from inventory.models import Organization

BATCH: Final = 2000
_GRAMMARS: Final = {
    DeniedBy.SCP.value: engine.Grammar.SCP,
    DeniedBy.RCP.value: engine.Grammar.RCP,
}
_SERVES: Final = """
SELECT DISTINCT s.pair ->> 0, (s.pair ->> 1)::int, p.invariant_id
FROM invariants_coverageproof p
JOIN invariants_invariant i ON i.id = p.invariant_id
CROSS JOIN LATERAL jsonb_array_elements(COALESCE(p.evidence -> 'serves', '[]'::jsonb)) AS s (pair)
WHERE i.organization_id = %s AND i.gone_at IS NULL
ORDER BY 1, 2, 3
"""
_POLICIES: Final = """
SELECT p.id, p.policy_id, p.type, p.content, encode(p.content_hash, 'hex') FROM inventory_orgpolicy p
WHERE p.id IN (SELECT policy_id FROM invariants_denial WHERE organization_id = %s)
ORDER BY p.id
"""

# policy id and number of the statement → invariants
_Serving = Mapping[tuple[str, int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Policy:
    policy_id: str
    denies: tuple[tuple[int, CompiledStatement], ...]


class _Row(NamedTuple):
    pk: int
    policy: int | None
    principal: str
    action: str
    resource: str
    region: str


@dataclass(frozen=True, slots=True)
class Served:
    """`invariants` that one of the statements serves; `statement` names the first of them."""

    invariants: frozenset[int]
    statement: str = ""
    is_certain: bool = False


_NOTHING: Final = Served(frozenset())


def tie(organization: Organization, *, now: datetime) -> int:
    """Tie denials to the invariants that they were for; returns how many were looked at.

    All of them where policies or what they serve have changed, else those that are new.
    """
    serving = _read_serving(organization)
    policies, texts = _read_policies(organization)
    digest = hashlib.sha256(
        json.dumps([[*map(list, serving.items())], texts], default=sorted).encode()
    ).hexdigest()
    known, _ = PreventionCount.objects.get_or_create(organization=organization)
    rows = Denial.objects.filter(organization=organization)
    if known.serving_digest == digest:
        rows = rows.filter(served_at=None)
    numbers = list(rows.order_by("pk").values_list("pk", flat=True))
    asked = _Asked(policies, serving)
    for start in range(0, len(numbers), BATCH):
        _tie(numbers[start : start + BATCH], asked, now=now)
    if known.serving_digest != digest:
        PreventionCount.objects.filter(pk=known.pk).update(serving_digest=digest)
    return len(numbers)


def _read_serving(organization: Organization) -> _Serving:
    found: dict[tuple[str, int], set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_SERVES, [organization.pk])
        for policy_id, statement, invariant in cursor.fetchall():
            found[policy_id, statement].add(invariant)
    return {place: frozenset(invariants) for place, invariants in found.items()}


def _read_policies(organization: Organization) -> tuple[Mapping[int, _Policy], list[list[str]]]:
    """The policies that denied something, and what tells whether any of them has changed."""
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES, [organization.pk])
        rows = cursor.fetchall()
    policies = {
        pk: _Policy(policy_id, _denies(content, kind)) for pk, policy_id, kind, content, _ in rows
    }
    return policies, [[policy_id, text] for _, policy_id, _, _, text in rows]


@lru_cache(maxsize=512)
def _denies(content: str, kind: str) -> tuple[tuple[int, CompiledStatement], ...]:
    """The Deny statements by their number; none of a policy that nobody can read."""
    grammar = _GRAMMARS.get(kind)
    if grammar is None or not content:
        return ()
    try:
        policy = engine.parse(content, grammar=grammar)
    except engine.PolicySyntaxError:
        return ()
    return tuple(
        (number, compile_statement(statement, has_variables=policy.has_variables))
        for number, statement in enumerate(policy.statements)
        if statement.effect is engine.Effect.DENY
    )


class _Asked:
    """Answers, kept: many denials differ in nothing that a statement looks at."""

    def __init__(self, policies: Mapping[int, _Policy], serving: _Serving) -> None:
        self._policies, self._serving = policies, serving
        self._known: dict[tuple[Any, ...], Served] = {}

    def of(self, row: _Row) -> Served:
        policy = self._policies.get(row.policy) if row.policy is not None else None
        if policy is None or not row.action:
            return _NOTHING
        asked = tuple(row[1:])
        if asked not in self._known:
            self._known[asked] = served_by(policy.policy_id, policy.denies, self._serving, row)
        return self._known[asked]


def served_by(
    policy_id: str,
    denies: Iterable[tuple[int, CompiledStatement]],
    serving: _Serving,
    row: _Row,
) -> Served:
    """Which invariants the statements serve that deny, or may deny, such a request."""
    try:
        request = _request(row)
    except ValueError:
        # The message named no action.
        return _NOTHING
    applying = [(number, one) for number, one in denies if one.truth(request) is not engine.FALSE]
    found: set[int] = set()
    statement = ""
    for number, one in applying:
        served = serving.get((policy_id, number), frozenset())
        statement = statement or (served and (one.statement.sid or f"statement {number + 1}")) or ""
        found |= served
    return Served(frozenset(found), statement[:64], len(applying) == 1 and len(found) == 1)


def _request(row: _Row) -> engine.Request:
    """What is known of the denied request; everything else is unknown, never absent.

    :raises ValueError: the action is none
    """
    try:
        principal = engine.principal_of(row.principal)
    except ValueError:
        principal = engine.ANYONE
    context = {"aws:RequestedRegion": engine.present(row.region)} if row.region else {}
    resource = row.resource if row.resource.startswith("arn:") else None
    return engine.Request(row.action, resource, principal, context=context)


@transaction.atomic
def _tie(numbers: list[int], asked: _Asked, *, now: datetime) -> None:
    rows = Denial.objects.filter(pk__in=numbers).order_by("pk")
    columns = ("pk", "policy_id", "principal", "action", "resource", "region")
    fresh: list[DenialServes] = []
    for values in rows.values_list(*columns):
        row = _Row(*values)
        served = asked.of(row)
        fresh += [
            DenialServes(
                denial_id=row.pk,
                invariant_id=invariant,
                statement_id=served.statement,
                is_certain=served.is_certain,
            )
            for invariant in sorted(served.invariants)
        ]
    DenialServes.objects.filter(denial__in=numbers).delete()
    DenialServes.objects.bulk_create(fresh)
    Denial.objects.filter(pk__in=numbers).update(served_at=now)
