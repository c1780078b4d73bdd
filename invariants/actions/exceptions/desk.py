"""What reviewers do at their desk: one step with what they say, given what they have seen; and many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from django.db import transaction

from invariants.actions.exceptions import (
    deciding,
    drafting,
    ending,
    implementing,
    renewing,
    scoping,
)
from invariants.actions.exceptions.recording import By
from invariants.actions.exceptions.scoping import Line
from invariants.models import ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Risk, Verb
from invariants.policies.exceptions import NotAllowed
from invariants.queries.exceptions import page

MOST_AT_ONCE: Final = 50
# Verbs of the pages that are no verb of the table: each is made of steps of it.
LESS: Final = "LESS"


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says with a step; each step reads what it needs. `drop` are lines of the scope."""

    comment: str = ""
    until: date | None = None
    inherent: str = ""
    residual: str = ""
    link: str = ""
    drop: tuple[Line, ...] = ()


class Meanwhile(Exception):
    """Others were faster: what they did has to be looked at first. Nothing was changed."""

    def __init__(self, events: Sequence[ExceptionEvent]) -> None:
        self.events = tuple(events)
        super().__init__("Somebody else was faster.")


Take = Callable[[By, int, Words, datetime], ExceptionRequest]


@transaction.atomic
def take(
    by: By, pk: int, verb: str, words: Words, *, seen: int | None, now: datetime
) -> ExceptionRequest:
    """Take a step, by a verb of the table in capitals, LESS, RENEW or NARROW.

    `seen` is the number of the last event that the person has seen; None: they saw none, as a program.

    :raises Meanwhile: where something was decided or changed since.
    :raises NotAllowed: naming what is in the way.
    :raises ExceptionRequest.DoesNotExist: where there is none that this person sees.
    """
    seeing = ExceptionRequest.objects.visible_to(by.user)
    request = seeing.select_for_update(of=("self",)).get(pk=pk)
    if seen is not None and (events := page.since(request, seen)):
        raise Meanwhile(events)
    return TAKES[verb](by, pk, words, now)


def _triage(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return deciding.triage(by, pk, note=words.comment, now=now)


def _assess(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    if words.inherent not in Risk.values or words.residual not in Risk.values:
        raise NotAllowed(("Say how high the risk is, with and without what compensates for it.",))
    view = deciding.RiskView(Risk(words.inherent), Risk(words.residual), words.comment)
    return deciding.assess(by, pk, view, now=now)


def _approve(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return deciding.approve(by, pk, comment=words.comment, now=now)


def _approve_less(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    """The scope is narrowed first, so that nobody ever approved more than this."""
    if words.until is None and not words.drop:
        raise NotAllowed(("Give an earlier last day, or take something out of the scope.",))
    if words.drop:
        scoping.narrow(by, pk, words.drop, why=words.comment, now=now)
    return deciding.approve(by, pk, comment=words.comment, until=words.until, now=now)


def _grant(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return deciding.grant(by, pk, why=words.comment, now=now)


def _request_changes(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return deciding.request_changes(by, pk, why=words.comment, now=now)


def _reject(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return deciding.reject(by, pk, why=words.comment, now=now)


def _submit(by: By, pk: int, _: Words, now: datetime) -> ExceptionRequest:
    return drafting.submit(by, pk, now=now)


def _withdraw(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return drafting.withdraw(by, pk, why=words.comment, now=now)


def _implement(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return implementing.implement(by, pk, pull_request=words.link, now=now)


def _remove(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return implementing.remove(by, pk, pull_request=words.link, now=now)


def _revoke(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return ending.revoke(by, pk, why=words.comment, now=now)


def _renew(by: By, pk: int, _: Words, now: datetime) -> ExceptionRequest:
    return renewing.renew(by, pk, now=now)


def _narrow(by: By, pk: int, words: Words, now: datetime) -> ExceptionRequest:
    return scoping.narrow(by, pk, words.drop, why=words.comment, now=now)


TAKES: Final[Mapping[str, Take]] = MappingProxyType(
    {
        Verb.SUBMIT.value: _submit,
        Verb.TRIAGE.value: _triage,
        Verb.ASSESS.value: _assess,
        Verb.APPROVE.value: _approve,
        LESS: _approve_less,
        Verb.GRANT.value: _grant,
        Verb.REQUEST_CHANGES.value: _request_changes,
        Verb.REJECT.value: _reject,
        Verb.WITHDRAW.value: _withdraw,
        Verb.IMPLEMENT.value: _implement,
        Verb.REMOVE.value: _remove,
        Verb.REVOKE.value: _revoke,
        Verb.RENEW.value: _renew,
        Verb.NARROW.value: _narrow,
    }
)


@dataclass(frozen=True, slots=True)
class Triaged:
    """How many were taken up; `refused` has the reference of each other one, and why."""

    taken: int
    refused: tuple[tuple[str, str], ...]


def triage_many(by: By, refs: Sequence[str], *, note: str, now: datetime) -> Triaged:
    """Take many up, each in a transaction of its own: one that is refused does not hold up the others.

    :raises NotAllowed: for more than MOST_AT_ONCE.
    """
    if len(refs) > MOST_AT_ONCE:
        raise NotAllowed((f"{MOST_AT_ONCE} at once are the most: choose fewer.",))
    taken, refused = 0, []
    for one in to_triage(by, refs):
        try:
            deciding.triage(by, one.pk, note=note, now=now)
        except NotAllowed as error:
            refused.append((one.ref, " ".join(error.missing)))
        else:
            taken += 1
    return Triaged(taken, tuple(refused))


def to_triage(by: By, refs: Sequence[str]) -> list[ExceptionRequest]:
    """Those of these references that the person sees, and that are submitted, by reference."""
    numbers = [int(ref.removeprefix("EX-")) for ref in refs[:MOST_AT_ONCE]]
    seen = ExceptionRequest.objects.visible_to(by.user).select_related("invariant", "control")
    found = seen.filter(number__in=numbers, state=ExceptionState.SUBMITTED)
    return list(found.order_by("number", "pk"))
