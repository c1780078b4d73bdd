"""What programs send: one JSON object with fields of exact kinds. Nothing is guessed, nothing left out."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from inventory.api.problems import BadBody, Wrong

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Text(serializers.CharField):
    """Text and nothing else: 7 is not "7"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Word(serializers.ChoiceField):
    """One of a few words, written as they are."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false: "yes" and 1 are neither."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Number(serializers.IntegerField):
    """A whole number that is written as one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


@extend_schema_field({"type": "string", "format": "date"})
class Day(serializers.Field[date, Any, str, Any]):
    """A day such as 2026-11-06."""

    default_error_messages = {"invalid": "Write a day as 2026-11-06."}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")


class Body(serializers.Serializer[Any]):
    """An object that has these fields and no others."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                dict.fromkeys(unknown, f"There is no such field here. Known: {known}.")
            )
        return super().to_internal_value(data)


def read(body: type[Body], data: Any) -> dict[str, Any]:
    """The fields that were sent.

    :raises BadBody: for everything that is wrong, at once.
    """
    if not isinstance(data, dict):
        raise BadBody([Wrong("", "Send one JSON object.")])
    form = body(data=data)
    if not form.is_valid():
        raise BadBody(list(_wrong("", form.errors)))
    return dict(form.validated_data)


def _wrong(path: str, found: Any) -> Iterator[Wrong]:
    """Each thing that is wrong, by where it stands: `scope.2.kind`."""
    if isinstance(found, Mapping):
        for name, inner in found.items():
            yield from _wrong(f"{path}.{name}".lstrip("."), inner)
    elif isinstance(found, list) and all(isinstance(one, str) for one in found):
        yield Wrong(path, " ".join(found))
    elif isinstance(found, list):
        for place, inner in enumerate(found):
            yield from _wrong(f"{path}.{place}".lstrip("."), inner)
    else:
        yield Wrong(path, str(found))
