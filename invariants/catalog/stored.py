"""Records as they are kept in a database, and back."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from invariants.catalog.records import Invariant

_INVARIANT: Final = TypeAdapter(Invariant)


def to_data(invariant: Invariant) -> dict[str, Any]:
    """The record as JSON takes it, every field said."""
    data: dict[str, Any] = _INVARIANT.dump_python(invariant, mode="json")
    return data


def from_data(data: Mapping[str, Any]) -> Invariant:
    """The record that `to_data` wrote, also where the fields of a newer release were not yet known.

    :raises pydantic.ValidationError: for anything else.
    """
    return _INVARIANT.validate_python(data)
