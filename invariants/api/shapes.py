"""Invariants, as every resource tells them."""

from rest_framework import serializers

from findings.models import Area
from invariants.models import Coverage, Invariant
from inventory.api.fields import Moment, Shape


class InvariantCountsShape(Shape):
    """Accounts by the state of the invariant, of those that you see."""

    enforced = serializers.IntegerField()
    carved_out = serializers.IntegerField(help_text="Enforced, with a carve-out.")
    excepted = serializers.IntegerField()
    missing = serializers.IntegerField()
    broken = serializers.IntegerField(help_text="A policy is there, and does not do it.")
    unknown = serializers.IntegerField(help_text="Not known, which is not good news.")
    not_enforceable = serializers.IntegerField(help_text="The management account.")
    not_applicable = serializers.IntegerField()
    in_scope = serializers.IntegerField(
        help_text="Where it has to hold: all but the last two, the unknown ones within."
    )
    protected = serializers.IntegerField(help_text="Where it holds, with a carve-out or without.")


class InvariantShape(Shape):
    """An invariant of the catalogue, and how far it holds."""

    key = serializers.CharField()
    statement = serializers.CharField(help_text="What always holds, in one sentence.")
    area = serializers.ChoiceField(choices=Area.choices)
    type = serializers.CharField(
        help_text="AWS's name of the policy type, or PERMISSIONS_BOUNDARY."
    )
    state = serializers.ChoiceField(
        choices=Invariant.State.choices,
        help_text="How far it is with the organisation; whether it holds say the counts.",
    )
    state_since = Moment()
    severity = serializers.ChoiceField(choices=Invariant.Severity.choices)
    is_mandatory = serializers.BooleanField(help_text="It counts in K7 once it is enforced.")
    owner = serializers.CharField()
    counts = InvariantCountsShape(allow_null=True, help_text="null: not worked out yet.")
    violations = serializers.IntegerField(
        allow_null=True,
        help_text="Open findings that it should make impossible; null without the right to read findings.",
    )
    drift = serializers.IntegerField(help_text="Open differences from what AWS has.")
    denied = serializers.IntegerField(
        allow_null=True, help_text="Requests denied in seven days; null where no events come in."
    )


class LintShape(Shape):
    """One thing that a rule of the linter finds in the policy."""

    rule = serializers.CharField()
    severity = serializers.CharField(help_text="ERROR, WARNING or NOTICE.")
    path = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()
    waived = serializers.CharField(help_text="Why it is broken on purpose; empty where it is not.")


class DemandShape(Shape):
    """The version that holds, with the text of its policy."""

    number = serializers.IntegerField()
    declared = serializers.IntegerField(help_text="The version that the file says.")
    digest = serializers.CharField(help_text="SHA-256 of all that it says.")
    source = serializers.CharField(help_text="File and line.")  # type: ignore[assignment]
    because = serializers.CharField(
        help_text="Why your own folder changes it; empty where none does."
    )
    loaded_at = Moment()
    policy = serializers.CharField(source="policy.plain", help_text="JSON, as text.")
    lint = LintShape(source="policy.remarks", many=True)
    targets = serializers.ListField(child=serializers.CharField())
    controls = serializers.ListField(
        child=serializers.CharField(), help_text="Security Hub controls that detect a breach."
    )
    examples = serializers.ListField(
        child=serializers.CharField(),
        help_text="Parameters of the policy that still have the shipped example values.",
    )


class InvariantDetailShape(Shape):
    """One invariant."""

    key = serializers.CharField(source="invariant.key")
    statement = serializers.CharField(source="invariant.statement")
    condition = serializers.CharField(
        source="invariant.condition", help_text="The part of the statement that says unless what."
    )
    why = serializers.CharField(source="invariant.why")
    area = serializers.ChoiceField(choices=Area.choices, source="invariant.area")
    type = serializers.CharField(source="invariant.type")
    state = serializers.ChoiceField(choices=Invariant.State.choices, source="invariant.state")
    state_since = Moment(source="invariant.state_since")
    severity = serializers.ChoiceField(
        choices=Invariant.Severity.choices, source="invariant.severity"
    )
    is_mandatory = serializers.BooleanField(source="invariant.is_mandatory")
    owner = serializers.CharField(source="invariant.owner")
    counts = InvariantCountsShape()
    evaluated_at = Moment(allow_null=True, help_text="null: not worked out yet.")
    demand = DemandShape(
        source="demanded",
        allow_null=True,
        help_text="null for who does not see the whole organisation.",
    )


class GateShape(Shape):
    """What a move had to pass."""

    name = serializers.CharField()
    state = serializers.CharField(help_text="PASSED, FAILED or WAIVED.")
    found = serializers.CharField()
    waiver = serializers.CharField(help_text="Why it was waived; empty where it was not.")


class InvariantMoveShape(Shape):
    """A step of its life."""

    before = serializers.CharField()
    after = serializers.CharField()
    at = Moment()
    by = serializers.CharField()
    why = serializers.CharField()
    version = serializers.IntegerField()
    gates = GateShape(many=True)


class InvariantVersionShape(Shape):
    """What it demanded from a day on."""

    number = serializers.IntegerField()
    declared = serializers.IntegerField()
    digest = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    because = serializers.CharField()
    loaded_at = Moment()
    replaced_at = Moment(allow_null=True, help_text="null: it holds now.")


class InvariantAccountShape(Shape):
    """An account, and how the invariant stands in it."""

    account_id = serializers.CharField()
    name = serializers.CharField()
    ou_id = serializers.CharField()
    ou = serializers.CharField(source="ou_label", help_text="The names of its OUs from the top.")
    team = serializers.CharField(help_text="The name of its owner; empty without one.")
    state = serializers.ChoiceField(choices=Coverage.State.choices)
    reason = serializers.CharField()
    policy = serializers.CharField(help_text="The policy that decides; empty where none does.")
    level = serializers.CharField(help_text="What it is attached to, as far as that is yours.")
    since = Moment()


class InvariantOuShape(Shape):
    """An OU, and the accounts below it at any depth."""

    ou_id = serializers.CharField()
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    parent = serializers.CharField(source="parent_id")  # type: ignore[assignment]
    depth = serializers.IntegerField()
    counts = InvariantCountsShape()
    own = InvariantCountsShape(help_text="The accounts right in it.")
    is_attached = serializers.BooleanField(
        help_text="A policy that decides it in some account is attached right here."
    )


class CatalogueProblemShape(Shape):
    """What keeps the newest files out of the catalogue: where, what, and what to do."""

    file = serializers.CharField()
    line = serializers.IntegerField(help_text="From 1.")
    message = serializers.CharField()
    remedy = serializers.CharField()
