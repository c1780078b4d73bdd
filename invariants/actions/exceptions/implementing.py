"""Putting an exception in place, and what collections find of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from invariants.actions.exceptions import effects
from invariants.actions.exceptions.recording import (
    By,
    Opened,
    Told,
    opened,
    opened_by_collection,
    record,
)
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.models.exceptions.requests import IS_IN_FORCE
from invariants.policies.exceptions import NotAllowed, Said, step
from inventory.models import Organization

_LIVE: Final = (ExceptionState.ACTIVE, ExceptionState.EXPIRING)
_ENDED: Final = (ExceptionState.EXPIRED, ExceptionState.REVOKED, ExceptionState.CLOSING)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a collection that looked as of `looked_at` found of one exception.

    `is_found` None: it could not tell, because something could not be read. `evidence` is what shows
    it, such as policy, statement and value.
    """

    is_found: bool | None
    looked_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def implement(by: By, pk: int, *, pull_request: str = "", now: datetime) -> ExceptionRequest:
    """Begin to put it in place, with the link of the pull request that does.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    taken = one.check(Verb.IMPLEMENT, Said(link=pull_request.strip()))
    changes = {
        "implementer_id": by.user.pk,
        "implementer_name": by.name,
        "pull_request": pull_request.strip(),
    }
    record(one, Verb.IMPLEMENT, state=taken.after, changes=changes)
    return one.request


@transaction.atomic
def remove(by: By, pk: int, *, pull_request: str = "", now: datetime) -> ExceptionRequest:
    """Begin to take it out again, after its end.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    taken = one.check(Verb.REMOVE, Said(link=pull_request.strip()))
    changes = {"removal_pull_request": pull_request.strip()}
    record(one, Verb.REMOVE, state=taken.after, changes=changes)
    return one.request


@transaction.atomic
def verify(pk: int, sight: Sight, *, now: datetime) -> Verb | None:
    """Take in what a collection found; returns what that changed, None where nothing.

    It is the only way to *active* and to *closed*. What is older than the last look, or could not
    tell, changes nothing. Where it is in force, its findings are brought in step as well: those that
    are new, and those of accounts that moved.

    :raises ExceptionRequest.DoesNotExist: where there is none.
    """
    _lock_line(pk)
    one = opened_by_collection(pk, now=now)
    request = one.request
    if sight.is_found is None:
        # Nothing is known of the carve-out; findings that are new in its scope are in it all the same.
        effects.sync(request, now=now)
        return None
    if not _is_news(request, sight, now=now):
        return None
    verb = _seen(one, sight) if sight.is_found else _not_seen(one, sight)
    if verb is None:
        _note(request, sight)
    effects.sync(request, now=now)
    return verb


def _lock_line(pk: int) -> None:
    """With what it renews, which may end by this: in the order in which `take_in` locks them."""
    before = ExceptionRequest.objects.filter(pk=pk).values("renews_id")
    both = ExceptionRequest.objects.filter(Q(pk=pk) | Q(pk__in=before)).order_by("pk")
    list(both.select_for_update().values_list("pk", flat=True))


@transaction.atomic
def take_in(
    organization: Organization, sights: Mapping[int, Sight], *, now: datetime
) -> tuple[int, ...]:
    """Take in the sights by which nothing happens, and bring the findings of all exceptions in force in
    step; returns the keys of the others, which are for `verify`. A dozen statements, whatever their number.
    """
    rows = ExceptionRequest.objects.filter(organization=organization)
    # Those of which nothing was seen as well: one that is revoked meanwhile would be marked by this.
    wanted = rows.filter(Q(pk__in=sights) | IS_IN_FORCE)
    requests = list(wanted.select_for_update().order_by("pk"))
    seen = [one for one in requests if one.pk in sights]
    looked = [one for one in seen if _is_news(one, sights[one.pk], now=now)]
    same = [one for one in looked if _stays(one, is_found=bool(sights[one.pk].is_found))]
    for one in same:
        _look(one, sights[one.pk])
    ExceptionRequest.objects.bulk_update(same, ["looked_at", "seen_at", "found"], batch_size=500)
    effects.sync_all([one for one in requests if one.is_in_force], now=now)
    done = {one.pk for one in same}
    return tuple(one.pk for one in looked if one.pk not in done)


def _is_news(request: ExceptionRequest, sight: Sight, *, now: datetime) -> bool:
    """A look that lies in the future was dated by a clock that has been put right since: it is none."""
    last = request.looked_at
    is_older = last is not None and sight.looked_at <= last <= now
    return sight.is_found is not None and not is_older


def _stays(request: ExceptionRequest, *, is_found: bool) -> bool:
    """Whether it is where it was: in place while it is in force, or after its end; or not, before it ever
    was."""
    if is_found:
        # Approved since the emergency: it is active by this.
        is_next = request.state in (ExceptionState.APPROVED, ExceptionState.IMPLEMENTING)
        return request.state in _ENDED or (request.is_in_force and not is_next)
    return request.state not in _ENDED and request.verified_at is None


def _look(request: ExceptionRequest, sight: Sight) -> None:
    request.looked_at = sight.looked_at
    if sight.is_found:
        request.seen_at, request.found = sight.looked_at, dict(sight.evidence)


def _note(request: ExceptionRequest, sight: Sight) -> None:
    """Nothing has happened, but it was looked at."""
    _look(request, sight)
    request.save(update_fields=["looked_at", "seen_at", "found"])


def _seen(one: Opened, sight: Sight) -> Verb | None:
    request = one.request
    is_known = request.state in _LIVE or request.verified_at is not None
    if request.state == ExceptionState.EMERGENCY and is_known:
        return None
    if step(request.state, Verb.FIND) is None:
        return None
    try:
        taken = one.check(Verb.FIND, Said(is_found=True, looked_at=sight.looked_at))
    except NotAllowed:
        # In place before its time, or nobody said that they did it: reconciliation shows it.
        return None
    changes = {
        "verified_at": request.verified_at or sight.looked_at,
        "looked_at": sight.looked_at,
        "seen_at": sight.looked_at,
        "found": dict(sight.evidence),
    }
    record(one, Verb.FIND, state=taken.after, changes=changes)
    if taken.after == ExceptionState.ACTIVE and request.renews_id is not None:
        effects.sync(request, now=one.at.now)
        _supersede(request, now=one.at.now)
    return Verb.FIND


def _supersede(renewal: ExceptionRequest, *, now: datetime) -> None:
    """The one before it in the line has done its time: what is in place now is the renewal's."""
    old = opened_by_collection(renewal.renews_id or 0, now=now)
    if step(old.request.state, Verb.SUPERSEDE) is None:
        return
    taken = old.check(Verb.SUPERSEDE)
    changes = {"ended_at": old.request.ended_at or now, "end_reason": f"Renewed as {renewal.ref}."}
    record(old, Verb.SUPERSEDE, state=taken.after, changes=changes)
    effects.sync(old.request, now=now)


def _not_seen(one: Opened, sight: Sight) -> Verb | None:
    request = one.request
    said = Said(is_found=False, looked_at=sight.looked_at)
    if request.state in _ENDED:
        try:
            taken = one.check(Verb.CLOSE, said)
        except NotAllowed:
            return None
        changes = {"looked_at": sight.looked_at, "gone_seen_at": sight.looked_at}
        # What it did not have to see, such as in an account that is suspended.
        told = Told(str(sight.evidence.get("why", "")))
        record(one, Verb.CLOSE, state=taken.after, changes=changes, told=told)
        return Verb.CLOSE
    if request.verified_at is None:
        return None
    lost = {"verified_at": None, "looked_at": sight.looked_at}
    told = Told("It was in place and is not any more.")
    if step(request.state, Verb.LOSE) is not None:
        taken = one.check(Verb.LOSE, said)
        record(one, Verb.LOSE, state=taken.after, changes=lost, told=told)
        return Verb.LOSE
    return None
