"""What an exception is to cover, and by which steps it ends: said in the draft, and later only narrowed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from invariants.actions.exceptions import effects
from invariants.actions.exceptions.drafting import opened_draft
from invariants.actions.exceptions.recording import By, Told, opened, record
from invariants.models import ExceptionMilestone, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionState, ScopeKind, Verb
from invariants.models.exceptions.requests import PLACES, PRINCIPALS, RESOURCES
from invariants.policies.exceptions import NotAllowed, can, tiers
from invariants.policies.exceptions.tags import wrong_principal_tag
from inventory.models import Account, OrganizationalUnit

_MOST_LINES: Final = 500
_LONGEST_VALUE: Final = 2048
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

    :raises NotAllowed: where it is not this person's draft, or names a place that they do not see or a
        tag that no principal can carry.
    """
    one = opened_draft(by, pk, now=now)
    wanted = sorted({(line.kind, line.value.strip()) for line in lines if line.value.strip()})
    if len(wanted) > _MOST_LINES:
        raise NotAllowed((f"A scope has {_MOST_LINES} lines at most: name an OU or a pattern.",))
    rows = _rows(by, one.request, wanted)
    was, becomes = _as_json(one.request.scope.all()), _as_json(rows)
    if was != becomes:
        one.request.scope.all().delete()
        ExceptionScope.objects.bulk_create(rows)
        record(one, Verb.SAVE, told=Told(before={"scope": was}, after={"scope": becomes}))
    return one.request


def _as_json(rows: Iterable[ExceptionScope]) -> list[dict[str, str]]:
    """In an order of its own: that of the database depends on its collation."""
    return sorted((row.as_json() for row in rows), key=lambda line: (line["kind"], line["value"]))


def _rows(
    by: By, request: ExceptionRequest, wanted: Sequence[tuple[str, str]]
) -> list[ExceptionScope]:
    """Two queries, whatever the number of places."""
    named = {kind: [value for of, value in wanted if of == kind] for kind in PLACES}
    accounts = (
        Account.objects.visible_to(by.user)
        .live()
        .filter(organization=request.organization_id, account_id__in=named[ScopeKind.ACCOUNT])
    )
    ous = (
        OrganizationalUnit.objects.visible_to(by.user)
        .live()
        .filter(organization=request.organization_id, ou_id__in=named[ScopeKind.OU])
    )
    by_account = {one.account_id: one for one in accounts}
    by_ou = {one.ou_id: one for one in ous}
    rows = []
    for kind, value in wanted:
        row = ExceptionScope(request=request, kind=ScopeKind(kind), value=value)
        row.account = by_account.get(value) if kind == ScopeKind.ACCOUNT else None
        row.ou = by_ou.get(value) if kind == ScopeKind.OU else None
        if wrong := _wrong(row):
            raise NotAllowed((wrong,))
        rows.append(row)
    return rows


def _wrong(row: ExceptionScope) -> str:
    if len(row.value) > _LONGEST_VALUE:
        return f"A line of a scope has {_LONGEST_VALUE:,} characters at most."
    if row.kind == ScopeKind.ACCOUNT and row.account is None:
        return f"You see no account {row.value}: ask its team to make the request."
    if row.kind == ScopeKind.OU and row.ou is None:
        return f"You do not see all of the OU {row.value}: name the accounts."
    return wrong_principal_tag(row.value) if row.kind == ScopeKind.PRINCIPAL_TAG else ""


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
    # Who is asked to approve it, in whichever right, can also approve less than was asked for.
    is_approving = can(one.facts, Verb.APPROVE, who=one.who, at=one.at)
    if one.request.requester_id != by.user.pk and not (rights & one.who.rights or is_approving):
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
    if kind in PRINCIPALS:
        return "principals"
    return "resources" if kind in RESOURCES else str(ScopeKind(kind).label)
