"""What was approved and is not deployed, or ended and still deployed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from invariants.evaluation.reconciliation.items.item import PLATFORM, Item, only
from invariants.evaluation.reconciliation.records import Case, Picture, Seen
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.policies.exceptions import clocks

_TO_PUT_IN: Final = (State.EMERGENCY, State.APPROVED, State.IMPLEMENTING)
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def of_exceptions(picture: Picture, seen: Mapping[int, Seen], *, now: datetime) -> Iterator[Item]:
    """Approved and not deployed once its clock has run out; ended and still deployed."""
    for case in picture.cases:
        sight = seen.get(case.request.pk)
        if sight is None or sight.is_found is None:
            continue
        if case.is_ended and sight.is_found and sight.looked_at > _ended_at(case, now):
            yield _zombie(case, sight, picture)
        elif not sight.is_found and _is_late(case, picture, now):
            yield _not_deployed(case, sight, picture)


def _ended_at(case: Case, now: datetime) -> datetime:
    return case.request.ended_at or now


def _is_late(case: Case, picture: Picture, now: datetime) -> bool:
    request = case.request
    if request.state not in _TO_PUT_IN or request.verified_at is not None:
        return False
    has_begun = request.starts_on is not None and request.starts_on <= picture.today
    due_at = _in_place_by(request)
    return has_begun and due_at is not None and due_at < now


def _in_place_by(request: ExceptionRequest) -> datetime | None:
    """By when it has to be deployed. What is granted in an emergency has as long as it may take to grant
    it, also once it is approved: the clock of its record is the one of that approval."""
    if request.is_emergency and request.granted_at is not None:
        span = clocks.VERSIONS[request.clocks_version].emergency_grant
        return request.granted_at + timedelta(hours=span.hours)
    return request.due_at


def _zombie(case: Case, sight: Seen, picture: Picture) -> Item:
    request = case.request
    word = "revoked" if request.end_reason and request.state == State.REVOKED else "over"
    return _of_case(
        case,
        Kind.ZOMBIE,
        sight,
        picture,
        owner=(Owner.IMPLEMENTER, request.implementer_name)
        if request.implementer_name
        else (Owner.PLATFORM, PLATFORM),
        says=(
            f"{request.ref} is {word}, and what it let through is still deployed.",
            "Take the carve-out out of the policy; the next collection closes the exception.",
        ),
    )


def _not_deployed(case: Case, sight: Seen, picture: Picture) -> Item:
    request = case.request
    word = "granted in an emergency" if request.state == State.EMERGENCY else "approved"
    if case.is_by_findings:
        owner = (Owner.REQUESTER, request.requester_name)
        summary = f"{request.ref} is {word}, but its scope matches no finding."
        remedy = "Narrow or withdraw it, or ask anew with the scope that is meant."
    elif request.implementer_name:
        owner = (Owner.IMPLEMENTER, request.implementer_name)
        summary = f"{request.ref} is {word} and was to be in place by now; {_how_far(sight)}."
        remedy = "Merge the pull request, or say in the record what is in its way."
    else:
        owner = (Owner.PLATFORM, PLATFORM)
        summary = f"{request.ref} is {word}, and nobody has begun to put it in place."
        remedy = "Take it on: start implementing it with the pull request that changes the policy."
    return replace(
        _of_case(case, Kind.NOT_DEPLOYED, sight, picture, owner=owner, says=(summary, remedy)),
        due_at=_in_place_by(request),
    )


def _how_far(sight: Seen) -> str:
    found, of = sight.evidence.get("found_in", 0), sight.evidence.get("accounts", 0)
    return f"it is found in {found} of {of} accounts" if found else "no collection finds it"


def _of_case(
    case: Case,
    kind: str,
    sight: Seen,
    picture: Picture,
    *,
    owner: tuple[str, str],
    says: tuple[str, str],
) -> Item:
    """:param owner: the part and the name of who is to act; `says` is summary and remedy"""
    request = case.request
    first = next(iter(sight.evidence.get("carve_outs", ())), _NONE)
    policy = picture.policies.get(first.get("policy_id", ""))
    accounts = sorted(case.asked.accounts)
    return Item(
        kind=kind,
        identity=(str(request.pk),),
        exception=request.pk,
        invariant=request.invariant_id,
        account=only(accounts, picture),
        accounts=len(accounts),
        policy=policy.pk if policy else None,
        policy_name=policy.name if policy else "",
        mechanism=case.asked.mechanism,
        condition_key=str(first.get("key", "")),
        value=str(first.get("value", "")),
        severity=request.residual_risk or request.severity,
        owner_part=owner[0],
        owner=owner[1],
        summary=says[0],
        remedy=says[1],
        due_at=request.due_at,
        evidence=sight.evidence,
    )
