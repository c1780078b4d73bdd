"""What becomes of the probes and of the coverage of every invariant, before and after."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from invariants.evaluation.coverage.evaluating import Decision

_HOLDS: Final = "HOLDS"
_BREAKS: Final = "BREAKS"
_UNKNOWN: Final = "UNKNOWN"


class Kind(StrEnum):
    """What the change means, the gravest first."""

    HARM = "HARM"
    """A request that must not be denied is denied afterwards."""
    LOSS = "LOSS"
    """A request that must be denied was, and no longer is."""
    OPEN = "OPEN"
    """It was known what becomes of a request, and no longer is."""
    EXPOSED = "EXPOSED"
    """It was not known whether a request that must be denied is, and now it is known not to be."""
    GAIN = "GAIN"
    """A request that must be denied is, for certain, afterwards."""
    RELIEF = "RELIEF"
    """A request that must not be denied was, and no longer is; or it is no longer unknown."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Accounts with the same decisions before and the same after, by keys of invariants."""

    accounts: tuple[str, ...]
    before: Mapping[str, Decision]
    after: Mapping[str, Decision]


@dataclass(frozen=True, slots=True)
class ProbeChange:
    """One probe with another answer afterwards, in the accounts in which it is the same story.

    `was` and `becomes` are entries of `Decision.evidence["probes"]`.
    """

    kind: Kind
    key: str
    accounts: tuple[str, ...]
    was: Mapping[str, Any]
    becomes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CoverageMove:
    """Accounts in which an invariant goes from one state to another, and why it is so afterwards."""

    before: str
    after: str
    reason: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoverageChange:
    """The accounts of an invariant by state, before and after; `moves` say which go where."""

    key: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    moves: tuple[CoverageMove, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`stacks` are distinct pairs of stacks; `unchanged` probes have the same answer in every account,
    and `still_unknown` of these are unknown. `invariants` are those that ask anything of any account."""

    probes: tuple[ProbeChange, ...]
    coverage: tuple[CoverageChange, ...]
    stacks: int
    asked: int
    unchanged: int
    still_unknown: int
    invariants: int


def compare(pairs: Iterable[Pair]) -> Comparison:
    found = tuple(pairs)
    changes, asked, unchanged, unknown = _probes(found)
    return Comparison(
        probes=changes,
        coverage=tuple(sorted(_coverage(found), key=lambda one: one.key)),
        stacks=len(found),
        asked=asked,
        unchanged=unchanged,
        still_unknown=unknown,
        invariants=len(
            {
                key
                for pair in found
                for key, decision in pair.after.items()
                if decision.evidence.get("probes") or decision.evidence.get("settings")
            }
        ),
    )


def _probes(pairs: tuple[Pair, ...]) -> tuple[tuple[ProbeChange, ...], int, int, int]:
    """What changes, and how many probes there are, do not change, and stay unknown somewhere."""
    stories: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    texts: dict[tuple[Any, ...], tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    asked: set[tuple[str, bool, str]] = set()
    changed: set[tuple[str, bool, str]] = set()
    unknown: set[tuple[str, bool, str]] = set()
    for pair in pairs:
        for key, was, becomes in _asked(pair):
            probe = (key, bool(becomes["must_deny"]), str(becomes["name"]))
            asked.add(probe)
            kind = kind_of(was["answer"], becomes["answer"], must_deny=probe[1])
            if kind is None:
                if becomes["answer"] == _UNKNOWN:
                    unknown.add(probe)
                continue
            changed.add(probe)
            story = (kind, *probe, *_place(becomes))
            stories[story] += pair.accounts
            texts.setdefault(story, (was, becomes))
    order = {kind: place for place, kind in enumerate(Kind)}
    changes = sorted(
        (
            ProbeChange(story[0], story[1], tuple(sorted(accounts)), *texts[story])
            for story, accounts in stories.items()
        ),
        key=lambda one: (order[one.kind], -len(one.accounts), one.key, str(one.becomes["name"])),
    )
    return tuple(changes), len(asked), len(asked - changed), len(unknown - changed)


def _asked(pair: Pair) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for key, after in pair.after.items():
        before = pair.before.get(key)
        if before is None:
            continue
        was = before.evidence.get("probes", ())
        becomes = after.evidence.get("probes", ())
        for one, other in zip(was, becomes, strict=True):
            yield key, one, other


def _place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two changes the same story: who decides, and for want of what it is unknown."""
    return (
        entry.get("policy_id"),
        entry.get("statement"),
        entry.get("level"),
        tuple(entry.get("missing", ())),
    )


def kind_of(was: str, becomes: str, *, must_deny: bool) -> Kind | None:
    """What a change of the answer means; None where there is none."""
    if was == becomes:
        return None
    if becomes == _UNKNOWN:
        return Kind.OPEN
    if must_deny:
        if becomes == _HOLDS:
            return Kind.GAIN
        return Kind.LOSS if was == _HOLDS else Kind.EXPOSED
    return Kind.HARM if becomes == _BREAKS else Kind.RELIEF


def _coverage(pairs: tuple[Pair, ...]) -> Iterator[CoverageChange]:
    keys = dict.fromkeys(key for pair in pairs for key in pair.after)
    for key in keys:
        before: dict[str, int] = defaultdict(int)
        after: dict[str, int] = defaultdict(int)
        moved: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for pair in pairs:
            if key not in pair.before or key not in pair.after:
                continue
            one, other = pair.before[key], pair.after[key]
            before[str(one.state)] += len(pair.accounts)
            after[str(other.state)] += len(pair.accounts)
            if one.state != other.state:
                moved[str(one.state), str(other.state), other.reason] += pair.accounts
        if moved:
            moves = tuple(
                CoverageMove(*words, tuple(sorted(accounts)))
                for words, accounts in sorted(moved.items(), key=lambda item: -len(item[1]))
            )
            yield CoverageChange(key, dict(before), dict(after), moves)
