"""What the OpenAPI description says of what can be written."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from inventory.api.problems import MEDIA_TYPE
from inventory.api.schema import (
    EXAMPLES,
    JSON,
    LIMITS,
    Problem,
    ResourceSchema,
    described,
    header,
    problem,
)


class FieldProblem(serializers.Serializer[Any]):
    field = serializers.CharField(
        help_text="Where it stands, such as scope.2.kind; empty: all of it."
    )
    detail = serializers.CharField(help_text="What is wrong with it, and what would be right.")


class BodyProblem(Problem):
    """A problem (RFC 9457) with what was sent."""

    errors = FieldProblem(  # type: ignore[assignment]
        many=True, required=False, help_text="Of each wrong field, where that is the problem."
    )


class StepProblem(Problem):
    """A problem (RFC 9457) with a step that cannot be taken."""

    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Each thing that is in the way, in one sentence."
    )


_NOT_ALLOWED: Final = (
    "You are the assessor of the risk of this record; somebody else has to be its approver."
)
_WRITING: Final = {
    400: (
        BodyProblem,
        "Fields are unknown or wrong; `errors` names each and the remedy. Nothing was written.",
        problem(
            400,
            "What was sent is wrong",
            "until: Write a day as 2026-11-06.",
            type="urn:parapet:problem:bad-body",
            errors=[{"field": "until", "detail": "Write a day as 2026-11-06."}],
        ),
    ),
    403: (
        Problem,
        (
            "The person or the token lacks the right, a second factor is missing, or a request by "
            "session has no X-CSRFToken."
        ),
        EXAMPLES[403],
    ),
    409: (
        StepProblem,
        "It cannot be done where the thing stands, or by this person; `missing` says why.",
        problem(
            409,
            "This cannot be done now",
            _NOT_ALLOWED,
            type="urn:parapet:problem:not-allowed",
            missing=[_NOT_ALLOWED],
        ),
    ),
    412: (Problem, "It has changed since the ETag of If-Match: nothing was written.", None),
    415: (Problem, "What was sent is no application/json.", None),
}
_WRITING_HEADERS: Final = (
    OpenApiParameter(
        "If-Match",
        str,
        OpenApiParameter.HEADER,
        description="The ETag of the thing as you know it: 412 where it has changed since. Without it "
        "the newest is written.",
    ),
    header("ETag", "Names the thing as it is now, for this person.", [200, 201]),
    header("Location", "Where what was made can be read.", [201]),
    header("Retry-After", "Seconds to wait.", [429], kind=int),
    header("WWW-Authenticate", "How to come in.", [401]),
    *(header(name, words, [200, 201, 400, 404, 409], kind=int) for name, words in LIMITS),
)


class WritingSchema(ResourceSchema):
    """As ResourceSchema, and what can be written."""

    @property
    def _write(self) -> Any:
        return self.view.writes.get(self.method)

    def get_operation_id(self) -> str:
        return str(self._write.operation) if self._write else super().get_operation_id()

    def get_description(self) -> str:  # type: ignore[override]
        return str(self._write.words if self._write else super().get_description())

    def get_override_parameters(self) -> list[Any]:
        if not self._write:
            return super().get_override_parameters()
        return [*(described(one, "path") for one in self.view.address), *_WRITING_HEADERS]

    def get_request_serializer(self) -> Any:
        if not self._write:
            return None
        body = self._write.body
        # An object without fields would be left out as nothing at all.
        return body if body().fields else {JSON: {"type": "object", "maxProperties": 0}}

    def get_examples(self) -> list[OpenApiExample]:
        write = self._write
        if not write or write.example is None:
            return []
        return [OpenApiExample("Example", value=write.example, request_only=True)]

    def get_response_serializers(self) -> Any:
        write = self._write
        if not write:
            return super().get_response_serializers()
        done = "What was made." if write.status == 201 else "The thing as it is now."
        return {
            (write.status, JSON): OpenApiResponse(write.shape, done),
            **self._problems(),
            **{
                (status, MEDIA_TYPE): OpenApiResponse(
                    problem, words, examples=[example] if example else []
                )
                for status, (problem, words, example) in _WRITING.items()
            },
        }
