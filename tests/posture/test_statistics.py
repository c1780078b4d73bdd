"""Vectors and properties of the statistics. Vector names (V10 ...) are those of the KPI design."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posture.kpis import statistics
from posture.kpis.statistics import Due, Flow, Verdict

V10_CLOSED = (2, 3, 5, 8, 13)
V10_OPEN = (20, 30, 45, 60, 90)
V12 = [
    Decimal(tenths) / 10
    for tenths in (910, 904, 916, 912, 908, 919, 911, 906, 914, 910, 917, 913, 879)
]
quickly = settings(max_examples=50, deadline=None)
UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
WEEK = timedelta(days=7)

ages = st.lists(st.integers(1, 60), max_size=25)
tenths = st.integers(0, 1000).map(lambda number: Decimal(number) / 10)
weeks = st.lists(st.none() | tenths, min_size=13, max_size=30)


def test_v10_ages_count_what_is_open_still():
    curve = statistics.kaplan_meier(V10_CLOSED, V10_OPEN)

    assert [(step.day, step.share) for step in curve.steps] == [
        (2, Decimal("90.0")),
        (3, Decimal("80.0")),
        (5, Decimal("70.0")),
        (8, Decimal("60.0")),
        (13, Decimal("50.0")),
    ]
    assert curve.median == 13
    assert curve.quantile(Decimal("0.9")) is None
    assert curve.open_share(7) == Decimal("70.0")
    # What the mean and the median of the closed ones would have said.
    assert Fraction(sum(V10_CLOSED), len(V10_CLOSED)) == Fraction("6.2")
    assert sorted(V10_CLOSED)[2] == 5


def test_v11_what_is_due_and_open_is_a_miss_at_once():
    due_at = UNTIL - timedelta(days=3)
    in_time = [Due(due_at, closed_at=due_at - timedelta(hours=hours)) for hours in range(6)]
    late = [Due(due_at, closed_at=due_at + timedelta(hours=1))]
    still_open = [Due(due_at), Due(due_at, excepted_at=due_at + timedelta(hours=1))]
    excepted = [Due(due_at, excepted_at=due_at - timedelta(days=1))]

    cohort = statistics.due_cohort(
        in_time + late + still_open + excepted, since=UNTIL - WEEK, until=UNTIL
    )

    assert (cohort.in_time, cohort.late, cohort.still_open, cohort.excepted) == (6, 1, 2, 1)
    assert cohort.due == 10
    assert cohort.attainment == Decimal("66.7")
    # Of the closed ones alone it would have been 85.7.


def test_v12_the_thirteenth_week_is_a_signal():
    chart = statistics.xmr(V12)

    assert chart.mean.quantize(Decimal("0.01")) == Decimal("91.17")
    assert chart.moving_range.quantize(Decimal("0.001")) == Decimal("0.664")
    assert chart.low.quantize(Decimal("0.01")) == Decimal("89.40")
    assert chart.high.quantize(Decimal("0.01")) == Decimal("92.93")
    assert chart.signals == (12,)
    assert statistics.verdict(chart, True) is Verdict.WORSENING
    assert statistics.verdict(chart, False) is Verdict.IMPROVING


@pytest.mark.parametrize(
    ("values", "signals"),
    [
        # Seven on one side are chance, eight are not.
        ([52, 50] * 6 + ["51.5"] * 7, ()),
        ([52, 50] * 6 + ["51.5"] * 8, tuple(range(12, 20))),
        ([52, 50] * 6 + ["51.5"] * 9, tuple(range(12, 21))),
        # One on the mean ends the run.
        ([52, 50] * 6 + ["51.5"] * 4 + [51] + ["51.5"] * 4, ()),
        # So does a week without data.
        ([52, 50] * 6 + ["51.5"] * 4 + [None] + ["51.5"] * 4, ()),
        # Three of four nearer to the upper limit (56.32) than to the mean (51), or not.
        ([52, 50] * 6 + [54, 50, 54, 54], (12, 14, 15)),
        ([52, 50] * 6 + [54, 50, "53.6", 54], ()),
        ([52, 50] * 6 + [54, 50, 48, 54], ()),
        # A mean without any up and down: whatever differs is movement.
        ([100] * 12 + ["99.9"], (12,)),
    ],
)
def test_a_chart_marks_what_moved(values, signals):
    chart = statistics.xmr([None if value is None else Decimal(value) for value in values])

    assert chart.signals == signals


def test_a_chart_needs_twelve_known_values():
    assert statistics.xmr([*V12[:11], None, None]) is None
    assert statistics.xmr([]) is None
    assert statistics.xmr([*V12[:11], None, V12[11]]) is not None
    # Known values without a neighbour have no moving range.
    assert statistics.xmr([one for value in V12 for one in (value, None)]) is None


def test_a_verdict_is_about_the_newest_value():
    back = statistics.xmr([*V12, Decimal("91.2")])

    assert back.signals == (12,)
    assert statistics.verdict(back, True) is Verdict.FLAT
    assert statistics.verdict(statistics.xmr([*V12, None]), True) is Verdict.UNKNOWN
    assert statistics.verdict(None, True) is Verdict.UNKNOWN


@quickly
@given(values=weeks, shift=st.integers(0, 500))
def test_shifting_all_values_shifts_the_chart_and_moves_no_signal(values, shift):
    chart = statistics.xmr(values)
    moved = statistics.xmr([None if value is None else value + shift for value in values])

    if chart is None:
        assert moved is None
        return
    assert moved.signals == chart.signals
    assert moved.moving_range == chart.moving_range
    assert (moved.mean, moved.is_above) == (chart.mean + shift, chart.is_above)


@quickly
@given(values=weeks)
def test_mirroring_all_values_keeps_the_signals_and_turns_the_verdict(values):
    chart = statistics.xmr(values)
    mirrored = statistics.xmr([None if value is None else 100 - value for value in values])
    assume(chart is not None)

    assert mirrored.signals == chart.signals
    assert statistics.verdict(mirrored, False) is statistics.verdict(chart, True)


@quickly
@given(values=weeks, later=weeks)
def test_later_values_never_move_the_limits(values, later):
    chart = statistics.xmr(values)
    assume(chart is not None)
    longer = statistics.xmr(values + later)

    assert (longer.mean, longer.low, longer.high) == (chart.mean, chart.low, chart.high)
    assert set(chart.signals) <= set(longer.signals)


@quickly
@given(closed=ages, still_open=ages, rotation=st.integers(0, 24))
def test_a_curve_only_falls_and_order_does_not_matter(closed, still_open, rotation):
    curve = statistics.kaplan_meier(closed, still_open)

    shares = [Fraction(1), *curve.shares]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)
    assert [step.day for step in curve.steps] == sorted(set(closed))
    turned = closed[rotation:] + closed[:rotation]
    assert statistics.kaplan_meier(turned, reversed(still_open)) == curve
    assert statistics.kaplan_meier(Counter(closed), Counter(still_open)) == curve


@quickly
@given(closed=st.lists(st.integers(1, 60), min_size=1, max_size=25), tenth=st.integers(1, 10))
def test_where_all_are_closed_a_quantile_is_the_plain_one(closed, tenth):
    curve = statistics.kaplan_meier(closed, [])
    plain = next(
        day
        for day in sorted(closed)
        if 10 * sum(one <= day for one in closed) >= tenth * len(closed)
    )

    assert curve.quantile(Decimal(tenth) / 10) == plain
    assert curve.open_share(plain) == statistics.kaplan_meier(closed, []).open_share(plain)
    assert curve.open_share(1000) == 0


@quickly
@given(closed=ages, still_open=ages, day=st.integers(1, 60))
def test_one_more_that_stays_open_never_makes_it_look_quicker(closed, still_open, day):
    before = statistics.kaplan_meier(closed, still_open).share_at(day)
    after = statistics.kaplan_meier(closed, [*still_open, 60]).share_at(day)

    assert before is None or after >= before


def test_a_curve_says_nothing_of_ages_that_nobody_has_been_watched_for():
    curve = statistics.kaplan_meier([2], [5, 6])

    assert curve.open_share(6) == Decimal("66.7")
    assert curve.open_share(7) is None
    assert statistics.kaplan_meier([], []).open_share(1) is None
    assert statistics.kaplan_meier([], [9]).median is None


def test_who_came_into_sight_late_is_at_risk_only_from_then_on():
    # Ten watched from the start, of which five close at 4; ten more were met at the age of 10, of
    # which five close at 20. Taken as watched from the start, they would hide that half closes by 4.
    curve = statistics.kaplan_meier([4] * 5 + [20] * 5, [30] * 10, entered=[10] * 10)

    assert [(step.day, step.at_risk, step.share) for step in curve.steps] == [
        (4, 10, Decimal("50.0")),
        (20, 15, Decimal("33.3")),
    ]
    assert curve.median == 4


def test_more_late_ones_than_were_ever_watched_are_refused():
    with pytest.raises(ValueError, match="fewer were watched"):
        statistics.kaplan_meier([5], [], entered=[1, 1])


@quickly
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-10, 3), st.none() | st.integers(-12, 3), st.none() | st.integers(-12, 3)
        )
    )
)
def test_a_cohort_counts_everything_that_was_due_once(rows):
    items = [
        Due(*(None if days is None else UNTIL + timedelta(days=days) for days in row))
        for row in rows
    ]
    cohort = statistics.due_cohort(items, since=UNTIL - WEEK, until=UNTIL)
    due = [one for one in items if UNTIL - WEEK < one.due_at <= UNTIL]

    assert cohort.due == len(due)
    assert cohort == statistics.due_cohort(reversed(items), since=UNTIL - WEEK, until=UNTIL)
    # What has been closed since `until` changes nothing.
    frozen = [
        Due(
            one.due_at,
            None if one.closed_at and one.closed_at >= UNTIL else one.closed_at,
            one.excepted_at,
        )
        for one in items
    ]
    assert cohort == statistics.due_cohort(frozen, since=UNTIL - WEEK, until=UNTIL)


def test_nothing_due_is_no_data():
    assert statistics.due_cohort([], since=UNTIL - WEEK, until=UNTIL).attainment is None


def test_net_flow_is_what_the_stock_grew_by():
    assert statistics.net_flow(opened=12, reopened=3, closed=20) == -5
    assert (Flow(1, 2, 3) + Flow(4, 5, 6)).net == 3


@pytest.mark.parametrize(
    ("stock", "closed", "days"),
    [(70, 20, "24.5"), (1, 3, "2.3"), (0, 0, "0.0"), (5, 0, None)],
)
def test_expected_days_are_the_stock_at_the_pace_of_late(stock, closed, days):
    expected = None if days is None else Decimal(days)

    assert statistics.expected_days(stock=stock, closed=closed, days=7) == expected


@pytest.mark.parametrize(
    ("nets", "holds"),
    [
        ([9, 9, -1, 0, -3, 4], True),
        ([-1, 5, -1, 5], False),
        ([-1, -1, None, 5], None),
        ([-1, None, 0, -2], True),
        ([], None),
    ],
)
def test_a_backlog_shrinks_when_three_of_four_weeks_did_not_add_to_it(nets, holds):
    assert statistics.is_shrinking(nets) is holds
