"""What the text of a deployed statement exempts, where evidence alone cannot tell."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from invariants import engine
from invariants.evaluation.coverage.layers import LAYERS, parse
from invariants.evaluation.reconciliation.records import Policy

_WHO: Final = ("aws:principal", "aws:viaawsservice", "aws:currenttime", "aws:epochtime")
_TAGS: Final = ("tag/", "aws:tagkeys")


def exempted(evidence: Mapping[str, Any], policies: Mapping[str, Policy]) -> list[dict[str, Any]]:
    """What the statements that serve an invariant exempt, as carve-outs with key, operator and value.

    It says nothing of whether anything passes by it: that the request is tried for.
    """
    return [
        {"policy_id": policy_id, "statement": number, "key": key, "operator": name, "value": value}
        for policy_id, number in evidence.get("serves", ())
        if (statement := _statement(policies.get(policy_id), number)) is not None
        for key, name, value in _exemptions(statement)
    ]


def rule_digest(policy: Policy | None, number: int, keys: Iterable[str]) -> str:
    """A digest of a statement without what it exempts; "" where it cannot be read.

    Another exemption beside this one does not change it, another rule does.

    :param keys: condition keys of carve-outs, whose values are left out too
    """
    statement = _statement(policy, number)
    if statement is None:
        return ""
    left_out = {key.lower() for key in keys}
    conditions = sorted(
        [one.operator.name, one.key.lower(), [] if _is_open(one, left_out) else sorted(one.values)]
        for one in statement.conditions
    )
    resources = statement.resources
    said = [
        str(statement.effect),
        [] if "action" in left_out else sorted(statement.actions.names),
        statement.actions.is_negated,
        [] if resources is None or "resource" in left_out else sorted(resources.names),
        resources is not None and resources.is_negated,
        conditions,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _exemptions(statement: engine.Statement) -> Iterator[tuple[str, str, str]]:
    for condition in statement.conditions:
        base = condition.operator.base
        if base.is_negated or base in (engine.Base.NULL, engine.Base.BOOL):
            for value in condition.values:
                yield condition.key, condition.operator.name, value
    if statement.actions.is_negated:
        for name in statement.actions.names:
            yield "Action", "NotAction", name
    if statement.resources is not None and statement.resources.is_negated:
        for name in statement.resources.names:
            yield "Resource", "NotResource", name


def _is_open(condition: engine.Condition, left_out: set[str]) -> bool:
    key = condition.key.lower()
    return key in left_out or key.startswith(_WHO) or any(word in key for word in _TAGS)


def _statement(policy: Policy | None, number: int) -> engine.Statement | None:
    if policy is None or policy.type not in LAYERS.values():
        return None
    return _parsed(policy.content, policy.type, number)


@lru_cache(maxsize=4096)
def _parsed(content: str, policy_type: str, number: int) -> engine.Statement | None:
    found = parse(content, policy_type).policy
    if found is None or number >= len(found.statements):
        return None
    return found.statements[number]
