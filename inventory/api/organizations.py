"""What AWS Organizations has: organisations and OUs."""

from typing import Any, ClassVar

from django.http import Http404
from rest_framework import serializers

from inventory.api import parameters
from inventory.api.fields import Shape
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, ListResource, Resource
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.web import Page

GROUP = "Organisation"
OU_ADDRESS = Parameter(
    "ou_id",
    "The id of the root or of an OU.",
    pattern=parameters.OU_PATTERN,
    most=68,
    example="ou-ab12-11111111",
)


class OrganizationShape(Shape):
    """An organisation of AWS Organizations."""

    org_id = serializers.CharField()
    name = serializers.CharField(help_text="What Parapet calls it; its id where nobody named it.")
    home_region = serializers.CharField(help_text="Where Security Hub aggregates the findings.")
    time_zone = serializers.CharField(help_text="By whose clocks its weeks end.")
    root_id = serializers.CharField(
        allow_null=True, help_text="null for who does not see the whole organisation."
    )
    management_account_id = serializers.CharField(
        allow_null=True, help_text="null for who does not see the whole organisation."
    )
    linked_regions = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Regions whose findings come to the home Region; null as above.",
    )


class OuShape(Shape):
    """The root or an OU of which the person sees every account."""

    ou_id = serializers.CharField()
    name = serializers.CharField(help_text="The root carries the organisation's name.")
    label = serializers.CharField(help_text="The names from the root down.")  # type: ignore[assignment]
    parent = serializers.CharField(  # type: ignore[assignment]
        help_text="The id of the OU above; empty for the root, and where it is not the person's.",
    )
    depth = serializers.IntegerField(help_text="0 is the root.")
    role = serializers.ChoiceField(choices=OrganizationalUnit.Role.choices)
    is_root = serializers.BooleanField()


class OrganizationList(ListResource):
    """Organisations in which you see any account."""

    operation = "list_organizations"
    group = GROUP
    shape = OrganizationShape
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return tree.organizations(asked.user, cursor_text=asked.cursor, size=asked.size)


class OuList(ListResource):
    """Organisational units of which you see every account, in the order of the tree.

    The root is one of them. Their scores are under scorecards.
    """

    operation = "list_ous"
    group = GROUP
    shape = OuShape
    parameters = (
        Parameter(
            "ou",
            "Only this OU and what is below it.",
            pattern=parameters.OU_PATTERN,
            most=68,
            example="ou-ab12-11111111",
        ),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        within = ""
        if asked["ou"]:
            ous = OrganizationalUnit.objects.visible_to(asked.user).live()
            found = ous.filter(ou_id=asked["ou"]).first()
            if found is None:
                raise parameters.no_such_ou(asked["ou"])
            within = found.path
        return tree.units(asked.user, cursor_text=asked.cursor, size=asked.size, within=within)


class Ou(Resource):
    """One organisational unit."""

    operation = "read_ou"
    group = GROUP
    shape = OuShape
    address: ClassVar[tuple[Parameter, ...]] = (OU_ADDRESS,)

    def answer(self, asked: Asked, **names: str) -> Any:
        found = tree.unit(asked.user, names["ou_id"])
        if found is None:
            raise Http404
        return found
