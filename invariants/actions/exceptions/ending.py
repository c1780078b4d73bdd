"""The end of an exception, and the clock that sees to it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from invariants.actions.exceptions import effects
from invariants.actions.exceptions.recording import (
    By,
    Opened,
    Told,
    opened,
    opened_by_clock,
    record,
)
from invariants.models import ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import NotAllowed, Said, clocks
from invariants.queries import exceptions as queries
from inventory.models import Organization

logger = logging.getLogger(__name__)
_GRANTED: Final = (
    ExceptionState.APPROVED,
    ExceptionState.IMPLEMENTING,
    ExceptionState.ACTIVE,
    ExceptionState.EXPIRING,
)
_LIVE: Final = (ExceptionState.ACTIVE, ExceptionState.EXPIRING)


@dataclass(frozen=True, slots=True)
class Ticked:
    """How many the clock let expire, said to end soon, reminded of, and wants to be looked at again.

    `failed` has those that could not be served, by their name: the next tick tries them anew.
    """

    expired: int = 0
    expiring: int = 0
    reminded: int = 0
    reviewed: int = 0
    failed: tuple[str, ...] = ()


@transaction.atomic
def revoke(by: By, pk: int, *, why: str, now: datetime) -> ExceptionRequest:
    """End it before its time: an approver takes it back, or who asked for it gives it back.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    taken = one.check(Verb.REVOKE, Said(why=why))
    changes = {"ended_at": now, "end_reason": why.strip()}
    record(one, Verb.REVOKE, state=taken.after, changes=changes, told=Told(why))
    effects.sync(one.request, now=now)
    return one.request


def tick(organization: Organization, *, now: datetime) -> Ticked:
    """Do what is due by now, each in a transaction of its own; run again it does nothing more.

    After a standstill it catches up: what ended meanwhile ends as of when it did, and of the notices
    that were missed only the last one is given.
    """
    at = queries.moment_of(organization, now)
    rows = ExceptionRequest.objects.filter(organization=organization).order_by("pk")
    over = Q(until__lt=at.today) & Q(state__in=[*_GRANTED, ExceptionState.EMERGENCY])
    over |= Q(state=ExceptionState.EMERGENCY, emergency_until__lte=now)
    soon = at.today + timedelta(days=max(c.expiring_days for c in clocks.VERSIONS.values()))
    near = Q(state__in=_LIVE, until__gte=at.today, until__lte=soon)
    half = Q(state__in=_LIVE, until__gte=at.today, review_on__lte=at.today)
    half &= Q(~_told(Value("review:"), _day("review_on")))
    work = (
        (rows.filter(over), expire),
        (rows.filter(near, state=ExceptionState.ACTIVE), warn),
        (rows.filter(near & _unreminded(at.today)), remind),
        (rows.filter(half), look_again),
    )
    failed: set[str] = set()
    expired, expiring, reminded, reviewed = (_each(due, act, failed, now=now) for due, act in work)
    return Ticked(expired, expiring, reminded, reviewed, tuple(sorted(failed)))


def _unreminded(today: date) -> Q:
    """Those whose notice of today was not given. What was told already is not locked at every beat."""
    due = Q(pk__in=[])
    for version, one in clocks.VERSIONS.items():
        since = -1
        for days in sorted(one.notices):
            window = Q(
                clocks_version=version,
                until__gt=today + timedelta(days=since),
                until__lte=today + timedelta(days=days),
            )
            due |= window & Q(~_told(Value("notice:"), _day("until"), Value(f":{days}")))
            since = days
    return due


def _day(name: str) -> Cast:
    return Cast(OuterRef(name), TextField())


def _told(*key: Value | Cast) -> Exists:
    """Whether an event of this key has told of it."""
    events = ExceptionEvent.objects.filter(request=OuterRef("pk"))
    return Exists(events.filter(key=Concat(*key, output_field=TextField())))


def _each(
    rows: QuerySet[ExceptionRequest],
    act: Callable[[Opened], bool],
    failed: set[str],
    *,
    now: datetime,
) -> int:
    """Act on each in a transaction of its own; what fails there holds up no other."""
    done = 0
    for pk, number in list(rows.values_list("pk", "number")):
        try:
            with transaction.atomic():
                one = opened_by_clock(pk, now=now)
                done += one is not None and act(one)
        except Exception:
            ref = ExceptionRequest(number=number).ref
            logger.exception("The clock could not serve exception %s", ref)
            failed.add(ref)
    return done


def expire(one: Opened) -> bool:
    """Let it end, as of when its last day (of an emergency, its 72 hours) was over."""
    try:
        taken = one.check(Verb.EXPIRE)
    except NotAllowed:
        return False
    request = one.request
    zone = queries.calendar_of(request.organization).zone
    ends = [clocks.end_of(request.until, zone)] if request.until else []
    if request.state == ExceptionState.EMERGENCY and request.emergency_until:
        ends.append(request.emergency_until)
    ended_at = min([*ends, one.at.now])
    changes = {"ended_at": ended_at, "end_reason": "Its time was over."}
    record(one, Verb.EXPIRE, state=taken.after, changes=changes)
    effects.sync(request, now=one.at.now)
    return True


def warn(one: Opened) -> bool:
    """Say that it ends soon."""
    try:
        taken = one.check(Verb.WARN)
    except NotAllowed:
        return False
    record(one, Verb.WARN, state=taken.after)
    return True


def remind(one: Opened) -> bool:
    """Record the notice that is due; each is given once for each last day."""
    request = one.request
    if request.until is None or request.state not in _LIVE:
        return False
    days = clocks.notice_due(one.at.today, request.until, version=request.clocks_version)
    if days is None:
        return False
    given = request.events.filter(key__startswith=f"notice:{request.until}:")
    nearest = min(
        (int(key.rpartition(":")[2]) for key in given.values_list("key", flat=True)), default=None
    )
    if nearest is not None and nearest <= days:
        return False
    record(
        one, Verb.REMIND, told=Told(key=f"notice:{request.until}:{days}", after={"days_left": days})
    )
    return True


def look_again(one: Opened) -> bool:
    """Ask, once, for another look at half of its life."""
    request = one.request
    if request.review_on is None or request.state not in _LIVE or one.at.today < request.review_on:
        return False
    key = f"review:{request.review_on}"
    if request.events.filter(key=key).exists():
        return False
    told = Told("Half of its time is over.", key=key, after={"why": "HALF_LIFE"})
    record(one, Verb.REVIEW, told=told)
    return True
