"""How every action writes: the record is locked, the table asked, and the event is part of the change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.contrib.auth.models import User

from invariants.actions.exceptions.signals import happened
from invariants.models import ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import Verb, Via, WhoKind
from invariants.policies.exceptions import (
    CLOCK,
    COLLECTION,
    Facts,
    Moment,
    NotAllowed,
    Said,
    Transition,
    Who,
    check,
    clocks,
)
from invariants.queries import exceptions as queries

NOTE: Final = 4000


@dataclass(frozen=True, slots=True)
class By:
    """A person, and from where they act. `operator` is whose shell a command runs in."""

    user: User
    via: Via = Via.PAGE
    address: str | None = None
    operator: str = ""

    @property
    def name(self) -> str:
        return self.user.get_full_name() or self.user.get_username()


@dataclass(slots=True)
class Opened:
    """A record that is locked until the transaction ends, and who has it in hand."""

    request: ExceptionRequest
    facts: Facts
    at: Moment
    who: Who
    name: str
    via: Via
    address: str | None = None
    operator: str = ""

    def check(self, verb: Verb, said: Said | None = None) -> Transition:
        return check(self.facts, verb, who=self.who, said=said or Said(), at=self.at)


def opened(by: By, pk: int, *, now: datetime) -> Opened:
    """Lock a record for a person.

    :raises ExceptionRequest.DoesNotExist: where there is none that this person sees.
    """
    seen = ExceptionRequest.objects.visible_to(by.user).select_related("organization")
    request = seen.select_for_update(of=("self",)).get(pk=pk)
    return in_hand(by, request, now=now)


def in_hand(by: By, request: ExceptionRequest, *, now: datetime) -> Opened:
    """A record that nobody else can have in hand."""
    at = queries.moment_of(request.organization, now)
    who = queries.who_is(by.user, today=at.today, request=request)
    facts = queries.facts_of(request)
    return Opened(request, facts, at, who, by.name, by.via, by.address, by.operator)


def opened_by_clock(pk: int, *, now: datetime) -> Opened | None:
    """Lock a record for the clock; None where another process has it in hand, or it is not there."""
    rows = ExceptionRequest.objects.select_related("organization")
    request = rows.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
    return _opened_by(request, CLOCK, "the clock", now) if request else None


def opened_by_collection(pk: int, *, now: datetime) -> Opened:
    """Lock a record for a collection.

    :raises ExceptionRequest.DoesNotExist: where there is none.
    """
    rows = ExceptionRequest.objects.select_related("organization")
    request = rows.select_for_update(of=("self",)).get(pk=pk)
    return _opened_by(request, COLLECTION, "a collection", now)


def _opened_by(request: ExceptionRequest, who: Who, name: str, now: datetime) -> Opened:
    at = queries.moment_of(request.organization, now)
    return Opened(request, queries.facts_of(request), at, who, name, Via.TASK)


@dataclass(frozen=True, slots=True)
class Told:
    """What an event tells beside the fields that changed. `key`: what happens once only."""

    note: str = ""
    key: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def record(
    one: Opened,
    verb: Verb,
    *,
    state: str | None = None,
    changes: Mapping[str, Any] | None = None,
    told: Told | None = None,
) -> ExceptionEvent:
    """Write the changes, the clock of the wait that begins, and the one event that tells of both."""
    request, told = one.request, told or Told()
    was = request.state
    wanted = dict(changes or {})
    if state is not None and state != was:
        wanted |= {"state": state, "state_since": one.at.now}
    changed = {name: value for name, value in wanted.items() if getattr(request, name) != value}
    before = {name: _plain(getattr(request, name)) for name in changed}
    for name, value in changed.items():
        setattr(request, name, value)
    after = {name: _plain(value) for name, value in changed.items()}
    fields = [*changed, *_wind(one)]
    if fields:
        request.save(update_fields=fields)
    return _write(
        one,
        verb,
        was,
        Told(told.note, told.key, before | dict(told.before or {}), after | dict(told.after or {})),
    )


def begin(one: Opened, verb: Verb, after: Mapping[str, Any]) -> ExceptionEvent:
    """Write the first event of a record that has just been made."""
    return _write(one, verb, "", Told(after={k: _plain(v) for k, v in after.items()}))


def _wind(one: Opened) -> list[str]:
    """Set the clock of the wait; returns the fields that it changed."""
    request = one.request
    calendar = queries.calendar_of(request.organization)
    due_at = clocks.due_at(queries.times_of(request), calendar)
    if due_at == request.due_at:
        return []
    request.due_at = due_at
    return ["due_at"]


def _write(one: Opened, verb: Verb, was: str, told: Told) -> ExceptionEvent:
    after = dict(told.after or {})
    if one.operator:
        _refuse_another_name(one)
        after |= {"operator": one.operator}
    last = one.request.events.order_by("-number").values_list("number", flat=True).first()
    event = ExceptionEvent.objects.create(
        request=one.request,
        number=(last or 0) + 1,
        at=one.at.now,
        verb=verb,
        state_before=was,
        state_after=one.request.state,
        who_kind=one.who.kind,
        who_id=str(one.who.id) if one.who.kind is WhoKind.PERSON else "",
        who_name=one.name[:150],
        via=one.via,
        address=one.address,
        note=told.note.strip()[:NOTE],
        before=dict(told.before or {}),
        after=after,
        key=told.key,
    )
    happened.send(ExceptionRequest, request=one.request, event=event)
    return event


def _refuse_another_name(one: Opened) -> None:
    """Who has a shell can act under every name: on one record they act under one, as one person.

    :raises NotAllowed: where they have acted on it under another.
    """
    theirs = one.request.events.filter(after__operator=one.operator)
    other = theirs.exclude(who_id=str(one.who.id)).values_list("who_name", flat=True).first()
    if other is not None:
        words = f"{one.operator} of this shell has acted on it as {other} already: others take this step."
        raise NotAllowed((words,))


def _plain(value: object) -> object:
    """As JSON has it: days and moments in ISO 8601, bytes in hex."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value
