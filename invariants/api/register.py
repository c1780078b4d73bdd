"""/api/v1/invariants/: what always has to hold, and how far it does, by the queries of the pages."""

from typing import Any, Final

from rest_framework.exceptions import NotFound

from findings.models import Area
from invariants.api.rights import SeesEverything
from invariants.api.shapes import (
    CatalogueProblemShape,
    InvariantDetailShape,
    InvariantMoveShape,
    InvariantShape,
    InvariantVersionShape,
)
from invariants.models import Invariant
from invariants.queries import history, invariant_page, listing, register
from invariants.queries.listing import Filters
from inventory import web
from inventory.api import parameters
from inventory.api.fields import Moment
from inventory.api.parameters import Kind, Parameter
from inventory.api.resources import Asked, Listed, ListResource, Resource
from inventory.web import Page

GROUP: Final = "Invariants"
KEY_PATTERN: Final = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
KEY: Final = Parameter(
    "key", "The id of an invariant.", pattern=KEY_PATTERN, most=80, example="kms-delete"
)


_EXAMPLE: Final = {
    "next": None,
    "previous": None,
    "evaluated_at": "2026-11-20T06:30:00Z",
    "results": [
        {
            "key": "kms-delete",
            "statement": "Only the key team schedules the deletion of a KMS key, and never within less "
            "than 30 days.",
            "area": "DATA_PROTECTION",
            "type": "SERVICE_CONTROL_POLICY",
            "state": "ENFORCED",
            "state_since": "2026-07-03T08:00:00Z",
            "severity": "HIGH",
            "is_mandatory": True,
            "owner": "cloud-security",
            "counts": {
                "enforced": 388,
                "carved_out": 8,
                "excepted": 4,
                "missing": 6,
                "broken": 0,
                "unknown": 1,
                "not_enforceable": 1,
                "not_applicable": 4,
                "in_scope": 407,
                "protected": 396,
            },
            "violations": 3,
            "drift": 1,
            "denied": 87,
        }
    ],
}


def found(asked: Asked, key: str) -> Invariant:
    """:raises NotFound: the catalogue has none, or the person sees nothing."""
    invariant = invariant_page.find(asked.user, key)
    if invariant is None:
        raise NotFound("There is no such invariant. /api/v1/invariants/ lists them.")
    return invariant


class InvariantList(ListResource):
    """Invariants, and in how many of your accounts each stands how; mandatory and grave ones first."""

    operation = "list_invariants"
    group = GROUP
    shape = InvariantShape
    example = _EXAMPLE
    beside = {"evaluated_at": Moment(allow_null=True, help_text="null: not worked out yet.")}
    parameters = (
        Parameter("q", "Part of the id, the statement, the reason or the owner.", most=100),
        Parameter("area", "In this security area.", choices=tuple(Area.values)),
        Parameter(
            "type",
            "Of this type of policy.",
            pattern=r"[A-Z0-9_]{1,60}",
            most=60,
            example="SERVICE_CONTROL_POLICY",
        ),
        Parameter("state", "In this state of its life.", choices=tuple(Invariant.State.values)),
        Parameter(
            "coverage",
            "Only: "
            + "; ".join(f"{name}: {words.lower()}" for name, words in listing.COVERAGE.items())
            + ".",
            choices=tuple(listing.COVERAGE),
        ),
        Parameter("mandatory", "Only those that every account has to have.", Kind.FLAG),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Listed:
        filters = Filters(
            q=asked["q"] or "",
            area=asked["area"] or "",
            type=asked["type"] or "",
            state=asked["state"] or "",
            coverage=asked["coverage"] or "",
            is_mandatory=bool(asked["mandatory"]),
        )
        whole = listing.catalogue(asked.user, filters, now=asked.now)
        placed = {row.key: f"{place:06}" for place, row in enumerate(whole.rows)}
        page = web.part(
            whole.rows,
            key=lambda row: (placed[row.key],),
            cursor_text=asked.cursor,
            size=asked.size,
        )
        return Listed(page, {"evaluated_at": whole.evaluated_at})


class InvariantDetail(Resource):
    """One invariant: what it says, why, how far it holds, and its policy for who may read it."""

    operation = "read_invariant"
    group = GROUP
    shape = InvariantDetailShape
    address = (KEY,)

    def answer(self, asked: Asked, **names: str) -> Any:
        return invariant_page.page(asked.user, found(asked, names["key"]))


class InvariantMoveList(ListResource):
    """The steps of its life: who moved it, when and why, and the gates as they stood; newest first.

    Moving it is for people, on its page: a decision carries a name.
    """

    operation = "list_invariant_moves"
    group = GROUP
    permission_classes = (SeesEverything,)
    shape = InvariantMoveShape
    address = (KEY,)
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        rows = history.moves(asked.user, found(asked, names["key"]))
        return _numbered(rows, asked)


class InvariantVersionList(ListResource):
    """The versions that were loaded, newest first."""

    operation = "list_invariant_versions"
    group = GROUP
    permission_classes = (SeesEverything,)
    shape = InvariantVersionShape
    address = (KEY,)
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        rows = history.versions(asked.user, found(asked, names["key"]))
        return web.part(
            rows,
            # The newest first, and text that sorts so.
            key=lambda row: (f"{history.MOST_VERSIONS - row.number:09}",),
            cursor_text=asked.cursor,
            size=asked.size,
        )


def _numbered(rows: tuple[history.Move, ...], asked: Asked) -> Page[Any]:
    """Moves are only added: counted from the oldest, each keeps its number."""
    places = {id(row): f"{10**9 - (len(rows) - place):010}" for place, row in enumerate(rows)}
    return web.part(
        rows, key=lambda row: (places[id(row)],), cursor_text=asked.cursor, size=asked.size
    )


class CatalogueProblemList(ListResource):
    """What keeps the newest files out of the catalogue: nothing is listed where they were taken in."""

    operation = "list_catalogue_problems"
    group = GROUP
    permission_classes = (SeesEverything,)
    shape = CatalogueProblemShape
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        rows = register.problems(asked.user)
        placed = {id(row): f"{place:06}" for place, row in enumerate(rows)}
        return web.part(
            rows, key=lambda row: (placed[id(row)],), cursor_text=asked.cursor, size=asked.size
        )
