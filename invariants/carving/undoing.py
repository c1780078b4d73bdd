"""A policy without an exception that was cut into it: what it would be had there never been one."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from invariants import engine
from invariants.carving.boxes import Side
from invariants.carving.policies import GUARD, Carved, Piece, Usual, carve, exempted
from invariants.carving.refusals import AlreadySo, Unfit
from invariants.carving.statements import restored
from invariants.engine import Effect, Policy, Statement


@dataclass(frozen=True, slots=True)
class Other:
    """Another exception that holds on: its box, its token, and what it did to the statements."""

    sides: tuple[Side, ...]
    token: str
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Undoing:
    """What is known of an exception that is taken out.

    `tokens` are its own and those that it renews; `pieces` what it did to the statements; `usual` what the
    catalogue's own text exempts; `others` the exceptions that hold on, in the order in which they were
    approved, and `guarded` the tags that they rely on: these must not go with it. `tags` are its own.
    """

    tokens: tuple[str, ...]
    pieces: tuple[Piece, ...] = ()
    usual: Counter[tuple[str, str]] = field(default_factory=Counter)
    others: tuple[Other, ...] = ()
    guarded: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def uncarve(
    policy: Policy, numbers: Collection[int], sides: Sequence[Side], undoing: Undoing
) -> Carved:
    """Take the box out again.

    Where the statements stand as they were left, they become what they were; what others did since is
    undone before and done again after. Where that is not how they stand, statements with a token go, and
    what is of this box alone, provided that putting it in again gives the policy as it is.

    :raises Unfit: where it cannot be told from the rest; AlreadySo where nothing of it is found.
    """
    held = [one for one in undoing.others if _is_held(policy, numbers, one)]
    found = _unwound(policy, undoing.pieces, held)
    is_exact = found is not None
    if found is None:
        found = _stripped(policy, numbers, _own(sides, undoing.usual), undoing.tokens)
    found = without_guards(found, undoing)
    for one in held:
        serving = _all_of(found, policy, numbers)
        found = carve(found, serving, one.sides, token=one.token).policy
    if engine.fingerprint(found) == engine.fingerprint(policy):
        raise AlreadySo(
            "The policy holds nothing that belongs to this exception alone.",
            "There is nothing to remove from it; the next collection will say whether it is gone.",
        )
    if not is_exact and not _gives(policy, found, numbers, sides, undoing):
        raise Unfit(
            "The statements have changed since the exception was put in place, so that it cannot be told "
            "from the rest.",
            "Take it out by hand: the change that was approved is kept with the record.",
        )
    return Carved(found, (), tuple(_changes(policy, found)))


def _is_held(policy: Policy, numbers: Collection[int], other: Other) -> bool:
    """Whether the policy lets the other one through as it stands."""
    return not carve(policy, numbers, other.sides, token=other.token).is_changed


def _unwound(policy: Policy, pieces: Sequence[Piece], held: Sequence[Other]) -> Policy | None:
    """The policy as it was before the pieces; None where that cannot be said for certain."""
    if not pieces:
        return None
    found = _undone(policy, pieces)
    for other in reversed(held):
        if found is not None:
            break
        before = _undone(policy, other.pieces)
        if before is not None:
            policy = before
            found = _undone(policy, pieces)
    return found


def _gives(
    policy: Policy,
    stripped: Policy,
    numbers: Collection[int],
    sides: Sequence[Side],
    undoing: Undoing,
) -> bool:
    """Whether the exception put into the stripped text gives the policy, and no other one is in it."""
    if any(_is_held(policy, numbers, one) and _shares(one, sides) for one in undoing.others):
        return False
    serving = _all_of(stripped, policy, numbers)
    if _is_brought_elsewhere(stripped, serving, sides, undoing.usual):
        return False
    again = carve(stripped, serving, sides, token=undoing.tokens[0])
    whole = _with_guards(again.policy, policy, undoing)
    return engine.fingerprint(whole) == engine.fingerprint(policy)


def _is_brought_elsewhere(
    stripped: Policy, numbers: Iterable[int], sides: Sequence[Side], usual: Counter[tuple[str, str]]
) -> bool:
    """Whether a value that the catalogue has as well stands in more statements than the catalogue's.

    It stays as the invariant's own in some, and the exception may have brought it into the others.
    """
    has = Counter(one for number in numbers for one in exempted(stripped.statements[number]))
    return any(one in usual and has[one] > usual[one] for side in sides for one in _left_out(side))


def _shares(other: Other, sides: Sequence[Side]) -> bool:
    """Whether both leave out a value alike."""
    values = {one for side in sides for one in _left_out(side)}
    return any(one in values for side in other.sides for one in _left_out(side))


def _left_out(side: Side) -> Iterable[tuple[str, str]]:
    for condition in side.outside:
        for value in condition.values:
            yield condition.key.lower(), value


def _with_guards(policy: Policy, before: Policy, undoing: Undoing) -> Policy:
    guards = {f"{token}{GUARD}" for token in undoing.tokens}
    gone = tuple(one for one in before.statements if one.sid in guards)
    return replace(policy, statements=(*policy.statements, *gone))


def _undone(policy: Policy, pieces: Sequence[Piece]) -> Policy | None:
    """The policy with each piece as it was before; None where one is not there as it was left."""
    statements: list[Statement | None] = list(policy.statements)
    plain = [_plain(statement) for statement in policy.statements]
    for piece in pieces:
        places = []
        for left in piece.after:
            wanted = _plain(left)
            place = next((p for p, s in enumerate(plain) if s == wanted and p not in places), None)
            if place is None:
                return None
            places.append(place)
        for place in places:
            statements[place] = None
        if places:
            statements[places[0]] = piece.before
        else:
            statements.append(piece.before)
    kept = tuple(statement for statement in statements if statement is not None)
    return replace(policy, statements=kept) if pieces else None


def without_guards(policy: Policy, undoing: Undoing) -> Policy:
    """The policy without what this exception put in to guard its own tags."""
    guards = {f"{token}{GUARD}" for token in undoing.tokens}
    kept = []
    for one in policy.statements:
        values = {value for condition in one.conditions for value in condition.values}
        is_own = one.sid in guards and bool(values & set(undoing.tags))
        if not is_own or values & set(undoing.guarded):
            kept.append(one)
    return replace(policy, statements=tuple(kept))


def _plain(statement: Statement) -> Statement:
    """In the one form of all that say the same."""
    return engine.canonical(Policy((statement,))).statements[0]


def _stripped(
    policy: Policy, numbers: Collection[int], sides: Sequence[Side], tokens: Collection[str]
) -> Policy:
    kept = []
    for number, statement in enumerate(policy.statements):
        sid = statement.sid or ""
        if any(token in sid and not sid.endswith(GUARD) for token in tokens):
            continue
        is_serving = number in numbers and statement.effect is Effect.DENY
        kept.append(restored(statement, sides[0]) if is_serving and sides else statement)
    return replace(policy, statements=tuple(kept))


def _own(sides: Sequence[Side], usual: Usual) -> tuple[Side, ...]:
    """The sides without the values that the catalogue's own text exempts: these belong to the invariant."""
    found = []
    for side in sides:
        outside = []
        for condition in side.outside:
            values = tuple(v for v in condition.values if (condition.key.lower(), v) not in usual)
            if values:
                outside.append(replace(condition, values=values))
        found.append(replace(side, outside=tuple(outside)))
    return tuple(found)


def _all_of(now: Policy, before: Policy, numbers: Collection[int]) -> frozenset[int]:
    """The serving statements after some went: all Denies that are not, as they stood, another's."""
    foreign = {
        _plain(statement)
        for number, statement in enumerate(before.statements)
        if number not in numbers
    }
    return frozenset(
        number
        for number, statement in enumerate(now.statements)
        if statement.effect is Effect.DENY and _plain(statement) not in foreign
    )


def _changes(before: Policy, after: Policy) -> Iterable[Piece]:
    was = {_plain(one): one for one in before.statements}
    now = {_plain(one): one for one in after.statements}
    gone = [one for plain, one in was.items() if plain not in now]
    come = tuple(one for plain, one in now.items() if plain not in was)
    for number, one in enumerate(gone):
        yield Piece(one, come if number == 0 else ())
