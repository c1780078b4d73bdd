"""Openings of accounts: which accounts there ever are, when they join, where they stand and when they retire."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from sandbox import chance
from sandbox.model import Org
from sandbox.moments import DAY, NEVER, WEEK, seconds_of_day
from sandbox.org import names

MONTH = 30 * DAY
PRODUCTION = ("customer", "payments", "data")


@dataclass(frozen=True, slots=True)
class Opening:
    """What has to be said to open an account."""

    key: str
    name: str
    kind: str
    owner: str
    environment: str
    joined_at: int
    moves: tuple[tuple[int, str], ...]
    retires_at: int = NEVER
    suspended_at: int = NEVER
    joined_method: str = "CREATED"
    tagged_at: int = 0


def founding(org: Org) -> list[Opening]:
    """Return the openings of every account that joined before the anchor day."""
    openings = [
        *_core(org),
        *_legacy(org),
        *_retired(org),
        *_acquired(org),
        *_newcomers(org),
        *_sandboxes(org),
    ]
    openings += islice(
        _workloads(org), max(0, org.size - len(openings) + _gone_by_anchor(org, openings))
    )
    return openings


def joining(org: Org, month: int) -> list[Opening]:
    """Return the openings of the accounts that join in the month with that number after the anchor day."""
    start = seconds_of_day(org.anchor) + month * MONTH
    seed = chance.seed_of(org.seed, "joining", month)
    number = int(org.size * 0.018 + chance.draw(seed, 0))
    openings = []
    for place in range(number):
        system, owner = names.NEWCOMERS[(month * 3 + place) % len(names.NEWCOMERS)]
        kind = ("customer", "nonproduction", "payments", "data", "nonproduction")[
            (month + place) % 5
        ]
        suffix = "dev" if kind == "nonproduction" else "prod"
        joined_at = start + int(chance.draw(seed, 10 + place) * MONTH)
        life = 400 * DAY + int(chance.waiting(900 * DAY, chance.draw(seed, 200 + place)))
        openings.append(
            Opening(
                key=f"joining-{month}-{place}",
                name=f"{system}-{month + 2}{'' if place < 1 else chr(96 + place)}-{suffix}",
                kind=kind,
                owner=owner,
                environment="development" if suffix == "dev" else "production",
                joined_at=joined_at,
                moves=_usual_moves(joined_at, kind, chance.mix(seed, 400 + place)),
                retires_at=joined_at + life,
            )
        )
    return openings


def _gone_by_anchor(org: Org, openings: list[Opening]) -> int:
    anchor = seconds_of_day(org.anchor)
    return sum(opening.retires_at + 113 * DAY < anchor for opening in openings)


def _usual_moves(joined_at: int, kind: str, seed: int) -> tuple[tuple[int, str], ...]:
    """Return the path of a new account: Onboarding, Nursery, then where it belongs."""
    onboarded = joined_at + int((5 + 8 * chance.draw(seed, 0)) * DAY)
    grown = onboarded + int((14 + 30 * chance.draw(seed, 1)) * DAY)
    return ((joined_at, "onboarding"), (onboarded, "nursery"), (grown, kind))


def _long_ago(org: Org, key: str, *, years: float = 6.0) -> int:
    share = chance.draw(chance.seed_of(org.seed, "age", key), 0)
    return seconds_of_day(org.anchor) - int((240 + years * 365 * share) * DAY) + int(share * 70_000)


def _far_retirement(org: Org, key: str) -> int:
    share = chance.draw(chance.seed_of(org.seed, "retirement", key), 0)
    return seconds_of_day(org.anchor) + 45 * DAY + int(chance.waiting(50 * MONTH, share))


def _core(org: Org) -> Iterator[Opening]:
    oldest = seconds_of_day(org.anchor) - 7 * 365 * DAY
    yield Opening(
        "management",
        "halden-management",
        "management",
        "cloud-platform",
        "shared",
        oldest,
        ((oldest, "root"),),
        joined_method="INVITED",
    )
    for place, (name, kind, owner) in enumerate(names.CORE):
        joined_at = oldest + (place + 1) * 3 * DAY + place * 4711
        yield Opening(name, name, kind, owner, "shared", joined_at, ((joined_at, kind),))


def _legacy(org: Org) -> Iterator[Opening]:
    for place in range(max(2, org.size // 40)):
        system, owner = names.LEGACY[place % len(names.LEGACY)]
        name = f"{system}{_number(place // len(names.LEGACY))}-prod"
        joined_at = _long_ago(org, name)
        yield Opening(
            name, name, "exceptions", owner, "production", joined_at, ((joined_at, "exceptions"),)
        )


def _retired(org: Org) -> Iterator[Opening]:
    """Yield accounts that leave around the anchor day: one closed and forgotten, one closed lately, one only suspended."""
    anchor = seconds_of_day(org.anchor)
    for place in range(max(4, org.size // 30)):
        name = f"{names.RETIRED[place % 4]}{_number(place // 4)}"
        joined_at = _long_ago(org, name)
        moves: tuple[tuple[int, str], ...] = ((joined_at, "sandbox"),)
        leaves = {0: anchor - 22 * WEEK, 1: anchor - 6 * WEEK, 2: anchor - 10 * DAY, 3: NEVER}[
            place % 4
        ]
        suspended = anchor - 15 * WEEK if place % 4 == 3 else NEVER
        if suspended < NEVER:
            moves = (*moves, (suspended + DAY, "suspended"))
        yield Opening(
            name, name, "retired", "cloud-platform", "sandbox", joined_at, moves, leaves, suspended
        )


def _acquired(org: Org) -> Iterator[Opening]:
    """Yield the accounts of Northwick, bought about nine weeks before the anchor day."""
    anchor = seconds_of_day(org.anchor)
    for place in range(max(5, org.size // 25)):
        system, owner = names.ACQUIRED[place % len(names.ACQUIRED)]
        name = f"{system}{_number(place // len(names.ACQUIRED))}"
        joined_at = anchor - 9 * WEEK + (place % 9) * 11 * 3600 + 1800
        settled = joined_at + (16 + 5 * (place % 5)) * DAY
        final = ("exceptions", "exceptions", "onboarding", "nonproduction", "exceptions")[place % 5]
        yield Opening(
            name,
            name,
            "acquired",
            owner,
            "development" if final == "nonproduction" else "production",
            joined_at,
            ((joined_at, "onboarding"), (settled, final)),
            _far_retirement(org, name),
            joined_method="INVITED",
            tagged_at=anchor - 3 * WEEK,
        )


def _newcomers(org: Org) -> Iterator[Opening]:
    """Yield accounts that joined during the 26 weeks before the anchor day, spread over them; some dwell too long."""
    anchor = seconds_of_day(org.anchor)
    number = max(6, org.size // 10)
    for place in range(number):
        system, owner = names.NEWCOMERS[place % len(names.NEWCOMERS)]
        kind = ("customer", "nonproduction", "payments", "nonproduction", "data")[place % 5]
        suffix = "dev" if kind == "nonproduction" else "prod"
        name = f"{system}{_number(place // len(names.NEWCOMERS))}-{suffix}"
        seed = chance.seed_of(org.seed, "newcomer", name)
        joined_at = anchor - 26 * WEEK + int((place + chance.draw(seed, 0)) / number * 25.4 * WEEK)
        moves = _usual_moves(joined_at, kind, seed)
        if place % 6 == 3:
            moves = moves[:2]
        environment = "production" if suffix == "prod" else "development"
        yield Opening(
            name, name, kind, owner, environment, joined_at, moves, _far_retirement(org, name)
        )


def _sandboxes(org: Org) -> Iterator[Opening]:
    teams = sorted({owner for systems in names.SYSTEMS.values() for _, owner in systems})
    for place in range(max(4, org.size // 10)):
        team = teams[(place * 5) % len(teams)]
        name = f"sandbox-{team}{_number(place // len(teams))}"
        joined_at = _long_ago(org, name, years=3.0)
        yield Opening(
            name,
            name,
            "sandbox",
            team,
            "sandbox",
            joined_at,
            ((joined_at, "sandbox"),),
            _far_retirement(org, name),
        )


def _workloads(org: Org) -> Iterator[Opening]:
    """Yield established workload accounts without end: per system a production and a non-production account."""
    anchor = seconds_of_day(org.anchor)
    systems = [
        (kind, *names.SYSTEMS[kind][place])
        for place in range(10)
        for kind in PRODUCTION
        if place < len(names.SYSTEMS[kind])
    ]
    for place in count():
        kind, system, owner = systems[place // 2 % len(systems)]
        series = place // 2 // len(systems)
        is_production = place % 2 == 0
        stage = "prod" if is_production else ("dev", "staging", "test")[place // 2 % 3]
        environment = {
            "prod": "production",
            "dev": "development",
            "staging": "staging",
            "test": "test",
        }[stage]
        name = f"{system}{_number(series)}-{stage}"
        joined_at = _long_ago(org, name)
        kind = kind if is_production else "nonproduction"
        moves: tuple[tuple[int, str], ...] = ((joined_at, kind),)
        if place == 20:
            moves = ((joined_at, "customer"), (anchor - 13 * WEEK + 40_000, kind))
        if place == 13:
            moves = (*moves, (anchor - 5 * WEEK + 50_000, "exceptions"))
        yield Opening(
            name, name, kind, owner, environment, joined_at, moves, _far_retirement(org, name)
        )


def _number(series: int) -> str:
    return f"-{series + 1}" if series else ""
