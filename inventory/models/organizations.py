from typing import TYPE_CHECKING, Self

from django.db import models

from inventory import access

if TYPE_CHECKING:
    from inventory.access import AnyUser


class Organization(models.Model):
    """One AWS organisation, as DescribeOrganization names it."""

    org_id = models.CharField(max_length=34, unique=True)
    name = models.CharField(max_length=200, blank=True)  # AWS has none: from the settings
    arn = models.CharField(max_length=200)
    management_account_id = models.CharField(max_length=12)
    root_id = models.CharField(max_length=34)
    home_region = models.CharField(max_length=32, blank=True)  # where findings are aggregated
    aggregation_mode = models.CharField(max_length=40, blank=True)
    linked_regions = models.JSONField(default=list)
    enabled_policy_types = models.JSONField(default=list)
    # Where a week ends, as the IANA database names it: from the settings.
    time_zone = models.CharField(max_length=64, default="UTC")

    def __str__(self) -> str:
        return self.org_id

    @property
    def label(self) -> str:
        return self.name or self.org_id


class OuRole(models.TextChoices):
    WORKLOADS = "WORKLOADS", "workloads"
    EXCEPTIONS = "EXCEPTIONS", "exceptions"
    ONBOARDING = "ONBOARDING", "onboarding"
    NURSERY = "NURSERY", "nursery"
    SUSPENDED = "SUSPENDED", "suspended"
    SECURITY = "SECURITY", "security"
    INFRASTRUCTURE = "INFRASTRUCTURE", "infrastructure"
    SANDBOX = "SANDBOX", "sandbox"
    POLICY_STAGING = "POLICY_STAGING", "policy staging"
    OTHER = "OTHER", "other"


class OrganizationalUnitQuerySet(models.QuerySet["OrganizationalUnit"]):
    def live(self) -> Self:
        return self.filter(gone_at=None)

    def under(self, ou: "OrganizationalUnit") -> Self:
        """`ou` itself and everything below it."""
        return self.filter(path__startswith=ou.path)

    def visible_to(self, user: "AnyUser") -> Self:
        """The OUs of which the user may see every account."""
        return self.filter(access.ous(user, prefix=""))


class OrganizationalUnit(models.Model):
    """The root and every OU below it; the root is the one without a parent.

    `path` is the chain of ids from the root, each closed by a slash, so that a subtree is a prefix:
    `r-ab12/ou-ab12-11111111/`.
    """

    Role = OuRole

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    ou_id = models.CharField(max_length=68)
    arn = models.CharField(max_length=300, blank=True)
    name = models.CharField(max_length=128)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    path = models.TextField()
    # Names from the root down, without the root: "Workloads / Production". For people and search.
    label = models.TextField(blank=True)
    depth = models.PositiveSmallIntegerField()  # 0 is the root
    role = models.CharField(max_length=20, choices=OuRole.choices, default=OuRole.OTHER)
    gone_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(OrganizationalUnitQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "ou_id"], name="inventory_ou_unique"),
            models.CheckConstraint(
                condition=models.Q(path__endswith="/"), name="inventory_ou_path_is_closed"
            ),
        ]
        indexes = [
            # Subtree reads by prefix, on every page that shows an OU.
            models.Index(fields=["path"], name="inventory_ou_path", opclasses=["text_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.ou_id

    @property
    def is_root(self) -> bool:
        return self.parent_id is None


class DelegatedAdministrator(models.Model):
    """An account that administers an AWS service for the whole organisation."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    account_id = models.CharField(max_length=12)
    service_principal = models.CharField(max_length=128)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "account_id", "service_principal"],
                name="inventory_delegatedadministrator_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.service_principal}"
