"""From one picture to everything that drifts in it: each cause once."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from invariants.evaluation.drift import attachments, contents, explaining, matching, values
from invariants.evaluation.drift.classes import PolicyClass, class_of
from invariants.evaluation.drift.records import Deployed, Difference, Findings, Picture
from invariants.policies import targets


def find(picture: Picture, *, gone: Sequence[Deployed] = ()) -> Findings:
    """All differences of a picture. `gone` are policies that a complete reading no longer names."""
    classes = {policy.policy_id: class_of(policy) for policy in picture.policies}
    own = [p for p in picture.policies if classes[p.policy_id] is PolicyClass.CUSTOMER]
    unread = [policy for policy in own if matching.text_of(policy) is None]
    ties = matching.tie(picture.demands, own)
    differences = tuple(
        chain(
            explaining.explained(picture, ties, contents.edited(picture, ties)),
            contents.missing(picture, ties, gone=gone),
            contents.unmanaged(picture, ties, own),
            contents.disabled(picture),
            attachments.misplaced(picture, ties),
            values.differing(picture, ties),
        )
    )
    hidden = _unread_at(unread)
    unclear = [one for one in differences if _is_unclear(picture, one, hidden)]
    return Findings(
        differences=tuple(one for one in differences if one not in unclear)
        if unclear
        else differences,
        unreadable=frozenset(policy.policy_id for policy in unread),
        unclear=frozenset(one.identity for one in unclear),
        unclear_types=frozenset(policy.type for policy in unread),
        recognised=Counter(one.value for one in classes.values()),
    )


def _unread_at(unread: Sequence[Deployed]) -> Mapping[str, frozenset[str]]:
    """Where policies hang that could not be read, by type."""
    found: dict[str, set[str]] = defaultdict(set)
    for policy in unread:
        found[policy.type].update(policy.attached_to)
    return {policy_type: frozenset(places) for policy_type, places in found.items()}


def _is_unclear(picture: Picture, one: Difference, hidden: Mapping[str, frozenset[str]]) -> bool:
    """Whether what is missing may be in a policy that hangs there and could not be read."""
    places = hidden.get(one.policy_type)
    if not places:
        return False
    if one.about == attachments.NOT_ATTACHED and one.place is not None:
        return targets.is_within(one.place.id, places, picture.places)
    if one.kind == "MISSING_IN_AWS" and one.invariant is not None:
        wanted = targets.resolve(
            one.invariant.targets,
            picture.places,
            management_account_id=picture.management_account_id,
        )
        return any(targets.is_within(place, places, picture.places) for place in wanted.ids)
    return False
