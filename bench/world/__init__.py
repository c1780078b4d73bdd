"""An organisation with any number of findings, made inside the database by a few statements.

The same numbers give the same organisation. Findings come in the order of their resources, four to
a resource, which is how sweeps bring them: each account's lie scattered over the whole table. Nearly
a year of episodes stands behind them: open, closed and why, lapsed and resumed.

    python -m deploy.local.services --run -- python -m bench.world 50000
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from bench.world.controls import PRODUCTS, SEVERITIES, TYPES, write_controls
from bench.world.episodes import EPISODES, VULNERABILITIES
from bench.world.findings import FINDINGS, PAYLOADS, REGIONS, RESOURCES
from bench.world.organization import write_organization

NOW: Final = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
ACCOUNTS: Final = 2000
_MARK_DIRTY = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT account_id, control_id FROM findings_finding GROUP BY 1, 2 ORDER BY 1, 2
"""


def fill(
    findings: int,
    *,
    accounts: int = ACCOUNTS,
    controls: int = 250,
    now: datetime = NOW,
    with_payloads: bool = True,
) -> None:
    """Fill an empty, migrated database; every cell is dirty afterwards, nothing is rolled up.

    :param now: the moment that ages, due dates and checks look back from.
    """
    from django.db import connection, transaction  # noqa: PLC0415 - after django.setup()

    with transaction.atomic():
        organization = write_organization(accounts, now=now)
        write_controls(organization, controls)
    values: dict[str, Any] = {
        "organization": organization.pk,
        "findings": findings,
        "accounts": accounts,
        "regions": list(REGIONS),
        "types": len(TYPES),
        "own": max(controls - len(PRODUCTS), 1),
        "products": len(PRODUCTS),
        "severities": list(SEVERITIES),
        "now": now,
    }
    tables = {
        "findings_episode": EPISODES,
        "findings_findingvulnerability": VULNERABILITIES,
        "findings_dirtycell": _MARK_DIRTY,
    }
    if with_payloads:
        tables["findings_findingpayload"] = PAYLOADS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '256MB'")
        cursor.execute(RESOURCES, values)
        cursor.execute("ANALYZE bench_resource; ANALYZE bench_control; ANALYZE inventory_account")
        with without_indexes(cursor, "findings_finding"):
            cursor.execute(FINDINGS, values)
        for table, statement in tables.items():
            with without_indexes(cursor, table):
                cursor.execute(statement, values)
        cursor.execute("DROP TABLE bench_resource, bench_control")
    with connection.cursor() as cursor:
        # The visibility map is what lets an index-only scan be one.
        for table in ("findings_finding", "inventory_accountfact", *tables):
            cursor.execute(f"VACUUM (ANALYZE) {table}")  # our own names


@contextmanager
def without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Loading first and building indexes (and checking references) afterwards is much quicker.

    Nor do triggers look at each row: what is loaded has all that they would write.
    """
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('u', 'f')",
        [table],
    )
    constraints = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisprimary",
        [table],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for _, definition in indexes:
        cursor.execute(definition)
    for name, definition in constraints:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


def start_django() -> None:
    """Make models usable in a script, with the settings that the environment gives."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "posture.settings")
    os.environ.setdefault("POSTURE_ALLOWED_HOSTS", "testserver")
    import django  # noqa: PLC0415 - after the environment

    django.setup()
