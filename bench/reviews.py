"""The weekly review and scorecards of the past, with 13 and with 104 weeks of history behind them.

Claims, each a ratio taken in one run on one server:
- the review page and a scorecard as of a past day cost at most 1.2 times as much after 104 weeks as
  after 13, and at most 6 times a signed-in page with nothing on it;
- why the score of the root moved in 13 weeks, worked out anew from the cells, takes at most 1.2 times
  as long after 104 weeks as after 13;
- the PDF of a review takes at most 2 seconds of one core.

Says beside them how large the history of the cells (CellDay) is, of which one in twenty changes every
week: in whole, and for each account and week.

    python -m deploy.local.services --run -- python bench/reviews.py [--findings N]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

WEEKS: Final = {"short": 13, "long": 104}
RUNS: Final = 15
# Tables of days, and every how many days they have rows.
_DAILY: Final = ("posture_ouday", "posture_kpipoint")
_WEEKLY: Final = ("posture_accountday", "posture_scorechange", "posture_kpiaccountpoint")
# Of those that keep changes only, so many in a hundred rows change in a week.
_CHANGES: Final = ("posture_cellday", "posture_oucontrolday")
_CHANGED_PERCENT: Final = 5
_SHIFT: Final = """
INSERT INTO {table} ({names}) SELECT {values} FROM {table}, generate_series({step}, {last}, {step}) n
WHERE day = %(day)s {where} ORDER BY n DESC
"""
# Of a cell that changes, another share fails.
_FAILED: Final = "floor((passed + failed) * ((hashint8extended(id, n) & 1023) / 1024.0) ^ 2)::int"
_SPLIT_WEEKS: Final = 13


def serve(findings: int, weeks: int) -> None:
    """Fill the database of DATABASE_URL, and time each page and work that is asked for."""
    world.start_django()
    explorer.fill(findings)
    import time_machine  # noqa: PLC0415 - after django.setup()
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from inventory.models import Account, OrganizationalUnit  # noqa: PLC0415
    from posture.models import CellDay  # noqa: PLC0415

    review = _review(weeks)
    # Signed in as by an identity provider: a person with a password is asked for a second factor.
    values = {"is_superuser": True, "password": make_password(None)}
    user, _ = User.objects.get_or_create(username="bench", defaults=values)
    client = Client()
    day = world.NOW.date() - timedelta(days=42)
    ou = OrganizationalUnit.objects.get(name="Workloads").ou_id
    said = {
        "pages": {
            "review": f"/reviews/{review}/",
            "scorecard": f"/scorecards/{ou}/?as_of={day}",
            "empty": explorer.EMPTY,
        },
        "cells": {"rows": CellDay.objects.count(), "bytes": _size("posture_cellday")},
        "accounts": Account.objects.count(),
    }
    with time_machine.travel(world.NOW, tick=True):
        client.force_login(user)
        print(json.dumps(said), flush=True)
        for line in sys.stdin:
            match line.strip():
                case "pdf":
                    taken = _timed(lambda: _pdf(review), time.process_time)
                case "split":
                    taken = _timed(lambda: _split(user), time.perf_counter)
                case address:
                    taken = _seconds(client, address)
            print(taken, flush=True)


def _review(weeks: int) -> Any:
    """The frozen review of the week before; the history behind it is written the first time."""
    import time_machine  # noqa: PLC0415 - after django.setup()

    from inventory.models import Organization  # noqa: PLC0415
    from posture.models import WeeklyReview  # noqa: PLC0415
    from posture.rollups import reviews  # noqa: PLC0415

    if not WeeklyReview.objects.exists():
        _write_history(weeks)
        with time_machine.travel(world.NOW, tick=True):
            year, week, _ = (world.NOW - timedelta(days=7)).isocalendar()
            reviews.freeze(Organization.objects.get(), year, week, now=world.NOW)
    return WeeklyReview.objects.get()


def _pdf(review: Any) -> None:
    from posture import reports  # noqa: PLC0415 - after django.setup()
    from posture.queries import review_page  # noqa: PLC0415
    from posture.queries.reviews import page_of  # noqa: PLC0415

    view = review_page.view(page_of(review, day=world.NOW.date()))
    reports.review_pdf(view, made_at=world.NOW)


def _split(user: Any) -> None:
    """Why the score of the root moved, worked out from the cells."""
    from inventory.models import OrganizationalUnit  # noqa: PLC0415 - after django.setup()
    from posture.queries import changes  # noqa: PLC0415

    until = world.NOW.date()
    since = until - timedelta(weeks=_SPLIT_WEEKS)
    found = changes.between(user, OrganizationalUnit.objects.get(depth=0), since, until)
    if found is None or not found.causes:
        raise SystemExit(f"nothing moved the score of the root from {since} to {until}")


def _timed(work: Callable[[], None], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


def _write_history(weeks: int) -> None:
    """Days before today, as if the organisation had changed a little every week."""
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from posture.rollups import changes, kpis  # noqa: PLC0415

    day, last = world.NOW.date(), weeks * 7
    kpis.fill_day(day, now=world.NOW)
    changes.write_changes(day, now=world.NOW)
    with connection.cursor() as cursor:
        for table in _DAILY:
            _shift(cursor, table, step=1, last=last)
        for table in _WEEKLY:
            _shift(cursor, table, step=7, last=last)
        for table in _CHANGES:
            _shift(cursor, table, step=7, last=last, percent=_CHANGED_PERCENT)
            cursor.execute(f"UPDATE {table} SET day = day - %s WHERE day = %s", [last + 7, day])
        cursor.execute("UPDATE posture_controlday SET day = day - %s", [last + 7])
        cursor.execute("VACUUM ANALYZE")


def _shift(cursor: Any, table: str, *, step: int, last: int, percent: int = 100) -> None:
    from django.db import transaction  # noqa: PLC0415 - after django.setup()

    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        " AND column_name <> 'id' AND is_generated = 'NEVER'",
        [table],
    )
    names = [name for (name,) in cursor.fetchall()]
    values = {"day": "day - n::int", "before": "before - n::int"}
    if table == "posture_cellday":
        values |= {"failed": _FAILED, "passed": f"passed + failed - {_FAILED}"}
    where = "" if percent == 100 else f"AND (id + n) %% 100 < {percent}"
    # Ten million points of accounts: their indexes are built once, afterwards.
    with transaction.atomic(), world.without_indexes(cursor, table):
        cursor.execute(
            _SHIFT.format(
                table=table,
                names=", ".join(f'"{name}"' for name in names),
                values=", ".join(values.get(name, f'"{name}"') for name in names),
                step=step,
                last=last,
                where=where,
            ),
            {"day": world.NOW.date()},
        )


def _size(table: str) -> int:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
        return int(cursor.fetchone()[0])


def _seconds(client: Any, address: str) -> float:
    start = time.perf_counter()
    answer = client.get(address)
    taken = time.perf_counter() - start
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=50_000)
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        serve(wanted.findings, wanted.one)
        return 0
    servers = {
        name: explorer.Served(
            weeks,
            "--findings",
            str(wanted.findings),
            script=__file__,
            name=f"bench_history_{weeks}",
        )
        for name, weeks in WEEKS.items()
    }
    pages: dict[str, str] = servers["short"].said["pages"]
    taken = {name: explorer.medians(servers, address, runs=RUNS) for name, address in pages.items()}
    taken |= {work: explorer.medians(servers, work, runs=RUNS) for work in ("split", "pdf")}
    cells = {name: server.said["cells"] for name, server in servers.items()}
    accounts: int = servers["short"].said["accounts"]
    for server in servers.values():
        server.end()
    claims = [
        Claim(f"{page}, 104 / 13 weeks", taken[page]["long"] / taken[page]["short"], 1.2)
        for page in ("review", "scorecard")
    ]
    claims += [
        Claim(f"{page} / an empty page", taken[page]["long"] / taken["empty"]["long"], 6)
        for page in ("review", "scorecard")
    ]
    claims.append(
        Claim(
            f"change split of {_SPLIT_WEEKS} weeks of the root, 104 / 13 weeks",
            taken["split"]["long"] / taken["split"]["short"],
            1.2,
        )
    )
    claims.append(Claim("PDF of a review, seconds of one core", taken["pdf"]["long"], 2))
    short, long = (
        {
            "weeks": weeks,
            "history of cells": cells[name],
            **{page: times[name] for page, times in taken.items()},
        }
        for name, weeks in WEEKS.items()
    )
    # Each week of an account adds the same, so it is what the longer history has more.
    more = accounts * (WEEKS["long"] - WEEKS["short"])
    added = {
        name: (cells["long"][name] - cells["short"][name]) / more for name in ("rows", "bytes")
    }
    return report(
        "reviews",
        claims,
        findings=wanted.findings,
        accounts=accounts,
        short=short,
        long=long,
        **{"history of cells, of one account and week": added},
    )


if __name__ == "__main__":
    sys.exit(main())
