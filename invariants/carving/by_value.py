"""What an exception lets through, taken out of a policy value by value.

For text that people wrote themselves, or changed since: no approved edit says how it came about. What counts
is what the last collection saw and what the statements hold; the engine then has to confirm it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from invariants.carving.grounds import Sighted
from invariants.carving.leftovers import without_leftovers
from invariants.carving.policies import Carved, Piece
from invariants.carving.refusals import AlreadySo, HeldByAnother, Unfit
from invariants.carving.values import ACTION, RESOURCE, Value, Wanted, covering, is_within
from invariants.engine import Condition, Effect, Names, Policy, Quantifier, Statement

# As evidence says it of a Deny of a few alone.
_ANYTHING_BUT: Final = "anything but "
_ALL: Final = Names(("*",))


@dataclass(frozen=True, slots=True)
class Plucked:
    """The text without it. `remarks` are sentences; `is_shared`: something of it stays for another one."""

    carved: Carved
    remarks: tuple[str, ...]
    is_shared: bool


@dataclass(slots=True)
class _Found:
    """What is come upon in a policy, for people: values that go, those that stay for another one (by its ref),
    those that let through more (with the statement), and statements that do not serve."""

    taken: set[Value] = field(default_factory=set)
    shared: dict[str, set[str]] = field(default_factory=dict)
    wider: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def pluck(policy: Policy, numbers: Collection[int], wanted: Wanted) -> Plucked:
    """Take its values out of the statements that serve, and of no other.

    :raises Unfit: where a value lets more through than the exception; AlreadySo where there is nothing;
        HeldByAnother where all of it is another's, too.
    """
    serving = frozenset(numbers) | {one.statement for one in wanted.sighted}
    found = _Found()
    after: dict[int, Statement] = {}
    for number, statement in enumerate(policy.statements):
        if statement.effect is not Effect.DENY:
            continue
        if number in serving:
            after[number] = _Look(statement, number, wanted, found).without()
        elif _holds(statement, wanted):
            found.elsewhere.append(_name(statement))
    _check(found, wanted)
    left = without_leftovers(policy, after, found.taken, serving)
    pieces = tuple(
        Piece(before, () if one is None else (one,))
        for before, one in zip(policy.statements, left, strict=True)
        if one != before
    )
    kept = [number for number, one in enumerate(left) if one is not None]
    carved = Carved(
        replace(policy, statements=tuple(one for one in left if one is not None)),
        tuple(place for place, number in enumerate(kept) if number in serving),
        pieces,
    )
    return Plucked(carved, tuple(_remarks(found)), bool(found.shared))


def _check(found: _Found, wanted: Wanted) -> None:
    if found.wider:
        value, where = found.wider[0]
        raise Unfit(
            f'The statement {where} exempts "{value}", which lets through more than {wanted.ref}: '
            f"{_more(value)}.",
            "Write out in the policy whom else it has to let through, or ask for an exception for these; "
            "then take the rest out by hand.",
        )
    if found.taken:
        return
    if found.shared:
        raise HeldByAnother(
            " ".join(_shared(found)), "There is nothing to remove: it goes with the last of them."
        )
    raise AlreadySo(
        "The statements that serve the invariant hold no value that belongs to this exception.",
        "There is nothing to remove from the policy; the next collection will say whether it is gone.",
    )


def _more(value: str) -> str:
    """In words, what a value stands for beside what was asked for."""
    if value.startswith(_ANYTHING_BUT):
        return "everybody and everything that the statement does not name"
    parts = value.split(":", 5)
    if len(parts) == 6 and parts[4] == "*":
        return "the same name in every other account that the policy reaches"
    if "*" in value or "?" in value:
        return "everything else that the pattern fits"
    return "whatever else it stands for"


@dataclass(frozen=True, slots=True)
class _Look:
    """One statement, gone over by its lists; what is come upon is written down."""

    statement: Statement
    number: int
    wanted: Wanted
    found: _Found

    def without(self) -> Statement:
        """The statement without the values, each condition that has none left gone."""
        statement = self.statement
        conditions = (self._condition(one) for one in statement.conditions)
        resources = statement.resources
        return replace(
            statement,
            actions=self._names(statement.actions, ACTION),
            resources=self._names(resources, RESOURCE) if resources else resources,
            conditions=tuple(one for one in conditions if one is not None),
        )

    def _condition(self, condition: Condition) -> Condition | None:
        key = condition.key.lower()
        if not condition.operator.base.is_negated:
            seen = [one.value for one in self.wanted.sighted if self._is_seen(one, key)]
            self._write_wider(
                one for one in seen if one in condition.values or one.startswith(_ANYTHING_BUT)
            )
            return condition
        left = self._left(key, condition.values)
        # A negated operator holds of a request without the key, so that without its last value nothing is
        # denied that was not, but for the exception. ForAnyValue is false there.
        if not left and condition.operator.quantifier is Quantifier.ANY:
            raise Unfit(
                f"The statement {_name(self.statement)} would be about requests without {condition.key} "
                "as well, once its last value is gone.",
                "Rewrite the condition with ForAllValues, and take this one out then.",
            )
        return replace(condition, values=left) if left else None

    def _names(self, names: Names, key: str) -> Names:
        if not names.is_negated:
            return names
        left = self._left(key, names.names)
        return Names(left, is_negated=True) if left else _ALL

    def _left(self, key: str, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values without those that are the exception's alone."""
        ours = [value for value in values if self._is_ours(key, value)]
        rest = [value for value in values if value not in ours]
        for value in ours:
            if holder := self._holder(key, value, rest):
                self.found.shared.setdefault(holder, set()).add(value)
                rest.append(value)
            else:
                self.found.taken.add((key, value))
        self._write_wider(value for value in rest if self._is_wider(key, value, rest))
        return tuple(value for value in values if value in rest)

    def _is_usual(self, key: str, value: str) -> bool:
        return (key, value) in self.wanted.usual or (key, value.lower()) in self.wanted.usual

    def _is_ours(self, key: str, value: str) -> bool:
        """Whether a value is one of the exception, or within one. What the catalogue has itself is not."""
        if "${" in value or self._is_usual(key, value):
            return False
        if any(is_within(key, value, one, self.wanted) for one in self.wanted.values):
            return True
        return any(
            self._is_seen(one, key, is_wider=False) and one.value == value
            for one in self.wanted.sighted
        )

    def _is_seen(self, one: Sighted, key: str, *, is_wider: bool = True) -> bool:
        is_here = one.statement == self.number and one.key.lower() == key
        return is_here and one.is_wider is is_wider

    def _holder(self, key: str, value: str, rest: Sequence[str]) -> str:
        """The ref of another one that needs the value; "" where none does, or another value lets it through."""
        for other in self.wanted.others:
            for at, theirs in other.values:
                is_held = at == key and (
                    covering(key, value, theirs) or covering(key, theirs, value)
                )
                if is_held and not any(covering(key, one, theirs) for one in rest):
                    return other.ref
        return ""

    def _is_wider(self, key: str, value: str, rest: Sequence[str]) -> bool:
        """Whether it lets the exception through and more; what another one that holds on has is written down."""
        is_seen = any(self._is_seen(one, key) and one.value == value for one in self.wanted.sighted)
        is_pattern = any(at == key and covering(key, value, one) for at, one in self.wanted.values)
        is_kept = any(value in values for values in self.found.shared.values())
        if not (is_seen or is_pattern) or is_kept or self._is_usual(key, value):
            return False
        holder = self._holder(key, value, [one for one in rest if one != value])
        if holder:
            self.found.shared.setdefault(holder, set()).add(value)
        return not holder

    def _write_wider(self, values: Iterable[str]) -> None:
        self.found.wider += [(value, _name(self.statement)) for value in values]


def _holds(statement: Statement, wanted: Wanted) -> bool:
    """Whether a statement exempts the same."""
    return any(
        condition.operator.base.is_negated and (condition.key.lower(), value) in wanted.values
        for condition in statement.conditions
        for value in condition.values
    )


def _remarks(found: _Found) -> Iterator[str]:
    yield from _shared(found)
    if found.elsewhere:
        names = ", ".join(dict.fromkeys(found.elsewhere))
        yield (
            f"The policy exempts the same in {names} as well, which does not serve this invariant: that "
            "stays. Look whether anything else relies on it."
        )


def _shared(found: _Found) -> Iterator[str]:
    for ref, values in found.shared.items():
        named = ", ".join(f'"{one}"' for one in sorted(values))
        yield f"{named} stays: {ref} holds on and is let through by it, too."


def _name(statement: Statement) -> str:
    return statement.sid or "without a name"
