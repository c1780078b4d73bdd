"""The accounts behind the numbers of an invariant, and what decides it in one of them."""

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from invariants.forms.filters import AccountsForm
from invariants.models import Invariant
from invariants.queries import account_proof, coverage, invariant_page, words
from invariants.queries.counts import ORDER
from invariants.views.listing import csv_file
from inventory import web
from inventory.queries import tree

_HEADS = (
    "account id",
    "account",
    "OU id",
    "OU",
    "team",
    "state",
    "since",
    "reason",
    "policy",
    "level",
)


def found(request: HttpRequest, key: str) -> Invariant:
    """The invariant of an address.

    :raises Http404: where the person sees none of that key.
    """
    invariant = invariant_page.find(request.user, key)
    if invariant is None:
        raise Http404
    return invariant


@require_GET
@vary_on_headers("HX-Request")
def invariant_accounts(request: HttpRequest, key: str) -> TemplateResponse:
    invariant = found(request, key)
    form = AccountsForm(request.GET, user=request.user)
    ou, states = form.read()
    page = coverage.accounts(
        request.user, invariant, states=states, ou=ou, cursor_text=form.cursor_text
    )
    context = {
        "nav": "invariants",
        "now": timezone.now(),
        "invariant": invariant,
        "form": form,
        "page": page,
        "ou": ou,
        "ous": tree.ou_choices(request.user),
        "states": [
            (state.value, state.label, words.meaning(state), state.value in states)
            for state in ORDER
        ],
        "is_narrowed": bool(ou or states),
        "query": web.query(request.GET),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return web.page(request, "invariants/account_list.html", context, partial="results")


@require_GET
def accounts_csv(request: HttpRequest, key: str) -> StreamingHttpResponse:
    invariant = found(request, key)
    ou, states = AccountsForm(request.GET, user=request.user).read()
    rows = coverage.account_records(request.user, invariant, states=states, ou=ou)
    records = (
        (
            row.account_id,
            row.name,
            row.ou_id,
            row.ou_label,
            row.team,
            row.state_name,
            row.since.isoformat(),
            row.reason,
            row.policy,
            row.level,
        )
        for row in rows
    )
    name = f"{invariant.key}-accounts-{timezone.now().date().isoformat()}.csv"
    return csv_file(name, _HEADS, records)


@require_GET
def invariant_account(request: HttpRequest, key: str, account_id: str) -> TemplateResponse:
    invariant = found(request, key)
    page = account_proof.page(request.user, invariant, account_id)
    if page is None:
        raise Http404
    context = {"nav": "invariants", "now": timezone.now(), "invariant": invariant, "page": page}
    return TemplateResponse(request, "invariants/account_detail.html", context)
