"""The numbers of the exceptions process, reckoned from what was read; `definitions` says what each means."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from invariants.models.exceptions import ExceptionState, Risk
from invariants.policies.exceptions import clocks
from invariants.policies.exceptions.clocks import Calendar
from invariants.queries.exceptions.numbers.definitions import (
    DEFINITIONS,
    WINDOW_DAYS,
    Definition,
    Unit,
)
from invariants.queries.exceptions.numbers.lives import Life, Step
from invariants.queries.exceptions.numbers.waits import MEDIAN, NINE_OF_TEN, Wait, by_when
from invariants.queries.exceptions.totals import Standing

_WINDOW: Final = timedelta(days=WINDOW_DAYS)
_DAY: Final = timedelta(days=1)
_HUNDRED: Final = 100
_LATEST_RENEWAL: Final = clocks.MOST_RENEWALS
_OVER_SINCE: Final = (
    ExceptionState.EXPIRED,
    ExceptionState.CLOSING,
    ExceptionState.CLOSED,
    ExceptionState.RENEWED,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number: `part` of `whole`, in its unit. None: no data.

    `unknown` of the whole could not be told; `is_least`: with those the value could only be higher.
    `open`: how many wait still, and are in the value for as long as they have waited.
    """

    key: str
    value: Decimal | None
    part: int | None = None
    whole: int | None = None
    unknown: int = 0
    open: int | None = None
    is_least: bool = False

    @property
    def definition(self) -> Definition:
        return DEFINITIONS[self.key]

    @property
    def exact(self) -> Decimal | None:
        """As files and programs get it: counts whole, all else to a hundredth."""
        if self.value is None:
            return None
        return round(self.value, 0 if self.definition.unit is Unit.COUNT else 2)

    @property
    def meets_target(self) -> bool | None:
        """Whether it is as good as asked for; None: nothing is asked, or nothing known."""
        target = self.definition.target
        if target is None or self.value is None:
            return None
        return self.value >= target if self.definition.better == "HIGHER" else self.value <= target


@dataclass(frozen=True, slots=True)
class World:
    """What the numbers look at besides the exceptions themselves.

    `holding` and `in_scope` are pairs of an account and a mandatory invariant; `unapproved` are
    carve-outs that nobody approved. None: not known.
    """

    now: datetime
    calendar: Calendar
    accounts: int = 0
    holding: int | None = None
    in_scope: int | None = None
    unapproved: int | None = None
    duty_breaches: int = 0
    milestones: Sequence[Step] = ()

    @property
    def today(self) -> date:
        return self.calendar.day_of(self.now)

    def is_recent(self, moment: datetime | None) -> bool:
        return moment is not None and self.now - _WINDOW < moment <= self.now


def figures(lives: Collection[Life], world: World) -> Mapping[str, Figure]:
    """All numbers, in the order of their definitions."""
    found = {one.key: one for reckon in _RECKONED for one in reckon(lives, world)}
    return {key: found[key] for key in DEFINITIONS}


def share(key: str, part: int, whole: int, **told: int | bool) -> Figure:
    """Percent; of nothing it is no data."""
    value = Decimal(_HUNDRED * part) / whole if whole else None
    return Figure(key, value, part, whole, **told)  # type: ignore[arg-type] # by name


def _counts(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    active = sum(life.is_active for life in lives)
    expired = sum(Standing.EXPIRED in life.standing for life in lives)
    per_100 = Decimal(_HUNDRED * active) / world.accounts if world.accounts else None
    return (
        Figure("active", Decimal(active), active),
        Figure("per_100", per_100, active, world.accounts),
        share("past_expiry", expired, active + expired),
        Figure("duty_breaches", Decimal(world.duty_breaches), world.duty_breaches),
    )


def _coverage(_: Collection[Life], world: World) -> tuple[Figure, ...]:
    if world.holding is None or not world.in_scope:
        return (Figure("adjusted_coverage", None),)
    return (share("adjusted_coverage", world.holding, world.in_scope),)


def decision_due(life: Life, calendar: Calendar) -> datetime | None:
    """By when it had to be decided; None while who asked has to change it.

    From its triage, but from no later than when that was due: a late triage wins no time. What was sent
    back and submitted again starts anew.
    """
    sent = life.submitted_at or life.asked_at
    if sent is None or life.state == ExceptionState.CHANGES_REQUESTED:
        return None
    rules = clocks.VERSIONS[life.clocks_version]
    if life.is_emergency:
        return calendar.after(sent, rules.emergency_grant)
    begun = calendar.after(sent, rules.triage)
    if life.triaged_at is not None and life.triaged_at >= sent:
        begun = min(begun, life.triaged_at)
    return calendar.after(begun, rules.decision[Risk(life.risk)])


def _decisions(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    waits, in_time, missed, still = [], 0, 0, 0
    for life in lives:
        wait = _decision_wait(life, world)
        if wait is None:
            continue
        waits.append(wait)
        still += not (life.decided_at or life.withdrawn_at)
        due = decision_due(life, world.calendar)
        if due is None or (life.decided_at is None and (life.withdrawn_at or world.now <= due)):
            continue
        is_late = life.decided_at is None or life.decided_at > due
        in_time, missed = in_time + (not is_late), missed + is_late
    return (
        _when("decision_median", waits, MEDIAN, still),
        _when("decision_p90", waits, NINE_OF_TEN, still),
        share("decided_in_time", in_time, in_time + missed, open=still),
    )


def _decision_wait(life: Life, world: World) -> Wait | None:
    """None where it has nothing to do with the last 90 days. A withdrawn one has left our sight."""
    if life.asked_at is None:
        return None
    end = life.decided_at or life.withdrawn_at
    if end is None:
        return Wait(_days(world.now - life.asked_at), is_over=False)
    if not world.is_recent(end):
        return None
    return Wait(_days(end - life.asked_at), is_over=life.decided_at is not None)


def _when(key: str, waits: Sequence[Wait], part: Fraction, still: int) -> Figure:
    over = sum(wait.is_over for wait in waits)
    return Figure(key, by_when(waits, part), over, len(waits), open=still)


def _days(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(seconds=1)) / (_DAY // timedelta(seconds=1))


def _in_place(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    granted = [life for life in lives if life.is_granted and life.is_by_policy]
    missing = sum(not life.is_in_place for life in granted)
    unimplemented = share("unimplemented", missing, len(granted))
    if world.unapproved is None:
        return unimplemented, Figure("zombie_rate", None)
    zombies = sum(Standing.ZOMBIE in life.standing for life in lives)
    without = zombies + world.unapproved
    deployed = without + sum(life.is_in_place for life in granted)
    return unimplemented, share("zombie_rate", without, deployed)


def _effects(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    active = [life for life in lives if life.is_active]
    since = world.today - _WINDOW
    used = sum(life.measure.used_on is not None and life.measure.used_on > since for life in active)
    known = [life.measure.pairs for life in active if life.measure.pairs is not None]
    told = [life for life in active if life.measure.is_compensated is not None]
    holds = sum(bool(life.measure.is_compensated) for life in told)
    inside = sum(life.measure.findings_inside for life in active)
    is_recorded = any(life.measure.recorded_from for life in active)
    unused = len(active) - used
    return (
        share("utilisation", used, len(active), unknown=unused, is_least=unused > 0)
        if is_recorded
        else Figure("utilisation", None, whole=len(active), unknown=len(active)),
        Figure(
            "blast_radius",
            Decimal(sum(known)) if known or not active else None,
            sum(known),
            unknown=len(active) - len(known),
            is_least=len(known) < len(active),
        ),
        share("compensated", holds, len(told), unknown=len(active) - len(told)),
        Figure("findings_inside", Decimal(inside), inside),
    )


def _renewals(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    active = [life for life in lives if life.is_active]
    over = [
        life
        for life in lives
        if life.state in _OVER_SINCE and not life.is_revoked and world.is_recent(life.ended_at)
    ]
    renewed = sum(life.state == ExceptionState.RENEWED for life in over)
    times = sum(life.renewal for life in active)
    mean = Decimal(times) / len(active) if active else None
    twice = sum(life.renewal >= _LATEST_RENEWAL for life in active)
    granted = [life for life in lives if world.is_recent(life.granted_at)]
    return (
        share("renewal_rate", renewed, len(over)),
        Figure("mean_renewals", mean, times, len(active)),
        share("renewed_twice", twice, len(active)),
        share("emergency_share", sum(life.is_emergency for life in granted), len(granted)),
    )


def _milestones(_: Collection[Life], world: World) -> tuple[Figure, ...]:
    """A milestone that falls due today has the whole day."""
    since = world.today - _WINDOW
    due = [step for step in world.milestones if since < step.due_on < world.today]
    on_time = sum(step.done_on is not None and step.done_on <= step.due_on for step in due)
    return (share("milestones_on_time", on_time, len(due)),)


def ages(lives: Collection[Life], now: datetime) -> list[int]:
    """Whole days of the active ones, youngest first."""
    active = (life.line_began_at for life in lives if life.is_active)
    return sorted((now - began) // _DAY for began in active if began is not None)


def _ages(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    found = ages(lives, world.now)
    oldest = Decimal(found[-1]) if found else None
    return (
        Figure("age_median", median(found), whole=len(found)),
        Figure("age_oldest", oldest, whole=len(found)),
    )


def median(values: Sequence[int]) -> Decimal | None:
    """Of sorted values; between the two in the middle where there are two."""
    if not values:
        return None
    middle = len(values) // 2
    return Decimal(values[middle] + values[~middle]) / 2


def _removals(lives: Collection[Life], world: World) -> tuple[Figure, ...]:
    waits, in_time, missed = [], 0, 0
    for life in lives:
        if life.ended_at is None or not life.is_by_policy or life.state == ExceptionState.RENEWED:
            continue
        is_gone = life.gone_at is not None
        if is_gone and not world.is_recent(life.gone_at):
            continue
        until = life.gone_at or world.now
        waits.append(Wait(_days(until - life.ended_at), is_over=is_gone))
        due = world.calendar.after(life.ended_at, clocks.VERSIONS[life.clocks_version].removal)
        if is_gone or world.now > due:
            in_time, missed = in_time + (until <= due), missed + (until > due)
    still = sum(not wait.is_over for wait in waits)
    return (
        _when("removal_median", waits, MEDIAN, still),
        _when("removal_p90", waits, NINE_OF_TEN, still),
        share("removed_in_time", in_time, in_time + missed, open=still),
    )


_Reckon = Callable[[Collection[Life], World], tuple[Figure, ...]]
_RECKONED: Final[tuple[_Reckon, ...]] = (
    _counts,
    _coverage,
    _decisions,
    _in_place,
    _effects,
    _renewals,
    _milestones,
    _ages,
    _removals,
)
__all__ = ["Figure", "Unit", "World", "ages", "decision_due", "figures", "median", "share"]
