"""A snapshot as JSON and back, its one text, and the fingerprint of that."""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from posture.kpis.snapshots.week import VERSION, Snapshot


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """This will give what WeeklyReview.snapshot holds: only texts, whole numbers, bools and null."""
    plain: dict[str, Any] = _plain(snapshot)
    return plain


def from_json(values: Mapping[str, Any]) -> Snapshot:
    """This will undo `to_json`. What an older snapshot lacks has its default.

    :raises ValueError: for a snapshot of a later version than this program knows.
    """
    if values["version"] > VERSION:
        raise ValueError(
            f"The review of {values['week']} was frozen as version {values['version']}, and this "
            f"program knows up to {VERSION}. Install the newer release."
        )
    snapshot: Snapshot = _read(Snapshot, values)
    return snapshot


def canonical(values: Mapping[str, Any]) -> str:
    """The one text of a snapshot's JSON: sorted keys, no blanks, no escapes."""
    return json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def fingerprint(values: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(values).encode()).hexdigest()


# Any: it turns whatever a field holds into JSON.
def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _of_field(field.name, value) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, float):
        raise TypeError(f"{value!r} would not come back exactly: use a Decimal")
    return value


def _of_field(name: str, owner: Any) -> Any:
    """What a KPI told besides is JSON already."""
    value = getattr(owner, name)
    return value if name == "details" else _plain(value)


_Reader: TypeAlias = Callable[[Any], Any]


# Any: it follows the types of the fields.
def _read(kind: Any, value: Any) -> Any:
    return _as(_reader(kind), value)


def _as(reader: _Reader | None, value: Any) -> Any:
    return value if value is None or reader is None else reader(value)


@cache
def _reader(kind: Any) -> _Reader | None:
    """What reads a value of this type; None where JSON has it as it is.

    Worked out once: a snapshot has thousands of values of a few types.
    """
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return _reader(next(one for one in typing.get_args(kind) if one is not type(None)))
    if origin is tuple:
        return _tuple_reader(typing.get_args(kind))
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(typing.cast("type[Any]", kind))
    if kind is Decimal:
        return Decimal
    if kind is date or kind is datetime:
        read: _Reader = kind.fromisoformat
        return read
    return None


def _tuple_reader(kinds: tuple[Any, ...]) -> _Reader:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        each = _reader(kinds[0])
        return lambda values: tuple(_as(each, one) for one in values)
    readers = [_reader(kind) for kind in kinds]
    return lambda values: tuple(
        _as(reader, one) for reader, one in zip(readers, values, strict=True)
    )


def _dataclass_reader(kind: type[Any]) -> _Reader:
    readers = {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}

    def read(values: Mapping[str, Any]) -> Any:
        return kind(
            **{
                name: _as(reader, values[name])
                for name, reader in readers.items()
                if name in values
            }
        )

    return read
