"""Whether each exception is in place, by the evidence of coverage."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from invariants.evaluation.coverage.evidence import lets_pass
from invariants.evaluation.reconciliation import texts
from invariants.evaluation.reconciliation.records import (
    EXCEPTIONS,
    Case,
    Picture,
    Seen,
    Standing,
)
from invariants.policies.exceptions.fitting import (
    OTHER_OU,
    OVERRIDE,
    Asked,
    Fit,
    covers,
    fit,
    value_of,
)

_SAMPLE: Final = 20
_HOLDS: Final = ("ENFORCED", "CARVED_OUT")
_OUTSIDE: Final = "NOT_APPLICABLE"
# Whose principals can do nothing, and whose resources nobody can use (Account.State of AWS).
_CLOSED: Final = ("SUSPENDED", "CLOSED")


class There(StrEnum):
    """How it is in one account. ASIDE: nothing of it is to be found there. MOOT: whatever is written,
    AWS lets nothing pass by it, since the account is suspended, or no such policy reaches it."""

    WHOLE = "WHOLE"
    PART = "PART"
    GONE = "GONE"
    UNKNOWN = "UNKNOWN"
    ASIDE = "ASIDE"
    MOOT = "MOOT"


@dataclass(frozen=True, slots=True)
class _Found:
    there: There
    carve_outs: tuple[Mapping[str, Any], ...] = ()


def look(picture: Picture, *, now: datetime) -> Iterator[Seen]:
    """Of each exception that is granted, or ended and not closed, whether it is in place.

    Without a policy it is, where its scope matches anything, and is not once it has ended: its effect is
    all there is of it. What a policy carries is not judged by a reading that was not whole.
    """
    live = [case for case in picture.cases if case.is_live]
    for case in picture.cases:
        if not (case.is_granted or case.is_ended):
            continue
        if case.is_by_findings:
            matches = not case.is_ended and case.request.pk in picture.matching
            yield Seen(case.request.pk, matches, now, {"findings": matches})
        elif picture.is_whole and picture.read_at is not None:
            others = [one for one in live if one is not case]
            found = _in_accounts(case, others, picture)
            is_found, evidence = _judged(case, found, picture)
            yield Seen(case.request.pk, is_found, picture.read_at, evidence)


def _in_accounts(case: Case, others: list[Case], picture: Picture) -> dict[str, _Found]:
    return {
        account_id: _best(_in_account(case, key, account_id, others, picture) for key in keys)
        for account_id in sorted(case.asked.accounts)
        if (keys := sorted(case.asked.invariants & picture.rules.keys()))
    }


def _best(found: Iterable[_Found]) -> _Found:
    """Of several invariants that a control is prevented by, the one in which it is found."""
    order = (There.WHOLE, There.PART, There.UNKNOWN, There.GONE, There.ASIDE, There.MOOT)
    return min(found, key=lambda one: order.index(one.there))


def _in_account(
    case: Case, key: str, account_id: str, others: list[Case], picture: Picture
) -> _Found:
    place = picture.places.get(account_id)
    standing = picture.standings.get((key, account_id))
    if _state(account_id, picture) in _CLOSED or _is_out_of_reach(standing):
        return _Found(There.MOOT)
    if standing is None or standing.state == "UNKNOWN":
        return _Found(There.UNKNOWN)
    asked = case.asked
    if asked.mechanism == OTHER_OU:
        is_there = place is not None and place.role == EXCEPTIONS
        return _Found(There.WHOLE if is_there and standing.state not in _HOLDS else There.GONE)
    if standing.state == _OUTSIDE or not asked.concerns(account_id):
        return _Found(There.ASIDE)
    return _by_carve_outs(case, key, account_id, standing, others, picture)


def _is_out_of_reach(standing: Standing | None) -> bool:
    """Whether it is the management account, which no SCP or RCP reaches."""
    return standing is not None and standing.state == "NOT_ENFORCEABLE"


def _by_carve_outs(
    case: Case,
    key: str,
    account_id: str,
    standing: Standing,
    others: list[Case],
    picture: Picture,
) -> _Found:
    asked = case.asked
    found = [
        one
        for one in standing.evidence.get("carve_outs", ())
        if "policy_id" in one and fit(asked, one, account_id) is not Fit.NONE
    ]
    if case.is_ended:
        # What another exception that lasts asks for as well is that one's by now.
        found = [one for one in found if not _is_of_another(one, key, account_id, others)]
        alone = _wanted_alone(asked, key, account_id, others)
        found += _left_in_text(alone, account_id, standing, picture) if not found else []
    if found:
        wanted = asked.wanted(account_id)
        is_all = all(any(covers(one, each, account_id) for one in found) for each in wanted)
        return _Found(There.WHOLE if is_all else There.PART, tuple(found))
    if asked.is_whole and asked.mechanism != OVERRIDE and _is_let_off(standing):
        by_another = case.is_ended and _is_let_off_by(others, key, account_id)
        return _Found(There.GONE if by_another else There.WHOLE)
    return _Found(There.GONE)


def _is_of_another(
    carve_out: Mapping[str, Any], key: str, account_id: str, others: Iterable[Case]
) -> bool:
    return any(
        key in one.asked.invariants and fit(one.asked, carve_out, account_id) is Fit.WITHIN
        for one in others
    )


def _wanted_alone(
    asked: Asked, key: str, account_id: str, others: Iterable[Case]
) -> frozenset[str]:
    """What this one wants in an account, and no other that lasts."""
    elsewhere = {
        each
        for one in others
        if key in one.asked.invariants and account_id in one.asked.accounts
        for each in one.asked.wanted(account_id)
    }
    return frozenset(asked.wanted(account_id)) - elsewhere


def _left_in_text(
    wanted: Iterable[str], account_id: str, standing: Standing, picture: Picture
) -> list[dict[str, Any]]:
    """What is still written, though nothing passes by it, or the policy is broken in another way."""
    return [
        one
        for one in texts.exempted(standing.evidence, picture.policies)
        if any(one["value"] == value_of(each) and covers(one, each, account_id) for each in wanted)
    ]


def _is_let_off(standing: Standing) -> bool:
    """Whether the account is without the invariant, as an exception for all of it asks for."""
    if standing.state in ("MISSING", "EXCEPTED"):
        return True
    settings = standing.evidence.get("settings")
    return standing.state == "BROKEN" and (lets_pass(standing.evidence) or bool(settings))


def _is_let_off_by(others: Iterable[Case], key: str, account_id: str) -> bool:
    return any(
        one.asked.lets_off and key in one.asked.invariants and account_id in one.asked.accounts
        for one in others
    )


def _judged(
    case: Case, found: Mapping[str, _Found], picture: Picture
) -> tuple[bool | None, dict[str, Any]]:
    """What holds of all accounts together.

    Before it was ever seen it has to be there in full; after that, and after its end, any part of it is.
    Once it has ended, accounts in which AWS itself makes it moot keep it open no longer; while it is
    granted nothing follows from them.
    """
    by = {there: [a for a, one in found.items() if one.there is there] for there in There}
    evidence = _evidence(case, found, by, picture)
    if not found:
        # Its accounts are gone, or its invariant: there is nothing left that it could let off.
        return False, evidence
    is_partly = bool(by[There.WHOLE] or by[There.PART])
    if (case.is_ended or case.is_live) and is_partly:
        return True, evidence
    if by[There.UNKNOWN]:
        return None, evidence
    said = len(found) - len(by[There.ASIDE]) - (0 if case.is_ended else len(by[There.MOOT]))
    if not said:
        return None, evidence
    if case.is_ended or case.is_live:
        return False, evidence
    return bool(by[There.WHOLE]) and not by[There.PART] and not by[There.GONE], evidence


def _evidence(
    case: Case,
    found: Mapping[str, _Found],
    by: Mapping[There, list[str]],
    picture: Picture,
) -> dict[str, Any]:
    """What shows it: the carve-outs, each once, and in how many of its accounts."""
    carve_outs: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in found.values():
        for each in one.carve_outs:
            place = (each.get("policy_id"), each.get("statement"), each.get("key"), each["value"])
            carve_outs.setdefault(place, _told(each, picture))
    said: dict[str, Any] = {
        "accounts": len(found),
        "found_in": len(by[There.WHOLE]) + len(by[There.PART]),
        "carve_outs": list(carve_outs.values())[:_SAMPLE],
        "missing_in": (by[There.GONE] + by[There.PART])[:_SAMPLE],
        "unknown_in": by[There.UNKNOWN][:_SAMPLE],
        "aside_in": by[There.ASIDE][:_SAMPLE],
        "moot_in": by[There.MOOT][:_SAMPLE],
        "why": _why(case, found, by, picture),
    }
    return {name: value for name, value in said.items() if value not in ([], "")}


def _why(
    case: Case,
    found: Mapping[str, _Found],
    by: Mapping[There, list[str]],
    picture: Picture,
) -> str:
    """What a collection did not have to see, in words that name no account."""
    if not case.asked.accounts:
        return "None of the accounts that it names is in the organisation any more."
    closed = [one for one in by[There.MOOT] if _state(one, picture) in _CLOSED]
    management = len(by[There.MOOT]) - len(closed)
    said = []
    if closed:
        are = "account is" if len(closed) == 1 else "accounts are"
        said.append(f"{len(closed)} {are} suspended: AWS lets nothing pass there")
    if management:
        said.append("no such policy reaches the management account")
    if said and len(by[There.MOOT]) < len(found) and by[There.GONE]:
        said.append(f"it is gone from {len(by[There.GONE])} others")
    words = "; ".join(said)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _state(account_id: str, picture: Picture) -> str:
    place = picture.places.get(account_id)
    return place.state if place is not None else ""


def _told(carve_out: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    names = (
        "policy_id",
        "statement",
        "sid",
        "level",
        "mechanism",
        "key",
        "operator",
        "value",
        "until",
    )
    policy = picture.policies.get(carve_out.get("policy_id", ""))
    told = {name: carve_out[name] for name in names if carve_out.get(name) not in (None, "")}
    return told | ({"policy": policy.name} if policy else {})
