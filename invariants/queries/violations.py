"""Open findings that an invariant in force should have made impossible.

They are counts by account and control, as cells are: of the accounts that the person sees, and without
the findings themselves, for which the explorer asks for a right of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from findings import access as findings_access
from invariants.models import Coverage, Invariant, InvariantControl, PreventionCount, Violation
from invariants.models.violations import Stops
from inventory.access import AnyUser

ACCOUNTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class ViolatedControl:
    """A control that the invariant prevents; `control_id` as Security Hub has it.

    `new` came up although the invariant was in force; `from_before` were open already. `stops` RISK:
    the finding is expected to stay until the resource is mended, so that it is no violation.
    """

    control_id: str
    title: str
    severity: str
    stops: str
    open: int
    from_before: int
    accounts: int

    @property
    def is_risk(self) -> bool:
        return self.stops == Stops.RISK

    @property
    def new(self) -> int:
        return self.open - self.from_before

    @property
    def query(self) -> str:
        """Of the findings explorer."""
        return f"status=OPEN&control={self.control_id}"


@dataclass(frozen=True, slots=True)
class ViolatedAccount:
    account_pk: int
    account_id: str
    name: str
    open: int
    from_before: int
    since: datetime

    @property
    def new(self) -> int:
        return self.open - self.from_before


@dataclass(frozen=True, slots=True)
class Violations:
    """`open` counts findings that the invariant stops from coming up, `from_before` those of them that
    were there before it. `is_known` False: not counted yet. `may_read`: the explorer may be opened.

    `at_risk` are open findings whose risk alone it takes away. `accounts` are the first
    ACCOUNTS_SHOWN, most new ones first; `all_accounts` says how many there are.
    """

    is_known: bool
    counted_at: datetime | None
    open: int = 0
    from_before: int = 0
    at_risk: int = 0
    controls: tuple[ViolatedControl, ...] = ()
    accounts: tuple[ViolatedAccount, ...] = ()
    all_accounts: int = 0
    may_read: bool = False

    @property
    def new(self) -> int:
        return self.open - self.from_before

    @property
    def prevents_nothing_known(self) -> bool:
        """No control looks for what it prevents."""
        return self.is_known and not self.controls


def counted_at() -> datetime | None:
    """The moment as of which violations and recurrences are counted; None: not yet. One query."""
    newest = PreventionCount.objects.exclude(at=None).order_by("-at")
    return newest.values_list("at", flat=True).first()


def open_by_invariant(user: AnyUser) -> dict[int, int] | None:
    """How many are open, by primary key; None where nothing has been counted. Two queries."""
    if counted_at() is None:
        return None
    rows = _preventing(Violation.objects.visible_to(user)).values_list("invariant")
    return dict(rows.annotate(all=Sum("open")).order_by("invariant"))


def of_invariant(user: AnyUser, invariant: Invariant) -> Violations:
    """By control, and the accounts in which they are. Five queries."""
    at = counted_at()
    if at is None:
        return Violations(is_known=False, counted_at=None)
    mine = Violation.objects.visible_to(user).filter(invariant=invariant)
    controls = _controls(invariant, mine)
    stopping = [control for control in controls if not control.is_risk]
    preventing = _preventing(mine)
    return Violations(
        is_known=True,
        counted_at=at,
        open=sum(control.open for control in stopping),
        from_before=sum(control.from_before for control in stopping),
        at_risk=sum(control.open for control in controls if control.is_risk),
        controls=controls,
        accounts=_accounts(invariant, preventing),
        all_accounts=preventing.values("account").distinct().count(),
        may_read=findings_access.may_read(user),
    )


def _preventing(rows: "QuerySet[Violation]") -> "QuerySet[Violation]":
    """Without those whose finding is expected to stay."""
    return rows.filter(stops_finding=True)


def _controls(invariant: Invariant, mine: "QuerySet[Violation]") -> tuple[ViolatedControl, ...]:
    """Every control that the invariant names, also those of which nothing is open."""
    sums = mine.values("control__control_id", "control__title", "control__severity").annotate(
        all=Sum("open"), before=Sum("from_before"), places=Count("account")
    )
    found = {row["control__control_id"]: row for row in sums.order_by("control__control_id")}
    named = InvariantControl.objects.filter(invariant=invariant).order_by("control_key")
    controls = [
        ViolatedControl(
            control_id=one.control_key,
            title=row["control__title"] if row else "",
            severity=row["control__severity"] if row else "",
            stops=one.stops,
            open=row["all"] if row else 0,
            from_before=row["before"] if row else 0,
            accounts=row["places"] if row else 0,
        )
        for one in named
        for row in [found.get(one.control_key)]
    ]
    return tuple(sorted(controls, key=lambda one: (one.is_risk, -one.new, -one.open)))


def _accounts(
    invariant: Invariant, preventing: "QuerySet[Violation]"
) -> tuple[ViolatedAccount, ...]:
    since = Coverage.objects.filter(invariant=invariant, account=OuterRef("account"))
    rows = preventing.values("account_id", "account__account_id", "account__name").annotate(
        all=Coalesce(Sum("open"), 0),
        before=Coalesce(Sum("from_before"), 0),
        since=Subquery(since.values("since")[:1]),
    )
    ordered = rows.order_by(F("before") - F("all"), "-all", "account__account_id")
    return tuple(
        ViolatedAccount(
            account_pk=row["account_id"],
            account_id=row["account__account_id"],
            name=row["account__name"],
            open=row["all"],
            from_before=row["before"],
            since=row["since"],
        )
        for row in ordered[:ACCOUNTS_SHOWN]
    )
