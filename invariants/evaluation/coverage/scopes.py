"""Which invariants an account is a target of, and where they do not apply or cannot be enforced."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from invariants import catalog
from invariants.catalog import BOUNDARY, CarveOut
from invariants.evaluation.coverage.layers import LAYERS
from invariants.evaluation.coverage.rulings import NOT_APPLICABLE, NOT_ENFORCEABLE, UNKNOWN
from invariants.evaluation.coverage.world import ROOT, Node, World
from invariants.policies import targets
from invariants.policies.exceptions.fitting import OTHER_OU, Asked

_ACTIVE: Final = "ACTIVE"
_SUSPENDED: Final = "SUSPENDED"
_EXCEPTIONS: Final = "EXCEPTIONS"
_STATES: Final = {
    "PENDING_ACTIVATION": "is not active yet",
    "SUSPENDED": "is suspended",
    "PENDING_CLOSURE": "is being closed",
    "CLOSED": "is closed",
}
_BY_OU: Final = frozenset({CarveOut.ACCOUNT_MOVE, CarveOut.CHILD_POLICY})
_TARGETS: Final = TypeAdapter(catalog.Targets)


@dataclass(frozen=True, slots=True)
class Aside:
    """Why an invariant is not asked about in an account."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Excepted:
    """Why an account may be without an invariant. `mechanism` is one of a to f ("": no policy is
    involved), `value` what carries it; `ref` is of the exception that people approved, "" where the
    invariant itself grants it."""

    reason: str
    mechanism: str
    value: str
    ref: str = ""


class Scopes:
    """The targets of each invariant, resolved once in a world."""

    def __init__(self, world: World, records: Mapping[str, catalog.Invariant]) -> None:
        self._world = world
        self._ids = {
            key: targets.resolve(
                _TARGETS.dump_python(record.targets, mode="json"),
                world.nodes,
                management_account_id=world.management_account_id,
            ).ids
            for key, record in records.items()
        }
        self.named_accounts = frozenset(
            node_id
            for ids in self._ids.values()
            for node_id in ids
            if world.nodes[node_id].kind == "ACCOUNT"
        )
        self._approved: dict[str, list[Asked]] = defaultdict(list)
        for one in sorted(world.approved, key=lambda one: one.ref):
            for account_id in one.accounts:
                self._approved[account_id].append(one)

    def approved(self, account: Node, key: str = "") -> tuple[Asked, ...]:
        """The exceptions in force for an account, of one invariant or of all, in the order of their refs."""
        found = self._approved.get(account.id, ())
        return tuple(one for one in found if not key or key in one.invariants)

    def excepted(self, record: catalog.Invariant, account: Node) -> Excepted | None:
        """The exception by which an account may be without the invariant; None where there is none.

        The one place where exceptions come in: those that the invariant itself grants to OUs, and those
        that people approved for the account as a whole.
        """
        return _granted(record, account, self._world) or self._let_off(record, account)

    def _let_off(self, record: catalog.Invariant, account: Node) -> Excepted | None:
        for one in self.approved(account, record.id):
            if one.lets_off and (one.mechanism != OTHER_OU or account.role == _EXCEPTIONS):
                return Excepted(f"Excepted by {one.ref}.", one.mechanism, one.ref, one.ref)
        return None

    def is_target(self, record: catalog.Invariant, account: Node) -> bool:
        """Whether the account has to have it. Moving to an OU of exceptions takes no account out of the
        targets of an invariant that grants exceptions by such OUs: it is excepted there, and counts."""
        if targets.is_within(account.id, self._ids[record.id], self._world.nodes):
            return True
        return account.role == _EXCEPTIONS and self._is_moved(record, account)

    def _is_moved(self, record: catalog.Invariant, account: Node) -> bool:
        if _granted(record, account, self._world) is not None:
            return True
        found = self._let_off(record, account)
        return found is not None and found.mechanism == OTHER_OU

    def aside(self, record: catalog.Invariant, account: Node) -> Aside | None:
        """Why the invariant is not decided in the account; None where it is."""
        if account.state != _ACTIVE:
            what = _STATES.get(account.state, f"has the state {account.state}")
            return Aside(NOT_APPLICABLE, f"The account {what}.")
        if not self.is_target(record, account):
            return Aside(NOT_APPLICABLE, "The account is outside the targets of the invariant.")
        if account.role == _SUSPENDED and not self._means_suspended(record, account):
            reason = (
                "The account is in a suspended OU, and the invariant is not about suspended OUs."
            )
            return Aside(NOT_APPLICABLE, reason)
        is_management = account.id == self._world.management_account_id
        if is_management and record.type in LAYERS.values():
            name = catalog.type_name(record.type)
            return Aside(NOT_ENFORCEABLE, f"{name}: none reaches the management account.")
        if record.type == BOUNDARY:
            reason = (
                "Which principals carry the permissions boundary is not collected, so it is not known "
                "whether it holds."
            )
            return Aside(UNKNOWN, reason)
        return None

    def _means_suspended(self, record: catalog.Invariant, account: Node) -> bool:
        """Whether a target is suspended itself, or is the account."""
        nodes = self._world.nodes
        return any(
            nodes[one].kind != ROOT
            and nodes[one].role == _SUSPENDED
            and targets.is_within(account.id, frozenset({one}), nodes)
            for one in self._ids[record.id]
        )


def _granted(record: catalog.Invariant, account: Node, world: World) -> Excepted | None:
    """The exception that the invariant itself grants to the OU of the account."""
    for exemption in record.exceptions:
        if exemption.carve_out in _BY_OU and _is_granted(exemption.via, account, world):
            reason = f"Excepted by the OU of the account: {exemption.who}."
            return Excepted(reason, OTHER_OU, exemption.via or _EXCEPTIONS)
    return None


def _is_granted(via: str, account: Node, world: World) -> bool:
    """Whether the account is in the OU that an exemption names, by its name or its role.

    One that names none is for OUs of role EXCEPTIONS; one that leads out of an OU grants nothing.
    """
    named = via.strip().lower().removesuffix(" ou").strip()
    if named.startswith("out of "):
        return False
    way = [world.nodes[node_id] for node_id in world.way(account.id)]
    known = {node.name.strip().lower() for node in world.nodes.values() if node.kind == "OU"}
    roles = {role.lower().replace("_", " ") for role in catalog.AccountRole}
    if named in known | roles:
        return any(
            named in (node.name.strip().lower(), node.role.lower().replace("_", " "))
            for node in way
            if node.kind == "OU"
        )
    return account.role == _EXCEPTIONS
