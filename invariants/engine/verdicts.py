"""What a layer of policies, SCPs or RCPs, says of a request.

SCPs: an Allow is needed at every level from the root to the account, and any Deny denies. RCPs: any Deny
denies; the Allow at every level is AWS's own RCPFullAWSAccess, which cannot be detached.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_evaluation.html

A layer never allows anything: at most it does not deny. Identity and resource policies are not looked at.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from invariants.engine.conditions import ConditionFinding
from invariants.engine.exemptions import Exemption, Layer, Organization, scope
from invariants.engine.requests import Request
from invariants.engine.stacks import Placed, Relevant, Stack
from invariants.engine.states import KeyState, OneOf, worlds
from invariants.engine.truth import FALSE, TRUE, UNKNOWN

# Beyond, the states of OneOf are looked at condition by condition, which may leave more unknown.
MAX_WORLDS: Final = 64


class Outcome(StrEnum):
    DENIED = "DENIED"
    UNKNOWN = "UNKNOWN"
    NOT_DENIED = "NOT_DENIED"


class Reason(StrEnum):
    DENY = "DENY"
    NO_ALLOW = "NO_ALLOW"
    MISSING_KEYS = "MISSING_KEYS"
    UNDOCUMENTED = "UNDOCUMENTED"
    UNREADABLE_POLICY = "UNREADABLE_POLICY"
    UNKNOWN_SCOPE = "UNKNOWN_SCOPE"
    EXEMPT = "EXEMPT"
    NO_POLICIES = "NO_POLICIES"
    NOTHING_DENIES = "NOTHING_DENIES"


@dataclass(frozen=True, slots=True)
class Verdict:
    """DENIED, UNKNOWN or NOT_DENIED by this layer, and why.

    `level`, `policy`, `sid` and `statement` (counted from 0) name what denies, or might deny; of a missing
    Allow only the level. `conditions` are that statement's. `missing` names what would settle it: keys as
    the policies write them, "resource", "principal", "resource account".
    """

    outcome: Outcome
    layer: Layer
    reason: Reason
    level: str | None = None
    policy: str | None = None
    sid: str | None = None
    statement: int | None = None
    conditions: tuple[ConditionFinding, ...] = ()
    missing: tuple[str, ...] = ()
    exemption: Exemption | None = None


_STRICTNESS: Final = {Outcome.DENIED: 2, Outcome.UNKNOWN: 1, Outcome.NOT_DENIED: 0}


def evaluate(
    request: Request, stack: Stack, *, organization: Organization | None = None
) -> Verdict:
    """Return what the stack says; it must be that of the account that `account_of` names."""
    reach = scope(stack.layer, request, organization)
    if reach.is_exempt is TRUE:
        return Verdict(Outcome.NOT_DENIED, stack.layer, Reason.EXEMPT, exemption=reach.exemption)
    verdict = _of_policies(request, stack)
    if reach.is_exempt is FALSE or verdict.outcome is Outcome.NOT_DENIED:
        return verdict
    missing = tuple(dict.fromkeys([*reach.missing, *verdict.missing]))
    return replace(verdict, outcome=Outcome.UNKNOWN, reason=Reason.UNKNOWN_SCOPE, missing=missing)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that prevails: DENIED over UNKNOWN over NOT_DENIED, the first of equals.

    :raises ValueError: of no verdicts.
    """
    return max(verdicts, key=lambda verdict: _STRICTNESS[verdict.outcome])


def _of_policies(request: Request, stack: Stack) -> Verdict:
    if not stack.levels:
        return Verdict(Outcome.NOT_DENIED, stack.layer, Reason.NO_POLICIES)
    relevant = stack.relevant(request.action)
    verdict = _of_world(request, stack, relevant)
    if verdict.outcome is not Outcome.UNKNOWN:
        return verdict
    split = {
        key: state
        for key, state in request.states.items()
        if isinstance(state, OneOf) and key in relevant.keys
    }
    if not split or math.prod(len(worlds(state)) for state in split.values()) > MAX_WORLDS:
        return verdict
    found = [_of_world(world, stack, relevant) for world in _worlds(request, split)]
    agree = len({one.outcome for one in found}) == 1 and found[0].outcome is not Outcome.UNKNOWN
    return found[0] if agree else verdict


def _worlds(request: Request, split: Mapping[str, KeyState]) -> Iterator[Request]:
    for chosen in itertools.product(*map(worlds, split.values())):
        yield replace(request, context=request.states | dict(zip(split, chosen, strict=True)))


def _of_world(request: Request, stack: Stack, relevant: Relevant) -> Verdict:
    open_denies: list[Placed] = []
    for placed in relevant.denies:
        truth = placed.compiled.truth_for_action(request)
        if truth is TRUE:
            return _named(Outcome.DENIED, stack, placed, request, Reason.DENY)
        if truth is UNKNOWN:
            open_denies.append(placed)
    undecided = open_denies
    for level, allows in relevant.allows if stack.layer is Layer.SCP else ():
        truths = [placed.compiled.truth_for_action(request) for placed in allows]
        if TRUE in truths:
            continue
        if UNKNOWN not in truths and not level.has_unreadable:
            return Verdict(Outcome.DENIED, stack.layer, Reason.NO_ALLOW, level.target)
        undecided += [one for one, truth in zip(allows, truths, strict=True) if truth is UNKNOWN]
    return _open(request, stack, undecided)


def _open(request: Request, stack: Stack, undecided: list[Placed]) -> Verdict:
    """Nothing denies for certain; whether something may."""
    if not undecided:
        if unreadable := stack.unreadable:
            level, policy = unreadable
            reason = Reason.UNREADABLE_POLICY
            return Verdict(Outcome.UNKNOWN, stack.layer, reason, level, policy)
        return Verdict(Outcome.NOT_DENIED, stack.layer, Reason.NOTHING_DENIES)
    missing = dict.fromkeys(
        name for placed in undecided for name in placed.compiled.missing(request)
    )
    reason = Reason.MISSING_KEYS if missing else Reason.UNDOCUMENTED
    verdict = _named(Outcome.UNKNOWN, stack, undecided[0], request, reason)
    return replace(verdict, missing=tuple(missing))


def _named(
    outcome: Outcome, stack: Stack, placed: Placed, request: Request, reason: Reason
) -> Verdict:
    return Verdict(
        outcome,
        stack.layer,
        reason,
        level=placed.level,
        policy=placed.policy,
        sid=placed.compiled.statement.sid,
        statement=placed.number,
        conditions=placed.compiled.findings(request),
    )
