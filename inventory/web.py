"""What every page needs of HTTP: full page or fragment, and lists paged by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django_htmx.middleware import HtmxDetails

Row = TypeVar("Row")
ModelRow = TypeVar("ModelRow", bound=Model)
# What a list can be ordered by.
KeyValue = int | str | Decimal

_SALT = "inventory.web.cursor"


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page: not for boosted links, nor for the Back button."""
    # Set by django_htmx.middleware; absent on requests that tests make by hand.
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def target(request: HttpRequest) -> str:
    """The id of the element that htmx fills with the answer, "" without htmx."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return (htmx.target if htmx else None) or ""


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, partial: str = "content"
) -> TemplateResponse:
    """The template, or only its partial when htmx asks for it. Views add Vary: HX-Request."""
    name = f"{template}#{partial}" if is_fragment(request) else template
    return TemplateResponse(request, name, dict(context))


def query(values: QueryDict, **changes: str) -> str:
    """The query string with these parameters instead, and without those that are empty."""
    kept = [
        (name, value)
        for name, texts in values.lists()
        if name not in changes and name != "cursor"
        for value in texts
        if value
    ]
    return urlencode([*kept, *((name, value) for name, value in changes.items() if value)])


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind the row with these key values, in the given direction."""

    values: tuple[KeyValue, ...]
    is_backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in the order of the list; the cursors are "" where there is no such page."""

    rows: tuple[Row, ...]
    next_cursor: str = ""
    previous_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A field (or annotation, never NULL) that a list is ordered by; the last one is unique."""

    field: str
    is_descending: bool = False


def read_cursor(text: str, *, length: int) -> Cursor | None:
    """This will undo `write_cursor`; None (the first page) for text that this site did not sign."""
    try:
        backwards, *values = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Cursor(tuple(values), bool(backwards)) if len(values) == length else None


def write_cursor(cursor: Cursor) -> str:
    # Decimals travel as text, so that they come back exactly.
    values = (str(value) if isinstance(value, Decimal) else value for value in cursor.values)
    return signing.dumps([int(cursor.is_backwards), *values], salt=_SALT)


def keyset(
    rows: "QuerySet[ModelRow]", *, keys: Sequence[Key], cursor: Cursor | None, size: int
) -> Page[ModelRow]:
    """One page in one query, however far down the list it is; OFFSET would read all rows before.

    Keys must read back as int, str or Decimal.
    """
    backwards = cursor is not None and cursor.is_backwards
    if cursor is not None:
        rows = rows.filter(_beyond(keys, cursor))
    order = [f"{'-' if key.is_descending != backwards else ''}{key.field}" for key in keys]
    found = list(rows.order_by(*order)[: size + 1])
    has_more = len(found) > size
    shown = found[:size]
    if backwards:
        shown.reverse()
    has_next = bool(shown) and (has_more or backwards) if not backwards else bool(shown)
    has_previous = bool(shown) and (has_more if backwards else cursor is not None)
    return Page(
        tuple(shown),
        next_cursor=_cursor_at(shown[-1], keys) if has_next else "",
        previous_cursor=_cursor_at(shown[0], keys, is_backwards=True) if has_previous else "",
    )


def _cursor_at(row: Model, keys: Sequence[Key], *, is_backwards: bool = False) -> str:
    return write_cursor(Cursor(tuple(getattr(row, key.field) for key in keys), is_backwards))


def _beyond(keys: Sequence[Key], cursor: Cursor) -> Q:
    """(a, b) beyond (x, y), written out as a beyond x, or a = x and b beyond y."""
    beyond = Q()
    same = Q()
    for key, value in zip(keys, cursor.values, strict=True):
        word = "lt" if key.is_descending != cursor.is_backwards else "gt"
        beyond |= same & Q(**{f"{key.field}__{word}": value})
        same &= Q(**{key.field: value})
    return beyond
