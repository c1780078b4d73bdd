"""Takes findings of 3 to 4 KB in, and compares with a raw COPY of the same bytes on the same server.

Claims, each a ratio taken in one run:
- new findings, with payload, episodes and dirty cells, at at least 0.30 of the rate of a COPY of the
  same columns, payload included, into a table without an index;
- the same findings again at at least 0.70 of that rate.

The rates of the whole importer, which reads and normalises a file as well, are published beside them;
its memory is the matter of import_memory.py.

    python -m deploy.local.services --run -- python bench/ingest.py [--files SIZE ...]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import asff as made  # noqa: E402
from bench import emptying  # noqa: E402
from bench.measure import Claim, report  # noqa: E402

if TYPE_CHECKING:
    from findings.ingest import Catalog
    from findings.normalise.records import FindingRecord

ROUND = 10_000
ROUNDS = 7
BATCH = 1_000
# After which Security Hub checks most resources again: UpdatedAt moves, and nothing else.
HALF_A_DAY = timedelta(hours=12)
SIZES = (50_000,)
# Runs a command as `manage.py` does and says what it needed most. (getrusage would count what the
# bench itself had in memory when it started the process.)
_PEAK = """
import sys
from pathlib import Path
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
status = Path("/proc/self/status").read_text()
print("PEAK", next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


def set_up() -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "posture.settings",
        "POSTURE_IGNORE_ENV_FILES": "1",
        "POSTURE_SECRET_KEY": "a key that only the bench has, of fifty characters and more",
        "POSTURE_ALLOWED_HOSTS": "testserver,localhost",
    }
    import django  # noqa: PLC0415 - after the environment
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)
    emptying.allow(os.environ["DATABASE_URL"])
    call_command("flush", interactive=False, verbosity=0)


def world() -> "Catalog":
    """An organisation with the accounts of the findings."""
    from findings import ingest  # noqa: PLC0415 - after set_up()
    from inventory.models import Account, Organization, OrganizationalUnit  # noqa: PLC0415

    organization = Organization.objects.create(
        org_id="o-bench00001", management_account_id="100000000001", root_id="r-ab12"
    )
    root = OrganizationalUnit.objects.create(
        organization=organization, ou_id="r-ab12", name="Root", path="r-ab12/", depth=0
    )
    Account.objects.bulk_create(
        Account(
            organization=organization,
            ou=root,
            account_id=made.account_id(number),
            name=f"account-{number}",
            state="ACTIVE",
            joined_at=made.NOW,
            joined_method="CREATED",
        )
        for number in range(made.ACCOUNTS)
    )
    return ingest.load_catalog(organization)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Rounds:
    """Findings of one round: as a raw COPY, as new ones, as the same again."""

    def __init__(self, catalog: "Catalog") -> None:
        self.catalog = catalog
        self.taken: dict[str, list[float]] = {"raw": [], "new": [], "again": [], "checked": []}

    def play(self, number: int) -> None:
        from findings.normalise import asff  # noqa: PLC0415 - after set_up()

        documents = list(made.documents(ROUND, start=number * ROUND))
        records = [asff.parse(document) for document in documents]
        took = {"new": seconds(lambda: self.take(records))}
        took["again"] = seconds(lambda: self.take(records))
        later = [asff.parse(made.later(document, HALF_A_DAY)) for document in documents]
        took["checked"] = seconds(lambda: self.take(later))
        # The raw COPY of these very rows, read back as the bytes that COPY would take.
        rows = copied(first=number * ROUND)
        took["raw"] = seconds(lambda: copy_raw(rows))
        for name, value in took.items():
            self.taken[name].append(value)

    def take(self, records: list["FindingRecord"]) -> None:
        from findings import ingest  # noqa: PLC0415 - after set_up()

        for start in range(0, len(records), BATCH):
            part = records[start : start + BATCH]
            ingest.upsert_findings(part, catalog=self.catalog, as_of=made.NOW + HALF_A_DAY)

    def median(self, name: str) -> float:
        return statistics.median(self.taken[name][1:])


_RAW = (
    "id, organization_id, key, finding_id, product_arn, product, feed, account_id, region, "
    "control_id, title, severity, status, compliance, workflow, record_state, resource_id, "
    "resource_type, resource_count, is_public, is_excepted, content_hash, first_observed_at, "
    "created_at, updated_at, opened_at, due_at, sla_rule, sla_version, last_failed_at, "
    "last_passed_at, vanished_at, history, observed_at"
)


def copied(*, first: int) -> list[bytes]:
    """The newest ROUND findings with their payloads, as blocks of COPY text."""
    from django.db import connection  # noqa: PLC0415 - after set_up()

    query = f"""
        COPY (SELECT {", ".join("f." + name for name in _RAW.split(", "))}, p.payload
        FROM findings_finding f JOIN findings_findingpayload p ON p.finding_id = f.id
        ORDER BY f.id OFFSET {first} LIMIT {ROUND}) TO STDOUT"""
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        rows = [bytes(row) for row in copy]
    return [b"".join(rows[start : start + 100]) for start in range(0, len(rows), 100)]


def copy_raw(blocks: list[bytes]) -> None:
    from django.db import connection  # noqa: PLC0415 - after set_up()

    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY bench_raw ({_RAW}, payload) FROM STDIN") as copy,
    ):
        for block in blocks:
            copy.write(block)


def make_raw() -> None:
    from django.db import connection  # noqa: PLC0415 - after set_up()

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_raw")
        names = ", ".join("f." + name for name in _RAW.split(", "))
        cursor.execute(
            f"CREATE TABLE bench_raw AS SELECT {names}, p.payload FROM findings_finding f, "
            "findings_findingpayload p WHERE false"
        )


def import_file(path: Path) -> tuple[float, int]:
    """Seconds and peak memory in KB of the importer as a process of its own."""
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, "import_findings", "--no-rollup", str(path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    peak = next(line for line in ended.stdout.splitlines() if line.startswith("PEAK "))
    return time.perf_counter() - start, int(peak.removeprefix("PEAK "))


def memory(sizes: list[int]) -> tuple[dict[int, int], dict[int, float]]:
    """The importer's peak memory in KB and findings a second, by the size of the file."""
    peaks, rates = {}, {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "findings.ndjson"
            with path.open("wb") as file:
                file.writelines(made.lines(size, start=10_000_000))
            taken, peaks[size] = import_file(path)
            rates[size] = size / taken
    return peaks, rates


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", nargs="*", type=int, default=list(SIZES), metavar="SIZE")
    asked = parser.parse_args()
    set_up()
    catalog = world()
    make_raw()
    rounds = Rounds(catalog)
    for number in range(ROUNDS):
        rounds.play(number)
    rates = {name: ROUND / rounds.median(name) for name in rounds.taken}
    claims = [
        Claim("new findings against a raw COPY", rates["new"] / rates["raw"], 0.30, True),
        Claim("the same again against a raw COPY", rates["again"] / rates["raw"], 0.70, True),
    ]
    facts: dict[str, Any] = {"findings_a_second": {k: round(v) for k, v in rates.items()}}
    if asked.files:
        peaks, file_rates = memory(sorted(asked.files))
        facts["importer"] = {
            f"{size:,} findings": {"peak_kb": peaks[size], "findings_a_second": round(rate)}
            for size, rate in file_rates.items()
        }
        facts["importer_against_raw_copy"] = round(max(file_rates.values()) / rates["raw"], 3)
    print(facts)
    return report("ingest", claims, **facts)


if __name__ == "__main__":
    sys.exit(main())
