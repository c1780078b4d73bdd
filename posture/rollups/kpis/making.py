"""The rows of KPIs: by their SQL, or by their function. A KPI that fails stops no other."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from importlib import import_module, util
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

from inventory.models import Organization
from posture import kpis
from posture.kpis import Kpi
from posture.rollups.kpis import tables
from posture.rollups.kpis.rows import OuRow, Row, Select

_SQL: Final = Path(kpis.__file__).parent / "sql"
_FUNCTIONS: Final = "posture.rollups.kpis.functions"
_ROWS: Final = """
CREATE TEMP TABLE kpi_rows (kpi text, account_id bigint, part text, numerator numeric(28, 12),
    denominator numeric(28, 12), covered numeric(28, 12), expected numeric(28, 12)) ON COMMIT DROP
"""
_COLUMNS: Final = "kpi, account_id, part, numerator, denominator, covered, expected"
_INSERT: Final = """
INSERT INTO kpi_rows ({columns})
SELECT '{kpi}', account_id, part, numerator, denominator, covered, expected FROM ({sql}
) made (account_id, part, numerator, denominator, covered, expected)
"""
_COPY: Final = f"COPY kpi_rows ({_COLUMNS}) FROM STDIN"
_AMOUNTS: Final = ("numerator", "denominator", "covered", "expected")
# All that is told of the rows as a whole, from one look at them: the sums of each OU of its own
# accounts, how many rows, and what they come to as one number.
_SUMS: Final = f"""
CREATE TEMP TABLE kpi_sums ON COMMIT DROP AS
SELECT r.kpi, r.part, a.ou_id, r.account_id IS NULL AS is_of_root,
    {", ".join(f"sum(r.{name}) AS {name}" for name in _AMOUNTS)}, count(*) AS rows,
    sum(hash_record_extended(ROW(r.account_id, r.part, {", ".join(f"r.{n}" for n in _AMOUNTS)}), 0))
        AS digest
FROM kpi_rows r LEFT JOIN accounts_of_day a ON a.account_id = r.account_id GROUP BY 1, 2, 3, 4
"""
_UNKNOWN: Final = """
SELECT s.kpi, min(s.part) FROM kpi_sums s WHERE NOT EXISTS (
    SELECT 1 FROM unnest(%s::text[], %s::text[]) k (kpi, part) WHERE k.kpi = s.kpi AND k.part = s.part)
GROUP BY s.kpi
"""
Fill = Callable[..., Iterable[Row] | Select]
Details = Callable[..., Mapping[int, Mapping[str, Any]]]
OfOus = Callable[..., Iterable[OuRow]]
logger = logging.getLogger(__name__)


def make(
    cards: Iterable[Kpi], day: date, *, organization: Organization, now: datetime
) -> dict[str, str]:
    """Fill the temporary tables kpi_rows and kpi_sums; returns what went wrong, by KPI.

    The tables of the day have to be there.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS kpi_rows, kpi_sums")
        cursor.execute(_ROWS)
    failed: dict[str, str] = {}
    chosen = tuple(cards)
    for card in chosen:
        try:
            with transaction.atomic():
                _make(card, day, organization=organization, now=now)
        except Exception as error:
            logger.exception("KPI %s could not be filled for %s", card.id, day)
            failed[card.id] = f"{type(error).__name__}: {error}".strip()[:1000]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE kpi_rows")
        cursor.execute(_SUMS)
    return failed | _refuse_unknown_parts(chosen)


def _make(card: Kpi, day: date, *, organization: Organization, now: datetime) -> None:
    kind, _, name = card.fill.partition(":")
    if kind == "sql":
        _insert(card, _sql(name), tables.values_of(day, organization=organization, now=now))
        return
    found = _function(name)(day, organization=organization, now=now)
    if isinstance(found, Select):
        _insert(card, found.statement, found.values)
    else:
        # Whole, since it may ask the database while it goes on.
        _copy(card, list(found))


def _insert(card: Kpi, sql: str, values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(columns=_COLUMNS, kpi=card.id, sql=sql), values)


def _copy(card: Kpi, rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(
                (
                    card.id,
                    row.account_id,
                    row.part,
                    row.numerator,
                    row.denominator,
                    row.covered,
                    row.expected,
                )
            )


def _refuse_unknown_parts(cards: Iterable[Kpi]) -> dict[str, str]:
    """Take the rows of KPIs away that have a part which their card does not know; says which."""
    by_id = {card.id: card for card in cards}
    known = [(card.id, part) for card in by_id.values() for part in ("", *_parts(card))]
    with connection.cursor() as cursor:
        cursor.execute(_UNKNOWN, [[kpi for kpi, _ in known], [part for _, part in known]])
        unknown = dict(cursor.fetchall())
        if unknown:
            for table in ("kpi_rows", "kpi_sums"):
                cursor.execute(f"DELETE FROM {table} WHERE kpi = ANY(%s)", [list(unknown)])
    failed = {}
    for kpi, part in unknown.items():
        failed[kpi] = f"{by_id[kpi].fill} gives rows of part {part!r}; add it to {kpi} in kpis.yaml"
        logger.error("KPI %s could not be filled: %s", kpi, failed[kpi])
    return failed


def _parts(card: Kpi) -> Iterable[str]:
    return (part.id for part in card.parts)


@cache
def _sql(name: str) -> str:
    return (_SQL / name).read_text(encoding="utf-8").strip().removesuffix(";")


def _function(name: str) -> Fill:
    found: Fill = getattr(import_module(f"{_FUNCTIONS}.{name}"), name)
    return found


def details_of(card: Kpi) -> Details | None:
    """What gives the details of the KPI for each OU (by key), None where it has none."""
    found: Details | None = _beside(card, "details")
    return found


def of_ous(card: Kpi) -> OfOus | None:
    """What gives the parts of each OU that are no sum over its accounts, None where it has none."""
    found: OfOus | None = _beside(card, "of_ous")
    return found


# Any: the functions beside a KPI have different shapes.
def _beside(card: Kpi, function: str) -> Any:
    name = f"{_FUNCTIONS}.k{card.number:02}"
    return None if util.find_spec(name) is None else getattr(import_module(name), function, None)
