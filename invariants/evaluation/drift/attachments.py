"""ATTACHMENT: policies of invariants that hang elsewhere than the catalogue's targets say.

What counts is which accounts a policy reaches. Below a target it adds nothing, and is none; in an OU for
the staging of policies it is at its place. Above or beside, it reaches accounts that it is not meant for.
Where it hangs at some OUs below a target instead of the target, the others are the ones that lack it; OUs
of suspended accounts need none. A staged invariant is on its way: where it does not hang yet, nothing is
wrong.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from invariants.evaluation.drift.matching import Ties
from invariants.evaluation.drift.records import Demand, Deployed, Difference, Picture, Spot
from invariants.policies import targets

_ENFORCED: Final = "ENFORCED"
_SUSPENDED: Final = "SUSPENDED"
_ACTIVE: Final = "ACTIVE"
NOT_ATTACHED: Final = "not attached"


def misplaced(picture: Picture, ties: Ties) -> Iterator[Difference]:
    """Every place where an invariant's policy hangs and must not, or has to hang and does not."""
    below: dict[str, list[Spot]] = defaultdict(list)
    for spot in sorted(picture.places.values(), key=lambda one: one.id):
        below[spot.parent_id or ""].append(spot)
    staging = frozenset(i for i, spot in picture.places.items() if spot.role == targets.STAGING)
    for demand in picture.demands:
        tied = [tie.policy for tie in ties.by_demand.get(demand.key, ())]
        if not demand.is_active or not tied or demand.type not in picture.enabled_types:
            continue
        wanted = targets.resolve(
            demand.targets, picture.places, management_account_id=picture.management_account_id
        )
        yield from _beside(picture, demand, tied, wanted.ids | staging)
        if demand.state == _ENFORCED:
            yield from _not_there(picture, demand, tied, wanted.ids, below)
            yield from _no_such_place(demand, tied[0], wanted.unknown)


def _beside(
    picture: Picture, demand: Demand, tied: Iterable[Deployed], wanted: frozenset[str]
) -> Iterator[Difference]:
    seen: set[str] = set()
    for policy in tied:
        for place_id in policy.attached_to:
            spot = picture.places.get(place_id)
            if spot is None or place_id in seen:
                continue
            seen.add(place_id)
            if not targets.is_within(place_id, wanted, picture.places):
                yield _difference(demand, policy, spot, is_attached=True)


def _not_there(
    picture: Picture,
    demand: Demand,
    tied: list[Deployed],
    wanted: frozenset[str],
    below: Mapping[str, list[Spot]],
) -> Iterator[Difference]:
    attached = frozenset(place_id for policy in tied for place_id in policy.attached_to)
    ways = {one for place_id in attached for one in targets.line(place_id, picture.places)}
    lacking: dict[str, Spot] = {}
    for place_id in sorted(wanted):
        if not targets.is_within(place_id, attached, picture.places):
            spots = _lacking(picture, picture.places[place_id], attached, ways, below)
            lacking |= {spot.id: spot for spot in spots}
    hangs = _targets(picture, tied) if lacking else {}
    for _, spot in sorted(lacking.items()):
        yield _difference(demand, tied[0], spot, is_attached=False, hangs=hangs)


def _lacking(
    picture: Picture,
    spot: Spot,
    attached: frozenset[str],
    ways: set[str],
    below: Mapping[str, list[Spot]],
) -> Iterator[Spot]:
    """The uppermost places from `spot` down that the attachments leave out; `ways` lead to attachments."""
    if spot.id in attached or spot.role == _SUSPENDED:
        return
    children = below.get(spot.id, ())
    direct = [
        one
        for one in children
        if one.kind == "ACCOUNT"
        and one.state == _ACTIVE
        and one.id not in attached
        and one.id != picture.management_account_id
    ]
    if spot.id not in ways or direct:
        if spot.kind != "ACCOUNT" or spot.state == _ACTIVE:
            yield spot
        return
    for child in children:
        if child.kind == "OU":
            yield from _lacking(picture, child, attached, ways, below)


def _no_such_place(
    demand: Demand, policy: Deployed, unknown: Iterable[str]
) -> Iterator[Difference]:
    for name in unknown:
        yield Difference(
            kind="ATTACHMENT",
            severity=demand.severity,
            summary=f"{demand.key} is to be attached to {name}, which the organisation does not have. "
            "Correct the targets in the catalogue, or create it.",
            policy_type=demand.type,
            invariant=demand,
            policy=policy,
            place_name=name,
            about=name,
            before=_shown(policy, name, is_attached=True),
            after=_shown(policy, name, is_attached=False),
        )


def _difference(
    demand: Demand,
    policy: Deployed,
    spot: Spot,
    *,
    is_attached: bool,
    hangs: Mapping[str, object] | None = None,
) -> Difference:
    if is_attached:
        summary = f"{policy.name} is attached to {spot.shown}, which {demand.key} does not name."
    else:
        summary = f"{policy.name} is not attached to {spot.shown}, as {demand.key} demands."
    return Difference(
        kind="ATTACHMENT",
        severity=demand.severity,
        summary=summary,
        policy_type=demand.type,
        invariant=demand,
        policy=policy,
        place=spot,
        place_name=spot.shown,
        about="attached" if is_attached else NOT_ATTACHED,
        before=_shown(policy, spot.shown, is_attached=not is_attached),
        after=_shown(policy, spot.shown, is_attached=is_attached),
        restore={"detach": [spot.id]} if is_attached else {"attach": [spot.id], "hangs": hangs},
    )


def _shown(policy: Deployed, place: str, *, is_attached: bool) -> str:
    said = "attached" if is_attached else NOT_ATTACHED
    return json.dumps({"policy": policy.name, place: said}, indent=2, ensure_ascii=False)


def _targets(picture: Picture, tied: Iterable[Deployed]) -> dict[str, object]:
    """Where the policies hang, as the targets of a catalogue file."""
    ids = dict.fromkeys(place_id for policy in tied for place_id in policy.attached_to)
    spots = [picture.places[place_id] for place_id in ids if place_id in picture.places]
    found: dict[str, object] = {
        "root": any(spot.kind == "ROOT" for spot in spots),
        "ous": [spot.label.replace(" / ", "/") for spot in spots if spot.kind == "OU"],
        "accounts": [spot.id for spot in spots if spot.kind == "ACCOUNT"],
    }
    return {name: value for name, value in found.items() if value}
