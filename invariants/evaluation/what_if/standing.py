"""What AWS would say of the attachment itself: limits, and what it refuses. And whom it never reaches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from invariants import engine, lint
from invariants.catalog import RCP, SCP, type_name
from invariants.evaluation.coverage.world import World
from invariants.evaluation.what_if import changing
from invariants.evaluation.what_if.changing import Change

_ACTIVE: Final = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a limit is used; `limit` None: AWS publishes none."""

    before: int
    after: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Unreached:
    """Accounts below the place that the policy does not reach, and why."""

    why: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding of the linter."""

    rule: str
    severity: str
    path: str
    message: str
    explanation: str
    fix: str
    page: str


def slots(before: World, after: World, change: Change) -> Used:
    """Policies of the type at the place, AWS's own included."""
    kind = change.policy.type
    counts = [len(list(changing.attached(w, change.target_id, kind))) for w in (before, after)]
    return Used(counts[0], counts[1], lint.slot_budget(counts[1], kind).limit)


def size(change: Change) -> Used:
    """Characters of the policy without white space."""
    budget = lint.size_budget(change.policy.content or "", change.policy.type)
    return Used(budget.used, budget.used, budget.limit)


def refusals(before: World, after: World, change: Change) -> Iterator[str]:
    """Why AWS would refuse to do it, each with what to do about it."""
    kind, name = change.policy.type, type_name(change.policy.type)
    if kind not in before.enabled_types:
        yield (
            f"The type “{name}” is not enabled in this organisation, so that AWS attaches none. What "
            "follows counts with it enabled: enable it in AWS Organizations first."
        )
    if not change.is_attach:
        left = list(changing.attached(after, change.target_id, kind))
        if kind == SCP and not left:
            yield (
                "It is the last SCP at this place, and AWS keeps one at least: attach another that "
                "allows something first. Without any, everything below would be denied."
            )
        return
    used, room = size(change), slots(before, after, change)
    if used.limit is not None and used.after > used.limit:
        yield (
            f"The policy has {used.after:,} characters without white space, and AWS takes {used.limit:,} "
            "of this type: split it, or shorten lists that a wildcard covers."
        )
    if room.limit is not None and room.after > room.limit:
        yield (
            f"{room.before} policies of this type are attached there, and AWS takes {room.limit}: "
            "merge two of them, or detach one."
        )


def unreached(world: World, change: Change, accounts: tuple[str, ...]) -> Iterator[Unreached]:
    """Accounts below the place that are left out, with AWS's reason."""
    kind = change.policy.type
    management = tuple(one for one in accounts if one == world.management_account_id)
    if management and kind in (SCP, RCP):
        yield Unreached(
            f"The management account: no {'SCP' if kind == SCP else 'RCP'} reaches it, wherever it is "
            "attached.",
            management,
        )
    idle = tuple(
        one
        for one in accounts
        if one != world.management_account_id and world.nodes[one].state != _ACTIVE
    )
    if idle:
        yield Unreached(
            "Suspended and closing accounts: nobody can do anything in them, and no invariant counts "
            "there.",
            idle,
        )


def exempt(kind: str) -> tuple[str, ...]:
    """What a policy of the type never reaches, in any account."""
    if kind == SCP:
        return (
            "Service-linked roles, and AWS services that act for themselves.",
            "Callers of other organisations and anonymous ones: what they do to our resources is for RCPs.",
            "Some tasks of the root user, such as changing the support plan.",
        )
    if kind == RCP:
        services = engine.rcp_services()
        return (
            "Service-linked roles, and keys that AWS manages.",
            f"Services but for the {len(services.prefixes)} that supported RCPs on {services.as_of:%-d %B %Y}.",
        )
    return (
        "Settings that an account made itself before, where the policy does not overrule them.",
    )


def remarks(world: World, change: Change) -> tuple[Remark, ...]:
    """What the linter says of the policy, with the organisation's other policies as its guards."""
    guards = lint.guards_of(_documents(world, without=change.policy.id))
    found = lint.lint(change.policy.content or "", change.policy.type, guards=guards)
    return tuple(
        Remark(
            rule=one.rule.id,
            severity=one.rule.severity.value,
            path=one.path,
            message=one.message,
            explanation=one.rule.explanation,
            fix=one.rule.fix,
            page=one.rule.page,
        )
        for one in found
    )


def _documents(world: World, *, without: str) -> Iterator[Mapping[str, Any]]:
    """Texts of policies that decide requests, as far as they are ones."""
    in_use = {one.policy_id for one in world.attachments} - {without}
    for policy_id in sorted(in_use):
        policy = world.policies.get(policy_id)
        if policy is None or policy.type not in (SCP, RCP) or not policy.content:
            continue
        try:
            yield engine.document(engine.parse(policy.content))
        except engine.PolicySyntaxError:
            continue
