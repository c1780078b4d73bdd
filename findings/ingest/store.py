"""Reads and writes of the upsert, each a few statements for a whole batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any, TypeAlias

import psycopg
from django.db import connection

from findings import clocks
from findings.ingest import drafts, statements, timeline
from findings.ingest.controls import Catalog
from findings.ingest.timeline import Stretch
from findings.ingest.verdicts import Stored, Verdict
from findings.normalise import payload

# Rows of any of our tables: the statements say of which.
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Columns: TypeAlias = tuple[tuple[str, str], ...]


def open_cursor() -> Cursor:
    """A cursor that binds values in the server and gives times and bytes as they are.

    Django's own puts every value into the text of the statement, which costs more than the work.
    """
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


def peek(cursor: Cursor, organization: int, keys: Iterable[bytes]) -> dict[bytes, tuple[Any, ...]]:
    """The first columns of the stored findings by key, not locked."""
    values = {"organization": organization, "keys": list(keys)}
    cursor.execute(statements.PEEK, values, binary=True)
    return {row[1]: row for row in cursor}


def lock_new(cursor: Cursor, organization: int) -> None:
    cursor.execute(statements.LOCK_NEW, {"organization": organization})


def lock(cursor: Cursor, organization: int, keys: Collection[bytes]) -> list[Stored]:
    values = {"organization": organization, "keys": list(keys)}
    cursor.execute(statements.LOCK, values, binary=True)
    return [Stored(*row) for row in cursor]


def episodes(cursor: Cursor, ids: Collection[int]) -> dict[int, list[Stretch]]:
    """The episodes of findings, oldest first."""
    cursor.execute(statements.EPISODES, {"ids": list(ids)}, binary=True)
    found: dict[int, list[Stretch]] = defaultdict(list)
    for finding, *columns in cursor:
        found[finding].append(Stretch(*columns))
    return found


def insert(
    cursor: Cursor, verdicts: Sequence[Verdict], *, catalog: Catalog, rules: clocks.Rules
) -> list[int]:
    """Store new findings with all that hangs on them; returns their numbers."""
    cursor.execute(statements.NEXT_IDS, {"count": len(verdicts)})
    ids = [row[0] for row in cursor]
    numbered = list(zip(ids, verdicts, strict=True))
    with cursor.copy(statements.COPY_FINDINGS) as copy:
        for number, verdict in numbered:
            head = (number, catalog.organization_id, verdict.copy.key, False)
            copy.write_row((*head, *drafts.whole(verdict, rules)))
    with cursor.copy(statements.COPY_PAYLOADS) as copy:
        for number, verdict in numbered:
            copy.write_row((number, payload.to_json(verdict.copy.record.payload)))
    _insert_episodes(
        cursor, [(number, one) for number, verdict in numbered for one in verdict.episodes or ()]
    )
    _insert_vulnerabilities(cursor, numbered)
    return ids


def change(
    cursor: Cursor,
    verdicts: Iterable[Verdict],
    episodes: Mapping[int, Sequence[Stretch]],
    *,
    rules: clocks.Rules,
    as_of: datetime,
) -> None:
    """Write what became of stored findings."""
    changed, touched, late = [], [], []
    for verdict in verdicts:
        if not verdict.is_newest:
            late.append(verdict)
        elif verdict.kind == "changed":
            changed.append(verdict)
        else:
            touched.append(verdict)
    _update(cursor, statements.COLUMNS, {one.number: drafts.whole(one, rules) for one in changed})
    _update(cursor, statements.TOUCHED, {one.number: drafts.touched(one) for one in touched})
    _update(cursor, statements.LATE, {one.number: drafts.late(one) for one in late})
    _write_payloads(cursor, changed)
    replayed = {
        one.number: one.episodes for one in (*changed, *touched, *late) if one.episodes is not None
    }
    write_episodes(cursor, replayed, episodes)
    _write_vulnerabilities(cursor, changed)
    _write_workflow(cursor, changed, as_of=as_of)
    reclock(cursor, [one.number for one in late if one.is_recounted], rules=rules)


def mark_dirty(cursor: Cursor, cells: Collection[tuple[int, int]]) -> None:
    if cells:
        accounts, controls = zip(*sorted(cells), strict=True)
        values = {"accounts": list(accounts), "controls": list(controls)}
        cursor.execute(statements.DIRTY, values)


def mark_seen(cursor: Cursor, run_id: int, ids: Sequence[int]) -> None:
    """Remember for a full sweep that it has met these findings."""
    cursor.execute(statements.SEEN, {"run": run_id, "ids": list(ids)})


def reclock(
    cursor: Cursor, ids: Sequence[int], *, rules: clocks.Rules
) -> tuple[int, set[tuple[int, int]]]:
    """Give open findings the due dates of today's rules and facts.

    Returns how many have other ones now, and the cells of those.
    """
    if not ids:
        return 0, set()
    named = _named(cursor, ids)
    cursor.execute(statements.CLOCKED, {"ids": list(ids)}, binary=True)
    rows: dict[int, tuple[Any, ...]] = {}
    cells, changed = set(), 0
    for number, account, control, severity, is_public, *starts, due, rule, version in cursor:
        own = [due, rule, version]
        clock = rules.clock_of(
            severity=severity, is_public=is_public, weaknesses=named.get(number, ())
        )
        opened_at, fix_seen_at, clock_from = starts
        due_at = clocks.due_at(
            clock, opened_at=opened_at, fix_seen_at=fix_seen_at, clock_from=clock_from
        )
        if [due_at, clock.rule, clock.version] != own:
            rows[number] = (due_at, clock.rule, clock.version)
            cells.add((account, control))
            changed += due_at != own[0]
    _update(cursor, statements.CLOCK, rows)
    return changed, cells


def _named(cursor: Cursor, ids: Sequence[int]) -> dict[int, list[clocks.Weakness]]:
    """The vulnerabilities that findings name, with what CISA says of each."""
    cursor.execute(statements.NAMED, {"ids": list(ids)}, binary=True)
    found: dict[int, list[clocks.Weakness]] = defaultdict(list)
    for number, has_fix, *facts in cursor:
        weakness = clocks.Weakness(has_fix=has_fix, known=clocks.KnownFacts(*facts))
        found[number].append(weakness)
    return found


def _update(cursor: Cursor, columns: Columns, rows: Mapping[int, tuple[Any, ...]]) -> None:
    if not rows:
        return
    values: dict[str, list[Any]] = {"id": list(rows)}
    for (name, _), column in zip(columns, zip(*rows.values(), strict=True), strict=True):
        values[name] = list(column)
    cursor.execute(statements.update(columns), values)


def _write_payloads(cursor: Cursor, changed: Iterable[Verdict]) -> None:
    rows = {
        one.number: payload.to_json(one.copy.record.payload)
        for one in changed
        if one.stored and one.stored.content_hash != one.copy.record.content_hash
    }
    if rows:
        values = {"id": list(rows), "payload": list(rows.values())}
        cursor.execute(statements.PAYLOADS, values)


def write_episodes(
    cursor: Cursor,
    replayed: Mapping[int, Sequence[Stretch]],
    episodes: Mapping[int, Sequence[Stretch]],
) -> None:
    """Turn the `episodes` of findings into those that a replay came to.

    When an episode was excepted is known to no copy: where episodes are cut anew, what was granted goes
    to those that now hold its moment.
    """
    dropped, kept, added = [], [], []
    for number, stretches in replayed.items():
        old = {one.opened_at: one for one in episodes.get(number, ())}
        new = {one.opened_at: one for one in stretches}
        dropped += [(number, at) for at in old if at not in new]
        kept += [(number, one) for at, one in new.items() if at in old and old[at] != one]
        added += [(number, one) for at, one in new.items() if at not in old]
    recut = {number for number, _ in (*dropped, *added) if episodes.get(number)}
    grants = _grants(cursor, recut)
    if dropped:
        values = {"id": [row[0] for row in dropped], "opened_at": [row[1] for row in dropped]}
        cursor.execute(statements.DROP_EPISODES, values)
    if kept:
        cursor.execute(
            statements.CHANGE_EPISODES,
            {
                "id": [number for number, _ in kept],
                "opened_at": [one.opened_at for _, one in kept],
                "closed_at": [one.closed_at for _, one in kept],
                "close_reason": [one.close_reason for _, one in kept],
                "resumed": [one.resumed for _, one in kept],
                "lapsed_at": [one.lapsed_at for _, one in kept],
                "resumed_at": [one.resumed_at for _, one in kept],
            },
        )
    _insert_episodes(cursor, added)
    _give_grants(cursor, {number: replayed[number] for number in grants}, grants)


def _grants(cursor: Cursor, ids: Collection[int]) -> dict[int, list[datetime]]:
    """When episodes of these findings were excepted."""
    found: dict[int, list[datetime]] = defaultdict(list)
    if ids:
        cursor.execute(statements.GRANTS, {"ids": list(ids)}, binary=True)
        for finding, at in cursor:
            found[finding].append(at)
    return found


def _give_grants(
    cursor: Cursor,
    replayed: Mapping[int, Sequence[Stretch]],
    grants: Mapping[int, Sequence[datetime]],
) -> None:
    rows = [
        (number, one.opened_at, at)
        for number, stretches in replayed.items()
        for one, at in zip(stretches, timeline.granted(stretches, grants[number]), strict=True)
    ]
    if rows:
        numbers, opened, given = zip(*rows, strict=True)
        values = {"id": list(numbers), "opened_at": list(opened), "excepted_at": list(given)}
        cursor.execute(statements.GIVE_GRANTS, values)


def _insert_episodes(cursor: Cursor, rows: Sequence[tuple[int, Stretch]]) -> None:
    if not rows:
        return
    with cursor.copy(statements.COPY_EPISODES) as copy:
        for number, one in rows:
            copy.write_row((number, *astuple(one)))


def _write_vulnerabilities(cursor: Cursor, changed: Sequence[Verdict]) -> None:
    if changed:
        cursor.execute(statements.DROP_VULNERABILITIES, {"ids": [one.number for one in changed]})
        _insert_vulnerabilities(cursor, [(one.number, one) for one in changed])


def _insert_vulnerabilities(cursor: Cursor, numbered: Iterable[tuple[int, Verdict]]) -> None:
    rows = {
        (number, one.cve): (number, one.cve, one.has_fix, one.has_exploit, one.epss)
        for number, verdict in numbered
        for one in verdict.copy.record.vulnerabilities
    }
    if rows:
        with cursor.copy(statements.COPY_VULNERABILITIES) as copy:
            for row in rows.values():
                copy.write_row(row)


def _write_workflow(cursor: Cursor, changed: Iterable[Verdict], *, as_of: datetime) -> None:
    rows = []
    for one in changed:
        record, stored = one.copy.record, one.stored
        if stored is None or stored.workflow == one.workflow:
            continue
        # A change of workflow alone does not move UpdatedAt: then it is known since we read it.
        at = min(record.updated_at, as_of) if record.updated_at > stored.updated_at else as_of
        rows.append((stored.id, at, stored.workflow, one.workflow, record.note, ""))
    if rows:
        with cursor.copy(statements.COPY_WORKFLOW) as copy:
            for row in rows:
                copy.write_row(row)
