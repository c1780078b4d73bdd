"""The numbers of the exceptions process, by the query of their page."""

from typing import Any, ClassVar, Final

from django.http import Http404
from rest_framework import serializers

from invariants.api.exceptions.reading import GROUP
from invariants.queries.exceptions import numbers
from inventory.api.fields import Amount, Shape
from inventory.api.resources import Asked, Resource
from inventory.queries import tree

_EXAMPLE: Final = {
    "is_whole": True,
    "counts": {"active": 14, "expiring": 3, "expired": 1, "zombies": 1},
    "numbers": [
        {
            "key": "zombie_rate",
            "name": "Zombie rate",
            "value": "12.50",
            "unit": "PERCENT",
            "part": 2,
            "whole": 16,
            "unknown": 0,
            "is_least": False,
            "open": None,
            "better": "LOWER",
            "target": 0,
            "meaning": "Of the carve-outs that a collection finds in AWS, those without a live approval.",
            "comes_from": "reconciliation of the register with the deployed policies",
        }
    ],
}


class ExceptionCountsShape(Shape):
    """Exceptions by standing, as the page, its lists and the scorecards count them."""

    active = serializers.IntegerField(help_text="In force, and seen in AWS.")
    expiring = serializers.IntegerField(help_text="Of the active ones, those that end in 30 days.")
    expired = serializers.IntegerField(help_text="Past their end, and not seen removed yet.")
    zombies = serializers.IntegerField(help_text="Of the expired ones, those still deployed.")


class ExceptionNumberShape(Shape):
    """One number with what it means."""

    key = serializers.ChoiceField(choices=tuple(numbers.DEFINITIONS))
    name = serializers.CharField(source="definition.name")
    value = Amount(
        source="exact", allow_null=True, help_text="In its unit. null: no data, no good news."
    )
    unit = serializers.ChoiceField(
        source="definition.unit", choices=tuple(unit.value for unit in numbers.Unit)
    )
    part = serializers.IntegerField(allow_null=True, help_text="Of the whole.")
    whole = serializers.IntegerField(allow_null=True)
    unknown = serializers.IntegerField(help_text="How many of the whole could not be told.")
    is_least = serializers.BooleanField(
        help_text="The value is a least one: with what is unknown it could only be higher."
    )
    open = serializers.IntegerField(
        allow_null=True, help_text="How many wait still, counted for as long as they have waited."
    )
    better = serializers.ChoiceField(
        source="definition.better", choices=tuple(way.value for way in numbers.Better)
    )
    target = serializers.IntegerField(source="definition.target", allow_null=True)
    meaning = serializers.CharField(source="definition.meaning")
    comes_from = serializers.CharField(source="definition.source")


class ExceptionNumbersShape(Shape):
    """All numbers of the process, of the exceptions that you see."""

    is_whole = serializers.BooleanField(help_text="Of the whole organisation.")
    counts = ExceptionCountsShape()
    numbers = ExceptionNumberShape(many=True)


class ExceptionNumbers(Resource):
    """How many exceptions there are, how long they take, and whether they end, of those that you see."""

    operation = "read_exception_numbers"
    group = GROUP
    shape = ExceptionNumbersShape
    example: ClassVar[Any] = _EXAMPLE

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        organization = tree.organization()
        if organization is None:
            raise Http404
        board = numbers.board(asked.user, organization, now=asked.now)
        return {
            "is_whole": board.is_whole,
            "counts": board.counts,
            "numbers": list(board.figures.values()),
        }
