"""Accounts that are in an OU of exceptions, and so without what is attached elsewhere."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from invariants.evaluation.reconciliation.items.answering import answers_for, why_of
from invariants.evaluation.reconciliation.items.item import SAMPLE, Item, only, rank
from invariants.evaluation.reconciliation.records import ASKED, EXCEPTIONS, Case, Picture
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.policies.exceptions.fitting import OTHER_OU, Fit


@dataclass(frozen=True, slots=True)
class Moved:
    """Ids of the OUs in which an exception that lasts answers for every account, and of those in which
    ended ones do; an item of each of the others."""

    approved: frozenset[str]
    over: frozenset[str]
    items: tuple[Item, ...]


@dataclass(slots=True)
class _Left:
    """What nobody let off in one OU: accounts, and what does not hold there."""

    accounts: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    near: list[Case] = field(default_factory=list)


def let_off(picture: Picture, by_account: Mapping[str, list[Case]]) -> Moved:
    """What accounts in OUs of exceptions are without, that holds elsewhere, and nobody let them off.

    The OU is what carries it, as a policy carries other exemptions: one item for all of its accounts.
    What the invariant itself grants to such OUs is none.
    """
    left: dict[str, _Left] = {}
    approved, over = set(_approved(picture)), set()
    for account_id, keys in picture.let_off.items():
        ou_id, cases = picture.places[account_id].ou_id, by_account.get(account_id, ())
        answering = [one for one in cases if one.asked.lets_off and answers_for(one, Fit.WITHIN)]
        open_keys = [k for k in keys if not any(k in one.asked.invariants for one in answering)]
        if open_keys:
            group = left.setdefault(ou_id, _Left())
            group.accounts.add(account_id)
            group.keys.update(open_keys)
            group.near += [one for one in cases if _is_near(one, open_keys)]
        elif all(one.is_ended for one in answering):
            over.add(ou_id)
        else:
            approved.add(ou_id)
    items = tuple(_item(ou_id, group, picture) for ou_id, group in sorted(left.items()))
    over -= left.keys()
    return Moved(frozenset(approved - left.keys() - over), frozenset(over), items)


def _approved(picture: Picture) -> Iterator[str]:
    for case in picture.cases:
        if case.is_live and case.asked.mechanism == OTHER_OU:
            for account_id in case.asked.accounts:
                place = picture.places.get(account_id)
                if place is not None and place.role == EXCEPTIONS:
                    yield place.ou_id


def _is_near(case: Case, keys: Iterable[str]) -> bool:
    """Whether it asks for what nobody let off, and is not over."""
    return case.asked.lets_off and not case.is_ended and bool(case.asked.invariants & set(keys))


def _item(ou_id: str, group: _Left, picture: Picture) -> Item:
    keys = sorted(group.keys, key=lambda key: (rank(picture.rules[key].severity), key))
    accounts = sorted(group.accounts)
    rule, place = picture.rules[keys[0]], picture.places[accounts[0]]
    case = min(group.near, key=lambda one: (not one.is_granted, one.request.pk), default=None)
    near = (Fit.WITHIN, case) if case is not None else None
    who = f"{place.name} is" if len(accounts) == 1 else f"{len(accounts)} accounts are"
    held = f"{len(keys)} invariants do" if len(keys) > 1 else f"{keys[0]} does"
    return Item(
        kind=Kind.NOT_APPROVED,
        identity=(OTHER_OU, ou_id),
        exception=case.request.pk if case else None,
        invariant=rule.pk,
        account=only(accounts, picture),
        accounts=len(accounts),
        mechanism=OTHER_OU,
        severity=rule.severity,
        owner_part=Owner.INVARIANT_OWNER,
        owner=rule.owner,
        summary=(
            f"{who} in {place.ou_name}, an OU of exceptions, and {held} not hold there. "
            f"{why_of(near)}"
        )[:600],
        remedy=_remedy(case, len(accounts)),
        evidence={"invariants": keys, "accounts": accounts[:SAMPLE], "ou": ou_id},
    )


def _remedy(case: Case | None, count: int) -> str:
    whom = "account" if count == 1 else "accounts"
    back = f"move the {whom} back, or attach the policies to the OU"
    if case is None:
        return f"Request an exception for the {whom}, or {back}."
    if case.request.state in ASKED:
        return f"Have it approved, or granted as an emergency; until then {back}."
    return f"Say in the record who moved the {whom}, with the pull request."
