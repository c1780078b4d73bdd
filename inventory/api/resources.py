"""What every resource of the API does alike: it is read, with strict parameters, by whoever may."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework import serializers
from rest_framework.exceptions import APIException, Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory.access import AnyUser
from inventory.api import parameters, tags
from inventory.api.fields import Shape, page_of
from inventory.api.parameters import Parameter
from inventory.api.schema import ResourceSchema
from inventory.web import Page

_SALT: Final = "inventory.api.cursor"
_SIGN: Final = 24
_KEEP: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a resource reads it: who, when, and the values of its parameters by name."""

    request: Request
    user: AnyUser
    now: datetime
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def today(self) -> date:
        return self.now.date()

    @property
    def size(self) -> int:
        limit: int = self.values["limit"]
        return limit

    @property
    def cursor(self) -> str:
        """The cursor of the query function, "" for the first page.

        :raises BadParameters: it was not given out for this list with these filters.
        """
        text: str = self.values["cursor"] or ""
        inner, _, sign = text.rpartition(".")
        if text and not constant_time_compare(sign, self._sign(inner)):
            raise parameters.bad(
                "cursor",
                "It is no cursor of this list with these filters: begin without a cursor, and change "
                "no filter from page to page.",
            )
        return inner

    def bound(self, cursor: str) -> str | None:
        """A cursor of a query function as it is given out, None for "", which is no page."""
        return f"{cursor}.{self._sign(cursor)}" if cursor else None

    def _sign(self, cursor: str) -> str:
        bound = parameters.binding(self.request.path, self.values)
        return salted_hmac(_SALT, f"{bound} {cursor}", algorithm="sha256").hexdigest()[:_SIGN]


class Resource(APIView):
    """A resource that is read. Its docstring, `shape` and `parameters` are what the schema says."""

    http_method_names = ["get", "head", "options"]
    permission_classes = (IsAuthenticated,)
    schema = ResourceSchema()

    # What the schema calls the operation and the group that it is in.
    operation: ClassVar[str] = ""
    group: ClassVar[str] = ""
    shape: ClassVar[type[Shape]]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    # Parts of the address, as the schema describes them.
    address: ClassVar[tuple[Parameter, ...]] = ()
    example: ClassVar[Any] = None

    # How many requests are left, by the throttle of the settings.
    limit_headers: Mapping[str, str] = MappingProxyType({})

    def answer(self, asked: Asked, **names: str) -> Any:
        """What is written in the form of `shape`."""
        raise NotImplementedError

    def marks(self, asked: Asked) -> tuple[Any, ...] | None:
        """What the answer follows from, where that is cheaper to read than the answer; else None."""
        return None

    def initial(self, request: Request, *args: Any, **names: Any) -> None:
        """As DRF's, but who is not let in counts as well."""
        try:
            super().initial(request, *args, **names)
        except Throttled:
            raise
        except APIException:
            self.check_throttles(request)
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **names: Any) -> Any:
        for name, value in self.limit_headers.items():
            response[name] = value
        return super().finalize_response(request, response, *args, **names)

    def get(self, request: Request, **names: str) -> HttpResponse:
        asked = Asked(
            request,
            request.user,
            timezone.now(),
            parameters.read(request.query_params, self.parameters),
        )
        marks = self.marks(asked)
        if marks is None:
            return self._whole(asked, names)
        tag = tags.of_marks(request, repr(self.shape()), (asked.today, *marks))
        return _unchanged(tag) if tags.matches(request, tag) else self._whole(asked, names, tag)

    def _whole(self, asked: Asked, names: Mapping[str, str], tag: str = "") -> HttpResponse:
        data = self.written(asked, self.answer(asked, **names))
        body = _json(data)
        tag = tag or tags.of_body(asked.request, body)
        if tags.matches(asked.request, tag):
            return _unchanged(tag)
        headers = {**_KEEP, "ETag": tag, **self.links(asked, data)}
        return HttpResponse(body, content_type="application/json", headers=headers)

    def written(self, asked: Asked, answer: Any) -> Any:
        return self.shape(answer).data

    def links(self, asked: Asked, data: Any) -> dict[str, str]:
        """Headers that lead to other pages of the same."""
        return {}

    def options(self, request: Any, *args: Any, **names: Any) -> Response:
        """What can be done here; the rest is in the schema."""
        return Response(status=204)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, and what the list has beside its results."""

    page: Page[Any]
    beside: Mapping[str, Any]


class ListResource(Resource):
    """A list, page by page. `shape` is one result; `beside` are fields next to the results."""

    beside: ClassVar[Mapping[str, "serializers.Field[Any, Any, Any, Any]"]] = {}

    def answer(self, asked: Asked, **names: str) -> "Listed | Page[Any]":
        raise NotImplementedError

    def written(self, asked: Asked, answer: "Listed | Page[Any]") -> dict[str, Any]:
        listed = answer if isinstance(answer, Listed) else Listed(answer, {})
        whole = {
            "next": asked.bound(listed.page.next_cursor),
            "previous": asked.bound(listed.page.previous_cursor),
            **listed.beside,
            "results": listed.page.rows,
        }
        return dict(self.envelope()(whole).data)

    @classmethod
    def envelope(cls) -> type[Shape]:
        return page_of(cls.shape, **cls.beside)

    def links(self, asked: Asked, data: Mapping[str, Any]) -> dict[str, str]:
        """Link of RFC 8288, for those who would rather follow than build addresses."""
        found = []
        for relation, name in (("next", "next"), ("prev", "previous")):
            if data[name]:
                query = asked.request.query_params.copy()
                query["cursor"] = data[name]
                address = asked.request.build_absolute_uri(f"?{query.urlencode()}")
                found.append(f'<{address}>; rel="{relation}"')
        return {"Link": ", ".join(found)} if found else {}


def _unchanged(tag: str) -> HttpResponse:
    response = HttpResponse(status=304, headers={**_KEEP, "ETag": tag})
    del response["Content-Type"]
    return response


def _json(data: Any) -> bytes:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        # A payload of AWS may hold a number that is larger than any that JSON's readers know.
        return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
