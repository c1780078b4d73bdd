"""The audit log as lines, however long, in constant memory."""

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final

from django.db import transaction
from django.db.models import Func, QuerySet, TextField

from posture.models import AuditEntry
from posture.queries.audit import chain

_CHUNK: Final = 2_000
# The names are a promise: add at the end, change none.
FIELDS: Final = (
    "seq",
    "at",
    "event",
    "who_kind",
    "who_id",
    "who_name",
    "token",
    "address",
    "request_id",
    "task_id",
    "task",
    "subject",
    "details",
    "changes",
    "hash",
)


def records(rows: "QuerySet[AuditEntry]") -> Iterator[tuple[Any, ...]]:
    """One tuple of FIELDS for each entry, oldest first; times are ISO 8601, JSON is text."""
    with transaction.atomic():
        found = rows.order_by("seq", "pk").values_list(*FIELDS)
        for values in found.iterator(chunk_size=_CHUNK):
            yield tuple(_plain(value) for value in values)


def sealed(rows: "QuerySet[AuditEntry]") -> Iterator[tuple[str, str]]:
    """The hash of each entry and the text that it is of, oldest first."""
    text = Func(template='posture_audit_text("posture_auditentry")', output_field=TextField())
    with transaction.atomic():
        found = rows.order_by("seq", "pk").annotate(sealed_text=text)
        yield from found.values_list("hash", "sealed_text").iterator(chunk_size=_CHUNK)


def lines(rows: "QuerySet[AuditEntry]") -> Iterator[str]:
    """NDJSON: entries whose hash anybody can check (`verify_audit --file`), oldest first."""
    for digest, text in sealed(rows):
        yield chain.line(digest, text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if hasattr(value, "astimezone"):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value
