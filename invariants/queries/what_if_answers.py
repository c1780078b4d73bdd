"""The stored answer to a question, as the page reads it: sets of accounts in place, states in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from invariants.models import Coverage
from invariants.queries.counts import ORDER


@dataclass(frozen=True, slots=True)
class Accounts:
    """`count` of all; the first of them by number and name."""

    count: int
    accounts: tuple[tuple[str, str], ...]

    @property
    def more(self) -> int:
        return self.count - len(self.accounts)


@dataclass(frozen=True, slots=True)
class Part:
    """Changes of one kind; `tone` and `icon` go with the word `mark`, never alone."""

    kind: str
    title: str
    hint: str
    mark: str
    tone: str
    icon: str
    probes: int
    accounts: int
    invariants: int
    changes: tuple[Mapping[str, Any], ...]


# In the order of gravity, and what each means to people.
_PARTS: Final = (
    (
        "HARM",
        "Newly denied, though it must stay possible",
        "somebody could no longer do their work",
        ("harm", "bad", "octagon-x"),
    ),
    (
        "LOSS",
        "No longer denied, though it must be",
        "not denied by this layer any more",
        ("loss", "bad", "trending-down"),
    ),
    (
        "OPEN",
        "Newly unknown",
        "it depends on what the probe does not say",
        ("unknown", "warn", "circle-question-mark"),
    ),
    (
        "EXPOSED",
        "Known not to be denied, though it must be",
        "it was not known before",
        ("exposed", "warn", "circle-alert"),
    ),
    (
        "GAIN",
        "Newly denied, as it must be",
        "what the invariants demand",
        ("gain", "ok", "check"),
    ),
    (
        "RELIEF",
        "No longer denied, and it must stay possible",
        "not denied by this layer",
        ("relief", "ok", "check"),
    ),
)
_LABELS: Final = {state.value: str(state.label) for state in Coverage.State}


def read(result: Mapping[str, Any]) -> dict[str, Any]:
    """The answer for its template."""
    groups = [_accounts(one) for one in result["groups"]]
    parts = tuple(_part(one, result, groups) for one in _PARTS)
    by_kind = {part.kind: part for part in parts}
    return {
        **{name: value for name, value in result.items() if name not in ("groups", "changes")},
        "accounts": groups[result["accounts"]],
        "parts": parts,
        "harms": by_kind["HARM"],
        "losses": by_kind["LOSS"],
        "opens": by_kind["OPEN"],
        "gains": by_kind["GAIN"],
        "coverage": [_coverage(one, groups) for one in result["coverage"]],
        "values": _values(result["values"], groups),
        "unreached": _placed(result["unreached"], groups),
    }


def _accounts(group: Mapping[str, Any]) -> Accounts:
    return Accounts(group["count"], tuple((one, name) for one, name in group["accounts"]))


def _placed(
    entries: Sequence[Mapping[str, Any]], groups: Sequence[Accounts]
) -> tuple[dict[str, Any], ...]:
    return tuple({**one, "group": groups[one["group"]]} for one in entries)


def _part(
    words: tuple[str, str, str, tuple[str, str, str]],
    result: Mapping[str, Any],
    groups: Sequence[Accounts],
) -> Part:
    kind, title, hint, (mark, tone, icon) = words
    changes = _placed([one for one in result["changes"] if one["kind"] == kind], groups)
    return Part(kind, title, hint, mark, tone, icon, changes=changes, **result["sums"][kind])


def _coverage(entry: Mapping[str, Any], groups: Sequence[Accounts]) -> dict[str, Any]:
    return {
        **entry,
        "before": _states(entry["before"]),
        "after": _states(entry["after"]),
        "moves": [
            {**move, "before": _LABELS[move["before"]], "after": _LABELS[move["after"]]}
            for move in _placed(entry["moves"], groups)
        ],
    }


def _states(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(_LABELS[state], counts[state]) for state in ORDER if counts.get(state)]


def _values(found: Mapping[str, Any] | None, groups: Sequence[Accounts]) -> dict[str, Any] | None:
    if found is None:
        return None
    unknown = found["unknown"]
    return {
        "changes": _placed(found["changes"], groups),
        "unchanged": found["unchanged"],
        "unknown": None if unknown is None else groups[unknown],
    }
