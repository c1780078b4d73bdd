"""Which mechanisms an invariant allows, for the form: quick, from the loaded record alone.

Whether an edit can be made for a certain scope says only the edit itself (`worked_out`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from invariants.models import Invariant, InvariantVersion
from invariants.models.exceptions import Mechanism

_DECIDING: Final = frozenset(
    {"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "PERMISSIONS_BOUNDARY"}
)
_BOUNDARY: Final = "PERMISSIONS_BOUNDARY"
# What the catalogue calls them, in its `exceptions`.
_USUAL: Final = {
    "PRINCIPAL_ARN": Mechanism.PRINCIPAL_LIST,
    "PRINCIPAL_TAG": Mechanism.TAG,
    "RESOURCE_TAG": Mechanism.TAG,
    "VALUE_LIST": Mechanism.VALUE_LIST,
    "ACCOUNT_MOVE": Mechanism.EXCEPTIONS_OU,
    "CHILD_POLICY": Mechanism.CHILD_OVERRIDE,
}
_NEEDS: Final = {
    Mechanism.PRINCIPAL_LIST: "roles or users by ARN",
    Mechanism.TAG: "a tag as key=value, of resources or of principals",
    Mechanism.VALUE_LIST: "accounts, Regions, resources or actions",
    Mechanism.TIME_LIMIT: "an end, and what is to be exempt until then",
    Mechanism.EXCEPTIONS_OU: "one account and nothing else",
    Mechanism.CHILD_OVERRIDE: "accounts or OUs and nothing else",
    Mechanism.NONE: "nothing",
}
_SETS_VALUES: Final = "The policy sets values for whole accounts; it has no list to be added to."
_DECIDES: Final = (
    "The policy decides requests; it sets no value that could be another further down."
)
_AT_ROOT: Final = (
    "The policy is attached to the root, which is above every OU of exceptions as well."
)
_WORDS: Final = {
    Mechanism.PRINCIPAL_LIST: "The policy names these principals and lets them through.",
    Mechanism.TAG: (
        "The policy lets resources with the tag, or principals that carry it, through; only the platform "
        "may set it."
    ),
    Mechanism.VALUE_LIST: "The policy lets these values through.",
    Mechanism.TIME_LIMIT: "The policy lets it through until its last day, and denies it again by itself.",
    Mechanism.EXCEPTIONS_OU: "The account moves to an OU where the policy is not attached.",
    Mechanism.CHILD_OVERRIDE: "A policy on the account or OU sets the value otherwise.",
    Mechanism.NONE: "No policy changes: only its findings count as excepted.",
}
# By how little each opens; the usual ones of an invariant come before the others.
_ORDER: Final = (
    Mechanism.PRINCIPAL_LIST,
    Mechanism.TIME_LIMIT,
    Mechanism.VALUE_LIST,
    Mechanism.TAG,
    Mechanism.CHILD_OVERRIDE,
    Mechanism.EXCEPTIONS_OU,
    Mechanism.NONE,
)


@dataclass(frozen=True, slots=True)
class MechanismHint:
    """`needs`: what the scope has to name. `why`: what it does, or why it does not fit, in a sentence.
    `is_usual`: the invariant's own exceptions are made so."""

    mechanism: str
    label: str
    fits: bool
    needs: str
    why: str
    is_usual: bool


def mechanisms_for(invariant: Invariant) -> tuple[MechanismHint, ...]:
    """Every mechanism, those that fit first and of these the usual ones; the first is the proposal. One
    query."""
    version = InvariantVersion.objects.filter(invariant=invariant, replaced_at=None)
    content = version.values_list("content", flat=True).first()
    return of_record({"type": invariant.type} | (content or {}))


def of_record(record: Mapping[str, Any]) -> tuple[MechanismHint, ...]:
    """The same of a record of the catalogue, as it is kept in JSON."""
    usual = {_USUAL.get(one["carve_out"]) for one in record.get("exceptions", ())}
    hints = [_hint(mechanism, record, mechanism in usual) for mechanism in _ORDER]
    return tuple(sorted(hints, key=lambda hint: (not hint.fits, not hint.is_usual)))


def _hint(mechanism: Mechanism, record: Mapping[str, Any], is_usual: bool) -> MechanismHint:
    against = next(_against(mechanism, record), "")
    return MechanismHint(
        mechanism=mechanism.value,
        label=str(mechanism.label),
        fits=not against,
        needs=_NEEDS[mechanism],
        why=against or _WORDS[mechanism],
        is_usual=is_usual and not against,
    )


def _against(mechanism: Mechanism, record: Mapping[str, Any]) -> Iterator[str]:
    """Why it does not fit; nothing where it does."""
    if mechanism == Mechanism.NONE:
        return
    if mechanism == Mechanism.EXCEPTIONS_OU:
        if record["type"] == _BOUNDARY:
            yield "A permissions boundary is attached to principals, not to OUs."
        elif record.get("targets", {}).get("root"):
            yield _AT_ROOT
    elif mechanism == Mechanism.CHILD_OVERRIDE:
        yield from _against_overriding(record)
    elif record["type"] not in _DECIDING:
        yield _SETS_VALUES
    elif mechanism == Mechanism.PRINCIPAL_LIST:
        yield from _against_principals(record)


def _against_overriding(record: Mapping[str, Any]) -> Iterator[str]:
    if record["type"] in _DECIDING:
        yield _DECIDES
    elif _is_closed(record.get("policy", {})):
        yield "The policy lets none further down set another value."
    elif not any(map(_has_opposite, record.get("must_set", ()))):
        yield "What it would be set to instead is not known."


def _has_opposite(setting: Mapping[str, Any]) -> bool:
    """Whether the value is a word of AWS's, or a list; a sentence has no opposite."""
    value = setting.get("value")
    return not isinstance(value, str) or " " not in value


def _is_closed(policy: Any) -> bool:
    """Whether any part of it keeps policies further down from setting values."""
    if not isinstance(policy, Mapping):
        return False
    control = policy.get("@@operators_allowed_for_child_policies")
    return control in (["@@none"], "@@none") or any(map(_is_closed, policy.values()))


def _against_principals(record: Mapping[str, Any]) -> Iterator[str]:
    statements = record.get("policy", {}).get("Statement") or []
    listed = statements if isinstance(statements, list) else [statements]
    denies = [one.get("Condition", {}) for one in listed if one.get("Effect") == "Deny"]
    if denies and all(_about_services(condition) for condition in denies):
        yield "The policy is about AWS services alone, which no list of principals holds."
    if denies and all(_about_root(condition) for condition in denies):
        yield "The policy is about root alone, and no role or user is denied by it."


def _about_services(condition: Mapping[str, Any]) -> bool:
    return str(condition.get("Bool", {}).get("aws:PrincipalIsAWSService", "")) == "true"


def _about_root(condition: Mapping[str, Any]) -> bool:
    named = condition.get("ArnLike", {}).get("aws:PrincipalArn", "")
    return bool(named) and all(
        one.endswith(":root") for one in ([named] if isinstance(named, str) else named)
    )
