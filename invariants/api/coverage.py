"""How an invariant stands in each account and OU, by the queries of its page."""

from typing import Any, Final

from invariants.api.register import GROUP, KEY, found
from invariants.api.shapes import InvariantAccountShape, InvariantOuShape
from invariants.models import Coverage
from invariants.queries import coverage
from inventory import web
from inventory.api import parameters
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, ListResource
from inventory.models import OrganizationalUnit
from inventory.web import Page

_EXAMPLE: Final = {
    "next": None,
    "previous": None,
    "results": [
        {
            "account_id": "111122223333",
            "name": "payments-prod",
            "ou_id": "ou-ab12-11111111",
            "ou": "Workloads / Production",
            "team": "Payments",
            "state": "MISSING",
            "reason": "No policy denies what has to be denied: An engineer schedules the deletion of a key.",
            "policy": "",
            "level": "",
            "since": "2026-11-06T06:30:00Z",
        }
    ],
}
_OU = Parameter(
    "ou",
    "In this OU or below it: one of which you see every account.",
    pattern=parameters.OU_PATTERN,
    most=68,
    example="ou-ab12-11111111",
)
_STATE = Parameter(
    "state", "In any of these states.", choices=tuple(Coverage.State.values), is_list=True, times=8
)


def ou_of(asked: Asked) -> OrganizationalUnit | None:
    """The OU of the filter, None where there is none.

    :raises NotFound: it is not there, or the person does not see all of it.
    """
    if not asked["ou"]:
        return None
    seen = OrganizationalUnit.objects.visible_to(asked.user).live().filter(ou_id=asked["ou"])
    ou = seen.first()
    if ou is None:
        raise parameters.no_such_ou(asked["ou"])
    return ou


class InvariantAccountList(ListResource):
    """The accounts of an invariant by name: how it stands in each, since when, and why."""

    operation = "list_invariant_accounts"
    group = GROUP
    shape = InvariantAccountShape
    example = _EXAMPLE
    address = (KEY,)
    parameters = (_STATE, _OU, *parameters.PAGED)

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        # The filter first: whatever the key, an OU that is not theirs is answered alike.
        ou = ou_of(asked)
        return coverage.accounts(
            asked.user,
            found(asked, names["key"]),
            states=asked["state"],
            ou=ou,
            cursor_text=asked.cursor,
            size=asked.size,
        )


class InvariantOuList(ListResource):
    """The OUs that you see as a whole, with the accounts below each by state: parents before children."""

    operation = "list_invariant_ous"
    group = GROUP
    shape = InvariantOuShape
    address = (KEY,)
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        rows = coverage.tree(asked.user, found(asked, names["key"]))
        placed = {row.ou_id: f"{place:06}" for place, row in enumerate(rows)}
        return web.part(
            rows,
            key=lambda row: (placed[row.ou_id],),
            cursor_text=asked.cursor,
            size=asked.size,
        )
