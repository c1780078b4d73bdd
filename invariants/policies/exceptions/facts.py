"""What the table of steps looks at: the record, who acts, and what they say with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from invariants.models.exceptions import Mechanism, Part, Seat, WhoKind


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a record now. `parts` are by person, `approvals` those of its round, and
    `represented` those instead of whom somebody gave one of them.

    `lapsed` is an emergency of the same that has run out unapproved of late, by its reference. `asks` are the fields of the request that have to be filled, by their names for people; `scope` the
    values of its scope by kind. `until` is None before somebody approved or granted.
    """

    state: str
    requester_id: int
    severity: str
    target_kind: str
    mechanism: str
    asks: Mapping[str, str]
    scope: Mapping[str, tuple[str, ...]]
    starts_on: date | None
    asked_until: date | None
    until: date | None = None
    inherent_risk: str = ""
    residual_risk: str = ""
    is_emergency: bool = False
    emergency_until: datetime | None = None
    lapsed: str = ""
    renewal: int = 0
    is_renewal_of_same: bool = False
    implementer_id: int | None = None
    verified_at: datetime | None = None
    ended_at: datetime | None = None
    clocks_version: int = 1
    parts: Mapping[int, Part] = field(default_factory=dict)
    approvals: Mapping[Seat, int] = field(default_factory=dict)
    represented: frozenset[int] = frozenset()

    @property
    def has_policy(self) -> bool:
        """Whether something has to change in AWS."""
        return self.mechanism != Mechanism.NONE


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts. `instead_of`: people by id who are away and left their approvals to this one, each
    with their own rights of approval. `sees_whole`: whether they see every place that it covers."""

    kind: WhoKind = WhoKind.PERSON
    id: int | None = None
    rights: frozenset[str] = frozenset()
    instead_of: Mapping[int, frozenset[str]] = field(default_factory=dict)
    sees_whole: bool = True


CLOCK = Who(WhoKind.CLOCK)
COLLECTION = Who(WhoKind.COLLECTION)


@dataclass(frozen=True, slots=True)
class Said:
    """What comes with a step.

    `is_found`: whether a collection found the carve-out (or, without a policy, whether the scope
    matches): True, False, or None where it could not tell. `looked_at`: as of when it looked.
    """

    why: str = ""
    inherent_risk: str = ""
    residual_risk: str = ""
    until: date | None = None
    link: str = ""
    is_found: bool | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and the day that it is in the organisation's calendar."""

    now: datetime
    today: date

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)
