"""What becomes of a managed score when findings are excepted: by the rules of the rollups, on their rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from invariants.queries.exceptions.blast import Moved, ScoreEffect
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from posture import scoring
from posture.models import AccountDay, Cell, OuDay
from posture.queries import figures
from posture.scoring import WEIGHTS, Counts, Sums


@dataclass(frozen=True, slots=True)
class _Share:
    """A cell's share of the sums, before and after. `is_of_all`: it counts in the root alone."""

    account_id: int
    change: Sums
    is_of_all: bool


def effects(user: AnyUser, moved: Sequence[Moved]) -> tuple[ScoreEffect, ...]:
    """Of the organisation and the lowest OU that holds all of it, as far as the user sees their scores;
    of the accounts together where they see neither. Five queries, on the rows of cells and days.

    Nothing moves where a control is not counted, or an account is not scored.
    """
    if not moved:
        return ()
    accounts = {
        one.pk: one
        for one in Account.objects.visible_to(user)
        .filter(pk__in={one.account_id for one in moved})
        .select_related("ou")
    }
    rows = _newest(accounts)
    shares = [*_shares([one for one in moved if one.account_id in accounts], rows)]
    places = _places(user, accounts.values())
    if not places:
        own = [one.change for one in shares if not one.is_of_all]
        whole = Sums.total(figures.of_account(row).sums for row in rows.values() if row.is_scored)
        name = "this account" if len(accounts) == 1 else "these accounts"
        return (_effect(name, whole, Sums.total(own)),)
    found = []
    for ou in places:
        day = OuDay.objects.visible_to(user).filter(ou=ou, area="").order_by("-day").first()
        changes = [one.change for one in shares if ou.depth == 0 or not one.is_of_all]
        name = "the organisation" if ou.depth == 0 else ou.name
        whole = figures.of_ou(day).sums if day else Sums.zero()
        found.append(_effect(name, whole, Sums.total(changes)))
    return tuple(found)


def _newest(accounts: Mapping[int, Account]) -> dict[int, AccountDay]:
    """One step down an index for each account."""
    rows = AccountDay.objects.filter(account__in=list(accounts), area="")
    newest = rows.order_by("account_id", "-day").distinct("account_id")
    return {row.account_id: row for row in newest}


def _shares(moved: Sequence[Moved], rows: Mapping[int, AccountDay]) -> Iterable[_Share]:
    wanted = {(one.account_id, one.control_id): one.resources for one in moved}
    cells = Cell.objects.filter(
        account__in={account for account, _ in wanted},
        control__in={control for _, control in wanted},
    )
    for cell in cells.select_related("control").order_by("account_id", "control_id"):
        resources = wanted.get((cell.account_id, cell.control_id))
        row, control = rows.get(cell.account_id), cell.control
        is_counted = control.is_scored and (
            control.scored_from is None or (row is not None and control.scored_from <= row.day)
        )
        is_of_all = control.is_delegated_admin_only
        if not resources or not is_counted or not (is_of_all or (row and row.is_scored)):
            continue
        criticality = 1 if is_of_all or row is None else row.criticality
        yield _Share(cell.account_id, _change(cell, resources, criticality), is_of_all)


def _change(cell: Cell, resources: int, criticality: int) -> Sums:
    """What the sums change by. A cell may be behind the findings: no more move than it has failed."""
    weight = WEIGHTS.get(cell.control.severity, 0)
    number = min(resources, cell.failed)
    before = Counts(cell.passed, cell.failed, cell.excepted, cell.unknown)
    after = Counts(cell.passed, cell.failed - number, cell.excepted + number, cell.unknown)
    was = Sums.of_cell(before, weight=weight, criticality=criticality)
    becomes = Sums.of_cell(after, weight=weight, criticality=criticality)
    return Sums(*(getattr(becomes, n) - getattr(was, n) for n in Sums.__dataclass_fields__))


def _places(user: AnyUser, accounts: Iterable[Account]) -> list[OrganizationalUnit]:
    """The uppermost and the lowest OU that the user sees as a whole, of those that hold all of them."""
    ways = [one.ou.path.rstrip("/").split("/") for one in accounts]
    common: list[str] = []
    for steps in zip(*ways, strict=False):
        if len(set(steps)) > 1:
            break
        common.append(steps[0])
    paths = ["/".join(common[: depth + 1]) + "/" for depth in range(len(common))]
    held = OrganizationalUnit.objects.visible_to(user).live().filter(path__in=paths)
    found = list(held.order_by("depth", "pk"))
    return found[:1] + found[-1:] if len(found) > 1 else found


def _effect(place: str, whole: Sums, change: Sums) -> ScoreEffect:
    becomes = whole + change
    before, after = scoring.managed(whole), scoring.managed(becomes)
    points = after - before if before is not None and after is not None else None
    weight = whole.exception_d
    share = scoring.one_decimal(change.exception_n * 100 / weight) if weight else None
    return ScoreEffect(place, before, after, points, share)
