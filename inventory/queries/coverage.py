"""Where the security services are to be on: which accounts, in which Regions, and who tells of it."""

from django.db.models import Exists, OuterRef, QuerySet

from inventory.models import Account, AccountFact, DelegatedAdministrator, Organization
from inventory.models.accounts import AccountQuerySet

USABLE = ("ENABLED", "ENABLED_BY_DEFAULT")


def regions_in_use(organization: Organization) -> tuple[str, ...]:
    """Every Region that some live ACTIVE account may use, by name. One query."""
    found = _usable().filter(account__in=_active(organization))
    return tuple(found.order_by("region").values_list("region", flat=True).distinct())


def accounts_in(organization: Organization, region: str) -> tuple[str, ...]:
    """The ids of the live ACTIVE accounts that may use the Region, sorted. Two queries.

    A Region that is on by default cannot be switched off, so it is there in accounts whose Regions
    nobody has told, too.
    """
    active = _active(organization)
    told = _usable().filter(account=OuterRef("pk"), region=region)
    found = set(active.filter(Exists(told)).values_list("account_id", flat=True))
    default = AccountFact.objects.filter(
        account__organization=organization,
        key="region.status",
        region=region,
        value="ENABLED_BY_DEFAULT",
    )
    if default.exists():
        nothing_told = AccountFact.objects.filter(account=OuterRef("pk"), key="region.status")
        found.update(active.exclude(Exists(nothing_told)).values_list("account_id", flat=True))
    return tuple(sorted(found))


def active_accounts(organization: Organization) -> tuple[str, ...]:
    """The ids of all live ACTIVE accounts, sorted. One query."""
    return tuple(_active(organization).order_by("account_id").values_list("account_id", flat=True))


def administrators(organization: Organization, *, preferred: str) -> dict[str, str]:
    """The delegated administrator's account by service principal. One query.

    A service may have several; `preferred` (the account that we are in) is then taken.
    """
    rows = DelegatedAdministrator.objects.filter(organization=organization).order_by("account_id")
    found: dict[str, str] = {}
    for row in rows:
        if row.account_id == preferred or row.service_principal not in found:
            found[row.service_principal] = row.account_id
    return found


def is_region_off(organization: Organization, account_id: str, region: str) -> bool:
    """Whether the account is known not to have the Region; unknown is not off. One query."""
    told = AccountFact.objects.filter(
        account__organization=organization,
        account__account_id=account_id,
        key="region.status",
        region=region,
    )
    return told.exclude(value__in=USABLE).exists()


def _active(organization: Organization) -> AccountQuerySet:
    return Account.objects.live().filter(organization=organization, state="ACTIVE")


def _usable() -> "QuerySet[AccountFact]":
    return AccountFact.objects.filter(key="region.status", value__in=USABLE)
