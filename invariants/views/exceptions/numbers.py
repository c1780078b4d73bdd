"""The numbers of the exceptions process."""

from django.http import HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from invariants.queries.exceptions import numbers as queries
from invariants.queries.exceptions.numbers import words
from invariants.views.listing import csv_file
from inventory.queries import tree


@require_GET
def numbers(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    organization = tree.organization()
    board = queries.board(request.user, organization, now=now) if organization else None
    course = queries.Course()
    if organization and board and not board.is_empty:
        ou_id = request.GET.get("ou", "")
        course = queries.course(request.user, organization, ou_id=ou_id, now=now)
    context = {
        "nav": "exceptions",
        "now": now,
        "board": board,
        "course": course,
        "cards": words.cards(board.figures) if board else (),
        "timeline": words.timeline(board) if board else None,
        "trends": words.trends(course.weeks),
    }
    return TemplateResponse(request, "exceptions/numbers.html", context)


@require_GET
def numbers_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The numbers with what each means, so that they can be reckoned by hand."""
    now = timezone.now()
    organization = tree.organization()
    found = queries.board(request.user, organization, now=now) if organization else None
    name = f"exceptions-numbers-{now.date().isoformat()}.csv"
    return csv_file(name, queries.HEADS, queries.records(found) if found else ())
