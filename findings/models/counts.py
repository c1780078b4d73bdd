from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from findings.models.controls import Control, Severity
from findings.models.findings import Status
from inventory import access
from inventory.models import Account

if TYPE_CHECKING:
    from inventory.access import AnyUser


class Age(models.TextChoices):
    """How long a finding has been open, in whole days since it was opened; "" when not open."""

    WEEK = "WEEK", "up to 7 days"
    MONTH = "MONTH", "8 to 30 days"
    QUARTER = "QUARTER", "31 to 90 days"
    OLDER = "OLDER", "over 90 days"


class Sla(models.TextChoices):
    """How an open finding stands against its due date; "" when not open."""

    OVERDUE = "OVERDUE", "Past due"
    SOON = "SOON", "Due within 7 days"
    LATER = "LATER", "Due later"
    NONE = "NONE", "No due date"


class Exposure(models.TextChoices):
    PUBLIC = "PUBLIC", "Public"
    PRIVATE = "PRIVATE", "Not public"
    UNKNOWN = "UNKNOWN", "Not said"


class Dimension(models.IntegerChoices):
    """What findings are counted by, besides their status. The number is the bit in FacetCount."""

    SEVERITY = 0, "severity"
    WORKFLOW = 1, "workflow"
    AREA = 2, "area"
    CONTROL = 3, "control"
    PRODUCT = 4, "product"
    ENVIRONMENT = 5, "environment"
    OU = 6, "ou"
    TEAM = 7, "team"
    REGION = 8, "region"
    TYPE = 9, "type"
    AGE = 10, "age"
    SLA = 11, "sla"
    EXPOSURE = 12, "exposure"
    EXCEPTED = 13, "excepted"
    ACCOUNT = 14, "account"


def bits(dimensions: Iterable[Dimension]) -> int:
    """What FacetCount.dimensions is for these."""
    return sum(1 << dimension for dimension in dimensions)


# Days since opened_at at which each age ends, and days before due_at at which a finding is due soon.
AGE_DAYS: Final[Mapping[Age, int]] = {Age.WEEK: 7, Age.MONTH: 30, Age.QUARTER: 90}
SOON_DAYS: Final = 7

# The three kinds that are no column of Finding, of a row `f` as of %(as_of)s. In hours: a day of the
# database may be one of 23. The same bounds as findings.queries.filters, which a test compares.
AGE_SQL: Final = (
    "CASE WHEN f.status <> 'OPEN' THEN ''"
    + "".join(
        f" WHEN f.opened_at > %(as_of)s - interval '{24 * days} hours' THEN '{age.value}'"
        for age, days in AGE_DAYS.items()
    )
    + f" ELSE '{Age.OLDER.value}' END"
)
SLA_SQL: Final = (
    f"CASE WHEN f.status <> 'OPEN' THEN '' WHEN f.due_at IS NULL THEN '{Sla.NONE.value}'"
    f" WHEN f.due_at < %(as_of)s THEN '{Sla.OVERDUE.value}'"
    f" WHEN f.due_at < %(as_of)s + interval '{24 * SOON_DAYS} hours' THEN '{Sla.SOON.value}'"
    f" ELSE '{Sla.LATER.value}' END"
)
EXPOSURE_SQL: Final = (
    f"CASE f.is_public WHEN true THEN '{Exposure.PUBLIC.value}'"
    f" WHEN false THEN '{Exposure.PRIVATE.value}' ELSE '{Exposure.UNKNOWN.value}' END"
)


class DirtyCell(models.Model):
    """(account, control) whose findings changed, written in the same transaction as the change.

    Append-only until a rollup drains it, so that writers never wait for each other.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE, db_index=False)

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id}"


class FindingCountQuerySet(models.QuerySet["FindingCount"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"), account__gone_at=None)


class FindingCount(models.Model):
    """How many findings there are of each kind, by everything that a list can be narrowed by.

    Every count on a page is a sum over these rows, or over FacetCount, which sums them beforehand.
    """

    # Without checks by the database, which would cost more than the counting: nothing but rollups
    # writes here, from rows that have been checked.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_constraint=False)
    control = models.ForeignKey(
        Control, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    region = models.CharField(max_length=32, blank=True)
    product = models.CharField(max_length=60)
    severity = models.CharField(max_length=13, choices=Severity.choices)
    status = models.CharField(max_length=8, choices=Status.choices)
    workflow = models.CharField(max_length=10)
    resource_type = models.CharField(max_length=120, blank=True)
    exposure = models.CharField(max_length=7, choices=Exposure.choices, default=Exposure.UNKNOWN)
    is_excepted = models.BooleanField(default=False)
    # As of CountState.as_of; a rollup counts anew what has since crossed from one to the next.
    age = models.CharField(max_length=7, choices=Age.choices, blank=True)
    sla = models.CharField(max_length=7, choices=Sla.choices, blank=True)
    findings = models.PositiveIntegerField()

    objects = models.Manager.from_queryset(FindingCountQuerySet)()

    class Meta:
        indexes = [
            # A rollup replaces the rows of a cell; a page reads those of a control.
            models.Index(fields=["control", "account"], name="findings_findingcount_cell"),
            # What somebody suppressed: few rows among millions, summed for each account every hour.
            models.Index(
                fields=["account"],
                include=["findings"],
                condition=models.Q(workflow="SUPPRESSED", status="OPEN", is_excepted=False),
                name="findings_findingcount_hushed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id} {self.severity} {self.status}"


class FacetValue(models.Model):
    """The number that stands for a text in FacetCount."""

    dimension = models.PositiveSmallIntegerField(choices=Dimension.choices)
    text = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dimension", "text"], name="findings_facetvalue_unique")
        ]

    def __str__(self) -> str:
        return f"{self.get_dimension_display()}: {self.text}"


class FacetCount(models.Model):
    """Sums of FindingCount by status and every choice of up to three dimensions.

    With them a page with two filters counts any facet by reading the rows that it shows, however
    many findings there are. `dimensions` is the sum of their bits, and a, b, c are their values in
    the order of the bits, 0 where there are fewer: keys of Control, OrganizationalUnit, Team (0 is
    no team) and Account, else of FacetValue. A row of an OU counts everything below it; the root has
    none. An account is counted alone and with one other dimension.
    """

    pk = models.CompositePrimaryKey("dimensions", "status", "a", "b", "c")
    dimensions = models.SmallIntegerField()
    status = models.SmallIntegerField()  # position in Status
    a = models.IntegerField()
    b = models.IntegerField()
    c = models.IntegerField()
    # Not a positive field: a negative difference is proposed as a row before it meets the present one.
    findings = models.IntegerField()

    class Meta:
        indexes = [
            # With the key: any two values given, the third listed.
            models.Index(fields=["dimensions", "status", "a", "c"], name="findings_facetcount_ac"),
            models.Index(fields=["dimensions", "status", "b", "c"], name="findings_facetcount_bc"),
        ]

    def __str__(self) -> str:
        return f"{self.dimensions} {self.status}: {self.a} {self.b} {self.c}"


class CountedAccount(models.Model):
    """Where an account was when its findings were counted, so that they can be taken from there."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.CASCADE)
    ou_path = models.TextField()
    team_key = models.BigIntegerField()  # 0 is no team; a team may be gone by now
    environment = models.CharField(max_length=40, blank=True)
    # The findings of an account that is gone are not counted.
    is_live = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.account_id} in {self.ou_path}"


class CountedControl(models.Model):
    """The area of a control when its findings were counted."""

    control = models.OneToOneField(Control, primary_key=True, on_delete=models.CASCADE)
    area = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return f"{self.control_id} in {self.area}"


class CountState(models.Model):
    """The moment as of which findings are counted: ages and due dates are compared with it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    as_of = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="findings_countstate_one_row")
        ]

    def __str__(self) -> str:
        return f"as of {self.as_of}"


class FindingText(models.Model):
    """The words of a finding for free-text search, and its value in every dimension of the lists.

    Written by the rollup, so that taking findings in does not wait for it.
    """

    finding = models.OneToOneField(
        "findings.Finding", primary_key=True, on_delete=models.CASCADE, related_name="text"
    )
    # Of its title, resource, ids, account and vulnerabilities, cut at punctuation.
    words = SearchVectorField()
    # Says whether the words are still those of the finding.
    source_hash = models.BigIntegerField(default=0)
    # One hash for each dimension and what the finding has there (findings.queries.tokens).
    tokens = ArrayField(models.IntegerField(), default=list)

    class Meta:
        indexes = [
            # Search, and the lists of what is rare: the few that several filters leave.
            GinIndex(fields=["words", "tokens"], name="findings_findingtext_search")
        ]

    def __str__(self) -> str:
        return f"words of {self.finding_id}"
