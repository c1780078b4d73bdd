"""When something is sent: quiet hours hold it back, a digest gathers it, both by one person's clock."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

MONDAY = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """One person's clock. Quiet from and until are both there or neither; until may be the next day's.

    `is_weekly`: the digest comes on Mondays, else every day; `digest_at` is its time.
    """

    zone: ZoneInfo
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_weekly: bool = False
    digest_at: time = time(8)

    def is_quiet(self, moment: datetime) -> bool:
        if self.quiet_from is None or self.quiet_until is None:
            return False
        at = moment.astimezone(self.zone).time()
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def after_quiet(self, moment: datetime) -> datetime:
        """The moment itself, or the end of the quiet hours in which it falls."""
        if self.quiet_until is None or not self.is_quiet(moment):
            return moment
        return self._next(moment, self.quiet_until)

    def next_digest(self, moment: datetime) -> datetime:
        """When the next digest goes, after the moment; not in quiet hours."""
        found = self._next(moment, self.digest_at)
        while self.is_weekly and found.astimezone(self.zone).weekday() != MONDAY:
            found = self._next(found, self.digest_at)
        return self.after_quiet(found)

    def _next(self, moment: datetime, at: time) -> datetime:
        """The next moment after this one at which the clock on the wall shows the time.

        A time that the clock jumps over in spring is the same number of minutes after the jump.
        """
        day = moment.astimezone(self.zone).date()
        found = datetime.combine(day, at, self.zone).astimezone(moment.tzinfo)
        if found <= moment:
            day += timedelta(days=1)
            found = datetime.combine(day, at, self.zone).astimezone(moment.tzinfo)
        return found
