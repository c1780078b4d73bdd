"""Whether each invariant holds in each account, and why."""

from typing import TYPE_CHECKING, Final, Self

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from invariants.models.catalogue import Invariant
from inventory import access
from inventory.models import Account, Organization, OrganizationalUnit, OrgPolicy

if TYPE_CHECKING:
    from inventory.access import AnyUser


class CoverageState(models.TextChoices):
    ENFORCED = "ENFORCED", "enforced"
    CARVED_OUT = "CARVED_OUT", "enforced with carve-out"
    EXCEPTED = "EXCEPTED", "excepted"
    MISSING = "MISSING", "missing"
    BROKEN = "BROKEN", "broken"
    NOT_ENFORCEABLE = "NOT_ENFORCEABLE", "not enforceable"
    NOT_APPLICABLE = "NOT_APPLICABLE", "not applicable"
    UNKNOWN = "UNKNOWN", "unknown"


class CoverageRunQuerySet(models.QuerySet["CoverageRun"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self if access.scope_of(user).everything else self.none()


class CoverageRun(models.Model):
    """One evaluation of all invariants in all accounts; `why` says what keeps it from being whole."""

    class State(models.TextChoices):
        COMPLETE = "COMPLETE", "complete"
        PARTIAL = "PARTIAL", "partial"
        FAILED = "FAILED", "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices)
    why = models.TextField(blank=True)
    counts = models.JSONField(default=dict)

    objects = models.Manager.from_queryset(CoverageRunQuerySet)()

    class Meta:
        indexes = [
            # As of when every page's coverage is.
            models.Index(fields=["organization", "-at"], name="invariants_coveragerun_newest")
        ]

    def __str__(self) -> str:
        return f"coverage of {self.organization_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class CoverageQuerySet(models.QuerySet["Coverage"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the accounts that the user sees. A proof names what stands above them: see queries."""
        return self.filter(access.accounts(user, prefix="account__"))


class CoverageProofQuerySet(models.QuerySet["CoverageProof"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: it names policies, levels and accounts wherever they are."""
        return self if access.scope_of(user).everything else self.none()


class CoverageProof(models.Model):
    """Why an invariant is in a state, once for all accounts of which the same is true.

    `reason` is in words that name no level and no account. `level` is the id of the root or OU at which
    the deciding policy is attached, `ACCOUNT` where that is the account itself, "" where none decides.
    `evidence` has the deciding probes, statements, carve-outs and missing keys: what is in it says
    invariants.evaluation.coverage.evidence.
    """

    OWN: Final = "ACCOUNT"

    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    # SHA-256 of state, reason, policy, level and evidence.
    digest = models.BinaryField(max_length=32)
    state = models.CharField(max_length=15, choices=CoverageState.choices)
    reason = models.TextField()
    policy = models.ForeignKey(OrgPolicy, null=True, on_delete=models.SET_NULL, db_index=False)
    level = models.CharField(max_length=68, blank=True)
    evidence = models.JSONField(default=dict)

    objects = models.Manager.from_queryset(CoverageProofQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "digest"], name="invariants_coverageproof_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} {self.state} {self.pk}"


class Coverage(models.Model):
    """How an invariant stands in an account now, since when, and by which proof.

    There is a row for every account that is not gone and every live invariant, so rows are narrow.
    """

    State = CoverageState

    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    state = models.CharField(max_length=15, choices=CoverageState.choices)
    # Indexed: proofs that nobody needs any more are removed after each evaluation.
    proof = models.ForeignKey(CoverageProof, on_delete=models.RESTRICT)
    since = models.DateTimeField()

    objects = models.Manager.from_queryset(CoverageQuerySet)()

    class Meta:
        constraints = [
            # Also what the page of an invariant reads.
            models.UniqueConstraint(
                fields=["invariant", "account"], name="invariants_coverage_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} in {self.account_id}"


class CoverageDayQuerySet(models.QuerySet["CoverageDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"))


class CoverageDay(models.Model):
    """A state at the end of `day` that was another the day before; it held before `until` (None: now)."""

    # Nothing but evaluation writes here, by the hundred thousand.
    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    until = models.DateField(null=True)
    state = models.CharField(max_length=15, choices=CoverageState.choices)

    objects = models.Manager.from_queryset(CoverageDayQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "account", "day"], name="invariants_coverageday_unique"
            ),
            models.UniqueConstraint(
                fields=["invariant", "account"],
                condition=models.Q(until=None),
                name="invariants_coverageday_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("day")),
                name="invariants_coverageday_day_before_until",
            ),
        ]
        indexes = [
            # What changed between two days; rows are written day after day.
            BrinIndex(
                fields=["day"],
                name="invariants_coverageday_by_day",
                pages_per_range=16,
                autosummarize=True,
            )
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} in {self.account_id} from {self.day}"


class OuCoverageQuerySet(models.QuerySet["OuCoverage"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class OuCoverage(models.Model):
    """How many accounts below an OU, at any depth, are in each state of an invariant."""

    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE)
    enforced = models.PositiveIntegerField(default=0)
    carved_out = models.PositiveIntegerField(default=0)
    excepted = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    broken = models.PositiveIntegerField(default=0)
    not_enforceable = models.PositiveIntegerField(default=0)
    not_applicable = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(OuCoverageQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invariant", "ou"], name="invariants_oucoverage_unique")
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} below {self.ou_id}"


class RolloutQuerySet(models.QuerySet["Rollout"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class Rollout(models.Model):
    """From when on an enforced invariant counts below an OU; before, it is provisional there.

    Of several on the way to an account the one nearest to it holds; without any it counts at once.
    """

    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE)
    from_date = models.DateField()
    by_name = models.CharField(max_length=150)
    why = models.TextField()
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(RolloutQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invariant", "ou"], name="invariants_rollout_unique"),
            models.CheckConstraint(
                condition=~models.Q(why="") & ~models.Q(by_name=""),
                name="invariants_rollout_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} below {self.ou_id} from {self.from_date}"


class PolicyDay(models.Model):
    """What a deployed policy was at the end of `day` and before `until` (None: now): whose it is, and
    whether it is what the catalogue says. Deployed is what is attached anywhere; only changes have a row.
    """

    class Kind(models.TextChoices):
        OWN = "OWN", "the organisation's own"
        KEPT_BY_AWS = "KEPT_BY_AWS", "kept by AWS or AWS Control Tower"

    policy = models.ForeignKey(OrgPolicy, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    until = models.DateField(null=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # Every Deny of it, or every value that it sets, stands in the current catalogue, whose probes pass.
    is_as_code = models.BooleanField()
    # Its text could be read.
    is_known = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "day"], name="invariants_policyday_unique"),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("day")),
                name="invariants_policyday_day_before_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} from {self.day}"


# The column of OuCoverage that counts a state.
COUNTS: Final = {state: state.value.lower() for state in CoverageState}
