"""The values that there are to filter by, the numbers that stand for them, and what is chosen."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from django.db.models import Q

from findings.models import Control, CountedAccount, Dimension, FacetValue, Status
from findings.queries.counts.shapes import FACETS, SHOWN, Kind
from findings.queries.filters import MAY_BE_NONE, NONE, Filters
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit, Team

# By dimension: the numbers of the values to which the findings are narrowed.
Codes: TypeAlias = Mapping[Dimension, tuple[int, ...]]
_STATUSES: Final = tuple(status.value for status in Status)
_DICTIONARY: Final = frozenset(Dimension) - {
    Dimension.CONTROL,
    Dimension.OU,
    Dimension.TEAM,
    Dimension.ACCOUNT,
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One OU."""

    pk: int
    ou_id: str
    name: str
    label: str
    path: str
    depth: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the organisation: within `codes` of one dimension, of which it has `values`."""

    codes: Codes
    values: frozenset[int]

    def narrowed(self, codes: Codes) -> Codes:
        """What of the findings within `codes` is in the part."""
        narrowed = {**self.codes, **codes}
        for dimension in self.codes:
            narrowed[dimension] = tuple(c for c in narrowed[dimension] if c in self.values)
        return narrowed


EVERYTHING: Final = Part({}, frozenset())


@dataclass(frozen=True, slots=True)
class Known:
    """What is needed to read counts and to name their values."""

    user: AnyUser
    filters: Filters
    texts: Mapping[Dimension, Mapping[int, str]]
    teams: Mapping[int, tuple[str, str]]  # slug and name
    units: tuple[Unit, ...]
    controls: Mapping[str, int]  # of those chosen
    accounts: Mapping[str, int]  # of those chosen

    @classmethod
    def read(cls, user: AnyUser, filters: Filters) -> "Known":
        """Three queries, and one each where controls and accounts are chosen."""
        texts: dict[Dimension, dict[int, str]] = {dimension: {} for dimension in _DICTIONARY}
        for dimension, pk, text in FacetValue.objects.values_list("dimension", "pk", "text"):
            texts[Dimension(dimension)][pk] = text
        teams = Team.objects.values_list("pk", "slug", "name")
        controls, accounts = filters.controls, filters.accounts
        ids = Control.objects.filter(control_id__in=controls).values_list("control_id", "pk")
        chosen = Account.objects.visible_to(user).filter(account_id__in=accounts)
        return cls(
            user,
            filters,
            texts,
            {pk: (slug, name) for pk, slug, name in teams},
            _units(),
            dict(ids) if controls else {},
            dict(chosen.values_list("account_id", "pk")) if accounts else {},
        )

    def without(self, kind: Kind) -> "Known":
        """The same without the filter of this facet."""
        nothing = type(getattr(self.filters, kind.field))()
        return replace(self, filters=replace(self.filters, **{kind.field: nothing}))

    @property
    def is_whole(self) -> bool:
        """Whether the person sees the whole organisation."""
        return access.scope_of(self.user).everything

    @property
    def visible_units(self) -> Iterator[Unit]:
        """The live OUs of which the person sees every account."""
        paths = ("",) if self.is_whole else access.scope_of(self.user).ou_paths
        return (unit for unit in self.units if unit.is_live and unit.path.startswith(paths))

    def part(self) -> Part | None:
        """The part of the organisation that the person sees, where it is some teams or some OUs."""
        scope = access.scope_of(self.user)
        if scope.everything:
            return EVERYTHING
        if scope.nothing or (scope.ou_paths and scope.team_ids):
            return None
        if scope.team_ids:
            return Part({Dimension.TEAM: scope.team_ids}, frozenset(scope.team_ids))
        paths = scope.ou_paths
        inside = [u for u in self.units if u.path.startswith(paths)]
        # Of OUs within each other the outer one: a finding counts in both.
        outer = [u for u in inside if not any(u.path != p and u.path.startswith(p) for p in paths)]
        if any(not unit.depth for unit in outer):
            return None
        codes = {Dimension.OU: tuple(unit.pk for unit in outer)}
        return Part(codes, frozenset(unit.pk for unit in inside))

    def is_as_counted(self, part: Part, accounts: Iterable[int]) -> bool:
        """Whether exactly these accounts were counted in the part. One query."""
        paths = [u.path for u in self.units if u.pk in part.codes.get(Dimension.OU, ())]
        within = Q(team_key__in=part.codes.get(Dimension.TEAM, ()))
        for path in paths:
            within |= Q(ou_path__startswith=path)
        counted = CountedAccount.objects.filter(within, is_live=True)
        return set(counted.values_list("pk", flat=True)) == set(accounts)

    def is_lazy(self, kind: Kind) -> bool:
        """Whether there are so many values that only an opened facet shows them."""
        if kind.dimension in (Dimension.CONTROL, Dimension.ACCOUNT):
            return True
        if kind.dimension is Dimension.TEAM:
            return len(self.teams) > SHOWN
        return kind.dimension is not None and len(self.texts.get(kind.dimension, ())) > SHOWN

    def codes(self) -> Codes | None:
        """What the findings are narrowed to, as FacetCount has it; None where it has no number."""
        codes: dict[Dimension, tuple[int, ...]] = {}
        for kind in FACETS:
            chosen = getattr(self.filters, kind.field)
            if not chosen or kind.dimension is None:
                continue
            found = self._codes(kind, chosen)
            if found is None:
                return None
            if found != _ANYTHING:
                codes[kind.dimension] = found
        return codes

    def _codes(self, kind: Kind, chosen: "str | tuple[str, ...]") -> tuple[int, ...] | None:
        if isinstance(chosen, str):
            return self._unit(chosen)
        if kind.dimension is Dimension.CONTROL:
            return tuple(self.controls.values())
        if kind.dimension is Dimension.ACCOUNT:
            return tuple(self.accounts.values())
        if kind.dimension is Dimension.TEAM:
            return self.team_keys(chosen)
        texts = self.texts[Dimension(kind.dimension or 0)]
        stored = stored_texts(kind, chosen)
        return tuple(code for code, text in texts.items() if text in stored)

    def team_keys(self, chosen: Iterable[str]) -> tuple[int, ...]:
        """Keys of teams; 0 is no team."""
        slugs = set(chosen)
        return (0,) * (NONE in slugs) + tuple(
            k for k, (slug, _) in self.teams.items() if slug in slugs
        )

    def names_of_teams(self, counted: Mapping[str, int]) -> dict[str, str]:
        """Name by slug, of the person's own teams and of those that have any of what was counted."""
        mine = access.scope_of(self.user).team_ids
        return {
            slug: name
            for key, (slug, name) in self.teams.items()
            if self.is_whole or key in mine or counted.get(slug)
        }

    def _unit(self, path: str) -> tuple[int, ...] | None:
        roots = [unit.path for unit in self.units if not unit.depth]
        if roots == [path]:
            return _ANYTHING
        found = tuple(unit.pk for unit in self.units if unit.path == path and unit.depth)
        return found or None

    def statuses(self) -> tuple[int, ...]:
        """Positions in Status."""
        chosen = self.filters.statuses
        return tuple(n for n, status in enumerate(_STATUSES) if not chosen or status in chosen)

    def value(self, kind: Kind, code: int) -> str:
        """What a number of FacetCount is in Filters. Not of controls and accounts."""
        if kind.dimension is None:
            return _STATUSES[code]
        if kind.dimension is Dimension.TEAM:
            return self.teams[code][0] if code in self.teams else NONE
        return shown_text(kind, self.texts[kind.dimension][code])


# Instead of codes: the filter leaves nothing out.
_ANYTHING: Final = (-1,)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to count: the total, all values of the facets `open`, of others only those chosen."""

    known: Known
    open: "set[str]"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(k for k in FACETS if k.name in self.open or self.is_chosen(k))

    def only(self, names: "set[str]") -> "Wanted":
        """The same with other facets open."""
        return Wanted(self.known, names)

    def is_chosen(self, kind: Kind) -> bool:
        return bool(getattr(self.known.filters, kind.field))


def stored_texts(kind: Kind, chosen: Iterable[str]) -> set[str]:
    """The values as the tables have them."""
    texts = set(chosen)
    return texts | {""} if NONE in texts and kind.field in MAY_BE_NONE else texts


def shown_text(kind: Kind, text: str) -> str:
    return text or (NONE if kind.field in MAY_BE_NONE else "")


def _units() -> tuple[Unit, ...]:
    columns = ("pk", "ou_id", "name", "label", "path", "depth", "gone_at")
    rows = OrganizationalUnit.objects.values_list(*columns)
    return tuple(
        Unit(pk, ou_id, name, label, path, depth, gone_at is None)
        for pk, ou_id, name, label, path, depth, gone_at in rows
    )
