"""Which deployed policy is the deployment of which invariants: by what it says, never by its name alone.

ADR 18 has the reasons. First come policies that hold every unit of an invariant, whatever else they hold:
packs. Then policies whose units are like those of an invariant: it has been edited. A policy that bears the
invariant's id as its name, as our export and adopted policies do, is taken for it with less likeness.
Invariants that are to stand in AWS choose before those that are not, so that adopting an edited policy as a
draft does not hide that it was edited.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from invariants.evaluation.drift import texts
from invariants.evaluation.drift.records import Demand, Deployed
from invariants.evaluation.drift.texts import Text, Unit

# The mean likeness of an invariant's units from which on a policy is an edited copy of it.
LIKE: Final = 0.5
# What a name says: as much as the difference between "edited" and "hardly anything left".
NAMED: Final = 0.35
# Of one unit, to be the edited form of another.
_UNIT_LIKE: Final = 0.3
_NOT_ID: Final = re.compile(r"[^a-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


@dataclass(frozen=True, slots=True)
class Tie:
    """`pairs`: each unit of the invariant with the policy's unit for it; None where there is none."""

    demand: Demand
    policy: Deployed
    pairs: tuple[tuple[Unit, Unit | None], ...]

    @property
    def is_exact(self) -> bool:
        return all(theirs is not None and ours.text == theirs.text for ours, theirs in self.pairs)

    @property
    def found(self) -> tuple[str, ...]:
        return tuple(theirs.text for _, theirs in self.pairs if theirs is not None)


@dataclass(slots=True)
class Ties:
    """Every tie, by policy id and by invariant key, and the units of policies that belong to nobody."""

    by_policy: dict[str, list[Tie]] = field(default_factory=lambda: defaultdict(list))
    by_demand: dict[str, list[Tie]] = field(default_factory=lambda: defaultdict(list))
    left: dict[str, dict[str, Unit]] = field(default_factory=dict)

    def add(self, tie: Tie) -> None:
        self.by_policy[tie.policy.policy_id].append(tie)
        self.by_demand[tie.demand.key].append(tie)
        for text in tie.found:
            self.left[tie.policy.policy_id].pop(text, None)


def tie(demands: Iterable[Demand], policies: Iterable[Deployed]) -> Ties:
    """Tie readable customer policies to invariants of their type."""
    ties = Ties()
    read = {policy.policy_id: (policy, text) for policy in policies if (text := text_of(policy))}
    ties.left = {i: {u.text: u for u in text.units} for i, (_, text) in sorted(read.items())}
    wanted = sorted(demands, key=lambda demand: (not demand.is_active, demand.key))
    active = [demand for demand in wanted if demand.is_active]
    others = [demand for demand in wanted if not demand.is_active]
    held = _by_unit(read.values())
    _exactly(ties, active, read, held)
    _alike(ties, [demand for demand in active if demand.key not in ties.by_demand], read)
    _exactly(ties, others, read, held)
    _alike(ties, wanted, read)
    return ties


def text_of(one: Demand | Deployed) -> Text | None:
    """The policy in pieces; None where it is unreadable."""
    content = one.policy if isinstance(one, Demand) else one.content
    return texts.read(one.type, content) if content else None


def _by_unit(read: Iterable[tuple[Deployed, Text]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for policy, text in read:
        for unit in text.units:
            found[policy.type, unit.text].append(policy.policy_id)
    return found


def _exactly(
    ties: Ties,
    demands: Sequence[Demand],
    read: dict[str, tuple[Deployed, Text]],
    held: dict[tuple[str, str], list[str]],
) -> None:
    for demand in demands:
        text = text_of(demand)
        if text is None or not text.units:
            continue
        ids = set.intersection(*(set(held.get((demand.type, u.text), ())) for u in text.units))
        for policy_id in sorted(ids):
            ties.add(Tie(demand, read[policy_id][0], tuple((unit, unit) for unit in text.units)))


def _alike(ties: Ties, demands: Sequence[Demand], read: dict[str, tuple[Deployed, Text]]) -> None:
    """The likest first; every tie takes its units away from those that come after.

    Where the policy of values that an invariant has stands somewhere, another value elsewhere is no edited
    copy of it but an override.
    """
    candidates = []
    for demand in demands:
        if not texts.decides_requests(demand.type) and demand.key in ties.by_demand:
            continue
        for policy_id, (policy, _) in read.items():
            if policy.type == demand.type and not _is_tied(ties, demand, policy_id):
                score = _score(demand, policy, _pairs(demand, ties.left[policy_id].values()))
                if score >= LIKE:
                    candidates.append((-score, not demand.is_active, demand.key, policy_id, demand))
    for *_, policy_id, demand in sorted(candidates, key=lambda one: one[:4]):
        pairs = _pairs(demand, ties.left[policy_id].values())
        if _score(demand, read[policy_id][0], pairs) >= LIKE:
            ties.add(Tie(demand, read[policy_id][0], pairs))


def _is_tied(ties: Ties, demand: Demand, policy_id: str) -> bool:
    return any(one.policy.policy_id == policy_id for one in ties.by_demand.get(demand.key, ()))


def _pairs(demand: Demand, units: Iterable[Unit]) -> tuple[tuple[Unit, Unit | None], ...]:
    """Each unit of the invariant with the likest of `units`, none of which is taken twice."""
    text = text_of(demand)
    if text is None:
        return ()
    free = list(units)
    chosen: dict[str, Unit] = {}
    ranked = sorted(
        (
            (texts.likeness(ours, theirs), ours.text, theirs.text, theirs)
            for ours in text.units
            for theirs in free
        ),
        key=lambda one: (-one[0], one[1], one[2]),
    )
    taken: set[str] = set()
    for like, ours, theirs, unit in ranked:
        if like >= _UNIT_LIKE and ours not in chosen and theirs not in taken:
            chosen[ours] = unit
            taken.add(theirs)
    return tuple((unit, chosen.get(unit.text)) for unit in text.units)


def _score(demand: Demand, policy: Deployed, pairs: Sequence[tuple[Unit, Unit | None]]) -> float:
    likes = [texts.likeness(ours, theirs) if theirs else 0.0 for ours, theirs in pairs]
    mean = sum(likes) / len(likes) if likes else 0.0
    # A name is no text: where nothing of the invariant is left, it is not its deployment any more.
    return mean + (NAMED if mean > 0 and is_named_for(policy, demand.key) else 0.0)


def is_named_for(policy: Deployed, key: str) -> bool:
    """Whether its name is the invariant's id, or its description lists it, as that of a pack does."""
    name = _NOT_ID.sub("-", _HUMP.sub("-", policy.name).lower()).strip("-")
    return name == key or key in (word.strip() for word in policy.description.split(","))
