"""/api/v1/reviews/ and /api/v1/kpis/: the weekly reviews and the KPIs for programs, by the queries of
the pages.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory.models import OrganizationalUnit
from posture.queries import days, kpis, reviews
from posture.queries.kpis import KpiLine, PartLine
from posture.queries.reviews import ReviewLine


class _ReadOnly(APIView):
    http_method_names = ["get", "head", "options"]


class ReviewList(_ReadOnly):
    """GET one page of the archive, the newest week first: {next, previous, results}.

    `next` and `previous` are cursors, "" where there is no such page. Decimals are texts, as in every
    answer here, so that they come as exact as they are shown.
    """

    def get(self, request: Request) -> Response:
        cursor = request.query_params.get("cursor", "")
        page = reviews.reviews(request.user, cursor_text=cursor)
        return Response(
            {
                "next": page.next_cursor,
                "previous": page.previous_cursor,
                "results": [_review(line) for line in page.rows],
            }
        )


class ReviewDetail(_ReadOnly):
    """GET one week: what people wrote, and under `snapshot` its frozen numbers."""

    def get(self, request: Request, week: str) -> Response:
        page = reviews.review(request.user, week, day=timezone.now().date())
        if page is None:
            raise Http404
        return Response(reviews.export_json(page))


class KpiList(_ReadOnly):
    """GET all KPIs of the organisation, or of the OU `?ou=`, as of the newest day rolled up.

    Of an OU that the person may not see as a whole nothing is told: 404.
    """

    def get(self, request: Request) -> Response:
        ous = OrganizationalUnit.objects.visible_to(request.user).live()
        ou_id = request.query_params.get("ou", "")
        ou = (ous.filter(ou_id=ou_id) if ou_id else ous.filter(parent=None)).first()
        if ou is None:
            raise Http404
        day = days.rolled_up(day=timezone.now().date())
        lines = kpis.lines(request.user, ou, day=day) if day else ()
        return Response(
            {"ou": ou.ou_id, "day": _text(day), "results": [_kpi(line) for line in lines]}
        )


def _review(line: ReviewLine) -> dict[str, Any]:
    return {
        "week": line.week,
        "starts_on": _text(line.starts_on),
        "ends_on": _text(line.ends_on),
        "data_day": _text(line.data_day),
        "state": line.state,
        "answer": line.answer,
        "headline": line.headline,
        "score": _text(line.score),
        "letter": line.letter,
        "off_target": line.off_target,
        "no_data": line.no_data,
        "published_at": _text(line.published_at),
        "published_by": line.published_by,
    }


def _kpi(line: KpiLine) -> dict[str, Any]:
    card = line.kpi
    return {
        "kpi": card.id,
        "name": card.name,
        "area": card.area,
        "is_headline": card.is_headline,
        "unit": str(card.unit),
        "is_better_higher": card.is_better_higher,
        "owner": card.owner,
        "formula_version": card.formula_version,
        "target_version": card.target_version,
        "target": _text(card.target),
        "amber": _text(card.amber),
        "target_text": card.target_text,
        "value": _text(line.value),
        "previous": _text(line.previous),
        "delta": _text(line.delta),
        "status": str(line.status),
        "verdict": str(line.verdict),
        "weeks": [[label, _text(value)] for label, value in line.weeks],
        "limits": None
        if line.xmr is None
        else {
            "mean": _text(line.xmr.mean),
            "low": _text(line.xmr.low),
            "high": _text(line.xmr.high),
        },
        "signals": list(line.xmr.signals) if line.xmr else [],
        "numerator": _text(line.numerator),
        "denominator": _text(line.denominator),
        "coverage": _text(line.coverage),
        "data_day": _text(line.data_day),
        "parts": [_part(part) for part in line.parts],
    }


def _part(line: PartLine) -> dict[str, Any]:
    return {
        "part": line.part.id,
        "name": line.part.name,
        "unit": str(line.part.unit),
        "value": _text(line.value),
        "delta": _text(line.delta),
        "status": str(line.status),
    }


def _text(value: Decimal | date | None) -> str | None:
    """A datetime is a date, too."""
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else value.isoformat()
