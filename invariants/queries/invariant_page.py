"""Everything the page of one invariant shows.

Statement, why and state are for everybody who sees any account; coverage, violations and denials are of
the person's own accounts; the policy, its versions, who moved it, and what stands above an account are
for those who see the whole organisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max

from invariants.models import Coverage, Invariant, InvariantVersion
from invariants.queries import coverage, history, ou_tree, policy_text
from invariants.queries.counts import Counts
from invariants.queries.coverage import AccountLine, OuCounts
from invariants.queries.history import Move, Step
from invariants.queries.ou_tree import Cell
from invariants.queries.policy_text import PolicyText
from inventory import access
from inventory.access import AnyUser
from inventory.models import PolicyAttachment

# So many accounts are named on the page; the list has the rest.
_NAMED = 8
_LET_GO = (Coverage.State.CARVED_OUT, Coverage.State.EXCEPTED)


@dataclass(frozen=True, slots=True)
class Part:
    """A third of the closed loop: "control", "monitor" or "fix"."""

    name: str
    is_present: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a statement does, or what value is set, in plain words."""

    sid: str
    text: str
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` None: AWS publishes none."""

    used: int
    limit: int | None

    @property
    def percent(self) -> float | None:
        return None if not self.limit else 100 * self.used / self.limit

    @property
    def tone(self) -> str:
        share = self.percent or 0
        return "bad" if share > 100 else "warn" if share > 80 else "accent"


@dataclass(frozen=True, slots=True)
class Usual:
    """An exception that belongs to the invariant, and how it gets into force."""

    who: str
    carve_out: str
    via: str


@dataclass(frozen=True, slots=True)
class Demanded:
    """The version that holds, in full. `examples` are parameters that still have example values."""

    number: int
    declared: int
    digest: str
    source: str
    because: str
    loaded_at: datetime
    targets: tuple[str, ...]
    policy: PolicyText
    words: tuple[Words, ...]
    size: Budget
    slots: Budget
    loop: tuple[Part, ...]
    usual: tuple[Usual, ...]
    controls: tuple[str, ...]
    analyzer: tuple[str, ...]
    pages: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """A policy in AWS that decides the invariant in `accounts` accounts."""

    policy_id: str
    name: str
    accounts: int


@dataclass(frozen=True, slots=True)
class InvariantPage:
    """`demanded` None, and `moves` and `served` empty, for who does not see the whole organisation."""

    invariant: Invariant
    statement: str
    condition: str
    counts: Counts
    evaluated_at: datetime | None
    steps: tuple[Step, ...]
    moves: tuple[Move, ...]
    demanded: Demanded | None
    served: tuple[Served, ...]
    tree: tuple[OuCounts, ...]
    cells: tuple[Cell, ...]
    sees_all: bool

    @property
    def state_text(self) -> str:
        """The state, and how far a staged one has come: in how many OUs it holds everywhere."""
        name = str(self.invariant.get_state_display()).capitalize()
        if self.invariant.state != Invariant.State.STAGED:
            return name
        own = [ou.own for ou in self.tree if ou.own.in_scope]
        held = sum(1 for counts in own if counts.protected == counts.in_scope)
        return f"{name}: {held} of {len(own)} OUs" if own else name

    @property
    def next_state(self) -> str:
        """What it may be promoted to, "" where nothing comes after."""
        states = [step.state for step in self.steps]
        place = states.index(self.invariant.state) + 1
        return self.steps[place].name if place < len(states) else ""

    @property
    def attached(self) -> tuple[str, ...]:
        return tuple(ou.name for ou in self.tree if ou.is_attached)


def find(user: AnyUser, key: str) -> Invariant | None:
    """One query, and those of the person's scope."""
    return Invariant.objects.visible_to(user).filter(key=key).order_by("pk").first()


def page(user: AnyUser, invariant: Invariant) -> InvariantPage:
    """Nine queries for who sees the whole organisation; they do not grow with accounts or invariants."""
    sees_all = access.scope_of(user).everything
    moves = history.moves(user, invariant)
    tree = coverage.tree(user, invariant)
    statement, condition = _statement(invariant)
    return InvariantPage(
        invariant=invariant,
        statement=statement,
        condition=condition,
        counts=coverage.of_invariant(user, invariant),
        evaluated_at=coverage.evaluated_at(user),
        steps=history.steps(invariant, moves),
        moves=moves,
        demanded=_demanded(user, invariant),
        served=_served(invariant) if sees_all else (),
        tree=tree,
        cells=ou_tree.cells(tree, is_known=sees_all),
        sees_all=sees_all,
    )


def _statement(invariant: Invariant) -> tuple[str, str]:
    """The sentence in two parts: what always holds, and unless what."""
    ending = f"{invariant.condition}."
    if invariant.condition and invariant.statement.endswith(ending):
        return invariant.statement.removesuffix(ending).rstrip(), ending
    return invariant.statement, ""


def _demanded(user: AnyUser, invariant: Invariant) -> Demanded | None:
    """Two queries."""
    rows = InvariantVersion.objects.visible_to(user).filter(invariant=invariant)
    version = rows.order_by("-number").first()
    if version is None:
        return None
    record, reading = version.content, version.reading
    detects = record.get("detects") or {}
    return Demanded(
        number=version.number,
        declared=version.declared,
        digest=version.digest,
        source=history.source_text(version.source),
        because=str(version.source.get("because") or ""),
        loaded_at=version.loaded_at,
        targets=tuple(_targets(record.get("targets") or {})),
        policy=policy_text.policy_text(record.get("policy") or {}, reading.get("lint") or ()),
        words=tuple(map(_words, reading.get("words") or ())),
        size=Budget(int(reading.get("size") or 0), reading.get("size_limit")),
        slots=Budget(_slots_used(invariant), reading.get("slots")),
        loop=tuple(_loop(record.get("loop") or {})),
        usual=tuple(map(_usual, record.get("exceptions") or ())),
        controls=tuple(detects.get("security_hub") or ()),
        analyzer=tuple(detects.get("access_analyzer") or ()),
        pages=tuple(record.get("pages") or ()),
        examples=tuple(version.source.get("examples") or ()),
    )


def _targets(targets: Mapping[str, Any]) -> list[str]:
    """Where it is to be attached, in words."""
    roles = [f"{role.replace('_', ' ').lower()} OUs" for role in targets.get("ou_roles") or ()]
    root = ["the root"] if targets.get("root") else []
    return [*root, *roles, *(targets.get("ous") or ()), *(targets.get("accounts") or ())]


def _words(found: Mapping[str, Any]) -> Words:
    conditions = tuple(map(str, found.get("conditions") or ()))
    return Words(str(found.get("sid") or ""), str(found.get("text") or ""), conditions)


def _loop(loop: Mapping[str, Any]) -> list[Part]:
    return [
        Part(name, bool(loop[name].get("present")), str(loop[name].get("reason", "")))
        for name in ("control", "monitor", "fix")
        if loop.get(name)
    ]


def _usual(found: Mapping[str, Any]) -> Usual:
    carve_out = str(found.get("carve_out", "")).replace("_", " ").lower()
    return Usual(str(found.get("who", "")), carve_out, str(found.get("via") or ""))


def _slots_used(invariant: Invariant) -> int:
    """The most policies of its type that are attached to one target. One query."""
    attached = PolicyAttachment.objects.filter(
        until=None, policy__type=invariant.type, policy__organization=invariant.organization_id
    )
    by_target = attached.order_by().values("target_id").annotate(policies=Count("pk"))
    most: int | None = by_target.aggregate(most=Max("policies"))["most"]
    return most or 0


def _served(invariant: Invariant) -> tuple[Served, ...]:
    """One query. What could not be read serves nothing."""
    rows = Coverage.objects.filter(invariant=invariant, proof__policy__isnull=False).order_by()
    rows = rows.exclude(state=Coverage.State.UNKNOWN)
    policies = rows.values_list("proof__policy__policy_id", "proof__policy__name")
    counted = policies.annotate(accounts=Count("pk")).order_by("-accounts", "proof__policy__name")
    return tuple(Served(*row) for row in counted[:_NAMED])


def let_go(user: AnyUser, invariant: Invariant) -> tuple[AccountLine, ...]:
    """The first accounts that an exception or a carve-out reaches. Two queries."""
    states = [state.value for state in _LET_GO]
    return coverage.accounts(user, invariant, states=states, size=_NAMED).rows
