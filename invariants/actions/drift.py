"""What people decide about drift. The audit log is written by the database, with who and why."""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from invariants.models import Drift

MANAGE = "invariants.manage_drift"
OWNER = 150
TEXT = 2000


class Refused(ValueError):
    """It cannot be; the text is a sentence for people, with the remedy."""


@transaction.atomic
def accept(by: User, pk: int, *, why: str, seen: datetime, now: datetime) -> Drift:
    """Say that the drift is right, for as long as it says the same.

    :param seen: when what the person looked at was first found (`changed_since`).
    :raises PermissionDenied: without the right.
    :raises Drift.DoesNotExist: when there is none for this person.
    :raises Refused: where it has ended, or says something else by now; and without a reason.
    """
    row = _locked(by, pk)
    if not why.strip():
        raise Refused("Write why it is right: whoever reads the catalogue next will ask.")
    if row.changed_since != seen:
        raise Refused("It has changed again since you opened it. Look at it once more.")
    row.state = Drift.State.ACCEPTED
    row.decided_by, row.decided_by_name = by, by.get_username()
    row.decided_at, row.decided_why = now, why.strip()[:TEXT]
    row.save(update_fields=["state", "decided_by", "decided_by_name", "decided_at", "decided_why"])
    return row


@transaction.atomic
def reopen(by: User, pk: int) -> Drift:
    """Take an acceptance back.

    :raises PermissionDenied: without the right.
    :raises Drift.DoesNotExist: when there is none for this person.
    :raises Refused: where it has ended.
    """
    row = _locked(by, pk)
    row.state = Drift.State.OPEN
    row.decided_by, row.decided_by_name, row.decided_at, row.decided_why = None, "", None, ""
    row.save(update_fields=["state", "decided_by", "decided_by_name", "decided_at", "decided_why"])
    return row


@transaction.atomic
def assign(by: User, pk: int, *, owner: str, note: str) -> Drift:
    """Say who looks after it, and what there is to know.

    :raises PermissionDenied: without the right.
    :raises Drift.DoesNotExist: when there is none for this person.
    :raises Refused: where it has ended.
    """
    row = _locked(by, pk)
    row.owner, row.note = owner.strip()[:OWNER], note.strip()[:TEXT]
    row.save(update_fields=["owner", "note"])
    return row


def _locked(by: User, pk: int) -> Drift:
    if not by.has_perm(MANAGE):
        raise PermissionDenied("Drift is decided on by people with the right “Manage drift”.")
    row = Drift.objects.visible_to(by).select_for_update(of=("self",)).get(pk=pk)
    if row.ended_at is not None:
        raise Refused("It has ended: there is nothing to decide on any more.")
    return row
