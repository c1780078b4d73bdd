"""What was decided on requests like this one: outcome, length, and by whom."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, Value, When

from invariants.models import (
    ExceptionApproval,
    ExceptionEvent,
    ExceptionRequest,
    ExceptionScope,
)
from invariants.models.exceptions import ExceptionState, Verb
from invariants.models.exceptions.requests import PRINCIPALS, ExceptionQuerySet
from inventory.access import AnyUser

FEW: Final = 5
MANY: Final = 50


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of before. `alike` says what it shares besides what it is an exception from;
    `asked_days` and `granted_days` count both ends, None where nothing was granted."""

    ref: str
    title: str
    outcome: str
    is_granted: bool
    asked_days: int | None
    granted_days: int | None
    who: tuple[str, ...]
    at: datetime | None
    why: str
    alike: tuple[str, ...]


def decisions(user: AnyUser, request: ExceptionRequest, *, most: int = FEW) -> tuple[Decided, ...]:
    """Of those that the person sees, from the same invariant or control; most alike first (four
    queries)."""
    rows = list(_like(user, request)[:most])
    keys = [row.pk for row in rows]
    approvals = ExceptionApproval.objects.filter(request__in=keys, round=F("request__round"))
    approved: dict[int, list[ExceptionApproval]] = {}
    for approval in approvals.order_by("at", "pk"):
        approved.setdefault(approval.request_id, []).append(approval)
    said = ExceptionEvent.objects.filter(request__in=keys, verb=Verb.REJECT)
    rejected = {event.request_id: event for event in said.order_by("number")}
    return tuple(_decided(row, approved.get(row.pk, []), rejected.get(row.pk)) for row in rows)


def _like(user: AnyUser, request: ExceptionRequest) -> ExceptionQuerySet:
    principals = request.scope.filter(kind__in=PRINCIPALS).values("value")
    shared = ExceptionScope.objects.filter(
        request=OuterRef("pk"), kind__in=PRINCIPALS, value__in=principals
    )
    from_same = (
        Q(invariant=request.invariant_id)
        if request.invariant_id is not None
        else Q(control=request.control_id)
    )
    decided = Q(approved_at__isnull=False) | Q(granted_at__isnull=False)
    decided |= Q(state=ExceptionState.REJECTED)
    seen = ExceptionRequest.objects.visible_to(user).filter(
        from_same, decided, organization=request.organization_id
    )
    return (
        seen.exclude(pk=request.pk)
        .annotate(
            same_mechanism=_one(Q(mechanism=request.mechanism)),
            same_principal=_one(Q(Exists(shared))),
        )
        .order_by(-(F("same_mechanism") + 2 * F("same_principal")), "-pk")
    )


def _one(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _decided(
    row: ExceptionRequest, approvals: list[ExceptionApproval], rejected: ExceptionEvent | None
) -> Decided:
    is_granted = bool(row.approved_at or row.granted_at)
    alike = []
    if getattr(row, "same_principal", 0):
        alike.append("same principal")
    if getattr(row, "same_mechanism", 0):
        alike.append("same mechanism")
    return Decided(
        ref=row.ref,
        title=row.title,
        outcome=_outcome(row, is_granted),
        is_granted=is_granted,
        asked_days=_days(row.starts_on, row.asked_until),
        granted_days=_days(row.starts_on, row.until) if is_granted else None,
        who=tuple(one.person_name for one in approvals)
        or ((rejected.who_name,) if rejected else ()),
        at=approvals[-1].at if approvals else rejected.at if rejected else None,
        why=rejected.note if rejected else approvals[-1].comment if approvals else "",
        alike=tuple(alike),
    )


def _outcome(row: ExceptionRequest, is_granted: bool) -> str:
    if not is_granted:
        return "rejected"
    return "granted in an emergency" if not row.approved_at else "approved"


def _days(since: date | None, until: date | None) -> int | None:
    return (until - since).days + 1 if since and until else None
