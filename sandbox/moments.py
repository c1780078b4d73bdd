"""Moments as whole seconds since 1970 (UTC), and back. History computes in seconds and speaks in ISO text."""

from datetime import UTC, date, datetime, timedelta

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
NEVER = 1 << 40
"""A moment that does not come (year 36812)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_days: dict[int, str] = {}


def seconds_of(moment: datetime) -> int:
    """Return whole seconds since 1970 of an aware datetime.

    :raises TypeError: when the datetime is naive.
    """
    return (moment - _EPOCH) // timedelta(seconds=1)


def seconds_of_day(day: date) -> int:
    """Return the seconds of that day's midnight, UTC."""
    return (day.toordinal() - _EPOCH.toordinal()) * DAY


def datetime_of(seconds: int) -> datetime:
    """Return an aware UTC datetime."""
    return _EPOCH + timedelta(seconds=seconds)


def iso_text(seconds: int) -> str:
    """Return `2026-01-31T10:20:30.123Z`; the milliseconds are made from the seconds. Written for speed."""
    number, rest = divmod(seconds, DAY)
    day = _days.get(number)
    if day is None:
        day = _days[number] = (_EPOCH + timedelta(days=number)).date().isoformat()
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{day}T{hour:02}:{minute:02}:{second:02}.{seconds * 7919 % 1000:03}Z"
