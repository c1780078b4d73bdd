"""A review as the lines of one table, in the long form: everything that its numbers are made of."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from inventory import access
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture.kpis.snapshots import KpiEntry, PartEntry
from posture.models import KpiAccountPoint, KpiPoint
from posture.queries.reviews import cells
from posture.queries.reviews.page import ReviewPage

# `record` says what a line is about, and which of the other columns it fills.
FIELDS: Final = (
    *("record", "kpi", "part", "name", "unit", "day", "week", "account_id", "ou", "control_id"),
    *("cause", "weight", "passed", "failed", "excepted", "unknown"),
    *("numerator", "denominator", "covered", "expected", "value", "previous", "delta"),
    *(
        "target",
        "amber",
        "better",
        "weighted",
        "status",
        "verdict",
        "mean",
        "low",
        "high",
        "owner",
        "text",
    ),
)
_AMOUNTS: Final = ("numerator", "denominator", "covered", "expected")
_HIDDEN: Final = (
    "Cells of accounts that you may not see are left out, so that the split of the change cannot be"
    " recomputed from this file."
)
_ROWS_AT_ONCE: Final = 2_000
_ZERO: Final = Decimal(0)

# One line: values by their column.
Line = Mapping[str, Any]


def lines(user: AnyUser, page: ReviewPage) -> Iterator[Line]:
    """From the whole to the parts: what is shown, what it was made of, and what people wrote."""
    yield from _head(page)
    for entry in page.snapshot.kpis:
        yield from _kpi(entry)
    yield from _change(page)
    yield from _cells(user, page)
    for entry in page.snapshot.kpis:
        yield from _made_of(user, page, entry)
    yield from _written(page)


def _head(page: ReviewPage) -> Iterator[Line]:
    row, snapshot = page.row, page.snapshot
    facts = {
        "organization": snapshot.organization.id,
        "state": row.state,
        "starts_on": snapshot.starts_on,
        "ends_on": snapshot.ends_on,
        "data_day": snapshot.data_day,
        "previous_day": snapshot.previous_day,
        "data_as_of": snapshot.data_as_of,
        "letter": snapshot.score.letter,
        "letter_uncapped": snapshot.score.uncapped,
        # Without the patience of the shown one; by it a gate keeps the posture score off target.
        "letter_of_day": next(
            (entry.details.get("capped") for entry in snapshot.kpis if entry.kpi == "K1"), None
        ),
        "snapshot_version": snapshot.version,
        "snapshot_sha256": row.snapshot_hash,
        "published_at": row.published_at,
        "answer": row.answer,
        "proposed_answer": row.proposed_answer,
        "headline": row.headline,
        "narrative": row.narrative,
    }
    for name, value in facts.items():
        yield {"record": "review", "week": page.week, "name": name, "text": value}


def _kpi(entry: KpiEntry) -> Iterator[Line]:
    """The KPI as the page shows it, its parts, and its 13 weeks."""
    yield {
        "record": "headline" if entry.is_headline else "kpi",
        "kpi": entry.kpi,
        "name": entry.name,
        "unit": entry.unit,
        "day": entry.data_day,
        **{name: getattr(entry, name) for name in _AMOUNTS},
        **{name: getattr(entry, name) for name in ("value", "previous", "delta")},
        **_judged(entry),
        "verdict": entry.verdict,
        "mean": entry.limits.mean if entry.limits else None,
        "low": entry.limits.low if entry.limits else None,
        "high": entry.limits.high if entry.limits else None,
        "owner": entry.owner,
        "text": entry.target_text,
    }
    for part in entry.parts:
        yield {
            "record": "part",
            "kpi": entry.kpi,
            **{name: getattr(part, name) for name in ("part", "name", "unit", "value", "delta")},
            **_judged(part),
        }
    for day, value in entry.earlier:
        yield {"record": "earlier", "kpi": entry.kpi, "day": day, "value": value}
    for place, (label, value) in enumerate(entry.weeks):
        yield {
            "record": "week",
            "kpi": entry.kpi,
            "week": label,
            "value": value,
            "text": "signal" if place in entry.signals else "",
        }


def _cells(user: AnyUser, page: ReviewPage) -> Iterator[Line]:
    """The score's numerator and denominator on both days, and the cells that were not the same."""
    change = page.snapshot.change
    root = OrganizationalUnit.objects.filter(
        organization=page.row.organization_id, parent=None
    ).first()
    if change is None or root is None:
        return
    days = (change.before, change.day)
    for one in cells.whole(root, days):
        yield {
            "record": "whole",
            "day": one.day,
            "numerator": one.numerator,
            "denominator": one.denominator,
        }
    for cell in cells.moved(user, root, days):
        yield {
            "record": "cell",
            "account_id": cell.account_id,
            "control_id": cell.control_id,
            "day": cell.day,
            "weight": cell.weight,
            "passed": cell.counts.passed,
            "failed": cell.counts.failed,
            "excepted": cell.counts.excepted,
            "unknown": cell.counts.unknown,
        }
    if not access.scope_of(user).everything:
        yield {"record": "hidden", "text": _HIDDEN}


def _judged(entry: KpiEntry | PartEntry) -> Line:
    return {
        "target": entry.target,
        "amber": entry.amber,
        "better": "higher" if entry.is_better_higher else "lower",
        "weighted": entry.is_weighted,
        "status": entry.status,
    }


def _change(page: ReviewPage) -> Iterator[Line]:
    """The split of the score's change, and what it was made from."""
    change = page.snapshot.change
    if change is None:
        return
    for part in ("exits", "posture", "entries", "exceptions", "total"):
        yield {
            "record": "change",
            "part": part,
            "day": change.day,
            "value": getattr(change, part),
        }
    for cause in change.causes:
        yield {
            "record": "cause",
            "part": cause.part,
            "cause": cause.cause,
            "name": cause.name,
            "value": cause.points,
            "text": f"{cause.cells} cells",
        }


def _made_of(user: AnyUser, page: ReviewPage, entry: KpiEntry) -> Iterator[Line]:
    """What each account had on the day and a week before, and the rest up to the organisation's sum."""
    days = [day for day in (entry.data_day, entry.previous_day) if day]
    if not days:
        return
    seen: dict[tuple[str, date], dict[str, Decimal]] = defaultdict(
        lambda: dict.fromkeys(_AMOUNTS, _ZERO)
    )
    points = KpiAccountPoint.objects.visible_to(user).filter(kpi=entry.kpi, day__in=days)
    columns = ("part", "day", "account__account_id", "ou__ou_id", *_AMOUNTS)
    rows = points.order_by("day", "part", "account_id").values_list(*columns)
    for part, day, account_id, ou_id, *amounts in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        values = dict(zip(_AMOUNTS, amounts, strict=True))
        for name, value in values.items():
            seen[part, day][name] += value
        yield {
            "record": "account",
            "kpi": entry.kpi,
            "part": part,
            "day": day,
            "account_id": account_id,
            "ou": ou_id,
            **values,
        }
    yield from _rest(page, entry, days, seen)


def _rest(
    page: ReviewPage,
    entry: KpiEntry,
    days: list[date],
    seen: Mapping[tuple[str, date], Mapping[str, Decimal]],
) -> Iterator[Line]:
    """What no account that the person may see tells of the organisation."""
    # Whoever may read the review may see the sums over the whole organisation.
    points = KpiPoint.objects.filter(
        ou__organization=page.row.organization_id, ou__parent=None, kpi=entry.kpi, day__in=days
    )
    for point in points.order_by("day", "part"):
        known = seen.get((point.part, point.day), {})
        rest = {name: getattr(point, name) - known.get(name, _ZERO) for name in _AMOUNTS}
        if any(rest.values()):
            yield {
                "record": "rest",
                "kpi": entry.kpi,
                "part": point.part,
                "day": point.day,
                **rest,
            }


def _written(page: ReviewPage) -> Iterable[Line]:
    for note in page.notes:
        yield {
            "record": "note",
            "kpi": note.row.kpi,
            "cause": note.row.cause,
            "day": note.row.on_day,
            "status": str(note.check) if note.check else "",
            "verdict": note.verdict,
            "owner": note.row.written_by,
            "text": note.row.text,
        }
    for question in page.questions:
        yield {
            "record": "question",
            "day": question.due_on,
            "owner": question.decision_by,
            "text": question.text,
        }
    for line in (*page.actions_new, *page.actions_carried):
        yield {
            "record": "action",
            "kpi": line.kpi,
            "week": line.week,
            "day": line.due_on,
            "status": line.state,
            "owner": line.owner,
            "text": line.text,
        }
    for erratum in page.errata:
        yield {
            "record": "erratum",
            "day": erratum.written_at.date(),
            "owner": erratum.written_by,
            "text": erratum.text,
        }
