"""The upsert of a batch of findings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg
from django.db import DataError, IntegrityError, transaction

from findings import clocks
from findings.ingest import drafts, store
from findings.ingest.clocks import known_weaknesses, todays_rules
from findings.ingest.controls import Catalog
from findings.ingest.copies import Batch, Copy, cves_of, prepare, refuse
from findings.ingest.judgement import first, is_same, judge
from findings.ingest.verdicts import PEEKED, Stored, Verdict
from findings.models import Feed
from findings.normalise.records import FindingRecord, Rejected

# What Postgres says of a row that it will not have, straight or through Django.
_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, DataError, IntegrityError)
# The numbers in Counts.
COUNTED: Final = ("new", "changed", "unchanged", "older", "opened", "closed")


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a batch; `older` findings are copies older than what is stored, which change no
    more than its history."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    opened: int = 0
    closed: int = 0
    rejected: tuple[Rejected, ...] = ()

    def plus(self, other: "Counts") -> "Counts":
        return Counts(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            older=self.older + other.older,
            opened=self.opened + other.opened,
            closed=self.closed + other.closed,
            rejected=self.rejected + other.rejected,
        )


def upsert_findings(
    records: Sequence[FindingRecord],
    *,
    catalog: Catalog,
    as_of: datetime,
    run_id: int | None = None,
    feed: Feed = Feed.SECURITY_HUB,
    is_event: bool = False,
) -> Counts:
    """Store a batch as known at `as_of`; with `run_id`, remember it as seen by that full sweep.

    `is_event`: the copies came by themselves at `as_of`, so they know the workflow of that moment;
    what is read from AWS lags behind. What cannot be stored comes back in `rejected`.
    """
    copies, rejected = prepare(
        records, catalog=catalog, weaknesses=known_weaknesses(cves_of(records))
    )
    batch = Batch(as_of=as_of, feed=feed, is_event=is_event)
    counts = _store_or_halve(copies, batch, catalog=catalog, run_id=run_id)
    return counts.plus(Counts(rejected=tuple(rejected))) if rejected else counts


def _store_or_halve(
    copies: Sequence[Copy], batch: Batch, *, catalog: Catalog, run_id: int | None
) -> Counts:
    """Store the copies; where the database refuses one, all but that one."""
    if not copies:
        return Counts()
    try:
        return _store(copies, batch, catalog=catalog, run_id=run_id)
    except _REFUSALS as e:
        if len(copies) == 1:
            words = str(e).splitlines()[0]
            problem = f"Database: {words}. Report it with this payload; it can be tried again."
            return Counts(rejected=(refuse(copies[0].record, problem),))
    middle = len(copies) // 2
    counts = _store_or_halve(copies[:middle], batch, catalog=catalog, run_id=run_id)
    return counts.plus(_store_or_halve(copies[middle:], batch, catalog=catalog, run_id=run_id))


def _store(copies: Sequence[Copy], batch: Batch, *, catalog: Catalog, run_id: int | None) -> Counts:
    waves = _waves(copies)
    work = _Work(batch=batch, catalog=catalog, rules=todays_rules())
    with transaction.atomic(), store.open_cursor() as cursor:
        for wave in waves:
            work.take(cursor, wave, is_locked_whole=len(waves) > 1)
        if run_id is not None:
            store.mark_seen(cursor, run_id, work.ids)
    return work.counts


def _waves(copies: Sequence[Copy]) -> list[dict[bytes, Copy]]:
    """Cut a batch so that each part has a finding once, its oldest copy in the first."""
    once = {copy.key: copy for copy in copies}
    if len(once) == len(copies):
        return [once]
    by_key: dict[bytes, list[Copy]] = defaultdict(list)
    for copy in copies:
        by_key[copy.key].append(copy)
    waves: list[dict[bytes, Copy]] = []
    for key, several in by_key.items():
        for number, copy in enumerate(sorted(several, key=lambda copy: copy.order)):
            if number == len(waves):
                waves.append({})
            waves[number][key] = copy
    return waves


@dataclass(slots=True)
class _Work:
    """One batch on its way into the tables."""

    batch: Batch
    catalog: Catalog
    rules: clocks.Rules
    ids: list[int] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> Counts:
        numbers: dict[str, Any] = {name: self.tally[name] for name in COUNTED}
        return Counts(**numbers)

    def take(
        self, cursor: store.Cursor, copies: dict[bytes, Copy], *, is_locked_whole: bool
    ) -> None:
        """Look at what is stored, lock what may change, judge it, and write what did."""
        organization = self.catalog.organization_id
        peeked = store.peek(cursor, organization, copies)
        fresh = [copy for key, copy in copies.items() if key not in peeked]
        if fresh:
            store.lock_new(cursor, organization)
            peeked |= store.peek(cursor, organization, [copy.key for copy in fresh])
        feed = self.batch.feed
        doubtful = [
            key
            for key, row in peeked.items()
            if is_locked_whole or not is_same(copies[key], row[:PEEKED], feed)
        ]
        self.tally["unchanged"] += len(peeked) - len(doubtful)
        self.ids += [row[0] for row in peeked.values()]
        if doubtful:
            self._judge(cursor, copies, store.lock(cursor, organization, doubtful))
        new = [first(copy, self.batch) for copy in fresh if copy.key not in peeked]
        if new:
            self.ids += store.insert(cursor, new, catalog=self.catalog, rules=self.rules)
            store.mark_dirty(cursor, _cells(new, as_of=self.batch.as_of))
            self._count(new)

    def _judge(
        self, cursor: store.Cursor, copies: dict[bytes, Copy], rows: Iterable[Stored]
    ) -> None:
        found = list(rows)
        episodes = store.episodes(cursor, [row.id for row in found])
        verdicts = [
            judge(copies[row.key], row, self.batch, episodes=episodes.get(row.id, ()))
            for row in found
        ]
        written = [verdict for verdict in verdicts if verdict.is_written]
        if written:
            store.change(cursor, written, episodes, rules=self.rules, as_of=self.batch.as_of)
            store.mark_dirty(cursor, _cells(written, as_of=self.batch.as_of))
        self._count(verdicts)

    def _count(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            kind = "unchanged" if verdict.kind in {"same", "touched"} else verdict.kind
            self.tally[kind] += 1
            was_open = verdict.stored is not None and verdict.stored.status == "OPEN"
            if verdict.status == "OPEN" and not was_open:
                self.tally["opened"] += 1
            elif was_open and verdict.status != "OPEN":
                self.tally["closed"] += 1


def _cells(verdicts: Iterable[Verdict], *, as_of: datetime) -> set[tuple[int, int]]:
    """The (account, control) whose counts or score the verdicts change."""
    cells = set()
    for verdict in verdicts:
        copy, stored = verdict.copy, verdict.stored
        if stored is None:
            cells.add((copy.account, copy.control))
        elif verdict.kind == "changed":
            cells |= {(copy.account, copy.control), (stored.account, stored.control)}
        elif verdict.is_recounted or drafts.was_stale(verdict, as_of=as_of):
            cells.add((stored.account, stored.control))
    return cells
