"""What a rollup costs: of one changed finding among few and among many, and of all cells anew.

Claims, each a ratio taken in one run on one server:
- rolling up one changed finding among many touches at most 1.5 times the pages of the database that it
  touches among few, which are a hundredth of them, and with those pages in memory takes at most 1.5
  times as long;
- counting all cells anew costs at most 3 times a sequential scan of the findings.

    python -m deploy.local.services --run -- python bench/rollup.py [--small N] [--large N]
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

CHANGES: Final = 25
# Rolled up before anything is timed. The first changes after a start, or after something that filled
# the memory with other tables, wait for the disk; how long that takes is a fact and not a claim.
WARM_UP: Final = 50
# Of this connection: pages found in shared buffers, and pages read into them.
_TOUCHED: Final = """
    SELECT sum(hits) + sum(reads) FROM pg_stat_get_backend_io(pg_backend_pid())
     WHERE object = 'relation' AND context = 'normal'
"""
_SCAN: Final = "SELECT count(*) FROM findings_finding WHERE title = 'no such title'"


def serve(findings: int) -> None:
    """Fill the database of DATABASE_URL, and time what is asked for: one, nothing, scan, rebuild."""
    world.start_django()
    explorer.fill(findings)
    from posture import rollups  # noqa: PLC0415 - after django.setup()

    rollups.roll_up(now=world.NOW)
    works: dict[str, Callable[[], float]] = {
        "nothing": lambda: _timed(lambda: rollups.roll_up(now=world.NOW)),
        "one": lambda: _timed(lambda: rollups.roll_up(now=world.NOW)),
        "pages": lambda: _touched(lambda: rollups.roll_up(now=world.NOW)),
        "scan": lambda: _timed(_scan),
        "rebuild": lambda: _timed(lambda: rollups.rebuild_cells(now=world.NOW)),
    }
    print("{}", flush=True)
    for number, line in enumerate(sys.stdin):
        if line.strip() in ("one", "pages"):
            _change(number, now=world.NOW)
        print(works[line.strip()](), flush=True)


def _change(number: int, *, now: datetime) -> None:
    """Somebody mends one thing: an open finding passes, as ingest writes it."""
    from findings.models import DirtyCell, Finding  # noqa: PLC0415 - after django.setup()

    opened = Finding.objects.filter(status="OPEN", severity="MEDIUM")
    found = opened.order_by("pk")[number * 37]
    Finding.objects.filter(pk=found.pk).update(
        status="PASSED",
        compliance="PASSED",
        opened_at=None,
        due_at=None,
        updated_at=now - timedelta(minutes=1),
    )
    DirtyCell.objects.create(account_id=found.account_id, control_id=found.control_id)


def _scan() -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute(_SCAN)


def _touched(work: Callable[[], object]) -> int:
    """Pages of tables and indexes that `work` looks at, from memory or from the disk."""
    before = _pages()
    work()
    return _pages() - before


def _pages() -> int:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        # What a backend did is added to what others see once in a while only.
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT 1")
        cursor.execute(_TOUCHED)
        return int(cursor.fetchone()[0])


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=5_000_000)
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        serve(wanted.one)
        return 0
    sizes = {"small": wanted.small, "large": wanted.large}
    servers = {name: explorer.Served(findings, script=__file__) for name, findings in sizes.items()}
    first = explorer.medians(servers, "one", runs=WARM_UP)
    taken = {
        work: explorer.medians(servers, work, runs=runs)
        for work, runs in {
            "nothing": 15,
            "one": CHANGES,
            "pages": CHANGES,
            "scan": 5,
            "rebuild": 3,
        }.items()
    }
    small, large = (
        {
            "findings": findings,
            "one, first rounds": first[name],
            **{work: times[name] for work, times in taken.items()},
        }
        for name, findings in sizes.items()
    )
    for server in servers.values():
        server.end()
    claims = [
        Claim(
            "one changed finding, pages touched, many / few findings",
            large["pages"] / small["pages"],
            1.5,
        ),
        Claim("one changed finding, many / few findings", large["one"] / small["one"], 1.5),
        Claim("all cells anew / a sequential scan", large["rebuild"] / large["scan"], 3),
    ]
    return report("rollup", claims, small=small, large=large)


if __name__ == "__main__":
    sys.exit(main())
