"""People and service accounts: who they are, what they may do and see."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from inventory import web
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit, OuAccess, Team, TeamMembership
from inventory.web import Key, Page
from posture.models import Profile
from posture.policies import roles
from posture.policies import sign_in as policies
from posture.policies.roles import Right

PAGE_SIZE: Final = 50
# By when they may be found: whom there is, by name.
_KEYS: Final = (Key("username"), Key("pk"))
_FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class Source(StrEnum):
    """Where somebody signs in; the value is what people read."""

    LOCAL = "Here"
    PROVIDER = "Identity provider"
    TOKEN = "Token only"  # noqa: S105 - a label


class State(StrEnum):
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SERVICE = "SERVICE"


@dataclass(frozen=True, slots=True)
class Held:
    """A role or a team; `by` is the group of the identity provider that gives it, "" by hand."""

    key: str  # the name of the role, the slug of the team
    label: str
    by: str


@dataclass(frozen=True, slots=True)
class Place:
    """An OU that somebody sees, with everything below it; `label` is its path of names."""

    ou_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Person:
    """`other_groups` are groups that are no roles. `has_factor` is None where none is asked for here.

    `refused_at` is set when the identity provider's last answer let the person in no more.
    """

    pk: int
    username: str
    name: str
    email: str
    kind: str
    kind_label: str
    purpose: str
    is_active: bool
    is_superuser: bool
    is_you: bool
    roles: tuple[Held, ...]
    other_groups: tuple[str, ...]
    teams: tuple[Held, ...]
    ous: tuple[Place, ...]
    source: Source
    has_factor: bool | None
    signed_in_at: datetime | None
    refused_at: datetime | None

    @property
    def is_service(self) -> bool:
        return self.kind == Profile.Kind.SERVICE

    @property
    def shown_name(self) -> str:
        return self.name or self.username


def people(
    user: AnyUser, *, q: str = "", role: str = "", state: str = "", cursor_text: str = ""
) -> Page[Person]:
    """One page, by user name. Five queries; nobody for people who do not manage people.

    :param q: in the user name, the names or the address. :param state: of State, "" is all.
    """
    rows = _people(user)
    if q:
        rows = rows.filter(
            Q(username__icontains=q)
            | Q(first_name__icontains=q)
            | Q(last_name__icontains=q)
            | Q(email__icontains=q)
        )
    if role:
        rows = rows.filter(groups__name=role)
    if state == State.SERVICE:
        rows = rows.filter(profile__kind=Profile.Kind.SERVICE)
    elif state:
        rows = rows.filter(is_active=state == State.ACTIVE)
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    found = tuple(_person(row, user) for row in page.rows)
    return Page(found, page.next_cursor, page.previous_cursor)


def person(user: AnyUser, pk: int) -> Person | None:
    """One of them; None where there is none, or for people who do not manage people."""
    row = _people(user).filter(pk=pk).first()
    return None if row is None else _person(row, user)


def rights_of(user: AnyUser, pk: int) -> tuple[tuple[Right, tuple[str, ...]], ...]:
    """What the person may do now, each right with the roles that give it; () where switched off."""
    row = _people(user).filter(pk=pk).first()
    if row is None or not row.is_active:
        return ()
    held = {group.name for group in row.groups.all()}
    return tuple(
        (right, tuple(r.name for r in roles.ROLES if r.name in held and right.code in r.rights))
        for right in roles.RIGHTS
        if row.has_perm(right.code)
    )


def teams_to_join(person: Person) -> tuple[tuple[str, str], ...]:
    """Slug and name of the teams that the person is not in. One query."""
    rows = Team.objects.exclude(slug__in=[team.key for team in person.teams])
    return tuple(rows.order_by("name", "pk").values_list("slug", "name"))


def ous_to_grant(person: Person) -> tuple[tuple[str, str], ...]:
    """Id and path of names of the live OUs that are not granted to the person. One query."""
    rows = OrganizationalUnit.objects.live().exclude(ou_id__in=[ou.ou_id for ou in person.ous])
    found = rows.order_by("label", "pk").values_list("ou_id", "label", "name")
    return tuple((ou_id, label or name) for ou_id, label, name in found)


def _people(user: AnyUser) -> "QuerySet[User]":
    if not user.has_perm(roles.MANAGE_PEOPLE):
        return User.objects.none()
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=_FACTORS)
    return (
        User.objects.select_related("profile", "provider_sign_in")
        .annotate(has_factor=Exists(factors))
        .prefetch_related(
            "groups",
            "provided_roles",
            "provided_teams",
            Prefetch("team_memberships", TeamMembership.objects.select_related("team")),
            Prefetch("ou_access", OuAccess.objects.select_related("ou")),
        )
    )


def _person(row: User, user: AnyUser) -> Person:
    kind = policies.kind_of(row)
    profile = getattr(row, "profile", None)
    names = sorted(group.name for group in row.groups.all())
    is_local = policies.is_local(row)
    last = getattr(row, "provider_sign_in", None)
    return Person(
        pk=row.pk,
        username=row.get_username(),
        name=row.get_full_name(),
        email=row.email,
        kind=kind,
        kind_label=Profile.Kind(kind).label,
        purpose=profile.purpose if profile else "",
        is_active=row.is_active,
        is_superuser=row.is_superuser,
        is_you=row.pk == user.pk,
        roles=_roles(row, names),
        other_groups=tuple(name for name in names if name not in roles.ROLE_NAMES),
        teams=_teams(row),
        ous=_places(row),
        source=_source(kind, is_local=is_local),
        # Of _people: an annotation, which no type can name.
        has_factor=bool(row.has_factor) if is_local else None,  # type: ignore[attr-defined]
        signed_in_at=row.last_login,
        refused_at=last.refused_at if last else None,
    )


def _roles(row: User, names: list[str]) -> tuple[Held, ...]:
    """In the order of the table."""
    keys = {group.name: group.pk for group in row.groups.all()}
    by = {provided.role_id: provided.by for provided in row.provided_roles.all()}
    return tuple(
        Held(name, name, by.get(keys[name], "")) for name in roles.ROLE_NAMES if name in names
    )


def _teams(row: User) -> tuple[Held, ...]:
    by = {provided.team_id: provided.by for provided in row.provided_teams.all()}
    found = [
        Held(member.team.slug, member.team.name, by.get(member.team_id, ""))
        for member in row.team_memberships.all()
    ]
    return tuple(sorted(found, key=lambda held: (held.label.casefold(), held.key)))


def _places(row: User) -> tuple[Place, ...]:
    found = [Place(a.ou.ou_id, a.ou.label or a.ou.name) for a in row.ou_access.all()]
    return tuple(sorted(found, key=lambda place: (place.label.casefold(), place.ou_id)))


def _source(kind: str, *, is_local: bool) -> Source:
    if kind == Profile.Kind.SERVICE:
        return Source.TOKEN
    return Source.LOCAL if is_local else Source.PROVIDER
