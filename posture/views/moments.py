"""Pages as of a day: what they tell their templates, and what they say when there is no such day."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse

from inventory import web
from posture.forms import AsOfForm


def context(request: HttpRequest, moment: AsOfForm, *, now: datetime) -> dict[str, Any]:
    """`as_of` is the day of a frozen page, None today; `as_of_query` what a link needs to stay there."""
    return {
        "now": now,
        "moment": moment,
        "as_of": moment.day if moment.is_frozen else None,
        "as_of_asked": moment.asked,
        "as_of_query": moment.query,
        "today_query": web.query(request.GET, as_of=""),
        "other_fields": other_fields(request),
    }


def other_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """What the form for a day has to keep of the address: filters and orders."""
    return [
        (name, value)
        for name, values in request.GET.lists()
        for value in values
        if value and name not in ("as_of", "cursor")
    ]


def no_such_day(
    request: HttpRequest, moment: AsOfForm, *, now: datetime, nav: str, title: str
) -> TemplateResponse:
    """No number rather than that of another day."""
    values = {
        "nav": nav,
        "title": title,
        "problem": moment.problem,
        "first_day": moment.first,
        **context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/no_such_day.html", values, status=400)
