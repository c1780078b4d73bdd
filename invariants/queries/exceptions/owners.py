"""Who is waited for, by name: every wait has an owner and a clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User

from invariants.models import ApproverAbsence, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Part, Seat
from invariants.policies.exceptions import Facts, clocks, tiers
from invariants.policies.exceptions.actors import WAITS_FOR, seats_of
from invariants.queries.exceptions.waiting import holders

# So many are named; the others are counted.
_NAMED: Final = 3
# So many are looked at for what they see; who sees the whole organisation comes first.
_LOOKED_AT: Final = 30


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose turn it is. `what` in words; `names` of those who can act, `more` others besides; nobody at
    all is said as well: then it waits for somebody to be given the right."""

    what: str
    names: tuple[str, ...] = ()
    more: int = 0

    @property
    def is_nobody(self) -> bool:
        return not self.names


@dataclass(frozen=True, slots=True)
class Wait:
    """`since` when, and `due_at`, by when it has to be over; None: nothing is promised."""

    owners: tuple[Owner, ...]
    since: datetime
    due_at: datetime | None


def wait_of(request: ExceptionRequest, facts: Facts, *, today: date) -> Wait | None:
    """For whom it waits; None where it waits for nobody. Up to four queries for each owner."""
    if request.state not in WAITS_FOR or request.state == State.ACTIVE:
        return None
    owners = _owners(request, facts, today)
    return Wait(owners, request.state_since, request.due_at)


def _owners(request: ExceptionRequest, facts: Facts, today: date) -> tuple[Owner, ...]:
    match request.state:
        case State.DRAFT | State.CHANGES_REQUESTED | State.EXPIRING:
            return (Owner(_of_requester(request), (request.requester_name,)),)
        case State.SUBMITTED:
            return (_by_right(request, facts, tiers.TRIAGE, "takes it up", None),)
        case State.TRIAGED:
            return (_assessor(request, facts),)
        case State.RISK_ASSESSED:
            return approvers(request, facts, today=today)
        case State.EMERGENCY:
            first = () if request.residual_risk else (_assessor(request, facts),)
            return first or approvers(request, facts, today=today)
        case State.APPROVED if facts.has_policy and not facts.is_renewal_of_same:
            return (
                _by_right(request, facts, tiers.IMPLEMENT, "puts it in place", Part.IMPLEMENTER),
            )
        case State.EXPIRED | State.REVOKED if facts.has_policy:
            return (_by_right(request, facts, tiers.IMPLEMENT, "removes it", None),)
        case State.CLOSING if request.was_found_after_removal:
            words = "removes it: a collection has found it since"
            return (_by_right(request, facts, tiers.IMPLEMENT, words, None),)
    return (Owner("finds it out", ("the next collection",)),)


def _of_requester(request: ExceptionRequest) -> str:
    """What whoever asked for it is waited for to do."""
    if request.state == State.DRAFT:
        return "writes it to its end, and sends it"
    if request.state == State.CHANGES_REQUESTED:
        return "answers what was asked, and sends it again"
    if request.renewal >= clocks.MOST_RENEWALS:
        return "does without it soon: it cannot be renewed again"
    return "renews it, or lets it end"


def _assessor(request: ExceptionRequest, facts: Facts) -> Owner:
    return _by_right(request, facts, tiers.ASSESS, "assesses the risk", Part.ASSESSOR)


def approvers(request: ExceptionRequest, facts: Facts, *, today: date) -> tuple[Owner, ...]:
    """Who can take each of the seats that are still free."""
    free = [seat for seat in seats_of(facts) if seat not in facts.approvals]
    return tuple(_approver(request, facts, seat, today) for seat in free)


def _approver(request: ExceptionRequest, facts: Facts, seat: Seat, today: date) -> Owner:
    right = tiers.right_of(seat, facts.severity)
    owner = _by_right(request, facts, right, f"decides as {seat.label}", Part.APPROVER)
    away = ApproverAbsence.objects.filter(
        since__lte=today, until__gte=today, ended_at=None, person_id__in=holders(right)
    )
    rows = away.order_by("pk").values_list("person_name", "delegate_name", "until")
    instead = tuple(
        f"{delegate} (instead of {person}, who is away until {until:%-d %B})"
        for person, delegate, until in rows[:_NAMED]
    )
    absent = {person for person, _, _ in rows}
    here = tuple(name for name in owner.names if name not in absent)
    return Owner(owner.what, (*here, *instead), owner.more)


def _by_right(
    request: ExceptionRequest, facts: Facts, right: str, what: str, part: Part | None
) -> Owner:
    """Whoever has the right and sees the request, but for those who have another part on it."""
    apart = {
        person for person, held in facts.parts.items() if part is not None and held is not part
    }
    apart |= {request.requester_id, *(facts.approvals.values() if part is Part.APPROVER else ())}
    able = User.objects.filter(pk__in=holders(right)).exclude(pk__in=apart)
    people = able.order_by("last_name", "username")[:_LOOKED_AT]
    # Nobody judges what they do not wholly see; to take it up or put it in place is no judgement.
    is_judged = part in (Part.ASSESSOR, Part.APPROVER)
    seeing = _seeing(request, people, is_judged=is_judged)
    names = tuple(name_of(person) for person in seeing)
    return Owner(what, names[:_NAMED], max(len(names) - _NAMED, 0))


def _seeing(request: ExceptionRequest, people: Iterable[User], *, is_judged: bool) -> list[User]:
    """Those of them who see it, or all of it where they judge it: some queries more for each who does
    not see the whole organisation."""
    found = list(people)
    lines = ExceptionScope.objects.filter(request=request)
    one = ExceptionRequest.objects.filter(pk=request.pk)
    everywhere = set(holders_of_all([person.pk for person in found]))
    return [
        person
        for person in found
        if person.pk in everywhere
        or (one.visible_to(person).exists() and not (is_judged and lines.beyond(person).exists()))
    ]


def holders_of_all(people: Sequence[int]) -> frozenset[int]:
    """Those of these people who see the whole organisation. One query."""
    seeing = User.objects.filter(pk__in=holders("inventory.see_whole_organization")).filter(
        pk__in=list(people)
    )
    return frozenset(seeing.values_list("pk", flat=True))


def name_of(person: User) -> str:
    return person.get_full_name() or person.get_username()
