from django.db import models

from inventory.models.organizations import Organization


class OrgPolicy(models.Model):
    """A policy of AWS Organizations, of any type: AWS adds types, so `type` is an open string."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    policy_id = models.CharField(max_length=130)
    arn = models.CharField(max_length=300, blank=True)
    name = models.CharField(max_length=128)
    description = models.CharField(max_length=512, blank=True)
    type = models.CharField(max_length=60)
    is_aws_managed = models.BooleanField(default=False)
    content = models.TextField(blank=True)
    # Of the parsed JSON with sorted keys: policies carry no version, so a change shows only here.
    content_hash = models.BinaryField(max_length=32, default=bytes)
    changed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "policy_id"], name="inventory_orgpolicy_unique"
            )
        ]

    def __str__(self) -> str:
        return self.policy_id


class PolicyAttachment(models.Model):
    """A policy attached to the root, an OU or an account, from `since` on, before `until`."""

    class Target(models.TextChoices):
        ROOT = "ROOT", "root"
        OU = "OU", "organisational unit"
        ACCOUNT = "ACCOUNT", "account"

    policy = models.ForeignKey(OrgPolicy, on_delete=models.CASCADE, related_name="attachments")
    target_id = models.CharField(max_length=68)
    target_kind = models.CharField(max_length=8, choices=Target.choices)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "target_id"],
                condition=models.Q(until=None),
                name="inventory_policyattachment_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("since")),
                name="inventory_policyattachment_since_before_until",
            ),
        ]
        indexes = [
            # The account page: what is attached along the path.
            models.Index(fields=["target_id"], name="inventory_attachment_target")
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} on {self.target_id}"


class EnabledPolicyType(models.Model):
    """A policy type that was enabled on the root, from `since` on, before `until`.

    Disabling a type takes all its policies off every place at once; `Organization.enabled_policy_types`
    has those of now.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    type = models.CharField(max_length=60)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "type"],
                condition=models.Q(until=None),
                name="inventory_enabledpolicytype_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("since")),
                name="inventory_enabledpolicytype_since_before_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} since {self.since:%Y-%m-%d}"
