"""An invariant as a catalogue file tells it.

pydantic, since it reports everything that is wrong with a file at once and by path, which the
loader turns into lines, and writes the JSON schema that editors complete and check from.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

from invariants.catalog.vocabulary import (
    AUTHORISATION_TYPES,
    AccountRole,
    Area,
    CarveOut,
    Events,
    Severity,
)

CLOSED: Final = ConfigDict(extra="forbid", use_attribute_docstrings=True)

_AFTER_A_COMMA: Final = ("and ", "unless ", "whatever ")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
InvariantId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
PolicyType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]
ControlId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+\.[0-9]+$")]
AwsPage = Annotated[str, StringConstraints(pattern=r"^https://([a-z]+\.)*aws\.amazon\.com/\S+$")]
AwsAction = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+:[A-Za-z0-9_]+$")]
JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, config=CLOSED)
class Statement:
    """The invariant in one sentence: persona, action, resource, condition, in this order."""

    persona: Text
    """Who: "Nobody", "Only the key team"."""
    action: Text
    """What they do or cannot do, as a verb: "can leave"."""
    resource: Text
    """On what: "the organisation"."""
    condition: str = ""
    """In which case, or unless what. Empty: always."""

    @property
    def sentence(self) -> str:
        said = f"{self.persona} {self.action} {self.resource}"
        condition = self.condition.strip()
        comma = "," if condition.startswith(_AFTER_A_COMMA) else ""
        return f"{said}{comma} {condition}." if condition else f"{said}."


@dataclass(frozen=True, slots=True, config=CLOSED)
class Targets:
    """Where the policy is to be attached. At least one of the four."""

    root: bool = False
    """The root of the organisation, and so every account."""
    ou_roles: tuple[AccountRole, ...] = ()
    """OUs by what they are for, whatever they are called."""
    ous: tuple[Text, ...] = ()
    """OUs by path from the root: "Workloads/Prod"."""
    accounts: tuple[Annotated[str, StringConstraints(pattern=r"^\d{12}$")], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.root or self.ou_roles or self.ous or self.accounts)


@dataclass(frozen=True, slots=True, config=CLOSED)
class Exemption:
    """A usual exception, which belongs to the invariant."""

    who: Text
    """Who is exempt, in words."""
    carve_out: CarveOut
    """How the exception gets into force."""
    via: str = ""
    """The parameter, condition key or OU that carries it."""


@dataclass(frozen=True, slots=True, config=CLOSED)
class Detects:
    """What reports a resource that breaks the invariant."""

    security_hub: tuple[ControlId, ...] = ()
    """Security Hub controls, by id: "S3.1"."""
    access_analyzer: tuple[Text, ...] = ()
    """Finding types of Access Analyzer: "ExternalAccess"."""


KeyState: TypeAlias = Literal["ABSENT", "PRESENT_UNKNOWN", "UNKNOWN"]


@dataclass(frozen=True, slots=True, config=CLOSED)
class StateOf:
    """A context key without a plain value."""

    state: KeyState | None = None
    one_of: tuple[str | tuple[str, ...], ...] = ()
    """It has one of these values, and it is not known which."""


ContextValue: TypeAlias = str | bool | int | tuple[str, ...] | StateOf


@dataclass(frozen=True, slots=True, config=CLOSED)
class Probe:
    """One request that has to be denied, or that must not be."""

    name: Text
    """What the request stands for: "A developer stops the trail"."""
    action: AwsAction
    principal: Text
    """ARN of a role, user or root, name of an AWS service, or * for an anonymous caller. A star in
    the account part of the ARN stands for `member_account`."""
    resource: Text = "*"
    """ARN, or * for actions that have no resource."""
    resource_account: str = ""
    """Account that owns the resource; empty: the one in the ARN, else the principal's."""
    account_role: AccountRole = AccountRole.WORKLOADS
    """Role of the OU whose stack decides: that of the principal's account for an SCP and a boundary,
    of the resource's account for an RCP."""
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    """Condition keys. A key that is not here is unknown, but for those that follow from the rest."""


@dataclass(frozen=True, slots=True, config=CLOSED)
class Setting:
    """A value that a management policy has to have once it is inherited."""

    path: Text
    """Names of the effective policy with dots between: "ec2_attributes.serial_console_access.status"."""
    value: Any
    """What has to stand there; of a list, what has to be in it."""


@dataclass(frozen=True, slots=True, config=CLOSED)
class Step:
    """A third of the closed loop: there, or not, and why."""

    present: bool
    reason: Text
    """What does it; where it is absent, why that is so."""


@dataclass(frozen=True, slots=True, config=CLOSED)
class Loop:
    """Control keeps it from happening, monitor notices it, fix mends it."""

    control: Step
    monitor: Step
    fix: Step


@dataclass(frozen=True, slots=True, config=CLOSED)
class Invariant:
    """What always holds in an organisation, and the policy that makes it so."""

    id: InvariantId
    """Lower case with hyphens. It never changes: everything else refers to it."""
    version: Annotated[int, Field(ge=1)]
    """Counted up by whoever changes what the invariant demands."""
    statement: Statement
    why: Text
    """What happens without it."""
    type: PolicyType
    """AWS's name of the policy type, or PERMISSIONS_BOUNDARY. AWS adds types: the list is open."""
    severity: Severity
    area: Area
    owner: Text
    """The team that answers for it."""
    targets: Targets
    policy: JsonObject
    """The policy, as YAML or as JSON pasted in."""
    exceptions: tuple[Exemption, ...]
    """The usual ones; [] where none is granted."""
    detects: Detects
    replay: Annotated[tuple[Events, ...], Field(min_length=1)]
    """What recorded events must tell to replay it."""
    loop: Loop
    must_deny: tuple[Probe, ...] = ()
    """Requests that have to be denied. For SCPs, RCPs and boundaries."""
    must_allow: tuple[Probe, ...] = ()
    """Requests that must not be denied. For SCPs, RCPs and boundaries."""
    must_set: tuple[Setting, ...] = ()
    """Values that an account has to inherit. For every other type of policy."""
    pages: tuple[AwsPage, ...] = ()
    """AWS's documentation of what the policy rests on."""
    draft: bool = False
    """Taken over by a program and not yet read by a person."""
    retired: str = ""
    """Why it no longer holds. Empty: it does."""
    lint_waivers: Mapping[str, Text] = field(default_factory=dict)
    """Rules of the linter that this policy breaks on purpose, each with the reason."""
    mandatory: bool | None = None
    """Whether every account in scope has to have it: the KPI of coverage counts those. Left out: yes
    where the severity is CRITICAL or HIGH."""

    @property
    def is_mandatory(self) -> bool:
        if self.mandatory is None:
            return self.severity in (Severity.CRITICAL, Severity.HIGH)
        return self.mandatory

    @property
    def is_authorisation(self) -> bool:
        """Whether the policy decides requests; if not, it sets values."""
        return self.type in AUTHORISATION_TYPES

    @property
    def probes(self) -> tuple[Probe, ...]:
        return (*self.must_deny, *self.must_allow)
