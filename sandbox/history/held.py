"""From when on a policy of the organisation keeps a control from failing: those that take hold of what is there already.

A policy that denies calls leaves old mistakes as they are, and so do defaults for new instances. Block Public Access of S3, of
snapshots and of VPCs is different: once it is in force above an account, nothing in it is public any more.
"""

from functools import lru_cache

from sandbox.model import Org
from sandbox.moments import NEVER, seconds_of_day
from sandbox.org import names, policies
from sandbox.org.accounts import AccountPlan

_HOLDERS = {
    "S3.1": "s3-block-public-access",
    "S3.2": "s3-block-public-access",
    "S3.3": "s3-block-public-access",
    "S3.8": "s3-block-public-access",
    "EC2.1": "ec2-sharing-blocks",
    "EC2.182": "ec2-sharing-blocks",
    "EC2.172": "ec2-vpc-block-public-access",
}
"""Control id: key of the policy that holds it."""


def held_since(org: Org, plan: AccountPlan, control_id: str) -> int:
    """Return when the control ceases to fail in an account for good because of a policy above it, or NEVER."""
    policy = _HOLDERS.get(control_id)
    return _covered_since(seconds_of_day(org.anchor), plan.moves, policy) if policy else NEVER


@lru_cache(maxsize=4096)
def _covered_since(anchor: int, moves: tuple[tuple[int, str], ...], policy: str) -> int:
    """Return since when a policy stands above an account without a break until it is suspended."""
    since = NEVER
    for began, ou in reversed(moves):
        attached = _attached_since(policy, ou)
        if attached == NEVER:
            if ou == "suspended" and since == NEVER:
                continue
            return since
        since = max(began, anchor + attached)
        if since > began:
            return since
    return since


@lru_cache(maxsize=256)
def _attached_since(policy: str, ou: str) -> int:
    """Return since when a policy that is never detached stands above accounts of an OU, relative to the anchor day."""
    above = {"root", *names.path_of(ou)}
    (plan,) = (plan for plan in policies.PLANS if plan.key == policy)
    lasting = [one.since for one in plan.attachments if one.target in above and one.until == NEVER]
    return min(lasting, default=NEVER)
