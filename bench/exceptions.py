"""What an exception costs: its findings brought in step, a thousand among a million.

Claims, each a ratio taken in one run on one server:
- bringing one exception of a thousand findings in step when nothing has changed, as each collection
  does, takes at most one sequential scan of the findings, and so does ending it;
- the step that brings it into force takes at most two.

    python -m deploy.local.services --run -- python bench/exceptions.py [--findings N] [--runs N]
"""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import explorer, world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

COVERED: Final = 1000
# Lines of one scope, as actions allow them.
MOST_ACCOUNTS: Final = 500
_SCAN: Final = "SELECT count(*) FROM findings_finding WHERE title = 'no such title'"
_WHY: Final = "Measured, and gone again."
_ASKED: Final = {
    "title": "What it costs",
    "reason": "MIGRATION",
    "justification": _WHY,
    "system": "bench",
    "business_owner": "Nobody",
    "compensating": _WHY,
    "remediation_plan": _WHY,
    "mechanism": "NONE",
    "starts_on": world.NOW.date(),
    "asked_until": world.NOW.date() + timedelta(days=20),
}


def taken(runs: int) -> dict[str, float]:
    """Medians in seconds of a scan, of each step, and how many findings the exceptions covered."""
    from invariants.models import ExceptedFinding  # noqa: PLC0415 - after django.setup()

    people = _people()
    control, accounts = _place()
    times: dict[str, list[float]] = {"scan": [], "into force": [], "in step": [], "ended": []}
    covered = []
    for number in range(runs + 1):
        now = world.NOW + timedelta(minutes=10 * number)
        request, look, end = _story(people, control, accounts, now=now)
        found = {"scan": _timed(_scan), "into force": _timed(look)}
        rows = ExceptedFinding.objects.filter(exception=request).count()
        found["in step"] = _timed(look)
        found["ended"] = _timed(end)
        # The first round reads tables into memory.
        if number:
            covered.append(float(rows))
            for name, seconds in found.items():
                times[name].append(seconds)
    return {name: median(some) for name, some in times.items()} | {"covered": median(covered)}


def _fill(findings: int) -> None:
    """Findings and episodes alone: nothing here reads a rollup."""
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup()
    from django.db import connection  # noqa: PLC0415

    from findings.models import DirtyCell  # noqa: PLC0415

    call_command("migrate", verbosity=0, skip_checks=True)
    world.fill(findings, with_payloads=False)
    DirtyCell.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _people() -> list[Any]:
    from django.contrib.auth.models import User  # noqa: PLC0415 - after django.setup()

    return [
        User.objects.get_or_create(username=f"bench-{name}", defaults={"is_superuser": True})[0]
        for name in ("asker", "assessor", "approver", "ender")
    ]


def _place() -> tuple[Any, list[str]]:
    """A control, and accounts that have so many open findings of it together."""
    from django.db.models import Count  # noqa: PLC0415 - after django.setup()

    from findings.models import Control, Finding  # noqa: PLC0415

    opened = Finding.objects.filter(status="OPEN")
    most = opened.values_list("control").annotate(n=Count("pk")).order_by("-n").first()
    if most is None:
        raise SystemExit("There is no open finding.")
    control = Control.objects.get(pk=most[0])
    rows = opened.filter(control=control).values_list("account__account_id")
    accounts, total = [], 0
    for account, findings in rows.annotate(n=Count("pk")).order_by("-n")[:MOST_ACCOUNTS]:
        if total >= COVERED:
            break
        accounts.append(account)
        total += findings
    return control, accounts


def _story(
    people: list[Any], control: Any, accounts: list[str], *, now: Any
) -> tuple[Any, Callable[[], object], Callable[[], object]]:
    """An exception that is approved; what a collection does that finds it, and what ends it."""
    from invariants.actions import exceptions as actions  # noqa: PLC0415 - after django.setup()
    from invariants.actions.exceptions import By, Line, RiskView, Sight  # noqa: PLC0415
    from invariants.models.exceptions import Risk, ScopeKind  # noqa: PLC0415

    asker, assessor, approver, ender = (By(one) for one in people)
    request = actions.draft(asker, control, now=now)
    pk = request.pk
    actions.save(asker, pk, _ASKED, now=now)
    actions.set_scope(asker, pk, [Line(ScopeKind.ACCOUNT, one) for one in accounts], now=now)
    actions.submit(asker, pk, now=now)
    actions.triage(assessor, pk, now=now)
    actions.assess(assessor, pk, RiskView(Risk.LOW, Risk.LOW, _WHY), now=now)
    actions.approve(approver, pk, now=now)
    minutes = itertools.count(1)

    def look() -> None:
        at = now + timedelta(minutes=next(minutes))
        actions.verify(pk, Sight(True, at), now=at)

    return request, look, lambda: actions.revoke(ender, pk, why=_WHY, now=now)


def _scan() -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute(_SCAN)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    wanted = parser.parse_args()
    os.environ["DATABASE_URL"] = explorer.database("bench_exceptions")
    world.start_django()
    _fill(wanted.findings)
    found = taken(wanted.runs)
    scan = found["scan"]
    claims = [
        Claim("in step, nothing changed / a sequential scan", found["in step"] / scan, 1),
        Claim("into force / a sequential scan", found["into force"] / scan, 2),
        Claim("ended / a sequential scan", found["ended"] / scan, 1),
    ]
    return report("exceptions", claims, findings=wanted.findings, **found)


if __name__ == "__main__":
    sys.exit(main())
