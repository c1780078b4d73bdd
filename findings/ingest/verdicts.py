"""What is stored of a finding, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from findings.ingest.copies import Copy
from findings.ingest.timeline import Stretch


class Stored(NamedTuple):
    """The columns of a stored finding that decide, in the order in which they are read."""

    id: int
    key: bytes
    content_hash: bytes
    updated_at: datetime
    workflow: str
    status: str
    account: int
    control: int
    vanished_at: datetime | None
    feed: str
    compliance: str
    record_state: str
    observed_at: datetime | None
    workflow_set_at: datetime | None
    fix_seen_at: datetime | None
    last_failed_at: datetime | None
    last_passed_at: datetime | None
    opened_at: datetime | None
    due_at: datetime | None
    sla_rule: str
    history: list[int] | None


PEEKED: Final = 10  # the first columns, which tell whether anything can have changed


@dataclass(slots=True)
class Verdict:
    """What becomes of a finding. `kind` is new, changed, touched, same or older.

    `is_newest`: the row takes its columns from the copy, else only those below change.
    `episodes` is None where they stay as they are.
    """

    copy: Copy
    stored: Stored | None
    kind: str
    is_newest: bool
    status: str
    workflow: str
    feed: str
    observed_at: datetime | None
    vanished_at: datetime | None
    history: list[int]
    last_failed_at: datetime | None
    last_passed_at: datetime | None
    fix_seen_at: datetime | None
    opened_at: datetime | None = None
    episodes: list[Stretch] | None = None
    is_written: bool = True

    @property
    def number(self) -> int:
        """The primary key of a stored finding."""
        assert self.stored is not None
        return self.stored.id

    @property
    def is_recounted(self) -> bool:
        """Whether a count by status, age or due date is another one now."""
        stored = self.stored
        return stored is None or (self.status, self.opened_at) != (stored.status, stored.opened_at)
