"""A whole policy with a box cut out of its Denies."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from invariants import engine
from invariants.carving.boxes import Side
from invariants.carving.refusals import Unfit
from invariants.carving.statements import cut
from invariants.engine import Effect, Grammar, Policy, Statement

GUARD: Final = "Guard"
_WORD: Final = re.compile(r"[^A-Za-z0-9]+")
# Conditions that the catalogue's own text has: (key in lower case, value).
Usual = Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement and what became of it: what an exception did to a policy, to be undone one day."""

    before: Statement
    after: tuple[Statement, ...]

    def as_json(self) -> dict[str, Any]:
        after = engine.document(Policy(self.after))["Statement"]
        return {"before": engine.document(Policy((self.before,)))["Statement"][0], "after": after}


@dataclass(frozen=True, slots=True)
class Carved:
    """`numbers` are the statements that serve the invariant in the new text, counted from 0."""

    policy: Policy
    numbers: tuple[int, ...]
    pieces: tuple[Piece, ...]

    @property
    def is_changed(self) -> bool:
        return bool(self.pieces)


def read(text: str | Mapping[str, Any], grammar: Grammar) -> Policy:
    """:raises Unfit: for a text that is no policy."""
    try:
        return engine.parse(text, grammar=grammar)
    except engine.PolicySyntaxError as error:
        raise Unfit(
            f"The text of the policy cannot be taken apart ({error}).",
            "Mend the policy first, or put the exception in place by hand.",
        ) from error


def carve(policy: Policy, numbers: Collection[int], sides: Sequence[Side], *, token: str) -> Carved:
    """Cut the box out of the statements with these numbers.

    `token` (EX0042) is in the Sids of the statements that are added, so that people see whose they are.

    :raises Unfit: where it cannot be written, or nothing would be left of the policy.
    """
    found: list[Statement] = []
    serving: list[int] = []
    pieces: list[Piece] = []
    taken = {statement.sid for statement in policy.statements}
    for number, statement in enumerate(policy.statements):
        if number not in numbers or statement.effect is not Effect.DENY:
            found.append(statement)
            continue
        left = _named(cut(statement, sides), statement, token, taken)
        if left != (statement,):
            pieces.append(Piece(statement, left))
        serving += range(len(found), len(found) + len(left))
        found += left
    if not found:
        raise Unfit(
            "Nothing would be left of the policy.",
            "Detach it from these accounts, or move the account to an OU of exceptions.",
        )
    return Carved(replace(policy, statements=tuple(found)), tuple(serving), tuple(pieces))


def _named(
    left: tuple[Statement, ...], statement: Statement, token: str, taken: set[str | None]
) -> tuple[Statement, ...]:
    """The first keeps its name; each further one gets one of its own that says for whose sake it is there."""
    named = list(left[:1])
    stem = _WORD.sub("", (statement.sid or "").partition("EX")[0])
    for one in left[1:]:
        sid = next(s for s in (f"{stem}{token}{letter}" for letter in _letters()) if s not in taken)
        taken.add(sid)
        named.append(replace(one, sid=sid))
    return tuple(named)


def _letters() -> Iterable[str]:
    yield from "abcdefghijklmnopqrstuvwxyz"
    yield from (f"z{number}" for number in range(1000))


def usual_of(policy: Policy) -> Counter[tuple[str, str]]:
    """What the catalogue's own text exempts, and in how many of its statements."""
    return Counter(one for statement in policy.statements for one in exempted(statement))


def exempted(statement: Statement) -> frozenset[tuple[str, str]]:
    """What a statement lets off by its conditions."""
    return frozenset(
        (condition.key.lower(), value)
        for condition in statement.conditions
        for value in condition.values
        if condition.operator.base.is_negated
    )


def piece_of(data: Mapping[str, Any], grammar: Grammar) -> Piece:
    """What `Piece.as_json` wrote."""
    document = {"Version": engine.VERSION, "Statement": [data["before"], *data["after"]]}
    before, *after = engine.parse(document, grammar=grammar).statements
    return Piece(before, tuple(after))
