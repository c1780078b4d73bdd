"""A whole run of findings: pages in, rows out, in transactions of one batch each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from findings.ingest.controls import Catalog
from findings.ingest.findings import Counts, upsert_findings
from findings.ingest.sweeps import mark_seen, quarantine, release
from findings.models import QuarantinedFinding
from findings.normalise.records import FindingRecord, Page, Rejected
from inventory.models import CollectionRun

BATCH = 500


@dataclass(slots=True)
class Tally:
    """The counts of a run so far, and how far the source's own clock is."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("new", "changed", "unchanged", "opened", "closed", "quarantined"), 0
        )
    )
    watermark: datetime | None = None

    def add(self, counts: Counts, quarantined: int) -> None:
        for name in ("new", "changed", "unchanged", "opened", "closed"):
            self.counts[name] += getattr(counts, name)
        self.counts["unchanged"] += counts.older
        self.counts["quarantined"] += quarantined

    def reach(self, watermark: datetime | None) -> None:
        if watermark and (self.watermark is None or watermark > self.watermark):
            self.watermark = watermark


def take_in(
    pages: Iterable[Page],
    *,
    run: CollectionRun,
    catalog: Catalog,
    beat: Callable[[Mapping[str, int]], None],
    left_out: frozenset[str] = frozenset(),
) -> Tally:
    """Store every page; what cannot be stored goes to quarantine and stops nothing.

    Findings of the products `left_out` come from a source of their own and would stand twice.
    """
    tally = Tally()
    held = set(
        QuarantinedFinding.objects.filter(organization_id=catalog.organization_id).values_list(
            "source_id", flat=True
        )
    )
    batch: list[FindingRecord] = []
    rejected: list[Rejected] = []
    for page in pages:
        batch += [record for record in page.findings if record.product not in left_out]
        rejected += page.rejected
        # A provider's clock may be ahead: later changes must not fall behind the watermark.
        tally.reach(min(page.watermark, run.collection.as_of) if page.watermark else None)
        if len(batch) + len(rejected) >= BATCH:
            _flush(batch, rejected, tally=tally, run=run, catalog=catalog, held=held)
            beat(tally.counts)
    _flush(batch, rejected, tally=tally, run=run, catalog=catalog, held=held)
    return tally


def _flush(
    batch: list[FindingRecord],
    rejected: list[Rejected],
    *,
    tally: Tally,
    run: CollectionRun,
    catalog: Catalog,
    held: set[str],
) -> None:
    as_of = run.collection.as_of
    counts = upsert_findings(
        batch, catalog=catalog, as_of=as_of, run_id=run.pk if run.is_full else None
    )
    refused = [*rejected, *counts.rejected]
    refused_ids = {record.source_id for record in refused}
    if freed := held & {record.finding_id for record in batch} - refused_ids:
        release(catalog, freed)
    if refused and run.is_full:
        mark_seen(run, refused)
    if refused and run.organization:
        quarantine(run.organization, refused, source=run.source, as_of=as_of)
    tally.add(counts, len(refused))
    batch.clear()
    rejected.clear()
