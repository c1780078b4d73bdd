"""The weekly review: its archive, the page of a week, and what was decided in all of them."""

import dataclasses
from typing import Any

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from inventory import web
from inventory.access import AnyUser
from posture.forms.reviews import ActionFilterForm, owners
from posture.queries import review_page, reviews
from posture.views import review_desk
from posture.views.review_desk import Conflict, Opened, Slot


@require_GET
def review_list(request: HttpRequest) -> TemplateResponse:
    """The archive, the newest week first."""
    now = timezone.now()
    found = reviews.reviews(request.user, cursor_text=request.GET.get("cursor", ""))
    context = {
        "nav": "reviews",
        "now": now,
        "page": found,
        "lines": review_page.archive(found.rows),
        "previous_query": web.query(request.GET, cursor=found.previous_cursor),
        "next_query": web.query(request.GET, cursor=found.next_cursor),
        "may_read": may_read(request.user),
        "next_freeze": None if found.rows else reviews.next_freeze(request.user, now=now),
    }
    return TemplateResponse(request, "posture/review_list.html", context)


@require_GET
@vary_on_headers("HX-Request")
def review_detail(request: HttpRequest, week: str) -> TemplateResponse:
    """One week, from its snapshot; for htmx the slot of the form that is to be opened or closed."""
    opened = _opened(request)
    context = page_context(request, week, opened=opened)
    if web.is_fragment(request):
        return _slot(request, context["desk"].slot(_asked(request)), view=context["view"])
    compared = request.GET.get("compare", "")
    other = review_page.snapshot_of(request.user, compared) if compared else None
    if other is not None and compared != week:
        context |= {"compared": other, "pairs": review_page.pairs(context["view"], other)}
    return TemplateResponse(request, "posture/review_detail.html", context)


@require_GET
@vary_on_headers("HX-Request")
def review_actions(request: HttpRequest) -> TemplateResponse:
    """What was decided in all reviews, and how far it is."""
    context = actions_context(request, opened=_opened(request))
    if web.is_fragment(request):
        return _slot(request, review_desk.find(context["lines"], _asked(request)))
    return TemplateResponse(request, "posture/review_actions.html", context)


def _asked(request: HttpRequest) -> str:
    return request.GET.get("edit", "")


def _opened(request: HttpRequest) -> Opened:
    """`?edit=note-12` opens a form, `&close=1` closes it again, `&for=K12` fills in a KPI."""
    name = "" if "close" in request.GET else _asked(request)
    done = _asked(request) if "close" in request.GET else ""
    return Opened(name=name, kpi=request.GET.get("for", ""), done=done)


def _slot(request: HttpRequest, slot: Slot | None, **known: Any) -> TemplateResponse:
    """:raises Http404: where there is nothing, or nothing any more, that this person could change."""
    if slot is None:
        raise Http404
    # Asked for by its link: nothing that stands there already is to be kept.
    shown = dataclasses.replace(slot, is_kept=False)
    return TemplateResponse(request, "posture/_review_slot.html", {"slot": shown, **known})


def may_read(user: AnyUser) -> bool:
    return user.has_perm("posture.read_reviews")


def page_context(
    request: HttpRequest,
    week: str,
    *,
    opened: Opened,
    conflict: Conflict | None = None,
) -> dict[str, Any]:
    """What the page of a week shows.

    :raises Http404: where there is no such week for this person.
    """
    now = timezone.now()
    page = reviews.review(request.user, week, day=now.date())
    if page is None:
        raise Http404
    view = review_page.view(page)
    desk = review_desk.desk(
        request.user,
        view,
        today=now.date(),
        opened=opened,
        conflict=conflict,
    )
    return {"nav": "reviews", "now": now, "page": page, "view": view, "desk": desk}


def actions_context(
    request: HttpRequest, *, opened: Opened, conflict: Conflict | None = None
) -> dict[str, Any]:
    """What the page of all actions shows."""
    now = timezone.now()
    state, owner = ActionFilterForm(request.GET).read()
    views = review_page.action_views(reviews.actions(request.user, day=now.date()))
    of_owner = [one for one in views if not owner or one.line.owner == owner]
    lines = review_desk.board(request.user, of_owner, today=now.date(), opened=opened)
    groups = [
        (code, name, [line for line in lines if line.group == code])
        for code, name in ActionFilterForm.STATES
    ]
    return {
        "nav": "reviews",
        "now": now,
        "groups": groups,
        "lines": lines,
        "shown": [group for group in groups if group[2] and state in ("", group[0])],
        "state": state,
        "owner": owner,
        "owners": owners(one.line.owner for one in views),
        "may_read": may_read(request.user),
        "is_any": bool(views),
        "desk": {"conflict": conflict},
    }
