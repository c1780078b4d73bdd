"""What a rollup costs: of one changed finding among few and among many, and of all cells anew.

Claims, each a ratio taken in one run on one server:
- rolling up one changed finding among many costs at most 1.5 times what it costs among few, which are a hundredth of them;
- counting all cells anew costs at most 3 times a sequential scan of the findings.

    python -m deploy.local.services --run -- python bench/rollup.py [--small N] [--large N]
"""

import argparse
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

CHANGES: Final = 25
_SCAN: Final = "SELECT count(*) FROM findings_finding WHERE title = 'no such title'"


def serve(findings: int) -> None:
    """Fill the database of DATABASE_URL, and time what is asked for: one, nothing, scan, rebuild."""
    world.start_django()
    explorer.fill(findings)
    from posture import rollups  # noqa: PLC0415 - after django.setup()

    rollups.roll_up(now=world.NOW)
    works = {
        "nothing": lambda: rollups.roll_up(now=world.NOW),
        "one": lambda: rollups.roll_up(now=world.NOW),
        "scan": _scan,
        "rebuild": lambda: rollups.rebuild_cells(now=world.NOW),
    }
    print("{}", flush=True)
    for number, line in enumerate(sys.stdin):
        if line.strip() == "one":
            _change(number, now=world.NOW)
        print(_timed(works[line.strip()]), flush=True)


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


def _timed(work: Any) -> float:
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
    taken = {
        work: explorer.medians(servers, work, runs=runs)
        for work, runs in {"nothing": 15, "one": CHANGES, "scan": 5, "rebuild": 3}.items()
    }
    small, large = (
        {"findings": findings, **{work: times[name] for work, times in taken.items()}}
        for name, findings in sizes.items()
    )
    for server in servers.values():
        server.end()
    claims = [
        Claim("one changed finding, many / few findings", large["one"] / small["one"], 1.5),
        Claim("all cells anew / a sequential scan", large["rebuild"] / large["scan"], 3),
    ]
    return report("rollup", claims, small=small, large=large)


if __name__ == "__main__":
    sys.exit(main())
