"""What a KPI is made of on a day: the accounts, and the OUs below."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, F

from inventory import web
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.web import Key, Page
from posture import kpis
from posture.kpis import Kpi, Status, Unit
from posture.models import KpiAccountPoint, KpiPoint
from posture.models.kpis import KpiAccountPointQuerySet
from posture.queries.kpis.amounts import Amounts, Side, sides
from posture.queries.kpis.lines import PartLine, part_line, status_of

PAGE_SIZE = 50
_AMOUNT = DecimalField(max_digits=28, decimal_places=12)
_KEYS = (Key("gap", is_descending=True), Key("account_id"))


@dataclass(frozen=True, slots=True)
class AccountLine:
    """What one account brings to a KPI; `value` is the KPI of the account alone."""

    account_id: str
    name: str
    ou_id: str
    ou_label: str
    environment: str
    team: str
    value: Decimal | None
    amounts: Amounts
    parts: tuple[PartLine, ...]


@dataclass(frozen=True, slots=True)
class OuLine:
    """A KPI of an OU right below another one."""

    ou_id: str
    name: str
    label: str
    value: Decimal | None
    previous: Decimal | None
    delta: Decimal | None
    status: Status
    amounts: Amounts
    parts: tuple[PartLine, ...]
    data_day: date | None


def accounts_of(
    user: AnyUser,
    kpi_id: str,
    ou: OrganizationalUnit,
    *,
    day: date,
    cursor_text: str = "",
    size: int = 0,
) -> Page[AccountLine]:
    """One page of the accounts that the KPI of the OU is made of, those that cost it most first.

    As of the newest day up to `day`, by where the accounts were on it; of those only what the person
    may see. Three queries.
    """
    card = kpis.registry().get(kpi_id)
    newest = _newest_day(kpi_id, ou, day) if card else None
    if card is None or newest is None:
        return Page(())
    points = _points(user, kpi_id, ou, newest).filter(part="")
    rows = points.annotate(gap=_gap(card)).select_related("account__team", "ou", "ou__organization")
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=size or PAGE_SIZE)
    beside = _beside(user, kpi_id, newest, [row.account_id for row in page.rows])
    shown = tuple(_account_line(card, row, beside.get(row.account_id, {})) for row in page.rows)
    return Page(shown, page.next_cursor, page.previous_cursor)


def _newest_day(kpi_id: str, ou: OrganizationalUnit, day: date) -> date | None:
    """The newest day filled. By the organisation: an account without anything to tell has no row."""
    points = KpiPoint.objects.filter(
        kpi=kpi_id, day__lte=day, ou__organization=ou.organization_id, ou__depth=0
    )
    return points.order_by("-day").values_list("day", flat=True).first()


def _points(
    user: AnyUser, kpi_id: str, ou: OrganizationalUnit, day: date
) -> KpiAccountPointQuerySet:
    points = KpiAccountPoint.objects.visible_to(user).filter(kpi=kpi_id, day=day)
    return points.filter(ou__path__startswith=ou.path)


def _gap(card: Kpi) -> Any:
    """What an account costs the KPI: what it lacks of the whole, or what it has too much."""
    if card.is_better_higher and card.unit is not Unit.COUNT:
        return F("denominator") - F("numerator")
    return F("numerator") if not card.is_better_higher else -F("numerator")


def _beside(
    user: AnyUser, kpi_id: str, day: date, accounts: list[int]
) -> Mapping[int, Mapping[str, Amounts]]:
    """The parts of these accounts. One query."""
    points = KpiAccountPoint.objects.visible_to(user).filter(kpi=kpi_id, day=day)
    found: dict[int, dict[str, Amounts]] = {}
    for row in points.filter(account__in=accounts).exclude(part=""):
        found.setdefault(row.account_id, {})[row.part] = _amounts(row)
    return found


def _amounts(row: KpiAccountPoint) -> Amounts:
    return Amounts(row.numerator, row.denominator, row.covered, row.expected)


def _account_line(card: Kpi, row: KpiAccountPoint, beside: Mapping[str, Amounts]) -> AccountLine:
    account = row.account
    own = _amounts(row)
    return AccountLine(
        account_id=account.account_id,
        name=account.name,
        ou_id=row.ou.ou_id,
        ou_label=row.ou.label or row.ou.organization.label,
        environment=account.environment,
        team=account.team.name if account.team else "",
        value=own.value(card),
        amounts=own,
        parts=tuple(
            part_line(part, Side(row.day, beside[part.id], None, {}) if part.id in beside else None)
            for part in card.parts
        ),
    )


def ous_of(user: AnyUser, kpi_id: str, ou: OrganizationalUnit, *, day: date) -> tuple[OuLine, ...]:
    """The KPI of each OU right below this one that the person may see, by name. Two queries."""
    card = kpis.registry().get(kpi_id)
    if card is None:
        return ()
    visible = OrganizationalUnit.objects.visible_to(user).live()
    children = tuple(visible.filter(parent=ou).order_by("name", "pk"))
    found = sides([child.pk for child in children], [card], day=day)
    return tuple(
        _ou_line(
            card, child, {part: side for (pk, _, part), side in found.items() if pk == child.pk}
        )
        for child in children
    )


def _ou_line(card: Kpi, ou: OrganizationalUnit, found: Mapping[str, Side]) -> OuLine:
    own = found.get("")
    value, previous, delta = own.values(card) if own else (None, None, None)
    amounts = own.now if own else Amounts()
    parts: Iterable[PartLine] = (part_line(part, found.get(part.id)) for part in card.parts)
    shown = tuple(parts)
    return OuLine(
        ou_id=ou.ou_id,
        name=ou.name,
        label=ou.label,
        value=value,
        previous=previous,
        delta=delta,
        status=status_of(card, value, amounts, shown, own.details if own else {}),
        amounts=amounts,
        parts=shown,
        data_day=own.day if own else None,
    )
