"""What the KPIs of an OU show as of a day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import kpis
from posture.kpis import Kpi, Part, Status, Verdict, statistics
from posture.kpis.statistics import Xmr
from posture.queries.figures import DAYS_A_WEEK, WEEKS, week_label
from posture.queries.kpis.amounts import BASELINE_WEEKS, Amounts, Side, Week, past, sides
from posture.scoring import RATED_COVERAGE

# A cap below B takes the posture score off its target, however high it is (kpis.md 3.1).
_GOOD_LETTERS: Final = ("A", "B")


@dataclass(frozen=True, slots=True)
class PartLine:
    """A line beside a KPI; None is "no data"."""

    part: Part
    value: Decimal | None = None
    previous: Decimal | None = None
    delta: Decimal | None = None
    status: Status = Status.NO_DATA
    amounts: Amounts = field(default_factory=Amounts)


@dataclass(frozen=True, slots=True)
class KpiLine:
    """A KPI of one OU as of a day; None is "no data".

    `previous` is the newest point seven days or more before that of `value`; `delta` is in the unit
    of the KPI (of a share: percentage points). `weeks` are 13 (label, value), oldest first, and
    `xmr.signals` are places in them.
    """

    kpi: Kpi
    value: Decimal | None
    previous: Decimal | None
    delta: Decimal | None
    status: Status
    weeks: tuple[tuple[str, Decimal | None], ...]
    xmr: Xmr | None
    verdict: Verdict
    numerator: Decimal
    denominator: Decimal
    covered: Decimal
    expected: Decimal
    coverage: Decimal | None
    parts: tuple[PartLine, ...]
    details: Mapping[str, Any]
    data_day: date | None
    previous_day: date | None = None
    # The weeks before those, oldest first, that the limits of the chart were also made of: the last
    # day of each, and its value. (None, None) stands for the weeks between them that were not read.
    earlier: tuple[tuple[date | None, Decimal | None], ...] = ()


def lines(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> tuple[KpiLine, ...]:
    """All thirty KPIs of the OU; none where the person may not see all of it. Three queries."""
    return lines_of(ou, day=day) if is_visible(user, ou) else ()


def lines_of(
    ou: OrganizationalUnit, *, day: date, ids: Collection[str] = ()
) -> tuple[KpiLine, ...]:
    """As `lines`, for what is frozen: whoever calls decides who may read it. Two queries.

    :param ids: only these KPIs, in the order of the registry; all of them by default.
    """
    cards = [card for card in kpis.registry().values() if not ids or card.id in ids]
    return _lines(ou, cards, day=day)


def line(user: AnyUser, kpi_id: str, ou: OrganizationalUnit, *, day: date) -> KpiLine | None:
    """One of `lines`; None where there is no such KPI, or it may not be seen. Three queries."""
    card = kpis.registry().get(kpi_id)
    if card is None or not is_visible(user, ou):
        return None
    return _lines(ou, (card,), day=day)[0]


def is_visible(user: AnyUser, ou: OrganizationalUnit) -> bool:
    return OrganizationalUnit.objects.visible_to(user).filter(pk=ou.pk).exists()


def _lines(ou: OrganizationalUnit, cards: Sequence[Kpi], *, day: date) -> tuple[KpiLine, ...]:
    found = sides([ou.pk], cards, day=day)
    earlier = past(ou, cards, day=day, weeks=WEEKS)
    return tuple(
        _line(
            card,
            {part: side for (_, kpi, part), side in found.items() if kpi == card.id},
            earlier.get(card.id, {}),
            day=day,
        )
        for card in cards
    )


def _line(card: Kpi, found: Mapping[str, Side], past: Mapping[int, Week], *, day: date) -> KpiLine:
    own = found.get("")
    amounts = own.now if own else Amounts()
    value, previous, delta = own.values(card) if own else (None, None, None)
    parts = tuple(part_line(part, found.get(part.id)) for part in card.parts)
    details: Mapping[str, Any] = own.details if own else {}
    chart = control_chart(card, past, weeks=WEEKS)
    return KpiLine(
        kpi=card,
        value=value,
        previous=previous,
        delta=delta,
        status=status_of(card, value, amounts, parts, details),
        weeks=tuple(
            (_label(day, week), _value(card, past, week)) for week in range(WEEKS - 1, -1, -1)
        ),
        xmr=chart,
        verdict=statistics.verdict(chart, card.is_better_higher),
        numerator=amounts.numerator,
        denominator=amounts.denominator,
        covered=amounts.covered,
        expected=amounts.expected,
        coverage=amounts.coverage,
        parts=parts,
        details=details,
        data_day=own.day if own else None,
        previous_day=own.before_day if own else None,
        earlier=tuple(
            (None if week is None else _last_day(day, week), _value(card, past, week))
            for week in _charted(past, weeks=WEEKS)
            if week is None or week >= WEEKS
        ),
    )


def part_line(part: Part, side: Side | None) -> PartLine:
    if side is None:
        return PartLine(part)
    value, previous, delta = side.values(part)
    status = kpis.status(part, value, denominator=side.now.denominator)
    return PartLine(part, value, previous, delta, status, side.now)


def status_of(
    card: Kpi,
    value: Decimal | None,
    amounts: Amounts,
    parts: Iterable[PartLine],
    details: Mapping[str, Any],
) -> Status:
    """The worst of its own and of the lines beside it that have a target; no data stays no data.

    Too few to judge are no proof of On target, nor is a number that most of the organisation is missing
    from; one that misses its target with what is known misses it all the same.
    """
    own = kpis.status(card, value, denominator=amounts.denominator)
    if own is Status.NO_DATA:
        return own
    # "In three of four weeks" (kpis.md 3.8): one week alone neither reaches nor misses it.
    if card.target is not None and details.get("is_shrinking") is not None:
        own = Status.ON_TARGET if details["is_shrinking"] else Status.OFF_TARGET
    capped = details.get("capped")
    if capped is not None and capped not in _GOOD_LETTERS and capped != details.get("uncapped"):
        return Status.OFF_TARGET
    beside = [line for line in parts if line.part.target is not None]
    known = [line.status for line in beside if line.status is not Status.NO_DATA]
    found = kpis.worst([own, *known])
    # Lines that are well do not make up for too few to tell, nor for few that miss their target.
    is_doubtful = own is Status.TOO_FEW or any(
        line.status is Status.TOO_FEW and kpis.is_missed(line.part, line.value) for line in beside
    )
    is_doubtful |= 100 * amounts.covered < RATED_COVERAGE * amounts.expected
    return Status.TOO_FEW if is_doubtful and found is Status.ON_TARGET else found


def _value(card: Kpi, past: Mapping[int, Week], week: int | None) -> Decimal | None:
    found = None if week is None else past.get(week)
    return found.amounts.value(card) if found else None


def _label(day: date, week: int) -> str:
    return week_label(_last_day(day, week))


def _last_day(day: date, week: int) -> date:
    return day - timedelta(days=DAYS_A_WEEK * week)


def control_chart(card: Kpi, past: Mapping[int, Week], *, weeks: int) -> Xmr | None:
    """Over the first and the last weeks that there are; signals as places in the last `weeks`."""
    charted = _charted(past, weeks=weeks)
    chart = statistics.xmr([_value(card, past, week) for week in charted])
    if chart is None:
        return None
    places = [charted[place] for place in chart.signals]
    signals = tuple(weeks - 1 - week for week in places if week is not None and week < weeks)
    return replace(chart, signals=signals)


def _charted(past: Mapping[int, Week], *, weeks: int) -> list[int | None]:
    """The weeks of the chart as how long ago they were, oldest first.

    None stands for those in between that are not read: no moving range and no run reaches across.
    """
    if not past:
        return []
    first = max(past)
    early = [week for week in range(first, -1, -1) if week > first - BASELINE_WEEKS]
    late = [week for week in range(min(weeks - 1, first), -1, -1) if week < early[-1]]
    is_cut = bool(late) and late[0] < early[-1] - 1
    return [*early, *([None] if is_cut else []), *late]
