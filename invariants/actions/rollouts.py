"""From when on an invariant counts below an OU."""

from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User

from invariants.models import Invariant, Rollout
from inventory import access
from inventory.models import OrganizationalUnit

__all__ = ["NotPlanned", "plan", "withdraw"]

_RIGHT: Final = "invariants.enforce_invariants"


class NotPlanned(Exception):
    """A date cannot be set; the text says why, and what to do."""


def plan(
    user: User,
    invariant: Invariant,
    ou: OrganizationalUnit,
    *,
    from_date: date,
    why: str,
    now: datetime,
) -> Rollout:
    """Let the invariant count below `ou` from a day on; before, it is provisional there.

    Days that are over are closed: a date in the past counts from today on.

    :raises NotPlanned: the person may not, the OU is of another organisation, or no reason is given.
    """
    _check(user, why)
    if ou.organization_id != invariant.organization_id:
        raise NotPlanned(f"{ou.name} belongs to another organisation than {invariant.key}.")
    row, _ = Rollout.objects.update_or_create(
        invariant=invariant,
        ou=ou,
        defaults={
            "from_date": from_date,
            "why": why.strip(),
            "by_name": user.get_full_name() or user.get_username(),
            "at": now,
        },
    )
    return row


def withdraw(user: User, invariant: Invariant, ou: OrganizationalUnit, *, why: str) -> bool:
    """Take the date away, so that the next OU above decides; False where there was none.

    :raises NotPlanned: the person may not, or no reason is given.
    """
    _check(user, why)
    count, _ = Rollout.objects.filter(invariant=invariant, ou=ou).delete()
    return bool(count)


def _check(user: User, why: str) -> None:
    """What is put off is not counted: as for taking an invariant out of force."""
    if not (user.has_perm(_RIGHT) and access.scope_of(user).everything):
        raise NotPlanned(
            "Only who may put invariants into force, and sees the whole organisation, sets their dates."
        )
    if not why.strip():
        raise NotPlanned("Say why: it stands beside the date for everybody.")
