"""Fields of answers that DRF has not, or writes in another way than every answer here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_attribute


@extend_schema_field(
    {"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$", "examples": ["87.4"]}
)
class Amount(serializers.Field[Decimal, Any, str, Any]):
    """A decimal as text, as exact as it is shown: a float would not be."""

    def to_representation(self, value: Decimal) -> str:
        return format(value, "f")


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(serializers.Field[datetime, Any, str, Any]):
    """ISO 8601 in UTC, to the second."""

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Shape(serializers.Serializer[Any]):
    """What an answer, or a part of it, looks like. Answers only: nothing is written."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The fields of a dataclass or a mapping.

        :raises AttributeError, KeyError: it has no such field. DRF would write null for one that may
            be null, and a misspelt field would be a gap for ever.
        """
        shown: dict[str, Any] = {}
        for field in self._readable_fields:
            try:
                value = get_attribute(instance, field.source_attrs)
            except (AttributeError, KeyError):
                if field.required:
                    raise
                continue
            name = str(field.field_name)
            shown[name] = None if value is None else field.to_representation(value)
        return shown


_PAGE: Final = "One page of a list."


class Pair(Shape):
    """A tuple, whose parts are the fields in their order."""

    def to_representation(self, instance: Any) -> Any:
        return super().to_representation(dict(zip(self.fields, instance, strict=True)))


def page_of(shape: type[Shape], **beside: "serializers.Field[Any, Any, Any, Any]") -> type[Shape]:
    """The envelope of every list, and what a list has beside its results."""
    name = shape.__name__
    fields: Mapping[str, Any] = {
        "next": serializers.CharField(
            allow_null=True, help_text="Cursor of the next page; null on the last one."
        ),
        "previous": serializers.CharField(
            allow_null=True, help_text="Cursor of the page before; null on the first one."
        ),
        **beside,
        "results": shape(many=True),
    }
    return type(
        f"{name}Page", (Shape,), {**fields, "__module__": shape.__module__, "__doc__": _PAGE}
    )
