"""Scores, as every resource tells them."""

from rest_framework import serializers

from findings.models import Area
from inventory.api.fields import Amount, Pair, Shape


class FiguresShape(Shape):
    """What a score is made of, on its day."""

    failed = serializers.IntegerField(
        source="sums.failed", help_text="Failing pairs of resource and control that are scored."
    )
    open_critical = serializers.IntegerField()
    open_high = serializers.IntegerField()
    open_medium = serializers.IntegerField()
    open_low = serializers.IntegerField()
    overdue_critical = serializers.IntegerField()
    overdue_high = serializers.IntegerField()
    accounts = serializers.IntegerField(help_text="Scored accounts.")
    accounts_evaluated = serializers.IntegerField(help_text="Those of them that have a score.")
    accounts_total = serializers.IntegerField()


class StandingShape(Shape):
    """How something stands. null is "no data", which is not good news."""

    score = Amount(allow_null=True, help_text="0 to 100, exceptions taken into account.")
    raw = Amount(allow_null=True, help_text="The same without exceptions.")
    coverage = Amount(allow_null=True, help_text="How much of it was checked, in percent.")
    exception_load = Amount(allow_null=True)
    letter = serializers.CharField(help_text="A to F; NR: not rated.")
    uncapped = serializers.CharField(help_text="The letter before anything capped it.")
    reason = serializers.CharField(help_text="The letter, and what capped it or holds it back.")
    delta = Amount(allow_null=True, help_text="Points since a week ago.")
    as_of = serializers.DateField(allow_null=True, help_text="The day of the figures.")
    figures = FiguresShape(allow_null=True)


class AreaShape(Shape):
    """The score in one security area."""

    code = serializers.ChoiceField(choices=Area.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    score = Amount(allow_null=True)
    delta = Amount(allow_null=True)
    letter = serializers.CharField()


class WeekShape(Pair):
    week = serializers.CharField(help_text="Such as W47.")
    value = Amount(allow_null=True)


class StepShape(Shape):
    """An OU on the way from the root, as far as it is yours."""

    ou_id = serializers.CharField()
    name = serializers.CharField()


class LetterShape(Pair):
    letter = serializers.CharField()
    accounts = serializers.IntegerField()


class LimitsShape(Shape):
    """The limits of a control chart (XmR)."""

    mean = Amount()
    low = Amount()
    high = Amount()
    signals = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Places in the weeks that take part in a sign of movement; 0 is the oldest.",
    )
