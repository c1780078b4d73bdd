"""The second roll-up: the accounts of each owner, wherever they are in the tree.

By the team that owned an account on the day; people see the sums of those accounts that they see.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from findings.queries.filters import NONE
from inventory import access
from inventory.access import AnyUser
from inventory.models import Team
from posture.queries import accounts, days, figures, fixing, organization
from posture.queries.accounts import AccountFilters, AccountRow
from posture.queries.figures import History, Standing
from posture.queries.fixing import FailingControls
from posture.queries.organization import AreaScore
from posture.queries.scorecard import beside

NO_TEAM: Final = 0
_NO_TEAM_NAME: Final = "No owner"
_ACCOUNTS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class TeamRow:
    """The accounts of one owner, taken together. `key` 0 are those without one."""

    key: int
    name: str
    slug: str
    standing: Standing
    scores: tuple[Decimal | None, ...]

    @property
    def filter_value(self) -> str:
        """What the findings list is narrowed by."""
        return self.slug or NONE


@dataclass(frozen=True, slots=True)
class TeamPage:
    """`is_part`: there may be more accounts of the team than the person sees.

    `failing` is what to fix next for most points. `suppressed` are open findings that somebody set to
    SUPPRESSED: they count as failing; None is not kept (of a past day), or not counted for a part.
    """

    team: TeamRow
    is_part: bool
    is_own: bool
    failing: FailingControls
    suppressed: int | None
    trend: tuple[tuple[str, Decimal | None], ...]
    areas: tuple[AreaScore, ...]
    accounts: tuple[AccountRow, ...]
    has_more: bool


def teams(user: AnyUser, *, day: date, is_frozen: bool = False) -> tuple[TeamRow, ...]:
    """Every owner of an account that the person sees, the lowest score first. Three queries."""
    asked = days.week_days(day=day)
    found = days.of_teams(user, asked, is_frozen=is_frozen)
    names = Team.objects.in_bulk(found.keys() - {NO_TEAM})
    rows = [
        _row(key, names.get(key), figures.history(sums, day=day)) for key, sums in found.items()
    ]
    # Not those whose last account has gone since.
    present = [row for row in rows if row.standing.as_of == max(asked)]
    return tuple(sorted(present, key=_by_score))


def team_page(user: AnyUser, key: int, *, day: date, is_frozen: bool = False) -> TeamPage | None:
    """One owner, None when the person sees no account that is its own on the day. Eleven queries, one more frozen."""
    asked = days.week_days(day=day)
    found = days.of_teams(user, asked, team=key, is_frozen=is_frozen)
    team = Team.objects.filter(pk=key).first()
    past = figures.history(found.get(key, []), day=day)
    if past.now is None or past.now.day != max(asked) or (team is None and key != NO_TEAM):
        return None
    scope = access.scope_of(user)
    is_own = key in scope.team_ids
    is_part = not (scope.everything or is_own)
    standing = past.standing
    weighed = days.weighed(user, day=past.now.day, team=key, is_frozen=is_frozen)
    listed = accounts.listing(
        user, AccountFilters(owner=key), cursor_text="", day=day, is_frozen=is_frozen
    )
    return TeamPage(
        team=_row(key, team, past),
        is_part=is_part,
        is_own=is_own,
        failing=fixing.failing_in(weighed, standing, day=past.now.day, is_frozen=is_frozen),
        suppressed=None if is_part or is_frozen else beside.suppressed_of(key),
        trend=past.trend,
        areas=organization.area_scores(days.team_areas(user, key, past, is_frozen=is_frozen)),
        accounts=listed.rows[:_ACCOUNTS_SHOWN],
        has_more=bool(listed.next_cursor),
    )


def _row(key: int, team: Team | None, past: History) -> TeamRow:
    return TeamRow(
        key=key,
        name=team.name if team else _NO_TEAM_NAME,
        slug=team.slug if team else "",
        standing=past.standing,
        scores=past.scores,
    )


def _by_score(row: TeamRow) -> tuple[Decimal, str]:
    return (Decimal(101) if row.standing.score is None else row.standing.score, row.name.casefold())
