"""What is asked of the edits: the exception, and all that stands around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from invariants import catalog
from invariants.carving.boxes import Scope
from invariants.carving.grounds import Ground, Sighted
from invariants.carving.policies import Piece


class Way(StrEnum):
    """The mechanisms by which an exception gets into force, as `models.exceptions.Mechanism` names them."""

    EXCEPTIONS_OU = "EXCEPTIONS_OU"
    PRINCIPAL_LIST = "PRINCIPAL_LIST"
    TAG = "TAG"
    VALUE_LIST = "VALUE_LIST"
    CHILD_OVERRIDE = "CHILD_OVERRIDE"
    TIME_LIMIT = "TIME_LIMIT"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was approved: the pieces by the id of the policy, the OU that an account was moved from, and
    the name of the policy that was made."""

    pieces: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another exception from the same invariant that policies may carry, and what was approved of it."""

    ref: str
    scope: Scope
    kept: Kept
    way: Way = Way.PRINCIPAL_LIST


@dataclass(frozen=True, slots=True)
class Asked:
    """`serving` are the statements that serve the invariant in the accounts of the scope, by policy; `others`
    are in the order in which they were approved; `renews` are the
    references of those that this one renews; `sighted` is where the last collection saw it pass."""

    ref: str
    way: Way
    scope: Scope
    record: catalog.Invariant
    serving: Mapping[str, frozenset[int]]
    ground: Ground
    parameters: Mapping[str, tuple[str, ...]]
    now: datetime
    others: tuple[Neighbour, ...] = ()
    kept: Kept = field(default_factory=Kept)
    renews: tuple[str, ...] = ()
    sighted: tuple[Sighted, ...] = ()

    @property
    def token(self) -> str:
        """The reference as a Sid takes it: EX0042."""
        return token_of(self.ref)

    @property
    def new_name(self) -> str:
        """Of a policy that is made for the exception alone."""
        return f"exception-{self.ref.lower()}-{self.record.id}"[:128]


def token_of(ref: str) -> str:
    return ref.replace("-", "")
