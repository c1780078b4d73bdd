"""The scorecard of an OU as PDF and as CSV: the figures of its page, with every account and control."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from inventory import spreadsheets
from posture import charts
from posture.queries.accounts import AccountRow
from posture.queries.fixing import ControlRow
from posture.queries.review_page.marks import signed
from posture.queries.scorecard import Scorecard
from posture.reports import typesetting

_WIDE: Final = 640
_BAR: Final = 120
_HEADS: Final = ("kind", "id", "name", "grade", "score", "change", "raw", "coverage", "failing")
_HEADS_MORE: Final = ("open_critical", "open_high", "past_due", "points")


def scorecard_pdf(
    card: Scorecard, accounts: Iterable[AccountRow], *, organization: str, made_at: datetime
) -> bytes:
    """:raises typesetting.Unprintable: when it cannot be typeset."""
    return typesetting.pdf("scorecard.typ", _data(card, accounts, organization), made_at=made_at)


def scorecard_csv(card: Scorecard, accounts: Iterable[AccountRow]) -> Iterator[str]:
    """Lines: the OU, its areas, child OUs, failing controls, accounts; "" is no data."""
    yield spreadsheets.line((*_HEADS, *_HEADS_MORE))
    yield _standing_line("ou", card.ou_id, card.name, card.standing)
    for area in card.areas:
        yield spreadsheets.line(("area", area.code, area.label, "", area.score))
    for child in card.children:
        yield _standing_line("child", child.ou.ou_id, child.ou.label, child.ou.standing)
    for control in _controls(card):
        yield spreadsheets.line(
            (
                "control",
                control.control_id,
                control.title,
                "",
                "",
                "",
                "",
                "",
                control.failed,
                "",
                "",
                control.overdue,
                control.points,
            )
        )
    for row in accounts:
        yield _standing_line("account", row.account_id, row.name, row.standing)


def _standing_line(kind: str, key: str, name: str, standing: Any) -> str:
    found = standing.figures
    return spreadsheets.line(
        (kind, key, name, standing.letter, standing.score, standing.delta, standing.raw)
        + (standing.coverage, found.sums.failed if found else None)
        + (
            (found.open_critical, found.open_high, found.overdue_critical + found.overdue_high)
            if found
            else (None, None, None)
        )
        + (None,)
    )


def _controls(card: Scorecard) -> tuple[ControlRow, ...]:
    return (*card.failing.top, *card.failing.provisional, *card.failing.of_all)


def _data(card: Scorecard, accounts: Iterable[AccountRow], organization: str) -> dict[str, Any]:
    standing = card.standing
    return {
        "organization": organization,
        "name": card.name,
        "way": " / ".join(step.name for step in card.way[:-1]),
        "role": card.role_label,
        "day": f"{card.day:%-d %B %Y}" if card.day else "no data",
        "is_frozen": card.is_frozen,
        "is_empty": card.is_empty,
        "formula": f"formula v{card.formula_version}",
        "letter": standing.letter,
        "reason": standing.reason,
        "figures": [
            ("Managed score", _text(standing.score)),
            ("Raw score", _text(standing.raw)),
            ("Coverage", _text(standing.coverage, "%")),
            ("Exception load", _text(standing.exception_load, "%")),
            ("Change in a week", signed(standing.delta)),
        ],
        "trend": _trend(card),
        "areas": [
            {
                "name": one.label,
                "score": _text(one.score),
                "svg": str(charts.minibar(one.score, px=_BAR)),
            }
            for one in card.areas
        ],
        "deadlines": [
            {
                "name": one.severity.capitalize(),
                "open": f"{one.open:,}",
                "overdue": f"{one.overdue:,}",
                "attainment": _text(one.attainment, "%"),
            }
            for one in card.deadlines
        ],
        "controls": [
            {
                "id": one.control_id,
                "title": one.title,
                "severity": one.severity.capitalize(),
                "failed": f"{one.failed:,}",
                "accounts": f"{one.accounts_failing:,} of {one.accounts:,}",
                "points": _text(one.points),
            }
            for one in card.failing.top
        ],
        "children": [
            {
                "name": one.ou.label,
                "letter": one.ou.standing.letter,
                "score": _text(one.ou.standing.score),
                "delta": signed(one.ou.standing.delta),
                "coverage": _text(one.ou.standing.coverage, "%"),
            }
            for one in card.children
        ],
        "accounts": [
            {
                "id": one.account_id,
                "name": one.name,
                "letter": one.standing.letter,
                "score": _text(one.standing.score),
                "coverage": _text(one.standing.coverage, "%"),
            }
            for one in accounts
        ],
    }


def _trend(card: Scorecard) -> dict[str, str]:
    figure = charts.control_chart(card.trend, name=f"Score of {card.name}", xmr=card.xmr, px=_WIDE)
    return {"title": figure.title, "summary": figure.summary, "svg": str(figure.svg)}


def _text(value: Decimal | None, unit: str = "") -> str:
    return "no data" if value is None else charts.value_text(value, unit)
