"""Asking for an exception: the draft, its scope, and sending it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max

from findings.models import Control, Finding
from invariants.actions.exceptions import effects
from invariants.actions.exceptions.recording import (
    By,
    Opened,
    Told,
    begin,
    opened,
    record,
)
from invariants.models import ExceptionMilestone, ExceptionRequest, ExceptionScope, Invariant
from invariants.models.exceptions import ExceptionState, ExceptionTarget, Risk, ScopeKind, Verb
from invariants.models.exceptions.requests import PLACES, RESOURCES
from invariants.policies.exceptions import NotAllowed, clocks, tiers
from invariants.policies.exceptions.guards import REDESIGN
from invariants.queries import exceptions as queries
from inventory import access
from inventory.models import Account, Organization, OrganizationalUnit

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
_RENEWABLE: Final = (ExceptionState.ACTIVE, ExceptionState.EXPIRING, ExceptionState.EXPIRED)
_MOST_LINES: Final = 500
_MOST_MILESTONES: Final = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scope; `value` as ExceptionScope has it."""

    kind: ScopeKind
    value: str


Target = Invariant | Control | Finding


@transaction.atomic
def draft(by: By, target: Target, *, now: datetime) -> ExceptionRequest:
    """Begin a draft. Only its requester sees it until it is sent.

    :raises PermissionDenied: without the right to ask.
    :raises NotAllowed: where this person does not see the target.
    """
    _may_ask(by)
    if not _sees(by, target):
        raise NotAllowed(("You do not see what you ask an exception from.",))
    return _begin(by, target.organization, _of_target(target), now=now)


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


def _may_ask(by: By) -> None:
    if not by.user.has_perm(tiers.REQUEST):
        raise PermissionDenied(
            "Exceptions are asked for by people with the right “Ask for exceptions”."
        )


def _begin(
    by: By, organization: Organization, values: Mapping[str, Any], *, now: datetime
) -> ExceptionRequest:
    # One at a time, so that numbers have no gaps that look like something was removed.
    Organization.objects.select_for_update().get(pk=organization.pk)
    mine = ExceptionRequest.objects.filter(organization=organization)
    last = mine.aggregate(last=Max("number"))["last"] or 0
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
    told = {
        "number": request.number,
        "target_kind": request.target_kind,
        "severity": request.severity,
    }
    begin(_in_hand(by, request, now=now), Verb.DRAFT, told)
    return request


def _in_hand(by: By, request: ExceptionRequest, *, now: datetime) -> Opened:
    at = queries.moment_of(request.organization, now)
    who = queries.who_is(by.user, today=at.today)
    return Opened(request, queries.facts_of(request), at, who, by.name, by.via, by.address)


@transaction.atomic
def save(by: By, pk: int, changes: Mapping[str, Any], *, now: datetime) -> ExceptionRequest:
    """Keep what has been typed so far; what is still empty is asked for when it is sent.

    :raises NotAllowed: where it is not this person's draft, or a field has a wrong value.
    """
    one = _opened_draft(by, pk, now=now)
    if unknown := set(changes) - EDITABLE:
        raise NotAllowed((f"These cannot be typed: {', '.join(sorted(unknown))}.",))
    typed = _cleaned(one.request, changes)
    if any(getattr(one.request, name) != value for name, value in typed.items()):
        record(one, Verb.SAVE, changes=typed)
    return one.request


def _cleaned(request: ExceptionRequest, changes: Mapping[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    problems = []
    fields = {field.name: field for field in request._meta.concrete_fields}
    for name, value in changes.items():
        try:
            typed[name] = fields[name].clean(value, request)
        except ValidationError as error:
            problems.append(f"{queries.ASKS.get(name, name)}: {' '.join(error.messages)}")
    if problems:
        raise NotAllowed(tuple(problems))
    return typed


@transaction.atomic
def set_scope(by: By, pk: int, lines: Sequence[Line], *, now: datetime) -> ExceptionRequest:
    """Say anew what it is to cover.

    :raises NotAllowed: where it is not this person's draft, or names a place that they do not see.
    """
    one = _opened_draft(by, pk, now=now)
    wanted = sorted({(line.kind, line.value.strip()) for line in lines if line.value.strip()})
    if len(wanted) > _MOST_LINES:
        raise NotAllowed((f"A scope has {_MOST_LINES} lines at most: name an OU or a pattern.",))
    was = [line.as_json() for line in one.request.scope.order_by("kind", "value")]
    one.request.scope.all().delete()
    rows = [_line(by, one.request, ScopeKind(kind), value) for kind, value in wanted]
    ExceptionScope.objects.bulk_create(rows)
    becomes = [row.as_json() for row in rows]
    if was != becomes:
        record(one, Verb.SAVE, told=Told(before={"scope": was}, after={"scope": becomes}))
    return one.request


def _line(by: By, request: ExceptionRequest, kind: ScopeKind, value: str) -> ExceptionScope:
    row = ExceptionScope(request=request, kind=kind, value=value)
    organization = request.organization_id
    if kind is ScopeKind.ACCOUNT:
        accounts = Account.objects.visible_to(by.user).live()
        row.account = accounts.filter(organization=organization, account_id=value).first()
        if row.account is None:
            raise NotAllowed((f"You see no account {value}: ask its team to make the request.",))
    elif kind is ScopeKind.OU:
        ous = OrganizationalUnit.objects.visible_to(by.user).live()
        row.ou = ous.filter(organization=organization, ou_id=value).first()
        if row.ou is None:
            raise NotAllowed((f"You do not see all of the OU {value}: name the accounts.",))
    return row


@transaction.atomic
def set_milestones(
    by: By, pk: int, milestones: Sequence[tuple[str, date]], *, now: datetime
) -> ExceptionRequest:
    """Say anew by which steps it will no longer be needed.

    :raises NotAllowed: where it is not this person's draft.
    """
    one = _opened_draft(by, pk, now=now)
    if len(milestones) > _MOST_MILESTONES:
        raise NotAllowed((f"{_MOST_MILESTONES} milestones are the most.",))
    one.request.milestones.all().delete()
    rows = [ExceptionMilestone(request=one.request, text=t, due_on=day) for t, day in milestones]
    ExceptionMilestone.objects.bulk_create(rows)
    told = [{"text": row.text, "due_on": row.due_on.isoformat()} for row in rows]
    record(one, Verb.SAVE, told=Told(after={"milestones": told}))
    return one.request


def _opened_draft(by: By, pk: int, *, now: datetime) -> Opened:
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
    _may_ask(by)
    one = opened(by, pk, now=now)
    step = one.check(Verb.SUBMIT)
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


@transaction.atomic
def renew(by: By, pk: int, *, now: datetime) -> ExceptionRequest:
    """Begin the next of its line: a draft with the same content, which is reviewed like any other.

    :raises NotAllowed: after two renewals, and where another renewal is under way.
    """
    _may_ask(by)
    one = opened(by, pk, now=now)
    old = one.request
    if missing := _against_renewal(by, old):
        raise NotAllowed(missing)
    same = {name: getattr(old, name) for name in EDITABLE - {"asked_until", "is_emergency"}}
    target = {
        name: getattr(old, name)
        for name in ("target_kind", "invariant", "control", "finding_key", "severity")
    }
    if target["finding_key"] is not None:
        target["finding_key"] = bytes(target["finding_key"])
    same |= target | {"renews": old, "renewal": old.renewal + 1, "starts_on": one.at.today}
    record(one, Verb.RENEW)
    new = _begin(by, old.organization, same, now=now)
    rows = [
        ExceptionScope(request=new, kind=x.kind, value=x.value, account=x.account, ou=x.ou)
        for x in old.scope.order_by("kind", "value").select_related("account", "ou")
    ]
    ExceptionScope.objects.bulk_create(rows)
    return new


def _against_renewal(by: By, old: ExceptionRequest) -> tuple[str, ...]:
    missing = []
    if old.requester_id != by.user.pk:
        missing.append("Only who asked for it renews it; others make a request of their own.")
    if old.state not in _RENEWABLE:
        missing.append("Only what is in force, or has just expired, is renewed.")
    if old.renewal >= clocks.MOST_RENEWALS:
        missing.append(REDESIGN)
    given_up = [ExceptionState.WITHDRAWN, ExceptionState.REJECTED]
    if old.renewals.exclude(state__in=given_up).exists():
        missing.append("Its renewal is already under way.")
    return tuple(missing)


@transaction.atomic
def narrow(by: By, pk: int, remove: Sequence[Line], *, why: str, now: datetime) -> ExceptionRequest:
    """Take lines out of the scope of one that was approved; it can never cover more by that.

    :raises NotAllowed: where the last line of a kind would go, for then the kind would be no limit.
    """
    one = opened(by, pk, now=now)
    rights = {tiers.ASSESS, tiers.APPROVE, tiers.APPROVE_HIGH}
    if one.request.requester_id != by.user.pk and not rights & one.who.rights:
        raise NotAllowed(("Only who asked for it, or a reviewer, narrows its scope.",))
    lines = list(one.request.scope.order_by("kind", "value"))
    gone = {(line.kind, line.value) for line in remove}
    kept = {_group(line.kind) for line in lines if (line.kind, line.value) not in gone}
    if lost := {_group(line.kind) for line in lines} - kept:
        words = ", ".join(sorted(lost))
        raise NotAllowed((f"Without any line of {words} it would cover more: revoke it instead.",))
    dropped = [line for line in lines if (line.kind, line.value) in gone]
    if one.request.state not in _NARROWABLE or not dropped:
        raise NotAllowed(("There is nothing to narrow.",))
    ExceptionScope.objects.filter(pk__in=[line.pk for line in dropped]).delete()
    told = Told(why, before={"scope": [line.as_json() for line in dropped]}, after={"scope": []})
    record(one, Verb.NARROW, told=told)
    effects.sync(one.request, now=now)
    return one.request


_NARROWABLE: Final = (
    ExceptionState.EMERGENCY,
    ExceptionState.APPROVED,
    ExceptionState.IMPLEMENTING,
    ExceptionState.ACTIVE,
    ExceptionState.EXPIRING,
)


def _group(kind: str) -> str:
    if kind in PLACES:
        return "accounts and OUs"
    return "resources" if kind in RESOURCES else str(ScopeKind(kind).label)
