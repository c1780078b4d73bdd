"""One's own requests: where each stands, who holds it until when, and what there is to do."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.urls import reverse

from invariants.models import ExceptionApproval, ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Seat
from invariants.policies.exceptions import clocks, tiers
from invariants.queries.exceptions import next_steps
from invariants.queries.exceptions.waiting import holders
from inventory.access import AnyUser

MOST: Final = 100
ENDED_SHOWN: Final = 20
_NAMED: Final = 2
_RENEWABLE: Final = (State.ACTIVE, State.EXPIRING, State.EXPIRED)
_GIVEN_UP: Final = (State.WITHDRAWN, State.REJECTED)
_WITHDRAWABLE: Final = (
    State.DRAFT,
    State.SUBMITTED,
    State.TRIAGED,
    State.RISK_ASSESSED,
    State.CHANGES_REQUESTED,
)
_REVOCABLE: Final = (
    State.EMERGENCY,
    State.APPROVED,
    State.IMPLEMENTING,
    State.ACTIVE,
    State.EXPIRING,
)
_EDITABLE: Final = (State.DRAFT, State.CHANGES_REQUESTED)
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.CHANGES_REQUESTED: "warn",
        State.EMERGENCY: "warn",
        State.ACTIVE: "ok",
        State.EXPIRING: "warn",
        State.EXPIRED: "bad",
        State.REVOKED: "warn",
        State.REJECTED: "bad",
        State.DRAFT: "out",
        State.WITHDRAWN: "out",
        State.CLOSED: "out",
        State.RENEWED: "out",
    }
)


# Whose turn it is, by what they may do; the people are named.
_RIGHTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.SUBMITTED: tiers.TRIAGE,
        State.TRIAGED: tiers.ASSESS,
        State.APPROVED: tiers.IMPLEMENT,
        State.EXPIRED: tiers.IMPLEMENT,
        State.REVOKED: tiers.IMPLEMENT,
    }
)


@dataclass(frozen=True, slots=True)
class MyRequest:
    """`due_at` is by when its holder has to have acted, None where nobody is waited for.

    `people` are the names of those who can act, "" where it waits for nobody's right. `edit_url` is "" where nothing can be written any more. `why` is what was said with the last
    decision, for those that came back or were refused.
    """

    ref: str
    title: str
    target: str
    state: str
    state_name: str
    kind: str
    since: datetime
    holder: str
    people: str
    next_step: str
    due_at: datetime | None
    is_late: bool
    is_mine_to_do: bool
    is_over: bool
    is_zombie: bool
    until: date | None
    asked_until: date | None
    why: str
    url: str
    edit_url: str
    can_withdraw: bool
    can_renew: bool
    can_give_back: bool

    @property
    def is_cut(self) -> bool:
        """It ends earlier than the day that was typed."""
        return bool(self.until and self.asked_until and self.until < self.asked_until)


@dataclass(frozen=True, slots=True)
class Mine:
    open: tuple[MyRequest, ...]
    ended: tuple[MyRequest, ...]

    @property
    def to_do(self) -> int:
        return sum(one.is_mine_to_do for one in self.open)


def of(user: AnyUser, *, now: datetime) -> Mine:
    """What waits for the person first, then the newest. Five queries, and one for each right that is
    waited for, however many there are."""
    if not isinstance(user, User):
        return Mine((), ())
    rows = ExceptionRequest.objects.visible_to(user).filter(requester_id=user.pk)
    rows = rows.select_related("invariant", "control", "renews").order_by("-pk")
    over = Q(state__in=[State.CLOSED, State.RENEWED, *_GIVEN_UP])
    lasting, ended = list(rows.exclude(over)[:MOST]), list(rows.filter(over)[:ENDED_SHOWN])
    renewed = set(
        ExceptionRequest.objects.filter(renews__in=[one.pk for one in lasting])
        .exclude(state__in=_GIVEN_UP)
        .order_by()
        .values_list("renews_id", flat=True)
    )
    notes = _notes([*lasting, *ended])
    seats = _free_seats(lasting)
    held = _held_by({_right_of(one, seats.get(one.pk, ())) for one in lasting}, user)
    made = [
        _row(one, notes, one.pk in renewed, held, seats.get(one.pk, ()), now=now)
        for one in (*lasting, *ended)
    ]
    found = sorted(made[: len(lasting)], key=lambda one: not one.is_mine_to_do)
    return Mine(tuple(found), tuple(made[len(lasting) :]))


def _notes(rows: list[ExceptionRequest]) -> dict[int, str]:
    """What was said when one came back, was refused or ended. One query."""
    told = (State.CHANGES_REQUESTED, State.REJECTED, State.REVOKED)
    events = ExceptionEvent.objects.filter(
        request__in=[one.pk for one in rows if one.state in told], state_after__in=told
    ).exclude(note="")
    return dict(events.order_by("request_id", "number").values_list("request_id", "note"))


def _free_seats(rows: list[ExceptionRequest]) -> dict[int, tuple[Seat, ...]]:
    """Whose approvals are still missing, by request. One query."""
    assessed = [one for one in rows if one.state == State.RISK_ASSESSED]
    given = ExceptionApproval.objects.filter(request__in=[one.pk for one in assessed])
    taken = set(given.order_by("pk").values_list("request_id", "round", "seat"))
    return {
        one.pk: tuple(
            seat
            for seat in tiers.SEATS[one.residual_risk]
            if (one.pk, one.round, seat) not in taken
        )
        for one in assessed
    }


def _right_of(one: ExceptionRequest, seats: tuple[Seat, ...]) -> str:
    """The right of whoever is waited for, "" where it is none of security's, or are several people's."""
    if one.state == State.RISK_ASSESSED:
        return tiers.right_of(seats[0], one.severity) if len(seats) == 1 else ""
    if one.mechanism == ExceptionRequest.Mechanism.NONE and one.state != State.SUBMITTED:
        return _RIGHTS[State.TRIAGED] if one.state == State.TRIAGED else ""
    return _RIGHTS.get(one.state, "")


def _held_by(rights: Set[str], user: User) -> dict[str, str]:
    """Who has each right and sees everything, by name. One query a right, of which there are few."""
    everywhere = holders("inventory.see_whole_organization")
    found = {}
    for right in sorted(rights - {""}):
        able = User.objects.filter(pk__in=holders(right)).filter(pk__in=everywhere)
        people = list(able.exclude(pk=user.pk).order_by("last_name", "username")[: _NAMED + 1])
        names = [one.get_full_name() or one.get_username() for one in people[:_NAMED]]
        found[right] = ", ".join(names) + (" and others" if len(people) > _NAMED else "")
    return found


def _row(
    one: ExceptionRequest,
    notes: Mapping[int, str],
    is_renewed: bool,
    held: Mapping[str, str],
    seats: tuple[Seat, ...],
    *,
    now: datetime,
) -> MyRequest:
    can_renew = one.state in _RENEWABLE and one.renewal < clocks.MOST_RENEWALS and not is_renewed
    words = next_steps.words_of(one, seats, is_renewed=is_renewed)
    is_editable = one.state in _EDITABLE
    return MyRequest(
        ref=one.ref,
        title=one.title or "Untitled",
        target=_target(one),
        state=one.state,
        state_name=one.get_state_display(),
        kind="bad" if one.is_zombie else _KINDS.get(one.state, "acc"),
        since=one.state_since,
        holder=words.holder,
        people=held.get(_right_of(one, seats), ""),
        next_step=words.next_step,
        due_at=one.due_at,
        is_late=one.due_at is not None and one.due_at < now,
        is_mine_to_do=words.holder == "you",
        is_over=one.state in (State.CLOSED, State.RENEWED, *_GIVEN_UP),
        is_zombie=one.is_zombie,
        until=one.until,
        asked_until=one.asked_until,
        why=notes.get(one.pk, ""),
        url=reverse("exceptions:detail", args=[one.ref]),
        edit_url=reverse("exceptions:edit", args=[one.ref]) if is_editable else "",
        can_withdraw=one.state in _WITHDRAWABLE,
        can_renew=can_renew,
        can_give_back=one.state in _REVOCABLE,
    )


def _target(one: ExceptionRequest) -> str:
    if one.invariant is not None:
        return one.invariant.key
    return one.control.control_id if one.control else ""
