"""From a score to a letter, and the gates that cap it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from posture.scoring.cells import Score


class Letter(StrEnum):
    """Best first. NR, not rated, is no better than F."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"
    NR = "NR"


_RANK: Mapping[Letter, int] = {letter: rank for rank, letter in enumerate(Letter)}
# (score from which on, letter), best first.
CUTS = ((95, Letter.A), (85, Letter.B), (70, Letter.C), (50, Letter.D))
RATED_COVERAGE = Decimal(80)
FULL_COVERAGE = Decimal(95)
# (exceptions above this percentage, best letter left), strictest first.
EXCEPTION_CAPS = ((Decimal(25), Letter.C), (Decimal(10), Letter.B))
# A gate caps an OU when more than 5% of its accounts breach it: more than one in twenty.
_ACCOUNTS_PER_BREACH = 20


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Numbers of accounts: for one account `accounts` is 1 and the others are 0 or 1.

    `accounts` counts those with a managed score: an empty account must not dilute a breach.
    """

    accounts: int
    overdue_critical: int = 0
    overdue_high: int = 0
    invariant_breached: int = 0


@dataclass(frozen=True, slots=True)
class Grade:
    """`uncapped` is what the score alone says; `reasons` are why `letter` is lower, worst first."""

    letter: Letter
    uncapped: Letter
    reasons: tuple[str, ...] = ()

    def explain(self) -> str:
        """This will read like "C (score says A; overdue CRITICAL)", or just the letter."""
        if not self.reasons:
            return str(self.letter)
        says = [] if self.uncapped is Letter.NR else [f"score says {self.uncapped}"]
        return f"{self.letter} ({'; '.join([*says, *self.reasons])})"


def grade(score: Score, gates: GateInputs) -> Grade:
    """This will turn the shown score into a letter, and cap it where a number must not hide."""
    if score.managed is None or score.coverage is None:
        return Grade(Letter.NR, Letter.NR, ("nothing evaluated",))
    uncapped = letter(score.managed)
    if score.coverage < RATED_COVERAGE:
        return Grade(Letter.NR, uncapped, (f"coverage {score.coverage}% is below 80%",))
    binding = [cap for cap in _caps(score, gates) if _RANK[cap[0]] > _RANK[uncapped]]
    binding.sort(key=lambda cap: -_RANK[cap[0]])
    capped = binding[0][0] if binding else uncapped
    return Grade(capped, uncapped, tuple(reason for _, reason in binding))


def held(today: Grade, before: Grade | None) -> Grade:
    """This will hold an upgrade back until it has lasted for two rolled-up days.

    A downgrade counts at once. `before` is the grade of the rolled-up day before, as it was by
    itself (not as held); None: there was none, and the grade stands as it is.
    """
    if before is None or _RANK[before.letter] <= _RANK[today.letter]:
        return today
    reason = f"{today.letter} today; an upgrade needs two days"
    return Grade(before.letter, today.uncapped, (*today.reasons, reason))


def letter(managed: Decimal) -> Letter:
    """What the score alone says, without gates."""
    return next((letter for cut, letter in CUTS if managed >= cut), Letter.F)


def _caps(score: Score, gates: GateInputs) -> Iterable[tuple[Letter, str]]:
    for letter, breaches, name in (
        (Letter.D, gates.invariant_breached, "invariant breached"),
        (Letter.C, gates.overdue_critical, "overdue CRITICAL"),
        (Letter.B, gates.overdue_high, "overdue HIGH"),
    ):
        if breaches * _ACCOUNTS_PER_BREACH > gates.accounts:
            where = "" if gates.accounts == 1 else f" in {breaches} of {gates.accounts} accounts"
            yield letter, f"{name}{where}"
    load = score.exception_load or Decimal(0)
    for limit, letter in EXCEPTION_CAPS:
        if load > limit:
            yield letter, f"exceptions {load}% are above {limit}%"
            break
    if score.coverage is not None and score.coverage < FULL_COVERAGE:
        yield Letter.B, f"coverage {score.coverage}% is below 95%"
