"""Takes normalised findings into Postgres: states, clocks, episodes, dirty cells.

Everything of a batch is one transaction, so a killed worker leaves whole batches and nothing else,
and taking the same findings in again, in any order and any number of times, ends in the same rows.
"""

from findings.ingest.clocks import (
    has_catalogue,
    reclock_all,
    reclock_named,
    reclock_new,
    reclock_outdated,
    reclock_vulnerable,
    store_decisions,
    store_exploited,
)
from findings.ingest.collected import Tally, take_in, take_pages
from findings.ingest.controls import Catalog, load_catalog, store_controls, store_standards
from findings.ingest.copies import key_of
from findings.ingest.findings import Counts, upsert_findings
from findings.ingest.quarantine import quarantine, release, retry_quarantine
from findings.ingest.sweeps import sweep_vanished
from findings.ingest.workflow import set_workflow

__all__ = [
    "Catalog",
    "Counts",
    "Tally",
    "has_catalogue",
    "key_of",
    "load_catalog",
    "quarantine",
    "reclock_all",
    "reclock_named",
    "reclock_new",
    "reclock_outdated",
    "reclock_vulnerable",
    "release",
    "retry_quarantine",
    "set_workflow",
    "store_controls",
    "store_decisions",
    "store_exploited",
    "store_standards",
    "sweep_vanished",
    "take_in",
    "take_pages",
    "upsert_findings",
]
