"""What the OpenAPI description says of every resource alike."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from inventory.api.parameters import Parameter
from inventory.api.problems import MEDIA_TYPE

JSON: Final = "application/json"


class ParameterProblem(serializers.Serializer[Any]):
    parameter = serializers.CharField(help_text="The name of the parameter.")
    detail = serializers.CharField(help_text="What is wrong with it, and what would be right.")


class Problem(serializers.Serializer[Any]):
    """A problem (RFC 9457)."""

    type = serializers.CharField(
        help_text="What kind of problem it is; about:blank where the status says it all."
    )
    title = serializers.CharField(help_text="The kind of problem in words.")
    status = serializers.IntegerField(help_text="The HTTP status, again.")
    detail = serializers.CharField(help_text="What went wrong, and what to do about it.")
    instance = serializers.CharField(help_text="The path that was asked for.")
    # "errors" is also what a serializer says of what was sent to it: nothing is sent to this one.
    errors = ParameterProblem(  # type: ignore[assignment]
        many=True, required=False, help_text="Of each wrong parameter, where that is the problem."
    )


def problem(status: int, title: str, detail: str, **more: Any) -> OpenApiExample:
    value = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/api/v1/…/",
        **more,
    }
    return OpenApiExample(
        title, value=value, response_only=True, status_codes=[str(status)], media_type=MEDIA_TYPE
    )


_BAD: Final = "severity: “BAD” is none of CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL."
EXAMPLES: Final = {
    400: problem(
        400,
        "Parameters of the query are wrong",
        _BAD,
        type="urn:parapet:problem:bad-parameters",
        errors=[{"parameter": "severity", "detail": _BAD.partition(" ")[2]}],
    ),
    401: problem(401, "Unauthorized", "The token is unknown, expired or revoked."),
    403: problem(403, "Forbidden", "You do not have permission to perform this action."),
    404: problem(404, "Not Found", "There is nothing here, or nothing that you may see."),
    429: problem(
        429,
        "Too Many Requests",
        "More than 300 requests a minute for this token. Try again in 12 seconds.",
    ),
    500: problem(
        500,
        "Internal Server Error",
        "Something went wrong here, and it has been logged. Try again later.",
    ),
}
_WORDS: Final = {
    400: "A parameter is unknown, empty, given twice or wrong; `errors` names it and the remedy.",
    401: "No token or session, or a token that is unknown, expired or revoked.",
    403: "The person or the token lacks the right, or a second factor is missing.",
    404: "There is no such thing, or it is out of the person's scope; the two look the same.",
    406: "The answers are JSON, and the Accept header allows none.",
    429: "Too many requests in this minute; Retry-After says for how many seconds to wait.",
    500: "A fault of the server. What went wrong is in its log, not here.",
}
LIMITS: Final = (
    ("RateLimit-Limit", "Requests that the present minute has."),
    ("RateLimit-Remaining", "Requests that are left of it."),
    ("RateLimit-Reset", "Seconds until the next minute begins."),
)
_COUNTED: Final = [200, 304, 400, 404]


def header(name: str, words: str, statuses: list[int], *, kind: Any = str) -> OpenApiParameter:
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, description=words, response=statuses, required=False
    )


_HEADERS: Final = (
    OpenApiParameter(
        "If-None-Match",
        str,
        OpenApiParameter.HEADER,
        description="The ETag of an answer that you have: 304 without a body where it still holds.",
    ),
    header("ETag", "Names this answer, for this person.", [200, 304]),
    header("Retry-After", "Seconds to wait.", [429], kind=int),
    header("WWW-Authenticate", "How to come in.", [401]),
    *(header(name, words, _COUNTED, kind=int) for name, words in LIMITS),
)


class ResourceSchema(AutoSchema):
    """Reads what a Resource says of itself; problems and headers are the same everywhere."""

    view: Any

    def get_operation_id(self) -> str:
        return str(self.view.operation)

    def get_tags(self) -> list[str]:
        return [self.view.group]

    def get_summary(self) -> str:
        return str(self.get_description()).partition("\n")[0].rstrip(".")

    def get_override_parameters(self) -> list[Any]:
        own = [described(one, "query") for one in self.view.parameters]
        parts = [described(one, "path") for one in self.view.address]
        pages = []
        if hasattr(self.view, "envelope"):
            pages = [header("Link", "Addresses of the next and previous page (RFC 8288).", [200])]
        return [*parts, *own, *_HEADERS, *pages]

    def get_response_serializers(self) -> Any:
        view = self.view
        shape = view.envelope() if hasattr(view, "envelope") else view.shape
        return {
            (200, JSON): OpenApiResponse(shape, _first_of(view), examples=_example(view)),
            304: OpenApiResponse(None, "Nothing has changed since the ETag of If-None-Match."),
            **self._problems(),
        }

    def _problems(self) -> Mapping[tuple[int, str], OpenApiResponse]:
        return {
            (status, MEDIA_TYPE): OpenApiResponse(
                Problem, words, examples=[EXAMPLES[status]] if status in EXAMPLES else []
            )
            for status, words in _WORDS.items()
        }

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return str(super().get_serializer_name(serializer, direction)).replace("Shape", "")

    def _is_list_view(self, serializer: Any = None) -> bool:
        # The envelope is the answer: there is no list around it.
        return False


def _first_of(view: Any) -> str:
    return "One page of the list." if hasattr(view, "envelope") else "The resource."


def _example(view: Any) -> list[OpenApiExample]:
    if view.example is None:
        return []
    return [
        OpenApiExample(
            "Example",
            value=view.example,
            response_only=True,
            status_codes=["200"],
            media_type=JSON,
        )
    ]


def described(one: Parameter, location: Literal["query", "path"]) -> OpenApiParameter:
    words = one.description
    examples = []
    if one.example is not None and location == "path":
        examples = [OpenApiExample(str(one.example), value=one.example)]
    elif one.example is not None:
        # The page would fill in an example, and every request would be narrowed by it.
        words = f"{words} Such as `{one.example}`."
    return OpenApiParameter(
        one.name,
        one.schema,
        location,
        description=words,
        required=location == "path",
        style="form" if one.is_list else None,
        explode=True if one.is_list else None,
        examples=examples,
    )
