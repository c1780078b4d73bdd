"""What was approved and is not deployed, deployed and not approved, or ended and still deployed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from invariants.evaluation.reconciliation.records import ASKED, Case, Deployed, Picture, Seen
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.models.exceptions import Risk
from invariants.policies.exceptions.fitting import Fit, fit

_SAMPLE: Final = 50
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a": "Another OU",
        "b": "A principal",
        "c": "A tag",
        "d": "A value",
        "e": "A policy further down",
        "f": "An exemption with a date",
    }
)


@dataclass(frozen=True, slots=True)
class Item:
    """One difference. `identity` makes it the same in the next collection; `account` is the key of the
    one account that it is about, None where there are several."""

    kind: str
    identity: tuple[str, ...]
    severity: str
    owner_part: str
    owner: str
    summary: str
    remedy: str
    exception: int | None = None
    cause: str = ""
    invariant: int | None = None
    account: int | None = None
    accounts: int = 0
    policy: int | None = None
    policy_name: str = ""
    mechanism: str = ""
    condition_key: str = ""
    value: str = ""
    due_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of what it is about (hex)."""
        said = "\x1f".join((self.kind, *self.identity))
        return hashlib.sha256(said.encode()).hexdigest()


def of_exceptions(picture: Picture, seen: Mapping[int, Seen], *, now: datetime) -> Iterator[Item]:
    """Approved and not deployed once its clock has run out; ended and still deployed."""
    for case in picture.cases:
        sight = seen.get(case.request.pk)
        if sight is None or sight.is_found is None:
            continue
        if case.is_ended and sight.is_found and sight.looked_at >= _ended_at(case, now):
            yield _zombie(case, sight, picture)
        elif not sight.is_found and _is_late(case, picture, now):
            yield _not_deployed(case, sight, picture)


def _ended_at(case: Case, now: datetime) -> datetime:
    return case.request.ended_at or now


def _is_late(case: Case, picture: Picture, now: datetime) -> bool:
    request = case.request
    if request.state not in (State.APPROVED, State.IMPLEMENTING) or request.verified_at is not None:
        return False
    has_begun = request.starts_on is not None and request.starts_on <= picture.today
    return has_begun and request.due_at is not None and request.due_at < now


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
        else (Owner.PLATFORM, "Platform team"),
        says=(
            f"{request.ref} is {word}, and what it let through is still deployed.",
            "Take the carve-out out of the policy; the next collection closes the exception.",
        ),
    )


def _not_deployed(case: Case, sight: Seen, picture: Picture) -> Item:
    request = case.request
    if case.is_by_findings:
        owner = (Owner.REQUESTER, request.requester_name)
        summary = f"{request.ref} is approved, but its scope matches no finding."
        remedy = "Narrow or withdraw it, or ask anew with the scope that is meant."
    elif request.implementer_name:
        owner = (Owner.IMPLEMENTER, request.implementer_name)
        summary = f"{request.ref} is approved and was to be in place by now; {_how_far(sight)}."
        remedy = "Merge the pull request, or say in the record what is in its way."
    else:
        owner = (Owner.PLATFORM, "Platform team")
        summary = f"{request.ref} is approved, and nobody has begun to put it in place."
        remedy = "Take it on: start implementing it with the pull request that changes the policy."
    return _of_case(case, Kind.NOT_DEPLOYED, sight, picture, owner=owner, says=(summary, remedy))


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
        account=_only(accounts, picture),
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


@dataclass(slots=True)
class _Group:
    """One carve-out, under all invariants and in all accounts where nothing covers it."""

    carve_out: Mapping[str, Any]
    invariants: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    near: dict[int, tuple[Fit, Case]] = field(default_factory=dict)
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How many carve-outs are deployed beyond the catalogue's own, and how many of these an exception that
    has not ended covers everywhere; and those that none covers."""

    carve_outs: int
    approved: int
    items: tuple[Item, ...]


def of_deployed(picture: Picture) -> Tally:
    """Carve-outs in AWS that neither the catalogue has nor a live exception covers.

    One that an ended exception asked for is no second item: that it is still there says the zombie.
    """
    groups: dict[tuple[str, ...], _Group] = {}
    all_of: set[tuple[str, ...]] = set()
    by_account: dict[str, list[Case]] = defaultdict(list)
    for case in picture.cases:
        for account_id in case.asked.accounts:
            by_account[account_id].append(case)
    for one in picture.deployed:
        if _is_ours(one, picture):
            place = _identity(one.carve_out)
            all_of.add(place)
            group = groups.setdefault(place, _Group(one.carve_out))
            _add(group, one, by_account)
    items = tuple(_not_approved(place, g, picture) for place, g in groups.items() if g.accounts)
    over = sum(1 for group in groups.values() if group.is_over and not group.accounts)
    return Tally(len(all_of), len(all_of) - len(items) - over, items)


def _is_ours(one: Deployed, picture: Picture) -> bool:
    """Whether it is somebody's here: not the catalogue's own, and in no policy that AWS keeps."""
    carve_out = one.carve_out
    policy = picture.policies.get(carve_out.get("policy_id", ""))
    return policy is not None and not policy.is_kept_by_aws and not carve_out.get("is_usual")


def _identity(carve_out: Mapping[str, Any]) -> tuple[str, ...]:
    """Statements are counted anew when one is put before them: they are no part of it."""
    names = ("policy_id", "key", "operator", "value")
    return tuple(str(carve_out.get(name, "")) for name in names)


def _add(group: _Group, one: Deployed, by_account: Mapping[str, list[Case]]) -> None:
    for account_id in one.accounts:
        fitting = [
            (found, case)
            for case in by_account.get(account_id, ())
            if one.invariant in case.asked.invariants
            and (found := fit(case.asked, one.carve_out, account_id)) is not Fit.NONE
        ]
        answering = [case for found, case in fitting if _answers_for(case, found)]
        if answering:
            group.is_over |= all(case.is_ended for case in answering)
            continue
        group.invariants.add(one.invariant)
        group.accounts.add(account_id)
        for found, case in fitting:
            group.near[case.request.pk] = (found, case)


def _answers_for(case: Case, found: Fit) -> bool:
    """Whether the exception says all there is to say: it covers it, or it is the zombie."""
    if case.is_ended:
        return True
    return found is Fit.WITHIN and (case.is_live or case.request.implementer_id is not None)


def _not_approved(place: tuple[str, ...], group: _Group, picture: Picture) -> Item:
    keys = sorted(group.invariants, key=lambda key: (_rank(picture.rules[key].severity), key))
    rule, carve_out = picture.rules[keys[0]], group.carve_out
    policy = picture.policies[carve_out["policy_id"]]
    near = max(group.near.values(), key=lambda one: (one[1].is_granted, one[0]), default=None)
    accounts = sorted(group.accounts)
    names = ("statement", "sid", "level", "operator", "until", "probe")
    evidence = {name: carve_out[name] for name in names if carve_out.get(name) not in (None, "")}
    what = _WORDS.get(str(carve_out.get("mechanism")), "Something")
    return Item(
        kind=Kind.NOT_APPROVED,
        identity=place,
        exception=near[1].request.pk if near else None,
        invariant=rule.pk,
        account=_only(accounts, picture),
        accounts=len(accounts),
        policy=policy.pk,
        policy_name=policy.name,
        mechanism=str(carve_out.get("mechanism", "")),
        condition_key=str(carve_out.get("key", ""))[:200],
        value=str(carve_out.get("value", "")),
        severity=rule.severity,
        owner_part=Owner.INVARIANT_OWNER,
        owner=rule.owner,
        summary=f"{what} is let through by {carve_out.get('key', '')}. {_why(near)}"[:600],
        remedy=_remedy(near),
        evidence=evidence
        | {"invariants": keys, "accounts": accounts[:_SAMPLE], "policy": policy.name},
    )


def _why(near: tuple[Fit, Case] | None) -> str:
    if near is None:
        return "No exception was ever asked for."
    found, case = near
    ref = case.request.ref
    if case.request.state in ASKED:
        return f"{ref} asks for it, and is not approved."
    if found is Fit.WIDER:
        return f"It is wider than {ref}, which was approved."
    return f"{ref} is approved, but nobody has said that they put it in place."


def _remedy(near: tuple[Fit, Case] | None) -> str:
    if near is None:
        return "Request an exception for it, or take it out of the policy."
    found, case = near
    if case.request.state in ASKED:
        return "Take it out until it is approved, or have it granted as an emergency."
    if found is Fit.WIDER:
        return "Narrow the policy to what was approved, or ask for what is deployed."
    return "Say in the record who put it in place, with the pull request."


def _only(accounts: Iterable[str], picture: Picture) -> int | None:
    """The key of the account where there is one alone."""
    found = list(accounts)
    place = picture.places.get(found[0]) if len(found) == 1 else None
    return place.pk if place else None


def _rank(severity: str) -> int:
    order = [Risk.CRITICAL, Risk.HIGH, Risk.MEDIUM, Risk.LOW]
    return order.index(Risk(severity)) if severity in order else len(order)
