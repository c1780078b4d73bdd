"""Which places of an organisation the targets of an invariant mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

MANAGEMENT: Final = "MANAGEMENT"
STAGING: Final = "POLICY_STAGING"


class Place(Protocol):
    """The root, an OU or an account. `kind` is ROOT, OU or ACCOUNT; `role` is an OU's."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def role(self) -> str: ...


Places = Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Resolved:
    """`ids` are places by AWS's ids; `unknown` are OUs and accounts, as written, that are not there.

    A role that no OU has means no place, and nothing is wrong with that.
    """

    ids: frozenset[str]
    unknown: tuple[str, ...] = ()


def resolve(
    targets: Mapping[str, Any], places: Places, *, management_account_id: str = ""
) -> Resolved:
    """The places that `targets` mean, as a record of the catalogue has them in JSON.

    Of OUs with a role only the uppermost count: what is attached there reaches those below.
    """
    found = {one.id for one in places.values() if one.kind == "ROOT" and targets.get("root")}
    roles = frozenset(str(role) for role in targets.get("ou_roles") or ())
    found |= {one.id for one in places.values() if _is_uppermost(one, roles, places)}
    if MANAGEMENT in roles and management_account_id in places:
        found.add(management_account_id)
    unknown: list[str] = []
    by_path = _by_path(places) if targets.get("ous") else {}
    for path in targets.get("ous") or ():
        named = by_path.get(_plain(path))
        found |= {named} if named else set()
        unknown += [] if named else [path]
    for account_id in targets.get("accounts") or ():
        found |= {account_id} if account_id in places else set()
        unknown += [] if account_id in places else [account_id]
    return Resolved(frozenset(found), tuple(unknown))


def line(place_id: str, places: Places) -> tuple[str, ...]:
    """The ids from the root down to the place; empty for one that is not there."""
    return tuple(reversed(list(_upwards(place_id, places))))


def is_within(place_id: str, above: frozenset[str], places: Places) -> bool:
    """Whether the place is one of those above, or below one."""
    return any(one in above for one in _upwards(place_id, places))


def _upwards(place_id: str, places: Places) -> Iterator[str]:
    place = places.get(place_id)
    while place is not None:
        yield place.id
        place = places.get(place.parent_id) if place.parent_id else None


def _is_uppermost(place: Place, roles: frozenset[str], places: Places) -> bool:
    if place.kind != "OU" or place.role not in roles:
        return False
    above = places.get(place.parent_id) if place.parent_id else None
    return above is None or above.kind == "ROOT" or above.role not in roles


def _by_path(places: Places) -> dict[tuple[str, ...], str]:
    """OUs by their names from the root down, in any case; of two with one path the first by id."""
    found: dict[tuple[str, ...], str] = {}
    for place in sorted(places.values(), key=lambda one: one.id):
        if place.kind == "OU":
            ids = line(place.id, places)
            names: Sequence[str] = [places[one].name for one in ids if places[one].kind == "OU"]
            found.setdefault(tuple(name.strip().lower() for name in names), place.id)
    return found


def _plain(path: str) -> tuple[str, ...]:
    return tuple(step.strip().lower() for step in path.split("/"))
