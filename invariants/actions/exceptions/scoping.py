"""What an exception is to cover, and by which steps it ends: said in the draft, and later only narrowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from invariants.actions.exceptions import effects
from invariants.actions.exceptions.drafting import opened_draft
from invariants.actions.exceptions.recording import By, Told, opened, record
from invariants.models import ExceptionMilestone, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionState, ScopeKind, Verb
from invariants.models.exceptions.requests import PLACES, RESOURCES
from invariants.policies.exceptions import NotAllowed, tiers
from inventory.models import Account, OrganizationalUnit

_MOST_LINES: Final = 500
_MOST_MILESTONES: Final = 20
_LONGEST_STEP: Final = 300


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scope; `value` as ExceptionScope has it."""

    kind: ScopeKind
    value: str


@transaction.atomic
def set_scope(by: By, pk: int, lines: Sequence[Line], *, now: datetime) -> ExceptionRequest:
    """Say anew what it is to cover.

    :raises NotAllowed: where it is not this person's draft, or names a place that they do not see.
    """
    one = opened_draft(by, pk, now=now)
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
    one = opened_draft(by, pk, now=now)
    if len(milestones) > _MOST_MILESTONES:
        raise NotAllowed((f"{_MOST_MILESTONES} milestones are the most.",))
    if any(not text.strip() or len(text) > _LONGEST_STEP for text, _ in milestones):
        raise NotAllowed((f"A milestone has between 1 and {_LONGEST_STEP} characters.",))
    one.request.milestones.all().delete()
    rows = [ExceptionMilestone(request=one.request, text=t, due_on=day) for t, day in milestones]
    ExceptionMilestone.objects.bulk_create(rows)
    told = [{"text": row.text, "due_on": row.due_on.isoformat()} for row in rows]
    record(one, Verb.SAVE, told=Told(after={"milestones": told}))
    return one.request


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
    # An approver may approve less than what was asked for.
    ExceptionState.RISK_ASSESSED,
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
