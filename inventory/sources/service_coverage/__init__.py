"""Which security services are on where, told by their delegated administrators Region by Region.

One account answers for the whole organisation, so a pass needs no role in the members. Calls a
Region for N accounts, of which M are members: GuardDuty 2 + M/50, Security Hub M/50, Inspector
M/50 + M/100, Macie 2 + 2 x N/25 (automated discovery is a list of its own). Identity Center once:
2 + the sum over the permission sets of their accounts / 100.

An account that a complete list of members leaves out is not covered by the service. A list that
could not be read to its end says nothing of the accounts that it has not named.
"""

from inventory.sources.service_coverage import guardduty, inspector, macie, security_hub
from inventory.sources.service_coverage.asking import Answer, Service, ask
from inventory.sources.service_coverage.identity_center import ask_identity_center

SERVICES = (guardduty.SERVICE, security_hub.SERVICE, inspector.SERVICE, macie.SERVICE)
# Identity Center is asked once for the organisation, not in each Region.
IDENTITY_CENTER_PRINCIPAL = "sso.amazonaws.com"

__all__ = [
    "IDENTITY_CENTER_PRINCIPAL",
    "SERVICES",
    "Answer",
    "Service",
    "ask",
    "ask_identity_center",
]
