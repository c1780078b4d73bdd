"""AWS's published request rates, as token buckets.

Sources: Security Hub user guide, "Quotas"; Organizations user guide, "Quotas and service limits"; account management reference,
"Quotas". Rates are requests a second. Where AWS publishes none (`DescribeEffectivePolicy`, Access Analyzer, Security Hub V2) the
number is an assumption on the careful side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from time import monotonic

_GLOBAL_SERVICES = {"account", "iam", "organizations"}


@dataclass(frozen=True, slots=True)
class Rate:
    """One API group's limit."""

    group: str
    per_second: float
    burst: float


# group: operations, rate and burst per account, rate and burst per organisation (0: none of its own).
_ORGANIZATIONS = (
    ("ListAccounts", 8, 12, 9, 15),
    ("DescribeAccount", 20, 30, 24, 36),
    ("ListAccountsForParent ListOrganizationalUnitsForParent ListParents", 5, 8, 6, 10),
    ("ListChildren", 6, 10, 7, 12),
    ("ListRoots", 1, 2, 0, 0),
    ("DescribeOrganization", 1, 2, 0, 0),
    ("DescribeOrganizationalUnit", 2, 2, 2, 3),
    ("ListPolicies ListPoliciesForTarget ListTargetsForPolicy", 5, 8, 6, 10),
    ("DescribePolicy", 2, 2, 2, 3),
    ("DescribeEffectivePolicy", 2, 2, 2, 3),
    ("ListTagsForResource", 10, 15, 12, 18),
    ("ListDelegatedAdministrators", 5, 8, 0, 0),
    ("ListAWSServiceAccessForOrganization ListDelegatedServicesForAccount", 1, 3, 0, 0),
)
_SECURITY_HUB = (
    ("GetFindings", 3, 6),
    ("GetFindingsV2", 3, 6),
    ("BatchEnableStandards", 1, 1),
    ("UpdateStandardsControl", 1, 5),
)
_ACCOUNT = (("ListRegions", 5, 5),)
# CloudTrail user guide, "Quotas": two a second, by account and Region.
_CLOUD_TRAIL = (("LookupEvents", 2, 2),)
_DEFAULTS = {
    "account": (10, 15),
    "guardduty": (10, 20),
    "inspector2": (10, 20),
    "macie2": (10, 20),
    "securityhub": (10, 30),
    "sso": (20, 20),
}
_OTHER = (20, 40)


@cache
def limits_of(service: str, operation: str) -> tuple[Rate, Rate | None]:
    """Give the limit per account, and the one that the whole organisation shares, if there is one."""
    if service == "organizations":
        for names, rate, burst, shared_rate, shared_burst in _ORGANIZATIONS:
            if operation in names.split():
                group = names.split()[0]
                shared = Rate(group, shared_rate, shared_burst) if shared_rate else None
                return Rate(group, rate, burst), shared
    tables = {"securityhub": _SECURITY_HUB, "account": _ACCOUNT, "cloudtrail": _CLOUD_TRAIL}
    table = tables.get(service, ())
    for name, rate, burst in table:
        if name == operation:
            return Rate(name, rate, burst), None
    rate, burst = _DEFAULTS.get(service, _OTHER)
    return Rate(operation, rate, burst), None


class Buckets:
    """Token buckets by (account, Region, service, API group), at a share of AWS's rates."""

    def __init__(self, percent: float = 100, *, clock: Callable[[], float] = monotonic) -> None:
        self._share = percent / 100
        self._clock = clock
        self._levels: dict[tuple[str, str, str, str], tuple[float, float]] = {}

    def take(self, service: str, operation: str, account_id: str, region: str) -> bool:
        """Take one token of every limit that applies; False, and nothing taken, when one is used up."""
        own, shared = limits_of(service, operation)
        place = "" if service in _GLOBAL_SERVICES else region
        wanted = [((account_id, place, service, own.group), own)]
        if shared:
            wanted.append((("organization", place, service, shared.group), shared))
        levels = {key: self._level(key, rate) for key, rate in wanted}
        if min(levels.values()) < 1:
            return False
        for key, level in levels.items():
            self._levels[key] = (level - 1, self._clock())
        return True

    def _level(self, key: tuple[str, str, str, str], rate: Rate) -> float:
        burst = max(1.0, rate.burst * self._share)
        level, at = self._levels.get(key, (burst, self._clock()))
        return min(burst, level + (self._clock() - at) * rate.per_second * self._share)
