"""Saved views: keep the list as it is now under a name, rename it, share it, delete it."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from findings.actions import views as actions
from findings.forms import SavedViewForm
from findings.models import SavedView
from findings.queries import saved_views
from findings.views.listing import back_to_list, clean_query


@require_http_methods(["GET", "POST"])
def view_list(request: HttpRequest) -> HttpResponseBase:
    """The page of views; posting to it saves one."""
    if request.method == "POST":
        return _save(request)
    context = {"nav": "findings", "now": timezone.now(), "views": saved_views.views(request.user)}
    return TemplateResponse(request, "findings/views.html", context)


def _save(request: HttpRequest) -> HttpResponseBase:
    form = SavedViewForm(request.POST)
    query = clean_query(request.POST.get("query", ""))
    if not form.is_valid():
        for problem in form.problems:
            messages.error(request, problem)
        return back_to_list(query)
    found = form.cleaned_data
    try:
        actions.save_view(
            _person(request),
            name=found["name"],
            query=query,
            is_shared=found["is_shared"],
            now=timezone.now(),
        )
    except actions.NameTaken as e:
        messages.error(request, str(e))
    else:
        messages.success(request, f"Saved as “{found['name']}”")
    return back_to_list(query)


@require_POST
def change_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Renames, shares or deletes one of the person's own views."""
    owned = SavedView.objects.visible_to(request.user).filter(owner=_person(request))
    view = get_object_or_404(owned, pk=pk)
    if request.POST.get("delete"):
        view.delete()
        messages.success(request, f"Deleted “{view.name}”")
        return redirect("findings:views")
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        for problem in form.problems:
            messages.error(request, problem)
        return redirect("findings:views")
    try:
        actions.change_view(
            view, name=form.cleaned_data["name"], is_shared=form.cleaned_data["is_shared"]
        )
    except actions.NameTaken as e:
        messages.error(request, str(e))
    else:
        messages.success(request, f"Changed “{view.name}”")
    return redirect("findings:views")


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
