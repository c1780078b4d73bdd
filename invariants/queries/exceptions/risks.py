"""What makes a request risky or less so, as far as its own words and scope show it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from invariants.models import ExceptionRequest
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions.scope_words import Scope
from inventory.models import Account

_UNGUARDED: Final = (
    "Only as good as the protection of the tag (iam:TagRole, iam:TagUser, sts:TagSession): the edit of "
    "the policy says whether anything guards it"
)
_OF_ACCOUNT: Final = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:([0-9]{12}):", re.ASCII)


@dataclass(frozen=True, slots=True)
class Point:
    """`kind` is ok or warn; the icon goes by `about`."""

    kind: str
    about: str
    text: str


def points_of(request: ExceptionRequest, scope: Scope) -> tuple[Point, ...]:
    """One query where principals are named."""
    return (*_of_data(request), *_of_people(scope), *_of_places(scope), *_of_line(request))


def _of_data(request: ExceptionRequest) -> Iterator[Point]:
    if request.data_classification:
        yield Point("warn", "data", f"Class of the data: {request.data_classification}")


def _of_people(scope: Scope) -> Iterator[Point]:
    if not scope.who:
        return
    tagged = [line.value for line in scope.who if line.kind == ScopeKind.PRINCIPAL_TAG]
    if tagged:
        words = (
            f"Exempts whoever carries the tag {', '.join(tagged)}: as many as somebody sets it on"
        )
        yield Point("warn", "wide", words)
        yield Point("warn", "guard", _UNGUARDED)
    ids = {found[1] for line in scope.who if (found := _OF_ACCOUNT.match(line.value))}
    known = set(Account.objects.filter(account_id__in=ids).values_list("account_id", flat=True))
    if outside := ids - known:
        words = "an account" if len(outside) == 1 else f"{len(outside)} accounts"
        yield Point("warn", "outside", f"Principals of {words} outside the organisation")
    if named := len(scope.who) - len(tagged):
        words = "One principal" if named == 1 else f"{named} principals"
        yield Point("ok", "check", f"{words}, named in full")


def _of_places(scope: Scope) -> Iterator[Point]:
    kinds = [line.kind for line in scope.lines]
    if count := kinds.count(ScopeKind.OU):
        words = "a whole OU" if count == 1 else f"{count} whole OUs"
        yield Point("warn", "wide", f"Covers {words}, with accounts that join later")
    if kinds.count(ScopeKind.PATTERN):
        yield Point("warn", "wide", "Covers resources by pattern, with those made later")
    elif scope.on:
        yield Point("ok", "check", "Limited to resources that are named")


def _of_line(request: ExceptionRequest) -> Iterator[Point]:
    if request.is_emergency:
        yield Point("warn", "urgent", "Asked for as an emergency")
    if request.renewal:
        words = "once" if request.renewal == 1 else "twice"
        yield Point("warn", "again", f"Renewed {words}")
    if request.compensating.strip():
        yield Point("ok", "check", "Something compensates for it, as the request says")
