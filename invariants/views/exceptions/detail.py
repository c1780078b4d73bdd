"""One request, and the steps that people take with it. A GET never decides anything."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from invariants.actions.exceptions import By, desk
from invariants.forms.exceptions.deciding import DECISIONS, StepForm
from invariants.models import ExceptionRequest
from invariants.models.exceptions import Risk
from invariants.policies.exceptions import NotAllowed
from invariants.policies.exceptions.filing import may_talk
from invariants.queries.exceptions import blast, decisions, entry, finding, standing
from invariants.queries.exceptions import page as queries
from invariants.queries.exceptions import similar as alike
from invariants.views.exceptions import sections
from invariants.views.exceptions.inbox import listed
from inventory import web
from inventory.clients import client_address

PANE: Final = "exception"
_DONE: Final = {
    "SUBMIT": "Sent",
    "TRIAGE": "Taken up",
    "ASSESS": "The risk is assessed",
    "APPROVE": "Approved",
    desk.LESS: "Approved for less",
    "GRANT": "Granted; assessment and approval by others have to follow",
    "REQUEST_CHANGES": "Sent back with what has to change",
    "REJECT": "Rejected",
    "WITHDRAW": "Withdrawn",
    "IMPLEMENT": "Noted: the next collection looks whether it is in place",
    "REMOVE": "Noted: the next collection looks whether it is gone",
    "REVOKE": "Revoked",
    "RENEW": "This is the draft of its renewal",
    "NARROW": "The scope is narrower now",
}


@require_GET
@vary_on_headers("HX-Request")
def detail(request: HttpRequest, ref: str) -> TemplateResponse:
    return shown(request, request_of(request, ref))


@require_GET
def similar(request: HttpRequest, ref: str) -> TemplateResponse:
    item = request_of(request, ref)
    context = {
        "nav": "exceptions",
        "now": timezone.now(),
        "item": item,
        "similar": alike.decisions(request.user, item, most=alike.MANY),
    }
    return TemplateResponse(request, "exceptions/similar.html", context)


@require_POST
@vary_on_headers("HX-Request")
def step(request: HttpRequest, ref: str, verb: str) -> HttpResponseBase:
    item = request_of(request, ref)
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied("Sign in first.")
    lines = tuple(f"{kind} {value}" for kind, value in item.scope.values_list("kind", "value"))
    form = StepForm(request.POST, lines=lines)
    if not form.is_valid():
        return shown(request, item, form=form, refused=form.messages)
    wanted = _wanted(verb, form)
    if wanted is None:
        return shown(request, item, form=form, refused=("Choose what you decide.",))
    by = By(user, address=client_address(request))
    try:
        taken = desk.take(
            by, item.pk, wanted, form.words, seen=form.cleaned_data["seen"], now=timezone.now()
        )
    except NotAllowed as error:
        return shown(request, request_of(request, ref), form=form, refused=error.missing)
    except desk.Meanwhile as error:
        return shown(request, request_of(request, ref), form=form, meanwhile=error)
    except ExceptionRequest.DoesNotExist as error:
        # It left their sight while somebody else had it in hand.
        raise Http404 from error
    return _done(request, taken, wanted)


def _wanted(verb: str, form: StepForm) -> str | None:
    """The verb of the table; the card of decisions says which in its form."""
    if verb == "decide":
        return DECISIONS.get(form.cleaned_data["decision"])
    return verb.replace("-", "_").upper()


def _done(request: HttpRequest, taken: ExceptionRequest, verb: str) -> HttpResponseBase:
    said = _DONE[verb]
    if verb in ("APPROVE", desk.LESS) and taken.state in ("RISK_ASSESSED", "EMERGENCY"):
        said = "Your approval is given; it waits for the other one"
    messages.success(request, f"{taken.ref}: {said}")
    if verb == "RENEW":
        address = reverse("exceptions:edit", args=[taken.ref])
    else:
        query = web.query(request.GET)
        address = reverse("exceptions:detail", args=[taken.ref]) + (f"?{query}" if query else "")
    if web.is_fragment(request):
        return HttpResponseClientRedirect(address)
    return redirect(address)


def request_of(request: HttpRequest, ref: str) -> ExceptionRequest:
    """:raises Http404: where there is none, or none for this person."""
    try:
        return finding.by_ref(request.user, ref)
    except ExceptionRequest.DoesNotExist as error:
        raise Http404 from error


def shown(
    request: HttpRequest,
    item: ExceptionRequest,
    *,
    form: StepForm | None = None,
    refused: tuple[str, ...] = (),
    meanwhile: desk.Meanwhile | None = None,
    **more: Any,
) -> TemplateResponse:
    """The page with one request; with a form that was refused its words are kept, and it is 422."""
    now = timezone.now()
    is_pane = web.is_fragment(request) and web.target(request) == PANE
    context: dict[str, Any] = {} if is_pane else listed(request, now=now)
    context |= _about(request, item, now=now)
    context |= {
        "form": form or StepForm(),
        "chosen": _chosen(request, form, [one.code for one in context["choices"]]),
        "refused": refused,
        "meanwhile": meanwhile.events if meanwhile else (),
        **more,
    }
    answer = web.page(request, "exceptions/detail.html", context, partial="one")
    if refused or meanwhile or more.get("problem"):
        answer.status_code = 422
    return answer


def _about(request: HttpRequest, item: ExceptionRequest, *, now: datetime) -> dict[str, Any]:
    user = request.user
    page = queries.page_of(user, item, now=now)
    who = standing.who_is(user, today=now.date()) if isinstance(user, User) else None
    return {
        "nav": "exceptions",
        "now": now,
        "item": item,
        "page": page,
        "choices": decisions.choices_of(page),
        "risks": Risk.choices,
        "query": web.query(request.GET, decide=""),
        "filled_in": _spent(entry.filled_in(item)),
        "blast": blast.radius(user, item, now=now),
        "similar": alike.decisions(user, item),
        "may_talk": who is not None and may_talk(page.facts, who),
        "link": request.build_absolute_uri(reverse("exceptions:detail", args=[item.ref])),
        **sections.of(user, item, now=now),
    }


def _spent(span: timedelta | None) -> str:
    """ "1 min 48 s"; "" where it is not known."""
    if span is None:
        return ""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _chosen(request: HttpRequest, form: StepForm | None, offered: list[str]) -> str:
    """Which decision is marked: the one that was sent, or the one that a link of a mail proposes."""
    given = (form.data.get("decision") if form is not None else None) or request.GET.get(
        "decide", ""
    )
    return given if given in offered else ""
