"""The audit page: entries of the log, the newest first, and one of them."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import connection, transaction
from django.db.models import F, Func, QuerySet

from inventory import web
from inventory.access import AnyUser
from inventory.web import Cursor, Key, Page
from posture.models import AuditEntry

PAGE_SIZE: Final = 50
_NEAR: Final = 1000
_KEYS: Final = (Key("pk", is_descending=True),)
# Each event once, by as many steps down its index as there are events; there are some dozens.
_EVENTS: Final = """
WITH RECURSIVE known AS (
    SELECT min(event) AS event FROM posture_auditentry
    UNION ALL
    SELECT (SELECT min(event) FROM posture_auditentry WHERE event > known.event)
    FROM known WHERE known.event IS NOT NULL
)
SELECT event FROM known WHERE event IS NOT NULL
"""
# As posture_audit_words takes words apart.
_BETWEEN: Final = re.compile(r"[\s_\-:/@.]+")
_OPERATORS: Final = re.compile(r"[&|!()<>:*'\\\"]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """Words, a name, a kind, an event, and days (UTC, both inclusive); "" and None are everything.

    `wrong` says which day could not be read; then nothing is shown, rather than everything.
    """

    q: str = ""
    who: str = ""
    kind: str = ""
    event: str = ""
    since: date | None = None
    until: date | None = None
    wrong: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.who or self.kind or self.event or self.since or self.until)

    def as_details(self) -> dict[str, str]:
        """What was asked for, to be written down."""
        values = {
            "q": self.q,
            "who": self.who,
            "kind": self.kind,
            "event": self.event,
            "since": str(self.since or ""),
            "until": str(self.until or ""),
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Change:
    """A field before and after, as text; None where there was nothing."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """`who` is a name, or the kind where there is none; `changes` and `details` are in order of names."""

    pk: int
    seq: int | None
    at: datetime
    event: str
    label: str
    kind: str
    kind_label: str
    who: str
    who_id: str
    token: str
    address: str
    request_id: str
    task_id: str
    task: str
    subject: str
    details: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    previous_hash: str
    hash: str

    @property
    def summary(self) -> str:
        """The fields that changed, for the list."""
        return ", ".join(change.field for change in self.changes)


def label(event: str) -> str:
    """How people read an event."""
    words = event.replace("_", " ").replace("api ", "API ").replace("ou ", "OU ")
    return words[:1].upper() + words[1:]


def entries(user: AnyUser, asked: Asked) -> "QuerySet[AuditEntry]":
    """The entries that match, in no order; none where what was asked cannot be read."""
    rows = AuditEntry.objects.visible_to(user)
    if asked.wrong:
        return rows.none()
    exact = {"who_name": asked.who, "who_kind": asked.kind, "event": asked.event}
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    if asked.since:
        rows = rows.filter(at__gte=datetime.combine(asked.since, time(), UTC))
    if asked.until:
        rows = rows.filter(at__lt=datetime.combine(asked.until, time(), UTC) + timedelta(days=1))
    return _with_words(rows, asked.q) if asked.q else rows


def page(user: AnyUser, asked: Asked, *, cursor_text: str = "") -> Page[Entry]:
    """Fifty entries, the newest first. One query, or three where words are searched for.

    Words that stand in many entries stand in the nearest ones, and those are looked through; the others
    are in few, which the index of words knows. Either way alone would read all there is.
    """
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    found: list[AuditEntry] = []
    if asked.q:
        near = _near(entries(user, replace(asked, q="")), cursor)
        found = _window(_with_words(near, asked.q, by_index=False), cursor)
    if len(found) <= PAGE_SIZE:
        rows = entries(user, asked)
        found = _by_words(rows, cursor) if asked.q else _window(rows, cursor)
    shown = web.page_of(found, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    return Page(tuple(_entry(row) for row in shown.rows), shown.next_cursor, shown.previous_cursor)


def _window(rows: "QuerySet[AuditEntry]", cursor: Cursor | None) -> list[AuditEntry]:
    return web.window(rows, keys=_KEYS, cursor=cursor, size=PAGE_SIZE + 1)


def _by_words(rows: "QuerySet[AuditEntry]", cursor: Cursor | None) -> list[AuditEntry]:
    """By the index of words. The planner takes any word for a common one, and would walk the log."""
    with transaction.atomic(), connection.cursor() as settings:
        settings.execute("SET LOCAL enable_indexscan = off")
        found = _window(rows, cursor)
        settings.execute("SET LOCAL enable_indexscan = on")
    return found


def _near(rows: "QuerySet[AuditEntry]", cursor: Cursor | None) -> "QuerySet[AuditEntry]":
    """The next thousand or fewer in the direction of the cursor."""
    if cursor is None:
        newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        return rows.filter(pk__gt=newest - _NEAR)
    edge = int(cursor.values[0])  # type: ignore[arg-type]
    if cursor.is_backwards:
        return rows.filter(pk__gt=edge, pk__lte=edge + _NEAR)
    return rows.filter(pk__lt=edge, pk__gte=edge - _NEAR)


def entry(user: AnyUser, pk: int) -> Entry | None:
    row = AuditEntry.objects.visible_to(user).filter(pk=pk).first()
    return _entry(row) if row else None


def events() -> tuple[tuple[str, str], ...]:
    """Every event that was ever written, with its label, by name. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS)
        return tuple((event, label(event)) for (event,) in cursor.fetchall())


def _with_words(
    rows: "QuerySet[AuditEntry]", q: str, *, by_index: bool = True
) -> "QuerySet[AuditEntry]":
    """Those with all the words, each of which may be the beginning of one."""
    words = [word for word in _BETWEEN.split(_OPERATORS.sub(" ", q)) if word]
    if not words:
        return rows.none()
    query = SearchQuery(
        " & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw"
    )
    return rows.annotate(
        words=Func(
            *(F(name) for name in ("event", "who_name", "subject", "details", "changes")),
            function="posture_audit_words",
            # With something added to them the words are no longer those of the index.
            template="%(function)s(%(expressions)s)" + ("" if by_index else " || ''::tsvector"),
            output_field=SearchVectorField(),
        )
    ).filter(words=query)


def _entry(row: AuditEntry) -> Entry:
    kind = AuditEntry.Who(row.who_kind)
    return Entry(
        pk=row.pk,
        seq=row.seq,
        at=row.at,
        event=row.event,
        label=label(row.event),
        kind=kind.value,
        kind_label=str(kind.label),
        who=row.who_name or str(kind.label),
        who_id=row.who_id,
        token=row.token,
        address=row.address or "",
        request_id=row.request_id,
        task_id=row.task_id,
        task=row.task,
        subject=row.subject,
        details=tuple((name, _text(value) or "") for name, value in sorted(row.details.items())),
        changes=tuple(
            Change(name, _text(before), _text(after))
            for name, (before, after) in sorted(row.changes.items())
        ),
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
