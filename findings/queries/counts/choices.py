"""Counts as choices that a person can make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from django.db.models import Q

from findings.models import Age, Area, Control, Dimension, Exposure, Severity, Sla, Status
from findings.queries.counts.shapes import SHOWN, Choice, Facet, Kind, Tally
from findings.queries.counts.values import Known, Unit
from findings.queries.filters import NONE, Filters
from inventory.models import Account

_OUS_SHOWN: Final = 15
_DEEPEST: Final = 3
# Facets whose values are known beforehand; those without findings are shown, too.
_FIXED: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "severity": Severity.choices,
    "status": Status.choices,
    "sla": Sla.choices,
    "age": Age.choices,
    "exposure": Exposure.choices,
    "area": Area.choices,
    "excepted": [("no", "Not excepted"), ("yes", "Excepted")],
}
_NOTHING: Final[Mapping[str, str]] = {"age": "Not open", "sla": "Not open", "area": "No area yet"}
# As AWS writes the names of its products; others are made readable from their slugs.
_PRODUCTS: Final[Mapping[str, str]] = {
    "securityhub": "Security Hub",
    "guardduty": "GuardDuty",
    "inspector": "Inspector",
    "macie": "Macie",
    "config": "Config",
    "health": "Health",
    "access-analyzer": "IAM Access Analyzer",
    "firewall-manager": "Firewall Manager",
    "ssm-patch-manager": "Patch Manager",
    "patch-manager": "Patch Manager",
}
_Labels = Mapping[str, str]


def facet(kind: Kind, tally: Tally, known: Known, filters: Filters) -> Facet:
    """A facet of the first page: all its choices, or of a lazy one those chosen.

    One query where controls or accounts are chosen, for their names.
    """
    if kind.dimension is Dimension.OU:
        return _units(kind, tally, known, filters)
    chosen = getattr(filters, kind.field)
    is_lazy = known.is_lazy(kind)
    counted = tally.findings.get(kind.name)
    values = chosen if is_lazy else _values(kind, counted or {}, known, chosen)
    labels = _labels(kind, values, known, counted or {})
    choices = tuple(_choices(values, labels, counted, chosen))
    return Facet(kind.name, kind.title, kind.is_single, choices, is_lazy=is_lazy)


def opened(kind: Kind, tally: Tally, known: Known, filters: Filters, *, contains: str) -> Facet:
    """The most frequent values that have `contains` in their id or name, and all chosen."""
    if kind.dimension is Dimension.OU:
        return _units(kind, tally, known, filters)
    chosen = getattr(filters, kind.field)
    counted = tally.findings.get(kind.name)
    values = _values(kind, counted or {}, known, chosen)
    labels = _labels(kind, values, known, counted or {})
    text = contains.strip().casefold()
    fitting = [v for v in values if v not in chosen and text in f"{v}\n{labels[v]}".casefold()]
    shown = fitting if kind.name in _FIXED else fitting[:SHOWN]
    kept = [value for value in values if value in chosen or value in set(shown)]
    return Facet(
        kind.name,
        kind.title,
        kind.is_single,
        tuple(_choices(kept, labels, counted, chosen)),
        is_lazy=known.is_lazy(kind),
        more=len(fitting) - len(shown),
    )


def _values(
    kind: Kind, counted: Mapping[str, int], known: Known, chosen: Sequence[str]
) -> list[str]:
    """Fixed values in their order, others the most frequent first; then what is without a value."""
    fixed = [value for value, _ in _FIXED.get(kind.name, ())]
    present = {value for value, findings in counted.items() if findings} | set(chosen)
    if not counted and not fixed:
        present |= set(_every(kind, known))
    nothing = [value for value in (NONE, "") if value in present and value not in fixed]
    others = present - set(fixed) - set(nothing)
    return fixed + sorted(others, key=lambda value: (-counted.get(value, 0), value)) + nothing


def _every(kind: Kind, known: Known) -> Iterable[str]:
    """Values to offer where nothing can be counted; not of accounts and controls."""
    if kind.dimension is Dimension.TEAM:
        return [slug for slug, _ in known.teams.values()] if known.is_whole else []
    texts = known.texts.get(kind.dimension, {}) if kind.dimension is not None else {}
    return [text for text in texts.values() if text] if known.is_whole else []


def _choices(
    values: Iterable[str],
    labels: _Labels,
    counted: Mapping[str, int] | None,
    chosen: Sequence[str],
) -> Iterator[Choice]:
    for value in values:
        findings = None if counted is None else counted.get(value, 0)
        yield Choice(value, labels[value], findings, value in chosen)


def _labels(kind: Kind, values: Sequence[str], known: Known, counted: Mapping[str, int]) -> _Labels:
    """What people call these values. One query for accounts and for controls.

    Any value can be chosen by typing it into the address: what the person sees nothing of keeps the
    name that they typed.
    """
    names = dict(_FIXED.get(kind.name, ()))
    if kind.dimension is Dimension.TEAM:
        names = known.names_of_teams(counted)
    elif kind.dimension is Dimension.ACCOUNT and values:
        accounts = Account.objects.visible_to(known.user).filter(account_id__in=values)
        names = dict(accounts.values_list("account_id", "name"))
    elif kind.dimension is Dimension.CONTROL and values:
        controls = Control.objects.filter(control_id__in=values)
        if not known.is_whole:
            # What AWS checks is no secret; other controls tell what runs where they have findings.
            found = [value for value in values if counted.get(value)]
            controls = controls.filter(Q(is_scored=True) | Q(control_id__in=found))
        titles = controls.values_list("control_id", "title")
        names = {control_id: f"{control_id} {title}" for control_id, title in titles}
    elif kind.dimension is Dimension.PRODUCT:
        names = {value: _PRODUCTS.get(value, _readable(value)) for value in values}
    elif kind.dimension is Dimension.WORKFLOW:
        names = {value: value.capitalize() for value in values}
    nothing = _NOTHING.get(kind.name, NONE)
    return {
        value: names.get(value) or (nothing if value in ("", NONE) else value) for value in values
    }


def _readable(slug: str) -> str:
    return slug.replace("-", " ").capitalize()


def _units(kind: Kind, tally: Tally, known: Known, filters: Filters) -> Facet:
    """The OUs with most findings below them, in tree order; each counts everything below it."""
    counted = tally.findings.get(kind.name)
    below = counted or {}
    units = _in_tree_order(unit for unit in known.visible_units if unit.depth)
    if not units:
        return Facet(kind.name, kind.title, kind.is_single, ())
    largest = sorted(units, key=lambda unit: (-below.get(unit.path, 0), unit.depth))
    shown = {unit.path for unit in largest[:_OUS_SHOWN] if counted is None or below.get(unit.path)}
    shown.add(filters.ou_path)
    shallowest = min((unit.depth for unit in units if unit.path in shown), default=1)
    choices = [
        Choice(
            unit.ou_id,
            unit.name,
            None if counted is None else below.get(unit.path, 0),
            unit.path == filters.ou_path,
            indent=min(unit.depth - shallowest, _DEEPEST),
        )
        for unit in units
        if unit.path in shown
    ]
    everything = Choice("", "All", None, not filters.ou_path)
    return Facet(kind.name, kind.title, kind.is_single, (everything, *choices) if choices else ())


def _in_tree_order(units: Iterable[Unit]) -> list[Unit]:
    """Parents before their children, siblings by name."""
    return sorted(units, key=lambda unit: unit.label.casefold().split(" / ") if unit.label else [])
