"""What is said with each step of an exception."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from invariants.models.exceptions import (
    ExceptionReason,
    ExceptionTarget,
    Mechanism,
    Risk,
    ScopeKind,
)
from inventory.api.bodies import Body, Day, Flag, Number, Text, Word

_LONG = 20_000


class Line(Body):
    """One line of a scope."""

    kind = Word(choices=ScopeKind.choices)
    value = Text(max_length=2048)


class Content(Body):
    """What is asked for; what is left out stays as it is."""

    title = Text(max_length=200, required=False, allow_blank=True)
    reason = Word(choices=[*ExceptionReason.choices, ("", "not said yet")], required=False)
    justification = Text(max_length=_LONG, required=False, allow_blank=True)
    system = Text(max_length=200, required=False, allow_blank=True)
    business_owner = Text(max_length=150, required=False, allow_blank=True)
    data_classification = Text(max_length=60, required=False, allow_blank=True)
    compensating = Text(max_length=_LONG, required=False, allow_blank=True)
    remediation_plan = Text(max_length=_LONG, required=False, allow_blank=True)
    mechanism = Word(choices=Mechanism.choices, required=False)
    ticket = Text(max_length=300, required=False, allow_blank=True)
    starts_on = Day(required=False)
    asked_until = Day(required=False)
    is_emergency = Flag(required=False)


class Draft(Content):
    """A draft: from what, and as much of the rest as is known."""

    target_kind = Word(choices=ExceptionTarget.choices)
    invariant = Text(max_length=80, required=False, help_text="The id, for INVARIANT.")
    control = Text(max_length=100, required=False, help_text="The id, for CONTROL.")
    finding = Number(
        min_value=1, max_value=2**63 - 1, required=False, help_text="The id, for FINDING."
    )
    scope = serializers.ListField(child=Line(), required=False, max_length=500)


class ScopeLines(Body):
    """All lines of the scope."""

    scope = serializers.ListField(child=Line(), max_length=500)


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 4000})
class _Why(Text):
    pass


class Why(Body):
    """Why, so that the others understand it."""

    why = _Why(max_length=4000)


class Remark(Body):
    """A few words, if any."""

    note = Text(max_length=4000, required=False, allow_blank=True)


class Assessment(Body):
    """The risk without and with what compensates for it, and why it is so."""

    inherent_risk = Word(choices=Risk.choices)
    residual_risk = Word(choices=Risk.choices)
    why = _Why(max_length=4000)


class Approval(Body):
    """Up to which day, where that is earlier than asked for, and a comment."""

    until = Day(required=False)
    comment = Text(max_length=4000, required=False, allow_blank=True)


class PullRequest(Body):
    """The pull request that changes the policy; none where no policy is involved."""

    pull_request = Text(max_length=500, required=False, allow_blank=True)


class Narrowing(Body):
    """Lines to take out of the scope, and why."""

    remove = serializers.ListField(child=Line(), max_length=500, min_length=1)
    why = _Why(max_length=4000)


class Comment(Body):
    """What you have to say. `@name` mentions people who see the request."""

    text = Text(max_length=4000)


__all__ = [
    "Approval",
    "Assessment",
    "Comment",
    "Content",
    "Draft",
    "Line",
    "Narrowing",
    "PullRequest",
    "Remark",
    "ScopeLines",
    "Why",
]
