"""How often AWS lets us call, as data: (operations, group, calls per second, burst).

A group is what AWS counts together. All rates are per account and Region, except for services
with one endpoint in the world, which count per account. Sources:
- Organizations: docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html,
  "Throttling limits" (the figures per account; the organisation-wide ones are a fifth higher).
- Security Hub: docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html.
- Account Management: docs.aws.amazon.com/accounts/latest/reference/quotas.html.
- IAM Identity Center: docs.aws.amazon.com/singlesignon/latest/userguide/limits.html, "Throttle
  limits": its calls share 20 a second.
- IAM Access Analyzer, GuardDuty, Inspector and Macie publish none: ours are assumptions on the safe
  side.
- SQS publishes none for standard queues ("a nearly unlimited number of calls").
STS is not in the table: an account is allowed far more (600/s) than we can ask for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` calls, with `burst` at once after a rest; "*" in a table is all others."""

    group: str
    per_second: float
    burst: float

    def share(self, percent: int) -> Rate:
        """Return the part of this rate that we use; one call at a time is always possible."""
        part = percent / 100
        return Rate(self.group, self.per_second * part, max(1.0, self.burst * part))


# One endpoint in the partition, so one bucket, whatever Region a client was made for.
GLOBAL_SERVICES = frozenset({"account", "iam", "organizations"})

_TABLE: dict[str, tuple[tuple[str, Rate], ...]] = {
    "organizations": (
        ("ListAccounts", Rate("ListAccounts", 8, 12)),
        ("DescribeAccount", Rate("DescribeAccount", 20, 30)),
        (
            "ListAccountsForParent ListOrganizationalUnitsForParent ListParents",
            Rate("tree", 5, 8),
        ),
        ("ListChildren", Rate("ListChildren", 6, 10)),
        ("ListRoots", Rate("ListRoots", 1, 2)),
        ("DescribeOrganization", Rate("DescribeOrganization", 1, 2)),
        ("DescribeOrganizationalUnit", Rate("DescribeOrganizationalUnit", 2, 2)),
        ("ListPolicies ListPoliciesForTarget ListTargetsForPolicy", Rate("policies", 5, 8)),
        ("DescribePolicy", Rate("DescribePolicy", 2, 2)),
        ("ListTagsForResource", Rate("ListTagsForResource", 10, 15)),
        ("ListDelegatedAdministrators", Rate("ListDelegatedAdministrators", 5, 8)),
        (
            "ListAWSServiceAccessForOrganization ListDelegatedServicesForAccount",
            Rate("services", 1, 3),
        ),
        # Not listed by AWS (DescribeEffectivePolicy and the like): as slow as DescribePolicy.
        ("*", Rate("other", 2, 2)),
    ),
    "securityhub": (
        ("GetFindings GetFindingsV2", Rate("GetFindings", 3, 6)),
        ("BatchEnableStandards", Rate("BatchEnableStandards", 1, 1)),
        ("UpdateStandardsControl", Rate("UpdateStandardsControl", 1, 5)),
        ("BatchImportFindings", Rate("BatchImportFindings", 10, 30)),
        ("BatchUpdateFindings BatchUpdateFindingsV2", Rate("BatchUpdateFindings", 10, 30)),
        ("*", Rate("other", 10, 30)),
    ),
    # docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
    "cloudtrail": (("LookupEvents", Rate("LookupEvents", 2, 2)),),
    "account": (
        ("ListRegions", Rate("ListRegions", 5, 5)),
        ("GetAlternateContact", Rate("GetAlternateContact", 10, 15)),
        ("*", Rate("other", 1, 1)),
    ),
    "accessanalyzer": (("*", Rate("all", 10, 20)),),
    "guardduty": (("*", Rate("all", 10, 20)),),
    "inspector2": (("*", Rate("all", 10, 20)),),
    "macie2": (("*", Rate("all", 10, 20)),),
    "sso-admin": (("*", Rate("all", 20, 20)),),
}

RATES: dict[str, dict[str, Rate]] = {
    service: {operation: rate for operations, rate in rows for operation in operations.split()}
    for service, rows in _TABLE.items()
}


def rate_of(service: str, operation: str) -> Rate | None:
    """Return the rate of an operation (PascalCase); None = not counted by us."""
    rates = RATES.get(service, {})
    return rates.get(operation) or rates.get("*")
