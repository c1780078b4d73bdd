"""The life of every account: when it joins, where it stands, when it is closed, and how careful its owners are.

Accounts that exist on the anchor day or before it are listed by `founding`; from the anchor on a steady trickle joins
(`joining_in_month`) and accounts of any age are retired, so that the organisation keeps its size for years.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sandbox import chance
from sandbox.model import Org
from sandbox.moments import DAY, NEVER, seconds_of_day
from sandbox.org import account_id_of, openings
from sandbox.org.openings import MONTH, Opening

_CARE = {
    "management": 0.5,
    "security": 0.25,
    "infrastructure": 0.55,
    "policy-staging": 0.7,
    "customer": 0.85,
    "payments": 0.62,
    "data": 0.9,
    "nonproduction": 1.1,
    "sandbox": 1.4,
    "exceptions": 1.6,
    "acquired": 1.75,
    "retired": 1.5,
}
_CLASSES = {"payments": "restricted", "customer": "confidential", "data": "confidential"}
_CRITICALITY = {
    "payments": "critical",
    "customer": "high",
    "data": "high",
    "infrastructure": "high",
    "security": "critical",
}


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """Everything that will ever be true of one account. Moments are seconds since 1970, `NEVER` when they do not come."""

    key: str
    account_id: str
    name: str
    owner: str
    kind: str
    """What the account is for: a key of `_CARE`."""
    environment: str
    seed: int
    joined_at: int
    joined_method: str
    moves: tuple[tuple[int, str], ...]
    """(since, OU key or "root"), oldest first; the first is the joining."""
    pending_closure_at: int
    closed_at: int
    suspended_at: int
    gone_at: int
    """When Organizations forgets it: 90 days after it was closed."""
    weakness: float
    """How much more than usual fails here; 1.0 is usual."""
    tags: Mapping[str, str]
    tagged_at: int
    regions: tuple[str, ...]
    """Regions with resources, home Region first."""
    opted_in: bool
    """Whether the opt-in Region of the organisation is enabled."""

    @property
    def frozen_at(self) -> int:
        """Return when its checks stop, for good."""
        return min(self.suspended_at, self.pending_closure_at)

    @property
    def home_ou(self) -> str:
        """Return the key of the OU that the account is meant for."""
        return "exceptions" if self.kind == "acquired" else self.kind

    def ou_at(self, now: int) -> str:
        """Return the key of the OU that holds it at that moment, or "root"."""
        return next((ou for since, ou in reversed(self.moves) if since <= now), self.moves[0][1])

    def exists_at(self, now: int) -> bool:
        """Return whether Organizations lists it at that moment."""
        return self.joined_at <= now < self.gone_at


def plans_at(org: Org, now: int) -> list[AccountPlan]:
    """Return the accounts that Organizations lists at that moment, in joining order after the management account."""
    listed = [plan for plan in founding(org) if plan.exists_at(now)]
    for month in range(max(0, (now - seconds_of_day(org.anchor)) // MONTH + 1)):
        listed.extend(plan for plan in joining_in_month(org, month) if plan.exists_at(now))
    return listed


@lru_cache(maxsize=8)
def founding(org: Org) -> tuple[AccountPlan, ...]:
    """Return every account that joined before the anchor day."""
    return tuple(_open(org, opening) for opening in openings.founding(org))


@lru_cache(maxsize=4096)
def joining_in_month(org: Org, month: int) -> tuple[AccountPlan, ...]:
    """Return the accounts that join in the month with that number after the anchor day."""
    return tuple(_open(org, opening) for opening in openings.joining(org, month))


def _open(org: Org, opening: Opening) -> AccountPlan:
    seed = chance.seed_of(org.seed, "plan", opening.key)
    closing = opening.retires_at + 21 * DAY if opening.retires_at < NEVER else NEVER
    closed = closing + 2 * DAY if closing < NEVER else NEVER
    gone = min(closed + 90 * DAY, opening.suspended_at + 380 * DAY)
    moves = [move for move in opening.moves if move[0] < opening.retires_at]
    if opening.retires_at < NEVER:
        moves.append((opening.retires_at, "suspended"))
    regions = [org.home_region]
    regions += [
        region
        for place, region in enumerate(org.regions[1:4])
        if chance.draw(seed, 20 + place) < 0.28
    ]
    opted_in = chance.draw(seed, 30) < 0.12
    return AccountPlan(
        key=opening.key,
        account_id=account_id_of(org.seed, opening.key),
        name=opening.name,
        owner=opening.owner,
        kind=opening.kind,
        environment=opening.environment,
        seed=seed,
        joined_at=opening.joined_at,
        joined_method=opening.joined_method,
        moves=tuple(moves),
        pending_closure_at=closing,
        closed_at=closed,
        suspended_at=opening.suspended_at,
        gone_at=min(gone, NEVER),
        weakness=_CARE[opening.kind] * (0.7 + 0.6 * chance.draw(seed, 1)),
        tags=_tags(opening, seed),
        tagged_at=opening.tagged_at,
        regions=(*regions, org.regions[4]) if opted_in else tuple(regions),
        opted_in=opted_in,
    )


def _tags(opening: Opening, seed: int) -> dict[str, str]:
    """Return the tags it should have, less those that somebody forgot."""
    whole = {
        "owner": opening.owner,
        "environment": opening.environment,
        "data-classification": _CLASSES.get(opening.kind, "internal"),
        "criticality": _CRITICALITY.get(
            opening.kind, "low" if opening.kind == "sandbox" else "medium"
        ),
        "cost-centre": f"CC-{4100 + seed % 37}",
    }
    forgetful = 0.35 if opening.kind in ("acquired", "sandbox", "exceptions") else 0.07
    return {
        name: value
        for place, (name, value) in enumerate(whole.items())
        if chance.draw(seed, 40 + place) >= forgetful
    }
