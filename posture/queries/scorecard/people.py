"""Whose accounts are below an OU, and how many of them count in its score."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_OWNERS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """A team and how many accounts it has below the OU; `key` 0 is none, `name` "" one that is gone."""

    key: int
    name: str
    accounts: int
    active: int
    onboarding: int


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


def people(counted: Iterable[Owner]) -> People:
    rows = list(counted)
    by_size = sorted((row for row in rows if row.key), key=lambda row: (-row.accounts, row.key))
    total, active, onboarding = (
        sum(getattr(row, name) for row in rows) for name in ("accounts", "active", "onboarding")
    )
    return People(
        active=active,
        onboarding=onboarding,
        excluded=total - active - onboarding,
        owners=tuple(
            (row.key, row.name, row.accounts) for row in by_size[:_OWNERS_SHOWN] if row.name
        ),
        teams=len(by_size),
        unowned=sum(row.accounts for row in rows if not row.key),
    )
