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
from posture.rollups.kpis.rows import Row

_SQL: Final = Path(kpis.__file__).parent / "sql"
_FUNCTIONS: Final = "posture.rollups.kpis.functions"
_ROWS: Final = """
CREATE TEMP TABLE kpi_rows (kpi text, account_id bigint, part text, numerator numeric(28, 12),
    denominator numeric(28, 12), covered numeric(28, 12), expected numeric(28, 12)) ON COMMIT DROP
"""
_COLUMNS: Final = "kpi, account_id, part, numerator, denominator, covered, expected"
_INSERT: Final = """
INSERT INTO kpi_rows ({columns})
SELECT '{kpi}', account_id, part, numerator, denominator, covered, expected FROM ({sql})
    made (account_id, part, numerator, denominator, covered, expected)
"""
_COPY: Final = f"COPY kpi_rows ({_COLUMNS}) FROM STDIN"
Fill = Callable[..., Iterable[Row]]
Details = Callable[..., Mapping[int, Mapping[str, Any]]]
logger = logging.getLogger(__name__)


def make(
    cards: Iterable[Kpi], day: date, *, organization: Organization, now: datetime
) -> dict[str, str]:
    """Fill the temporary table kpi_rows; returns what went wrong, by KPI.

    The tables of the day have to be there.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS kpi_rows")
        cursor.execute(_ROWS)
    failed: dict[str, str] = {}
    for card in cards:
        try:
            with transaction.atomic():
                _make(card, day, organization=organization, now=now)
        except Exception as error:
            logger.exception("KPI %s could not be filled for %s", card.id, day)
            failed[card.id] = f"{type(error).__name__}: {error}".strip()[:1000]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE kpi_rows")
    return failed


def _make(card: Kpi, day: date, *, organization: Organization, now: datetime) -> None:
    kind, _, name = card.fill.partition(":")
    if kind == "sql":
        values = tables.values_of(day, organization=organization, now=now)
        with connection.cursor() as cursor:
            cursor.execute(_INSERT.format(columns=_COLUMNS, kpi=card.id, sql=_sql(name)), values)
    else:
        # Whole, since it may ask the database while it goes on.
        found = list(_function(name)(day, organization=organization, now=now))
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in found:
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
    _refuse_unknown_parts(card)


def _refuse_unknown_parts(card: Kpi) -> None:
    known = ["", *(part.id for part in card.parts)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(part) FROM kpi_rows WHERE kpi = %s AND part <> ALL(%s)", [card.id, known]
        )
        (part,) = cursor.fetchone()
    if part is not None:
        raise ValueError(
            f"{card.fill} gives rows of part {part!r}; add it to {card.id} in kpis.yaml"
        )


@cache
def _sql(name: str) -> str:
    return (_SQL / name).read_text(encoding="utf-8").strip().removesuffix(";")


def _function(name: str) -> Fill:
    found: Fill = getattr(import_module(f"{_FUNCTIONS}.{name}"), name)
    return found


def details_of(card: Kpi) -> Details | None:
    """What gives the details of the KPI for each OU (by key), None where it has none."""
    name = f"{_FUNCTIONS}.k{card.number:02}"
    if util.find_spec(name) is None:
        return None
    found: Details | None = getattr(import_module(name), "details", None)
    return found
