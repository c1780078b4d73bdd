"""FacetCount: what changed in FindingCount is added to every sum that it is part of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db import connection

from findings.models import (
    CountedControl,
    Dimension,
    FacetCount,
    FacetValue,
    FindingCount,
    Status,
)
from findings.rollups import folding, places, writing
from findings.rollups.folding import Chains, Column, Grid
from findings.rollups.writing import Numbers, Rows

# Rows of FindingCount that came (positive) and went (negative), in a temporary table like it.
CHANGE: Final = "counted_change"
_COUNTS: Final = "findings_findingcount"
# From so many changes on, which are more than a fifth of all, summing everything anew is quicker.
_MANY: Final = 20_000
# From so many sums on, building the indexes afterwards is quicker.
_BULK: Final = 200_000
_STATUSES: Final = tuple(status.value for status in Status)
# What tells kinds of findings apart: the status, then the dimensions that FindingCount has as texts.
_TEXTS: Final[Mapping[Dimension, str]] = {
    Dimension.SEVERITY: "severity",
    Dimension.WORKFLOW: "workflow",
    Dimension.PRODUCT: "product",
    Dimension.REGION: "region",
    Dimension.TYPE: "resource_type",
    Dimension.AGE: "age",
    Dimension.SLA: "sla",
    Dimension.EXPOSURE: "exposure",
    Dimension.EXCEPTED: "is_excepted",
}
_KIND: Final = f"status, {', '.join(_TEXTS.values())}"
_KINDS: Final = f"""
CREATE TEMP TABLE counted_kind ON COMMIT DROP AS
SELECT (row_number() OVER ())::int - 1 AS kind, * FROM (SELECT DISTINCT {_KIND} FROM {{source}}) k
"""
_READ_KINDS: Final = f"""
SELECT {_KIND.replace("is_excepted", "CASE WHEN is_excepted THEN 'yes' ELSE 'no' END")}
FROM counted_kind ORDER BY kind
"""
# All numbers of an account as one value: a million rows, each by itself, would take far longer.
_READ: Final = f"""
SELECT account_id,
    string_agg(int4send(control_id::int) || int4send(kind) || int4send(findings), '')
FROM {{source}} JOIN counted_kind USING ({_KIND}) GROUP BY 1 ORDER BY 1
"""
_NUMBERS: Final = 3

_SUMS: Final = ", ".join(folding.SUMS)
_DIFFERENCE: Final = """
CREATE TEMP TABLE {table} (dimensions smallint, status smallint, a int, b int, c int,
    findings int) ON COMMIT DROP
"""
# Few sums come to 0: only those are looked for a second time.
_ADD: Final = f"""
WITH added AS (
    INSERT INTO findings_facetcount AS f ({_SUMS})
    SELECT {_SUMS} FROM counted_difference ORDER BY dimensions, status, a, b, c
    ON CONFLICT (dimensions, status, a, b, c) DO UPDATE
        SET findings = f.findings + EXCLUDED.findings
    RETURNING f.*)
INSERT INTO counted_nothing ({_SUMS}) SELECT {_SUMS} FROM added WHERE findings = 0
"""
_DROP_EMPTY: Final = """
DELETE FROM findings_facetcount f USING counted_nothing d
WHERE f.dimensions = d.dimensions AND f.status = d.status
    AND f.a = d.a AND f.b = d.b AND f.c = d.c
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of FindingCount as numbers: keys of accounts and controls, and places in `kinds`.

    Each of `kinds` is the status and the texts of `_TEXTS`.
    """

    account: Numbers
    control: Numbers
    kind: Numbers
    findings: Numbers
    kinds: tuple[tuple[str, ...], ...]


def follow(changes: int) -> None:
    """Bring FacetCount in line with the `changes` rows of CHANGE, already made in FindingCount."""
    if are_many(changes):
        rebuild()
    elif changes:
        add(read(CHANGE))


def are_many(changes: int) -> bool:
    """Whether so many rows of FindingCount changed that summing all of them anew is quicker."""
    return changes > _MANY and 5 * changes > FindingCount.objects.count()


def read(source: str) -> Changes:
    """The rows of CHANGE or of FindingCount."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS counted_kind")
        cursor.execute(_KINDS.format(source=source))
        cursor.execute("ANALYZE counted_kind")
        cursor.execute(_READ_KINDS)
        kinds = tuple(cursor.fetchall())
        cursor.execute(_READ.format(source=source))
        found = cursor.fetchall()
    accounts = np.array([account for account, _ in found], np.int64)
    numbers = np.frombuffer(b"".join(numbers for _, numbers in found), ">i4").astype(np.int64)
    control, kind, findings = numbers.reshape(-1, _NUMBERS).T
    sizes = [len(numbers) // (4 * _NUMBERS) for _, numbers in found]
    return Changes(np.repeat(accounts, sizes), control, kind, findings, kinds)


def add(changes: Changes, *, sign: int = 1) -> None:
    """Add these rows to every sum that they are part of, or take them away with `sign` -1.

    Accounts and controls are where CountedAccount and CountedControl say.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS counted_difference, counted_nothing")
        cursor.execute(_DIFFERENCE.format(table="counted_difference"))
        cursor.execute(_DIFFERENCE.format(table="counted_nothing"))
        writing.write("counted_difference", _SUMS, _folded(changes, sign))
        cursor.execute(_ADD)
        if cursor.rowcount:
            # Of a new table the planner expects thousands of rows, and would read all sums for one.
            cursor.execute("ANALYZE counted_nothing")
            cursor.execute(_DROP_EMPTY)


def rebuild() -> None:
    """Sum up all of FindingCount anew. Pages that read sums wait when there are many."""
    changes = read(_COUNTS)
    with connection.cursor() as cursor:
        if len(changes.findings) < _MANY:
            cursor.execute("DELETE FROM findings_facetcount")
            writing.write("findings_facetcount", _SUMS, _folded(changes, 1))
            return
        cursor.execute("TRUNCATE findings_facetcount")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    with connection.schema_editor(atomic=False) as editor:
        for index in FacetCount._meta.indexes:
            editor.remove_index(FacetCount, index)
        writing.write("findings_facetcount", _SUMS, _folded(changes, 1))
        for index in FacetCount._meta.indexes:
            editor.add_index(FacetCount, index)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE findings_facetcount")


def _folded(changes: Changes, sign: int) -> Iterator[Rows]:
    """Reads what it needs at once: nothing else can be asked while rows are being written."""
    return folding.fold(_grid(changes, sign)) if len(changes.findings) else iter(())


def _grid(changes: Changes, sign: int) -> Grid:
    accounts, account = np.unique(changes.account, return_inverse=True)
    controls, control = np.unique(changes.control, return_inverse=True)
    placed = places.counted(accounts.tolist())
    where = [placed[key] for key in accounts.tolist()]
    areas = dict(CountedControl.objects.filter(pk__in=controls.tolist()).values_list("pk", "area"))
    statuses, *texts = zip(*changes.kinds, strict=True)
    of_kind = dict(zip(_TEXTS, texts, strict=True))
    tables: dict[Dimension, tuple[list[int], Numbers]] = {
        Dimension.AREA: (
            _codes(Dimension.AREA, [areas[key] for key in controls.tolist()]),
            control,
        ),
        Dimension.CONTROL: (controls.tolist(), control),
        Dimension.ENVIRONMENT: (
            _codes(Dimension.ENVIRONMENT, [place.environment for place in where]),
            account,
        ),
        Dimension.TEAM: ([place.team for place in where], account),
        Dimension.ACCOUNT: (accounts.tolist(), account),
    }
    for dimension, values in of_kind.items():
        tables[dimension] = (_codes(dimension, list(values)), changes.kind)
    chains = sorted({place.ous for place in where})
    tables[Dimension.OU] = ([chains.index(place.ous) for place in where], account)
    return Grid(
        Column.of([_STATUSES.index(status) for status in statuses], changes.kind),
        {dimension: Column.of(*tables[dimension]) for dimension in Dimension},
        sign * changes.findings,
        Chains(chains),
        control * len(changes.kinds) + changes.kind,
    )


def _codes(dimension: Dimension, texts: list[str]) -> list[int]:
    """The numbers that stand for these texts, made where there are none yet."""
    known = dict(FacetValue.objects.filter(dimension=dimension).values_list("text", "pk"))
    missing = sorted(set(texts) - known.keys())
    if missing:
        FacetValue.objects.bulk_create(
            FacetValue(dimension=dimension, text=text) for text in missing
        )
        known |= dict(FacetValue.objects.filter(dimension=dimension).values_list("text", "pk"))
    return [known[text] for text in texts]
