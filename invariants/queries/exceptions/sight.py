"""What of a record a person sees who does not see every account of it.

They see the request, since it covers an account of theirs; other accounts, OUs and what is named by an
account's number stay hidden, and are counted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, OuterRef

from invariants.models import ExceptionRequest
from invariants.models.exceptions import ScopeKind
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit

READ_AUDIT: Final = "posture.read_audit"
_NUMBER: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
# What a collection found names policies, statements and accounts of everybody.
_OF_EVERYBODY: Final = frozenset({"found"})


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person sees of one record. `foreign`: account numbers and OU ids that they do not see."""

    sees_all: bool
    sees_addresses: bool
    foreign: frozenset[str] = frozenset()

    def shows(self, line: Mapping[str, str]) -> bool:
        """Whether a line of a scope, as {"kind", "value"}, is for this person."""
        if self.sees_all or not self.foreign:
            return True
        if line["kind"] == ScopeKind.OU:
            return line["value"] not in self.foreign
        return not self.foreign.intersection(_NUMBER.findall(line["value"]))

    def lines(self, lines: Sequence[Mapping[str, str]]) -> tuple[list[Mapping[str, str]], int]:
        """The lines that are for this person, and how many are not."""
        shown = [line for line in lines if self.shows(line)]
        return shown, len(lines) - len(shown)

    def told(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """`before` or `after` of an event."""
        if self.sees_all:
            return dict(fields)
        told = {name: value for name, value in fields.items() if name not in _OF_EVERYBODY}
        if "scope" in told:
            told["scope"], hidden = self.lines(told["scope"])
            if hidden:
                told["scope_hidden"] = hidden
        return told


def sight_of(user: AnyUser, request: ExceptionRequest) -> Sight:
    """Three queries, none for who sees the whole organisation."""
    sees_addresses = user.has_perm(READ_AUDIT)
    if access.scope_of(user).everything:
        return Sight(True, sees_addresses)
    lines = list(_all_lines(request))
    numbers = {number for line in lines for number in _NUMBER.findall(line["value"])}
    ous = {line["value"] for line in lines if line["kind"] == ScopeKind.OU}
    return Sight(False, sees_addresses, frozenset(_foreign(user, request, numbers, ous)))


def _all_lines(request: ExceptionRequest) -> Iterable[Mapping[str, str]]:
    """Of the scope as it is, and as it was at any time."""
    for kind, value in request.scope.values_list("kind", "value"):
        yield {"kind": kind, "value": value}
    for before, after in request.events.values_list("before__scope", "after__scope"):
        yield from before or ()
        yield from after or ()


def _foreign(
    user: AnyUser, request: ExceptionRequest, numbers: set[str], ous: set[str]
) -> Iterable[str]:
    organization = request.organization_id
    mine = Account.objects.visible_to(user).filter(organization=organization)
    seen = mine.filter(account_id__in=numbers).values_list("account_id", flat=True)
    yield from numbers - set(seen)
    beneath = mine.filter(ou__path__startswith=OuterRef("path"))
    known = OrganizationalUnit.objects.filter(organization=organization, ou_id__in=ous)
    yield from ous - set(known.filter(Exists(beneath)).values_list("ou_id", flat=True))
