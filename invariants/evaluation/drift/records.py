"""What drift is found from, and what is found. Nothing here knows the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ACTIVE: Final = frozenset({"STAGED", "ENFORCED"})
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")


@dataclass(frozen=True, slots=True)
class Demand:
    """An invariant of the catalogue, whatever its state. `policy` is JSON as AWS would get it.

    `settings` are pairs of a path with dots and the value that has to be in force there. `examples` are
    parameters of it that nobody has set.
    """

    pk: int
    key: str
    state: str
    type: str
    severity: str
    policy: str
    targets: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[tuple[str, Any], ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it is to stand in AWS; of the others nothing drifts."""
        return self.state in ACTIVE


@dataclass(frozen=True, slots=True)
class Deployed:
    """A policy as it stands in AWS. `content` None: it could not be read.

    `attached_to` are ids of places. `is_gone`: no complete reading names it any more.
    """

    pk: int
    policy_id: str
    name: str
    type: str
    content: str | None
    description: str = ""
    is_aws_managed: bool = False
    attached_to: tuple[str, ...] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """The root, an OU or an account. `label` is its path of names, for people."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    role: str = ""
    state: str = ""
    label: str = ""
    pk: int | None = None

    @property
    def shown(self) -> str:
        if self.kind == "ROOT":
            return "Root"
        return f"{self.name} ({self.id})" if self.kind == "ACCOUNT" else self.label or self.name


@dataclass(frozen=True, slots=True)
class Told:
    """What AWS says is in force for one stack of policies; `value` None: not known, and `why`."""

    value: Mapping[str, Any] | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """What an exception that is in force, or being put in place, was approved to change in one policy.

    `pieces` are statements `before` and `after`, `marks` the values that they exempt by then, as
    invariants.carving tells them. The oldest edit comes first.
    """

    ref: str
    policy_id: str
    pieces: tuple[Mapping[str, Any], ...] = ()
    marks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """An organisation at one moment: what is demanded, what stands, and where."""

    root_id: str
    management_account_id: str
    enabled_types: frozenset[str]
    places: Mapping[str, Spot]
    demands: tuple[Demand, ...]
    policies: tuple[Deployed, ...]
    told: Mapping[tuple[str, str], Told] = field(default_factory=dict)
    """By policy type and digest of the stack."""
    edits: tuple[KeptEdit, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One drift as it is now. `kind`, `invariant`, `policy`, `place_id` and `about` say which one it is.

    `restore` is JSON for whoever puts it right: the policy's text as it has to be, and where it has to hang.
    """

    kind: str
    severity: str
    summary: str
    policy_type: str
    invariant: Demand | None = None
    policy: Deployed | None = None
    place: Spot | None = None
    place_name: str = ""
    about: str = ""
    before: str = ""
    after: str = ""
    restore: Mapping[str, Any] = field(default_factory=dict)
    exceptions: tuple[str, ...] = ()
    """Exceptions whose carve-outs are part of it; `is_explained`: it is nothing else."""
    is_explained: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        """What stays the same from one collection to the next; ids of AWS and of the catalogue."""
        return (
            self.kind,
            self.policy_type,
            self.invariant.key if self.invariant and self.kind in _OF_AN_INVARIANT else "",
            # A missing policy may have had several ids.
            self.policy.policy_id if self.policy and self.kind in _OF_A_POLICY else "",
            self.place.id if self.place and self.kind in _OF_A_PLACE else "",
            self.about,
        )


_OF_A_POLICY: Final = frozenset({"CONTENT", "UNMANAGED"})
_OF_A_PLACE: Final = frozenset({"ATTACHMENT", "EFFECTIVE_VALUE"})
_OF_AN_INVARIANT: Final = frozenset({"CONTENT", "MISSING_IN_AWS", "ATTACHMENT", "EFFECTIVE_VALUE"})


@dataclass(frozen=True, slots=True)
class Findings:
    """All differences, and what nothing can be said of: drift that touches it neither opens nor ends."""

    differences: tuple[Difference, ...]
    unreadable: frozenset[str] = frozenset()
    """Ids of policies."""
    unclear: frozenset[tuple[str, ...]] = frozenset()
    """Identities of what seems to be so only because a policy could not be read."""
    unclear_types: frozenset[str] = frozenset()
    """Types of policies with an unreadable one among them: values may be in it."""
    recognised: Mapping[str, int] = field(default_factory=dict)
    """How many policies of which class there are."""


def worst(severities: list[str]) -> str:
    return min(severities, key=SEVERITIES.index, default="LOW")
