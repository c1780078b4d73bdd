"""Pages in, rows out, in transactions of one batch each: of a collection run, a file or the queue."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from findings.ingest.controls import Catalog
from findings.ingest.findings import Counts, upsert_findings
from findings.ingest.quarantine import quarantine, release
from findings.ingest.sweeps import mark_seen
from findings.models import Feed, QuarantinedFinding
from findings.normalise.records import FindingRecord, Page, Rejected
from inventory.models import CollectionRun, Organization

BATCH = 1000
QUEUE = "QUEUE"


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
    """Store every page of a collection run; what cannot be stored goes to quarantine.

    Findings of the products `left_out` come from a source of their own and would stand twice.
    """
    intake = _Intake(
        organization=run.organization,
        catalog=catalog,
        feed=Feed(run.source),
        source=run.source,
        as_of=run.collection.as_of,
        run=run if run.is_full else None,
        left_out=left_out,
    )
    return intake.take(pages, beat)


def take_pages(  # noqa: PLR0913 - each of them differs between files and the queue
    pages: Iterable[Page],
    *,
    organization: Organization,
    catalog: Catalog,
    feed: Feed,
    source: str,
    as_of: datetime,
    beat: Callable[[Mapping[str, int]], None],
    left_out: frozenset[str] = frozenset(),
) -> Tally:
    """Store every page of what no collection run brings: of a file (FILE) or the queue (QUEUE).

    `as_of` is when a file was read, or the time of the events: those of one call should be of about
    the same moment, since they are taken to know the workflow as of then. `source` is that of the
    quarantine, where what cannot be stored goes.
    """
    intake = _Intake(
        organization=organization,
        catalog=catalog,
        feed=feed,
        source=source,
        as_of=as_of,
        left_out=left_out,
    )
    return intake.take(pages, beat)


@dataclass(slots=True)
class _Intake:
    """What is on its way in: gathered until it makes a batch. `run` is set for a full sweep."""

    organization: Organization | None
    catalog: Catalog
    feed: Feed
    source: str
    as_of: datetime
    run: CollectionRun | None = None
    left_out: frozenset[str] = frozenset()
    tally: Tally = field(default_factory=Tally)
    batch: list[FindingRecord] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def take(self, pages: Iterable[Page], beat: Callable[[Mapping[str, int]], None]) -> Tally:
        held = QuarantinedFinding.objects.filter(organization_id=self.catalog.organization_id)
        self.held = set(held.values_list("source_id", flat=True))
        for page in pages:
            self.batch += [one for one in page.findings if one.product not in self.left_out]
            self.rejected += page.rejected
            # A provider's clock may be ahead: later changes must not fall behind the watermark.
            self.tally.reach(min(page.watermark, self.as_of) if page.watermark else None)
            if len(self.batch) + len(self.rejected) >= BATCH:
                self.flush()
                beat(self.tally.counts)
        self.flush()
        return self.tally

    def flush(self) -> None:
        counts = upsert_findings(
            self.batch,
            catalog=self.catalog,
            as_of=self.as_of,
            run_id=self.run.pk if self.run else None,
            feed=self.feed,
            is_event=self.source == QUEUE,
        )
        refused = [*self.rejected, *counts.rejected]
        refused_ids = {one.source_id for one in refused}
        if freed := self.held & {one.finding_id for one in self.batch} - refused_ids:
            release(self.catalog, freed)
        if refused and self.run:
            mark_seen(self.run, refused)
        if refused and self.organization:
            quarantine(self.organization, refused, source=self.source, as_of=self.as_of)
        self.tally.add(counts, len(refused))
        self.batch.clear()
        self.rejected.clear()
