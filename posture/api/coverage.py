"""/api/v1/coverage/: where the security services are on, by the queries of the page."""

from typing import Any, Final

from rest_framework import serializers

from inventory import web
from inventory.api import parameters
from inventory.api.fields import Amount, Moment, Shape
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, Listed, ListResource
from inventory.web import Page
from posture.queries import coverage
from posture.queries.coverage import Column, HeatPage
from posture.queries.marks import marks

GROUP: Final = "Coverage"
_SERVICES: Final = tuple(column.slug for column in coverage.SERVICES)
_OU: Final = Parameter(
    "ou",
    "This OU and its children; by default the upper levels of the tree.",
    pattern=parameters.OU_PATTERN,
    most=68,
    example="ou-ab12-11111111",
)


class CellShape(Shape):
    """One service below one OU, in pairs of account and Region."""

    service = serializers.CharField(source="column.slug")
    name = serializers.CharField(source="column.name")
    expected = serializers.IntegerField(help_text="Pairs in which AWS offers the service.")
    on = serializers.IntegerField()
    told = serializers.IntegerField(help_text="Pairs of which it is known to be on or off.")
    denied = serializers.IntegerField(help_text="Pairs of which AWS refused to tell.")
    untold = serializers.IntegerField(help_text="Pairs of which nobody told.")
    percent = Amount(allow_null=True, help_text="On, of all that are expected; null: not known.")


class OuCoverageShape(Shape):
    """An OU; empty id: your accounts taken together, where you see no OU as a whole."""

    ou_id = serializers.CharField()
    name = serializers.CharField()
    accounts = serializers.IntegerField()
    services = CellShape(source="cells", many=True)


class GapShape(Shape):
    """A Region in which the service is not known to be on."""

    region = serializers.CharField()
    words = serializers.CharField(help_text="What is known of it.")
    is_known = serializers.BooleanField(help_text="It is known to be off.")


class AccountCoverageShape(Shape):
    """An account and its Regions."""

    account_id = serializers.CharField()
    name = serializers.CharField()
    ou = serializers.CharField(source="ou_name")
    expected = serializers.IntegerField(help_text="Regions in which AWS offers the service.")
    on = serializers.IntegerField()
    gaps = GapShape(many=True)


def _heat(asked: Asked) -> HeatPage:
    page = coverage.heat(asked.user, asked["ou"] or "")
    if page is None:
        raise parameters.no_such_ou(asked["ou"])
    return page


def _column(slug: str) -> Column:
    return next(column for column in coverage.SERVICES if column.slug == slug)


class CoverageList(ListResource):
    """Security services by OU: in how many pairs of account and Region each is on.

    What is expected comes from AWS Organizations and Account Management, never from findings; a pair
    of which nothing is known is not covered.
    """

    operation = "list_coverage"
    group = GROUP
    shape = OuCoverageShape
    beside = {"as_of": Moment(allow_null=True, help_text="When it was counted; null: not yet.")}
    parameters = (_OU, *parameters.PAGED)

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return marks()

    def answer(self, asked: Asked, **names: str) -> Listed:
        found = _heat(asked)
        placed = {row.ou_id: f"{place:06}" for place, row in enumerate(found.rows)}
        page = web.part(
            found.rows,
            key=lambda row: (placed[row.ou_id],),
            cursor_text=asked.cursor,
            size=asked.size,
        )
        return Listed(page, {"as_of": found.as_of})


class AccountCoverageList(ListResource):
    """The accounts behind a number of the coverage, those with most gaps first."""

    operation = "list_coverage_accounts"
    group = GROUP
    shape = AccountCoverageShape
    parameters = (
        Parameter(
            "service",
            "Of this service; detection is the four that detect, together.",
            choices=_SERVICES,
            default=_SERVICES[0],
        ),
        Parameter(
            "ou",
            "In this OU or below it; by default all accounts that you see.",
            pattern=parameters.OU_PATTERN,
            most=68,
            example="ou-ab12-11111111",
        ),
        *parameters.PAGED,
    )

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return marks()

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        path = _heat(asked).path
        return coverage.drill_page(
            asked.user,
            path,
            _column(asked["service"]),
            cursor_text=asked.cursor,
            size=asked.size,
        )
