"""A review as a file: all numbers, and what they were made of."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from posture.queries import reviews
from posture.queries.reviews import ReviewPage


@require_GET
def review_csv(request: HttpRequest, week: str) -> StreamingHttpResponse:
    """Streamed: it has a line for each account and KPI."""
    page = _page(request, week)
    return StreamingHttpResponse(
        reviews.export_csv(request.user, page),
        content_type="text/csv; charset=utf-8",
        headers=_headers(page, "csv"),
    )


@require_GET
def review_json(request: HttpRequest, week: str) -> HttpResponse:
    page = _page(request, week)
    return JsonResponse(
        reviews.export_json(page),
        json_dumps_params={"indent": 1, "ensure_ascii": False},
        headers=_headers(page, "json"),
    )


def _page(request: HttpRequest, week: str) -> ReviewPage:
    page = reviews.review(request.user, week, day=timezone.now().date())
    if page is None:
        raise Http404
    return page


def _headers(page: ReviewPage, kind: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="review-{page.week}.{kind}"',
        "Cache-Control": "private, no-store",
    }
