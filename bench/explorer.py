"""The findings list with its facets at 50,000 and at 5,000,000 findings, and the score pages.

Claims, each a ratio taken in one run on one server:
- p95 of the first page, over every single facet and a sample of pairs, among many findings at most
  1.5 times that among few;
- overview and scorecard at most 1.2 times;
- each of them among many findings at most 6 times a signed-in page with nothing on it.

    python -m deploy.local.services --run -- python bench/explorer.py [--small N] [--large N] [--pairs N]
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import world  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

RUNS: Final = 5
# The list of bulk changes: the frame of every page, and nothing in it.
EMPTY: Final = "/findings/bulk/"


def database(name: str) -> str:
    """The address of a database of this name on the server of DATABASE_URL.

    One that another script of the same `make bench` has filled is taken as it is.
    """
    import psycopg  # noqa: PLC0415 - only here

    server = os.environ["DATABASE_URL"]
    address = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if there.fetchone() is None or not _is_filled(address):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
    return address


def _is_filled(address: str) -> bool:
    import psycopg  # noqa: PLC0415 - only here

    with psycopg.connect(address) as connection:
        return bool(connection.execute("SELECT to_regclass('bench_filled')").fetchone()[0])  # type: ignore[index]


def fill(findings: int) -> None:
    """Migrate, fill and roll up the database of this process, unless that has been done."""
    if _is_filled(os.environ["DATABASE_URL"]):
        return
    from django.core.management import call_command  # noqa: PLC0415 - after django.setup()
    from django.db import connection  # noqa: PLC0415

    from findings import rollups as finding_rollups  # noqa: PLC0415
    from findings.models import DirtyCell  # noqa: PLC0415
    from findings.rollups import texts  # noqa: PLC0415
    from posture import rollups  # noqa: PLC0415

    steps: dict[str, Callable[[], object]] = {
        "migrate": lambda: call_command("migrate", verbosity=0, skip_checks=True),
        "fill": lambda: world.fill(findings, with_payloads=False),
        "count": lambda: finding_rollups.rebuild_counts(now=world.NOW),
        "words": lambda: texts.rebuild(now=world.NOW),
        "cells": lambda: rollups.rebuild_cells(now=world.NOW),
    }
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        print(f"  {findings:,}: {name} {time.perf_counter() - start:.0f} s", flush=True)
    DirtyCell.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CREATE TABLE bench_filled (findings bigint)")


def combinations(pairs: int) -> list[dict[str, list[str]]]:
    """Query strings: none, every value of every facet, and a sample of pairs of them.

    The same for every size: taken from the organisation, which does not hang on its findings.
    """
    from django.contrib.auth.models import User  # noqa: PLC0415 - after django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from findings.queries import counts  # noqa: PLC0415
    from findings.queries.filters import Filters  # noqa: PLC0415

    user = User.objects.get(username="bench")
    now = timezone.now()
    values = {
        kind.name: [
            choice.value
            for choice in counts.facet(user, Filters(), kind.name, now=now).choices
            if choice.value
        ]
        for kind in counts.FACETS
    }
    singles = [{name: [value]} for name, some in values.items() for value in some[:8]]
    chance = random.Random(20261120)  # noqa: S311 - the same pairs every time
    sample: list[dict[str, list[str]]] = []
    kinds = list(itertools.combinations(sorted(values), 2))
    while len(sample) < pairs:
        one, other = chance.choice(kinds)
        if values[one] and values[other]:
            sample.append(
                {one: [chance.choice(values[one])], other: [chance.choice(values[other])]}
            )
    return [{}, *singles, *sample]


def serve(findings: int, pairs: int) -> None:
    """Fill the database of DATABASE_URL, say which pages there are, and time each that is asked for.

    One address a line in, one figure in seconds a line out.
    """
    world.start_django()
    fill(findings)
    import time_machine  # noqa: PLC0415 - after django.setup()
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from inventory.models import OrganizationalUnit  # noqa: PLC0415

    # Signed in as by an identity provider: a person with a password is asked for a second factor.
    values = {"is_superuser": True, "password": make_password(None)}
    user, _ = User.objects.get_or_create(username="bench", defaults=values)
    client = Client()
    with time_machine.travel(world.NOW, tick=True):
        client.force_login(user)
        ou = OrganizationalUnit.objects.get(name="Workloads").ou_id
        lists = [
            f"/findings/?{urlencode(query, doseq=True)}".rstrip("?")
            for query in combinations(pairs)
        ]
        pages = {"overview": "/", "scorecard": f"/scorecards/{ou}/", "empty": EMPTY}
        print(json.dumps({"lists": lists, "pages": pages}), flush=True)
        for line in sys.stdin:
            print(_seconds(client, line.strip()), flush=True)


def _seconds(client: Any, address: str) -> float:
    start = time.perf_counter()
    answer = client.get(address)
    taken = time.perf_counter() - start
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return taken


class Served:
    """A process of its own on a database of its own, which answers for one number of findings."""

    def __init__(
        self, number: int, *arguments: str, script: str = __file__, name: str = ""
    ) -> None:
        """:param name: of the database; it is that of so many findings by default."""
        environment = os.environ | {"DATABASE_URL": database(name or f"bench_{number}")}
        words = [sys.executable, script, "--one", str(number), *arguments]
        self._process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._read()
        while not line.startswith("{"):
            print(line, end="", flush=True)
            line = self._read()
        self.said: dict[str, Any] = json.loads(line)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended before it had answered")
        return line

    def ask(self, question: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return float(self._read())

    def end(self) -> None:
        self._process.communicate()


def medians(servers: Mapping[str, Served], question: str, *, runs: int = RUNS) -> dict[str, float]:
    """What each server takes, in turns: a machine is not equally quick at all times."""
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(runs + 1):
        for name, server in servers.items():
            taken[name].append(server.ask(question))
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def figures(
    lists: Mapping[str, float], pages: Mapping[str, float], findings: int
) -> dict[str, Any]:
    slowest = sorted(lists, key=lambda address: -lists[address])[:5]
    return {
        "findings": findings,
        "pages": len(lists),
        "p50": statistics.median(lists.values()),
        "p95": statistics.quantiles(lists.values(), n=20)[-1],
        "slowest": {address: lists[address] for address in slowest},
        **pages,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--one", type=int, default=0, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        serve(wanted.one, wanted.pairs)
        return 0
    for words in (["build_assets"], ["collectstatic", "--noinput", "-v0"]):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, check=True)
    sizes = {"small": wanted.small, "large": wanted.large}
    servers = {
        name: Served(findings, "--pairs", str(wanted.pairs)) for name, findings in sizes.items()
    }
    said = servers["small"].said
    lists = {address: medians(servers, address) for address in said["lists"]}
    pages = {name: medians(servers, address, runs=25) for name, address in said["pages"].items()}
    small, large = (
        figures(
            {address: taken[name] for address, taken in lists.items()},
            {page: taken[name] for page, taken in pages.items()},
            findings,
        )
        for name, findings in sizes.items()
    )
    for server in servers.values():
        server.end()
    claims = [
        Claim("findings list, p95, many / few findings", large["p95"] / small["p95"], 1.5),
        Claim("overview, many / few findings", large["overview"] / small["overview"], 1.2),
        Claim("scorecard, many / few findings", large["scorecard"] / small["scorecard"], 1.2),
    ]
    claims += [
        Claim(f"{name} / an empty page", large[name] / large["empty"], 6)
        for name in ("p95", "overview", "scorecard")
    ]
    return report("explorer", claims, small=small, large=large)


if __name__ == "__main__":
    sys.exit(main())
