"""Asking for an exception: the draft, and sending it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max

from findings.models import Control, Finding
from invariants.actions.exceptions.recording import (
    By,
    Opened,
    Told,
    begin,
    in_hand,
    opened,
    record,
)
from invariants.models import (
    ExceptionEvent,
    ExceptionRequest,
    Invariant,
)
from invariants.models.exceptions import ExceptionState, ExceptionTarget, Risk, Verb
from invariants.policies.exceptions import NotAllowed, clocks, tiers
from invariants.queries import exceptions as queries
from inventory import access
from inventory.models import Organization

EDITABLE: Final = frozenset(
    {
        "title",
        "reason",
        "justification",
        "system",
        "business_owner",
        "data_classification",
        "compensating",
        "remediation_plan",
        "mechanism",
        "ticket",
        "starts_on",
        "asked_until",
        "is_emergency",
    }
)
_OPEN: Final = (ExceptionState.DRAFT, ExceptionState.CHANGES_REQUESTED)
# A day that somebody means, and with which can be reckoned.
_MOST_DAYS: Final = 3660
# Each has a number for good.
_MOST_DRAFTS: Final = 100
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


Target = Invariant | Control | Finding


@dataclass(frozen=True, slots=True)
class Sheet:
    """One form that somebody has opened: however often it is sent, one draft comes of it."""

    key: str
    opened_at: datetime


@transaction.atomic
def draft(by: By, target: Target, *, sheet: Sheet | None = None, now: datetime) -> ExceptionRequest:
    """Begin a draft. Only its requester sees it until it is sent.

    :param sheet: the form that it comes from; the request that came of it before is given back.
    :raises PermissionDenied: without the right to ask.
    :raises NotAllowed: where this person does not see the target.
    """
    may_ask(by)
    if not _sees(by, target):
        raise NotAllowed(("You do not see what you ask an exception from.",))
    if sheet is None:
        return begin_request(by, target.organization, _of_target(target), now=now)
    # Before the look, so that a form that is sent twice at once waits for itself.
    _in_line(target.organization_id)
    told = {"sheet": sheet.key, "opened_at": sheet.opened_at}
    made = _of_sheet(by, sheet)
    return made or begin_request(by, target.organization, _of_target(target), told=told, now=now)


def _of_sheet(by: By, sheet: Sheet) -> ExceptionRequest | None:
    events = ExceptionEvent.objects.filter(number=1, verb=Verb.DRAFT, after__sheet=sheet.key)
    mine = ExceptionRequest.objects.filter(requester_id=by.user.pk, events__in=events)
    return mine.select_related("organization").first()


def _sees(by: By, target: Target) -> bool:
    match target:
        case Invariant():
            return Invariant.objects.live().visible_to(by.user).filter(pk=target.pk).exists()
        case Finding():
            return Finding.objects.visible_to(by.user).filter(pk=target.pk).exists()
    # What AWS checks is known to everybody who sees any account.
    return not access.scope_of(by.user).nothing


def _of_target(target: Target) -> dict[str, Any]:
    severity = target.severity if target.severity in Risk.values else Risk.LOW
    match target:
        case Invariant():
            return {
                "target_kind": ExceptionTarget.INVARIANT,
                "invariant": target,
                "severity": severity,
            }
        case Control():
            kind = {"target_kind": ExceptionTarget.CONTROL, "control": target}
        case _:
            kind = {
                "target_kind": ExceptionTarget.FINDING,
                "control": target.control,
                "finding_key": bytes(target.key),
            }
    return kind | {"severity": severity, "mechanism": ExceptionRequest.Mechanism.NONE}


def may_ask(by: By) -> None:
    """:raises PermissionDenied: without the right to ask."""
    if not by.user.has_perm(tiers.REQUEST):
        raise PermissionDenied(
            "Exceptions are asked for by people with the right “Ask for exceptions”."
        )


def begin_request(
    by: By,
    organization: Organization,
    values: Mapping[str, Any],
    *,
    told: Mapping[str, Any] = _NOTHING,
    now: datetime,
) -> ExceptionRequest:
    """Make the record, with the next number and its first event.

    :raises NotAllowed: where this person has too many drafts.
    """
    # One at a time, so that numbers have no gaps that look like something was removed.
    _in_line(organization.pk)
    rows = ExceptionRequest.objects.filter(organization=organization)
    drafts = rows.filter(requester_id=by.user.pk, state=ExceptionState.DRAFT)
    if drafts.count() >= _MOST_DRAFTS:
        raise NotAllowed((f"You have {_MOST_DRAFTS} drafts: send or withdraw some of them first.",))
    last = rows.aggregate(last=Max("number"))["last"] or 0
    request = ExceptionRequest.objects.create(
        organization=organization,
        number=last + 1,
        state_since=now,
        created_at=now,
        requester_id=by.user.pk,
        requester_name=by.name,
        clocks_version=clocks.NEWEST,
        **values,
    )
    first = {
        "number": request.number,
        "target_kind": request.target_kind,
        "severity": request.severity,
    }
    begin(in_hand(by, request, now=now), Verb.DRAFT, first | dict(told))
    return request


def _in_line(organization: int) -> None:
    """Wait for others who begin a request; not for an import, whose rows only refer to the organisation."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization)


@transaction.atomic
def save(by: By, pk: int, changes: Mapping[str, Any], *, now: datetime) -> ExceptionRequest:
    """Keep what has been typed so far; what is still empty is asked for when it is sent.

    :raises NotAllowed: where it is not this person's draft, or a field has a wrong value.
    """
    one = opened_draft(by, pk, now=now)
    if unknown := set(changes) - EDITABLE:
        raise NotAllowed((f"These cannot be typed: {', '.join(sorted(unknown))}.",))
    typed = _cleaned(one, changes)
    if any(getattr(one.request, name) != value for name, value in typed.items()):
        record(one, Verb.SAVE, changes=typed)
    return one.request


def _cleaned(one: Opened, changes: Mapping[str, Any]) -> dict[str, Any]:
    request = one.request
    typed: dict[str, Any] = {}
    problems = []
    fields = {field.name: field for field in request._meta.concrete_fields}
    for name, value in changes.items():
        try:
            typed[name] = fields[name].clean(value, request)
        except ValidationError as error:
            problems.append(f"{queries.ASKS.get(name, name)}: {' '.join(error.messages)}")
        else:
            if isinstance(typed[name], date) and abs(typed[name] - one.at.today).days > _MOST_DAYS:
                problems.append(f"{typed[name].isoformat()} is more than ten years away.")
    if problems:
        raise NotAllowed(tuple(problems))
    return typed


def opened_draft(by: By, pk: int, *, now: datetime) -> Opened:
    """Lock one's own draft.

    :raises NotAllowed: where it is somebody else's, or was sent.
    """
    one = opened(by, pk, now=now)
    if one.request.requester_id != by.user.pk:
        raise NotAllowed(("Only who asked for it changes what is asked for.",))
    if one.request.state not in _OPEN:
        words = "What was asked for stays, once it is sent: ask the reviewers to request changes."
        raise NotAllowed((words,))
    return one


@transaction.atomic
def submit(by: By, pk: int, *, now: datetime) -> ExceptionRequest:
    """Send it; after changes were asked for, send it anew, to be triaged, assessed and approved anew.

    :raises NotAllowed: naming everything that is missing.
    """
    may_ask(by)
    one = opened(by, pk, now=now)
    step = one.check(Verb.SUBMIT)
    if not one.who.sees_whole:
        raise NotAllowed(("It names accounts or OUs that you do not see any more: take them out.",))
    changes: dict[str, Any] = {}
    if one.request.state == ExceptionState.CHANGES_REQUESTED:
        changes = {
            "round": one.request.round + 1,
            "inherent_risk": "",
            "residual_risk": "",
            "risk_note": "",
            "assessor_id": None,
            "assessor_name": "",
            "triaged_at": None,
        }
    record(one, Verb.SUBMIT, state=step.after, changes=changes)
    return one.request


@transaction.atomic
def withdraw(by: By, pk: int, *, why: str = "", now: datetime) -> ExceptionRequest:
    """Take it back, as long as nobody has approved it.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    step = one.check(Verb.WITHDRAW)
    record(one, Verb.WITHDRAW, state=step.after, told=Told(why))
    return one.request
