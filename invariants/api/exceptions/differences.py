"""/api/v1/exceptions/differences/: where AWS and what was approved differ."""

from typing import Final

from rest_framework import serializers

from invariants.api.exceptions.reading import GROUP
from invariants.models.exceptions import MismatchCause, MismatchKind, MismatchOwner
from invariants.queries.exceptions import reconciliation
from invariants.queries.exceptions.reconciliation import Filters
from inventory.api.fields import Moment, Shape
from inventory.api.parameters import PAGED, Kind, Parameter
from inventory.api.resources import Asked, Listed, ListResource

_EVERYTHING: Final = "For who sees the whole organisation; else empty."


class ExceptionDifferenceShape(Shape):
    """One difference between what was approved and what is deployed."""

    id = serializers.IntegerField(source="item.pk")
    kind = serializers.ChoiceField(choices=MismatchKind.choices, source="item.kind")
    cause = serializers.ChoiceField(
        choices=MismatchCause.choices, source="item.cause", help_text="Of another look; else empty."
    )
    severity = serializers.CharField(source="item.severity")
    summary = serializers.CharField(source="item.summary")
    remedy = serializers.CharField(source="item.remedy")
    exception = serializers.CharField(source="ref", help_text="Empty: nobody asked for one.")
    invariant = serializers.CharField(source="invariant_key", help_text="Empty: of none.")
    account_id = serializers.CharField(help_text="Where it is about one account; else empty.")
    accounts = serializers.IntegerField(source="item.accounts")
    policy_name = serializers.CharField(source="policy", help_text=_EVERYTHING)
    mechanism = serializers.CharField(
        source="item.mechanism", help_text="a to f; empty: no policy carries it."
    )
    condition_key = serializers.CharField(source="item.condition_key")
    value = serializers.CharField(help_text="What is let through, where you may know of it.")
    owner_part = serializers.ChoiceField(choices=MismatchOwner.choices, source="item.owner_part")
    owner = serializers.CharField(source="item.owner", help_text="Who is to put it right.")
    first_seen = Moment(source="item.first_seen")
    last_seen = Moment(source="item.last_seen")
    due_at = Moment(source="item.due_at", allow_null=True)
    ended_at = Moment(source="item.ended_at", allow_null=True, help_text="null: it lasts.")


class ExceptionDifferenceList(ListResource):
    """Where AWS and what was approved differ, as far as you see it: what ended and is still deployed
    first, then by severity and age; ended ones the newest first.

    Those that are yours to put right count as waiting for you, as in the inbox.
    """

    operation = "list_exception_differences"
    group = GROUP
    shape = ExceptionDifferenceShape
    beside = {"total": serializers.IntegerField(help_text="Within the filters.")}
    parameters = (
        Parameter("kind", "Of this kind.", choices=tuple(MismatchKind.values)),
        Parameter(
            "invariant",
            "From this invariant.",
            pattern=r"[a-z][a-z0-9-]*",
            most=80,
            example="kms-delete",
        ),
        Parameter(
            "standing",
            "How it stands.",
            choices=tuple(name for name, _ in reconciliation.STANDINGS),
            default="open",
        ),
        Parameter("waiting", "Only those that are yours to put right now.", Kind.FLAG),
        *PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Listed:
        filters = Filters(
            kind=asked["kind"] or "",
            invariant=asked["invariant"] or "",
            standing=asked["standing"],
            waits=bool(asked["waiting"]),
        )
        found, total = reconciliation.paged(
            asked.user, filters, cursor_text=asked.cursor, now=asked.now, size=asked.size
        )
        return Listed(found, {"total": total})
