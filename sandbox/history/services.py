"""Which security services are on in which account and Region at a moment, and who enters accounts by Identity Center.

It agrees with the findings of Security Hub about the same account and Region: GuardDuty.1 and Macie.1 fail exactly where the
service is off; Inspector.1 to .4 and Macie.2, which only the delegated administrator has, where some member or the whole
Region is not covered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox import chance
from sandbox.history.account_checks import fails
from sandbox.model import Org
from sandbox.moments import seconds_of
from sandbox.org import accounts
from sandbox.org.accounts import AccountPlan

SCANS = {
    "ec2": "Inspector.1",
    "ecr": "Inspector.2",
    "lambdaCode": "Inspector.3",
    "lambda": "Inspector.4",
}
"""What Inspector scans, and the control that asks for it."""
WITHOUT_MACIE = frozenset({"eu-south-2"})
"""Regions of the organisation that AWS has no Macie in."""
_LOOSE = frozenset({"sandbox", "acquired", "exceptions"})
"""Kinds of accounts that nobody checks in Regions without resources."""
_EVERYONE: frozenset[str] = frozenset()
_UNDISCOVERED = 0.06
"""Share of accounts that automated discovery leaves out by decision."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What covers one account in one Region."""

    guardduty: str
    """Relationship as GuardDuty's administrator lists it: Enabled or Disabled; empty: no member."""
    macie: str
    """The same in Macie: Enabled or Paused; empty: no member."""
    has_discovery: bool
    scans: frozenset[str]
    """Keys of SCANS that are on; without any the account is no member of Inspector's."""


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """One permission set of Identity Center."""

    name: str
    kinds: frozenset[str]
    """Kinds of accounts that it is provisioned in; empty: all."""
    share: float
    """Share of those accounts."""


PERMISSION_SETS = (
    PermissionSet("AdministratorAccess", _EVERYONE, 0.93),
    PermissionSet("ReadOnlyAccess", _EVERYONE, 0.97),
    PermissionSet("SecurityAudit", _EVERYONE, 1.0),
    PermissionSet("BreakGlass", _EVERYONE, 1.0),
    PermissionSet("Billing", frozenset({"management"}), 1.0),
    PermissionSet("NetworkAdministrator", frozenset({"infrastructure"}), 1.0),
    PermissionSet("Developer", frozenset({"customer", "nonproduction", "sandbox"}), 0.85),
    PermissionSet("DataScientist", frozenset({"data"}), 0.9),
    PermissionSet("PaymentsOperator", frozenset({"payments"}), 1.0),
    PermissionSet("LegacyPowerUser", frozenset({"acquired", "exceptions"}), 0.7),
)


def services_at(org: Org, region: str, now: datetime) -> Mapping[str, ServiceState]:
    """Return the state of every ACTIVE account that may use the Region, by account id."""
    moment = seconds_of(now)
    plans = [plan for plan in active(org, now) if _is_region_on(org, plan, region)]
    scans = _scans(org, plans, region, moment)
    administrator = _administrator(org, plans)
    has_discovery = (
        administrator is not None
        and region not in WITHOUT_MACIE
        and not fails(org, administrator, "Macie.2", region, moment)
    )
    return {
        plan.account_id: _state(org, plan, region, moment, scans[plan.account_id], has_discovery)
        for plan in plans
    }


def provisioned_at(org: Org, permission_set: PermissionSet, now: datetime) -> list[str]:
    """Return the ids of the accounts that a permission set is provisioned in."""
    return [
        plan.account_id
        for plan in active(org, now)
        if (not permission_set.kinds or plan.kind in permission_set.kinds)
        and chance.draw(chance.seed_of(plan.seed, permission_set.name), 0) < permission_set.share
    ]


def active(org: Org, now: datetime) -> list[AccountPlan]:
    """Return the accounts that are ACTIVE at that moment."""
    moment = seconds_of(now)
    return [
        plan
        for plan in accounts.plans_at(org, moment)
        if moment < min(plan.suspended_at, plan.pending_closure_at, plan.closed_at)
    ]


def _is_region_on(org: Org, plan: AccountPlan, region: str) -> bool:
    return region in org.regions[:4] or (region == org.regions[4] and plan.opted_in)


def _administrator(org: Org, plans: list[AccountPlan]) -> AccountPlan | None:
    return next((plan for plan in plans if plan.account_id == org.security_account_id), None)


def _state(
    org: Org,
    plan: AccountPlan,
    region: str,
    moment: int,
    scans: frozenset[str],
    has_discovery: bool,
) -> ServiceState:
    is_member = plan.account_id != org.security_account_id
    seed = chance.seed_of(plan.seed, "services", region)
    has_macie = region not in WITHOUT_MACIE
    is_watched = not fails(org, plan, "GuardDuty.1", region, moment)
    is_searched = has_macie and not fails(org, plan, "Macie.1", region, moment)
    # Half of those that are off were members once and stand suspended in the list; the others were never taken in.
    is_listed = is_member and chance.draw(seed, 0) < 0.5
    return ServiceState(
        guardduty="Enabled" if is_watched else "Disabled" if is_listed else "",
        macie="Enabled" if is_searched else "Paused" if is_listed and has_macie else "",
        has_discovery=has_discovery and is_searched and chance.draw(seed, 1) >= _UNDISCOVERED,
        scans=scans,
    )


def _scans(
    org: Org, plans: list[AccountPlan], region: str, moment: int
) -> dict[str, frozenset[str]]:
    """Return what Inspector scans in each account."""
    found: dict[str, set[str]] = {plan.account_id: set(SCANS) for plan in plans}
    for scan, control_id in SCANS.items():
        for plan in _unscanned(org, plans, control_id, region, moment):
            found[plan.account_id].discard(scan)
    return {account_id: frozenset(scans) for account_id, scans in found.items()}


def _unscanned(
    org: Org, plans: list[AccountPlan], control_id: str, region: str, moment: int
) -> list[AccountPlan]:
    """Return the members that a kind of scan leaves out.

    In the home Region the administrator's control speaks for all of them: while it passes there is none, while it fails at
    least one. Elsewhere nobody reports, and accounts with little oversight never switched it on.
    """
    administrator = _administrator(org, plans)
    members = [plan for plan in plans if plan is not administrator]
    is_home = region == org.home_region
    if is_home and (
        administrator is None or not fails(org, administrator, control_id, region, moment)
    ):
        return []
    loose = members if is_home else [plan for plan in members if plan.kind in _LOOSE]
    off = [plan for plan in loose if fails(org, plan, control_id, region, moment)]
    weakest = sorted(members, key=lambda plan: (-plan.weakness, plan.account_id))[:1]
    return off or (weakest if is_home else [])
