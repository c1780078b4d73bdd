"""What is wrong with the policies themselves: edited, missing, nobody's, or of a type that is off."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from invariants.evaluation.drift import matching, texts
from invariants.evaluation.drift.matching import Tie, Ties
from invariants.evaluation.drift.records import (
    Demand,
    Deployed,
    Difference,
    Picture,
    worst,
)

BOUNDARY: Final = "PERMISSIONS_BOUNDARY"
_NAMED: Final = 4


def edited(picture: Picture, ties: Ties) -> Iterator[Difference]:
    """CONTENT: a policy that says something else than the invariants it is the deployment of.

    One for each invariant of a pack that is not there as it is demanded. Units that belong to no
    invariant are with the first one that the policy serves.
    """
    for policy_id, tied in sorted(ties.by_policy.items()):
        serving = sorted(
            (tie for tie in tied if tie.demand.is_active),
            key=lambda tie: (tie.is_exact, *_rank(tie.demand)),
        )
        for number, tie in enumerate(serving):
            extra = tuple(ties.left[policy_id]) if number == 0 else ()
            if extra or not tie.is_exact:
                yield _edited(tie, tied, extra)


def missing(picture: Picture, ties: Ties, *, gone: Sequence[Deployed]) -> Iterator[Difference]:
    """MISSING_IN_AWS: an invariant that no deployed policy serves, though its type is enabled."""
    wanted = [
        demand
        for demand in picture.demands
        if demand.is_active
        and demand.type in picture.enabled_types
        and demand.key not in ties.by_demand
    ]
    last = matching.tie(wanted, gone) if wanted else Ties()
    for demand in wanted:
        before = [tie.policy for tie in last.by_demand.get(demand.key, ())]
        policy = max(before, key=lambda one: one.pk, default=None)
        was = f" It was in {policy.name} ({policy.policy_id}), which is gone." if policy else ""
        text = matching.text_of(demand)
        yield Difference(
            kind="MISSING_IN_AWS",
            severity=demand.severity,
            summary=f"No policy in AWS serves {demand.key}, which is {demand.state.lower()}.{was}",
            policy_type=demand.type,
            invariant=demand,
            policy=policy,
            before=_pretty([text] if text else [], [demand.policy]),
            restore={"content": demand.policy},
        )


def unmanaged(picture: Picture, ties: Ties, own: Iterable[Deployed]) -> Iterator[Difference]:
    """UNMANAGED: a policy of the organisation that belongs to no invariant, not even to a draft.

    Of types that the catalogue has nothing of it says nothing.
    """
    types = {demand.type for demand in picture.demands}
    for policy in own:
        text = matching.text_of(policy)
        if text is None or policy.type not in types or policy.policy_id in ties.by_policy:
            continue
        places = [picture.places[one] for one in policy.attached_to if one in picture.places]
        where = _listed([place.shown for place in places])
        yield Difference(
            kind="UNMANAGED",
            severity="MEDIUM" if policy.attached_to else "LOW",
            summary=f"{policy.name} belongs to no invariant. "
            + (f"It is attached to {where}." if where else "It is attached nowhere."),
            policy_type=policy.type,
            policy=policy,
            place=places[0] if len(places) == 1 else None,
            place_name=where,
            after=_pretty([text], [policy.content or ""]),
            restore={"detach": list(policy.attached_to)},
        )


def disabled(picture: Picture) -> Iterator[Difference]:
    """TYPE_DISABLED: a type that invariants need is not enabled, so that none of its policies is in force."""
    by_type: dict[str, list[Demand]] = {}
    for demand in picture.demands:
        if demand.is_active and demand.type not in (picture.enabled_types | {BOUNDARY}):
            by_type.setdefault(demand.type, []).append(demand)
    root = picture.places.get(picture.root_id)
    # One for a type, on its worst invariant: the others are named.
    for policy_type, demands in sorted(by_type.items()):
        keys = _listed(sorted(demand.key for demand in demands))
        is_one = len(demands) == 1
        yield Difference(
            kind="TYPE_DISABLED",
            severity=worst([demand.severity for demand in demands]),
            summary=f"{policy_type} is not enabled, and {keys} {'needs' if is_one else 'need'} it: "
            "no policy of that type is in force.",
            policy_type=policy_type,
            invariant=min(demands, key=_rank),
            place=root,
            place_name=root.shown if root else "",
            before=_json({policy_type: "ENABLED"}),
            after=_json({policy_type: "not enabled"}),
            restore={"enable": policy_type},
        )


def _rank(demand: Demand) -> tuple[int, str]:
    return (["CRITICAL", "HIGH", "MEDIUM", "LOW"].index(demand.severity), demand.key)


def _edited(tie: Tie, all_tied: Sequence[Tie], extra: Sequence[str]) -> Difference:
    demand, policy = tie.demand, tie.policy
    ours, theirs = matching.text_of(demand), matching.text_of(policy)
    if ours is None or theirs is None:
        raise ValueError(f"{policy.policy_id} was tied to {demand.key} unread")
    pairs = [(one.text, other.text if other else None) for one, other in tie.pairs]
    written = [demand.policy, policy.content or ""]
    return Difference(
        kind="CONTENT",
        severity=demand.severity,
        summary=_said(tie, extra, is_pack=len(all_tied) > 1),
        policy_type=policy.type,
        invariant=demand,
        policy=policy,
        before=_pretty([texts.only(ours, [one for one, _ in pairs])], written),
        after=_pretty(
            [texts.only(theirs, [*(other for _, other in pairs if other), *extra])], written
        ),
        restore={"content": _whole([one.demand for one in all_tied])},
    )


def _said(tie: Tie, extra: Sequence[str], *, is_pack: bool) -> str:
    changed = sum(1 for one, other in tie.pairs if other and one.text != other.text)
    gone = sum(1 for _, other in tie.pairs if other is None)
    unit = "statement" if texts.decides_requests(tie.policy.type) else "value"
    parts = [
        f"{number} {unit}{'' if number == 1 else 's'} {what}"
        for number, what in (
            (changed, "changed"),
            (gone, "missing"),
            (len(extra), "of no invariant" if is_pack else "added"),
        )
        if number
    ]
    said = f"{tie.policy.name} is not what {tie.demand.key} demands: {', '.join(parts)}."
    if tie.demand.examples:
        names = ", ".join(tie.demand.examples[:_NAMED])
        said += f" The catalogue still has example values: set {names}."
    return said


def _whole(demands: Sequence[Demand]) -> str:
    """The policy as it has to be, in small: the one of the invariant, or of a pack all of them."""
    documents = [json.loads(demand.policy) for demand in demands]
    if len(documents) == 1:
        return json.dumps(documents[0], separators=(",", ":"), ensure_ascii=False)
    whole: dict[str, Any] = {}
    for document in documents:
        whole = _merged(whole, document)
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for name, value in other.items():
        held = found.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            found[name] = _merged(held, value)
        elif name == "Statement":
            statements = [*_list(held or []), *_list(value)]
            found[name] = [s for n, s in enumerate(statements) if s not in statements[:n]]
        else:
            found[name] = value
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pretty(parts: Sequence[texts.Text], written: Sequence[str]) -> str:
    return texts.pretty(parts, spelling=texts.spelling_of(written))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
