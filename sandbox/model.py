"""The shapes that the invented organisation is told in.

`sandbox.org` makes an `Org`, `sandbox.history` makes a `Snapshot` of it at a moment, and `sandbox.server` turns both
into AWS answers. Names are snake_case; only findings and Access Analyzer findings are plain dicts in API shape already.
Every moment is an aware UTC datetime. Nothing in a snapshot may be changed in place: dicts and lists inside findings
are shared between findings and between snapshots, so whoever edits one copies the levels that it changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

# ASFF and Access Analyzer documents are open JSON objects: Any is their honest value type.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrganizationalUnit:
    """One OU. The root is not among them: see `Org.root_id`."""

    ou_id: str
    """`ou-<root suffix>-<8 characters>`."""
    arn: str
    name: str
    parent_id: str
    """The root's id or another OU's id."""
    path: str
    """`o-…/r-…/ou-…/…/`: from the organisation to this OU itself, as Organizations writes `Path`."""
    depth: int
    """1 right below the root, at most 3."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it stands at the moment of the snapshot."""

    account_id: str
    arn: str
    name: str
    email: str
    state: str
    """PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED."""
    status: str
    """The older field: ACTIVE, SUSPENDED or PENDING_CLOSURE."""
    joined_method: str
    """CREATED or INVITED (the management account: INVITED)."""
    joined_at: datetime
    parent_id: str
    """The OU (or root) that holds it now."""
    path: str
    """`o-…/r-…/ou-…/<account id>/`, as Organizations writes `Paths`."""
    tags: Mapping[str, str]
    """owner, environment, data-classification, criticality, cost-centre; some may be missing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One Organizations policy and what it is attached to at the moment of the snapshot."""

    policy_id: str
    """`p-FullAWSAccess`, `p-RCPFullAWSAccess` or `p-<8 to 16 characters>`."""
    arn: str
    name: str
    description: str
    type: str
    """SERVICE_CONTROL_POLICY, DECLARATIVE_POLICY_EC2, …: see `sandbox.org.policies`."""
    aws_managed: bool
    content: str
    """Exactly as DescribePolicy would give it: a JSON document, or half of one that nobody can read."""
    target_ids: tuple[str, ...]
    """Ids of the root, OUs and accounts, in tree order."""


@dataclass(frozen=True, slots=True)
class DelegatedAdministrator:
    """One (account, service principal) pair."""

    account_id: str
    service_principal: str
    enabled_at: datetime


@dataclass(frozen=True, slots=True)
class Standard:
    """One Security Hub standard and the security account's subscription to it."""

    standards_arn: str
    """`arn:aws:securityhub:<region>::standards/…`."""
    standards_id: str
    """What findings carry: `standards/…/v/…`."""
    subscription_arn: str
    name: str
    description: str
    enabled_by_default: bool
    is_subscribed: bool
    """False: DescribeStandards shows it, GetEnabledStandards does not."""


@dataclass(frozen=True, slots=True)
class Control:
    """One Security Hub control, as released and configured at the moment of the snapshot."""

    control_id: str
    title: str
    description: str
    severity: str
    """LOW, MEDIUM, HIGH or CRITICAL."""
    resource_type: str
    """ASFF type of what it checks; AwsAccount for an account-level control."""
    config_resource_type: str
    """CloudFormation type of what it checks; AWS::::Account for an account-level control."""
    standards: tuple[str, ...]
    """StandardsIds that contain it, all known ones, subscribed or not."""
    area: str
    """Area code of the demo; AWS knows nothing of it, the server must not serve it."""
    is_periodic: bool
    status: str
    """ENABLED or DISABLED."""
    disabled_reason: str
    """Empty when enabled."""
    status_updated_at: datetime
    update_status: str
    """READY or UPDATING."""
    remediation_url: str
    parameters: Mapping[str, Any]
    """In the shape of SecurityControl.Parameters; empty when the control has none."""


@dataclass(frozen=True, slots=True)
class Analyzer:
    """One IAM Access Analyzer analyzer of the security account."""

    arn: str
    name: str
    region: str
    type: str
    """ORGANIZATION, ORGANIZATION_INTERNAL_ACCESS or ORGANIZATION_UNUSED_ACCESS."""
    status: str
    created_at: datetime
    last_resource_analyzed: str
    last_resource_analyzed_at: datetime
    unused_access_age_days: int | None
    """Only for unused access: days without use before a finding."""


@dataclass(frozen=True, slots=True)
class AnalyzerFinding:
    """One Access Analyzer finding."""

    analyzer_arn: str
    finding_id: str
    region: str
    summary: Document
    """An item of ListFindingsV2 (`findings[]`); moments are ISO strings."""
    detail: Document
    """The answer of GetFindingV2 without paging, `findingDetails` included; moments are ISO strings."""


@dataclass(frozen=True, slots=True)
class AccountRegion:
    """One Region of an account, as account:ListRegions tells it."""

    region: str
    status: str
    """ENABLED, ENABLING, DISABLING, DISABLED or ENABLED_BY_DEFAULT."""


@dataclass(frozen=True, slots=True)
class AlternateContact:
    """One alternate contact of an account."""

    contact_type: str
    """BILLING, OPERATIONS or SECURITY."""
    name: str
    title: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Aggregator:
    """The Security Hub finding aggregator of the security account."""

    arn: str
    home_region: str
    linking_mode: str
    linked_regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Org:
    """What never changes about the organisation, and all that its history is computed from."""

    seed: int
    size: int
    """Accounts asked for: about as many exist on the anchor day."""
    findings: int | None
    """Findings asked for on the anchor day; None: about 75 an account; 0: none at all."""
    anchor: date
    """Install day. The 26 weeks before it hold the story."""
    name: str
    organization_id: str
    arn: str
    root_id: str
    root_arn: str
    management_account_id: str
    security_account_id: str
    """Delegated administrator of everything, and the aggregation account."""
    home_region: str
    regions: tuple[str, ...]
    """Regions the organisation works in, home Region first."""
    ous: tuple[OrganizationalUnit, ...]
    """In tree order: a parent stands before its children."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The organisation at one moment."""

    org: Org
    now: datetime
    ous: tuple[OrganizationalUnit, ...]
    accounts: tuple[Account, ...]
    """Management account first; closed accounts stay for 90 days."""
    policies: tuple[Policy, ...]
    enabled_policy_types: tuple[str, ...]
    delegated_administrators: tuple[DelegatedAdministrator, ...]
    service_access_principals: tuple[str, ...]
    """Service principals with trusted access to the organisation."""
    standards: tuple[Standard, ...]
    controls: tuple[Control, ...]
    """All released controls, by id."""
    aggregator: Aggregator
    findings: list[Document]
    """ASFF, as the delegated administrator sees them in the aggregation Region. Unique by (Id, ProductArn); stable order."""
    analyzers: tuple[Analyzer, ...]
    analyzer_findings: tuple[AnalyzerFinding, ...]
    regions: Mapping[str, tuple[AccountRegion, ...]]
    """By account id."""
    contacts: Mapping[str, Mapping[str, AlternateContact]]
    """By account id, then by contact type; a type that is not there is unset."""
