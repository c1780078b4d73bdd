"""How many exceptions stand how: the one count that page, list, API, scorecards and KPIs share."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Exists, OuterRef, Q, TextChoices

from findings.models import Finding
from invariants.models import ExceptionRequest, ExceptionScope, Invariant
from invariants.models.exceptions.requests import (
    IS_ENDED,
    IS_IN_FORCE,
    IS_ZOMBIE,
    ExceptionQuerySet,
)
from invariants.policies.exceptions import clocks
from invariants.queries.exceptions.standing import moment_of
from inventory.models import Account, OrganizationalUnit
from inventory.queries import tree

if TYPE_CHECKING:
    from inventory.access import AnyUser

_SOON: Final = timedelta(days=clocks.VERSIONS[clocks.NEWEST].expiring_days)


class Standing(TextChoices):
    """What a count counts, as the address of its list has it. A zombie has expired as well."""

    ACTIVE = "active", "active"
    EXPIRING = "expiring", "ending within 30 days"
    EXPIRED = "expired", "past their end"
    ZOMBIE = "zombie", "zombies"


def is_standing(code: str, *, today: date) -> Q:
    """The condition of a count, as of a day of the organisation's calendar.

    Past its end is what has ended and was not seen removed yet, and what is in force after its last
    day because the clock has not come round.

    :raises ValueError: for a code that is none.
    """
    match Standing(code):
        case Standing.ACTIVE:
            return IS_IN_FORCE & _is_current(today)
        case Standing.EXPIRING:
            return IS_IN_FORCE & _is_current(today) & Q(until__lte=today + _SOON)
        case Standing.EXPIRED:
            return IS_ENDED | (IS_IN_FORCE & Q(until__lt=today))
        case Standing.ZOMBIE:
            return IS_ZOMBIE


def _is_current(today: date) -> Q:
    return Q(until=None) | Q(until__gte=today)


def narrow(requests: ExceptionQuerySet, code: str, *, today: date) -> ExceptionQuerySet:
    """Those that the count of this code counts.

    :raises ValueError: for a code that is none.
    """
    return requests.filter(is_standing(code, today=today))


def of_place(
    requests: ExceptionQuerySet,
    *,
    ou: OrganizationalUnit | None = None,
    account: Account | None = None,
    invariant: Invariant | None = None,
) -> ExceptionQuerySet:
    """Those that reach the account, or any place at or below the OU, and are from the invariant.

    An exception of an OU reaches all that is below it, now and later.
    """
    if invariant is not None:
        requests = requests.filter(invariant=invariant)
    if ou is not None:
        requests = requests.filter(_reaches(ou.path, Q(account__ou__path__startswith=ou.path)))
    if account is not None:
        requests = requests.filter(_reaches(account.ou.path, Q(account=account), account=account))
    return requests


def _reaches(path: str, is_account: Q, *, account: Account | None = None) -> Q:
    above = _with_above(path)
    is_ou = Q(ou__path__in=above)
    # A finding alone names no place: it is where the finding is.
    findings = Finding.objects.filter(
        organization=OuterRef("organization"), key=OuterRef("finding_key")
    )
    if account is None:
        is_ou |= Q(ou__path__startswith=path)
        findings = findings.filter(account__ou__path__startswith=path)
    else:
        findings = findings.filter(account=account)
    lines = ExceptionScope.objects.filter(request=OuterRef("pk"))
    placed = lines.filter(Q(account__isnull=False) | Q(ou__isnull=False))
    alone = Q(finding_key__isnull=False) & ~Exists(placed) & Exists(findings)
    return Exists(lines.filter(is_account | is_ou)) | alone


def _with_above(path: str) -> list[str]:
    """The path of an OU, and those of all above it."""
    ids = path.rstrip("/").split("/")
    return ["/".join(ids[: count + 1]) + "/" for count in range(len(ids))]


@dataclass(frozen=True, slots=True)
class Counts:
    """Exceptions by standing. `expiring` are among `active`, `zombies` among `expired`."""

    active: int = 0
    expiring: int = 0
    expired: int = 0
    zombies: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.active or self.expired)


def counts_of(requests: ExceptionQuerySet, *, today: date) -> Counts:
    """One query."""
    found = requests.order_by().aggregate(
        **{code.name: Count("pk", filter=is_standing(code, today=today)) for code in Standing}
    )
    return Counts(
        active=found["ACTIVE"],
        expiring=found["EXPIRING"],
        expired=found["EXPIRED"],
        zombies=found["ZOMBIE"],
    )


def counts(
    user: "AnyUser",
    *,
    today: date,
    ou: OrganizationalUnit | None = None,
    account: Account | None = None,
) -> Counts:
    """Of all that the person sees; with a place, of those that reach it. One query."""
    requests = ExceptionRequest.objects.visible_to(user)
    return counts_of(of_place(requests, ou=ou, account=account), today=today)


def of_place_now(
    user: "AnyUser", *, now: datetime, ou_id: str = "", account_id: str = ""
) -> Counts | None:
    """For the page of an OU or account, or of all that one sees; None before anything was collected.

    Whether the place may be seen has been decided. Two queries.
    """
    ou = account = None
    if ou_id:
        ou = OrganizationalUnit.objects.select_related("organization").get(ou_id=ou_id)
    if account_id:
        accounts = Account.objects.select_related("ou", "organization")
        account = accounts.get(account_id=account_id)
    place = ou or account
    organization = place.organization if place else tree.organization()
    if organization is None:
        return None
    return counts(user, today=moment_of(organization, now).today, ou=ou, account=account)
