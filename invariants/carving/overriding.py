"""Another value further down: what a policy that sets values says for one account or OU alone."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from invariants import catalog, engine
from invariants.carving.asking import Asked
from invariants.carving.boxes import Scope
from invariants.carving.edit import Edit
from invariants.carving.grounds import Ground, Standing
from invariants.carving.proving import Case, Proof
from invariants.carving.refusals import AlreadySo, Unfit
from invariants.carving.telling import Change, Mark, printed, remarks_of, size_of, slots_of
from invariants.engine import Outcome

# What stands for "not" at each place, by the value that the invariant demands.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_declarative_syntax.html
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_s3_syntax.html
_RELAXED: Final[Mapping[tuple[str, str], str]] = {
    ("allowed_images_settings.state", "enabled"): "disabled",
    ("image_block_public_access.state", "block_new_sharing"): "unblocked",
    ("instance_metadata_defaults.http_tokens", "required"): "optional",
    ("internet_gateway_block.mode", "block_bidirectional"): "off",
    ("internet_gateway_block.mode", "block_ingress"): "off",
    ("s3_attributes.public_access_block_configuration", "all"): "none",
    ("serial_console_access.status", "disabled"): "enabled",
    ("snapshot_block_public_access.state", "block_all_sharing"): "unblocked",
    ("snapshot_block_public_access.state", "block_new_sharing"): "unblocked",
}


@dataclass(frozen=True, slots=True)
class Override:
    """The new policy, where it is attached, and the paths whose values it sets otherwise."""

    document: Mapping[str, Any]
    targets: tuple[str, ...]
    paths: tuple[str, ...]


def is_possible(record: catalog.Invariant) -> bool:
    """Whether it is known what stands for "not" at any place that the invariant demands."""
    return not record.is_authorisation and any(_others(record))


def override(record: catalog.Invariant, scope: Scope) -> Override:
    """:raises Unfit: where the scope is narrower than an account, or nobody knows the other value."""
    if not scope.is_accounts_alone:
        raise Unfit(
            "A policy that sets values holds for a whole account: nothing in it can be narrower.",
            "Name accounts or OUs alone in the scope.",
        )
    others = dict(_others(record))
    if not others:
        raise Unfit(
            f"What {record.id} would be set to instead is not known: it has no value that means the "
            "opposite.",
            "Agree on the value with the owner of the invariant and write the policy by hand.",
        )
    document: dict[str, Any] = {}
    for path, setter in others.items():
        _put(document, path.split("."), setter)
    targets = (*scope.accounts, *(path.rstrip("/").rpartition("/")[2] for path in scope.ous))
    return Override(document, targets, tuple(others))


def _others(record: catalog.Invariant) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for setting in record.must_set:
        if isinstance(setting.value, list):
            # Of a list what the invariant demands is taken out; an image list stays as it is.
            if setting.path.endswith(".enable_in_regions"):
                yield setting.path, {"@@remove": list(setting.value)}
            continue
        for (place, value), other in _RELAXED.items():
            if setting.path.endswith(place) and setting.value == value:
                yield setting.path, {"@@assign": other}


def _put(document: dict[str, Any], names: Sequence[str], setter: Mapping[str, Any]) -> None:
    for name in names[:-1]:
        document = document.setdefault(name, {})
    document[names[-1]] = dict(setter)


def prove(record: catalog.Invariant, found: Override, ground: Ground, scope: Scope) -> Proof:
    """What the accounts of the scope inherit before and after; every other account inherits as before,
    since nothing is attached above it."""
    through, wrong, same = [], [], 0
    for account_id in sorted(scope.members):
        levels = list(_levels(ground, account_id, record.type))
        try:
            before = engine.effective_policy([texts for _, texts in levels])
            added = json.dumps(found.document)
            grown = [
                [*texts, added] if place in found.targets else texts for place, texts in levels
            ]
            after = engine.effective_policy(grown)
        except engine.PolicySyntaxError as error:
            raise Unfit(
                f"A policy above account {account_id} cannot be read ({error}).",
                "Mend it first: what the account inherits is not known.",
            ) from error
        for path, value in _leaves(before):
            was_demanded = path in found.paths
            now = dict(_leaves(after)).get(path)
            case = _case(path, account_id, value, now)
            if was_demanded and now != value:
                through.append(case)
            elif was_demanded or now != value:
                wrong.append(case)
            else:
                same += 1
    return Proof(tuple(through), (), same, tuple(wrong))


def _case(path: str, account_id: str, before: Any, after: Any) -> Case:
    is_other = before != after
    return Case(
        f"{path}: {before} becomes {after}" if is_other else f"{path} stays {before}",
        path,
        account_id,
        "",
        Outcome.DENIED,
        Outcome.NOT_DENIED if is_other else Outcome.DENIED,
    )


def _levels(ground: Ground, account_id: str, policy_type: str) -> Iterator[tuple[str, list[str]]]:
    for place in ground.way(account_id):
        texts = [policy.text for policy in ground.of_type(place, policy_type)]
        if not all(texts):
            raise Unfit(
                f"The text of a policy above account {account_id} could not be read from AWS.",
                "Give the collector organizations:DescribePolicy, and look again after the next collection.",
            )
        yield place, texts


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _leaves(value, here)
        else:
            yield here, value


def put_in(asked: Asked) -> Edit:
    """A policy of its own for the accounts or OUs, which sets the values otherwise.

    :raises Unfit: where AWS would not let it have an effect; AlreadySo where it is there.
    """
    found = override(asked.record, asked.scope)
    if _own(asked, found.targets):
        raise AlreadySo(
            f"{asked.new_name} is attached already.",
            "Nothing has to be changed; the next collection will find the exception in place.",
        )
    proof = _proved(asked, found)
    after = printed(found.document)
    change = Change(
        policy_id="",
        name=asked.new_name,
        description=f"{asked.ref}: exception from {asked.record.id}",
        type=asked.record.type,
        before="",
        after=after,
        size=size_of("", after, asked.record.type),
        slots=slots_of(asked.ground, found.targets, asked.record.type, added=1),
        attach=found.targets,
        marks=tuple(
            Mark("", "", path, "@@assign", (json.dumps(value),))
            for path, value in _leaves(found.document)
        ),
        remarks=remarks_of("", after, asked.record.type, asked.ground),
    )
    if change.slots and change.slots.is_over:
        raise Unfit(
            f"No more policies of this type can be attached there: {change.slots.before} of "
            f"{change.slots.limit} are.",
            "Put the values into a policy that is attached there already.",
        )
    where = asked.ground.names(found.targets)
    steps = (
        f"Make the policy {asked.new_name} and attach it to {where}, by a pull request.",
        "Link the pull request here. The next collection says whether the value is in force.",
    )
    warnings = ("What was switched off may have to be switched off in the account as well.",)
    return Edit(asked.ref, asked.record.id, asked.way, False, (change,), steps, warnings, proof)


def take_out(asked: Asked) -> Edit:
    """The policy detached and deleted.

    :raises Unfit: where there is none of that name at the places of the scope, and none that somebody made
        for the same alone.
    """
    found = override(asked.record, asked.scope)
    own = _own(asked, found.targets) or _by_hand(asked, found)
    if own is None:
        raise Unfit(
            f"No policy {asked.new_name} is attached to {asked.ground.names(found.targets)}, nor any other "
            f"that sets {', '.join(found.paths)}.",
            "Look for the policy that sets the value there, and detach it by hand.",
        )
    left = {
        place: tuple(one for one in ids if one != own.id)
        for place, ids in asked.ground.attached.items()
    }
    proof = prove(asked.record, found, replace(asked.ground, attached=left), asked.scope)
    if not proof.through:
        raise Unfit(
            f"Without {own.name} the accounts would not inherit what {asked.record.id} demands either.",
            "Look for what else sets the value there, and detach it by hand.",
        )
    targets = asked.ground.targets(own.id)
    before = printed(json.loads(own.text)) if own.text else ""
    change = Change(
        policy_id=own.id,
        name=own.name,
        description=own.description,
        type=own.type,
        before=before,
        after="",
        size=size_of(own.text, "", own.type),
        slots=slots_of(asked.ground, targets, own.type, added=-1),
        detach=targets,
    )
    steps = (
        f"Detach {own.name} from {asked.ground.names(targets)} and delete it, by a pull request.",
        "Link the pull request here. The next collection says whether the value is gone.",
    )
    return Edit(asked.ref, asked.record.id, asked.way, True, (change,), steps, (), proof)


def _own(asked: Asked, targets: Sequence[str]) -> Standing | None:
    for target in targets:
        for policy in asked.ground.of_type(target, asked.record.type):
            if policy.name == asked.new_name:
                return policy
    return None


def _by_hand(asked: Asked, found: Override) -> Standing | None:
    """A policy under another name that sets these values otherwise, and nothing else, for the scope alone.

    :raises Unfit: where one sets them that says or reaches more.
    """
    for target in found.targets:
        for policy in asked.ground.of_type(target, asked.record.type):
            said = _said(policy.text)
            if not any(_is_other(asked.record, *one) for one in said):
                continue
            others = sorted({path for path, _, _ in said} - frozenset(found.paths))
            beyond = sorted(set(asked.ground.targets(policy.id)) - set(found.targets))
            if not others and not beyond:
                return policy
            reach = f"is attached to {asked.ground.names(beyond)}"
            more = f"sets {', '.join(others)}" if others else reach
            raise Unfit(
                f"{policy.name} sets the value there, and {more} as well.",
                "Take what belongs to the exception out of it by hand, or detach it there.",
            )
    return None


def _said(text: str) -> list[tuple[str, str, Any]]:
    """(path, operator, value) of each value that a policy sets; none for a text that cannot be read."""
    try:
        parts = [(path.partition(".@@"), value) for path, value in _leaves(json.loads(text))]
    except (ValueError, AttributeError):
        return []
    return [(path, operator, value) for (path, _, operator), value in parts]


def _is_other(record: catalog.Invariant, path: str, operator: str, value: Any) -> bool:
    """Whether it takes back what the invariant demands there."""
    return any(
        operator == "remove" or (operator == "assign" and value != setting.value)
        for setting in record.must_set
        if setting.path == path
    )


def _proved(asked: Asked, found: Override) -> Proof:
    proof = prove(asked.record, found, asked.ground, asked.scope)
    if proof.wrong:
        raise Unfit(
            f"A policy above does not let one further down set this: {proof.wrong[0].name}.",
            "Have the operators for child policies allowed there "
            "(@@operators_allowed_for_child_policies), or attach the policy above to other OUs.",
        )
    if not proof.through:
        raise Unfit(
            f"None of the accounts inherits what {asked.record.id} demands: there is nothing to override.",
            "Look for what sets the value in the account itself.",
        )
    return proof
