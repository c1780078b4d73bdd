"""The catalogue as an organisation has it: its invariants, their versions and their life."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

from findings.models import Area
from inventory import access
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class InvariantState(models.TextChoices):
    """How far an invariant is with the organisation; whether it holds is its coverage."""

    DRAFT = "DRAFT", "draft"
    TESTED = "TESTED", "tested"
    STAGED = "STAGED", "staged"
    ENFORCED = "ENFORCED", "enforced"
    RETIRED = "RETIRED", "retired"


class InvariantSeverity(models.TextChoices):
    CRITICAL = "CRITICAL", "Critical"
    HIGH = "HIGH", "High"
    MEDIUM = "MEDIUM", "Medium"
    LOW = "LOW", "Low"


class InvariantQuerySet(models.QuerySet["Invariant"]):
    def live(self) -> Self:
        """Still in the catalogue."""
        return self.filter(gone_at=None)

    def setting_values(self, organization: Organization) -> Self:
        """Those that are to stand in AWS as policies that set values, instead of deciding requests."""
        states = [InvariantState.STAGED, InvariantState.ENFORCED]
        deciding = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "PERMISSIONS_BOUNDARY"]
        mine = self.live().filter(organization=organization, state__in=states)
        return mine.exclude(type__in=deciding)

    def visible_to(self, user: "AnyUser") -> Self:
        """All, for everybody who sees any account: what always holds is to be known.

        The columns of the row may be read; its version has the policy, which is not for everybody.
        """
        return self.none() if access.scope_of(user).nothing else self


class Invariant(models.Model):
    """An invariant of an organisation's catalogue. `key` is its id there, and never changes.

    What lists show is kept here as well as in the version.
    """

    State = InvariantState
    Severity = InvariantSeverity

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    key = models.CharField(max_length=80)
    state = models.CharField(
        max_length=8, choices=InvariantState.choices, default=InvariantState.DRAFT
    )
    state_since = models.DateTimeField()
    # Null only while the first version is being written.
    version = models.ForeignKey(
        "InvariantVersion", null=True, on_delete=models.PROTECT, related_name="+"
    )
    statement = models.TextField()
    condition = models.TextField(blank=True)  # the part of the statement that says unless what
    why = models.TextField()
    # AWS's name of the policy type, or PERMISSIONS_BOUNDARY. AWS adds types: the list is open.
    type = models.CharField(max_length=60)
    type_name = models.CharField(max_length=80)
    severity = models.CharField(max_length=8, choices=InvariantSeverity.choices)
    area = models.CharField(max_length=20, choices=Area.choices)
    owner = models.CharField(max_length=120)
    # Every account in scope has to have it: K7 counts these.
    is_mandatory = models.BooleanField()
    gone_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(InvariantQuerySet)()

    class Meta:
        permissions = [
            ("manage_invariants", "Can move invariants through their life, but not into force"),
            ("enforce_invariants", "Can say that an invariant is enforced, or is so no longer"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"], name="invariants_invariant_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
                name="invariants_invariant_key",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class InvariantVersionQuerySet(models.QuerySet["InvariantVersion"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: it holds the text of the policy."""
        return self if access.scope_of(user).everything else self.none()


class InvariantVersion(models.Model):
    """What an invariant demanded from `loaded_at` on, before `replaced_at`.

    `number` counts the versions that were loaded here; `declared` is the file's own count. `content` is
    the whole record with parameters filled in and overrides applied; `source` says where that stood:
    `file`, `line`, `parameters` (names that its policy and targets use), `examples` (those of them that
    still have the shipped example values), and, where an own folder changes it, `overridden_file`,
    `overridden_line` and `because`.

    `reading` is worked out when it is loaded, for pages: `lint` (objects with `rule`, `severity`, `path`,
    `message`, `fix`, `page`, and `waived`: the reason, or ""), `words` (what each statement says), `size`
    and `size_limit` in characters as AWS counts them, `slots` (policies of the type a target takes), and
    `probes` (`asked`, and of those that fail `name` and `why`). None: AWS publishes no limit.
    """

    invariant = models.ForeignKey(Invariant, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    declared = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    source = models.JSONField(default=dict)
    reading = models.JSONField(default=dict)
    loaded_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(InvariantVersionQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "number"], name="invariants_invariantversion_unique"
            ),
            models.UniqueConstraint(
                fields=["invariant"],
                condition=models.Q(replaced_at=None),
                name="invariants_invariantversion_one_current",
            ),
            models.CheckConstraint(
                condition=models.Q(digest__regex=r"^[0-9a-f]{64}$"),
                name="invariants_invariantversion_digest",
            ),
            models.CheckConstraint(
                condition=models.Q(replaced_at=None)
                | models.Q(replaced_at__gte=models.F("loaded_at")),
                name="invariants_invariantversion_loaded_before_replaced",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} version {self.number}"


class InvariantMoveQuerySet(models.QuerySet["InvariantMove"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: what gates found, and why, may name any account."""
        return self if access.scope_of(user).everything else self.none()


class InvariantMove(models.Model):
    """One step of an invariant's life, with the gates as they stood. The database only adds them.

    `gates` is a list of objects with `gate`, `state` (PASSED, FAILED, WAIVED), `found` (words) and
    `waiver` (why it was waived; "" where it was not).
    """

    invariant = models.ForeignKey(Invariant, on_delete=models.PROTECT, related_name="moves")
    version = models.ForeignKey(InvariantVersion, on_delete=models.PROTECT, related_name="+")
    before = models.CharField(max_length=8, choices=InvariantState.choices)
    after = models.CharField(max_length=8, choices=InvariantState.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    by_name = models.CharField(max_length=150)
    why = models.TextField()
    gates = models.JSONField(default=list)

    objects = models.Manager.from_queryset(InvariantMoveQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(before=models.F("after")),
                name="invariants_invariantmove_moves",
            ),
            models.CheckConstraint(
                condition=~models.Q(why="") & ~models.Q(by_name=""),
                name="invariants_invariantmove_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} {self.before} to {self.after} at {self.at:%Y-%m-%d %H:%M:%S}"


class CatalogLoadQuerySet(models.QuerySet["CatalogLoad"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: problems quote policies."""
        return self if access.scope_of(user).everything else self.none()


class CatalogLoad(models.Model):
    """One reading of the catalogue's files that found something new, or something wrong.

    A refused one changes nothing: what was loaded before holds on. `problems` are objects with `file`,
    `line`, `message`, `remedy`; `counts` has `invariants`, `added`, `changed`, `gone`, `returned`.
    `files` is the digest of all files as they were read; `parameters` and `own_parameters` are what the
    records were filled with.
    """

    class State(models.TextChoices):
        LOADED = "LOADED", "loaded"
        REFUSED = "REFUSED", "refused"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices)
    files = models.CharField(max_length=64)
    problems = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    parameters = models.JSONField(default=dict)
    own_parameters = models.JSONField(default=list)

    objects = models.Manager.from_queryset(CatalogLoadQuerySet)()

    class Meta:
        indexes = [
            # The newest reading, on the page of the catalogue and before each collection.
            models.Index(fields=["organization", "-id"], name="invariants_catalogload_newest")
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="LOADED", problems=[])
                | (models.Q(state="REFUSED") & ~models.Q(problems=[])),
                name="invariants_catalogload_refused_says_why",
            )
        ]

    def __str__(self) -> str:
        return f"catalogue of {self.organization_id} at {self.at:%Y-%m-%d %H:%M:%S}"
