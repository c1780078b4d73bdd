"""Where accounts were when their findings were counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from findings.models import CountedAccount
from inventory.models import OrganizationalUnit


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account was counted: in these OUs (keys, from the top down, without the root)."""

    ous: tuple[int, ...]
    team: int  # 0 is none
    environment: str


def counted(accounts: Iterable[int]) -> Mapping[int, Place]:
    """Where these accounts were counted, by key. Two queries."""
    rows = CountedAccount.objects.filter(pk__in=list(accounts))
    ous = dict(OrganizationalUnit.objects.values_list("ou_id", "pk"))
    return {
        key: Place(tuple(ous[step] for step in path.split("/")[1:-1]), team, environment)
        for key, path, team, environment in rows.values_list(
            "pk", "ou_path", "team_key", "environment"
        )
    }
