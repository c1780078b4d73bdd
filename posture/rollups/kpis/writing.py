"""From made rows to points: of accounts, in the OU of that day, and of OUs, which are their sums."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from inventory.models import Organization
from posture import kpis
from posture.kpis import Kpi, Unit
from posture.models import KpiFill, KpiPoint, RollupState
from posture.rollups.kpis import making

_AMOUNTS: Final = ("numerator", "denominator", "covered", "expected")
# A day that is over keeps what only the present tells: parts that are not made any more.
_OF_DAY: Final = """p.day = %(day)s AND p.kpi = ANY(%(kpis)s)
    AND (%(is_today)s OR EXISTS (SELECT 1 FROM kpi_sums s WHERE s.kpi = p.kpi AND s.part = p.part))"""
# Worth no row of an account: nothing was found there, and nothing was missing. The sums have it.
_WORTH_A_ROW: Final = """(r.covered <> r.expected OR r.numerator <> 0
    OR r.denominator <> 0 AND (r.kpi || ' ' || r.part) <> ALL(%(counts)s))"""
_DROP_ACCOUNTS: Final = f"""
DELETE FROM posture_kpiaccountpoint p USING inventory_account a
WHERE {_OF_DAY} AND a.id = p.account_id AND a.organization_id = %(organization)s
    AND NOT EXISTS (SELECT 1 FROM kpi_rows r
        WHERE r.kpi = p.kpi AND r.part = p.part AND r.account_id = p.account_id
            AND {_WORTH_A_ROW})
"""
_IS_NEW: Final = """
SELECT NOT EXISTS (SELECT 1 FROM posture_kpiaccountpoint WHERE day = %(day)s AND kpi = ANY(%(kpis)s))
"""
# A day that has none yet gets all of them, compared with nothing, and in the order in which they were
# made: to sort them would take as long as to write them.
_NEW_ACCOUNTS: Final = f"""
INSERT INTO posture_kpiaccountpoint (kpi, part, day, account_id, ou_id, {", ".join(_AMOUNTS)})
SELECT r.kpi, r.part, %(day)s, r.account_id, a.ou_id, {", ".join(f"r.{n}" for n in _AMOUNTS)}
FROM kpi_rows r JOIN accounts_of_day a ON a.account_id = r.account_id WHERE {_WORTH_A_ROW}
"""
# Only what differs is written: most rows of a day are as they were an hour before.
_ACCOUNTS: Final = f"""
INSERT INTO posture_kpiaccountpoint (kpi, part, day, account_id, ou_id, {", ".join(_AMOUNTS)})
SELECT r.kpi, r.part, %(day)s, r.account_id, a.ou_id, {", ".join(f"r.{n}" for n in _AMOUNTS)}
FROM kpi_rows r JOIN accounts_of_day a ON a.account_id = r.account_id
LEFT JOIN posture_kpiaccountpoint p ON p.day = %(day)s AND p.kpi = r.kpi AND p.part = r.part
    AND p.account_id = r.account_id
WHERE {_WORTH_A_ROW} AND (p.id IS NULL OR p.ou_id <> a.ou_id
    OR ({", ".join(f"p.{n}" for n in _AMOUNTS)}) <> ({", ".join(f"r.{n}" for n in _AMOUNTS)}))
ORDER BY r.kpi, r.part, r.account_id
ON CONFLICT (kpi, day, part, account_id) DO UPDATE SET ou_id = EXCLUDED.ou_id,
    {", ".join(f"{n} = EXCLUDED.{n}" for n in _AMOUNTS)}
"""
_DROP_OUS: Final = f"""
DELETE FROM posture_kpipoint p USING inventory_organizationalunit u
WHERE {_OF_DAY} AND u.id = p.ou_id AND u.organization_id = %(organization)s
"""
# An OU is the sum over the accounts below it; what is of no account is of the root alone.
_OUS: Final = f"""
WITH rows AS (
    SELECT u.id AS ou_id, s.kpi, s.part, {", ".join(f"s.{n}" for n in _AMOUNTS)}
    FROM kpi_sums s JOIN inventory_organizationalunit b ON b.id = s.ou_id
    JOIN inventory_organizationalunit u
        ON u.organization_id = b.organization_id AND starts_with(b.path, u.path)
    UNION ALL
    SELECT u.id, s.kpi, s.part, {", ".join(f"s.{n}" for n in _AMOUNTS)}
    FROM kpi_sums s JOIN inventory_organizationalunit u
        ON u.organization_id = %(organization)s AND u.depth = 0
    WHERE s.is_of_root
)
INSERT INTO posture_kpipoint (ou_id, kpi, part, day, details, {", ".join(_AMOUNTS)})
SELECT ou_id, kpi, part, %(day)s, '{{}}', {", ".join(f"sum({n})" for n in _AMOUNTS)}
FROM rows GROUP BY ou_id, kpi, part ORDER BY ou_id, kpi, part
"""
_HASHES: Final = "SELECT kpi, sum(rows), sum(digest) FROM kpi_sums GROUP BY kpi"


def write(
    cards: Collection[Kpi], day: date, *, organization: Organization, now: datetime
) -> dict[str, int]:
    """Store the rows that were made of these KPIs; returns how many each has."""
    values: dict[str, Any] = {
        "day": day,
        "kpis": [card.id for card in cards],
        "counts": [
            f"{card.id} {part}"
            for card in cards
            for part in ("", *(one.id for one in card.parts))
            if card.part(part).unit is Unit.COUNT
        ],
        "organization": organization.pk,
        "is_today": day == now.date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HASHES)
        made = {kpi: (int(count), str(digest)) for kpi, count, digest in cursor.fetchall()}
        cursor.execute(_IS_NEW, values)
        is_new = cursor.fetchone()[0]
        accounts = (_NEW_ACCOUNTS,) if is_new else (_DROP_ACCOUNTS, _ACCOUNTS)
        for statement in (*accounts, _DROP_OUS, _OUS):
            cursor.execute(statement, values)
    return _record(cards, day, organization=organization, now=now, made=made)


def _record(
    cards: Collection[Kpi],
    day: date,
    *,
    organization: Organization,
    now: datetime,
    made: Mapping[str, tuple[int, str]],
) -> dict[str, int]:
    is_over = day < now.date()
    filled = set(
        KpiFill.objects.filter(organization=organization, day=day).values_list("kpi", flat=True)
    )
    common: dict[str, Any] = {
        "is_final": is_over,
        "data_as_of": _data_as_of(day, now=now),
        "filled_at": now,
        "error": "",
    }
    KpiFill.objects.bulk_create(
        [
            KpiFill(
                organization=organization,
                kpi=card.id,
                day=day,
                formula_version=card.formula_version,
                target_version=card.target_version,
                source=KpiFill.Source.BACKFILL
                if is_over and card.id not in filled
                else KpiFill.Source.NIGHTLY,
                inputs_hash=made.get(card.id, (0, ""))[1],
                **common,
            )
            for card in cards
        ],
        update_conflicts=True,
        unique_fields=["organization", "kpi", "day"],
        update_fields=["formula_version", "target_version", "inputs_hash", *common],
    )
    return {card.id: made.get(card.id, (0, ""))[0] for card in cards}


def _data_as_of(day: date, *, now: datetime) -> datetime:
    """How fresh the scores of the day are; the end of a day that is over."""
    state = RollupState.objects.filter(name="scores", day=day).first()
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    return state.as_of if state else min(end, now)


def record_failures(
    failed: Mapping[str, str], day: date, *, organization: Organization, now: datetime
) -> None:
    """Say of each KPI that failed why it did; what was stored of it before stays."""
    registry = kpis.registry()
    KpiFill.objects.bulk_create(
        [
            KpiFill(
                organization=organization,
                kpi=kpi_id,
                day=day,
                formula_version=registry[kpi_id].formula_version,
                target_version=registry[kpi_id].target_version,
                data_as_of=_data_as_of(day, now=now),
                filled_at=now,
                error=error,
            )
            for kpi_id, error in failed.items()
        ],
        update_conflicts=True,
        unique_fields=["organization", "kpi", "day"],
        update_fields=["error"],
    )


def write_of_ous(card: Kpi, day: date, *, organization: Organization, now: datetime) -> None:
    """Store the parts of OUs that are no sum over accounts, in place of the sums."""
    make = making.of_ous(card)
    rows = list(make(day, organization=organization, now=now)) if make else []
    if not rows:
        return
    points = KpiPoint.objects.filter(kpi=card.id, day=day, ou__organization=organization)
    points.filter(part__in={row.part for row in rows}).delete()
    known = set(points.filter(part="").values_list("ou_id", flat=True))
    KpiPoint.objects.bulk_create(
        [
            KpiPoint(
                kpi=card.id,
                day=day,
                ou_id=row.ou_id,
                part=row.part,
                numerator=row.numerator,
                denominator=row.denominator,
                covered=1,
                expected=1,
                details=dict(row.details),
            )
            for row in rows
            if row.ou_id in known
        ],
        batch_size=500,
    )


def write_details(card: Kpi, day: date, *, organization: Organization, now: datetime) -> None:
    """Store what does not add up, of each OU that has a point."""
    details = making.details_of(card)
    if details is None:
        return
    found = details(day, organization=organization, now=now)
    points = list(KpiPoint.objects.filter(kpi=card.id, part="", day=day, ou_id__in=list(found)))
    for point in points:
        point.details = dict(found[point.ou_id])
    KpiPoint.objects.bulk_update(points, ["details"], batch_size=500)
