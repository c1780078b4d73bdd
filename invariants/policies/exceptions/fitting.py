"""Whether what stands in a policy is what was asked for: exceptions beside carve-outs.

A carve-out is as evidence of coverage has it: `mechanism` (a to f), `key`, `operator`, `value`, `until`.
Pure; in values {account} stands for the account, as it does in evidence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from invariants.models.exceptions import Mechanism

OTHER_OU, PRINCIPALS, TAGS, VALUES, OVERRIDE, TIME = "a", "b", "c", "d", "e", "f"
LETTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Mechanism.NONE: "",
        Mechanism.EXCEPTIONS_OU: OTHER_OU,
        Mechanism.PRINCIPAL_LIST: PRINCIPALS,
        Mechanism.TAG: TAGS,
        Mechanism.VALUE_LIST: VALUES,
        Mechanism.CHILD_OVERRIDE: OVERRIDE,
        Mechanism.TIME_LIMIT: TIME,
    }
)
# A carve-out with a date is found as (f), whatever it exempts.
_FOUND_AS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "": frozenset(),
        OTHER_OU: frozenset({OTHER_OU}),
        PRINCIPALS: frozenset({PRINCIPALS, TIME}),
        TAGS: frozenset({TAGS, TIME}),
        VALUES: frozenset({VALUES, TIME}),
        OVERRIDE: frozenset({OVERRIDE}),
        TIME: frozenset({TIME}),
    }
)
_ANYTHING_BUT: Final = "anything but "
# In front of the tag of a principal in what is wanted; no tag of a resource begins with aws: by itself.
_OF_PRINCIPAL: Final = "aws:PrincipalTag/"
_ACCOUNT: Final = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:(\d{12}):")


class Fit(IntEnum):
    """How a carve-out fits: not at all, more than was asked for, or no more than that."""

    NONE = 0
    WIDER = 1
    WITHIN = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What one exception lets through. `invariants` are keys; `accounts` AWS's ids, with those of its OUs.

    `mechanism` is one of a to f, "" without a policy. `tags` are those of resources, `principal_tags` of
    principals, both as key=value; principals by ARN and by tag add up. `is_of_invariant`: it is an exception from the
    invariant itself, so that it lets off the accounts that it names without anything further.
    """

    ref: str
    mechanism: str
    invariants: frozenset[str]
    accounts: frozenset[str]
    principals: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    is_of_invariant: bool = True
    principal_tags: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is for accounts as a whole: whatever is done there."""
        who = self.principals or self.principal_tags
        return not any((who, self.tags, self.regions, self.resources, self.actions))

    @property
    def lets_off(self) -> bool:
        """Whether the accounts that it names may be without the invariant."""
        return self.is_of_invariant and self.is_whole

    def wanted(self, account_id: str) -> tuple[str, ...]:
        """The values that have to be found in an account; none where any carve-out will do."""
        if self.mechanism == PRINCIPALS:
            return self._who(account_id)
        if self.mechanism == TAGS:
            # Principals by ARN stand in the same condition as those by tag.
            who = self._who(account_id) if self.principal_tags else ()
            return (*who, *self.tags)
        if self.mechanism == VALUES:
            return (*self.regions, *self.resources, *self.actions)
        if self.mechanism == TIME:
            first = self._who(account_id) or self.tags
            return first or (*self.regions, *self.resources, *self.actions)
        return ()

    def concerns(self, account_id: str) -> bool:
        """Whether something has to be found there: an SCP knows the principals of its own account."""
        if self.mechanism not in (PRINCIPALS, TIME) or not self.principals or self.principal_tags:
            return True
        return bool(self._principals_of(account_id))

    def is_found_as(self, mechanism: str) -> bool:
        """Whether a carve-out of this mechanism can be its own; principals are let through by two."""
        if self.principals and self.principal_tags and self.mechanism in (PRINCIPALS, TAGS):
            return mechanism in (PRINCIPALS, TAGS, TIME)
        return mechanism in _FOUND_AS[self.mechanism]

    def _who(self, account_id: str) -> tuple[str, ...]:
        tagged = (f"{_OF_PRINCIPAL}{tag}" for tag in self.principal_tags)
        return (*self._principals_of(account_id), *tagged)

    def _principals_of(self, account_id: str) -> tuple[str, ...]:
        homes = {arn: home[1] for arn in self.principals if (home := _ACCOUNT.match(arn))}
        if not self.accounts & set(homes.values()):
            return self.principals
        return tuple(arn for arn in self.principals if homes.get(arn, account_id) == account_id)


def fit(asked: Asked, carve_out: Mapping[str, Any], account_id: str) -> Fit:
    """How a carve-out that reaches an account fits what was asked for."""
    if account_id not in asked.accounts or not asked.concerns(account_id):
        return Fit.NONE
    if not asked.is_found_as(str(carve_out.get("mechanism"))):
        return Fit.NONE
    if asked.mechanism in (OTHER_OU, OVERRIDE):
        return Fit.WITHIN
    wanted = asked.wanted(account_id)
    if not wanted:
        # The lines that say whom are missing: within what was asked for only where nothing narrows it.
        return Fit.WITHIN if asked.is_whole else Fit.WIDER
    return max((covers(carve_out, one, account_id) for one in wanted), default=Fit.NONE)


def covers(carve_out: Mapping[str, Any], wanted: str, account_id: str) -> Fit:
    """How a carve-out fits one line of a scope: a principal, a tag, a Region, a resource or an action."""
    key = str(carve_out.get("key", "")).lower()
    value = str(carve_out.get("value", "")).replace("{account}", account_id)
    is_of_principal = wanted.startswith(_OF_PRINCIPAL)
    if is_of_principal is not key.startswith(_OF_PRINCIPAL.lower()) and (
        is_of_principal or "tag/" in key
    ):
        # Whoever may tag a resource is not who may tag a role: one is not the other.
        return Fit.NONE
    if "tag/" in key:
        name = wanted.removeprefix(_OF_PRINCIPAL).partition("=")[0]
        if key.partition("tag/")[2] != name.lower():
            return Fit.NONE
        if carve_out.get("operator") == "Null":
            return Fit.WIDER
        wanted = value_of(wanted)
    elif "tagkeys" in key:
        wanted = wanted.partition("=")[0]
    if value.startswith(_ANYTHING_BUT):
        listed = value.removeprefix(_ANYTHING_BUT).split(", ")
        return Fit.NONE if any(matches(one, wanted) for one in listed) else Fit.WIDER
    if key == "action":
        value, wanted = value.lower(), wanted.lower()
    if value == wanted or matches(wanted, value):
        return Fit.WITHIN
    return Fit.WIDER if matches(value, wanted) else Fit.NONE


def value_of(wanted: str) -> str:
    """What a condition has of a line that is wanted: the value of a tag, anything else as it is."""
    if wanted.startswith("arn:") or "=" not in wanted:
        return wanted
    return wanted.partition("=")[2]


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern of AWS (`*`, `?`) matches the whole text."""
    if pattern == text:
        return True
    return ("*" in pattern or "?" in pattern) and _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each piece between stars is looked for once, where it first occurs: a pattern of many stars that a
    text almost matches would be tried in as many ways as there are otherwise."""
    first, *pieces = re.split(r"\*+", pattern)
    if not pieces:
        return re.compile(_piece(first), re.DOTALL)
    *middle, last = pieces
    found = "".join(f"(?>.*?{_piece(one)})" for one in middle)
    return re.compile(f"{_piece(first)}{found}.*{_piece(last)}", re.DOTALL)


def _piece(text: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in text)
