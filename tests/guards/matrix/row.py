"""What a row of the matrix says of an address, and what follows from it for each person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fixtures.leak_world import Person, World

# Who has no session is led to the sign-in page, or, of the API, told 401; but for these.
OPEN = "open"
SIGNED_IN = "signed in"

Form = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One way of asking for one address.

    `name` is that of the URL, `of` the kind of thing that its address names ("" names none): each
    thing of that kind in the world is tried. `right` are the codes that a person needs, all of them.
    `sent` None is a GET; else it is what is posted, `body` instead of it what is sent as JSON.
    Who has the right `over` reaches what belongs to other people. What the address tells of the zones
    `tells` is meant for whoever gets through. `allowed` is the answer for who may, `refused` for who lacks the right, `hidden` for what lies
    outside of somebody's scope, and in the very same way for what is not there.
    """

    name: str
    of: str = ""
    right: str | tuple[str, ...] = ()
    sent: Form | Callable[[World], Form] | None = None
    body: Form | None = None
    method: str = ""
    query: tuple[str, ...] = ("",)
    targets: tuple[str, ...] = ("main",)
    allowed: int | tuple[int, ...] = 200
    refused: int | tuple[int, ...] = 403
    hidden: int = 404
    door: str = SIGNED_IN
    over: str = ""
    tells: tuple[str, ...] = ()
    # Which people it is tried as, where it is about something that only these have; () is everybody.
    people: tuple[str, ...] = ()
    why: str = ""

    @property
    def rights(self) -> tuple[str, ...]:
        return (self.right,) if isinstance(self.right, str) else self.right

    @property
    def verb(self) -> str:
        return self.method or ("GET" if self.sent is None and self.body is None else "POST")

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api_")

    def expected(self, person: Person, zone: str, world: World) -> tuple[int, ...]:
        """The statuses that are right for the person, and a thing of that zone ("" is no thing)."""
        if person.is_anonymous:
            return self.at_the_door()
        if not self.rights_in(person.rights):
            return self.refused if isinstance(self.refused, tuple) else (self.refused,)
        if zone and not self._reaches(person, zone, world):
            return (self.hidden,)
        return self.allowed if isinstance(self.allowed, tuple) else (self.allowed,)

    def rights_in(self, held: frozenset[str]) -> bool:
        """Whether whoever holds these rights may ask."""
        return held.issuperset(self.rights)

    def _reaches(self, person: Person, zone: str, world: World) -> bool:
        is_somebodys = zone.startswith("of_")
        return world.sees(person, zone) or bool(
            self.over and is_somebodys and person.has(self.over)
        )

    def at_the_door(self) -> tuple[int, ...]:
        if self.door == OPEN:
            return self.allowed if isinstance(self.allowed, tuple) else (self.allowed,)
        return (401,) if self.is_api else (302,)
