"""Counts out of FacetCount: as many rows are read as are shown, however many findings there are.

It has every facet within up to two filters; that a person sees only some teams or OUs is one, too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final

from django.db import connection

from findings.models import Control, Dimension, Status, bits
from findings.queries.counts.shapes import Kind, Tally, Total
from findings.queries.counts.values import EVERYTHING, Codes, Known, Part, Wanted
from inventory.models import Account

_COLUMNS: Final = "abc"
# So many pairs of filters are tried for the one that leaves fewest controls.
_PAIRS: Final = 10
# Facet 0 is the status; the others are numbered from 1 on.
_STATUS: Final = """
SELECT 0 AS facet, f.status::int AS value, sum(f.findings) AS findings
FROM unnest(%(s_dimensions)s::int[], %(s_a)s::int[], %(s_b)s::int[], %(s_c)s::int[])
    k (dimensions, a, b, c)
JOIN findings_facetcount f ON f.dimensions = k.dimensions AND f.status = ANY(%(all)s::int[])
    AND f.a = k.a AND f.b = k.b AND f.c = k.c
GROUP BY 1, 2
"""
_LISTED: Final = """
SELECT k.facet, f.{value}, sum(f.findings)
FROM unnest(%({value}_facet)s::int[], %({value}_dimensions)s::int[], %({value}_{p})s::int[],
    %({value}_{q})s::int[]) k (facet, dimensions, {p}, {q})
JOIN findings_facetcount f ON f.dimensions = k.dimensions AND f.status = ANY(%(statuses)s::int[])
    AND f.{p} = k.{p} AND f.{q} = k.{q}
GROUP BY 1, 2
"""
_CHOSEN: Final = """
SELECT k.facet, k.value, sum(f.findings)
FROM unnest(%(x_facet)s::int[], %(x_value)s::int[], %(x_dimensions)s::int[], %(x_a)s::int[],
    %(x_b)s::int[], %(x_c)s::int[]) k (facet, value, dimensions, a, b, c)
JOIN findings_facetcount f ON f.dimensions = k.dimensions AND f.status = ANY(%(statuses)s::int[])
    AND f.a = k.a AND f.b = k.b AND f.c = k.c
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class _Key:
    """Rows to read: for facet number `facet`, with these values, None where they are listed.

    `value` is that of the facet where it is given.
    """

    facet: int
    dimensions: int
    values: tuple[int | None, ...]
    value: int = 0


@dataclass(frozen=True, slots=True)
class _Listed:
    """A facet to count: all its values where it is open."""

    facet: int
    dimension: Dimension
    is_open: bool


def tally(wanted: Wanted, part: Part = EVERYTHING) -> Tally | None:
    """Counts of a part of the organisation. One query, and one each for the names of all controls
    and accounts.

    None where FacetCount does not have it: more filters, or an OU that there is not.
    """
    chosen, kinds = wanted.known.codes(), wanted.kinds
    if chosen is None:
        return None
    codes = part.narrowed(chosen)
    if not _is_kept(codes, kinds):
        return None
    keys = [_Key(0, dimensions, values) for dimensions, values in _keys(codes)]
    for number, kind in enumerate(kinds, start=1):
        if kind.dimension is not None:
            is_open = kind.name in wanted.open
            keys += _keys_of(_Listed(number, kind.dimension, is_open), codes, part)
    found = _read(keys, wanted.known.statuses())
    total = sum(found[0][status] for status in wanted.known.statuses())
    counts = {}
    for number, kind in enumerate(kinds, start=1):
        rows = found[0 if kind.dimension is None else number]
        counts[kind.name] = _named(kind, rows, wanted.known)
    return Tally(Total(total), counts)


def controls_within(known: Known) -> list[int] | None:
    """The controls, by key, that can have findings within all filters: within two of them, those two
    that leave fewest. One query; None where that cannot be told.
    """
    codes = known.codes() or {}
    if not codes.keys().isdisjoint({Dimension.CONTROL, Dimension.ACCOUNT}):
        return None
    pairs = tuple(combinations(codes, 2))[:_PAIRS]
    keys = [
        _Key(number, dimensions, values)
        for number, pair in enumerate(pairs, start=1)
        for dimensions, values in _keys({d: codes[d] for d in pair}, listed=Dimension.CONTROL)
    ]
    if not keys:
        return None
    found = _read(keys, tuple(range(len(Status))))
    return min((list(found[number]) for number in range(1, len(pairs) + 1)), key=len)


def _is_kept(codes: Codes, kinds: Iterable[Kind]) -> bool:
    """Whether everything wanted is a choice of dimensions that the rollups sum by."""
    wanted = [set(codes)]
    wanted += [{*codes, kind.dimension} for kind in kinds if kind.dimension is not None]
    return all(len(each) <= (2 if Dimension.ACCOUNT in each else 3) for each in wanted)


def _keys_of(listed: _Listed, codes: Codes, part: Part) -> Iterator[_Key]:
    """What to read for a facet: all values, or those that are chosen or in the part."""
    dimension = listed.dimension
    if listed.is_open and dimension not in part.codes:
        others = {d: values for d, values in codes.items() if d != dimension}
        for dimensions, values in _keys(others, listed=dimension):
            yield _Key(listed.facet, dimensions, values)
        return
    for code in part.values if listed.is_open else codes.get(dimension, ()):
        for dimensions, values in _keys({**codes, dimension: (code,)}):
            yield _Key(listed.facet, dimensions, values, code)


def _keys(
    codes: Codes, *, listed: Dimension | None = None
) -> Iterator[tuple[int, tuple[int | None, ...]]]:
    """The bits and a, b, c of every choice of one value of each dimension."""
    of: dict[Dimension, tuple[int | None, ...]] = {**codes}
    if listed is not None:
        of[listed] = (None,)
    dimensions = sorted(of)
    rest = (0,) * (len(_COLUMNS) - len(dimensions))
    for values in product(*(of[dimension] for dimension in dimensions)):
        yield bits(dimensions), (*values, *rest)


def _read(keys: Iterable[_Key], statuses: tuple[int, ...]) -> Mapping[int, Counter[int]]:
    """Findings by number of the facet and value."""
    by_way: dict[str, list[_Key]] = {way: [] for way in ("s", "x", *_COLUMNS)}
    for key in keys:
        way = _COLUMNS[key.values.index(None)] if None in key.values else "x"
        by_way["s" if not key.facet else way].append(key)
    parts: list[str] = []
    values: dict[str, Any] = {
        "statuses": list(statuses),
        "all": list(range(len(Status))),
    }
    for way, chosen in by_way.items():
        if not chosen:
            continue
        parts.append(_statement(way))
        values |= _values(way, chosen)
    found: defaultdict[int, Counter[int]] = defaultdict(Counter)
    if not parts:  # a filter by what there is not
        return found
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        for facet, value, findings in cursor.fetchall():
            found[facet][value] = int(findings)
    return found


def _statement(way: str) -> str:
    if way not in _COLUMNS:
        return _STATUS if way == "s" else _CHOSEN
    p, q = (name for name in _COLUMNS if name != way)
    return _LISTED.format(value=way, p=p, q=q)


def _values(way: str, keys: list[_Key]) -> dict[str, Any]:  # lists of numbers
    columns = dict(zip(_COLUMNS, zip(*(key.values for key in keys), strict=True), strict=True))
    return {
        f"{way}_facet": [key.facet for key in keys],
        f"{way}_value": [key.value for key in keys],
        f"{way}_dimensions": [key.dimensions for key in keys],
        **{f"{way}_{name}": list(values) for name, values in columns.items()},
    }


def _named(kind: Kind, rows: Mapping[int, int], known: Known) -> Mapping[str, int]:
    if not rows:
        return {}
    named: Counter[str] = Counter()
    if kind.dimension is Dimension.OU:
        paths = {unit.pk: unit.path for unit in known.units}
        return {paths[code]: findings for code, findings in rows.items()}
    if kind.dimension is Dimension.CONTROL:
        ids = dict(Control.objects.filter(pk__in=list(rows)).values_list("pk", "control_id"))
        return {ids[code]: findings for code, findings in rows.items() if code in ids}
    if kind.dimension is Dimension.ACCOUNT:
        ids = dict(Account.objects.filter(pk__in=list(rows)).values_list("pk", "account_id"))
        return {ids[code]: findings for code, findings in rows.items() if code in ids}
    for code, findings in rows.items():
        named[known.value(kind, code)] += findings
    return named
