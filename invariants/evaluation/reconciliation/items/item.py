"""One difference between what was approved and what is deployed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from invariants.evaluation.reconciliation.records import Picture
from invariants.models.exceptions import MismatchKind, Risk
from invariants.policies.exceptions import clocks
from invariants.policies.exceptions.clocks import Calendar

# So many accounts are named in the evidence of an item.
SAMPLE: Final = 50
PLATFORM: Final = "Platform team"


@dataclass(frozen=True, slots=True)
class Item:
    """One difference. `identity` makes it the same in the next collection; `account` is the key of the
    one account that it is about, None where there are several."""

    kind: str
    identity: tuple[str, ...]
    severity: str
    owner_part: str
    owner: str
    summary: str
    remedy: str
    exception: int | None = None
    cause: str = ""
    invariant: int | None = None
    account: int | None = None
    accounts: int = 0
    policy: int | None = None
    policy_name: str = ""
    mechanism: str = ""
    condition_key: str = ""
    value: str = ""
    due_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of what it is about (hex)."""
        said = "\x1f".join((self.kind, *self.identity))
        return hashlib.sha256(said.encode()).hexdigest()


def due_of(one: Item, *, since: datetime, calendar: Calendar) -> datetime | None:
    """By when it has to be put right, told from when it was first seen where no record has a clock of it.

    What nobody approved has as long as what has ended, and another look as long as a decision.
    """
    newest = clocks.VERSIONS[clocks.NEWEST]
    if one.kind == MismatchKind.NOT_APPROVED:
        return calendar.after(since, newest.removal)
    if one.kind == MismatchKind.RE_REVIEW:
        risk = Risk(one.severity) if one.severity in Risk.values else Risk.LOW
        return calendar.after(since, newest.decision[risk])
    return one.due_at


def only(accounts: Iterable[str], picture: Picture) -> int | None:
    """The key of the account where there is one alone."""
    found = list(accounts)
    place = picture.places.get(found[0]) if len(found) == 1 else None
    return place.pk if place else None


def rank(severity: str) -> int:
    order = [Risk.CRITICAL, Risk.HIGH, Risk.MEDIUM, Risk.LOW]
    return order.index(Risk(severity)) if severity in order else len(order)
