"""The organisation as it would be: the same picture with one policy more or less at one place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from invariants.catalog import RCP, SCP
from invariants.evaluation.coverage.world import Attachment, PolicyText, World
from invariants.policies import targets

# Of a policy that is not in AWS.
PROPOSED: Final = "proposed"
FULL_ACCESS: Final = {SCP: "p-FullAWSAccess", RCP: "p-RCPFullAWSAccess"}
_FULL_ACCESS_TEXT: Final = {
    SCP: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    RCP: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*",'
    '"Resource":"*"}]}',
}


@dataclass(frozen=True, slots=True)
class Change:
    """One policy attached to a place, or detached from it."""

    is_attach: bool
    policy: PolicyText
    target_id: str


def altered(world: World, change: Change) -> World:
    """The world after the change.

    A type that is not enabled counts as enabled afterwards; with it comes AWS's own policy that allows
    everything, at every place.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_enable-disable.html
    """
    kind = change.policy.type
    if kind not in world.enabled_types and change.is_attach:
        world = _enabled(world, kind)
    if not change.is_attach:
        kept = tuple(
            one
            for one in world.attachments
            if (one.policy_id, one.target_id) != (change.policy.id, change.target_id)
        )
        return replace(world, attachments=kept)
    return replace(
        world,
        policies={**world.policies, change.policy.id: change.policy},
        attachments=(*world.attachments, Attachment(change.policy.id, change.target_id)),
    )


def _enabled(world: World, kind: str) -> World:
    world = replace(world, enabled_types=frozenset(world.enabled_types) | {kind})
    policy_id = FULL_ACCESS.get(kind)
    if policy_id is None:
        return world
    full = PolicyText(
        id=policy_id,
        pk=None,
        name=policy_id.removeprefix("p-"),
        type=kind,
        content=_FULL_ACCESS_TEXT[kind],
        is_aws_managed=True,
    )
    held = {one.target_id for one in world.attachments if one.policy_id == policy_id}
    added = tuple(Attachment(policy_id, node) for node in world.nodes if node not in held)
    return replace(
        world,
        policies={policy_id: full, **world.policies},
        attachments=(*world.attachments, *added),
    )


def accounts_below(world: World, target_id: str) -> tuple[str, ...]:
    """The accounts that the place is, or that are below it, by id."""
    above = frozenset({target_id})
    found = (
        node.id
        for node in world.nodes.values()
        if node.kind == "ACCOUNT" and targets.is_within(node.id, above, world.nodes)
    )
    return tuple(sorted(found))


def attached(world: World, target_id: str, kind: str) -> Iterator[PolicyText]:
    """The policies of a type at one place, AWS's own included, in the order of the attachments."""
    seen = False
    for one in world.attachments:
        policy = world.policies.get(one.policy_id)
        if one.target_id == target_id and policy is not None and policy.type == kind:
            seen = seen or policy.id == FULL_ACCESS.get(kind)
            yield policy
    if kind == RCP and not seen and kind in world.enabled_types:
        # AWS keeps it everywhere, whether it lists it or not.
        text = _FULL_ACCESS_TEXT[RCP]
        yield PolicyText(
            FULL_ACCESS[RCP], "RCPFullAWSAccess", RCP, content=text, is_aws_managed=True
        )
