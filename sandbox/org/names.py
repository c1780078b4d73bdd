"""Names of the invented organisation: OUs, systems, teams, people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OuName:
    """One OU of the tree, by a key that the rest of the sandbox uses."""

    key: str
    name: str
    parent: str | None
    """None: right below the root."""


TREE = (
    OuName("security", "Security", None),
    OuName("infrastructure", "Infrastructure", None),
    OuName("workloads", "Workloads", None),
    OuName("production", "Production", "workloads"),
    OuName("customer", "Customer Platform", "production"),
    OuName("payments", "Payments", "production"),
    OuName("data", "Data & Analytics", "production"),
    OuName("nonproduction", "Non-production", "workloads"),
    OuName("sandbox", "Sandbox", None),
    OuName("onboarding", "Onboarding", None),
    OuName("nursery", "Nursery", None),
    OuName("exceptions", "Exceptions", None),
    OuName("suspended", "Suspended", None),
    OuName("policy-staging", "Policy Staging", None),
)

_PARENTS = {ou.key: ou.parent for ou in TREE}


def path_of(key: str) -> tuple[str, ...]:
    """Return the keys of an OU and of those above it, nearest first; none for "root"."""
    parent = _PARENTS.get(key)
    return (key, *(path_of(parent) if parent else ())) if key in _PARENTS else ()


CORE = (
    ("security-tooling", "security", "security-engineering"),
    ("log-archive", "security", "security-engineering"),
    ("security-forensics", "security", "incident-response"),
    ("network-hub", "infrastructure", "cloud-network"),
    ("shared-services", "infrastructure", "cloud-platform"),
    ("build-and-release", "infrastructure", "developer-experience"),
    ("backup-vault", "infrastructure", "cloud-platform"),
    ("policy-canary", "policy-staging", "cloud-platform"),
)
"""(name, OU key, owner) of the accounts that every size has, beside the management account."""

SYSTEMS = {
    "customer": (
        ("storefront", "digital-commerce"),
        ("checkout", "digital-commerce"),
        ("customer-identity", "customer-trust"),
        ("mobile-api", "mobile"),
        ("loyalty", "growth"),
        ("notifications", "messaging"),
        ("product-search", "discovery"),
        ("content-hub", "content"),
        ("support-desk", "customer-care"),
        ("promotions", "growth"),
    ),
    "payments": (
        ("payments-ledger", "ledger"),
        ("card-vault", "payments-core"),
        ("settlements", "payments-core"),
        ("fraud-scoring", "risk-engineering"),
        ("payouts", "ledger"),
        ("reconciliation", "finance-systems"),
        ("merchant-portal", "merchants"),
    ),
    "data": (
        ("data-lake", "data-platform"),
        ("warehouse", "data-platform"),
        ("ml-features", "machine-learning"),
        ("event-streams", "data-platform"),
        ("reporting", "business-intelligence"),
        ("model-serving", "machine-learning"),
        ("data-exchange", "partner-data"),
    ),
}
"""OU key of the production account: (system, owner)."""

LEGACY = (
    ("mainframe-bridge", "core-banking"),
    ("print-archive", "back-office"),
    ("telephony", "customer-care"),
    ("partner-sftp", "integration"),
)
ACQUIRED = (
    ("northwick-web", "northwick"),
    ("northwick-erp", "northwick"),
    ("northwick-data", "northwick"),
    ("northwick-dev", "northwick"),
    ("northwick-shared", "northwick"),
)
RETIRED = ("campaign-2021", "old-intranet", "poc-blockchain", "beacon-trial")
NEWCOMERS = (
    ("subscriptions", "growth"),
    ("returns", "digital-commerce"),
    ("kyc-checks", "risk-engineering"),
    ("instant-payments", "payments-core"),
    ("data-quality", "data-platform"),
    ("carbon-reports", "business-intelligence"),
    ("gift-cards", "growth"),
    ("delivery-tracking", "logistics"),
    ("pricing", "merchants"),
    ("tax-engine", "finance-systems"),
)
PEOPLE = (
    "Amina Brandt",
    "Teodor Lindqvist",
    "Mireille Okafor",
    "Jonas Petersen",
    "Priya Raman",
    "Caoimhe Walsh",
    "Luca Ferrante",
    "Sofie Nygaard",
    "Daniel Abebe",
    "Hanna Weiss",
)
