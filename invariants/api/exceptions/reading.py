"""/api/v1/exceptions/: requests, their log, and their whole record."""

from typing import Any, Final

from rest_framework.exceptions import NotFound

from invariants.api.exceptions.shapes import (
    ExceptionEventShape,
    ExceptionRecordShape,
    ExceptionRowShape,
)
from invariants.models import ApproverAbsence, ExceptionRequest
from invariants.models.exceptions import ExceptionState, ExceptionTarget, Risk
from invariants.queries import exceptions as standing
from invariants.queries.exceptions import listing, totals
from invariants.queries.exceptions.finding import by_ref
from invariants.queries.exceptions.listing import Filters
from invariants.queries.exceptions.record import event_of, record_of, summary_of
from invariants.queries.exceptions.sight import sight_of
from inventory import web
from inventory.api import parameters, tags
from inventory.api.parameters import Kind, Parameter
from inventory.api.resources import Asked, ListResource, Resource
from inventory.api.runs import ACCOUNT_ID
from inventory.web import Page

GROUP: Final = "Exceptions"
REF_PATTERN: Final = r"EX-[0-9]{4,9}"
REF: Final = Parameter(
    "ref", "The reference of a request.", pattern=REF_PATTERN, most=12, example="EX-0001"
)
_EVENT_KEYS: Final = (web.Key("number"),)

FILTERS: Final = (
    Parameter(
        "state", "In any of these states.", choices=tuple(ExceptionState.values), is_list=True
    ),
    Parameter(
        "standing",
        "Only those that count as: "
        + "; ".join(f"{one.value}: {one.label}" for one in totals.Standing)
        + ".",
        choices=tuple(totals.Standing.values),
    ),
    Parameter("target", "From this kind of thing.", choices=tuple(ExceptionTarget.values)),
    Parameter(
        "invariant",
        "From this invariant.",
        pattern=r"[a-z][a-z0-9-]*",
        most=80,
        example="kms-delete",
    ),
    Parameter("control", "From this control, or a finding of it.", most=100, example="S3.8"),
    Parameter(
        "account", "Reaching this account.", pattern=ACCOUNT_ID, most=12, example="111122223333"
    ),
    Parameter("severity", "Of this severity.", choices=tuple(Risk.values)),
    Parameter("mine", "Only those that you asked for.", Kind.FLAG),
    Parameter("waiting", "Only those that you can take further now.", Kind.FLAG),
    Parameter("emergency", "Only emergencies.", Kind.FLAG),
)


def found(asked: Asked, ref: str) -> ExceptionRequest:
    """:raises NotFound: there is none that this person sees."""
    try:
        return by_ref(asked.user, ref)
    except ExceptionRequest.DoesNotExist:
        raise NotFound(
            "There is no such request, or none that you see. /api/v1/exceptions/ lists those that you "
            "do."
        ) from None


def narrowed(asked: Asked) -> Filters:
    return Filters(
        states=asked["state"],
        standing=asked["standing"] or "",
        target=asked["target"] or "",
        invariant=asked["invariant"] or "",
        control=asked["control"] or "",
        account=asked["account"] or "",
        severity=asked["severity"] or "",
        is_mine=bool(asked["mine"]),
        waits=bool(asked["waiting"]),
        is_emergency=bool(asked["emergency"]),
    )


def listed(asked: Asked) -> Page[ExceptionRequest]:
    return listing.page(
        asked.user, narrowed(asked), cursor_text=asked.cursor, now=asked.now, size=asked.size
    )


def told(asked: Asked, request: ExceptionRequest) -> dict[str, Any]:
    """One request as ExceptionShape has it."""
    verbs = standing.verbs_for(asked.user, request, now=asked.now)
    return {
        **summary_of(request, sight_of(asked.user, request)),
        "verbs": verbs,
        "version": version_of(request),
    }


def version_of(request: ExceptionRequest) -> int:
    return request.events.order_by("-number").values_list("number", flat=True).first() or 0


def marks_of(asked: Asked, request: ExceptionRequest) -> tuple[Any, ...]:
    """What the answer follows from, besides who asks: what has happened, and for whom they stand in."""
    left = ApproverAbsence.objects.filter(delegate_id=asked.user.pk or 0, ended_at=None)
    return (
        request.pk,
        version_of(request),
        request.looked_at,
        request.due_at,
        standing.moment_of(request.organization, asked.now).today,
        tuple(left.order_by("pk").values_list("pk", flat=True)),
    )


def tag_of(asked: Asked, request: ExceptionRequest, shape: str) -> str:
    """The tag that the request has at its own address, wherever it is asked for."""
    path = f"/api/v1/exceptions/{request.ref}/"
    marks = (asked.today, *marks_of(asked, request))
    return tags.of_marks(asked.request, shape, marks, path=path)


class ExceptionEventList(ListResource):
    """Everything that happened to a request, the first event first; nothing is ever taken out."""

    operation = "list_exception_events"
    group = GROUP
    shape = ExceptionEventShape
    address = (REF,)
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        request = found(asked, names["ref"])
        sight = sight_of(asked.user, request)
        cursor = web.read_cursor(asked.cursor, keys=_EVENT_KEYS)
        page = web.keyset(
            request.events.order_by("number"), keys=_EVENT_KEYS, cursor=cursor, size=asked.size
        )
        rows = tuple(event_of(event, sight) for event in page.rows)
        return Page(rows, page.next_cursor, page.previous_cursor)


class ExceptionRecord(Resource):
    """The whole record of a request for an auditor, with the SHA-256 of all that it says.

    Evidence files are in it by name, size and digest. What names accounts that you do not see is left
    out, and `is_whole` is false.
    """

    operation = "read_exception_record"
    group = GROUP
    shape = ExceptionRecordShape
    address = (REF,)

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        record = record_of(asked.user, found(asked, names["ref"]), now=asked.now)
        return {"sha256": record.pop("sha256"), "record": record}


__all__ = [
    "FILTERS",
    "GROUP",
    "REF",
    "ExceptionEventList",
    "ExceptionRecord",
    "ExceptionRowShape",
    "found",
    "listed",
    "tag_of",
    "told",
]
