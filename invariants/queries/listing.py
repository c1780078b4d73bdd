"""The list of invariants: what always has to hold, and how far it does.

The statement of an invariant is for everybody who sees any account; the numbers beside it are of the
person's own accounts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from findings.models import Area
from invariants.models import Invariant
from invariants.queries import coverage, denials, drift, violations, words
from invariants.queries.counts import Counts, total
from inventory.access import AnyUser

# What the list can be narrowed to by coverage, and the words for it.
COVERAGE: Final = {
    "holds": "Holds everywhere",
    "gaps": "Missing or broken somewhere",
    "broken": "Broken somewhere",
    "excepted": "With exceptions or carve-outs",
    "unknown": "Unknown somewhere",
    "nowhere": "Enforced nowhere",
}
HEADS: Final = (
    "key",
    "statement",
    "area",
    "type",
    "state",
    "state since",
    "severity",
    "mandatory",
    "owner",
    "accounts enforced",
    "accounts enforced with carve-out",
    "accounts excepted",
    "accounts missing",
    "accounts broken",
    "accounts unknown",
    "accounts not enforceable",
    "accounts not applicable",
    "open violations",
    "open drift",
    "denials of 7 days",
)
_SEVERITIES: Final = {code: place for place, code in enumerate(Invariant.Severity.values)}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; "" and False narrow nothing. `coverage` is a key of COVERAGE."""

    q: str = ""
    area: str = ""
    type: str = ""
    state: str = ""
    coverage: str = ""
    is_mandatory: bool = False

    @property
    def is_narrowed(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Row:
    """One invariant; `counts` None before the first evaluation, `violations` for who may not read
    findings, `denied` where no events come in."""

    pk: int
    key: str
    statement: str
    area: str
    area_name: str
    type: str
    type_name: str
    type_short: str
    state: str
    state_name: str
    state_since: datetime
    severity: str
    is_mandatory: bool
    owner: str
    counts: Counts | None
    violations: int | None
    drift: int
    denied: int | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The list, and what it is a part of. `types` are those that occur, as (code, name).

    `counts` are pairs of an account and an invariant, over the rows.
    """

    rows: tuple[Row, ...]
    all: int
    types: tuple[tuple[str, str], ...]
    counts: Counts
    evaluated_at: datetime | None

    @property
    def with_gaps(self) -> int:
        return sum(1 for row in self.rows if row.counts and row.counts.open)

    @property
    def drift(self) -> int:
        return sum(row.drift for row in self.rows)


def catalogue(user: AnyUser, filters: Filters, *, now: datetime) -> Catalogue:
    """The invariants that match: mandatory ones first, then by severity. Queries: one for each column.

    :param now: the denials are those of the seven days before.
    """
    every = list(Invariant.objects.visible_to(user).live().order_by("key"))
    counted = coverage.by_invariant(user)
    beside = _Beside(
        counted,
        violations.open_by_invariant(user),
        drift.open_by_invariant(user),
        denials.last_7_by_invariant(user, today=now.date()),
    )
    rows = [beside.row(one) for one in matching(every, filters)]
    rows = [row for row in rows if is_covered(row.counts, filters.coverage)]
    rows.sort(key=order_of)
    return Catalogue(
        rows=tuple(rows),
        all=len(every),
        types=types_of(every),
        counts=total(row.counts for row in rows if row.counts),
        evaluated_at=coverage.evaluated_at(user),
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """The columns that other tables bring, by the primary key of the invariant."""

    counts: Mapping[int, Counts]
    violations: Mapping[int, int] | None
    drift: Mapping[int, int]
    denied: Mapping[int, int] | None

    def row(self, one: Invariant) -> Row:
        return Row(
            pk=one.pk,
            key=one.key,
            statement=one.statement,
            area=one.area,
            area_name=one.get_area_display(),
            type=one.type,
            type_name=one.type_name,
            type_short=words.type_short(one.type, one.type_name),
            state=one.state,
            state_name=one.get_state_display(),
            state_since=one.state_since,
            severity=one.severity,
            is_mandatory=one.is_mandatory,
            owner=one.owner,
            counts=self.counts.get(one.pk),
            violations=None if self.violations is None else self.violations.get(one.pk, 0),
            drift=self.drift.get(one.pk, 0),
            denied=None if self.denied is None else self.denied.get(one.pk, 0),
        )


def matching(every: list[Invariant], filters: Filters) -> Iterator[Invariant]:
    """Those that the filters leave, but for coverage. In Python: a catalogue has some hundred entries, and the page counts all of them anyway."""
    wanted = filters.q.casefold()
    for one in every:
        if wanted and not any(wanted in text.casefold() for text in _texts(one)):
            continue
        if filters.is_mandatory and not one.is_mandatory:
            continue
        pairs = ((filters.area, one.area), (filters.type, one.type), (filters.state, one.state))
        if all(asked in ("", found) for asked, found in pairs):
            yield one


def _texts(one: Invariant) -> tuple[str, ...]:
    return one.key, one.statement, one.why, one.owner, str(Area(one.area).label)


def is_covered(counts: Counts | None, asked: str) -> bool:
    """Whether the counts are what is asked for by a key of COVERAGE; "" asks for nothing."""
    if not asked:
        return True
    if counts is None:
        return asked == "unknown"
    return {
        "holds": bool(counts.in_scope) and counts.protected == counts.in_scope,
        "gaps": counts.open > 0,
        "broken": counts.broken > 0,
        "excepted": counts.excepted + counts.carved_out > 0,
        "unknown": counts.unknown > 0,
        "nowhere": counts.protected == 0,
    }[asked]


def order_of(one: "Row | Invariant") -> tuple[bool, bool, int, str]:
    """The order of the list: mandatory ones first, then by severity; retired ones last."""
    is_retired = one.state == Invariant.State.RETIRED
    return is_retired, not one.is_mandatory, _SEVERITIES[one.severity], one.key


def types_of(every: list[Invariant]) -> tuple[tuple[str, str], ...]:
    """The types that occur, as (code, name), by name."""
    return tuple(sorted({(one.type, one.type_name) for one in every}, key=lambda pair: pair[1]))


def records(found: Catalogue) -> Iterator[tuple[object, ...]]:
    """The rows as HEADS has them; what is not known stays empty."""
    for row in found.rows:
        counts = row.counts
        states: tuple[object, ...] = ("",) * 8 if counts is None else states_of(counts)
        yield (
            row.key,
            row.statement,
            row.area_name,
            row.type_name,
            row.state_name,
            row.state_since.date().isoformat(),
            row.severity.lower(),
            "yes" if row.is_mandatory else "no",
            row.owner,
            *states,
            "" if row.violations is None else row.violations,
            row.drift,
            "" if row.denied is None else row.denied,
        )


def states_of(counts: Counts) -> tuple[int, ...]:
    """Accounts in each state, in the order of the exports' columns."""
    return (
        counts.enforced,
        counts.carved_out,
        counts.excepted,
        counts.missing,
        counts.broken,
        counts.unknown,
        counts.not_enforceable,
        counts.not_applicable,
    )
