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


def reworded(invariant: Invariant, words: Mapping[str, str]) -> Invariant:
    """The record with other words in its probes: what they say of the example organisation, as it is in
    another. The policy stays as it is."""
    data = to_data(invariant)
    for name in ("must_deny", "must_allow"):
        data[name] = _reworded(data[name], words)
    return from_data(data)


def _reworded(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for old, new in words.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {key: _reworded(one, words) for key, one in value.items()}
    return [_reworded(one, words) for one in value] if isinstance(value, list) else value
