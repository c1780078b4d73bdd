"""What an API token may be given."""

from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import User

from posture.models import Profile
from posture.policies import roles
from posture.policies import sign_in as policies
from posture.policies.roles import Right

# What a stolen token must not do: open the door for more, and put somebody's name under a decision.
# Of an exception, its risk and its approvals; what is asked for, taken up and put in place may a program.
FOR_PEOPLE_ONLY: Final = frozenset(
    {
        roles.MANAGE_PEOPLE,
        roles.PUBLISH_REVIEWS,
        roles.ASSESS_EXCEPTIONS,
        roles.APPROVE_EXCEPTIONS,
        roles.ACCEPT_EXCEPTION_RISK,
        roles.APPROVE_HIGH_EXCEPTIONS,
        roles.APPROVE_CRITICAL_EXCEPTIONS,
    }
)
# In the order of the table.
RIGHTS: Final = tuple(right for right in roles.RIGHTS if right.code not in FOR_PEOPLE_ONLY)


def rights_of(owner: User) -> tuple[Right, ...]:
    """What a new token of this user may be given."""
    return tuple(right for right in RIGHTS if owner.has_perm(right.code))


def may_own(owner: User) -> bool:
    """Whether the user's tokens are good: the break-glass account is for people alone."""
    if not owner.is_active or policies.is_break_glass(owner):
        return False
    # A service account is refused on pages only.
    return policies.kind_of(owner) == Profile.Kind.SERVICE or policies.refusal(owner) is None


def unknown(codes: Iterable[str], owner: User) -> list[str]:
    """The codes that no token of this user may have, sorted."""
    return sorted(set(codes) - {right.code for right in rights_of(owner)})
