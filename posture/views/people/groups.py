"""What the groups of the identity provider give."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from posture.actions import people as actions
from posture.forms.groups import GroupForm
from posture.models import GroupMapping
from posture.policies import groups as policies
from posture.queries import groups as queries
from posture.views.people.pages import MANAGE
from posture.views.sign_in import providers


@require_http_methods(["GET", "POST"])
@MANAGE
def groups(request: HttpRequest) -> HttpResponseBase:
    """The mappings there are; posting makes one. `?group=` fills the form in."""
    teams = queries.teams()
    if request.method != "POST":
        asked = policies.printable(request.GET.get("group", ""), longest=policies.LONGEST)
        return _page(request, GroupForm(teams=teams, group=asked), status=200)
    form = GroupForm(request.POST, teams=teams)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        row = actions.map_group(
            _person(request),
            group=form.cleaned_data["group"],
            role=form.role,
            team=form.team,
            now=timezone.now(),
        )
    except actions.Refused as e:
        form.add_error(None, str(e))
        return _page(request, form, status=422)
    messages.success(
        request, f"{row.group} is mapped: its people have that from their next sign-in on."
    )
    return redirect("posture:groups")


@require_POST
@MANAGE
def group_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take a mapping away, and at once what it gave."""
    try:
        count = actions.unmap_group(_person(request), pk, now=timezone.now())
    except GroupMapping.DoesNotExist as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
    else:
        lost = "1 person has" if count == 1 else f"{count} people have"
        messages.success(request, f"Removed: {lost} lost what it gave.")
    return redirect("posture:groups")


def _page(request: HttpRequest, form: GroupForm, *, status: int) -> TemplateResponse:
    context = {
        "nav": "people",
        "now": timezone.now(),
        "form": form,
        "mappings": queries.mappings(request.user),
        "unmapped": queries.unmapped(request.user),
        "registrations": providers.registrations(),
        "refuses": settings.POSTURE_PROVIDER_WITHOUT_GROUP == "refuse",
        "hours": settings.POSTURE_PROVIDER_SESSION_HOURS,
        "days": settings.POSTURE_PROVIDER_TOKEN_DAYS,
    }
    return TemplateResponse(request, "posture/group_list.html", context, status=status)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
