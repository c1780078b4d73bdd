"""The catalogue as it is loaded: what evaluation, what-if and exports work with, never the files.

Imports the catalogue and its engine, which takes a second: for tasks, commands and the few views that
need the text. Pages read `queries.register`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from invariants import catalog
from invariants.catalog import stored
from invariants.models import CatalogLoad, Invariant, InvariantVersion
from inventory.models import Organization


def catalogue_of(organization: Organization) -> catalog.Catalogue:
    """The newest catalogue without mistakes, retired invariants included; empty where none was loaded.

    Two queries.
    """
    loaded = newest_load(organization)
    if loaded is None:
        return catalog.Catalogue(MappingProxyType({}), MappingProxyType({}))
    versions = InvariantVersion.objects.filter(
        invariant__organization=organization, invariant__gone_at=None, replaced_at=None
    )
    rows = versions.select_related("invariant").order_by("invariant__key")
    return catalog.Catalogue(
        MappingProxyType({row.invariant.key: _entry(row) for row in rows}),
        MappingProxyType({n: tuple(values) for n, values in loaded.parameters.items()}),
        frozenset(loaded.own_parameters),
    )


def newest_load(organization: Organization) -> CatalogLoad | None:
    """The newest reading without mistakes; None where there is none."""
    loaded = CatalogLoad.objects.filter(organization=organization, state=CatalogLoad.State.LOADED)
    return loaded.order_by("-pk").first()


def keys(organization: Organization) -> dict[str, int]:
    """The primary key of each live invariant, by its key."""
    live = Invariant.objects.live().filter(organization=organization)
    return dict(live.values_list("key", "pk"))


def record_of(version: InvariantVersion) -> catalog.Invariant:
    return stored.from_data(version.content)


def records_of(versions: Iterable[InvariantVersion]) -> Mapping[int, catalog.Invariant]:
    """The records by the primary keys of their invariants."""
    return {version.invariant_id: record_of(version) for version in versions}


def _entry(row: InvariantVersion) -> catalog.Entry:
    source = row.source
    overridden = source.get("overridden_file")
    place = catalog.Place(Path(source["file"]), source["line"])
    return catalog.Entry(
        invariant=record_of(row),
        version=catalog.Version(row.declared, row.digest),
        place=place,
        parameters=frozenset(source["parameters"]),
        overridden_at=catalog.Place(Path(overridden), source["overridden_line"])
        if overridden
        else None,
        because=source.get("because", ""),
    )
