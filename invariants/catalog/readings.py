"""What pages say of an invariant without the engine at hand: worked out once, when it is loaded."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypedDict

from invariants import engine, lint
from invariants.catalog.loading import Catalogue
from invariants.catalog.probing import Answer, run_probe, run_probes, run_settings, stack_of
from invariants.catalog.records import Invariant, Probe
from invariants.catalog.requests import Surroundings, surroundings
from invariants.catalog.vocabulary import RCP, SCP, AccountRole
from invariants.catalog.wording import Wording, words

# The roles of OUs by their path, with those of all OUs below: what a target by name reaches.
RolesAt: TypeAlias = Mapping[str, Collection[AccountRole]]
_FAILED_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class _Around:
    """Where and beside what the policies are asked."""

    guards: lint.Guards
    surroundings: Surroundings
    allowed: Sequence[tuple[str, Probe]]
    roles_at: RolesAt


class LintLine(TypedDict):
    """A rule that the policy breaks; `waived` is the reason where it does so on purpose, else ""."""

    rule: str
    severity: str
    path: str
    message: str
    fix: str
    page: str
    waived: str


class FailedProbe(TypedDict):
    name: str
    why: str


class Probes(TypedDict):
    """How many requests or values were asked of the invariant's own policy, how many fail, how many of
    them (`open`) only since the request does not say enough, and the first of all those."""

    asked: int
    failing: int
    open: int
    failed: list[FailedProbe]


class Reading(TypedDict):
    """`size` and `size_limit` are characters as AWS counts them, `slots` the policies of the type that
    one target takes; None where AWS publishes no limit. `golden` is what must stay possible under the
    other invariants, asked of this one's policy. `hash` is SHA-256 (hex) of the policy as JSON
    with sorted keys, as the inventory hashes what is in AWS."""

    lint: list[LintLine]
    words: list[Wording]
    size: int
    size_limit: int | None
    slots: int | None
    probes: Probes
    golden: Probes
    hash: str


def readings(catalogue: Catalogue, *, roles_at: RolesAt) -> dict[str, Reading]:
    """The reading of every invariant, by its id."""
    around = _Around(
        guards=lint.guards_of(i.policy for i in catalogue if i.is_authorisation),
        surroundings=surroundings(catalogue.parameters),
        allowed=[
            (i.id, probe)
            for i in catalogue
            if not i.draft and not i.retired
            for probe in i.must_allow
        ],
        roles_at=roles_at,
    )
    return {invariant.id: _reading(invariant, around) for invariant in catalogue}


def _reading(invariant: Invariant, around: _Around) -> Reading:
    limit = lint.current_limits().of(invariant.type)
    asks = _settings(invariant) if invariant.must_set else _probes(invariant, around)
    return {
        "lint": _lint(invariant, around.guards),
        "words": list(words(invariant.policy, invariant.type)),
        "size": engine.minified_size(invariant.policy),
        "size_limit": limit.characters,
        "slots": limit.slots,
        "probes": asks,
        "golden": _golden(invariant, around),
        "hash": _hash(invariant.policy),
    }


def _lint(invariant: Invariant, guards: lint.Guards) -> list[LintLine]:
    return [
        {
            "rule": finding.rule.id,
            "severity": finding.rule.severity.value,
            "path": finding.path,
            "message": finding.message,
            "fix": finding.rule.fix,
            "page": finding.rule.page,
            "waived": invariant.lint_waivers.get(finding.rule.id, ""),
        }
        for finding in lint.lint(invariant.policy, invariant.type, guards=guards)
    ]


def _probes(invariant: Invariant, around: _Around) -> Probes:
    results = run_probes(invariant, around.surroundings)
    failed: list[FailedProbe] = [
        {"name": r.probe.name, "why": engine.explain(r.verdict)}
        for r in results
        if r.answer is not Answer.HOLDS
    ]
    is_open = sum(r.answer is Answer.UNKNOWN for r in results)
    return _told(len(results), failed, is_open)


def _golden(invariant: Invariant, around: _Around) -> Probes:
    """Denies only add up, so that what no policy denies alone they do not deny together."""
    if invariant.type not in (SCP, RCP):
        return _told(0, [])
    stack = stack_of(invariant)
    denied: list[FailedProbe] = []
    undecided: list[FailedProbe] = []
    asked = 0
    for owner, probe in around.allowed:
        if owner == invariant.id or not _reaches(invariant, probe, around.roles_at):
            continue
        asked += 1
        result = run_probe(probe, around.surroundings, stack, must_deny=False)
        if result.answer is not Answer.HOLDS:
            name = f"{owner}: {probe.name}"
            found = undecided if result.answer is Answer.UNKNOWN else denied
            found.append({"name": name, "why": engine.explain(result.verdict)})
    return _told(asked, [*denied, *undecided], len(undecided))


def _reaches(invariant: Invariant, probe: Probe, roles_at: RolesAt) -> bool:
    """An OU by name has the roles of its subtree; an account by number is taken for a workload."""
    targets = invariant.targets
    roles = {role for ou in targets.ous for role in roles_at.get(plain_path(ou), ())}
    if targets.accounts:
        roles.add(AccountRole.WORKLOADS)
    return targets.root or probe.account_role in {*targets.ou_roles, *roles}


def plain_path(path: str) -> str:
    """A path of OUs in one spelling: "Workloads/Prod", also where blanks stand around the slash."""
    return "/".join(part.strip() for part in path.split("/"))


def _settings(invariant: Invariant) -> Probes:
    results = run_settings(invariant)
    failed: list[FailedProbe] = [
        {"name": r.setting.path, "why": f"The policy sets {json.dumps(r.found)}."}
        for r in results
        if r.answer is not Answer.HOLDS
    ]
    return _told(len(results), failed)


def _told(asked: int, failed: list[FailedProbe], is_open: int = 0) -> Probes:
    return {
        "asked": asked,
        "failing": len(failed),
        "open": is_open,
        "failed": failed[:_FAILED_KEPT],
    }


def _hash(policy: Any) -> str:
    text = json.dumps(policy, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
