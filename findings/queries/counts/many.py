"""Counts within more filters than FacetCount has, for people who see the whole organisation."""

from collections.abc import Mapping, Sequence

from findings.models import Dimension
from findings.queries.counts import cube, sums
from findings.queries.counts.shapes import FACETS, Kind, Tally
from findings.queries.counts.values import Wanted


def tally(wanted: Wanted) -> Tally:
    """Out of the rows that all filters leave, which are of few controls; the facets that are
    themselves filtered by need other rows, and are counted apart. Five queries at most, and one each
    for the names of controls and accounts.
    """
    codes = wanted.known.codes()
    if codes is None or Dimension.ACCOUNT in codes:
        return cube.tally_of_all(wanted)  # an account has few rows: once through them is enough
    own = [
        kind
        for kind in FACETS
        if kind.dimension is not None and kind.name in wanted.open and wanted.is_chosen(kind)
    ]
    rest = wanted.only(wanted.open - {kind.name for kind in own})
    found = cube.tally_of_all(rest, controls=sums.controls_within(wanted.known))
    if not own:
        return found
    counted = _of_three(wanted, own) if len(codes) == 3 else _of_more(wanted, own)
    return Tally(found.total, {**found.findings, **counted})


def _of_more(wanted: Wanted, own: Sequence[Kind]) -> Mapping[str, Mapping[str, int]]:
    """Facets within all filters but their own, out of all rows of the status."""
    found = cube.tally_of_all(wanted.only({kind.name for kind in own}))
    return {kind.name: found.findings[kind.name] for kind in own}


def _of_three(wanted: Wanted, own: Sequence[Kind]) -> Mapping[str, Mapping[str, int]]:
    """The same where two filters are left of three: for those there are sums."""
    counted = {}
    for kind in own:
        alone = sums.tally(Wanted(wanted.known.without(kind), {kind.name}))
        if alone is not None:
            counted[kind.name] = alone.findings[kind.name]
    return counted
