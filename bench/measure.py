"""What every script here needs: a figure against its limit, and a record of it."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
# Every script imports this at its beginning.
_STARTED = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Claim:
    """`figure` must be at most `limit` (or at least, where `is_floor`)."""

    name: str
    figure: float
    limit: float
    is_floor: bool = False

    @property
    def holds(self) -> bool:
        return self.figure >= self.limit if self.is_floor else self.figure <= self.limit

    def line(self) -> str:
        sign = ">=" if self.is_floor else "<="
        mark = "ok  " if self.holds else "FAIL"
        return f"{mark} {self.name}: {self.figure:.2f} ({sign} {self.limit:g})"


def median_seconds(work: Callable[[], object], *, runs: int = 15) -> float:
    """The median of `runs` after two warm-up runs."""
    taken = []
    for number in range(runs + 2):
        start = time.perf_counter()
        work()
        if number >= 2:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def report(name: str, claims: list[Claim], **facts: object) -> int:
    """Print and keep the claims; returns the exit code, 1 where one does not hold."""
    for claim in claims:
        print(claim.line(), flush=True)
    RESULTS.mkdir(exist_ok=True)
    record = {
        "machine": machine(),
        "taken": time.strftime("%Y-%m-%d"),
        "arguments": sys.argv[1:],
        "seconds": round(time.perf_counter() - _STARTED),
        "claims": [asdict(claim) | {"holds": claim.holds} for claim in claims],
        "facts": facts,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0 if all(claim.holds for claim in claims) else 1
