"""What findings look like to programs."""

from rest_framework import serializers

from findings.models import Area, Severity, Status
from findings.models.findings import Feed
from inventory.api.fields import Amount, Moment, Pair, Shape


class FindingShape(Shape):
    """One finding. The fields are those of the exports."""

    id = serializers.IntegerField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    title = serializers.CharField()
    status = serializers.ChoiceField(
        choices=Status.choices,
        help_text="What Parapet makes of the three states of AWS that follow.",
    )
    workflow = serializers.CharField(help_text="Workflow.Status of Security Hub.")
    compliance = serializers.CharField(help_text="Compliance.Status of Security Hub.")
    record_state = serializers.CharField(help_text="RecordState of Security Hub.")
    control_id = serializers.CharField()
    area = serializers.ChoiceField(
        choices=Area.choices, allow_blank=True, help_text="Empty where the control is in no area."
    )
    product = serializers.CharField()
    account_id = serializers.CharField()
    account_name = serializers.CharField()
    ou = serializers.CharField(help_text="The names of its OUs from the top; empty in the root.")
    environment = serializers.CharField()
    team = serializers.CharField(allow_null=True, help_text="The slug of its owner.")
    region = serializers.CharField()
    resource_type = serializers.CharField()
    resource_id = serializers.CharField()
    is_public = serializers.BooleanField(
        allow_null=True, help_text="Reachable from the internet; null where that is not known."
    )
    is_excepted = serializers.BooleanField()
    opened_at = serializers.CharField(
        allow_null=True, help_text="When it was opened, in UTC; null where it is not open."
    )
    due_at = serializers.CharField(
        allow_null=True, help_text="By when it is to be closed; null without a due date."
    )
    first_observed_at = serializers.CharField(allow_null=True)
    created_at = serializers.CharField()
    updated_at = serializers.CharField()
    finding_id = serializers.CharField(help_text="Id in Security Hub or Access Analyzer.")
    product_arn = serializers.CharField()


class NoteShape(Shape):
    """One sentence about the state of something."""

    title = serializers.CharField()
    text = serializers.CharField()


class EventShape(Shape):
    """One line of a finding's history."""

    at = Moment()
    text = serializers.CharField()
    note = serializers.CharField()
    by = serializers.CharField(help_text="Empty where AWS or somebody in its console did it.")


class PackageShape(Shape):
    name = serializers.CharField()
    version = serializers.CharField()
    fixed_in = serializers.CharField(help_text="Empty where the product names no version.")


class VulnerabilityShape(Shape):
    """A vulnerability that a finding names. null is "not known"."""

    cve = serializers.CharField()
    url = serializers.CharField()
    is_exploited = serializers.BooleanField(help_text="In CISA's catalogue of exploited ones.")
    kev_added_on = serializers.DateField(allow_null=True)
    is_automatable = serializers.BooleanField(allow_null=True)
    has_total_impact = serializers.BooleanField(allow_null=True)
    has_fix = serializers.BooleanField(allow_null=True)
    has_exploit = serializers.BooleanField(allow_null=True)
    epss_pct = Amount(allow_null=True)
    packages = PackageShape(many=True)


class HintShape(Shape):
    """What would have kept the finding from coming up."""

    title = serializers.CharField()
    text = serializers.CharField()
    url = serializers.CharField()
    stops_finding = serializers.BooleanField(
        help_text="With it in place the check has nothing to fail on."
    )


class FindingDetailShape(FindingShape):
    """One finding with all that is known of it."""

    control_title = serializers.CharField()
    feed = serializers.ChoiceField(choices=Feed.choices)
    description = serializers.CharField()
    remediation_text = serializers.CharField()
    remediation_url = serializers.CharField()
    status_note = NoteShape(help_text="Why it has its status.")
    notes = NoteShape(many=True)
    due_rule = serializers.CharField(help_text="The rule that its due date follows from.")
    last_failed_at = Moment(allow_null=True)
    vanished_at = Moment(allow_null=True, help_text="Since when AWS does not report it any more.")
    vulnerabilities = VulnerabilityShape(many=True)
    prevented_by = HintShape(many=True)
    events = EventShape(many=True, help_text="Newest first, a hundred at most.")
    payload = serializers.JSONField(
        allow_null=True,
        help_text="As AWS sent it, in the shape of AWS; null once retention has removed it.",
    )
    others = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Ids of other open findings on the same resource, the worst ten.",
    )
    has_more_others = serializers.BooleanField()
    control_open = serializers.IntegerField(
        help_text="Open findings of the same control that you see."
    )


class ChoiceShape(Shape):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    findings = serializers.IntegerField(
        allow_null=True, help_text="null where it cannot be counted exactly."
    )


class FacetShape(Shape):
    """The values that a list can be narrowed to by one parameter, each counted within the others."""

    name = serializers.CharField(help_text="The parameter.")
    title = serializers.CharField()
    is_lazy = serializers.BooleanField(
        help_text="It has many values: only those that are filtered by are told."
    )
    choices = ChoiceShape(many=True)


class ControlShape(Shape):
    """A control of Security Hub, or of an imported product."""

    control_id = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.CharField()
    area = serializers.CharField(help_text="In words; empty where nobody has mapped it.")
    is_enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField()
    is_scored = serializers.BooleanField()
    standards = serializers.IntegerField(help_text="How many standards have it.")
    open_findings = serializers.IntegerField(help_text="Of the accounts that you see.")
    accounts_failing = serializers.IntegerField()


class ControlParameterShape(Pair):
    name = serializers.CharField()
    value = serializers.CharField()
    is_custom = serializers.BooleanField(help_text="It was changed from AWS's default.")


class StatusCountShape(Pair):
    status = serializers.ChoiceField(choices=Status.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    findings = serializers.IntegerField()


class ControlDetailShape(ControlShape):
    """One control with all that is known of it."""

    description = serializers.CharField()
    remediation_url = serializers.CharField()
    parameters = ControlParameterShape(many=True)
    part_of = serializers.ListField(
        child=serializers.CharField(), source="standard_names", help_text="Names of its standards."
    )
    notes = NoteShape(many=True)
    is_account_level = serializers.BooleanField()
    prevented_by = HintShape(many=True)
    by_status = StatusCountShape(many=True)
