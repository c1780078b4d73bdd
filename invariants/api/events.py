"""/api/v1/drift/ and /api/v1/denials/: what was changed behind the catalogue's back, and what it stops."""

from typing import Any

from rest_framework import serializers

from invariants.api.register import GROUP, KEY_PATTERN
from invariants.models import Drift
from invariants.queries import denial_rows, drift
from inventory.api.fields import Moment, Shape
from inventory.api.parameters import PAGED, Kind, Parameter
from inventory.api.resources import Asked, Listed, ListResource
from inventory.api.runs import ACCOUNT_ID
from inventory.web import Page

_INVARIANT = Parameter(
    "invariant", "Of this invariant.", pattern=KEY_PATTERN, most=80, example="kms-delete"
)


class DriftShape(Shape):
    """One difference between the catalogue and what AWS has."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.ChoiceField(choices=Drift.Kind.choices)
    severity = serializers.CharField(help_text="Of the invariant; empty where it is of none.")
    summary = serializers.CharField()
    invariant = serializers.CharField(source="invariant_key", help_text="Empty: of none.")
    policy_type = serializers.CharField()
    policy_id = serializers.CharField()
    policy_name = serializers.CharField()
    target_id = serializers.CharField()
    target_name = serializers.CharField()
    account_id = serializers.CharField(help_text="Of drift in a single account; else empty.")
    before = serializers.CharField(help_text="What should be there, as JSON.")
    after = serializers.CharField(help_text="What is there, as JSON.")
    first_seen = Moment()
    last_seen = Moment()
    ended_at = Moment(allow_null=True, help_text="null: it lasts.")
    changed_by = serializers.CharField(help_text="Who, from CloudTrail; empty where nobody told.")
    changed_at = Moment(allow_null=True)
    event_id = serializers.CharField()
    standing = serializers.CharField(
        help_text="open, explained, accepted or ended. Explained: it is what exceptions in force ask for, "
        "and no more."
    )
    exceptions = serializers.ListField(
        child=serializers.CharField(), help_text="Exceptions whose carve-outs are part of it."
    )
    owner = serializers.CharField()
    note = serializers.CharField()


class DriftList(ListResource):
    """Drift that you see, the gravest and oldest first; ended drift the newest first.

    What stands above single accounts is told to those who see the whole organisation.
    """

    operation = "list_drift"
    group = GROUP
    shape = DriftShape
    beside = {"total": serializers.IntegerField(help_text="Within the filters.")}
    parameters = (
        Parameter("kind", "Of this kind.", choices=tuple(Drift.Kind.values)),
        _INVARIANT,
        Parameter(
            "standing",
            "How it stands.",
            choices=tuple(name for name, _ in drift.STANDINGS),
            default="open",
        ),
        Parameter(
            "age",
            "First seen: "
            + "; ".join(f"{name}: {words.lower()}" for name, (words, _) in drift.AGES.items())
            + ".",
            choices=tuple(drift.AGES),
        ),
        *PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Listed:
        filters = drift.Filters(
            kind=asked["kind"] or "",
            invariant=asked["invariant"] or "",
            standing=asked["standing"],
            age=asked["age"] or "",
        )
        found = drift.inbox(
            asked.user, filters, cursor_text=asked.cursor, now=asked.now, size=asked.size
        )
        return Listed(found.page, {"total": found.total})


class DeniedInvariantShape(Shape):
    """An invariant that a denial was for."""

    key = serializers.CharField()
    statement_id = serializers.CharField()
    is_certain = serializers.BooleanField(help_text="False: one policy serves several.")


class DenialShape(Shape):
    """One principal and action, denied by one policy in one account."""

    id = serializers.IntegerField(source="pk")
    principal = serializers.CharField(
        help_text="Its ARN; empty: others, beyond what is told apart."
    )
    action = serializers.CharField()
    account_id = serializers.CharField()
    account_name = serializers.CharField()
    policy_type = serializers.CharField()
    policy_id = serializers.CharField(
        help_text="For who sees the whole organisation; empty where the message named none."
    )
    policy_name = serializers.CharField()
    is_explicit = serializers.BooleanField(help_text="By a Deny; else for want of an Allow.")
    region = serializers.CharField()
    resource = serializers.CharField()
    invariants = DeniedInvariantShape(many=True)
    denied = serializers.IntegerField(help_text="Times within the days asked for.")
    first_at = Moment()
    last_at = Moment()


class DenialList(ListResource):
    """Requests that SCPs, RCPs and boundaries denied in your accounts, by principal; the newest first.

    From recorded events that name the policy: what is not recorded is not here, and few denials are no
    proof that nobody is stopped.
    """

    operation = "list_denials"
    group = GROUP
    shape = DenialShape
    parameters = (
        _INVARIANT,
        Parameter(
            "account", "In this account.", pattern=ACCOUNT_ID, most=12, example="111122223333"
        ),
        Parameter("principal", "Part of the principal's ARN.", most=100),
        Parameter("action", "Part of the action.", most=100),
        Parameter("unassigned", "Only those tied to no invariant.", Kind.FLAG),
        Parameter(
            "days",
            "Of so many days, today being the last.",
            choices=tuple(map(str, denial_rows.WINDOWS)),
            default=str(denial_rows.SHOWN_DAYS),
        ),
        *PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        filters = denial_rows.Filters(
            invariant=asked["invariant"] or "",
            account=asked["account"] or "",
            principal=asked["principal"] or "",
            action=asked["action"] or "",
            has_none=bool(asked["unassigned"]),
            days=int(asked["days"]),
        )
        return denial_rows.page(
            asked.user, filters, today=asked.today, cursor_text=asked.cursor, size=asked.size
        )
