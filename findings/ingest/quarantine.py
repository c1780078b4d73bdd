"""What could not be taken in: kept with its reason, released when it was, tried again on demand."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import orjson
from django.db.models import F

from findings.ingest.controls import Catalog, load_catalog
from findings.ingest.findings import upsert_findings
from findings.ingest.texts import storable
from findings.models import Feed, QuarantinedFinding
from findings.normalise import payload as normalised
from findings.normalise import reader
from findings.normalise.records import FindingRecord, Rejected, Unreadable
from inventory.models import CollectionRun, Organization

BATCH: Final = 500
# Whose findings each source of the quarantine holds.
_FEEDS: Final[Mapping[str, Feed]] = {
    CollectionRun.Source.SECURITY_HUB: Feed.SECURITY_HUB,
    CollectionRun.Source.ACCESS_ANALYZER: Feed.ACCESS_ANALYZER,
    "QUEUE": Feed.SECURITY_HUB,
    "FILE": Feed.FILE,
}


def quarantine(
    organization: Organization, rejected: Iterable[Rejected], *, source: str, as_of: datetime
) -> int:
    """Keep what could not be taken in, with its reason; returns how many.

    One that is held already keeps its place and gets the newest payload and reason.
    """
    rows = {
        storable(record.source_id): QuarantinedFinding(
            organization=organization,
            source=source,
            source_id=storable(record.source_id),
            reason=storable(record.reason),
            shape=record.shape[:16],
            context=dict(record.context),
            payload=orjson.loads(normalised.to_json(record.payload)),
            first_seen_at=as_of,
            last_seen_at=as_of,
        )
        for record in rejected
    }
    held = QuarantinedFinding.objects.filter(
        organization=organization, source=source, source_id__in=list(rows)
    )
    known = {row.source_id: row for row in held}
    for source_id, row in known.items():
        fresh = rows[source_id]
        row.reason, row.shape, row.context = fresh.reason, fresh.shape, fresh.context
        row.payload, row.last_seen_at = fresh.payload, as_of
    QuarantinedFinding.objects.bulk_update(
        known.values(), ["reason", "shape", "context", "payload", "last_seen_at"]
    )
    QuarantinedFinding.objects.bulk_create(
        [rows[key] for key in sorted(rows) if key not in known], ignore_conflicts=True
    )
    return len(rows)


def release(catalog: Catalog, finding_ids: Iterable[str]) -> int:
    """Take findings out of quarantine that have since been taken in; returns how many."""
    held = QuarantinedFinding.objects.filter(organization_id=catalog.organization_id)
    return held.filter(source_id__in=list(finding_ids)).delete()[0]


def retry_quarantine(organization: Organization, *, as_of: datetime) -> dict[str, int]:
    """Read all that is held again, take in what can be, and keep the rest with today's reason.

    Returns how many were tried, taken_in and kept, and what came of those taken in: new, changed,
    unchanged, opened, closed.
    """
    catalog = load_catalog(organization)
    names = ("tried", "taken_in", "kept", "new", "changed", "unchanged", "opened", "closed")
    tally = dict.fromkeys(names, 0)
    held = QuarantinedFinding.objects.filter(organization=organization)
    numbers = list(held.order_by("source", "pk").values_list("pk", flat=True))
    for start in range(0, len(numbers), BATCH):
        part = held.filter(pk__in=numbers[start : start + BATCH]).order_by("pk")
        _retry(list(part), catalog, as_of=as_of, tally=tally)
    return tally


def _retry(
    rows: list[QuarantinedFinding], catalog: Catalog, *, as_of: datetime, tally: dict[str, int]
) -> None:
    failed: dict[int, str] = {}
    for source in sorted({row.source for row in rows}):
        records: dict[int, FindingRecord] = {}
        for row in rows:
            if row.source == source:
                records |= _read(row, failed)
        feed = _FEEDS.get(source, Feed.SECURITY_HUB)
        counts = upsert_findings(list(records.values()), catalog=catalog, as_of=as_of, feed=feed)
        reasons = {record.source_id: record.reason for record in counts.rejected}
        failed |= {
            pk: reasons[record.finding_id]
            for pk, record in records.items()
            if record.finding_id in reasons
        }
        for name in ("new", "changed", "unchanged", "opened", "closed"):
            tally[name] += getattr(counts, name)
        tally["unchanged"] += counts.older
    kept = [row for row in rows if row.pk in failed]
    for row in kept:
        row.reason, row.retries = storable(failed[row.pk]), F("retries") + 1
    QuarantinedFinding.objects.bulk_update(kept, ["reason", "retries"])
    gone = [row.pk for row in rows if row.pk not in failed]
    QuarantinedFinding.objects.filter(pk__in=gone).delete()
    tally["tried"] += len(rows)
    tally["taken_in"] += len(gone)
    tally["kept"] += len(kept)


def _read(row: QuarantinedFinding, failed: dict[int, str]) -> dict[int, FindingRecord]:
    try:
        return {row.pk: reader.read(row.payload, shape=row.shape, context=row.context)}
    except Unreadable as e:
        failed[row.pk] = str(e)
        return {}
