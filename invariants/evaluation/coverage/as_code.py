"""Whether what is deployed is what the catalogue says, statement by statement: what K20 counts.

One policy may serve many invariants and an export packs several into one, so that a policy is as code
where every part of it stands in a current invariant whose own probes pass.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from django.db import connection

from invariants import catalog, engine
from invariants.evaluation.coverage.layers import LAYERS, is_everything, parse, parse_settings
from invariants.evaluation.coverage.world import PolicyText, World
from invariants.models import PolicyDay

_DAYS: Final = """
DROP TABLE IF EXISTS pg_temp.standing;
CREATE TEMP TABLE standing (policy_id bigint, kind text, is_as_code boolean, is_known boolean)
ON COMMIT DROP
"""
_COPY: Final = "COPY standing (policy_id, kind, is_as_code, is_known) FROM STDIN"
# As the days of coverage: one that began today is replaced, one from before is closed.
_WRITE: Final = """
DELETE FROM invariants_policyday d USING inventory_orgpolicy p
WHERE p.id = d.policy_id AND p.organization_id = %(organization)s AND d.until IS NULL
    AND d.day >= %(day)s AND NOT EXISTS (SELECT FROM standing s WHERE s.policy_id = d.policy_id
        AND (s.kind, s.is_as_code, s.is_known) = (d.kind, d.is_as_code, d.is_known));
UPDATE invariants_policyday d SET until = NULL FROM standing s
WHERE d.policy_id = s.policy_id AND d.until = %(day)s
    AND (s.kind, s.is_as_code, s.is_known) = (d.kind, d.is_as_code, d.is_known)
    AND NOT EXISTS (SELECT FROM invariants_policyday o WHERE o.policy_id = d.policy_id
        AND o.until IS NULL);
UPDATE invariants_policyday d SET until = %(day)s FROM inventory_orgpolicy p
WHERE p.id = d.policy_id AND p.organization_id = %(organization)s AND d.until IS NULL
    AND d.day < %(day)s AND NOT EXISTS (SELECT FROM standing s WHERE s.policy_id = d.policy_id
        AND (s.kind, s.is_as_code, s.is_known) = (d.kind, d.is_as_code, d.is_known));
INSERT INTO invariants_policyday (policy_id, day, until, kind, is_as_code, is_known)
SELECT s.policy_id, %(day)s, NULL, s.kind, s.is_as_code, s.is_known FROM standing s
WHERE NOT EXISTS (SELECT FROM invariants_policyday d WHERE d.policy_id = s.policy_id
    AND d.until IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose a deployed policy is, and whether it is what the catalogue says."""

    kind: str
    is_as_code: bool
    is_known: bool


class Code:
    """Every statement and every value of the invariants whose own probes pass, by type of policy."""

    def __init__(self, records: Iterable[catalog.Invariant]) -> None:
        self._parts: dict[str, set[str]] = {}
        for record in records:
            if not record.retired:
                text = json.dumps(record.policy)
                self._parts.setdefault(record.type, set()).update(parts(text, record.type) or ())

    def has(self, policy: PolicyText) -> bool:
        found = parts(policy.content, policy.type)
        return bool(found) and frozenset(found or ()) <= self._parts.get(policy.type, set())


def standings(world: World, code: Code) -> Mapping[str, Standing]:
    """How each policy stands that is attached anywhere, by id."""
    deployed = {attachment.policy_id for attachment in world.attachments}
    found = {}
    for policy_id in sorted(deployed & world.policies.keys()):
        policy = world.policies[policy_id]
        kind = PolicyDay.Kind.KEPT_BY_AWS if policy.is_kept_by_aws else PolicyDay.Kind.OWN
        is_known = parts(policy.content, policy.type) is not None
        found[policy_id] = Standing(kind, code.has(policy), is_known)
    return found


@lru_cache(maxsize=4096)
def parts(content: str | None, policy_type: str) -> tuple[str, ...] | None:
    """What a policy consists of, so that order, white space and Sids do not count; None: unreadable.

    Statements that allow everything are left out: AWS has one at every level anyway.
    """
    if policy_type not in LAYERS.values():
        settings = parse_settings(content).settings
        return None if settings is None else tuple(_values(settings, ""))
    parsed = parse(content, policy_type)
    if parsed.policy is None:
        return None
    return tuple(
        engine.fingerprint(engine.Policy((statement,), parsed.policy.version))
        for statement in parsed.policy.statements
        if not is_everything(statement)
    )


def write_days(organization: int, world: World, found: Mapping[str, Standing], day: date) -> None:
    """Bring the days of policies to what was found; must be in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS)
        with cursor.copy(_COPY) as copy:
            for policy_id, standing in found.items():
                pk = world.policies[policy_id].pk
                copy.write_row((pk, standing.kind, standing.is_as_code, standing.is_known))
        cursor.execute(_WRITE, {"organization": organization, "day": day})


def _values(settings: engine.Setting, path: str) -> Iterator[str]:
    for name, value in settings.setters.items():
        yield json.dumps([path, name, value], sort_keys=True)
    for name, below in settings.below.items():
        yield from _values(below, f"{path}.{name}")
