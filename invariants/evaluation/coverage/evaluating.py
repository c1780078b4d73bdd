"""Every invariant in every account: once for all accounts of which the same is true."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final

from invariants import catalog, engine
from invariants.catalog import RCP, SCP
from invariants.evaluation.coverage import evidence, mentions, remembered, rulings, settings
from invariants.evaluation.coverage.asking import ANY_ACCOUNT, Asking, Subject
from invariants.evaluation.coverage.kinship import Kinship
from invariants.evaluation.coverage.layers import LAYERS, OWN, Layers, Way
from invariants.evaluation.coverage.narrowing import Narrowing
from invariants.evaluation.coverage.rulings import BROKEN, EXCEPTED, MISSING, Place
from invariants.evaluation.coverage.scopes import Excepted, Scopes
from invariants.evaluation.coverage.settings import Inherited
from invariants.evaluation.coverage.world import Node, World

_EXCEPTABLE: Final = frozenset({MISSING, BROKEN})


# Without slots: what is worked out once is kept in it.
@dataclass(frozen=True)
class Decision:
    """How an invariant stands in the accounts of a group, and why.

    `level` is the id of the root or an OU, OWN for the account itself, "" where no policy decides.
    `evidence` is as evidence.py says. Decisions are shared by groups and collections: nobody changes one.
    """

    state: str
    reason: str
    policy_id: str | None = None
    level: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of all that it says."""
        said = [self.state, self.reason, self.policy_id, self.level, self.evidence]
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts of which the same is true, by AWS's ids, and the decisions by the invariants' keys."""

    accounts: tuple[str, ...]
    decisions: Mapping[str, Decision]


@dataclass(frozen=True, slots=True)
class Evaluation:
    groups: tuple[Group, ...]

    def of(self, key: str, account_id: str) -> Decision | None:
        """The decision for one invariant in one account; None for what was not evaluated."""
        for group in self.groups:
            if account_id in group.accounts:
                return group.decisions.get(key)
        return None


def evaluate(
    world: World,
    catalogue: catalog.Catalogue,
    *,
    now: datetime,
    accounts: Collection[str] | None = None,
) -> Evaluation:
    """Decide every invariant of the catalogue that is not retired, in all accounts or in some.

    `now` is what policies that read the clock go by. Pure: the same world gives the same evaluation.
    """
    return _Evaluating(world, catalogue, now=now).evaluation(accounts)


class _Evaluating:
    def __init__(self, world: World, catalogue: catalog.Catalogue, *, now: datetime) -> None:
        self.world = world
        self.records = {record.id: record for record in catalogue if not record.retired}
        self.layers = Layers(world)
        self.scopes = Scopes(world, self.records)
        self.kinship = Kinship(world, catalogue)
        self._mentions: dict[object, mentions.Mentions] = {}
        self._asking_accounts = self._accounts_in_probes(catalogue)
        self.cases = remembered.Cases(world, self.layers, catalogue, self._asking_accounts, now=now)
        self.asking = Asking(
            world, self.layers, catalogue.parameters, reads=self.cases.reads, now=now
        )
        self.narrowing = Narrowing(world, self.records, self.kinship)
        self._inherited: dict[object, Inherited] = {}

    def evaluation(self, accounts: Collection[str] | None) -> Evaluation:
        wanted = [node for node in self.world.accounts if accounts is None or node.id in accounts]
        groups: dict[object, list[Node]] = defaultdict(list)
        for account in wanted:
            groups[self._likeness(account)].append(account)
        return Evaluation(tuple(self._group(tuple(nodes)) for nodes in groups.values()))

    def _likeness(self, account: Node) -> object:
        """What two accounts have to share for the same to be true of both."""
        is_named = account.id in self.scopes.named_accounts
        is_management = account.id == self.world.management_account_id
        return (
            account.parent_id,
            account.state,
            self.layers.own(account.id),
            account.id if self._is_told_apart(account) else "",
            account.id if is_named or is_management else "",
            # Accounts under the same exceptions stay together, those under none all the more.
            tuple(
                (one.ref, one.concerns(account.id), one.wanted(account.id))
                for one in self.scopes.approved(account)
            ),
        )

    def _is_told_apart(self, account: Node) -> bool:
        """Whether a policy above the account names it."""
        ways = (self.layers.way(account.id, policy_type) for policy_type in LAYERS.values())
        return self._called(account, *ways) != ANY_ACCOUNT

    def _called(self, account: Node, *ways: Way) -> str:
        """By what name these policies may tell the account from others."""
        if account.id in self._asking_accounts:
            return account.id
        cores = tuple(way.core for way in ways)
        found = self._mentions.get(cores)
        if found is None:
            others = (
                self.layers.way(one, policy_type).core
                for one in self._asking_accounts
                for policy_type in LAYERS.values()
            )
            policies = {policy for core in (*cores, *others) for level in core for policy in level}
            found = self._mentions[cores] = mentions.of(policies, self.world)
        return account.id if mentions.names(found, account.id) else ANY_ACCOUNT

    def _accounts_in_probes(self, catalogue: catalog.Catalogue) -> tuple[str, ...]:
        """The accounts of this organisation that probes name: their policies decide as well."""
        named = {value for values in catalogue.parameters.values() for value in values}
        return tuple(sorted(named & {node.id for node in self.world.accounts}))

    def _group(self, accounts: tuple[Node, ...]) -> Group:
        first = accounts[0]
        scp, rcp = self.layers.way(first.id, SCP), self.layers.way(first.id, RCP)
        asides = {key: self.scopes.aside(record, first) for key, record in self.records.items()}
        in_scope = frozenset(key for key, aside in asides.items() if aside is None)
        place = Place(first.role, in_scope)
        decisions = {}
        for key, record in self.records.items():
            aside = asides[key]
            if aside is not None:
                decisions[key] = _beside(aside.state, aside.reason)
            elif record.type in LAYERS.values():
                ways = self.narrowing.way(key, scp), self.narrowing.way(key, rcp)
                subject = Subject(self._called(first, *ways), *ways)
                decisions[key] = self._by_requests(record, first, subject, place)
            else:
                decisions[key] = self._by_values(record, first)
        return Group(tuple(account.id for account in accounts), decisions)

    def _by_requests(
        self, record: catalog.Invariant, account: Node, subject: Subject, place: Place
    ) -> Decision:
        decision = self._decided(record, subject, place)
        found = evidence.with_approvals(
            decision.evidence, self.scopes.approved(account, record.id), account.id
        )
        if found is not decision.evidence:
            decision = replace(decision, evidence=found)
        # Only what is not there is excepted: a policy that is wrong is wrong in an OU of exceptions too.
        # That it exempts the account is what an exception for the account asks for.
        of = _EXCEPTABLE if evidence.lets_pass(found) else frozenset({MISSING})
        return self._unless_excepted(record, account, decision, of)

    def _decided(self, record: catalog.Invariant, subject: Subject, place: Place) -> Decision:
        """The decision by policies alone, whatever people approved."""
        key = self.cases.key(record, subject, place)
        kept = remembered.of(key)
        if kept is None:
            ruling = rulings.rule(record, subject, place, self.asking, self.kinship)
            kept = remembered.keep(key, ruling)
        names = (subject.scp.levels, subject.rcp.levels)
        return kept.in_words(names, lambda ruling: _in_words(ruling, subject))

    def _by_values(self, record: catalog.Invariant, account: Node) -> Decision:
        way = self.layers.way(account.id, record.type)
        key = (record.id, way.core)
        inherited = self._inherited.get(key)
        if inherited is None:
            inherited = self._inherited[key] = settings.rule(record, way, self.world)
        level = "" if inherited.level is None else way.levels[inherited.level]
        found = evidence.of_inherited(inherited, way.levels)
        decision = Decision(inherited.state, inherited.reason, inherited.policy_id, level, found)
        return self._unless_excepted(record, account, decision, _EXCEPTABLE)

    def _unless_excepted(
        self, record: catalog.Invariant, account: Node, decision: Decision, of: frozenset[str]
    ) -> Decision:
        if decision.state not in of:
            return decision
        excepted = self.scopes.excepted(record, account)
        if excepted is None or (decision.state == BROKEN and not _may_be_broken(record, excepted)):
            return decision
        reason = f"{excepted.reason} {decision.reason}"
        found = evidence.of_exception(excepted, dict(decision.evidence))
        return Decision(EXCEPTED, reason, decision.policy_id, decision.level, found)


def _may_be_broken(record: catalog.Invariant, excepted: Excepted) -> bool:
    """Of requests only by an exception for the account itself; a value is broken by any other value."""
    return record.type not in LAYERS.values() or bool(excepted.ref)


@lru_cache(maxsize=4096)
def _beside(state: str, reason: str) -> Decision:
    """What is said of an invariant that is not about the account."""
    return Decision(state, reason)


def _in_words(ruling: rulings.Ruling, subject: Subject) -> Decision:
    levels = {engine.Layer.SCP: subject.scp.levels, engine.Layer.RCP: subject.rcp.levels}
    level = ""
    if ruling.layer is not None and ruling.level is not None:
        level = levels[ruling.layer][ruling.level]
    found = evidence.of_ruling(ruling, levels, subject.account_id)
    return Decision(ruling.state, ruling.reason, ruling.policy_id, level, found)


def own_level(level: str, account_id: str) -> str:
    """A decision's level as an id of AWS."""
    return account_id if level == OWN else level


def decisions(evaluation: Evaluation) -> Iterator[tuple[str, str, Decision]]:
    """Each pair once: key, account id, decision."""
    for group in evaluation.groups:
        for key, decision in group.decisions.items():
            for account_id in group.accounts:
                yield key, account_id, decision
