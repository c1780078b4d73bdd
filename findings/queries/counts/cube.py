"""Counts of rows: of FindingCount for some accounts or for many filters, or of found findings.

One statement for total and facets. A row that only one filter shuts out counts in the facet of that
filter, and nowhere else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connection

from findings.models import AGE_SQL, EXPOSURE_SQL, SLA_SQL, Control, Dimension
from findings.queries.counts.shapes import FACETS, Kind, Tally, Total
from findings.queries.counts.values import Known, Wanted, shown_text, stored_texts
from inventory.access import AnyUser
from inventory.models import Account

# Columns of the rows are named as the facets.
_COUNTED: Final = """
SELECT c.severity, c.status, c.workflow, k.area, c.control_id AS control, c.product,
    c.account_id AS account, p.environment, p.ou_path AS ou, p.team_key AS team, c.region,
    c.resource_type AS type, c.age, c.sla, c.exposure,
    CASE WHEN c.is_excepted THEN 'yes' ELSE 'no' END AS excepted, c.findings
FROM findings_findingcount c
JOIN findings_countedaccount p ON p.account_id = c.account_id
JOIN findings_countedcontrol k ON k.control_id = c.control_id
"""
_OF_ACCOUNTS: Final = " WHERE c.account_id = ANY(%(accounts_seen)s)"
_OF_CONTROLS: Final = " WHERE c.control_id = ANY(%(controls_within)s)"
FOUND: Final = f"""
SELECT f.severity, f.status, f.workflow, k.area, f.control_id AS control, f.product,
    f.account_id AS account, a.environment, o.path AS ou, COALESCE(a.team_id, 0) AS team, f.region,
    f.resource_type AS type, {AGE_SQL} AS age, {SLA_SQL} AS sla, {EXPOSURE_SQL} AS exposure,
    CASE WHEN f.is_excepted THEN 'yes' ELSE 'no' END AS excepted, 1 AS findings
FROM findings_finding f
JOIN findings_control k ON k.id = f.control_id
JOIN inventory_account a ON a.id = f.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE f.id = ANY(%(found)s)
"""
# A row with one miss at most; `missed` has the bit of the filter that shuts it out. OFFSET 0 has it
# computed once.
_TALLY: Final = """
SELECT GROUPING({columns}), {columns}, missed, sum(findings)::bigint FROM (
    SELECT *, {missed} AS missed FROM ({rows}) rows {within} OFFSET 0
) marked
WHERE missed & (missed - 1) = 0
GROUP BY GROUPING SETS ({sets})
"""


def accounts_of(user: AnyUser) -> list[int]:
    """The accounts whose counts the person may see, by key. One query."""
    return list(Account.objects.visible_to(user).live().values_list("pk", flat=True))


def tally(wanted: Wanted, *, accounts: Sequence[int]) -> Tally:
    """Counts of some accounts. One query, and one each for the names of controls and accounts."""
    return tally_of(_COUNTED + _OF_ACCOUNTS, {"accounts_seen": list(accounts)}, wanted)


def tally_of_all(wanted: Wanted, *, controls: Sequence[int] | None = None) -> Tally:
    """Counts of all accounts. One query, and one each for the names of controls and accounts.

    :param controls: those that can have findings within the filters, where that is known.
    """
    if controls is None:
        return tally_of(_COUNTED, {}, wanted)
    return tally_of(_COUNTED + _OF_CONTROLS, {"controls_within": list(controls)}, wanted)


def tally_of(rows: str, values: dict[str, Any], wanted: Wanted) -> Tally:
    """Counts of the rows that a query with these values has."""
    known, kinds = wanted.known, wanted.kinds
    chosen = [kind for kind in FACETS if getattr(known.filters, kind.field)]
    # Of a facet with chosen values only, rows outside of them are not needed.
    loose = [kind for kind in chosen if kind.name in wanted.open]
    conditions = {kind.name: _condition(kind, known, values) for kind in chosen}
    strict = [conditions[kind.name] for kind in chosen if kind not in loose]
    misses = [
        f"CASE WHEN {conditions[kind.name]} THEN 0 ELSE {1 << number} END"
        for number, kind in enumerate(loose)
    ]
    status = FACETS[1]
    grouped = [status.name, *(kind.name for kind in kinds if kind is not status)]
    statement = _TALLY.format(
        columns=", ".join(grouped),
        missed=" + ".join(misses) or "0",
        rows=rows,
        within=f"WHERE {' AND '.join(strict)}" if strict else "",
        sets=", ".join(f"({name}, missed)" for name in grouped),
    )
    own = {kind.name: 1 << number for number, kind in enumerate(loose)}
    total, found = _read(statement, values, grouped, own)
    counts = {kind.name: _named(kind, found[kind.name], known) for kind in kinds}
    return Tally(Total(total), counts)


def _read(
    statement: str, values: dict[str, Any], grouped: Sequence[str], own: dict[str, int]
) -> tuple[int, dict[str, Counter[Any]]]:
    """The total, and findings by facet and value, as the table has it."""
    total, found = 0, defaultdict[str, Counter[Any]](Counter)
    # GROUPING has a bit for every column that is not grouped by, the last column's being the lowest.
    everything = (1 << len(grouped)) - 1
    name_of = {
        everything - (1 << (len(grouped) - 1 - position)): (position, name)
        for position, name in enumerate(grouped)
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for grouping, *row, missed, findings in cursor.fetchall():
            position, name = name_of[grouping]
            if missed in (0, own.get(name)):
                found[name][row[position]] += findings
            if name == grouped[0] and not missed:
                total += findings
    return total, found


def _condition(kind: Kind, known: Known, values: dict[str, Any]) -> str:
    """SQL that is true of the rows within the filter; puts its value into `values`."""
    chosen = getattr(known.filters, kind.field)
    if kind.dimension is Dimension.OU:
        values[kind.name] = chosen
        return "starts_with(ou, %(ou)s)"
    if kind.dimension is Dimension.CONTROL:
        values[kind.name] = list(known.controls.values())
    elif kind.dimension is Dimension.ACCOUNT:
        values[kind.name] = list(known.accounts.values())
    elif kind.dimension is Dimension.TEAM:
        values[kind.name] = list(known.team_keys(chosen))
    else:
        values[kind.name] = sorted(stored_texts(kind, chosen))
        return f"{kind.name} = ANY(%({kind.name})s::text[])"
    return f"{kind.name} = ANY(%({kind.name})s::bigint[])"


def _named(kind: Kind, rows: Counter[Any], known: Known) -> Counter[str]:
    if kind.dimension is Dimension.OU:
        return _climbed(rows)
    names: dict[Any, str] = {}
    if kind.dimension is Dimension.CONTROL:
        names = _ids(Control.objects.filter(pk__in=list(rows)).values_list("pk", "control_id"))
    elif kind.dimension is Dimension.ACCOUNT:
        names = _ids(Account.objects.filter(pk__in=list(rows)).values_list("pk", "account_id"))
    elif kind.dimension is Dimension.TEAM:
        names = {key: known.value(kind, key) for key in rows}
    else:
        names = {text: shown_text(kind, text) for text in rows}
    named: Counter[str] = Counter()
    for value, findings in rows.items():
        if value in names:
            named[names[value]] += findings
    return named


def _ids(pairs: Iterable[tuple[int, str]]) -> dict[Any, str]:
    return dict(pairs)


def _climbed(rows: Counter[str]) -> Counter[str]:
    """Findings by the path of every OU below the root that they count in."""
    climbed: Counter[str] = Counter()
    for path, findings in rows.items():
        steps = path.split("/")[:-1]
        for depth in range(2, len(steps) + 1):
            climbed["/".join(steps[:depth]) + "/"] += findings
    return climbed
