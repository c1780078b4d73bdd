"""Whether an account-level check fails in an account and Region: the truth behind its finding, where there is one.

Security Hub looks at an account where it has resources; the services are on or off in every Region that the account may use.
"""

from sandbox.history.catalogue import all_controls
from sandbox.history.checks import Check, status_at
from sandbox.history.world import World, account_check, world_of
from sandbox.model import Org
from sandbox.org.accounts import AccountPlan


def fails(org: Org, plan: AccountPlan, control_id: str, region: str, now: int) -> bool:
    """Return whether the control's check fails at that moment; it does until the account's checks begin."""
    world = world_of(org)
    check = _check(world, plan, control_id, region)
    horizon = min(now, plan.frozen_at)
    if check.begins_at > horizon:
        return True
    status = status_at(
        check, generation=0, birth=check.begins_at, now=horizon, story_start=world.story_start
    )
    return status.fails


def _check(world: World, plan: AccountPlan, control_id: str, region: str) -> Check:
    return account_check(world, plan, all_controls()[control_id], region)
