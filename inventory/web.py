"""What every page needs of HTTP: full page or fragment, and lists paged by key."""

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django_htmx.middleware import HtmxDetails

Row = TypeVar("Row")
# What a list can be ordered by; None is "no value".
KeyValue = int | str | Decimal | date | datetime | None

_SALT = "inventory.web.cursor"
# The order of lists that are read as a whole: by text, of one length each.
_WHOLE = "whole"
# Characters of a day without a time, such as 2026-11-20.
_DAY = 10


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
    """A field (or annotation) that a list is ordered by; the last one is unique.

    Only the first may be `is_nullable`; rows without a value come last, whatever the direction.
    `implies` is what else is true of a row with a value, so that a partial index may be used.
    """

    field: str
    is_descending: bool = False
    is_nullable: bool = False
    implies: Mapping[str, object] = dataclasses.field(default_factory=dict)


def read_cursor(text: str, *, keys: Sequence[Key]) -> Cursor | None:
    """This will undo `write_cursor`; None (the first page) for text that this site did not sign, or
    signed for a list in another order: its values would be compared with other columns.
    """
    return _read_signed(text, order=_order(keys), length=len(keys))


def write_cursor(cursor: Cursor, *, keys: Sequence[Key]) -> str:
    return _write_signed(cursor, order=_order(keys))


def _order(keys: Sequence[Key]) -> str:
    return ",".join(f"{'-' if key.is_descending else ''}{key.field}" for key in keys)


def _read_signed(text: str, *, order: str, length: int) -> Cursor | None:
    try:
        backwards, *values = _signer(order).unsign_object(text)
        read = tuple(_moment(value) if isinstance(value, list) else value for value in values)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Cursor(read, bool(backwards)) if len(read) == length else None


def _moment(value: Sequence[str]) -> date | datetime:
    text = value[0]
    return date.fromisoformat(text) if len(text) == _DAY else datetime.fromisoformat(text)


def _write_signed(cursor: Cursor, *, order: str) -> str:
    values = [int(cursor.is_backwards), *(_plain(value) for value in cursor.values)]
    return _signer(order).sign_object(values)


def _signer(order: str) -> signing.Signer:
    """Without the time: the same page has the same cursor, and the same answer of the API the same ETag."""
    return signing.Signer(salt=f"{_SALT}:{order}")


def _plain(value: KeyValue) -> object:
    """Decimals travel as text, so that they come back exactly; a time in a list of its own."""
    # A datetime is a date, too.
    if isinstance(value, date):
        return [value.isoformat()]
    return str(value) if isinstance(value, Decimal) else value


def keyset(
    rows: "QuerySet[Any, Row]", *, keys: Sequence[Key], cursor: Cursor | None, size: int
) -> Page[Row]:
    """One page, however far down the list it is; OFFSET would read all rows before. One query, or
    two where the page has rows without a value in a nullable key.

    Rows are model instances or named tuples. Keys must read back as int, str, Decimal, date or datetime.
    """
    found = window(rows, keys=keys, cursor=cursor, size=size + 1)
    return page_of(found, keys=keys, cursor=cursor, size=size)


def window(
    rows: "QuerySet[Any, Row]", *, keys: Sequence[Key], cursor: Cursor | None, size: int
) -> list[Row]:
    """The first `size` rows beyond the cursor, in the direction in which it looks."""
    found: list[Row] = []
    for part, part_keys, part_cursor in _parts(rows, keys, cursor):
        if len(found) < size:
            found += _read(part, part_keys, part_cursor, size - len(found), _looks_back(cursor))
    return found


def page_of(
    found: Sequence[Row], *, keys: Sequence[Key], cursor: Cursor | None, size: int
) -> Page[Row]:
    """The page that begins with these rows, of which there is one too many if there are more."""
    backwards = _looks_back(cursor)
    has_more = len(found) > size
    shown = list(found[:size])
    if backwards:
        shown.reverse()
    has_next = bool(shown) and (has_more or backwards)
    has_previous = bool(shown) and (has_more if backwards else cursor is not None)
    return Page(
        tuple(shown),
        next_cursor=_cursor_at(shown[-1], keys) if has_next else "",
        previous_cursor=_cursor_at(shown[0], keys, is_backwards=True) if has_previous else "",
    )


def part(
    rows: Sequence[Row], *, key: Callable[[Row], tuple[str, ...]], cursor_text: str, size: int
) -> Page[Row]:
    """One page of rows that have been read as a whole, in the order of `key`, which is unique."""
    cursor = _read_signed(cursor_text, order=_WHOLE, length=len(key(rows[0]))) if rows else None
    start, end = 0, size
    if cursor is not None and cursor.is_backwards:
        end = bisect_left(rows, cursor.values, key=key)
        start = max(end - size, 0)
    elif cursor is not None:
        start = bisect_right(rows, cursor.values, key=key)
        end = start + size
    shown = tuple(rows[start:end])
    return Page(
        shown,
        _write_signed(Cursor(key(shown[-1])), order=_WHOLE) if shown and end < len(rows) else "",
        _write_signed(Cursor(key(shown[0]), is_backwards=True), order=_WHOLE)
        if shown and start
        else "",
    )


def in_order(found: Sequence[Row], *, keys: Sequence[Key], cursor: Cursor | None) -> list[Row]:
    """Rows of several windows as one window over all of them would have them."""
    backwards = _looks_back(cursor)
    ordered = list(found)
    for key in reversed(keys):
        valued = [row for row in ordered if getattr(row, key.field) is not None]
        without = [row for row in ordered if getattr(row, key.field) is None]
        valued.sort(key=lambda row: getattr(row, key.field), reverse=key.is_descending != backwards)
        ordered = [*without, *valued] if backwards else [*valued, *without]
    return ordered


def _looks_back(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.is_backwards


def _parts(
    rows: "QuerySet[Any, Row]", keys: Sequence[Key], cursor: Cursor | None
) -> "Iterator[tuple[QuerySet[Any, Row], Sequence[Key], Cursor | None]]":
    """The rows in one part, or in two where some lack a value: each part is a range of an index."""
    first, *others = keys
    if not first.is_nullable:
        yield rows, keys, cursor
        return
    is_behind = cursor is not None and cursor.values[0] is None
    valued = rows.filter(**first.implies).exclude(**{first.field: None})
    with_value = valued, keys, None if is_behind else cursor
    rest = Cursor(cursor.values[1:], cursor.is_backwards) if cursor and is_behind else None
    without = rows.filter(**{first.field: None}), others, rest
    if _looks_back(cursor):
        yield from [without, with_value] if is_behind else [with_value]
    else:
        yield from [without] if is_behind else [with_value, without]


def _read(
    rows: "QuerySet[Any, Row]",
    keys: Sequence[Key],
    cursor: Cursor | None,
    size: int,
    backwards: bool,
) -> list[Row]:
    if cursor is not None:
        rows = rows.filter(_beyond(keys, cursor))
    order = [f"{'-' if key.is_descending != backwards else ''}{key.field}" for key in keys]
    return list(rows.order_by(*order)[:size])


def _cursor_at(row: Any, keys: Sequence[Key], *, is_backwards: bool = False) -> str:
    values = tuple(getattr(row, key.field) for key in keys)
    return write_cursor(Cursor(values, is_backwards), keys=keys)


class _Tuple(Func):
    template = "ROW(%(expressions)s)"
    output_field = BooleanField()  # it has none, but Django wants to know one


class _Compare(Func):
    """(a, b) < (x, y), which PostgreSQL answers by one range of an index on a and b."""

    template = "%(expressions)s"
    output_field = BooleanField()


def _beyond(keys: Sequence[Key], cursor: Cursor) -> Q | _Compare:
    """(a, b) beyond (x, y): beyond x, or a = x and b beyond y."""
    if len({key.is_descending for key in keys}) == 1:
        sign = "<" if keys[0].is_descending != cursor.is_backwards else ">"
        here = _Tuple(*(F(key.field) for key in keys))
        there = _Tuple(*(Value(value) for value in cursor.values))
        return _Compare(here, there, arg_joiner=f" {sign} ")
    beyond = Q()
    same = Q()
    for key, value in zip(keys, cursor.values, strict=True):
        word = "lt" if key.is_descending != cursor.is_backwards else "gt"
        beyond |= same & Q(**{f"{key.field}__{word}": value})
        same &= Q(**{key.field: value})
    return beyond
