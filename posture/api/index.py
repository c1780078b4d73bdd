"""/api/v1/ itself, its description, and what is said where nothing is."""

import json
from functools import cache
from typing import Any, Final

import yaml
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from inventory.api import tags
from inventory.api.fields import Shape
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, Resource

_YAML: Final = "application/vnd.oai.openapi"
_JSON: Final = "application/vnd.oai.openapi+json"


class LinkShape(Shape):
    name = serializers.CharField()
    href = serializers.CharField()


class RootShape(Shape):
    """What there is."""

    schema = serializers.CharField(help_text="The OpenAPI description.")
    docs = serializers.CharField(help_text="The same as a page.")
    resources = LinkShape(many=True)


class Root(Resource):
    """The lists of this API."""

    operation = "read_root"
    group = "API"
    shape = RootShape

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        return {
            "schema": reverse("api_schema"),
            "docs": reverse("posture:api_docs"),
            "resources": [{"name": name, "href": href} for name, href in _lists()],
        }


def _lists() -> list[tuple[str, str]]:
    """Resources whose address has no parts, but for this one and what is not a resource."""
    # They are made of these, which import this module.
    from posture.api.addresses import resources  # noqa: PLC0415

    found = []
    for entry in resources:
        try:
            found.append((str(entry.name).removeprefix("api_"), reverse(str(entry.name))))
        except NoReverseMatch:
            continue
    return found


@extend_schema(exclude=True)
class Schema(Resource):
    """The OpenAPI description of this API."""

    parameters = (Parameter("format", "yaml or json.", choices=("yaml", "json"), default="yaml"),)

    def _whole(self, asked: Asked, names: Any, tag: str = "") -> HttpResponse:
        body = described(asked["format"])
        tag = tags.of_body(asked.request, body)
        if tags.matches(asked.request, tag):
            return HttpResponse(status=304, headers={"ETag": tag})
        kind = _JSON if asked["format"] == "json" else _YAML
        headers = {
            "ETag": tag,
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'inline; filename="parapet-api.{asked["format"]}"',
        }
        return HttpResponse(body, content_type=f"{kind}; charset=utf-8", headers=headers)


@cache
def described(form: str) -> bytes:
    """The description: the same as long as the process lives. :param form: yaml or json."""
    # Its own code has no types.
    generator: Any = SchemaGenerator
    found = generator(api_version=None).get_schema(request=None, public=True)
    # The generator's own types of text and mapping are none that YAML knows.
    plain = json.loads(json.dumps(found))
    if form == "json":
        return json.dumps(plain, ensure_ascii=False, indent=1).encode()
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).encode()


@extend_schema(exclude=True)
class Unknown(APIView):
    """Whatever below /api/ is nothing: 401 for strangers, and a problem for everybody else."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> None:
        """Nothing is here, whatever one would do with it."""
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(
            f"There is nothing at this address.{hint} /api/v1/ lists what there is, and "
            "/api/v1/schema/ describes it."
        )

    post = put = patch = delete = get
