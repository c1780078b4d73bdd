"""How the demo organisation's invariants come to their states: by the steps that a click takes, with a
reason for each, and for every gate that is let pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from django.conf import settings
from django.contrib.auth.models import User

from invariants.actions import life_cycle
from invariants.models import Invariant
from invariants.policies.life_cycle import ENFORCE, Gate, NotMovable, look, step
from invariants.queries import register
from inventory.models import Organization

PLAN: Final = Path(settings.BASE_DIR) / "sandbox" / "data" / "lifecycle.yaml"
_LEAD, _ENGINEER = "marta", "priya"
_State = Invariant.State
# Each state, and how many weeks before the last one it was reached.
_WAY: Final = ((_State.TESTED, 4), (_State.STAGED, 2), (_State.ENFORCED, 0))
_WAIVERS: Final[Mapping[Gate, str]] = {
    Gate.GOLDEN: "Those requests leave the parameter out; launches of the teams have set it for a year.",
    Gate.REPLAY: "Recorded requests cannot be replayed yet; the teams of the accounts were asked instead.",
    Gate.STAGING: "Its policy was attached before anybody kept a register.",
    Gate.COVERAGE: "The gaps are known; each has an owner and a date.",
}


@dataclass(frozen=True, slots=True)
class _Due:
    """A step that is due: into which state, and why."""

    key: str
    after: str
    why: str


def advance(
    organization: Organization, *, weeks_ago: int, first_weeks_ago: int, now: datetime
) -> int:
    """Take the steps that are due so many weeks before the last day of the demo's past.

    What was in force before the first week is taken over in it. Returns how many steps were taken; one
    that a gate refuses waits for the next week, as it would for people.
    """
    people = {user.username: user for user in User.objects.filter(username__in=(_LEAD, _ENGINEER))}
    if len(people) < 2 or not PLAN.is_file():
        return 0
    mine = Invariant.objects.live().filter(organization=organization)
    found = {row.key: row for row in mine}
    taken = 0
    for due in _due(_plan(), weeks_ago, first_weeks_ago):
        if due.key in found and _take(found[due.key], due, people, now=now):
            found[due.key] = mine.get(key=due.key)
            taken += 1
    return taken


@cache
def _plan() -> Mapping[str, Any]:
    """Asked for once for each collection of the past; the file belongs to the program."""
    plan: Mapping[str, Any] = yaml.safe_load(PLAN.read_text(encoding="utf-8"))["states"]
    return plan


def _due(plan: Mapping[str, Any], weeks_ago: int, first_weeks_ago: int) -> Iterator[_Due]:
    for key, entry in plan.items():
        last = _State(entry["state"])
        since = -int(entry["since_weeks"])
        states = [state for state, _ in _WAY]
        if last not in states:
            continue
        weeks = dict(_WAY)
        for state in states[: states.index(last) + 1]:
            reached = since + weeks[state] - weeks[last]
            if reached >= weeks_ago:
                before = "Taken over from the list kept so far. " if since > first_weeks_ago else ""
                yield _Due(key, state, f"{before}{entry['why']}")


def _take(found: Invariant, due: _Due, people: Mapping[str, User], *, now: datetime) -> bool:
    transition = step(found.state, due.after)
    # Steps back have no gates.
    if transition is None or not transition.gates:
        return False
    person = people[_LEAD if transition.right == ENFORCE else _ENGINEER]
    results = look(register.facts_of(found), transition)
    waivers = {r.gate.value: _WAIVERS[r.gate] for r in results if not r.passed and r.may_waive}
    try:
        life_cycle.move(person, found, after=due.after, why=due.why, waivers=waivers, now=now)
    except NotMovable:
        return False
    return True
