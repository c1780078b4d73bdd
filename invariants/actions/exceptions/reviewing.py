"""What comes of reconciliation in the log: another look that is due, and one that somebody has taken."""

from datetime import datetime
from typing import Final

from django.db import transaction

from invariants.actions.exceptions.recording import (
    By,
    Told,
    opened,
    opened_by_collection,
    record,
)
from invariants.models import ExceptionEvent, ExceptionMismatch, ExceptionRequest
from invariants.models.exceptions import MismatchKind, Verb
from invariants.policies.exceptions import NotAllowed, tiers
from invariants.policies.exceptions.guards import SHORTEST_WHY

# Who could have assessed or approved it.
LOOKERS: Final = frozenset({tiers.ASSESS, *tiers.DELEGABLE})


@transaction.atomic
def ask_review(pk: int, cause: str, words: str, *, now: datetime) -> ExceptionEvent | None:
    """Say that it has to be looked at again; None where this collection has said so before.

    :raises ExceptionRequest.DoesNotExist: where there is none.
    """
    one = opened_by_collection(pk, now=now)
    key = f"review:{cause}:{now:%Y%m%dT%H%M%S}"
    if one.request.events.filter(key=key).exists():
        return None
    return record(one, Verb.REVIEW, told=Told(words, key, after={"why": cause}))


@transaction.atomic
def linger(pk: int, *, now: datetime) -> ExceptionEvent | None:
    """Say that it was found in place after its end; None where that was said before.

    :raises ExceptionRequest.DoesNotExist: where there is none.
    """
    one = opened_by_collection(pk, now=now)
    ended_at = one.request.ended_at or now
    key = f"linger:{ended_at:%Y%m%dT%H%M%S}"
    if one.request.events.filter(key=key).exists():
        return None
    return record(one, Verb.LINGER, told=Told("It has ended, and is still deployed.", key))


@transaction.atomic
def look_again(by: By, pk: int, *, note: str, now: datetime) -> ExceptionMismatch:
    """Say what came of another look at an exception; the item of the inbox ends with it.

    :param pk: of the item, which is a re-review
    :raises ExceptionMismatch.DoesNotExist: where there is none that this person sees.
    :raises NotAllowed: naming what is in the way.
    """
    rows = ExceptionMismatch.objects.visible_to(by.user).lasting()
    item = rows.select_for_update(of=("self",)).get(pk=pk, kind=MismatchKind.RE_REVIEW)
    one = opened(by, item.exception_id or 0, now=now)
    missing = refusals(one.request, person=by.user.pk, rights=one.who.rights)
    if len(note.strip()) < SHORTEST_WHY:
        missing = (*missing, "Write what came of it, so that the others understand it.")
    if missing:
        raise NotAllowed(missing)
    record(one, Verb.REVIEWED, told=Told(note, after={"why": item.cause}))
    item.ended_at, item.answered_by, item.answer = now, by.name, note.strip()
    item.save(update_fields=["ended_at", "answered_by", "answer"])
    return item


def refusals(
    request: ExceptionRequest, *, person: int | None, rights: frozenset[str]
) -> tuple[str, ...]:
    """Why this person cannot say that it is still right; nothing where they can."""
    if person == request.requester_id:
        return ("Who asked for it cannot do this: ask a colleague.",)
    if not rights & LOOKERS:
        return (f"Only people with the right {' or '.join(sorted(LOOKERS))} do this.",)
    return ()
