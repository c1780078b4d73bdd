"""The overview and the table of scorecards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from findings.models import Area
from inventory import access, web
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit, Team
from inventory.queries import tree
from inventory.web import Page
from posture import scoring
from posture.models import OuDay
from posture.queries import accounts, days, figures, fixing, ou_days
from posture.queries.accounts import AccountRow
from posture.queries.figures import Figures, History, Measure, Standing
from posture.queries.fixing import FailingControls
from posture.queries.ou_days import AreaPair, OuPast
from posture.scoring import Letter

# The overview shows the whole tree up to this many OUs, else its upper two levels.
_OUS_ON_OVERVIEW = 40
_UPPER_LEVELS = 2
_ACCOUNTS_ON_OVERVIEW = 20
# What division leaves when the parts are the whole.
_RESIDUE = Decimal("1e-9")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class AreaScore:
    """One security area.

    `tick` is the median of the organisation's OUs in it, `siblings` that of the OUs beside; None:
    there is none, or it may not be shown.
    """

    code: str
    label: str
    score: Decimal | None
    delta: Decimal | None
    letter: str
    tick: Decimal | None = None
    siblings: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OuRow:
    """`indent` counts from the uppermost OU that the person sees. `is_scored`: not suspended."""

    ou_id: str
    name: str
    label: str
    role: str
    role_label: str
    indent: int
    has_children: bool
    is_scored: bool
    standing: Standing
    scores: tuple[Decimal | None, ...]
    areas: tuple[AreaScore, ...]

    @property
    def cells(self) -> tuple[tuple[str, Decimal | None], ...]:
        """(area, score), as the strip takes them."""
        return tuple((area.label, area.score) for area in self.areas)


@dataclass(frozen=True, slots=True)
class Mover:
    """Points that one area moved the score by in a week; `points` None is "no data"."""

    label: str
    points: Decimal | None


@dataclass(frozen=True, slots=True)
class Measures:
    """The numbers of the tiles."""

    critical: Measure
    high: Measure
    coverage: Measure
    accounts: Measure
    failed: Measure


@dataclass(frozen=True, slots=True)
class Overview:
    """`is_whole`: the organisation; else the accounts that the person sees, taken together.

    `root_id` is the scorecard behind the score, "" where there is none. The last three only for people
    who see no OU as a whole: their accounts, their teams as (key, name), and what to fix next.
    """

    is_whole: bool
    root_id: str
    standing: Standing
    trend: tuple[tuple[str, Decimal | None], ...]
    measures: Measures
    movers: tuple[Mover, ...]
    mover_limit: Decimal
    areas: tuple[AreaScore, ...]
    ous: tuple[OuRow, ...]
    ous_total: int
    own_accounts: tuple[AccountRow, ...] = ()
    own_teams: tuple[tuple[int, str], ...] = ()
    own_failing: FailingControls | None = None

    @property
    def is_empty(self) -> bool:
        return self.standing.figures is None


def overview(user: AnyUser, *, day: date) -> Overview:
    """The organisation as the person may see it. Nine queries at most, however large it is."""
    visible = list(_visible(user))
    below = [ou for ou in visible if not ou.is_root]
    shown = below
    if len(below) > _OUS_ON_OVERVIEW:
        shown = [ou for ou in below if ou.depth <= _UPPER_LEVELS]
    root = next((ou for ou in visible if ou.is_root), None)
    wanted = {ou.pk for ou in shown} | ({root.pk} if root else set())
    pasts = ou_days.of_ous(wanted, day=day)
    if root is not None:
        past, pairs = pasts[root.pk].history, pasts[root.pk].areas
    else:
        past = days.own_history(user, day=day)
        pairs = days.own_areas(user, past)
    movers = _movers(past, pairs)
    return Overview(
        is_whole=root is not None and access.scope_of(user).everything,
        root_id=root.ou_id if root else "",
        standing=past.standing,
        trend=past.trend,
        measures=_measures(past),
        movers=movers,
        mover_limit=max((abs(m.points) for m in movers if m.points), default=Decimal(1)),
        areas=area_scores(pairs),
        ous=_rows(shown, pasts),
        ous_total=len(below),
        **({} if visible else _own(user, past, day=day)),
    )


def _own(user: AnyUser, past: History, *, day: date) -> dict[str, Any]:
    """Of a person who sees no OU as a whole: their accounts and teams, and what to fix next."""
    teams = Team.objects.filter(pk__in=access.scope_of(user).team_ids).order_by("name", "pk")
    weighed = days.weighed(user, day=past.now.day) if past.now else ()
    return {
        "own_accounts": _own_accounts(user, day=day),
        "own_teams": tuple(teams.values_list("pk", "name")),
        "own_failing": fixing.failing_in(weighed, past.standing, day=day, is_frozen=False),
    }


def scorecards(user: AnyUser, *, day: date, is_frozen: bool = False) -> tuple[OuRow, ...]:
    """Every OU that the person sees as a whole, in tree order, the root first. Two queries.

    :param is_frozen: those that had a row on `day`, as they were at its end.
    """
    visible = _visible_on(user, day) if is_frozen else _visible(user)
    return _rows(visible, ou_days.of_ous({ou.pk for ou in visible}, day=day))


def scorecards_page(
    user: AnyUser, *, day: date, is_frozen: bool, cursor_text: str, size: int
) -> Page[OuRow]:
    """One page of `scorecards`. Two queries."""
    visible = _visible_on(user, day) if is_frozen else _visible(user)
    ordered = sorted(visible, key=tree.place)
    page = web.part(ordered, key=tree.place, cursor_text=cursor_text, size=size)
    pasts = ou_days.of_ous({ou.pk for ou in page.rows}, day=day)
    return Page(_rows(page.rows, pasts, among=visible), page.next_cursor, page.previous_cursor)


def _visible(user: AnyUser) -> list[OrganizationalUnit]:
    found = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    return tree.in_tree_order(list(found))


def _visible_on(user: AnyUser, day: date) -> list[OrganizationalUnit]:
    rows = OuDay.objects.visible_to(user).filter(day=day, area="").values("ou")
    found = OrganizationalUnit.objects.filter(pk__in=rows).select_related("organization")
    return tree.in_tree_order(found)


def _own_accounts(user: AnyUser, *, day: date) -> tuple[AccountRow, ...]:
    chosen = accounts.AccountFilters(sort="score")
    return accounts.listing(user, chosen, cursor_text="", day=day).rows[:_ACCOUNTS_ON_OVERVIEW]


def _measures(past: History) -> Measures:
    return Measures(
        critical=figures.measure(past, "open_critical"),
        high=figures.measure(past, "open_high"),
        coverage=figures.measure(past, "coverage"),
        accounts=figures.measure(past, "accounts_total"),
        failed=figures.measure(past, "failed"),
    )


def area_scores(pairs: Mapping[str, AreaPair]) -> tuple[AreaScore, ...]:
    """All seven areas in their order, those without data too."""
    return tuple(_area(area, pairs) for area in Area)


def _area(area: Area, pairs: Mapping[str, AreaPair]) -> AreaScore:
    now, before = pairs.get(area, (None, None))
    score = now.managed if now else None
    earlier = before.managed if before else None
    return AreaScore(
        area.value,
        area.label,
        score,
        None if score is None or earlier is None else score - earlier,
        # The letter of the number alone: it colours the bar, the gates belong to the whole.
        str(Letter.NR if score is None else scoring.letter(score)),
    )


def _movers(past: History, pairs: Mapping[str, AreaPair]) -> tuple[Mover, ...]:
    """What moved the score, most first: the areas, and the rest so that the parts sum to the whole."""
    now, before = past.now, past.before
    if now is None or before is None:
        return ()
    parts = [
        Mover(Area(code).label, _points_moved(now, before, pair)) for code, pair in pairs.items()
    ]
    known = [part.points for part in parts if part.points is not None]
    whole = _points_moved(now, before, (now, before))
    rest = whole - sum(known) if whole is not None else Decimal(0)
    if abs(rest) > _RESIDUE:
        parts.append(Mover("Controls in no area", rest))
    return tuple(sorted(parts, key=lambda part: -abs(part.points or Decimal(0))))


def _points_moved(
    now: Figures | None, before: Figures | None, area: tuple[Figures | None, Figures | None]
) -> Decimal | None:
    """Points that one area moved the whole score by; over all areas they sum to the change exactly.

    Each area's distance from the earlier score, weighed by its share, now minus then. So an area
    that only grew, at the level of the whole, moves nothing. None when there is nothing to compare.
    """
    if now is None or before is None or not (now.sums.managed_d and before.sums.managed_d):
        return None
    level = before.sums.managed_n / before.sums.managed_d

    def distance(part: Figures | None, whole: Figures) -> Decimal:
        if part is None:
            return Decimal(0)
        return (part.sums.managed_n - level * part.sums.managed_d) / whole.sums.managed_d

    return _HUNDRED * (distance(area[0], now) - distance(area[1], before))


def _rows(
    ous: Sequence[OrganizationalUnit],
    pasts: Mapping[int, OuPast],
    *,
    among: Sequence[OrganizationalUnit] = (),
) -> tuple[OuRow, ...]:
    """:param among: all of the table that these are a part of; by default they are all."""
    paths = {ou.path for ou in among or ous if not ou.is_root}
    return tuple(ou_row(ou, pasts[ou.pk], indent=_indent(ou, paths), paths=paths) for ou in ous)


def _indent(ou: OrganizationalUnit, paths: set[str]) -> int:
    """How many of its ancestors are in the table."""
    ids = ou.path.rstrip("/").split("/")
    ancestors = ("/".join(ids[:length]) + "/" for length in range(1, len(ids)))
    return sum(path in paths for path in ancestors)


def ou_row(
    ou: OrganizationalUnit,
    past: OuPast,
    *,
    indent: int = 0,
    paths: set[str] = frozenset(),  # type: ignore[assignment]
) -> OuRow:
    """One OU as a line of a table or as a card."""
    return OuRow(
        ou_id=ou.ou_id,
        name=tree.shown_name(ou),
        label=ou.label or tree.shown_name(ou),
        role=ou.role,
        role_label=ou.get_role_display(),
        indent=indent,
        has_children=any(path != ou.path and path.startswith(ou.path) for path in paths),
        is_scored=ou.role != OrganizationalUnit.Role.SUSPENDED,
        standing=past.history.standing,
        scores=past.history.scores,
        areas=area_scores(past.areas),
    )
