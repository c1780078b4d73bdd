"""The list of people, and the page of one."""

from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from inventory import web
from posture.forms import people as forms
from posture.forms.people import TokenForm
from posture.policies import roles
from posture.queries import people as queries
from posture.queries import tokens

MANAGE: Final = permission_required(roles.MANAGE_PEOPLE, raise_exception=True)


@require_GET
@MANAGE
@vary_on_headers("HX-Request")
def person_list(request: HttpRequest) -> TemplateResponse:
    asked = forms.asked(request.GET)
    page = queries.people(
        request.user,
        q=asked.q,
        role=asked.role,
        state=asked.state,
        cursor_text=request.GET.get("cursor", ""),
    )
    context = {
        "nav": "people",
        "now": timezone.now(),
        "page": page,
        "asked": asked,
        "role_names": roles.ROLE_NAMES,
        "states": forms.STATES,
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return web.page(request, "posture/people_list.html", context, partial="results")


@require_GET
@MANAGE
@never_cache
def person_detail(request: HttpRequest, pk: int) -> TemplateResponse:
    context = person_context(request, pk)
    return TemplateResponse(request, "posture/person_detail.html", context)


def person_context(
    request: HttpRequest, pk: int, *, form: TokenForm | None = None
) -> dict[str, Any]:
    """What the page of somebody shows.

    :raises Http404: where there is nobody of that key.
    """
    person = queries.person(request.user, pk)
    if person is None:
        raise Http404
    now = timezone.now()
    held = {role.key: role.by for role in person.roles}
    if form is None and person.is_service and person.is_active:
        form = TokenForm(owner=User.objects.get(pk=pk))
    return {
        "nav": "people",
        "now": now,
        "person": person,
        # Each role of the table, whether the person has it, and the provider's group that gives it.
        "roles": [(role, role.name in held, held.get(role.name, "")) for role in roles.ROLES],
        "rights": queries.rights_of(request.user, pk),
        "teams": queries.teams_to_join(person),
        "ous": queries.ous_to_grant(person),
        "tokens": tokens.tokens(request.user, now=now, owner_pk=pk, live_only=True),
        "form": form,
    }
