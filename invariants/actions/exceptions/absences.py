"""Who is away, and who approves meanwhile."""

from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from invariants.actions.exceptions.recording import By
from invariants.models import ApproverAbsence
from invariants.policies.exceptions import NotAllowed, tiers

_LONGEST_DAYS: Final = 90


@transaction.atomic
def leave(by: By, delegate: User, *, since: date, until: date, now: datetime) -> ApproverAbsence:
    """Leave one's approvals to a delegate from `since` to `until`, both included.

    The delegate approves with what this person may approve, on record as instead of them; never where
    either of the two has another part. What a delegate was left cannot be passed on.

    :raises PermissionDenied: where this person approves nothing.
    :raises NotAllowed: where the days or the delegate make no sense.
    """
    if not any(by.user.has_perm(right) for right in tiers.DELEGABLE):
        raise PermissionDenied("Only people who approve exceptions leave that to a delegate.")
    missing = []
    if delegate.pk == by.user.pk or not delegate.is_active:
        missing.append("The delegate is another person, who can sign in.")
    if until < since or (until - since).days >= _LONGEST_DAYS:
        missing.append(f"An absence has between 1 and {_LONGEST_DAYS} days.")
    if missing:
        raise NotAllowed(tuple(missing))
    return ApproverAbsence.objects.create(
        person_id=by.user.pk,
        person_name=by.name,
        delegate_id=delegate.pk,
        delegate_name=delegate.get_full_name() or delegate.get_username(),
        since=since,
        until=until,
        said_at=now,
    )


@transaction.atomic
def come_back(by: By, pk: int, *, now: datetime) -> ApproverAbsence:
    """End one's own absence now.

    :raises ApproverAbsence.DoesNotExist: where it is none of one's own.
    """
    mine = ApproverAbsence.objects.select_for_update().filter(person_id=by.user.pk, ended_at=None)
    row = mine.get(pk=pk)
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    return row
