"""The weekly review as PDF: the view of its page, on paper."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.text import Truncator

from posture import charts
from posture.charts import Figure
from posture.queries.review_page import ReviewView
from posture.queries.review_page.blocks import AreaView
from posture.queries.review_page.kpis import KpiView
from posture.queries.review_page.marks import DASH, Mark, signed
from posture.queries.review_page.talk import ActionView
from posture.reports import typesetting

# Pixels of a drawing before it is scaled to its place on the paper: half of it or more, half, a third.
_WIDE: Final = 640
_HALF: Final = 500
_NARROW: Final = 380
_BAR: Final = 120
_NOTES_SHOWN: Final = 5
_OUS_SHOWN: Final = 24
_THIRD_PERIODS_SHOWN: Final = 3
# Of a title, in one line of a third of the paper.
_TITLE: Final = 46


def review_pdf(view: ReviewView, *, made_at: datetime) -> bytes:
    """The page that is enough for most, and two behind it. Tagged; no meaning by colour alone.

    :raises typesetting.Unprintable: when it cannot be typeset.
    """
    data = _header(view) | _numbers(view) | _talk(view) | _behind(view)
    return typesetting.pdf("review.typ", data, made_at=made_at)


def _header(view: ReviewView) -> dict[str, Any]:
    row, snapshot = view.row, view.snapshot
    coverage = snapshot.coverage
    return {
        "organization": snapshot.organization.name or snapshot.organization.id,
        "week": view.week,
        "number": view.number,
        "year": row.iso_year,
        "days": view.days,
        "size": view.size,
        "as_of": f"{row.data_as_of:%-d %b %Y, %H:%M} UTC" if row.data_as_of else "no data",
        "coverage": "no data" if coverage is None else f"{coverage}%",
        "versions": view.versions,
        "headline": row.headline,
        "answer": _mark(view.answer),
        "check": _mark(view.check),
        "disagreements": list(view.disagreements),
        "state": _state(view),
    }


def _numbers(view: ReviewView) -> dict[str, Any]:
    return {
        "large": [
            _kpi(kpi) | {"letter": view.snapshot.score.letter if kpi.id == "K1" else ""}
            for kpi in view.large
        ],
        "others": [_kpi(kpi) for kpi in view.others],
        "change": _change(view),
        "causes": [
            {"points": one.points_text, "text": one.text}
            for one in (view.change.causes if view.change else ())
        ],
    }


def _talk(view: ReviewView) -> dict[str, Any]:
    return {
        "narrative": view.row.narrative,
        "notes": [
            {
                "number": note.number,
                "day": f"{note.row.on_day:%a %-d %b}" if note.row.on_day else "",
                "cause": note.cause_name,
                "kpi": note.row.kpi,
                "text": note.row.text,
                "check": note.check_text if note.disagrees else "",
            }
            for note in view.notes[:_NOTES_SHOWN]
        ],
        "notes_left": max(len(view.notes) - _NOTES_SHOWN, 0),
        "questions": [
            {
                "text": one.text,
                "by": one.decision_by,
                "due": f"{one.due_on:%-d %b %Y}" if one.due_on else "",
                "decision": one.decision,
            }
            for one in view.page.questions
        ],
        "carried": _actions(view.carried),
        "new": _actions(view.new),
        "errata": [f"{one.written_at:%-d %b %Y}: {one.text}" for one in view.page.errata],
    }


def _behind(view: ReviewView) -> dict[str, Any]:
    return {
        "movers": [
            {"name": one.label, "points": signed(one.posture), "reason": one.reason}
            for _, rows in view.movers
            for one in rows
        ],
        "sla": [
            {
                "name": one.name,
                "open": _count(one.line.open),
                "overdue": _count(one.line.overdue),
                "due": _count(one.line.due_14),
                "attainment": one.attainment_text,
            }
            for one in view.sla
        ],
        "ages": _figure(_ages(view)),
        "flow": _figure(charts.flow(view.flow, name="CRITICAL and HIGH findings", px=_NARROW)),
        "tiers": _figure(_tiers(view)) if view.tiers else None,
        **_exceptions(view),
        "exception_ages": _figure(_exception_ages(view)) if view.exception_ages else None,
        "practices": [
            {"name": one.entry.name, "value": one.value_text, "status": _mark(one.status)}
            for one in view.practices
        ],
        "areas_title": view.areas_title,
        "areas": [_area(one) for one in view.areas],
        "grades": _figure(charts.grades(view.grades, name="Accounts", px=_HALF)),
        "controls": [
            {
                "id": one.control_id,
                "title": one.title,
                "severity": one.severity.capitalize(),
                "failing": _count(one.failing),
                "accounts": _count(one.accounts),
            }
            for one in view.snapshot.controls
        ],
        "ous": [
            {
                "name": one.name,
                "indent": one.indent,
                "score": "no data"
                if one.entry.score is None
                else charts.value_text(one.entry.score),
                "letter": one.entry.letter,
                "delta": signed(one.entry.delta),
                "accounts": f"{one.entry.accounts:,}",
                "coverage": _percent(one.entry.coverage),
            }
            for one in view.ous[:_OUS_SHOWN]
        ],
        "ous_left": max(len(view.ous) - _OUS_SHOWN, 0),
        "all": [_kpi(kpi) for kpi in view.all],
    }


def _exceptions(view: ReviewView) -> dict[str, Any]:
    third = view.exceptions.block.third_periods
    return {
        "exception_alarms": list(view.exceptions.alarms),
        "exceptions": [
            {"name": name, "value": value, "mark": _mark(mark) if mark else None}
            for name, value, mark in view.exceptions.marked
        ],
        "third_periods": [
            {"ref": ref, "title": Truncator(title).chars(_TITLE)}
            for ref, title in third[:_THIRD_PERIODS_SHOWN]
        ],
        "third_periods_left": max(len(third) - _THIRD_PERIODS_SHOWN, 0),
    }


def _mark(mark: Mark) -> dict[str, str]:
    return {"word": mark.word, "sign": mark.sign, "tone": mark.tone or "n"}


def _kpi(kpi: KpiView) -> dict[str, Any]:
    drawing = charts.spark(
        kpi.series,
        tone=kpi.tone,
        goal=kpi.entry.target,
        signals=kpi.entry.signals,
        is_static=True,
    )
    return {
        "id": kpi.id,
        "name": kpi.name,
        "value": kpi.text,
        "suffix": kpi.suffix,
        "status": _mark(kpi.status),
        "change": kpi.change_text,
        "target": kpi.target_text,
        "owner": kpi.owner or "no owner",
        "svg": str(drawing),
        "history": f"{kpi.name}: {kpi.history_text}",
        "verdict": kpi.verdict.word,
        "of": kpi.made_of,
    }


def _change(view: ReviewView) -> dict[str, str] | None:
    if view.change is None:
        return None
    block = view.change.block
    return _figure(
        charts.waterfall(
            view.change.rows,
            before=block.before_score,
            after=block.after_score,
            name="Posture score",
            px=_WIDE,
        )
    )


def _ages(view: ReviewView) -> Figure:
    return charts.ages(
        view.overdue_bands, name="Overdue findings", title=view.overdue_title, px=_NARROW
    )


def _tiers(view: ReviewView) -> Figure:
    title = view.tiers_title
    return charts.bars(view.tiers, name="Vulnerabilities by deadline", title=title, px=_NARROW)


def _exception_ages(view: ReviewView) -> Figure:
    title = view.exceptions_title
    return charts.bars(
        view.exception_ages, name="Exceptions by age", past="", title=title, px=_NARROW
    )


def _area(area: AreaView) -> dict[str, str]:
    return {
        "name": area.label,
        "score": "no data" if area.score is None else charts.value_text(area.score),
        "delta": signed(area.delta),
        "svg": str(charts.minibar(area.score, mark=area.tick, px=_BAR)),
    }


def _figure(figure: Figure) -> dict[str, str]:
    return {"title": figure.title, "summary": figure.summary, "svg": str(figure.svg)}


def _actions(views: Iterable[ActionView]) -> list[dict[str, Any]]:
    return [
        {
            "kpi": one.line.kpi,
            "text": one.line.text,
            "owner": one.line.owner,
            "due": f"{one.line.due_on:%-d %b}" + (" (moved)" if one.is_moved else ""),
            "state": _mark(one.state),
        }
        for one in views
    ]


def _percent(share: Decimal | None) -> str:
    return "no data" if share is None else charts.value_text(share, "%")


def _count(count: int | None) -> str:
    return DASH if count is None else f"{count:,}"


def _state(view: ReviewView) -> str:
    row = view.row
    if row.published_at is None:
        return "Draft: not published yet"
    return f"Published by {row.published_by} on {row.published_at:%-d %b %Y}"
