"""Invariants of policies that set values: by what an account inherits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invariants import catalog, engine
from invariants.catalog import Answer, SettingResult
from invariants.evaluation.coverage.layers import Way, parse_settings
from invariants.evaluation.coverage.rulings import BROKEN, ENFORCED, MISSING, UNKNOWN
from invariants.evaluation.coverage.world import World


@dataclass(frozen=True, slots=True)
class Told:
    """One value that the invariant demands. `policy_id` and `level` (a number of the way) are of the
    policy that made it what it is; `held_above`: it was as it should be further up."""

    result: SettingResult
    policy_id: str | None = None
    level: int | None = None
    held_above: bool = False


@dataclass(frozen=True, slots=True)
class Inherited:
    """How an invariant stands by what is inherited. `overriding` is the value that a policy further
    down takes back."""

    state: str
    reason: str
    policy_id: str | None = None
    level: int | None = None
    told: tuple[Told, ...] = ()
    overriding: Told | None = None


def rule(record: catalog.Invariant, way: Way, world: World) -> Inherited:
    """Decide an invariant that sets values, in an account that its policies reach by `way`."""
    if record.type not in world.enabled_types:
        reason = (
            f"{catalog.type_name(record.type)}: this type of policy is switched off on the root of the "
            "organisation, so that none is in force."
        )
        return Inherited(MISSING, reason)
    for level, policies in enumerate(way.core):
        for policy_id in policies:
            found = parse_settings(world.policies[policy_id].content)
            if found.settings is None:
                reason = (
                    f"A policy above the account could not be read ({found.why}), so it is not known what "
                    "the account inherits."
                )
                return Inherited(UNKNOWN, reason, policy_id, level)
    told = tuple(_told(record, way, world))
    broken = [one for one in told if one.result.answer is not Answer.HOLDS]
    if not broken:
        reason = "The account inherits what is demanded."
        return Inherited(ENFORCED, reason, told[0].policy_id, told[0].level, told)
    return _failing(told, broken)


def _failing(told: tuple[Told, ...], broken: Sequence[Told]) -> Inherited:
    paths = "; ".join(one.result.setting.path for one in broken[:3])
    overridden = next((one for one in broken if one.held_above), None)
    if overridden is not None:
        reason = (
            "A policy nearer to the account takes back what is demanded: "
            f"{overridden.result.setting.path} is {_said(overridden.result.found)}."
        )
        level, policy_id = overridden.level, overridden.policy_id
        return Inherited(BROKEN, reason, policy_id, level, told, overridden)
    there = next((one for one in broken if one.policy_id is not None), None)
    if there is not None:
        found = _said(there.result.found)
        reason = f"A policy sets something else: {there.result.setting.path} is {found}."
        return Inherited(BROKEN, reason, there.policy_id, there.level, told)
    if len(broken) < len(told):
        good = next(one for one in told if one.result.answer is Answer.HOLDS)
        reason = f"Only a part of what is demanded is set; missing: {paths}."
        return Inherited(BROKEN, reason, good.policy_id, good.level, told)
    return Inherited(MISSING, f"No policy that reaches the account sets {paths}.", told=told)


def _told(record: catalog.Invariant, way: Way, world: World) -> Sequence[Told]:
    documents = [_effective(way.core[:end], world) for end in range(len(way.core) + 1)]
    final = catalog.run_settings(record, documents[-1])
    by_level = [catalog.run_settings(record, document) for document in documents]
    return [
        _traced(result, [answers[number] for answers in by_level], way, world)
        for number, result in enumerate(final)
    ]


def _traced(result: SettingResult, down: Sequence[SettingResult], way: Way, world: World) -> Told:
    """Where a value became what it is; `down` are the results from the root to the account."""
    changed = [n for n in range(1, len(down)) if down[n].found != down[n - 1].found]
    if not changed:
        return Told(result)
    level = changed[-1] - 1
    path = result.setting.path.split(".")
    policies = way.core[level]
    setting = [one for one in policies if _mentions(world.policies[one].content, path)]
    held_above = any(one.answer is Answer.HOLDS for one in down[:-1])
    return Told(result, (setting or policies)[0], level, held_above)


def _mentions(content: str | None, path: Sequence[str]) -> bool:
    found = parse_settings(content).settings
    for name in path:
        if found is None:
            return False
        found = found.below.get(name)
    return found is not None


def _effective(core: Sequence[Sequence[str]], world: World) -> Mapping[str, Any]:
    return engine.effective_policy(
        [
            [
                settings
                for policy_id in policies
                if (settings := parse_settings(world.policies[policy_id].content).settings)
            ]
            for policies in core
        ]
    )


def _said(found: Any) -> str:
    """Lists are in the evidence: they may name accounts."""
    if isinstance(found, list | dict):
        return "something else"
    return "not set" if found is None else f"“{found}”"
