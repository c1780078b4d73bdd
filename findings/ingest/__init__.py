"""Takes normalised findings into Postgres: COPY, one ordered upsert, episodes, dirty cells.

Everything of a batch is one transaction, so a killed worker leaves whole batches and nothing else,
and taking the same findings in again, in any order and any number of times, ends in the same rows.
"""

from findings.ingest.collected import Tally, take_in
from findings.ingest.controls import Catalog, load_catalog, store_controls, store_standards
from findings.ingest.findings import Counts, upsert_findings
from findings.ingest.sweeps import quarantine, release, sweep_vanished

__all__ = [
    "Catalog",
    "Counts",
    "Tally",
    "load_catalog",
    "quarantine",
    "release",
    "store_controls",
    "store_standards",
    "sweep_vanished",
    "take_in",
    "upsert_findings",
]
