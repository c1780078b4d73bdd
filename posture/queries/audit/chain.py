"""Whether every entry of the audit log is there, as it was written, in its place."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from django.db import connection, transaction

NO_HASH: Final = "0" * 64
# What is sealed of an entry, as posture_audit_text of the database writes it. It stands here as well, so
# that who changes that function, or removes it, deceives nobody who checks.
TEXT: Final = """json_build_object(
    'seq', e.seq,
    'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'event', e.event,
    'who_kind', e.who_kind, 'who_id', e.who_id, 'who_name', e.who_name,
    'token', e.token, 'address', host(e.address),
    'request_id', e.request_id, 'task_id', e.task_id, 'task', e.task,
    'subject', e.subject, 'details', e.details, 'changes', e.changes,
    'previous_hash', e.previous_hash
)::text"""
# One pass by the index of the places; nothing is kept but the entry before.
_WALK: Final = f"""
WITH walked AS (
    SELECT e.seq,
        e.seq <> coalesce(lag(e.seq) OVER places, %(seq)s) + 1
        OR e.previous_hash <> coalesce(lag(e.hash) OVER places, %(hash)s)
        OR e.hash <> encode(sha256(convert_to({TEXT}, 'UTF8')), 'hex') AS is_broken
    FROM posture_auditentry AS e WHERE e.seq > %(seq)s
    WINDOW places AS (ORDER BY e.seq)
)
SELECT count(*), min(seq) FILTER (WHERE is_broken) FROM walked
"""  # noqa: S608 - of constants
_WHY: Final = f"""
SELECT e.hash = encode(sha256(convert_to({TEXT}, 'UTF8')), 'hex'),
    before.seq
FROM posture_auditentry AS e
LEFT JOIN LATERAL (
    SELECT seq FROM posture_auditentry WHERE seq < e.seq AND seq > %(start)s
    ORDER BY seq DESC LIMIT 1
) AS before ON true
WHERE e.seq = %(seq)s
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the chain and the hash of the entry there; 0 is before the first."""

    seq: int = 0
    hash: str = NO_HASH

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` were looked at; `broken` says what is wrong first, "" where nothing is."""

    entries: int
    broken: str = ""


class BadAnchor(ValueError):
    """A text that is no anchor."""


def read_anchor(text: str) -> Anchor:
    """Of "SEQ:HASH", as `verify_audit --anchor` prints it.

    :raises BadAnchor: for anything else.
    """
    seq, _, digest = text.strip().partition(":")
    is_hash = len(digest) == 64 and not set(digest) - set("0123456789abcdef")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 19 and is_hash):
        raise BadAnchor(f"{text[:100]!r} is no anchor: it looks like 1234:<64 hexadecimal digits>.")
    return Anchor(int(seq), digest)


def head() -> Anchor:
    """The newest sealed entry; of an empty log, where it begins."""
    return _one(
        "SELECT seq, hash FROM posture_auditentry WHERE seq > 0 ORDER BY seq DESC LIMIT 1"
    ) or (start())


def start() -> Anchor:
    """Where the chain begins: behind what was cut off, or before the first entry."""
    return _one("SELECT seq, hash FROM posture_auditcut ORDER BY seq DESC LIMIT 1") or Anchor()


def verify(*, since: Anchor | None = None, expect: Anchor | None = None) -> Verdict:
    """Walk the chain, in one query and constant memory.

    :param since: an anchor that was checked before; only what follows it is walked.
    :param expect: an anchor that was kept elsewhere: its entry has to be there, unchanged.
    """
    begins = start()
    for anchor in (since, expect):
        if anchor is not None and (broken := _missed(anchor, begins)):
            return Verdict(0, broken)
    if stray := _stray(begins):
        return Verdict(0, stray)
    first = since or begins
    entries, broken_seq = _walk(first)
    return Verdict(entries, _why(broken_seq, first) if broken_seq is not None else "")


def verify_lines(lines: Iterable[str]) -> Iterator[tuple[Anchor, str]]:
    """The same of an exported file: for each line its place, and what is wrong with it ("" nothing)."""
    before: Anchor | None = None
    for number, line in enumerate(lines, start=1):
        anchor, broken = _verify_line(line.rstrip("\n"), before, number=number)
        yield anchor, broken
        before = anchor


def line(digest: str, text: str) -> str:
    """An entry as a line of an export: its hash, and byte for byte what the hash is of."""
    return f'{{"hash": "{digest}", "entry": {text}}}\n'


_HEAD: Final = len('{"hash": "') + 64 + len('", "entry": ')


def _verify_line(text: str, before: Anchor | None, *, number: int) -> tuple[Anchor, str]:
    try:
        read = orjson.loads(text)
        anchor = Anchor(int(read["entry"]["seq"]), str(read["hash"]))
        previous = str(read["entry"]["previous_hash"])
    except (ValueError, KeyError, TypeError):
        return before or Anchor(), f"line {number} is no entry"
    entry = text[_HEAD:-1]
    if hashlib.sha256(entry.encode()).hexdigest() != anchor.hash:
        return anchor, f"entry {anchor.seq} (line {number}) is not as it was written"
    if before is not None and (anchor.seq != before.seq + 1 or previous != before.hash):
        return anchor, f"entry {anchor.seq} (line {number}) does not follow entry {before.seq}"
    return anchor, ""


def _walk(first: Anchor) -> tuple[int, int | None]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Along the index: sorting the whole log would take its size in memory or on the disk.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(_WALK, {"seq": first.seq, "hash": first.hash})
        entries, broken_seq = cursor.fetchone()
    return entries, broken_seq


def _one(sql: str, values: list[int] | None = None) -> Anchor | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    return Anchor(*row) if row else None


def _missed(anchor: Anchor, begins: Anchor) -> str:
    """What is wrong with the entry of an anchor; "" nothing."""
    if anchor.seq < begins.seq:
        return f"entry {anchor.seq} was cut off: use an anchor after entry {begins.seq}"
    if anchor.seq == begins.seq:
        found: Anchor | None = begins
    else:
        found = _one("SELECT seq, hash FROM posture_auditentry WHERE seq = %s", [anchor.seq])
    if found is None:
        return (
            f"entry {anchor.seq}, which the anchor names, is missing: the log ends at {head().seq}"
        )
    return "" if found == anchor else f"entry {anchor.seq} is not the one that the anchor names"


def _stray(begins: Anchor) -> str:
    """Entries that stand nowhere in the chain, which only who gets past the triggers can write."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), count(*) FROM posture_auditentry WHERE seq IS NULL")
        pk, count = cursor.fetchone()
    if count:
        return f"{count} entries were never sealed, the first of them in row {pk}"
    early = _one("SELECT seq, hash FROM posture_auditentry WHERE seq <= %s LIMIT 1", [begins.seq])
    return f"entry {early.seq} stands before the cut after entry {begins.seq}" if early else ""


def _why(seq: int, first: Anchor) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_WHY, {"seq": seq, "start": first.seq})
        is_as_written, before_seq = cursor.fetchone()
    expected = (before_seq or first.seq) + 1
    if seq != expected:
        missing = (
            f"entry {expected} is"
            if seq == expected + 1
            else f"entries {expected} to {seq - 1} are"
        )
        return f"{missing} missing"
    if not is_as_written:
        return f"entry {seq} is not as it was written"
    return f"entry {seq} does not follow entry {expected - 1}"
