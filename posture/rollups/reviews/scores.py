"""The scores of a week, from the rollups of its days: the organisation's, the OUs' and the areas'."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from findings.models import Area
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from posture import scoring
from posture.kpis.snapshots import (
    AreaEntry,
    CauseEntry,
    ChangeBlock,
    ControlEntry,
    MoverEntry,
    Movers,
    OuEntry,
    ScoreBlock,
)
from posture.models import AccountDay, OuDay, ScoreChange
from posture.queries import figures
from posture.queries.figures import Figures, Standing

MOVERS_SHOWN: Final = 3
CONTROLS_SHOWN: Final = 5
# What is shown as 0.0 has not moved.
_SMALLEST: Final = Decimal("0.05")
_WEEK: Final = timedelta(days=7)
# One step down the index for each control.
_CONTROLS: Final = """
SELECT c.control_id, c.title, COALESCE(w.severity, c.severity), n.lost_weight, n.failed,
    n.accounts_failing
FROM findings_control c
CROSS JOIN LATERAL (SELECT * FROM posture_oucontrolday d
    WHERE d.ou_id = %(ou)s AND d.control_id = c.id AND d.day <= %(day)s
    ORDER BY d.day DESC LIMIT 1) n
LEFT JOIN LATERAL (SELECT * FROM posture_controlday d
    WHERE d.control_id = c.id AND d.day <= %(day)s ORDER BY d.day DESC LIMIT 1) w ON true
WHERE c.organization_id = %(organization)s AND n.failed > 0 AND n.lost_weight > 0
ORDER BY n.lost_weight DESC, c.control_id LIMIT %(limit)s
"""
_DISABLED: Final = """
SELECT count(*) FILTER (WHERE NOT n.is_enabled), count(*) FROM findings_control c
CROSS JOIN LATERAL (SELECT * FROM posture_controlday d
    WHERE d.control_id = c.id AND d.day <= %(day)s ORDER BY d.day DESC LIMIT 1) n
WHERE c.organization_id = %(organization)s
"""


@dataclass(frozen=True, slots=True)
class Days:
    """The day that a week is told by, the one rolled up before it, and the one it is compared with."""

    day: date
    previous: date | None
    before: date | None


@dataclass(frozen=True, slots=True)
class Scores:
    """All that a snapshot says of scores; `as_of` the day itself."""

    days: Days
    score: ScoreBlock
    grades: Mapping[str, int]
    change: ChangeBlock | None
    movers: Movers
    areas: tuple[AreaEntry, ...]
    ous: tuple[OuEntry, ...]
    controls: tuple[ControlEntry, ...]
    disabled_controls: int | None


def days_of(root: OrganizationalUnit, *, since: date, until: date) -> Days | None:
    """The newest day rolled up between the two, both included; None without any. Three queries."""
    rows = OuDay.objects.filter(ou=root, area="").order_by("-day").values_list("day", flat=True)
    day = rows.filter(day__gte=since, day__lte=until).first()
    if day is None:
        return None
    return Days(
        day=day,
        previous=rows.filter(day__lt=day).first(),
        before=rows.filter(day__lte=day - _WEEK).first(),
    )


def read(root: OrganizationalUnit, days: Days) -> Scores:
    """The scores of a day of the organisation below `root`. Eight queries."""
    rows = _figures(root, days)
    ous = _ous(root, rows, days)
    standing = _standing(rows[root.pk], days)
    return Scores(
        days=days,
        score=_score(standing),
        grades=_grades(root, days),
        change=_change(root, rows[root.pk], days),
        movers=_movers(root, rows, days),
        areas=_areas(root, days),
        ous=ous,
        controls=_controls(root, days.day),
        disabled_controls=_disabled(root, days.day),
    )


_ByDay = Mapping[date, Figures]


def _figures(root: OrganizationalUnit, days: Days) -> dict[int, dict[date, Figures]]:
    """By OU and day. One query."""
    wanted = [day for day in (days.day, days.previous, days.before) if day]
    found: dict[int, dict[date, Figures]] = {}
    rows = OuDay.objects.filter(ou__organization=root.organization_id, area="", day__in=wanted)
    for row in rows:
        found.setdefault(row.ou_id, {})[row.day] = figures.of_ou(row)
    return found


def _standing(by_day: _ByDay, days: Days) -> Standing:
    def on(day: date | None) -> Figures | None:
        return by_day.get(day) if day else None

    return figures.standing(on(days.day), on(days.before), previous=on(days.previous))


def _score(found: Standing) -> ScoreBlock:
    return ScoreBlock(
        managed=found.score,
        raw=found.raw,
        coverage=found.coverage,
        exception_load=found.exception_load,
        letter=found.letter,
        uncapped=found.uncapped,
        reason=found.reason,
        delta=found.delta,
    )


def _ous(root: OrganizationalUnit, rows: Mapping[int, _ByDay], days: Days) -> tuple[OuEntry, ...]:
    """Those with figures on the day, in the order of the tree. One query."""
    wanted = [pk for pk, by_day in rows.items() if days.day in by_day]
    found = OrganizationalUnit.objects.filter(pk__in=wanted).select_related("organization")
    return tuple(_ou(ou, rows[ou.pk], days) for ou in tree.in_tree_order(found))


def _ou(ou: OrganizationalUnit, by_day: _ByDay, days: Days) -> OuEntry:
    found = _standing(by_day, days)
    return OuEntry(
        ou_id=ou.ou_id,
        label=ou.label or tree.shown_name(ou),
        depth=ou.depth,
        score=found.score,
        letter=found.letter,
        delta=found.delta,
        coverage=found.coverage,
        accounts=by_day[days.day].accounts,
        uncapped=found.uncapped,
        reason=found.reason,
    )


def _grades(root: OrganizationalUnit, days: Days) -> dict[str, int]:
    """How many scored accounts have each letter, every letter named. One query."""
    wanted = [day for day in (days.day, days.previous) if day]
    rows = AccountDay.objects.filter(
        account__organization=root.organization_id, area="", day__in=wanted
    )
    today: dict[int, scoring.Grade] = {}
    earlier: dict[int, scoring.Grade] = {}
    for row in rows.iterator(chunk_size=2_000):
        if row.day != days.day:
            earlier[row.account_id] = figures.of_account(row).grade
        elif row.is_scored:
            today[row.account_id] = figures.of_account(row).grade
    letters = Counter(
        str(scoring.held(grade, earlier.get(account)).letter) for account, grade in today.items()
    )
    return {str(letter): letters[str(letter)] for letter in scoring.Letter}


def _areas(root: OrganizationalUnit, days: Days) -> tuple[AreaEntry, ...]:
    """All seven in their order, those without data too. One query."""
    wanted = [day for day in (days.day, days.before) if day]
    rows = OuDay.objects.filter(ou=root, day__in=wanted).exclude(area="")
    found = {(row.area, row.day): figures.of_ou(row) for row in rows}
    entries = []
    for area in Area:
        before = found.get((area, days.before)) if days.before else None
        standing = figures.standing(found.get((area, days.day)), before)
        entries.append(AreaEntry(area.value, area.label, standing.score, standing.delta))
    return tuple(entries)


def _change(root: OrganizationalUnit, by_day: _ByDay, days: Days) -> ChangeBlock | None:
    """One query."""
    row = ScoreChange.objects.filter(ou=root, day=days.day).first()
    if row is None:
        return None
    before = by_day.get(row.before)
    return ChangeBlock(
        before=row.before,
        day=row.day,
        exits=row.exits,
        posture=row.posture,
        entries=row.entries,
        exceptions=row.exceptions,
        total=row.total,
        before_score=before.score.managed if before else None,
        after_score=by_day[row.day].score.managed,
        causes=tuple(_cause(cause) for cause in row.causes),
    )


def _cause(cause: Mapping[str, str]) -> CauseEntry:
    return CauseEntry(
        part=cause["part"],
        cause=cause["cause"],
        name=cause["name"],
        points=Decimal(cause["points"]),
        cells=int(cause["cells"]),
    )


def _movers(root: OrganizationalUnit, rows: Mapping[int, _ByDay], days: Days) -> Movers:
    """OUs that moved most by what was done in them. One query.

    Of an OU and one above it only the one that moved more: else one team's work shows thrice.
    """
    changes = ScoreChange.objects.filter(ou__organization=root.organization_id, day=days.day)
    found = list(changes.exclude(ou=root).select_related("ou").order_by("ou_id"))
    up = sorted((one for one in found if one.posture >= _SMALLEST), key=lambda c: -c.posture)
    down = sorted((one for one in found if one.posture <= -_SMALLEST), key=lambda c: c.posture)
    return Movers(up=_first(up, rows, days), down=_first(down, rows, days))


def _first(
    changes: list[ScoreChange], rows: Mapping[int, _ByDay], days: Days
) -> tuple[MoverEntry, ...]:
    chosen: list[ScoreChange] = []
    for change in changes:
        path = change.ou.path
        if len(chosen) < MOVERS_SHOWN and not any(
            path.startswith(one.ou.path) or one.ou.path.startswith(path) for one in chosen
        ):
            chosen.append(change)
    return tuple(_mover(change, rows.get(change.ou_id, {}), days) for change in chosen)


def _mover(change: ScoreChange, by_day: _ByDay, days: Days) -> MoverEntry:
    now = by_day.get(days.day)
    causes = [_cause(cause) for cause in change.causes if cause["part"] == "posture"]
    same_way = [cause for cause in causes if (cause.points > 0) == (change.posture > 0)]
    most = max(same_way, key=lambda cause: abs(cause.points), default=None)
    return MoverEntry(
        ou_id=change.ou.ou_id,
        label=change.ou.label,
        posture=change.posture,
        score=now.score.managed if now else None,
        reason=f"{most.cause}: {most.name}" if most else "",
    )


def _controls(root: OrganizationalUnit, day: date) -> tuple[ControlEntry, ...]:
    values: dict[str, Any] = {
        "ou": root.pk,
        "organization": root.organization_id,
        "day": day,
        "limit": CONTROLS_SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONTROLS, values)
        return tuple(ControlEntry(*row) for row in cursor.fetchall())


def _disabled(root: OrganizationalUnit, day: date) -> int | None:
    """None where no control of that day is known."""
    with connection.cursor() as cursor:
        cursor.execute(_DISABLED, {"organization": root.organization_id, "day": day})
        disabled, known = cursor.fetchone()
    return int(disabled) if known else None
