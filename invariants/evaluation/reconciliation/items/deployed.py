"""What is deployed, and nobody approved."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from invariants.evaluation.reconciliation.items import moved
from invariants.evaluation.reconciliation.items.answering import answers_for, remedy_of, why_of
from invariants.evaluation.reconciliation.items.item import SAMPLE, Item, only, rank
from invariants.evaluation.reconciliation.records import Case, Deployed, Picture
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.policies.exceptions.fitting import Fit, fit

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
    approved = len(all_of) - len(items) - over
    places = moved.let_off(picture, by_account)
    return Tally(
        carve_outs=len(all_of) + len(places.approved) + len(places.over) + len(places.items),
        approved=approved + len(places.approved),
        items=(*items, *places.items),
    )


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
        answering = [case for found, case in fitting if answers_for(case, found)]
        if answering:
            group.is_over |= all(case.is_ended for case in answering)
            continue
        group.invariants.add(one.invariant)
        group.accounts.add(account_id)
        for found, case in fitting:
            group.near[case.request.pk] = (found, case)


def _not_approved(place: tuple[str, ...], group: _Group, picture: Picture) -> Item:
    keys = sorted(group.invariants, key=lambda key: (rank(picture.rules[key].severity), key))
    rule, carve_out = picture.rules[keys[0]], group.carve_out
    policy = picture.policies[carve_out["policy_id"]]
    near = max(group.near.values(), key=lambda one: (one[1].is_granted, one[0]), default=None)
    accounts = sorted(group.accounts)
    names = ("statement", "sid", "level", "operator", "until", "probe")
    evidence = {name: carve_out[name] for name in names if carve_out.get(name) not in (None, "")}
    what = _WORDS.get(str(carve_out.get("mechanism")), "Something")
    number = accounts[0] if len(accounts) == 1 else "<each account>"
    value = str(carve_out.get("value", "")).replace("{account}", number)[:300]
    said = f"{value}, by {carve_out.get('key', '')}"
    return Item(
        kind=Kind.NOT_APPROVED,
        identity=place,
        exception=near[1].request.pk if near else None,
        invariant=rule.pk,
        account=only(accounts, picture),
        accounts=len(accounts),
        policy=policy.pk,
        policy_name=policy.name,
        mechanism=str(carve_out.get("mechanism", "")),
        condition_key=str(carve_out.get("key", ""))[:200],
        value=str(carve_out.get("value", "")),
        severity=rule.severity,
        owner_part=Owner.INVARIANT_OWNER,
        owner=rule.owner,
        summary=f"{what} is let through: {said}. {why_of(near)}"[:600],
        remedy=remedy_of(near),
        evidence=evidence
        | {"invariants": keys, "accounts": accounts[:SAMPLE], "policy": policy.name},
    )
