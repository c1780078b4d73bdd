"""What a day's KPIs cost: all thirty filled, against one sequential scan of the findings.

Claims, each a ratio taken in one run:
- filling all KPIs of a day that has none yet costs at most 5 times a sequential scan of the findings
  table;
- filling them again, as every hour does until the day is over, costs no more than that either.

Behind the day lie a year of accounts and four weeks of points: what is added to and looked
through is as large as it would be.

    python -m deploy.local.services --run -- python bench/kpis.py [--findings N]
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

RUNS: Final = 5
_SCAN: Final = "SELECT count(*) FROM findings_finding WHERE title = 'no such title'"
# Tables of days, and how many days of them lie behind the one that is filled.
_PAST: Final = {"posture_accountday": 365, "posture_ouday": 365}
_PAST_POINTS: Final = {"posture_kpiaccountpoint": 28, "posture_kpipoint": 28}
_POINTS: Final = (*_PAST_POINTS, "posture_kpifill")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=5_000_000)
    findings = parser.parse_args().findings
    os.environ["DATABASE_URL"] = explorer.database(f"bench_{findings}")
    world.start_django()
    explorer.fill(findings)
    from posture import kpis, rollups  # noqa: PLC0415 - after django.setup()
    from posture.rollups import kpis as filling  # noqa: PLC0415

    day = world.NOW.date()
    rollups.roll_up(now=world.NOW)
    _write_past(day)
    works: dict[str, Callable[[], object]] = {
        "scan": lambda: _run(_SCAN),
        "first": lambda: filling.fill_day(day, now=world.NOW),
        "again": lambda: filling.fill_day(day, now=world.NOW),
    }
    # In turns: a machine is not equally quick at all times.
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS + 1):
        _empty(day)
        for name, work in works.items():
            taken[name].append(_seconds(work))
    figures = {name: statistics.median(times[1:]) for name, times in taken.items()}
    each = {
        kpi: _seconds(lambda kpi=kpi: filling.fill(kpi, day, now=world.NOW))  # type: ignore[misc]
        for kpi in kpis.registry()
    }
    slowest = sorted(each, key=lambda kpi: -each[kpi])[:5]
    sizes = _sizes(day)
    _remove_past(day)
    claims = [
        Claim(f"all KPIs of a day, {name} / a sequential scan", figures[key] / figures["scan"], 5)
        for name, key in {"the first time": "first", "again": "again"}.items()
    ]
    return report(
        "kpis",
        claims,
        findings=findings,
        **sizes,
        **figures,
        slowest={kpi: each[kpi] for kpi in slowest},
    )


def _write_past(day: date) -> None:
    """The days before, as if nothing had changed since."""
    from posture.rollups import kpis as filling  # noqa: PLC0415 - after django.setup()

    start = time.perf_counter()
    _remove_past(day)
    for table, days in _PAST.items():
        _copy(table, day, days=days, where="AND area = ''")
    filling.fill_day(day, now=world.NOW)
    for table, days in _PAST_POINTS.items():
        _copy(table, day, days=days)
    print(f"  days before: {time.perf_counter() - start:.0f} s", flush=True)


def _remove_past(day: date) -> None:
    """Other scripts use the same database, and compare it with one that has no such days."""
    for table in (*_PAST, *_PAST_POINTS):
        _run(f"DELETE FROM {table} WHERE day < %(day)s", {"day": day})  # our own names
        _run(f"VACUUM (ANALYZE) {table}")


def _copy(table: str, day: date, *, days: int, where: str = "") -> None:
    """Day after day, which is how they came."""
    from django.db import connection, transaction  # noqa: PLC0415 - after django.setup()

    names = _names(table)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        with world.without_indexes(cursor, table):
            cursor.execute(
                f"INSERT INTO {table} (day, {names}) SELECT day - n, {names} FROM {table},"
                f" generate_series(%(days)s, 1, -1) n WHERE day = %(day)s {where} ORDER BY n DESC, id",
                {"day": day, "days": days},
            )
    _run(f"VACUUM (ANALYZE) {table}")


def _names(table: str) -> str:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_name = %s AND column_name NOT IN ('id', 'day')",
            [table],
        )
        return str(cursor.fetchone()[0])


def _empty(day: date) -> None:
    """Make the day one that has not been filled."""
    for table in _POINTS:
        _run(f"DELETE FROM {table} WHERE day = %(day)s", {"day": day})  # our own names
        _run(f"VACUUM (ANALYZE) {table}")


def _sizes(day: date) -> dict[str, object]:
    from findings.models import Episode  # noqa: PLC0415 - after django.setup()
    from inventory.models import Account  # noqa: PLC0415
    from posture.models import KpiAccountPoint  # noqa: PLC0415

    episodes = Episode.objects
    points = KpiAccountPoint.objects
    return {
        "accounts": Account.objects.count(),
        "episodes": {
            "open": episodes.filter(closed_at=None).count(),
            "closed": episodes.exclude(closed_at=None).count(),
            "resumed": episodes.filter(resumed__gt=0).count(),
        },
        "points of accounts": {
            "of the day": points.filter(day=day).count(),
            "before": points.filter(day__lt=day).count(),
        },
    }


def _run(statement: str, values: dict[str, Any] | None = None) -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
