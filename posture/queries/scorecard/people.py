"""Whose accounts are below an OU, and how many of them count in its score."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Count, Q

from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit, Team
from posture.models import AccountDay

_TEAMS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class People:
    """`active` accounts are scored, `onboarding` ones are in their first days, `excluded` the rest.

    `owners` are the teams with most accounts: (key, name, accounts); an account without one is
    among `unowned`.
    """

    active: int
    onboarding: int
    excluded: int
    owners: tuple[tuple[int, str, int], ...]
    teams: int
    unowned: int

    @property
    def more_teams(self) -> int:
        """Owners that are not named."""
        return self.teams - len(self.owners)


def people(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> People:
    """As of a day with a rollup. Two queries."""
    new = Q(is_scored=False, account__state=Account.State.ACTIVE) & ~Q(
        ou__role=OrganizationalUnit.Role.SUSPENDED
    )
    seen = access.accounts(user, prefix="account__") | access.ous(user, prefix="ou__")
    rows = list(
        AccountDay.objects.filter(seen, day=day, area="", ou__path__startswith=ou.path)
        .order_by()
        .values_list("team_key")
        .annotate(
            accounts=Count("pk"),
            active=Count("pk", filter=Q(is_scored=True)),
            onboarding=Count("pk", filter=new),
        )
    )
    total, active, onboarding = (sum(row[place] for row in rows) for place in (1, 2, 3))
    by_size = sorted((row for row in rows if row[0]), key=lambda row: (-row[1], row[0]))
    names = Team.objects.in_bulk([key for key, *_ in by_size[:_TEAMS_SHOWN]])
    return People(
        active=active,
        onboarding=onboarding,
        excluded=total - active - onboarding,
        owners=tuple(
            (key, names[key].name, number)
            for key, number, *_ in by_size[:_TEAMS_SHOWN]
            if key in names
        ),
        teams=len(by_size),
        unowned=sum(row[1] for row in rows if not row[0]),
    )
