"""What decides an invariant in one account: each request that was tried, and what answered it.

State and reason are for whoever sees the account. The proof quotes policies wherever they are attached:
it is for those who see the whole organisation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from invariants.models import Coverage, CoverageDay, CoverageProof, Invariant
from invariants.queries import coverage, proofs
from invariants.queries.coverage import AccountLine
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit, OrgPolicy

_MOST_DAYS: Final = 60
_MECHANISMS: Final = {
    "a": "another OU",
    "b": "principals that are named",
    "c": "a tag",
    "d": "a list of values",
    "e": "a policy further down",
    "f": "a time at which it ends",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One request; `answer` is HOLDS, BREAKS or UNKNOWN. `by` says what decided it, in words."""

    name: str
    must_deny: bool
    answer: str
    action: str
    principal: str
    resource: str
    by: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inherited:
    """A value that the account has to inherit, and the one that it does; "" is none."""

    path: str
    wanted: str
    found: str
    answer: str
    by: str


@dataclass(frozen=True, slots=True)
class CarveOut:
    """What lets somebody or something through; `is_usual`: as the catalogue has it."""

    how: str
    what: str
    by: str
    is_usual: bool
    until: str


@dataclass(frozen=True, slots=True)
class Evidence:
    tried: tuple[Tried, ...]
    inherited: tuple[Inherited, ...]
    carve_outs: tuple[CarveOut, ...]
    missing: tuple[str, ...]
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A state from the end of `day` on, before `until` (None: now)."""

    day: date
    until: date | None
    state: str
    state_name: str


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`evidence` None for who does not see the whole organisation."""

    line: AccountLine
    evidence: Evidence | None
    stretches: tuple[Stretch, ...]


def page(user: AnyUser, invariant: Invariant, account_id: str) -> AccountPage | None:
    """None where the person sees no such account, or nothing was worked out. Seven queries."""
    line = coverage.account_line(user, invariant, account_id)
    if line is None:
        return None
    account = Account.objects.visible_to(user).get(
        account_id=account_id, organization=invariant.organization_id
    )
    proof = proofs.proof(user, invariant, account)
    evidence = _evidence(proof.evidence, invariant) if proof else None
    return AccountPage(line, evidence, _stretches(user, invariant, account))


def _stretches(user: AnyUser, invariant: Invariant, account: Account) -> tuple[Stretch, ...]:
    """The newest first. One query."""
    rows = CoverageDay.objects.visible_to(user).filter(invariant=invariant, account=account)
    return tuple(
        Stretch(row.day, row.until, row.state, str(Coverage.State(row.state).label))
        for row in rows.order_by("-day")[:_MOST_DAYS]
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """Policies and OUs by their ids."""

    policies: Mapping[str, str]
    levels: Mapping[str, str]

    def deciding(self, found: Mapping[str, Any]) -> str:
        """ "statement “Deny” of restrict-regions, attached to Workloads"; "" where nothing decides."""
        policy_id = found.get("policy_id")
        if not policy_id:
            return ""
        policy = self.policies.get(policy_id, policy_id)
        statement = found.get("statement")
        sid = f"“{found['sid']}”" if found.get("sid") else ""
        if not sid and statement is not None:
            sid = f"number {int(statement) + 1}"
        level = str(found.get("level") or "")
        place = f", attached to {self.levels.get(level, level)}" if level else ""
        return f"statement {sid} of {policy}{place}" if sid else f"{policy}{place}"


def _names(found: Mapping[str, Any], invariant: Invariant) -> _Names:
    """Two queries."""
    parts = [*found.get("probes", ()), *found.get("settings", ()), *found.get("carve_outs", ())]
    ids = {part["policy_id"] for part in parts if part.get("policy_id")}
    policies = OrgPolicy.objects.filter(
        organization=invariant.organization_id, policy_id__in=ids
    ).values_list("policy_id", "name")
    ous = OrganizationalUnit.objects.filter(organization=invariant.organization_id)
    levels = dict(ous.values_list("ou_id", "name"))
    return _Names(dict(policies), levels | {CoverageProof.OWN: "the account itself"})


def _evidence(found: Mapping[str, Any], invariant: Invariant) -> Evidence:
    names = _names(found, invariant)
    return Evidence(
        tried=tuple(_tried(one, names) for one in found.get("probes", ())),
        inherited=tuple(_inherited(one, names) for one in found.get("settings", ())),
        carve_outs=tuple(_carve_out(one, names) for one in found.get("carve_outs", ())),
        missing=_texts(found.get("missing", ())),
        also=_texts(found.get("also", ())),
    )


def _texts(found: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(one) for one in found)


def _tried(one: Mapping[str, Any], names: _Names) -> Tried:
    return Tried(
        name=str(one.get("name", "")),
        must_deny=bool(one.get("must_deny")),
        answer=str(one.get("answer", "")),
        action=str(one.get("action", "")),
        principal=str(one.get("principal", "")),
        resource=str(one.get("resource", "")),
        by=names.deciding(one),
        missing=_texts(one.get("missing", ())),
    )


def _inherited(one: Mapping[str, Any], names: _Names) -> Inherited:
    return Inherited(
        path=str(one.get("path", "")),
        wanted=_value(one.get("wanted")),
        found=_value(one.get("found")),
        answer=str(one.get("answer", "")),
        by=names.deciding(one),
    )


def _carve_out(one: Mapping[str, Any], names: _Names) -> CarveOut:
    words = (one.get("operator"), one.get("key"), _value(one.get("value")))
    return CarveOut(
        how=_MECHANISMS.get(str(one.get("mechanism")), ""),
        what=" ".join(str(word) for word in words if word),
        by=names.deciding(one),
        is_usual=bool(one.get("is_usual")),
        until=str(one.get("until") or ""),
    )


def _value(value: Any) -> str:  # JSON of any shape
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
