"""ISO weeks: their names, their days, and the moment at which one is closed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAYS_A_WEEK: Final = 7
_NAME: Final = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO week: Monday to Sunday. `year` is that of its Thursday, which may be another one."""

    year: int
    week: int

    @classmethod
    def of(cls, day: date) -> "Week":
        found = day.isocalendar()
        return cls(found.year, found.week)

    @classmethod
    def read(cls, text: str) -> "Week | None":
        """The week of a name such as "2026-W47"; None where there is no such week."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        try:
            return cls.of(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        except ValueError:
            return None

    @property
    def name(self) -> str:
        return f"{self.year:04}-W{self.week:02}"

    @property
    def starts_on(self) -> date:
        return date.fromisocalendar(self.year, self.week, 1)

    @property
    def ends_on(self) -> date:
        return date.fromisocalendar(self.year, self.week, DAYS_A_WEEK)

    @property
    def next(self) -> "Week":
        return Week.of(self.ends_on + timedelta(days=1))

    @property
    def previous(self) -> "Week":
        return Week.of(self.starts_on - timedelta(days=1))

    def closes_at(self, at: time, zone: ZoneInfo) -> datetime:
        """When the week is frozen: that time of the Monday after it, as clocks there show it. UTC."""
        monday = self.ends_on + timedelta(days=1)
        return datetime.combine(monday, at, tzinfo=zone).astimezone(UTC)


def between(first: Week, last: Week) -> Iterator[Week]:
    """Every week from `first` to `last`, both included."""
    week = first
    while week <= last:
        yield week
        week = week.next
