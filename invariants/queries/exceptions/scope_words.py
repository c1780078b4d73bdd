"""What a request covers, as one person may read it: places by name, and never a foreign one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from invariants.models import ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions.sight import sight_of
from inventory.access import AnyUser

_WHO: Final = (ScopeKind.PRINCIPAL, ScopeKind.PRINCIPAL_TAG)
_WHAT: Final = (ScopeKind.ACTION, ScopeKind.CONTROL)
_ON: Final = (ScopeKind.RESOURCE, ScopeKind.TAG, ScopeKind.PATTERN)
_WHERE: Final = (ScopeKind.OU, ScopeKind.ACCOUNT, ScopeKind.REGION)


@dataclass(frozen=True, slots=True)
class Line:
    """`key` names it in a form; `name` is that of the account or OU, else ""."""

    key: str
    kind: str
    kind_label: str
    value: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """`hidden` lines are of places that the person does not see."""

    who: tuple[Line, ...]
    what: tuple[Line, ...]
    on: tuple[Line, ...]
    where: tuple[Line, ...]
    hidden: int

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.who, *self.what, *self.on, *self.where)


def scope_of(user: AnyUser, request: ExceptionRequest) -> Scope:
    """The lines of its scope (four queries at most)."""
    rows = request.scope.order_by("kind", "value").select_related("account", "ou")
    seen: list[ExceptionScope] = list(rows)
    sight = sight_of(user, request)
    shown = [row for row in seen if sight.shows(row.as_json())]
    return Scope(
        who=_lines(shown, _WHO),
        what=_lines(shown, _WHAT),
        on=_lines(shown, _ON),
        where=_lines(shown, _WHERE),
        hidden=len(seen) - len(shown),
    )


def _lines(rows: Iterable[ExceptionScope], kinds: tuple[ScopeKind, ...]) -> tuple[Line, ...]:
    return tuple(_line(row) for kind in kinds for row in rows if row.kind == kind)


def _line(row: ExceptionScope) -> Line:
    name = row.account.name if row.account else row.ou.name if row.ou else ""
    return Line(f"{row.kind} {row.value}", row.kind, row.get_kind_display(), row.value, name)
