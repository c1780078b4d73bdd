"""Findings lists that are kept under a name: everybody's own, the shared ones, and the ready-made."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.http import QueryDict

from findings.models import SavedView
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit, Team

# A menu of more is no menu.
SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """`query` is a query string of the list; `owner` is "" for the person's own views."""

    pk: int
    name: str
    query: str
    is_shared: bool
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """A view that everybody has."""

    name: str
    query: str


_WORST = "severity=CRITICAL&exposure=PUBLIC&environment=production&sla=OVERDUE"
PRESETS: Final = (
    Preset("Critical, public, in production, past due", _WORST),
    Preset("Past due", "sla=OVERDUE"),
    Preset("New this week", "age=WEEK"),
    Preset("Public", "exposure=PUBLIC"),
    Preset("No due date", "sla=NONE"),
    Preset("Suppressed", "workflow=SUPPRESSED"),
)


# What says nothing of any account; of the other filters the names have to be known to who sees a view.
_OF_NOBODY: Final = frozenset(
    {"severity", "status", "workflow", "area", "age", "sla", "exposure", "excepted"}
    | {"overdue", "sort"}
)


def views(user: AnyUser) -> tuple[View, ...]:
    """The person's own views, then those that others share, by name. One query, and three for people
    who do not see the whole organisation.

    A shared view is only a query: whoever opens it sees what is in their own scope. But it may name
    accounts, OUs and teams, and hold words: one that names what lies outside of the person's scope is
    not shown to them.
    """
    rows = SavedView.objects.visible_to(user).select_related("owner").order_by("name", "pk")
    found = [
        View(
            row.pk,
            row.name,
            row.query,
            row.is_shared,
            "" if row.owner_id == user.pk else row.owner.get_full_name() or row.owner.username,
        )
        for row in _within_scope(user, rows)[:SHOWN]
    ]
    return tuple(sorted(found, key=lambda view: bool(view.owner)))


def _within_scope(user: AnyUser, rows: Iterable[SavedView]) -> list[SavedView]:
    found = list(rows)
    if access.scope_of(user).everything:
        return found
    asked = {row.pk: QueryDict(row.query) for row in found if row.owner_id != user.pk}
    known = _names(user, asked.values())
    return [row for row in found if row.pk not in asked or _is_known(asked[row.pk], known)]


def _is_known(query: QueryDict, known: dict[str, set[str]]) -> bool:
    return all(
        name in _OF_NOBODY or set(values) <= known.get(name, set())
        for name, values in query.lists()
    )


def _names(user: AnyUser, queries: Iterable[QueryDict]) -> dict[str, set[str]]:
    """Of the accounts, teams and OUs that these queries name, those that the person sees."""
    named: dict[str, set[str]] = {"account": set(), "team": set(), "ou": set()}
    for query in queries:
        for name, values in named.items():
            values.update(query.getlist(name))
    mine = Account.objects.visible_to(user)
    ous = OrganizationalUnit.objects.visible_to(user).filter(
        Q(ou_id__in=named["ou"]) | Q(name__in=named["ou"]) | Q(label__in=named["ou"])
    )
    teams = Team.objects.filter(slug__in=named["team"], account__in=mine)
    return {
        "account": set(
            mine.filter(account_id__in=named["account"]).values_list("account_id", flat=True)
        ),
        "team": set(teams.values_list("slug", flat=True)),
        "ou": {text for row in ous.values_list("ou_id", "name", "label") for text in row},
    }
