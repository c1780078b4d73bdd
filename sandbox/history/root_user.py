"""When the root credentials of an account were deleted: the organisation manages its root users centrally, account by account."""

from sandbox import chance
from sandbox.history.story import acceptances_of
from sandbox.model import Org
from sandbox.moments import NEVER, WEEK, seconds_of_day
from sandbox.org.accounts import AccountPlan

MANAGED_SINCE = -12 * WEEK
SESSIONS_SINCE = -10 * WEEK
"""When the organisation turned the features of central management on, in seconds relative to the anchor day."""


def removed_at(org: Org, plan: AccountPlan) -> int:
    """Return when password, keys and MFA of the root user were deleted, or NEVER: the decision that IAM.6's notes name.

    An account that joins after the decision has none from the start; one that was suspended before it keeps its own.
    """
    seed = chance.seed_of(chance.seed_of(plan.seed, org.home_region), "IAM.6")
    for decision in acceptances_of("IAM.6", plan.kind):
        if chance.draw(seed, 80) < decision.share:
            decided_at = seconds_of_day(org.anchor) + decision.since
            moment = max(decided_at, plan.joined_at)
            return moment if moment < plan.frozen_at else NEVER
    return NEVER
