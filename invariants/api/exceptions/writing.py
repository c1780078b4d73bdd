"""/api/v1/exceptions/: asking, and every step, by the actions of the pages and under the same guards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from findings.models import Control, Finding
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.api.exceptions import reading, said
from invariants.api.exceptions.reading import GROUP, REF, found
from invariants.api.exceptions.shapes import ExceptionRowShape, ExceptionShape
from invariants.models import ExceptionRequest, Invariant
from invariants.models.exceptions import ExceptionTarget, ScopeKind, Via
from invariants.policies.exceptions import NotAllowed
from inventory.api import parameters
from inventory.api.problems import BadBody, Stale, StepRefused, Wrong
from inventory.api.resources import Asked, ListResource
from inventory.api.tags import is_held
from inventory.api.writing import Write, WritingResource, Written
from inventory.clients import client_address
from inventory.web import Page

_SHAPE: Final = repr(ExceptionShape())
EXAMPLE: Final = {
    "target_kind": "INVARIANT",
    "invariant": "kms-delete",
    "title": "Key rotation by the old tool",
    "reason": "MIGRATION",
    "mechanism": "PRINCIPAL_LIST",
    "starts_on": "2026-11-24",
    "asked_until": "2027-01-31",
    "scope": [
        {"kind": "ACCOUNT", "value": "111122223333"},
        {"kind": "PRINCIPAL", "value": "arn:aws:iam::111122223333:role/rotation"},
    ],
}


def by_of(asked: Asked) -> By:
    """Who asks, and from where."""
    user = asked.user
    if not isinstance(user, User):  # pragma: no cover - nobody else passes IsAuthenticated
        raise TypeError("A step is taken by somebody.")
    return By(user, Via.API, client_address(asked.request._request))


@contextmanager
def refusals() -> Iterator[None]:
    """What the guards say, as the API says it."""
    try:
        with transaction.atomic():
            yield
    except NotAllowed as refused:
        raise StepRefused(refused.missing) from refused


def answered(asked: Asked, pk: int, *, is_new: bool = False) -> Written:
    """The request as it is now, with its tag; of a new one also where it is."""
    related = ("organization", "invariant", "control", "renews")
    request = ExceptionRequest.objects.select_related(*related).get(pk=pk)
    return Written(
        reading.told(asked, request),
        tag=reading.tag_of(asked, request, _SHAPE),
        location=f"/api/v1/exceptions/{request.ref}/" if is_new else "",
    )


def held(asked: Asked, ref: str) -> ExceptionRequest:
    """The request, locked, where it is as If-Match wants it.

    :raises NotFound: there is none that this person sees.
    :raises Stale: it has changed.
    """
    pk = found(asked, ref).pk
    request = ExceptionRequest.objects.select_for_update(of=("self",)).get(pk=pk)
    if not is_held(asked.request, reading.tag_of(asked, request, _SHAPE)):
        raise Stale
    return request


class ExceptionList(WritingResource, ListResource):
    """Requests for exceptions that you see, the newest first.

    Those that cover an account or OU of yours, and your own; drafts are their requester's alone.
    """

    operation = "list_exceptions"
    group = GROUP
    shape = ExceptionRowShape
    parameters = (*reading.FILTERS, *parameters.PAGED)
    writes = {
        "POST": Write(
            "draft_exception",
            "Begin a request.\n\nIt is a draft that you alone see until you submit it. What you leave out "
            "can be said later.",
            said.Draft,
            ExceptionShape,
            status=201,
            example=EXAMPLE,
        )
    }

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return reading.listed(asked)

    def write(self, asked: Asked, said: Mapping[str, Any], **names: str) -> Written:
        content = dict(said)
        target = _target(asked, content)
        lines = content.pop("scope", None)
        if lines is None and isinstance(target, Finding):
            # It is where the finding is.
            lines = [{"kind": "ACCOUNT", "value": target.account.account_id}]
        by = by_of(asked)
        with refusals():
            request = actions.draft(by, target, now=asked.now)
            if content:
                actions.save(by, request.pk, content, now=asked.now)
            if lines is not None:
                actions.set_scope(by, request.pk, lines_of(lines), now=asked.now)
        return answered(asked, request.pk, is_new=True)


def _target(asked: Asked, content: dict[str, Any]) -> Invariant | Control | Finding:
    """Take out of what was sent from what it is an exception."""
    kind = content.pop("target_kind")
    names = {name: content.pop(name, None) for name in ("invariant", "control", "finding")}
    wanted = names.pop(kind.lower())
    if wanted is None or any(names.values()):
        raise BadBody([Wrong(kind.lower(), f"Name this, and no other, for {kind}.")])
    target: Invariant | Control | Finding | None
    match kind:
        case ExceptionTarget.INVARIANT:
            target = Invariant.objects.live().visible_to(asked.user).filter(key=wanted).first()
        case ExceptionTarget.CONTROL:
            target = Control.objects.filter(control_id=wanted).order_by("pk").first()
        case _:
            target = Finding.objects.visible_to(asked.user).filter(pk=wanted).first()
    if target is None:
        raise BadBody([Wrong(kind.lower(), "There is none of that name that you see.")])
    return target


def lines_of(lines: list[Mapping[str, str]]) -> list[actions.Line]:
    """As actions take lines of a scope."""
    return [actions.Line(ScopeKind(line["kind"]), line["value"]) for line in lines]


class ExceptionDetail(WritingResource):
    """One request: what is asked for, what was decided, and where it stands."""

    operation = "read_exception"
    group = GROUP
    shape = ExceptionShape
    address = (REF,)
    writes = {
        "PATCH": Write(
            "change_exception",
            "Change a draft of yours.\n\nWhat is left out stays. Once it is submitted, only after "
            "reviewers have asked for changes.",
            said.Content,
            ExceptionShape,
            example={"asked_until": "2027-01-31"},
        )
    }

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return reading.marks_of(asked, found(asked, self.kwargs["ref"]))

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        return reading.told(asked, found(asked, names["ref"]))

    def write(self, asked: Asked, said: Mapping[str, Any], **names: str) -> Written:
        with refusals():
            request = held(asked, names["ref"])
            actions.save(by_of(asked), request.pk, said, now=asked.now)
        return answered(asked, request.pk)
