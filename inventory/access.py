"""Who sees what: the one place that turns a user into a filter.

Every read that a person can reach starts from `visible_to(user)` of a QuerySet, and every
`visible_to` is built from the functions here.
"""

from dataclasses import dataclass
from typing import TypeAlias

from django.apps import apps
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q

AnyUser: TypeAlias = User | AnonymousUser

_NOTHING = Q(pk__in=[])


@dataclass(frozen=True, slots=True)
class Scope:
    """What a user may see: everything, or whole subtrees of OUs and the accounts of teams."""

    everything: bool
    ou_paths: tuple[str, ...] = ()
    team_ids: tuple[int, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.everything or self.ou_paths or self.team_ids)


def scope_of(user: AnyUser) -> Scope:
    """The user's scope: three queries at most, then kept on the user object, so once a request."""
    kept: Scope | None = getattr(user, "_scope", None)
    if kept is None:
        kept = _read_scope(user)
        user._scope = kept  # type: ignore[union-attr]
    return kept


def _read_scope(user: AnyUser) -> Scope:
    if isinstance(user, AnonymousUser) or not user.is_active:
        return Scope(everything=False)
    if user.has_perm("inventory.see_whole_organization"):
        return Scope(everything=True)
    granted = apps.get_model("inventory", "OuAccess").objects.filter(user=user)
    teams = apps.get_model("inventory", "TeamMembership").objects.filter(user=user)
    return Scope(
        everything=False,
        ou_paths=tuple(granted.order_by("ou__path").values_list("ou__path", flat=True)),
        team_ids=tuple(teams.order_by("team_id").values_list("team_id", flat=True)),
    )


def ous(user: AnyUser, *, prefix: str) -> Q:
    """Filter for rows that hang on an OU by the relation `prefix` ("" is the OU itself, or "ou__").

    True where the user may see every account below that OU.
    """
    scope = scope_of(user)
    if scope.everything:
        return Q()
    return _under(scope.ou_paths, f"{prefix}path__startswith") if scope.ou_paths else _NOTHING


def accounts(user: AnyUser, *, prefix: str) -> Q:
    """Filter for rows that hang on an account by `prefix` ("" is the account, or "account__")."""
    scope = scope_of(user)
    if scope.everything:
        return Q()
    if scope.nothing:
        return _NOTHING
    allowed = _under(scope.ou_paths, f"{prefix}ou__path__startswith")
    if scope.team_ids:
        allowed |= Q(**{f"{prefix}team_id__in": scope.team_ids})
    return allowed


def _under(paths: tuple[str, ...], lookup: str) -> Q:
    allowed = Q()
    for path in paths:
        allowed |= Q(**{lookup: path})
    return allowed
