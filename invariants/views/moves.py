"""Moving an invariant through its life: what each step demands, and taking it."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from invariants.actions import life_cycle
from invariants.forms.moves import MoveForm, move_forms
from invariants.models import Invariant
from invariants.queries import register
from inventory import web

_NOT_YOURS: Final = (
    "Steps of an invariant's life are for people with the right “Manage invariants”, those into and out "
    "of force with “Put invariants into force”; both have to see the whole organisation."
)


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def invariant_move(request: HttpRequest, key: str) -> HttpResponseBase:
    """The steps from where it is; by POST one is taken, and what is missing comes back (422)."""
    user = request.user
    if not isinstance(user, User) or not register.may_move(user):
        raise PermissionDenied(_NOT_YOURS)
    invariant = Invariant.objects.visible_to(user).filter(key=key).order_by("pk").first()
    if invariant is None:
        raise Http404
    steps = move_forms(register.moves(user, invariant), request.POST or None)
    if request.method == "POST":
        sent = next((form for form in steps if form.is_bound), None)
        if sent is not None and not sent.option.is_mine:
            raise PermissionDenied(_NOT_YOURS)
        if sent is not None and sent.is_valid() and _taken(user, invariant, sent):
            messages.success(request, f"{invariant.key} is {sent.option.label} now")
            address = reverse("invariants:detail", args=[invariant.key])
            if web.is_fragment(request):
                return HttpResponseClientRedirect(address)
            return redirect(address)
        return _page(request, invariant, steps, is_stale=sent is None, status=422)
    return _page(request, invariant, steps)


def _taken(user: User, invariant: Invariant, form: MoveForm) -> bool:
    """Whether it was; what the action refuses comes to stand in the form."""
    try:
        life_cycle.move(
            user,
            invariant,
            after=form.option.state,
            why=form.cleaned_data["why"],
            waivers=form.waivers,
            now=timezone.now(),
        )
    except life_cycle.NotMovable as error:
        form.refuse(error.missing)
        return False
    return True


def _page(
    request: HttpRequest,
    invariant: Invariant,
    steps: list[MoveForm],
    *,
    is_stale: bool = False,
    status: int = 200,
) -> TemplateResponse:
    context: dict[str, Any] = {
        "nav": "invariants",
        "now": timezone.now(),
        "invariant": invariant,
        "steps": steps,
        "is_stale": is_stale,
        "number": register.current_version(invariant).number,
        "number_before": register.version_of_last_step(invariant),
    }
    answer = web.page(request, "invariants/move.html", context, partial="steps")
    answer.status_code = status
    return answer
