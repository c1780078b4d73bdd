"""Trail files taken in batch by batch: what came before a refusal stands."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, Final

from invariants.ingest import trail
from invariants.models import TrailFeed
from invariants.sources import trail_files
from inventory.models import Organization

# Few records of a trail are denials, so a batch is small in the tables.
BATCH: Final = 5000
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class FileTaken:
    """What came of a file, by the names of trail.COUNTED; `refusal` says where it could not be read on.

    `problems` are the first SHOWN reasons why records could not be read.
    """

    counts: Mapping[str, int]
    refusal: str = ""
    problems: tuple[str, ...] = ()


def take_file(
    stream: BinaryIO,
    *,
    organization: Organization,
    keep_days: int,
    now: datetime,
    watch: Callable[[Mapping[str, int]], None],
) -> FileTaken:
    """Count what a file says; `watch` is told the counts so far after each batch."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    reading = _Reading(trail_files.read_records(stream))
    while records := reading.batch():
        taken = trail.take(
            organization, records, kind=TrailFeed.Kind.FILES, keep_days=keep_days, now=now
        )
        first = counts["events"]
        problems += [f"record {first + place + 1:,}: {why}" for place, why in taken.unread]
        del problems[SHOWN:]
        counts.update(taken.counts)
        watch(counts)
    return FileTaken(dict(counts), reading.refusal, tuple(problems))


class _Reading:
    """Batches of a file up to its end, or up to where it is refused."""

    def __init__(self, records: Iterator[Mapping[str, Any]]) -> None:
        self._records = records
        self.refusal = ""

    def batch(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        if self.refusal:
            return found
        try:
            self._fill(found, islice(self._records, BATCH))
        except trail_files.Refused as e:
            self.refusal = str(e)
        return found

    @staticmethod
    def _fill(found: list[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            found.append(record)  # noqa: PERF402 - what came before a refusal has to stay
