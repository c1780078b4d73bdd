"""Exceptions, as every resource tells them."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from invariants.models.exceptions import (
    ExceptionState,
    ExceptionTarget,
    Risk,
    ScopeKind,
    Via,
    WhoKind,
)
from inventory.api.fields import Moment, Shape

_UNSAID: Final = "Empty: not said yet."


@extend_schema_field({"type": "object", "additionalProperties": True})
class Fields(serializers.Field[Any, Any, Any, Any]):
    """Fields of a record by name, as JSON has them."""

    def to_representation(self, value: Any) -> Any:
        return value


class TargetShape(Shape):
    """What it is an exception from."""

    kind = serializers.ChoiceField(choices=ExceptionTarget.choices)
    invariant = serializers.CharField(allow_null=True, help_text="Its id.")
    control = serializers.CharField(allow_null=True, help_text="Its id.")
    finding = serializers.IntegerField(
        allow_null=True, help_text="null: of another kind, or no longer kept."
    )


class ScopeLineShape(Shape):
    """One line of what it covers."""

    kind = serializers.ChoiceField(choices=ScopeKind.choices)
    value = serializers.CharField()


class PartShape(Shape):
    """Who had which part on the record; nobody has two."""

    part = serializers.CharField(help_text="REQUESTER, ASSESSOR, APPROVER or IMPLEMENTER.")
    person_id = serializers.IntegerField()
    name = serializers.CharField()


class ExceptionRowShape(Shape):
    """A request for an exception, in a list."""

    ref = serializers.CharField()
    state = serializers.ChoiceField(choices=ExceptionState.choices)
    state_since = Moment()
    is_in_force = serializers.BooleanField(help_text="Its findings count as excepted.")
    is_zombie = serializers.BooleanField(help_text="Ended, and still in place.")
    title = serializers.CharField()
    target_kind = serializers.ChoiceField(choices=ExceptionTarget.choices)
    invariant = serializers.CharField(source="invariant.key", default=None, allow_null=True)
    control = serializers.CharField(source="control.control_id", default=None, allow_null=True)
    severity = serializers.ChoiceField(choices=Risk.choices)
    residual_risk = serializers.CharField(help_text="Empty: not assessed yet.")
    is_emergency = serializers.BooleanField()
    requester = serializers.CharField(source="requester_name")
    starts_on = serializers.DateField(allow_null=True)
    asked_until = serializers.DateField(allow_null=True, help_text="As it was typed.")
    until = serializers.DateField(allow_null=True, help_text="Its last day, as it was approved.")
    due_at = Moment(
        allow_null=True, help_text="By when whoever is waited for acts; null: nobody is."
    )


class ExceptionShape(Shape):
    """One request: what is asked for, what was decided, and where it stands."""

    ref = serializers.CharField()
    organization = serializers.CharField()
    state = serializers.ChoiceField(choices=ExceptionState.choices)
    state_since = Moment()
    waits_for = serializers.CharField(help_text="In words; empty: it is over.")
    due_at = Moment(allow_null=True)
    is_in_force = serializers.BooleanField(help_text="Its findings count as excepted.")
    is_zombie = serializers.BooleanField(help_text="Ended, and still in place.")
    verbs = serializers.ListField(
        child=serializers.CharField(),
        help_text="Steps that you could take now, given that what you say with them is right.",
    )
    version = serializers.IntegerField(help_text="The number of its last event.")
    created_at = Moment()
    severity = serializers.ChoiceField(choices=Risk.choices)
    target = TargetShape()
    renews = serializers.CharField(allow_null=True)
    renewed_by = serializers.ListField(child=serializers.CharField())
    renewal = serializers.IntegerField(help_text="How many renewals its line has had with it.")
    people = PartShape(many=True)
    title = serializers.CharField(help_text=_UNSAID)
    reason = serializers.CharField(help_text=_UNSAID)
    justification = serializers.CharField(help_text=_UNSAID)
    system = serializers.CharField(help_text=_UNSAID)
    business_owner = serializers.CharField(help_text=_UNSAID)
    data_classification = serializers.CharField()
    compensating = serializers.CharField(help_text=_UNSAID)
    remediation_plan = serializers.CharField(help_text=_UNSAID)
    mechanism = serializers.CharField()
    ticket = serializers.CharField()
    starts_on = serializers.DateField(allow_null=True)
    asked_until = serializers.DateField(allow_null=True, help_text="As it was typed.")
    is_emergency = serializers.BooleanField()
    scope = ScopeLineShape(many=True)
    scope_hidden = serializers.IntegerField(help_text="Lines of places that you do not see.")
    round = serializers.IntegerField(help_text="How often it was sent.")
    triaged_at = Moment(allow_null=True)
    inherent_risk = serializers.CharField(help_text="Empty: not assessed yet.")
    residual_risk = serializers.CharField(help_text="Empty: not assessed yet.")
    risk_note = serializers.CharField()
    approved_at = Moment(allow_null=True)
    granted_at = Moment(allow_null=True)
    emergency_until = Moment(allow_null=True)
    until = serializers.DateField(allow_null=True, help_text="Its last day, as it was approved.")
    review_on = serializers.DateField(allow_null=True, help_text="Half of its time.")
    pull_request = serializers.CharField()
    removal_pull_request = serializers.CharField()
    looked_at = Moment(allow_null=True, help_text="As of when a collection last looked for it.")
    verified_at = Moment(allow_null=True, help_text="Since when collections find it in place.")
    seen_at = Moment(allow_null=True)
    ended_at = Moment(allow_null=True)
    end_reason = serializers.CharField()
    gone_seen_at = Moment(allow_null=True)


class ExceptionEventShape(Shape):
    """One thing that happened. The database lets nobody change or remove it."""

    number = serializers.IntegerField()
    at = Moment()
    verb = serializers.CharField()
    words = serializers.CharField(help_text="What happened, in words.")
    state_before = serializers.CharField(help_text="Empty: it was made.")
    state_after = serializers.ChoiceField(choices=ExceptionState.choices)
    who_kind = serializers.ChoiceField(choices=WhoKind.choices)
    who_id = serializers.CharField(help_text="Empty: the clock, or a collection.")
    who_name = serializers.CharField()
    via = serializers.ChoiceField(choices=Via.choices)
    address = serializers.CharField(
        allow_null=True, help_text="From where; for who may read the audit log."
    )
    note = serializers.CharField()
    before = Fields(help_text="Fields that changed, as they were.")
    after = Fields(help_text="The same, as they are.")


class ExceptionRecordShape(Shape):
    """The whole record, as it is exported for an auditor."""

    sha256 = serializers.CharField(help_text="Of the record without this field.")
    record = Fields(help_text="docs/exceptions.md says what is in it.")
