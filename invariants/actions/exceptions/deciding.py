"""Deciding on a request: triage, risk, approval, and what is said instead of it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import User
from django.db import transaction

from invariants.actions.exceptions import editing
from invariants.actions.exceptions.recording import By, Opened, Told, opened, record
from invariants.models import ExceptionApproval, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Risk, Seat, Verb
from invariants.policies.exceptions import NotAllowed, Said, check_approval, clocks
from invariants.policies.exceptions.actors import Chair, chair_for, seats_of
from invariants.policies.exceptions.guards import last_day_of
from invariants.queries import exceptions as queries


@dataclass(frozen=True, slots=True)
class RiskView:
    """The risk without and with what compensates for it, and why it is so."""

    inherent: Risk
    residual: Risk
    why: str


@transaction.atomic
def triage(by: By, pk: int, *, note: str = "", now: datetime) -> ExceptionRequest:
    """Take it up for review.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    step = one.check(Verb.TRIAGE)
    record(one, Verb.TRIAGE, state=step.after, changes={"triaged_at": now}, told=Told(note))
    return one.request


@transaction.atomic
def assess(by: By, pk: int, risk: RiskView, *, now: datetime) -> ExceptionRequest:
    """Say how high the risk is: it decides who approves, and for how long at most.

    :raises NotAllowed: naming what is in the way; one's own request is assessed by others.
    """
    one = opened(by, pk, now=now)
    said = Said(why=risk.why, inherent_risk=risk.inherent, residual_risk=risk.residual)
    step = one.check(Verb.ASSESS, said)
    changes = {
        "inherent_risk": str(risk.inherent),
        "residual_risk": str(risk.residual),
        "risk_note": risk.why.strip(),
        "assessor_id": by.user.pk,
        "assessor_name": by.name,
    }
    record(one, Verb.ASSESS, state=step.after, changes=changes, told=Told(risk.why))
    return one.request


@transaction.atomic
def approve(
    by: By, pk: int, *, comment: str = "", until: date | None = None, now: datetime
) -> ExceptionRequest:
    """Approve it, up to an earlier day if one says so. The last approval that its risk needs makes it
    approved; the earliest day of all approvals counts.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    said = Said(why=comment, until=until)
    is_last = check_approval(one.facts, who=one.who, said=said, at=one.at)
    chair = chair_for(one.facts, one.who, seats_of(one.facts))
    last = last_day_of(one.facts)
    if chair is None or last is None:
        raise NotAllowed(("This approval is not waited for.",))
    approval = _sit(by, one, chair, until=until or last, comment=comment)
    told = Told(comment, after=_told(approval))
    if not is_last:
        record(one, Verb.APPROVE, told=told)
        return one.request
    counted = one.request.approvals.filter(round=one.request.round).exclude(seat=Seat.EMERGENCY)
    ends = min(counted.values_list("until", flat=True))
    starts = one.request.starts_on or ends
    changes = {"approved_at": now, "until": ends, "review_on": clocks.halfway(starts, ends)}
    record(one, Verb.APPROVE, state=ExceptionState.APPROVED, changes=changes, told=told)
    editing.keep(one.request, now=now)
    return one.request


@transaction.atomic
def grant(by: By, pk: int, *, why: str, now: datetime) -> ExceptionRequest:
    """Let an emergency go ahead at once, for 72 hours; assessment and approval by others follow.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    step = one.check(Verb.GRANT, Said(why=why))
    chair = chair_for(one.facts, one.who, (Seat.EMERGENCY,))
    asked = one.request.asked_until
    if chair is None or asked is None:
        raise NotAllowed(("This is not waited for.",))
    stop = now + clocks.VERSIONS[one.request.clocks_version].emergency_stop
    until = min(asked, queries.calendar_of(one.request.organization).day_of(stop))
    approval = _sit(by, one, chair, until=until, comment=why)
    changes = {"granted_at": now, "emergency_until": stop, "until": until}
    told = Told(why, after=_told(approval))
    record(one, Verb.GRANT, state=step.after, changes=changes, told=told)
    editing.keep(one.request, now=now)
    return one.request


def _sit(by: By, one: Opened, chair: Chair, *, until: date, comment: str) -> ExceptionApproval:
    other = User.objects.filter(pk=chair.instead_of).first() if chair.instead_of else None
    return ExceptionApproval.objects.create(
        request=one.request,
        round=one.request.round,
        seat=chair.seat,
        person_id=by.user.pk,
        person_name=by.name,
        instead_of_id=chair.instead_of,
        instead_of_name=(other.get_full_name() or other.get_username()) if other else "",
        until=until,
        comment=comment.strip(),
        at=one.at.now,
    )


def _told(approval: ExceptionApproval) -> dict[str, str]:
    told = {"seat": str(approval.seat), "approved_until": approval.until.isoformat()}
    if approval.instead_of_id is not None:
        told |= {"instead_of": approval.instead_of_name}
    return told


@transaction.atomic
def request_changes(by: By, pk: int, *, why: str, now: datetime) -> ExceptionRequest:
    """Send it back with what has to be different.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    step = one.check(Verb.REQUEST_CHANGES, Said(why=why))
    record(one, Verb.REQUEST_CHANGES, state=step.after, told=Told(why))
    return one.request


@transaction.atomic
def reject(by: By, pk: int, *, why: str, now: datetime) -> ExceptionRequest:
    """Say no, with the reason.

    :raises NotAllowed: naming what is in the way.
    """
    one = opened(by, pk, now=now)
    step = one.check(Verb.REJECT, Said(why=why))
    record(one, Verb.REJECT, state=step.after, told=Told(why))
    return one.request
