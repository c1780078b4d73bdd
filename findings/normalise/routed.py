"""Events of the queue that hold no findings, as they are handed to whoever takes them, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RoutedEvent:
    """One event; `detail` as it came, `body` the whole message for quarantine."""

    message_id: str
    at: datetime
    detail: Mapping[str, Any]
    body: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of events: counts for the queue's row, those that go into quarantine and why.

    `is_news`: something is counted by rollups.
    """

    counts: Mapping[str, int]
    unread: tuple[tuple[RoutedEvent, str], ...] = ()
    is_news: bool = False
