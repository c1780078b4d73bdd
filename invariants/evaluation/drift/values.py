"""EFFECTIVE_VALUE: an account inherits another value than the invariant demands.

Only where the invariant's policy hangs on the way to the account as it should: an edited, a detached and a
missing policy are told once, as what they are. All accounts with the same policies on their way have the
same values; the lowest place that has one of these policies stands for them.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from invariants import engine
from invariants.evaluation.drift import texts
from invariants.evaluation.drift.matching import Ties
from invariants.evaluation.drift.records import Demand, Deployed, Difference, Picture, Spot, Told
from invariants.policies import targets

_NOT_ASKED: Final = Told(None, "DescribeEffectivePolicy has not been asked yet.")


@dataclass(frozen=True, slots=True)
class Stack:
    """The policies of one type on the way to `accounts`: by level from the root, as they were attached.

    `digest` (hex) is the same for the same policies with the same text at the same places.
    """

    type: str
    levels: tuple[tuple[str, tuple[Deployed, ...]], ...]
    accounts: tuple[Spot, ...]

    @property
    def policies(self) -> tuple[Deployed, ...]:
        return tuple(policy for _, level in self.levels for policy in level)

    @property
    def digest(self) -> str:
        said = [
            [place, [[one.policy_id, one.content] for one in level]] for place, level in self.levels
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def stacks(picture: Picture) -> tuple[Stack, ...]:
    """Every distinct stack of policies that set values, with the active accounts below it."""
    hanging: dict[str, dict[str, list[Deployed]]] = defaultdict(lambda: defaultdict(list))
    for policy in picture.policies:
        if not texts.decides_requests(policy.type) and policy.type in picture.enabled_types:
            for place_id in policy.attached_to:
                hanging[policy.type][place_id].append(policy)
    accounts = [s for s in picture.places.values() if s.kind == "ACCOUNT" and s.state == "ACTIVE"]
    # Most accounts of an OU have no policy of their own: the way to their OU is walked once.
    ways = {one.parent_id: targets.line(one.parent_id or "", picture.places) for one in accounts}
    found: list[Stack] = []
    for policy_type, at in sorted(hanging.items()):
        groups: dict[tuple[str, ...], list[Spot]] = defaultdict(list)
        for spot in accounts:
            way = (*ways[spot.parent_id], spot.id)
            groups[tuple(place for place in way if place in at)].append(spot)
        for places, spots in sorted(groups.items()):
            levels = tuple((place, tuple(at[place])) for place in places)
            if levels:
                found.append(
                    Stack(policy_type, levels, tuple(sorted(spots, key=lambda spot: spot.id)))
                )
    return tuple(found)


def inherited(stack: Stack) -> Mapping[str, Any] | None:
    """What our own reading of the policies comes to; None where one of them cannot be read."""
    contents = [[policy.content for policy in level] for _, level in stack.levels]
    readable = [[one for one in level if one] for level in contents]
    if readable != contents:
        return None
    try:
        return engine.effective_policy(readable)
    except engine.PolicySyntaxError:
        return None


def differing(picture: Picture, ties: Ties) -> Iterator[Difference]:
    """Every stack whose values are not what an invariant on it demands, or what inheritance says."""
    exceptions = frozenset(i for i, spot in picture.places.items() if spot.role == "EXCEPTIONS")
    for stack in stacks(picture):
        demands = _served(picture, ties, stack)
        # An OU for exceptions is where other values are meant to be.
        if not demands or targets.is_within(stack.levels[-1][0], exceptions, picture.places):
            continue
        told = picture.told.get((stack.type, stack.digest), _NOT_ASKED)
        own = inherited(stack)
        value = told.value if told.value is not None else own
        if value is None:
            continue
        for demand in demands:
            yield from _not_demanded(picture, demand, stack, value, told)
        if told.value is not None and own is not None and _plain(told.value) != _plain(own):
            yield _not_inherited(picture, stack, own=own, told=told.value)


def _served(picture: Picture, ties: Ties, stack: Stack) -> list[Demand]:
    """The invariants whose policy hangs here, unedited."""
    ids = {policy.policy_id for policy in stack.policies}
    return [
        demand
        for demand in picture.demands
        if demand.is_active
        and demand.settings
        and any(
            tie.is_exact and tie.policy.policy_id in ids
            for tie in ties.by_demand.get(demand.key, ())
        )
    ]


def _not_demanded(
    picture: Picture, demand: Demand, stack: Stack, value: Mapping[str, Any], told: Told
) -> Iterator[Difference]:
    wrong = [
        (path, wanted, found)
        for path, wanted in demand.settings
        if not holds(wanted, found := at(value, path))
    ]
    if not wrong:
        return
    spot = picture.places[stack.levels[-1][0]]
    source = (
        "as DescribeEffectivePolicy says"
        if told.value is not None
        else f"by the policies that were read; AWS's own answer is not known: {told.why}"
    )
    yield Difference(
        kind="EFFECTIVE_VALUE",
        severity=demand.severity,
        summary=f"{_accounts(stack, spot)} {'has' if len(stack.accounts) == 1 else 'have'} another "
        f"value in force than {demand.key} demands, {source}",
        policy_type=stack.type,
        invariant=demand,
        policy=stack.levels[-1][1][-1],
        place=spot,
        place_name=spot.shown,
        before=_json({path: wanted for path, wanted, _ in wrong}),
        after=_json({path: _or_nothing(found) for path, _, found in wrong}),
        restore={"detach": [spot.id]} if spot.kind == "ACCOUNT" else {},
    )


def _not_inherited(
    picture: Picture, stack: Stack, *, own: Mapping[str, Any], told: Mapping[str, Any]
) -> Difference:
    spot = picture.places[stack.levels[-1][0]]
    return Difference(
        kind="EFFECTIVE_VALUE",
        severity="MEDIUM",
        summary=f"AWS says that other values of {stack.type} are in force for {_accounts(stack, spot)} "
        "than the policies come to that were read there.",
        policy_type=stack.type,
        place=spot,
        place_name=spot.shown,
        about="inheritance",
        before=_json(_plain(own)),
        after=_json(_plain(told)),
    )


def at(value: Any, path: str) -> Any:
    """What stands at a path with dots between its names; None where nothing does."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def holds(wanted: Any, found: Any) -> bool:
    """As the catalogue compares (`run_settings`): of a list, what is wanted has to be in it."""
    if isinstance(wanted, list) and isinstance(found, list):
        return all(item in found for item in wanted)
    return bool(found == wanted)


def _accounts(stack: Stack, spot: Spot) -> str:
    if spot.kind == "ACCOUNT":
        return spot.shown
    number = len(stack.accounts)
    return f"{number} account{'' if number == 1 else 's'} below {spot.shown}"


def _plain(value: Any) -> Any:
    """Without order, and without the difference between one value and a list of it."""
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = sorted((_plain(one) for one in value), key=json.dumps)
        return items[0] if len(items) == 1 else items
    return value


def _or_nothing(found: Any) -> Any:
    return "not set" if found is None else found


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
