"""Findings of GuardDuty, Inspector, Macie and Config of the organisation at a moment.

Each account has a few lanes a product. A lane's time is cut into periods; in each, something may be found, which is
then seen again, dealt with or archived, and forgotten by Security Hub after AWS's retention.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox import chance
from sandbox.findings import guardduty, inspector, macie_and_config
from sandbox.findings.native import Life
from sandbox.findings.resources import Place
from sandbox.history.control_findings import ACTIVE_FOR, ARCHIVED_FOR
from sandbox.history.world import World
from sandbox.model import Document
from sandbox.moments import DAY
from sandbox.org.accounts import AccountPlan

Build = Callable[[Place, Life, int], Document]


@dataclass(frozen=True, slots=True)
class Product:
    """How a product's findings come and go in an account of usual size."""

    key: str
    lanes: float
    """Lanes of an account with usual care."""
    period: int
    odds: float
    open_days: float
    """Mean days until it is closed."""
    seen_daily: bool
    """Whether the product updates an open finding every day; else only in its first days."""
    needs_weakness: bool
    build: Build


def _config(place: Place, life: Life, seed: int) -> Document:
    return macie_and_config.config_finding(
        place, life, seed, fails=not life.is_archived and life.workflow != "RESOLVED"
    )


PRODUCTS = (
    Product("guardduty", 1.3, 45 * DAY, 0.8, 24, False, True, guardduty.finding),
    Product("inspector", 6.0, 110 * DAY, 0.85, 26, True, True, inspector.finding),
    Product("macie", 0.7, 60 * DAY, 0.6, 30, False, False, macie_and_config.macie_finding),
    Product("config", 0.9, 120 * DAY, 0.8, 60, True, True, _config),
)
_KINDS_WITHOUT = frozenset({"management", "security", "policy-staging"})


def findings_at(world: World, plan: AccountPlan, now: int) -> Iterator[Document]:
    """Yield the findings of other products in one account at that moment."""
    for product in PRODUCTS:
        if product.key == "macie" and plan.kind in ("sandbox", "retired"):
            continue
        for lane in range(_lanes(world, plan, product)):
            seed = chance.seed_of(plan.seed, product.key, lane)
            yield from _of_lane(product, plan, seed, now)


def _lanes(world: World, plan: AccountPlan, product: Product) -> int:
    factor = min(1.8, plan.weakness) if product.needs_weakness else 1.0
    if plan.kind in _KINDS_WITHOUT:
        factor *= 0.3
    return int(
        product.lanes * factor * world.native_rate
        + chance.draw(chance.seed_of(plan.seed, product.key), 0)
    )


def _of_lane(product: Product, plan: AccountPlan, seed: int, now: int) -> Iterator[Document]:
    offset = seed % product.period
    newest = (now - offset) // product.period
    oldest = (now - offset - ACTIVE_FOR - 4 * product.period) // product.period
    for number in range(max(oldest, (plan.joined_at - offset) // product.period), newest + 1):
        own = chance.mix(seed, number)
        created_at = (
            offset + number * product.period + int(chance.draw(own, 0) * 0.7 * product.period)
        )
        if (
            created_at > min(now, plan.frozen_at)
            or created_at < plan.joined_at + DAY
            or chance.draw(own, 1) >= product.odds
        ):
            continue
        life = _life(product, own, created_at, now=now, horizon=min(now, plan.frozen_at))
        if life:
            yield product.build(_place(plan, own), life, own)


def _life(product: Product, seed: int, created_at: int, *, now: int, horizon: int) -> Life | None:
    """Return how the finding stands, or None once Security Hub has deleted it."""
    closed_at = (
        created_at + 7200 + int(chance.waiting(product.open_days * DAY, chance.draw(seed, 2)))
    )
    if closed_at <= horizon:
        life = Life(created_at, closed_at, "RESOLVED" if seed % 2 else "NEW", is_archived=True)
        return life if now - closed_at < ARCHIVED_FOR else None
    seen = (
        horizon - (horizon - seed) % DAY
        if product.seen_daily
        else created_at + int(chance.draw(seed, 3) * 5 * DAY)
    )
    updated_at = max(created_at, min(seen, horizon))
    if now - updated_at >= ACTIVE_FOR:
        return None
    is_notified = horizon - created_at > 2 * DAY and chance.draw(seed, 4) < 0.4
    return Life(created_at, updated_at, "NOTIFIED" if is_notified else "NEW")


def _place(plan: AccountPlan, seed: int) -> Place:
    region = plan.regions[0] if chance.draw(seed, 5) < 0.7 else chance.pick(seed, 6, plan.regions)
    return Place(plan.account_id, plan.name, region, plan.owner, plan.environment)
