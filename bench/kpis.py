"""What a day's KPIs cost: all thirty filled, against one sequential scan of the findings.

Claim, a ratio taken in one run:
- filling all KPIs of a day costs at most 5 times a sequential scan of the findings table.

The day has its points already when it is timed, as in every fill but the first of a day: the first, which
writes all rows anew, is not measured here.

    python -m deploy.local.services --run -- python bench/kpis.py [--findings N]
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

RUNS: Final = 5
_SCAN: Final = "SELECT count(*) FROM findings_finding WHERE title = 'no such title'"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=5_000_000)
    findings = parser.parse_args().findings
    os.environ["DATABASE_URL"] = explorer.database(f"bench_{findings}")
    world.start_django()
    explorer.fill(findings)
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from inventory.models import Account  # noqa: PLC0415
    from posture import kpis, rollups  # noqa: PLC0415
    from posture.rollups import kpis as filling  # noqa: PLC0415

    day = world.NOW.date()
    rollups.roll_up(now=world.NOW)

    def scan() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_SCAN)

    works: dict[str, Callable[[], object]] = {
        "scan": scan,
        "all thirty": lambda: filling.fill_day(day, now=world.NOW),
    }
    # In turns: a machine is not equally quick at all times.
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS + 1):
        for name, work in works.items():
            taken[name].append(_seconds(work))
    figures = {name: statistics.median(times[1:]) for name, times in taken.items()}
    each = {
        kpi: _seconds(lambda kpi=kpi: filling.fill(kpi, day, now=world.NOW))  # type: ignore[misc]
        for kpi in kpis.registry()
    }
    slowest = sorted(each, key=lambda kpi: -each[kpi])[:5]
    claim = Claim(
        "all KPIs of a day / a sequential scan", figures["all thirty"] / figures["scan"], 5
    )
    return report(
        "kpis",
        [claim],
        findings=findings,
        accounts=Account.objects.count(),
        **figures,
        slowest={kpi: each[kpi] for kpi in slowest},
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
