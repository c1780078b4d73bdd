"""Whether an account-level check fails in an account and Region: the truth behind its finding, where there is one.

Security Hub looks at an account where it has resources; services and settings are as they are in every Region that the
account may use. Findings tell of it up to a day late, and not at all before an account's checks begin or while they are
mute; this tells what is so.
"""

from sandbox.history.checks import Check, Status, status_at
from sandbox.history.world import World, world_of
from sandbox.model import Org
from sandbox.org.accounts import AccountPlan


def fails(org: Org, plan: AccountPlan, control_id: str, region: str, now: int) -> bool:
    """Return whether the account, or any resource that a control checks in it, fails in a Region at that moment."""
    world = world_of(org)
    statuses = (status_of(world, check, now) for check in world.checks_in(plan, control_id, region))
    return any(status is not None and status.fails for status in statuses)


def status_of(world: World, check: Check, now: int) -> Status | None:
    """Return what is so of a check's resource, None when there is no resource yet.

    An account is there before its checks begin: until then it is as they will find it.
    """
    horizon = min(now, check.plan.frozen_at)
    if check.slot is None:
        return _at(world, check, generation=0, birth=check.begins_at, now=horizon)
    generation = check.slot.generation_at(horizon)
    birth = max(check.slot.birth(generation), check.begins_at)
    if birth > horizon:
        return None
    return _at(world, check, generation=generation, birth=birth, now=horizon)


def _at(world: World, check: Check, *, generation: int, birth: int, now: int) -> Status:
    return status_at(
        check,
        generation=generation,
        birth=birth,
        now=max(now, birth),
        story_start=world.story_start,
    )
