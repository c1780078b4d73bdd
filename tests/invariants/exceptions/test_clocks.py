"""Business days in the organisation's time zone, and how long an exception lasts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.models.exceptions import Risk
from invariants.policies.exceptions import clocks
from invariants.policies.exceptions.clocks import Calendar, Span, Times

BERLIN = ZoneInfo("Europe/Berlin")
TOKYO = ZoneInfo("Asia/Tokyo")
SYDNEY = ZoneInfo("Australia/Sydney")
moments = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from([ZoneInfo("UTC"), BERLIN, TOKYO, SYDNEY])


def local(*parts):
    return datetime(*parts, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("begins", "count", "ends"),
    [
        (local(2026, 11, 24, 10), 1, local(2026, 11, 25, 10)),
        (local(2026, 11, 27, 16), 1, local(2026, 11, 30, 16)),
        (local(2026, 11, 27, 16), 3, local(2026, 12, 2, 16)),
        # A Saturday and a Sunday count from Monday on.
        (local(2026, 11, 28, 9), 1, local(2026, 12, 1, 0)),
        (local(2026, 11, 29, 23, 59), 2, local(2026, 12, 2, 0)),
        # Summer time ends in between: ten o'clock stays ten o'clock.
        (local(2026, 10, 23, 10), 1, local(2026, 10, 26, 10)),
    ],
)
def test_business_days_end_at_the_same_time_of_the_day(begins, count, ends):
    found = Calendar(BERLIN).after(begins.astimezone(UTC), Span(count))
    assert found == ends
    assert found.tzinfo is UTC


def test_the_day_is_that_of_the_organisation():
    friday_night = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert Calendar(TOKYO).day_of(friday_night) == date(2026, 11, 28)
    assert Calendar(TOKYO).after(friday_night, Span(1)).astimezone(TOKYO).date() == date(
        2026, 12, 1
    )
    assert Calendar(BERLIN).after(friday_night, Span(1)).astimezone(BERLIN).date() == date(
        2026, 11, 30
    )


def test_days_off_do_not_count_and_hours_always_do():
    calendar = Calendar(BERLIN, holidays={date(2026, 12, 25)})
    christmas_eve = local(2026, 12, 24, 12)
    assert calendar.after(christmas_eve, Span(1)) == local(2026, 12, 28, 12)
    assert calendar.after(christmas_eve, Span(hours=48)) == local(2026, 12, 26, 12)


@given(moments, zones, st.integers(1, 30))
def test_so_many_business_days_lie_between(begins, zone, count):
    calendar = Calendar(zone)
    ends = calendar.after(begins, Span(count))
    first, last = calendar.day_of(begins), calendar.day_of(ends)
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    extra = 0 if calendar.is_business_day(first) else 1
    assert len([day for day in between if calendar.is_business_day(day)]) == count + extra
    assert calendar.is_business_day(last)


@given(
    st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    st.integers(0, 800),
    st.sampled_from(Risk.values),
)
def test_an_exception_never_lasts_longer_than_asked_or_than_its_limit(starts_on, length, risk):
    asked = starts_on + timedelta(days=length)
    last = clocks.last_day(starts_on, asked, risk=risk)
    most = clocks.VERSIONS[clocks.NEWEST].most_days[risk]
    assert last <= asked
    assert (last - starts_on).days + 1 <= most
    assert last == asked or (last - starts_on).days + 1 == most


@given(st.integers(-5, 60))
def test_each_notice_is_due_from_its_day_to_the_next(left):
    until = date(2026, 12, 31)
    due = clocks.notice_due(until - timedelta(days=left), until)
    expected = {**dict.fromkeys(range(15, 31), 30), **dict.fromkeys(range(8, 15), 14)}
    expected |= {**dict.fromkeys(range(2, 8), 7), 0: 1, 1: 1}
    assert due == expected.get(left)


def test_a_day_ends_at_midnight_of_the_organisation():
    assert clocks.end_of(date(2026, 7, 1), BERLIN) == datetime(2026, 7, 1, 22, tzinfo=UTC)
    assert clocks.end_of(date(2026, 12, 1), BERLIN) == datetime(2026, 12, 1, 23, tzinfo=UTC)


MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "risk", "days"),
    [
        ("SUBMITTED", "LOW", 1),
        ("TRIAGED", "LOW", 3),
        ("RISK_ASSESSED", "MEDIUM", 7),
        ("RISK_ASSESSED", "CRITICAL", 14),
        ("APPROVED", "LOW", 2),
        ("EXPIRED", "LOW", 2),
        ("CLOSING", "LOW", 2),
        ("CHANGES_REQUESTED", "LOW", 14),
    ],
)
def test_every_wait_has_its_clock(state, risk, days):
    times = Times(state, MONDAY, risk, False, MONDAY, MONDAY, None, MONDAY)
    assert clocks.due_at(times, Calendar(ZoneInfo("UTC"))) == MONDAY + timedelta(days=days)


@pytest.mark.parametrize("state", ["DRAFT", "ACTIVE", "EXPIRING", "CLOSED", "REJECTED"])
def test_where_nobody_is_waited_for_there_is_none(state):
    times = Times(state, MONDAY, "LOW", False, MONDAY, MONDAY, None, MONDAY)
    assert clocks.due_at(times, Calendar(ZoneInfo("UTC"))) is None
