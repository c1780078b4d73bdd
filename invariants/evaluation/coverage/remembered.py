"""What a process remembers from one collection to the next: most policies stay as they are.

A ruling is remembered under all that it may depend on, by content, so that a world asked again answers the
same whether anything was remembered or not.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final

from invariants import catalog, engine
from invariants.catalog import RCP
from invariants.evaluation.coverage.asking import CLOCK_KEYS, Subject
from invariants.evaluation.coverage.layers import LAYERS, Core, Layers, parse
from invariants.evaluation.coverage.rulings import Place, Ruling
from invariants.evaluation.coverage.world import World

if TYPE_CHECKING:
    from invariants.evaluation.coverage.evaluating import Decision

# Rulings, and decisions in words: some kilobytes each.
MAX_KEPT: Final = 20_000
# Catalogues with their parameters, and the policies of accounts that probes name.
MAX_SETTINGS: Final = 100
_ACCOUNT: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
# The levels of the ways of an account, by the layers.
Levels = tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Kept:
    """A ruling, and what it is in words for accounts by the names of their levels."""

    ruling: Ruling
    decisions: "dict[Levels, Decision]" = field(default_factory=dict)

    def in_words(self, names: Levels, put: "Callable[[Ruling], Decision]") -> "Decision":
        """The ruling as `put` says it, said once for all accounts under these levels."""
        found = self.decisions.get(names)
        if found is None:
            _MEMORY.make_room()
            found = self.decisions[names] = put(self.ruling)
        return found


@dataclass(slots=True)
class _Memory:
    """`settings` has a number for each: one is long, and a part of the key of every ruling made in it."""

    kept: dict[object, Kept] = field(default_factory=dict)
    settings: dict[object, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    said: int = 0

    def make_room(self) -> None:
        """Room for one decision more: without words rulings are small."""
        if self.said >= MAX_KEPT:
            for one in self.kept.values():
                one.decisions.clear()
            self.said = 0
        self.said += 1


_MEMORY: Final = _Memory()


def forget() -> None:
    """Decide everything anew the next time; the answers are the same."""
    _MEMORY.kept.clear()
    _MEMORY.said = 0


def of(key: object) -> Kept | None:
    """What was ruled in a case that is like this one in all that matters."""
    return _MEMORY.kept.get(key)


def keep(key: object, ruling: Ruling) -> Kept:
    """Remember a ruling."""
    if len(_MEMORY.kept) >= MAX_KEPT:
        forget()
    found = _MEMORY.kept[key] = Kept(ruling)
    return found


def _number_of(setting: object) -> int:
    """Its own; one that was given is never given again."""
    if len(_MEMORY.settings) >= MAX_SETTINGS:
        forget()
        _MEMORY.settings.clear()
    found = _MEMORY.settings.get(setting)
    if found is None:
        found = _MEMORY.settings[setting] = next(_MEMORY.numbers)
    return found


@dataclass(frozen=True, slots=True)
class _Record:
    """Of an invariant, the keys that its own policy reads among those that policies in AWS read, and the
    accounts of this organisation that its probes name: their policies decide as well."""

    reads: frozenset[str]
    others: frozenset[str]


class Cases:
    """Says by what a case of one world is told apart from all others."""

    def __init__(
        self,
        world: World,
        layers: Layers,
        catalogue: catalog.Catalogue,
        asking_accounts: Sequence[str],
        *,
        now: datetime,
    ) -> None:
        """:param asking_accounts: accounts that probes name, whose policies decide everywhere."""
        self._world = world
        self._now = now
        self._hashes = {one.id: hash(one.content) for one in world.policies.values()}
        read = {
            one.id: keys_of(one.content, one.type)
            for one in world.policies.values()
            if one.type in LAYERS.values()
        }
        self.reads = frozenset(key for keys in read.values() for key in keys)
        self._clocked = {policy_id for policy_id, keys in read.items() if keys & CLOCK_KEYS}
        self._digests = {record.id: hash(repr(record)) for record in catalogue}
        self._layers = layers
        self._asking_accounts = tuple(asking_accounts)
        # Where a probe names the example's member account, each account is asked about itself.
        self._others = {*asking_accounts} - {*catalogue.parameters.get("member_account", ())[:1]}
        self._records: dict[str, _Record] = {}
        self._setting = self._numbered(catalogue)

    def key(self, record: catalog.Invariant, subject: Subject, place: Place) -> object:
        """All that the ruling on an invariant may depend on in an account.

        Of the keys that policies read, those of policies that do not decide say nothing here, and the time
        counts only where one of those that do (or the invariant's own) reads it.
        """
        told = self._record(record)
        ways = (subject.scp.core, subject.rcp.core)
        others = told.others
        if record.type == RCP:
            # What the policies exempt is tried, as somebody of the account that they name.
            others |= self._named_in(subject.rcp.core)
        beside = [
            core for one in sorted(others - {subject.account_id}) for core in self._cores(one)
        ]
        is_clocked = told.reads & CLOCK_KEYS or self._reads_clock((*ways, *beside))
        return (
            self._setting,
            record.id,
            self._digests[record.id],
            record.type in self._world.enabled_types,
            subject.account_id,
            *map(self._texts, ways),
            place,
            tuple(map(self._texts, beside)),
            told.reads,
            self._now if is_clocked else None,
        )

    def _record(self, record: catalog.Invariant) -> "_Record":
        found = self._records.get(record.id)
        if found is None:
            content = json.dumps(record.policy)
            found = self._records[record.id] = _Record(
                reads=self.reads & keys_of(content, record.type),
                others=_numbers(repr(record)) & self._others,
            )
        return found

    def _named_in(self, core: Core) -> frozenset[str]:
        """The accounts of this organisation that policies name."""
        texts = {self._world.policies[one].content or "" for level in core for one in level}
        return frozenset(
            one for text in texts for one in _numbers(text) if one in self._world.nodes
        )

    def _cores(self, account_id: str) -> Iterator[Core]:
        for policy_type in LAYERS.values():
            yield self._layers.way(account_id, policy_type).core

    def _numbered(self, catalogue: catalog.Catalogue) -> int:
        """A number of its own for all else that a ruling may depend on."""
        policies = self._world.policies
        setting = (
            self._world.org_id,
            self._world.management_account_id,
            tuple(sorted(catalogue.parameters.items())),
            tuple(sorted(self._digests.items())),
            self._asking_accounts,
            frozenset(i for i, one in policies.items() if one.is_kept_by_aws),
        )
        return _number_of(setting)

    def _texts(self, core: Core) -> tuple[tuple[tuple[str, int], ...], ...]:
        """The policies of a stack, told apart by their texts as well."""
        return tuple(tuple((one, self._hashes[one]) for one in level) for level in core)

    def _reads_clock(self, cores: Iterable[Core]) -> bool:
        clocked = self._clocked
        return any(one in clocked for core in cores for level in core for one in level)


@lru_cache(maxsize=4096)
def keys_of(content: str | None, policy_type: str) -> frozenset[str]:
    """The condition keys of a policy, in lower case; none of one that nobody can read."""
    policy = parse(content, policy_type).policy
    return (
        frozenset(map(str.lower, engine.keys_read(policy))) if policy is not None else frozenset()
    )


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[str]:
    """What may be the number of an account."""
    return frozenset(_ACCOUNT.findall(text))
