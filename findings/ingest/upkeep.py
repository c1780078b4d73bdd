"""Reading the quarantine again, as one round of upkeep that pages can follow."""

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from findings import ingest
from findings.models import UpkeepRun
from inventory.models import Organization


def retry_quarantine(run: UpkeepRun, *, clock: Callable[[], datetime]) -> dict[str, int]:
    """Take in what can be read by now, and end the round; returns how many of what.

    :param run: claimed.
    """
    counts: dict[str, int] = {}
    try:
        for organization in Organization.objects.order_by("pk"):
            done = ingest.retry_quarantine(organization, as_of=clock())
            for name, number in _numbers(done).items():
                counts[name] = counts.get(name, 0) + number
            run.beat(counts, now=clock())
    except Exception as error:
        run.end(
            UpkeepRun.State.FAILED,
            now=clock(),
            counts=counts,
            error=f"Stopped by {type(error).__name__}: the worker's log has the details.",
        )
        raise
    run.end(UpkeepRun.State.COMPLETE, now=clock(), counts=counts)
    return counts


def _numbers(done: Any) -> dict[str, int]:  # a dataclass of counts, or a mapping of them
    values = asdict(done) if is_dataclass(done) and not isinstance(done, type) else dict(done)
    return {name: value for name, value in values.items() if isinstance(value, int)}
