"""What was collected, when, and what could not be: the record behind "how fresh is this?"."""

from inventory.queries.runs.passes import (
    HISTORY_SHOWN,
    Freshness,
    PastCollection,
    Progress,
    collections,
    freshness,
    has_started_since,
    history,
    progress,
)
from inventory.queries.runs.scopes import (
    SCOPES_SHOWN,
    ScopeStatus,
    SourceStatus,
    scopes,
    scopes_page,
    sources,
)
from inventory.queries.runs.standing import PROBLEMS

__all__ = [
    "HISTORY_SHOWN",
    "PROBLEMS",
    "SCOPES_SHOWN",
    "Freshness",
    "PastCollection",
    "Progress",
    "ScopeStatus",
    "SourceStatus",
    "collections",
    "freshness",
    "has_started_since",
    "history",
    "progress",
    "scopes",
    "scopes_page",
    "sources",
]
