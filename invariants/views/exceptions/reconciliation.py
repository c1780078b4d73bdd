"""What was approved beside what is deployed, and what came of another look at an exception."""

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

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.actions.exceptions.reviewing import LOOKERS
from invariants.forms.exceptions.reconciliation import LookedAgainForm, ReconciliationFilterForm
from invariants.models import ExceptionMismatch
from invariants.models.exceptions import Via
from invariants.policies.exceptions import NotAllowed
from invariants.queries.exceptions import reconciliation as queries
from invariants.queries.exceptions.entry import may_ask
from invariants.views.exceptions.detail import PANE
from invariants.views.exceptions.inbox import listed
from inventory import web
from inventory.access import AnyUser
from inventory.clients import client_address


@require_GET
@vary_on_headers("HX-Request")
def reconciliation(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    form = ReconciliationFilterForm(request.GET)
    filters = form.read()
    found = queries.listing(request.user, filters, cursor_text=form.cursor_text, now=now)
    context = {
        "nav": "exceptions",
        "now": now,
        "form": form,
        "filters": filters,
        "found": found,
        "standings": queries.STANDINGS,
        "may_ask": may_ask(request.user),
        "may_look": _may_look(request.user),
        "next_query": web.query(request.GET, cursor=found.page.next_cursor),
        "previous_query": web.query(request.GET, cursor=found.page.previous_cursor),
    }
    return web.page(request, "exceptions/reconciliation.html", context, partial="results")


@require_GET
@vary_on_headers("HX-Request")
def item(request: HttpRequest, pk: int) -> TemplateResponse:
    """One difference, beside the inbox, with the step that one can take."""
    now = timezone.now()
    row = queries.item(request.user, pk, now=now)
    if row is None:
        raise Http404
    is_pane = web.is_fragment(request) and web.target(request) == PANE
    context = {} if is_pane else listed(request, now=now)
    context |= {
        "nav": "exceptions",
        "now": now,
        "row": row,
        "mismatch": row.item,
        "may_ask": may_ask(request.user),
        "may_look": _may_look(request.user),
        "query": web.query(request.GET),
        "link": request.build_absolute_uri(reverse("exceptions:item", args=[pk])),
    }
    return web.page(request, "exceptions/item.html", context, partial="one")


@require_POST
def looked_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Another look was taken: the item ends, and the log says by whom and what came of it."""
    user = request.user
    if not isinstance(user, User) or not _may_look(user):
        raise PermissionDenied(
            "Exceptions are looked at again by those who assess or approve them."
        )
    form = LookedAgainForm(request.POST)
    by = By(user, Via.PAGE, client_address(request))
    note = form.cleaned_data["note"] if form.is_valid() else ""
    try:
        item = actions.look_again(by, pk, note=note, now=timezone.now())
    except (ExceptionMismatch.DoesNotExist, OverflowError) as error:
        raise Http404 from error
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{item.exception} was looked at again: it is in its log")
    return redirect("exceptions:inbox" if form.is_from_inbox else "exceptions:reconciliation")


def _may_look(user: AnyUser) -> bool:
    return any(user.has_perm(right) for right in LOOKERS)
