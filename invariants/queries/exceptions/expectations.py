"""What will happen with a request, who decides, and how long it takes: as it was of late, else as promised."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db.models import Min, Q

from invariants.models import ExceptionRequest
from invariants.models.exceptions import Risk, Verb
from invariants.policies.exceptions import clocks, tiers
from invariants.policies.exceptions.clocks import Span
from invariants.queries.exceptions.standing import calendar_of
from inventory.models import Organization

LOOKED_BACK: Final = timedelta(days=365)
# Fewer than these tell more of single requests than of what is usual.
LEAST: Final = 5
_MOST: Final = 300
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_DAYS_FROM: Final = 2 * _DAY


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way. `is_median`: `when` is what it took of late, else what is promised."""

    text: str
    when: str
    is_now: bool = False
    is_median: bool = False


@dataclass(frozen=True, slots=True)
class Expectations:
    """`answer` is how long a decision takes, in words; `approvers` who gives it."""

    stages: tuple[Stage, ...]
    answer: str
    approvers: str
    most_days: int


@dataclass(frozen=True, slots=True)
class _Took:
    """Seconds of those that were decided: triage, decision after it, all of it, putting in place."""

    triage: list[float]
    decision: list[float]
    answer: list[float]
    in_place: list[float]


def expectations(
    organization: Organization,
    *,
    severity: str,
    has_policy: bool,
    is_emergency: bool = False,
    now: datetime,
) -> Expectations:
    """Of a request that would be sent now. One query, over the newest few hundred requests."""
    newest = clocks.VERSIONS[clocks.NEWEST]
    took = _took(organization, is_emergency=is_emergency, now=now)
    approvers = " and ".join(f"the {seat.label}" for seat in tiers.SEATS[severity])
    decision = newest.decision[Risk(severity)]
    stages = [Stage("You send this form", "now", is_now=True)]
    if is_emergency:
        stages += _emergency(newest)
    else:
        stages += [
            _stage("Security looks whether all is said (triage)", took.triage, newest.triage),
            _stage(
                f"Another assesses the risk; it is decided by {approvers}",
                took.decision,
                decision,
            ),
        ]
    if has_policy:
        text = "A platform engineer changes the policy by a pull request"
        stages.append(_stage(text, took.in_place, newest.implementation))
        stages.append(
            Stage("A collection finds it in AWS: from then on it holds", "each collection")
        )
    else:
        stages.append(
            Stage("It holds: the findings count as excepted, and stay visible", "next collection")
        )
    notices = ", ".join(str(days) for days in newest.notices[:-1])
    ends = f"you are reminded {notices} and {newest.notices[-1]} days before"
    stages.append(Stage("It ends by itself on its last day", ends))
    return Expectations(
        stages=tuple(stages),
        answer=_answer(organization, took, newest, decision, is_emergency=is_emergency, now=now),
        approvers=approvers,
        most_days=newest.most_days[Risk(severity)],
    )


def _emergency(newest: clocks.Clocks) -> list[Stage]:
    stop = int(newest.emergency_stop.total_seconds() // _HOUR)
    return [
        Stage("One approver grants it alone", f"within {newest.emergency_grant.words}"),
        Stage(
            "Risk and approval follow, or it ends",
            f"within {newest.emergency_approval.words}; it ends after {stop} hours",
        ),
    ]


def _stage(text: str, took: list[float], promised: Span) -> Stage:
    if len(took) >= LEAST:
        return Stage(text, f"median {in_words(median(took))}", is_median=True)
    return Stage(text, f"within {promised.words}")


def _answer(
    organization: Organization,
    took: _Took,
    newest: clocks.Clocks,
    decision: Span,
    *,
    is_emergency: bool,
    now: datetime,
) -> str:
    if is_emergency:
        return f"answer within {newest.emergency_grant.words}"
    if len(took.answer) >= LEAST:
        return f"typical answer: {in_words(median(took.answer))}"
    calendar = calendar_of(organization)
    last = calendar.day_of(calendar.after(calendar.after(now, newest.triage), decision))
    return f"answer by {last:%-d %b %Y} at the latest"


def _took(organization: Organization, *, is_emergency: bool, now: datetime) -> _Took:
    since = now - LOOKED_BACK
    rows = ExceptionRequest.objects.filter(
        organization=organization, is_emergency=is_emergency, approved_at__gte=since, round=1
    ).annotate(sent_at=Min("events__at", filter=Q(events__verb=Verb.SUBMIT)))
    found = rows.order_by("-approved_at", "-pk").values_list(
        "sent_at", "triaged_at", "approved_at", "verified_at", "renews_id", "mechanism"
    )[:_MOST]
    # A request may have been sent by something that left no event of it.
    seen: list[tuple[Any, ...]] = list(found)
    none = ExceptionRequest.Mechanism.NONE
    return _Took(
        triage=_spans((sent, triaged) for sent, triaged, *_ in seen),
        decision=_spans((triaged, approved) for _, triaged, approved, *_ in seen),
        answer=_spans((sent, approved) for sent, _, approved, *_ in seen),
        in_place=_spans(
            (approved, verified)
            for _, _, approved, verified, renews, mechanism in seen
            if renews is None and mechanism != none
        ),
    )


def _spans(pairs: Iterable[tuple[datetime | None, datetime | None]]) -> list[float]:
    return [
        (until - since).total_seconds()
        for since, until in pairs
        if since and until and until >= since
    ]


def in_words(seconds: float) -> str:
    """ "40 min", "6 h", "3 days": rounded up, for nobody is glad of a promise that is too short."""
    if seconds < _HOUR:
        return f"{max(1, -int(-seconds // 60))} min"
    if seconds < _DAYS_FROM:
        return f"{-int(-seconds // _HOUR)} h"
    return f"{-int(-seconds // _DAY)} days"
