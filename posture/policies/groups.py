"""What groups of the identity provider give, and how long its last word on a person holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User

from posture.models import GroupMapping
from posture.policies import roles as table

LONGEST: Final = 250
# Of one person; a provider that sends more is broken, or hostile.
MOST: Final = 1000


class Unmapped(StrEnum):
    """Why the groups of a person give nothing; the value is what the person reads."""

    NO_CLAIM = "The identity provider sent nothing about groups."
    NO_GROUP = "The identity provider says that you are in no group."
    NOT_MAPPED = "None of the groups that the identity provider sent is mapped to a role or a team."


@dataclass(frozen=True, slots=True)
class Given:
    """`roles` is the name of each role with the group that gives it, `teams` the same by slug."""

    roles: dict[str, str]
    teams: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.roles or self.teams)


def printable(text: str, *, longest: int) -> str:
    """The text without what cannot be seen (controls, changes of direction), in one line."""
    return "".join(c for c in text if c.isprintable()).strip()[:longest].strip()


def is_mappable(group: str) -> bool:
    """Whether a name can be kept and told from others by its look."""
    return bool(group.strip()) and len(group) <= LONGEST and group.isprintable()


def groups_of(value: Any) -> tuple[str, ...] | None:
    """The groups that a claim or an attribute holds, sorted; None where there is none.

    :param value: what the provider sent, so anything at all: a list of names, or one name.
    """
    if value is None:
        return None
    found = value if isinstance(value, list | tuple) else [value]
    names = {name for name in found[:MOST] if isinstance(name, str) and is_mappable(name)}
    return tuple(sorted(names))


def given(mappings: Iterable[GroupMapping], groups: Iterable[str]) -> Given:
    """What the groups give; where several give the same, the first by name is said to.

    A role that the table has no more is given to nobody.

    :param mappings: with role and team loaded.
    """
    held = set(groups)
    roles: dict[str, str] = {}
    teams: dict[str, str] = {}
    for row in sorted(mappings, key=lambda row: row.group):
        if row.group in held and row.role is not None and row.role.name in table.ROLE_NAMES:
            roles.setdefault(row.role.name, row.group)
        elif row.group in held and row.team is not None:
            teams.setdefault(row.team.slug, row.group)
    return Given(roles, teams)


def unmapped(groups: tuple[str, ...] | None) -> Unmapped:
    """Why these groups, which give nothing, give nothing."""
    if groups is None:
        return Unmapped.NO_CLAIM
    return Unmapped.NOT_MAPPED if groups else Unmapped.NO_GROUP


def is_vouched_for(owner: User, *, now: datetime) -> bool:
    """Whether the tokens of a person hold: the provider let them in lately, and its groups still give.

    True for people whom no provider signs in. One query for the others, with the record loaded.
    """
    last = getattr(owner, "provider_sign_in", None)
    if last is None or owner.has_usable_password():
        return True
    if last.refused_at is not None or last.signed_in_at is None:
        return False
    if now - last.signed_in_at > timedelta(days=settings.POSTURE_PROVIDER_TOKEN_DAYS):
        return False
    return owner.groups.exists()
