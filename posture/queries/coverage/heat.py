"""Services by OU: how many pairs of account and Region have the service on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Sum

from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import Step
from posture import charts, scoring
from posture.models import AccountCoverage, RollupState
from posture.queries.coverage.services import SERVICES, Column

# As many levels of the tree as have no more OUs than this, but one at least; further down by drilling.
OUS_SHOWN = 40
_ALMOST = Decimal("99.9")


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """One service below one OU, in pairs of account and Region.

    `expected` is where AWS offers the service. `told` of them are known to be on or off, `denied`
    were refused, and of the rest nobody has told.
    """

    column: Column
    expected: int = 0
    on: int = 0
    told: int = 0
    denied: int = 0

    @property
    def percent(self) -> Decimal | None:
        """On of all that are expected; None where nothing is known. Never 100 while one is missing."""
        if not self.expected or not self.told:
            return None
        shown = scoring.one_decimal(Decimal(100) * self.on / self.expected)
        return min(shown, _ALMOST) if self.on < self.expected else shown

    @property
    def untold(self) -> int:
        return self.expected - self.told - self.denied

    @property
    def step(self) -> int:
        return charts.heat_step(self.percent)


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """`ou_id` is "" for a person's own accounts taken together; `indent` counts from the uppermost row."""

    ou_id: str
    name: str
    indent: int
    accounts: int
    cells: tuple[CoverageCell, ...]


@dataclass(frozen=True, slots=True)
class HeatPage:
    """`ou` is the one that was drilled into, None for all; `ous_total` counts what lies below it.

    `path` is that OU's, "" for all. `as_of` is when it was counted, None before the first time.
    """

    columns: tuple[Column, ...]
    rows: tuple[CoverageRow, ...]
    ou: CoverageRow | None
    path: str
    way: tuple[Step, ...]
    ous_total: int
    as_of: datetime | None

    @property
    def is_empty(self) -> bool:
        return not any(cell.expected for row in self.rows for cell in row.cells)


# Pairs by service: expected, on, told, denied.
Counts = dict[str, tuple[int, int, int, int]]


def heat(user: AnyUser, ou_id: str) -> HeatPage | None:
    """The OU and its children, or all OUs for "". None: no such OU, or the person may not see it all.

    Five queries at most.
    """
    visible = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    ous = tree.in_tree_order(list(visible))
    chosen = next((ou for ou in ous if ou.ou_id == ou_id), None)
    if ou_id and chosen is None:
        return None
    counts = _counts(user)
    as_of = _as_of()
    accounts = _accounts(user)
    if not ous:
        row = _row(None, list(counts.values()), sum(accounts.values()), indent=0)
        return HeatPage(SERVICES, (row,), None, "", (), 0, as_of)
    below = [ou for ou in ous if chosen is None or ou.path.startswith(chosen.path)]
    shown = _shown(below, chosen)
    rows = tuple(
        _row(
            ou,
            [counts[one.pk] for one in below if one.path.startswith(ou.path) and one.pk in counts],
            sum(accounts.get(one.pk, 0) for one in below if one.path.startswith(ou.path)),
            indent=sum(ou.path != other.path and ou.path.startswith(other.path) for other in shown),
        )
        for ou in shown
    )
    path = chosen.path if chosen else ""
    return HeatPage(
        columns=SERVICES,
        rows=rows,
        ou=rows[0] if chosen else None,
        path=path,
        way=tree.way_to(user, path) if path else (),
        ous_total=len(below) - bool(chosen),
        as_of=as_of,
    )


def _shown(
    below: Sequence[OrganizationalUnit], chosen: OrganizationalUnit | None
) -> list[OrganizationalUnit]:
    if chosen is not None:
        return [ou for ou in below if ou.pk == chosen.pk or ou.parent_id == chosen.pk]
    top = min(ou.depth for ou in below)
    levels = sorted({ou.depth for ou in below})
    few = [depth for depth in levels if sum(ou.depth <= depth for ou in below) <= OUS_SHOWN]
    deepest = max(few[-1] if few else top, min(levels[1:2], default=top))
    return [ou for ou in below if ou.depth <= deepest]


def _as_of() -> datetime | None:
    return RollupState.objects.filter(name="coverage").values_list("as_of", flat=True).first()


def _counts(user: AnyUser) -> dict[int, Counts]:
    """Pairs by OU and service. One query."""
    rows = AccountCoverage.objects.visible_to(user).scored().values("account__ou_id", "service")
    summed = rows.annotate(
        pairs=Sum("expected"), pairs_on=Sum("on"), pairs_told=Sum("told"), refused=Sum("denied")
    )
    found: dict[int, Counts] = {}
    for row in summed.order_by():
        pairs = (row["pairs"], row["pairs_on"], row["pairs_told"], row["refused"])
        found.setdefault(int(row["account__ou_id"]), {})[row["service"]] = pairs
    return found


def _accounts(user: AnyUser) -> dict[int, int]:
    """How many accounts stand right in each OU. One query."""
    scored = Account.objects.visible_to(user).scored().values("ou_id")
    counted = scored.annotate(accounts=Count("pk")).order_by()
    return {row["ou_id"]: row["accounts"] for row in counted}


def _row(
    ou: OrganizationalUnit | None, counts: Sequence[Counts], accounts: int, *, indent: int
) -> CoverageRow:
    return CoverageRow(
        ou_id=ou.ou_id if ou else "",
        name=tree.shown_name(ou) if ou else "Your accounts",
        indent=min(indent, 5),
        accounts=accounts,
        cells=tuple(_cell(column, counts) for column in SERVICES),
    )


def _cell(column: Column, counts: Sequence[Counts]) -> CoverageCell:
    own = [one[column.slug] for one in counts if column.slug in one]
    expected, on, told, denied = (sum(part) for part in zip(*own, strict=True)) if own else (0,) * 4
    return CoverageCell(column, expected, on, told, denied)
