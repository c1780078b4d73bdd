"""What resources that are written do alike: strict bodies, If-Match, and the thing as it then is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from inventory.api import bodies, parameters
from inventory.api.bodies import Body
from inventory.api.fields import Shape
from inventory.api.problems import BadBody, Wrong
from inventory.api.resources import Asked, Resource
from inventory.api.writing_schema import WritingSchema

_HEADERS: Final = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class Write:
    """One way of writing: what the description calls it, what is sent, and what is answered.

    `status` 201 has the address of what was made as Location.
    """

    operation: str
    words: str
    body: type[Body]
    shape: type[Shape]
    status: int = 200
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What is answered: what `shape` tells, with its tag, and where it is if it is new."""

    answer: Any
    tag: str = ""
    location: str = ""


class WritingResource(Resource):
    """A resource that is written, by the methods of `writes`; one that `reads` is read as well.

    A request by session carries the token against forged requests (X-CSRFToken), which the browser's
    pages have; one that is signed with an API token needs none.
    """

    schema = WritingSchema()
    writes: ClassVar[Mapping[str, Write]] = {}
    reads: ClassVar[bool] = True

    def write(self, asked: Asked, said: Mapping[str, Any], **names: str) -> Written:
        """Do it; `said` are the fields that were sent."""
        raise NotImplementedError

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        read = ["get", "head"] if cls.reads else []
        cls.http_method_names = [*read, *(method.lower() for method in cls.writes), "options"]

    def post(self, request: Request, **names: str) -> HttpResponse:
        return self._written("POST", request, names)

    def put(self, request: Request, **names: str) -> HttpResponse:
        return self._written("PUT", request, names)

    def patch(self, request: Request, **names: str) -> HttpResponse:
        return self._written("PATCH", request, names)

    def _written(self, method: str, request: Request, names: Mapping[str, str]) -> HttpResponse:
        write = self.writes[method]
        # What an address is asked with counts for reading alone.
        parameters.read(request.query_params, ())
        said = bodies.read(write.body, _sent(request))
        asked = Asked(request, request.user, timezone.now(), {})
        done = self.write(asked, said, **names)
        content = json.dumps(write.shape(done.answer).data, ensure_ascii=False).encode()
        headers = dict(_HEADERS)
        if done.tag:
            headers["ETag"] = done.tag
        if done.location:
            headers["Location"] = done.location
        return HttpResponse(
            content, status=write.status, content_type="application/json", headers=headers
        )


def _sent(request: Request) -> Any:
    try:
        return request.data
    except RecursionError:
        raise BadBody([Wrong("", "It is nested too deeply.")]) from None


class Nothing(Body):
    """An object without fields: {}."""
