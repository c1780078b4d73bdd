"""The life of an invariant: one table of steps, and what each demands.

An invariant goes draft → tested → staged → enforced, a step at a time, and back or into retirement at
any time. A step forward has gates; what a gate finds is recorded with the step, and so is why
somebody let one pass that did not. Whoever puts an invariant into force, or says that it no longer
is, needs a right of their own. That person may be the one who staged it: an invariant gets into AWS
by a reviewed change of code, and a second pair of eyes here would only be the same pair in a small
team; every step is kept for good, with a name and a reason.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, Final

from invariants.models import Invariant

State = Invariant.State
MANAGE: Final = "invariants.manage_invariants"
ENFORCE: Final = "invariants.enforce_invariants"
# Days of recorded requests that a policy is to be replayed on; at the root of the organisation more.
REPLAY_DAYS: Final = 30
REPLAY_DAYS_AT_ROOT: Final = 90
SHORTEST_WAIVER: Final = 10


class NotMovable(Exception):
    """The step cannot be taken; `missing` has each thing to do, one sentence each."""

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(" ".join(missing))


class Gate(StrEnum):
    KEPT = "KEPT"
    WRITTEN = "WRITTEN"
    LINT = "LINT"
    PROBES = "PROBES"
    GOLDEN = "GOLDEN"
    REPLAY = "REPLAY"
    PARAMETERS = "PARAMETERS"
    STAGING = "STAGING"
    COVERAGE = "COVERAGE"


@dataclass(frozen=True, slots=True)
class Asked:
    """So many requests were asked, so many did not go the right way, of which `open` do not say enough
    to be decided; `first` names one of all those."""

    asked: int
    failing: int = 0
    open: int = 0
    first: str = ""


@dataclass(frozen=True, slots=True)
class Covered:
    """Accounts in scope, and those in which the invariant holds; `said` has all counts in words."""

    in_scope: int
    protected: int
    said: str


@dataclass(frozen=True, slots=True)
class Staging:
    """`is_shown`: whether a policy that serves the invariant was attached to something narrow before
    something wide; `said` is what the attachments tell."""

    is_shown: bool
    said: str


class Width(IntEnum):
    """How much an attachment reaches: the steps of a careful roll-out."""

    STAGING = 0
    OU = 1
    ROOT = 2


@dataclass(frozen=True, slots=True)
class Attached:
    """Where a policy that serves the invariant is or was attached, and since when."""

    width: Width
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an invariant and its current version.

    `lint` names the rules that the policy breaks without a reason (notices left out), `examples` the
    parameters that nobody has set. `covered` is None while coverage has never been worked out,
    `replay_days` while nothing has been replayed.
    """

    state: str
    is_gone: bool = False
    is_marked_draft: bool = False
    retired_because: str = ""
    lint: tuple[str, ...] = ()
    probes: Asked = Asked(0)
    golden: Asked = Asked(0)
    examples: tuple[str, ...] = ()
    is_for_root: bool = False
    staging: Staging = Staging(False, "No policy that serves it is attached.")
    covered: Covered | None = None
    replay_days: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What one gate found. `may_waive`: whether a written reason lets it pass all the same."""

    gate: Gate
    passed: bool
    found: str
    may_waive: bool = False

    @property
    def name(self) -> str:
        return GATES[self.gate].name

    @property
    def demand(self) -> str:
        return GATES[self.gate].demand


@dataclass(frozen=True, slots=True)
class Rule:
    """A gate: its name, what it demands, and how it looks."""

    name: str
    demand: str
    look: Callable[[Facts], Result]


@dataclass(frozen=True, slots=True)
class Transition:
    """One step: who may take it (a code of a right), and the gates on the way."""

    before: str
    after: str
    verb: str
    right: str = MANAGE
    gates: tuple[Gate, ...] = ()


def _kept(facts: Facts) -> Result:
    if facts.retired_because:
        found = f"Its file retires it: {facts.retired_because} Remove `retired:` there first."
        return Result(Gate.KEPT, False, found)
    return Result(Gate.KEPT, True, "Its file does not retire it.")


def _written(facts: Facts) -> Result:
    if facts.is_marked_draft:
        return Result(Gate.WRITTEN, False, "Its file says `draft: true`: read it and remove that.")
    return Result(Gate.WRITTEN, True, "A person has read its file.")


def _lint(facts: Facts) -> Result:
    if facts.lint:
        rules = ", ".join(facts.lint)
        found = f"The policy breaks {rules}: mend it, or give the reason in `lint_waivers`."
        return Result(Gate.LINT, False, found)
    return Result(Gate.LINT, True, "The linter finds nothing but notices.")


def _probes(facts: Facts) -> Result:
    asked = facts.probes
    if not asked.asked:
        return Result(Gate.PROBES, False, "It has no probes: nothing shows what it does.")
    if asked.failing:
        found = f"{asked.failing} of {asked.asked} fail, such as “{asked.first}”."
        return Result(Gate.PROBES, False, found)
    return Result(Gate.PROBES, True, f"All {asked.asked} pass.")


def _golden(facts: Facts) -> Result:
    asked = facts.golden
    if asked.open and asked.open == asked.failing:
        found = (
            f"Whether it denies {asked.open} of {asked.asked} requests that others need is open, such as "
            f"“{asked.first}”: they do not say what it reads."
        )
        return Result(Gate.GOLDEN, False, found, may_waive=True)
    if denied := asked.failing - asked.open:
        found = f"It denies {denied} of {asked.asked} requests that others need, such as “{asked.first}”."
        return Result(Gate.GOLDEN, False, found)
    if not asked.asked:
        return Result(Gate.GOLDEN, True, "No request of another invariant is decided by it.")
    return Result(Gate.GOLDEN, True, f"It denies none of the {asked.asked} that others need.")


def _replay(facts: Facts) -> Result:
    wanted = REPLAY_DAYS
    if facts.state == State.STAGED and facts.is_for_root:
        wanted = REPLAY_DAYS_AT_ROOT
    if facts.replay_days is None:
        found = f"No replay of recorded requests is there; {wanted} days are wanted."
        return Result(Gate.REPLAY, False, found, may_waive=True)
    if facts.replay_days < wanted:
        found = f"{facts.replay_days} days were replayed; {wanted} are wanted."
        return Result(Gate.REPLAY, False, found, may_waive=True)
    return Result(Gate.REPLAY, True, f"{facts.replay_days} days were replayed.")


def _parameters(facts: Facts) -> Result:
    if facts.examples:
        names = ", ".join(facts.examples)
        found = (
            f"Still the shipped examples: {names}. Set them in parameters.yaml of the own folder."
        )
        return Result(Gate.PARAMETERS, False, found)
    return Result(Gate.PARAMETERS, True, "Every parameter of its policy is the organisation's own.")


def _staging(facts: Facts) -> Result:
    return Result(Gate.STAGING, facts.staging.is_shown, facts.staging.said, may_waive=True)


def _coverage(facts: Facts) -> Result:
    covered = facts.covered
    if covered is None:
        found = "Coverage has not been worked out yet: it is after the next collection."
        return Result(Gate.COVERAGE, False, found)
    found = f"It holds in {covered.protected:,} of {covered.in_scope:,} accounts: {covered.said}."
    if not covered.protected:
        return Result(Gate.COVERAGE, False, f"{found} Attach its policy first.")
    return Result(Gate.COVERAGE, covered.protected == covered.in_scope, found, may_waive=True)


GATES: Final[Mapping[Gate, Rule]] = MappingProxyType(
    {
        Gate.KEPT: Rule("Kept", "Its file does not say that it is retired.", _kept),
        Gate.WRITTEN: Rule("Written", "Its file is no draft any more.", _written),
        Gate.LINT: Rule("Lint", "The policy breaks no rule of the linter without a reason.", _lint),
        Gate.PROBES: Rule("Own probes", "Its policy alone passes all of its own probes.", _probes),
        Gate.GOLDEN: Rule(
            "What must stay possible",
            "It denies nothing that other invariants say must stay possible. What cannot be decided can be "
            "waived in writing.",
            _golden,
        ),
        Gate.REPLAY: Rule(
            "Replay",
            f"Replayed on {REPLAY_DAYS} days of recorded requests, at the root on "
            f"{REPLAY_DAYS_AT_ROOT}. Can be waived in writing.",
            _replay,
        ),
        Gate.PARAMETERS: Rule(
            "Parameters", "No parameter of its policy has the shipped example value.", _parameters
        ),
        Gate.STAGING: Rule(
            "Staged before",
            "Attached to the Policy Staging OU or one account before an OU, and to those before the root. "
            "Can be waived in writing.",
            _staging,
        ),
        Gate.COVERAGE: Rule(
            "Coverage",
            "It holds in every account in scope, as evaluation proves. Where it holds in some, the rest "
            "can be waived in writing.",
            _coverage,
        ),
    }
)
_SOUND: Final = (Gate.KEPT, Gate.WRITTEN, Gate.LINT, Gate.PROBES, Gate.GOLDEN)

TRANSITIONS: Final = (
    Transition(State.DRAFT, State.TESTED, "Say that it is tested", gates=(*_SOUND, Gate.REPLAY)),
    Transition(State.DRAFT, State.RETIRED, "Retire"),
    Transition(State.TESTED, State.STAGED, "Stage", gates=(*_SOUND, Gate.PARAMETERS)),
    Transition(State.TESTED, State.DRAFT, "Back to draft"),
    Transition(State.TESTED, State.RETIRED, "Retire"),
    Transition(
        State.STAGED,
        State.ENFORCED,
        "Say that it is enforced",
        ENFORCE,
        (*_SOUND, Gate.PARAMETERS, Gate.STAGING, Gate.COVERAGE, Gate.REPLAY),
    ),
    Transition(State.STAGED, State.TESTED, "Back to tested"),
    Transition(State.STAGED, State.RETIRED, "Retire"),
    Transition(State.ENFORCED, State.STAGED, "Back to staged", ENFORCE),
    Transition(State.ENFORCED, State.RETIRED, "Retire", ENFORCE),
    Transition(State.RETIRED, State.DRAFT, "Take up again", gates=(Gate.KEPT,)),
)


def staging_of(attachments: Sequence[Attached]) -> Staging:
    """Whether the roll-out went from narrow to wide, as far as attachments were seen to begin."""
    if not attachments:
        return Staging(False, "No policy that serves it is attached.")
    widest = max(a.width for a in attachments)
    reached = min((a for a in attachments if a.width == widest), key=lambda a: a.since)
    before = [a for a in attachments if a.width < widest and a.since < reached.since]
    if widest is Width.STAGING:
        return Staging(True, f"Attached to {reached.name} only, since {_day(reached)}.")
    if not before:
        found = f"Attached to {reached.name} since {_day(reached)}, and to nothing narrower before."
        return Staging(False, found)
    first = min(before, key=lambda a: a.since)
    found = (
        f"Attached to {first.name} since {_day(first)}, to {reached.name} since {_day(reached)}."
    )
    return Staging(True, found)


def _day(attached: Attached) -> str:
    return f"{attached.since:%-d %B %Y}"


def steps(state: str) -> tuple[Transition, ...]:
    """The steps from a state, those forward first."""
    return tuple(t for t in TRANSITIONS if t.before == state)


def step(before: str, after: str) -> Transition | None:
    """The step between two states; None where there is none."""
    return next((t for t in TRANSITIONS if (t.before, t.after) == (before, after)), None)


def look(facts: Facts, transition: Transition) -> tuple[Result, ...]:
    """What each gate of a step finds, in their order."""
    return tuple(GATES[gate].look(facts) for gate in transition.gates)


def check_move(
    facts: Facts,
    after: str,
    *,
    rights: Collection[str],
    why: str,
    waivers: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The gates as a move records them.

    `rights` are those of whoever takes the step, `waivers` reasons by gate.

    :raises NotMovable: naming everything that is missing.
    """
    transition = step(facts.state, after)
    if transition is None:
        names = f"{State(facts.state).label} to {State(after).label}"
        raise NotMovable([f"There is no step from {names}."])
    results = look(facts, transition)
    missing = [*_of_person(transition, rights, why), *_of_catalogue(facts)]
    missing += [said for result in results if (said := _missing(result, waivers))]
    if missing:
        raise NotMovable(missing)
    return [_recorded(result, waivers) for result in results]


def can_move(facts: Facts, after: str, *, rights: Collection[str]) -> bool:
    """Whether the step could be taken now, given a reason for it and for each gate that takes one."""
    transition = step(facts.state, after)
    if transition is None or list(_of_catalogue(facts)) or transition.right not in rights:
        return False
    return all(result.passed or result.may_waive for result in look(facts, transition))


def _of_person(transition: Transition, rights: Collection[str], why: str) -> list[str]:
    missing = []
    if transition.right not in rights:
        missing.append(f"Only people with the right {transition.right} take this step.")
    if not why.strip():
        missing.append("Nothing says why: write the reason.")
    return missing


def _of_catalogue(facts: Facts) -> list[str]:
    return ["It is no longer in the catalogue: put its file back first."] if facts.is_gone else []


def _missing(result: Result, waivers: Mapping[str, str]) -> str:
    """What the gate still needs, "" where nothing."""
    if result.passed:
        return ""
    if not result.may_waive:
        return f"{result.name}: {result.found}"
    reason = waivers.get(result.gate, "").strip()
    if not reason:
        return f"{result.name}: {result.found} Write why that is no obstacle."
    if len(reason) < SHORTEST_WAIVER:
        return f"{result.name}: the reason is too short to be one (“{reason}”)."
    return ""


def _recorded(result: Result, waivers: Mapping[str, str]) -> dict[str, Any]:
    """A reason that nobody needed is not recorded."""
    state = "PASSED" if result.passed else "WAIVED"
    waiver = "" if result.passed else waivers[result.gate].strip()
    return {"gate": result.gate.value, "state": state, "found": result.found, "waiver": waiver}
