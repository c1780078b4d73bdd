"""The workflow that people set in AWS, which no incremental reading of findings shows.

BatchUpdateFindings leaves UpdatedAt alone. So all findings with a workflow of somebody's making are
read after each incremental reading, and those that we hold as such and did not meet are asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from django.db.models import Q

from findings.ingest.collected import take_in
from findings.ingest.controls import Catalog
from findings.ingest.copies import key_of
from findings.models import Feed, Finding
from findings.normalise.records import Page
from inventory.aws import Client
from inventory.models import CollectionRun

# How many findings are asked for by their ids at most (20 a call); the next run asks for the rest.
ASKED: Final = 2000
_DECIDED: Final = Q(workflow__in=["SUPPRESSED", "NOTIFIED"]) | (
    Q(workflow="RESOLVED") & ~Q(compliance="PASSED")
)


class Reader(Protocol):
    """A Security Hub API: findings.sources.security_hub, or security_hub_v2."""

    def read_findings(
        self, client: Client, *, updated_since: datetime | None, region: str | None = None
    ) -> Iterator[Page]: ...

    def read_decided(self, client: Client, *, region: str | None = None) -> Iterator[Page]: ...

    def read_by_id(self, client: Client, finding_ids: Sequence[str]) -> Iterator[Page]: ...


def take_decided(
    reader: Reader,
    client: Client,
    *,
    run: CollectionRun,
    catalog: Catalog,
    beat: Callable[[Mapping[str, int]], None],
    left_out: frozenset[str] = frozenset(),
) -> dict[str, int]:
    """Bring workflow and note in step with AWS; returns `workflow_read` and `workflow_changed`.

    The watermark of the run is none of its business: it has not read what lies in between.
    """
    met: set[bytes] = set()
    region = run.region or None
    pages = _remembering(reader.read_decided(client, region=region), met)
    first = take_in(pages, run=run, catalog=catalog, beat=beat, left_out=left_out)
    asked = _not_met(run, met, left_out=left_out)
    again = reader.read_by_id(client, asked)
    second = take_in(again, run=run, catalog=catalog, beat=beat, left_out=left_out)
    read = [first.counts, second.counts]
    return {
        "workflow_read": sum(
            counts[name] for counts in read for name in ("new", "changed", "unchanged")
        ),
        "workflow_changed": sum(counts["new"] + counts["changed"] for counts in read),
    }


def _remembering(pages: Iterable[Page], met: set[bytes]) -> Iterator[Page]:
    for page in pages:
        met.update(
            key_of(product_arn=record.product_arn, finding_id=record.finding_id)
            for record in page.findings
        )
        yield page


def _not_met(run: CollectionRun, met: set[bytes], *, left_out: frozenset[str]) -> list[str]:
    """Ids of the findings that we hold as decided and AWS no longer does; the oldest look first."""
    held = Finding.objects.filter(
        _DECIDED,
        organization=run.organization,
        feed=Feed.SECURITY_HUB,
        record_state="ACTIVE",
        vanished_at=None,
    ).exclude(product__in=left_out)
    if run.region:
        held = held.filter(region=run.region)
    found: list[str] = []
    for key, finding_id in (
        held.order_by("updated_at", "pk").values_list("key", "finding_id").iterator()
    ):
        if bytes(key) not in met:
            found.append(finding_id)
        if len(found) == ASKED:
            break
    return found
