"""The answer as it is stored: plain JSON, with names for people and long lists cut short."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from invariants.catalog import Invariant
from invariants.evaluation.coverage.world import World
from invariants.evaluation.what_if import standing
from invariants.evaluation.what_if.comparing import Comparison, Kind, ProbeChange
from invariants.evaluation.what_if.values import Values
from invariants.policies import targets

VERSION: Final = 1
# Of a set of accounts so many are named; the count is always of all.
NAMED: Final = 40
_LEVEL_OF_ACCOUNT: Final = "ACCOUNT"


@dataclass(slots=True)
class Groups:
    """Sets of accounts, each written once; an entry names its set by its place."""

    world: World
    found: dict[tuple[str, ...], int] = field(default_factory=dict)

    def __call__(self, accounts: tuple[str, ...]) -> int:
        return self.found.setdefault(accounts, len(self.found))

    def written(self) -> list[dict[str, Any]]:
        return [
            {
                "count": len(accounts),
                "accounts": [[one, self.world.nodes[one].name] for one in accounts[:NAMED]],
            }
            for accounts in self.found
        ]


def probe_entries(
    comparison: Comparison,
    records: Mapping[str, Invariant],
    world: World,
    group: Groups,
) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind.value,
            "invariant": one.key,
            "statement": records[one.key].statement.sentence,
            "severity": records[one.key].severity.value,
            "probe": one.becomes["name"],
            "must_deny": one.becomes["must_deny"],
            "was": one.was["answer"],
            "becomes": one.becomes["answer"],
            "missing": list(one.becomes.get("missing", ())),
            "why": because(one, world),
            "group": group(one.accounts),
        }
        for one in comparison.probes
    ]


def because(change: ProbeChange, world: World) -> str:
    """Who decides afterwards, in one sentence; never that anything is allowed."""
    entry = change.becomes
    layer = {"SCP": "SCPs", "RCP": "RCPs"}.get(str(entry.get("layer")), "policies")
    outcome, reason = entry.get("outcome"), entry.get("reason")
    place = _place(entry, world)
    if outcome == "UNKNOWN":
        if missing := entry.get("missing"):
            return f"Unknown: {place} decides, and it depends on {_listed(missing)}."
        if reason == "UNREADABLE_POLICY":
            return f"Unknown: {place} could not be read."
        return f"Unknown: {place} decides, and AWS does not document this case."
    if outcome == "DENIED":
        if reason == "NO_ALLOW":
            level = _level(str(entry.get("level") or ""), world)
            return f"Denied: no SCP at {level} allows it any more."
        return f"Denied by {place}."
    words = "It is not denied by this layer"
    if reason == "EXEMPT":
        return f"{words}: the {layer} do not reach it."
    if change.kind in (Kind.LOSS, Kind.EXPOSED):
        return f"{words} any more: no statement of the {layer} applies to it."
    return f"{words}; whether it is allowed, identity and resource policies decide."


def _place(entry: Mapping[str, Any], world: World) -> str:
    policy = world.policies.get(str(entry.get("policy_id") or ""))
    name = policy.name if policy else str(entry.get("policy_id") or "a policy")
    level = _level(str(entry.get("level") or ""), world)
    where = f"“{name}” at {level}" if level else f"“{name}”"
    if entry.get("reason") == "UNREADABLE_POLICY":
        return where
    if sid := entry.get("sid"):
        return f"statement “{sid}” of {where}"
    number = entry.get("statement")
    return f"statement number {int(number) + 1} of {where}" if number is not None else where


def _level(level: str, world: World) -> str:
    if level == _LEVEL_OF_ACCOUNT:
        return "the account itself"
    node = world.nodes.get(level)
    if node is None:
        return level
    if node.kind == "ROOT":
        return "the root"
    if node.kind == "ACCOUNT":
        return f"account {node.name}"
    names = [world.nodes[one].name for one in targets.line(level, world.nodes)[1:]]
    return f"OU {' / '.join(names)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def coverage_entries(
    comparison: Comparison, records: Mapping[str, Invariant], group: Groups
) -> list[dict[str, Any]]:
    return [
        {
            "invariant": one.key,
            "statement": records[one.key].statement.sentence,
            "severity": records[one.key].severity.value,
            "before": dict(one.before),
            "after": dict(one.after),
            "moves": [
                {
                    "before": move.before,
                    "after": move.after,
                    "reason": move.reason,
                    "group": group(move.accounts),
                }
                for move in one.moves
            ],
        }
        for one in comparison.coverage
    ]


def value_entries(found: Values | None, group: Groups) -> dict[str, Any] | None:
    """None for policies that decide requests."""
    if found is None:
        return None
    return {
        "changes": [
            {
                "path": one.path,
                "before": one.before,
                "after": one.after,
                "group": group(one.accounts),
            }
            for one in found.changes
        ],
        "unchanged": found.unchanged,
        "unknown": group(found.unknown) if found.unknown else None,
    }


def unreached_entries(found: Iterable[standing.Unreached], group: Groups) -> list[dict[str, Any]]:
    return [{"why": one.why, "group": group(one.accounts)} for one in found]


def sums(comparison: Comparison, kind: Kind) -> dict[str, int]:
    """Probes, accounts and invariants that a part of the changes touches."""
    part = [one for one in comparison.probes if one.kind is kind]
    return {
        "probes": len({(one.key, one.becomes["must_deny"], one.becomes["name"]) for one in part}),
        "accounts": len({account for one in part for account in one.accounts}),
        "invariants": len({one.key for one in part}),
    }


def plain(value: Any) -> Any:
    """A dataclass, or several, as JSON has them."""
    return [asdict(one) for one in value] if isinstance(value, tuple | list) else asdict(value)
