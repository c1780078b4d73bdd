"""Checks: one control on one resource (or account), and whether it fails at a moment.

A check fails for three kinds of reasons: it was never right and waits for its repair (the backlog); it breaks now and
then and is repaired (the flow); a wave of the story reaches it. Each is a span of time that follows from the check's
seed alone; the status at a moment is whether a span covers it, and "since" is the last edge of their union.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from sandbox import chance
from sandbox.findings.control_checks import Identity
from sandbox.findings.resources import Place
from sandbox.history.catalogue import CatalogueControl
from sandbox.history.story import CERTAIN, HARDNESS, LEADERS, LED_SHARE, PROGRAMMES
from sandbox.moments import DAY, NEVER, WEEK
from sandbox.org.accounts import AccountPlan

Span = tuple[int, int]

_BACKLOG = {"CRITICAL": 0.34, "HIGH": 0.6, "MEDIUM": 0.62, "LOW": 0.62}
"""Share of checks that fail from the start, of a usual control in a usual account."""
_REPAIR_WEEKS = {"CRITICAL": 8, "HIGH": 26, "MEDIUM": 36, "LOW": 60}
_ABANDONED = {"CRITICAL": 0.015, "HIGH": 0.2, "MEDIUM": 0.24, "LOW": 0.25}
"""Share of the backlog that nobody repairs."""
_BREAKS = {"CRITICAL": 0.08, "HIGH": 0.12, "MEDIUM": 0.14, "LOW": 0.12}
"""Chance to break in one period of 90 to 200 days."""
_OUTAGE_DAYS = {"CRITICAL": 5, "HIGH": 16, "MEDIUM": 35, "LOW": 60}


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that resources of one type take one after another; index 0 of a type is the oldest."""

    resource_type: str
    place: Place
    seed: int
    opens_at: int
    """When the first resource is created, soon after the account joined."""
    lifetime: int
    phase: int

    def generation_at(self, now: int) -> int:
        """Return the number of the resource that stands here at that moment."""
        return (now - self.phase) // self.lifetime

    def birth(self, generation: int) -> int:
        """Return when that resource was created, never before the account joined."""
        return max(self.phase + generation * self.lifetime, self.opens_at)

    def death(self, generation: int) -> int:
        """Return when that resource is deleted."""
        return self.phase + (generation + 1) * self.lifetime


@dataclass(slots=True)
class Check:
    """One control on one slot, or on the account itself (slot None)."""

    control: CatalogueControl
    plan: AccountPlan
    place: Place
    slot: Slot | None
    seed: int
    fate: int
    """Seed of when it fails: its own, or that of the check whose failures are more than its own."""
    begins_at: int
    """When the check can have existed first: the account's joining and the control's release."""
    settled_at: int
    """From when on it cannot fail any more: what it looks for was done away with; or NEVER."""
    waves: tuple[Span, ...]
    is_vacuous: bool = False
    identities: dict[int, Identity] = field(default_factory=dict)
    """Cache by generation; holds the last one only."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a check fails at a moment, and since when it is so."""

    fails: bool
    since: int


def status_at(check: Check, *, generation: int, birth: int, now: int, story_start: int) -> Status:
    """Return the status of the check's resource at that moment."""
    if check.control.control_id in CERTAIN or check.settled_at <= birth:
        return Status(fails=False, since=birth)
    if check.settled_at <= now:
        last = _drawn(check, generation, birth, check.settled_at, story_start)
        return Status(fails=False, since=check.settled_at if last.fails else last.since)
    return _drawn(check, generation, birth, now, story_start)


def _drawn(check: Check, generation: int, birth: int, now: int, story_start: int) -> Status:
    seed = chance.mix(check.fate, generation)
    spans = [span for span in check.waves if span[1] > birth]
    backlog = _backlog(check, seed, birth, story_start)
    if backlog:
        spans.append(backlog)
    spans.extend(_flow(check, seed, birth, now))
    return _union_at(spans, birth, now)


def _backlog(check: Check, seed: int, birth: int, story_start: int) -> Span | None:
    control = check.control
    hardness = hardness_of(LEADERS.get(control.control_id, control.control_id))
    chance_to_fail = min(0.95, _BACKLOG[control.severity] * hardness * check.plan.weakness)
    if chance.draw(seed, 1) >= chance_to_fail * _share(check):
        return None
    if chance.draw(seed, 2) < _ABANDONED[control.severity]:
        return birth, NEVER
    weeks = _REPAIR_WEEKS[control.severity] * PROGRAMMES.get(control.area, 1.0)
    return birth, max(birth, story_start) + int(
        chance.waiting(weeks * WEEK, chance.draw(seed, 3))
    ) + 3 * DAY


def _share(check: Check) -> float:
    """Return in what share of the drawn failures the check fails itself."""
    return LED_SHARE if check.control.control_id in LEADERS else 1.0


@cache
def hardness_of(control_id: str) -> float:
    """Return how much more often than usual a control fails: from the story, or drawn from its id."""
    if control_id in HARDNESS:
        return HARDNESS[control_id]
    return 0.45 + 1.1 * chance.draw(chance.seed_of("hardness", control_id), 0)


def _flow(check: Check, seed: int, birth: int, now: int) -> Iterable[Span]:
    """Yield the last outages that began up to that moment: of the current period and of the last one before it."""
    severity = check.control.severity
    period = int((90 + 110 * chance.draw(seed, 4)) * DAY)
    breaks = _BREAKS[severity] * min(1.6, check.plan.weakness) * _share(check)
    offset = seed % period
    number = (now - offset) // period
    for one in range(number, (birth - offset) // period - 1, -1):
        own = chance.mix(seed, 5000 + one)
        if chance.draw(own, 0) >= breaks:
            continue
        start = one * period + offset + int(chance.draw(own, 1) * 0.6 * period)
        length = int(chance.waiting(_OUTAGE_DAYS[severity] * DAY, chance.draw(own, 2))) + 5 * 3600
        if birth < start <= now:
            yield start, min(start + length, (one + 1) * period + offset)
            return


def _union_at(spans: list[Span], birth: int, now: int) -> Status:
    current: Span | None = None
    for first, last in sorted(span for span in spans if span[0] <= now):
        if current is None or first > current[1]:
            current = first, last
        elif last > current[1]:
            current = current[0], last
    if current is None:
        return Status(fails=False, since=birth)
    if current[1] > now:
        return Status(fails=True, since=max(current[0], birth))
    return Status(fails=False, since=max(birth, current[1]))
