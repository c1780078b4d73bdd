"""What is compared: exceptions, how coverage stands, and the carve-outs that are deployed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.policies.exceptions.fitting import Asked

# The role of the OUs to which accounts are moved that are let off.
EXCEPTIONS: Final = "EXCEPTIONS"
ENDED = frozenset({State.EXPIRED, State.REVOKED, State.CLOSING})
GRANTED = frozenset(
    {State.APPROVED, State.IMPLEMENTING, State.ACTIVE, State.EXPIRING, State.EMERGENCY}
)
# Asked for, and nobody has said yes or no.
ASKED = frozenset({State.SUBMITTED, State.TRIAGED, State.RISK_ASSESSED, State.CHANGES_REQUESTED})


@dataclass(frozen=True, slots=True)
class Case:
    """One exception, and what it is for. `is_by_findings`: no policy carries it, so that it is in place
    where its scope matches findings."""

    request: ExceptionRequest
    asked: Asked
    is_by_findings: bool = False

    @property
    def is_ended(self) -> bool:
        return self.request.state in ENDED

    @property
    def is_granted(self) -> bool:
        return self.request.state in GRANTED

    @property
    def is_live(self) -> bool:
        """Granted, and seen in place."""
        return self.is_granted and self.request.verified_at is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an invariant stands in an account, with the evidence of coverage."""

    state: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A live account: its key, and the OU that holds it. `state` is Account.State of AWS Organizations."""

    pk: int
    ou_id: str
    role: str
    name: str = ""
    ou_name: str = ""
    state: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A carve-out as one proof of an invariant has it, and the accounts that it reaches."""

    invariant: str
    carve_out: Mapping[str, Any]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    pk: int
    name: str
    type: str
    content: str
    is_kept_by_aws: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant of the catalogue."""

    pk: int
    owner: str
    severity: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a reconciliation looks at.

    `is_whole`: the policies were read as a whole, `read_at`: as of when; where they were not, `why`, and
    nothing that a policy carries is judged. `standings` are by invariant and account, `policies` by AWS's
    ids. `matching` are the exceptions without a policy whose scope matches anything, by their keys.
    `let_off`: by accounts in OUs of exceptions, what is missing there and holds elsewhere.
    """

    is_whole: bool
    read_at: datetime | None
    why: str
    today: date
    cases: tuple[Case, ...] = ()
    standings: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    deployed: tuple[Deployed, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    matching: frozenset[int] = frozenset()
    let_off: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of one exception; `is_found` None: it could not be told. `looked_at`: as of when."""

    pk: int
    is_found: bool | None
    looked_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
