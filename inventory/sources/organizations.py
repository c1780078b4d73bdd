"""AWS Organizations: the tree, the accounts, the policies and where they are attached."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": (
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListDelegatedServicesForAccount",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListParents",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
        "organizations:ListTargetsForPolicy",
    ),
}

# The most that Organizations gives on a page; botocore lets larger numbers through.
PAGE_SIZE = 20

TargetKind = Literal["ROOT", "OU", "ACCOUNT"]
TARGET_KINDS: dict[str, TargetKind] = {
    "ROOT": "ROOT",
    "ORGANIZATIONAL_UNIT": "OU",
    "ACCOUNT": "ACCOUNT",
}


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """The organisation and its one root; `policy_types` are those ENABLED on the root."""

    org_id: str
    arn: str
    management_account_id: str
    root_id: str
    root_arn: str
    root_name: str
    policy_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OuRecord:
    """An organisational unit; `parent_id` is the root's or another OU's id."""

    ou_id: str
    arn: str
    name: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """A member or the management account.

    `state` is AWS's word: PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED.
    `joined_at` is None where AWS does not say.
    """

    account_id: str
    arn: str
    name: str
    email: str
    state: str
    joined_at: datetime | None
    joined_method: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy of any type; `content` is "" until read_policy_content gives it."""

    policy_id: str
    arn: str
    name: str
    description: str
    type: str
    is_aws_managed: bool
    content: str


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A policy on a root, an OU or an account."""

    policy_id: str
    target_id: str
    target_kind: TargetKind


@dataclass(frozen=True, slots=True)
class DelegatedAdministratorRecord:
    """An account that administers one AWS service for the organisation."""

    account_id: str
    service_principal: str


def read_organization(client: Client) -> OrganizationRecord:
    """Return the organisation with its root (2 calls).

    :raises SourceError: NotConfigured where the account is in no organisation
    """
    found = client.call("describe_organization").get("Organization", {})
    roots = list(client.items("list_roots", "Roots", MaxResults=PAGE_SIZE))
    if not roots or "Id" not in found:
        raise client.malformed("list_roots", "The organisation has no root or no id.")
    root = roots[0]
    return OrganizationRecord(
        org_id=found["Id"],
        arn=found["Arn"],
        management_account_id=found["MasterAccountId"],
        root_id=root["Id"],
        root_arn=root["Arn"],
        root_name=_text(root["Name"]),
        policy_types=tuple(sorted(_enabled_types(root))),
    )


def read_ous(client: Client, *, root_id: str) -> Iterator[OuRecord]:
    """Yield every OU, parents before children (1 call an OU, and 1 for the root)."""
    parents = deque([root_id])
    while parents:
        parent_id = parents.popleft()
        for raw in client.items(
            "list_organizational_units_for_parent",
            "OrganizationalUnits",
            ParentId=parent_id,
            MaxResults=PAGE_SIZE,
        ):
            parents.append(raw["Id"])
            yield OuRecord(
                ou_id=raw["Id"], arn=raw["Arn"], name=_text(raw["Name"]), parent_id=parent_id
            )


def read_accounts(
    client: Client, *, root_id: str, ous: Iterable[OuRecord]
) -> Iterator[AccountRecord]:
    """Yield every account with its parent, in AWS's order.

    ListAccounts says where each account is in Paths. Where it doesn't, each OU is asked for its
    accounts, and an account that moved meanwhile for its parent: every account has a parent.
    """
    found = list(client.items("list_accounts", "Accounts", MaxResults=PAGE_SIZE))
    parents = {raw["Id"]: parent for raw in found if (parent := _parent_in_path(raw))}
    if len(parents) < len(found):
        for parent_id in (root_id, *(ou.ou_id for ou in ous)):
            for raw in client.items(
                "list_accounts_for_parent", "Accounts", ParentId=parent_id, MaxResults=PAGE_SIZE
            ):
                parents.setdefault(raw["Id"], parent_id)
    for raw in found:
        yield parse_account(raw, parent_id=parents.get(raw["Id"]) or _parent(client, raw["Id"]))


def parse_account(raw: Mapping[str, Any], *, parent_id: str) -> AccountRecord:
    """Return an account as botocore parsed it; State before Status, which AWS retired in 2026-09."""
    joined_at = raw.get("JoinedTimestamp")
    return AccountRecord(
        account_id=raw["Id"],
        arn=raw["Arn"],
        name=_text(raw.get("Name", "")),
        email=_text(raw.get("Email", "")),
        state=raw.get("State") or raw["Status"],
        joined_at=joined_at.astimezone(UTC) if joined_at else None,
        joined_method=raw.get("JoinedMethod", ""),
        parent_id=parent_id,
    )


def read_tags(client: Client, *, account_id: str) -> dict[str, str]:
    """Return the tags of an account (any other resource of Organizations works too)."""
    return {
        _text(raw["Key"]): _text(raw["Value"])
        for raw in client.items("list_tags_for_resource", "Tags", ResourceId=account_id)
    }


def read_policies(client: Client, *, types: Iterable[str]) -> Iterator[PolicyRecord]:
    """Yield the policies of these types, without content; ask for the types of the root only."""
    for policy_type in types:
        for raw in client.items(
            "list_policies", "Policies", Filter=policy_type, MaxResults=PAGE_SIZE
        ):
            yield _policy(raw, content="")


def read_policy_content(client: Client, *, policy_id: str) -> PolicyRecord:
    """Return a policy with its content (JSON text, as saved).

    Policies have no version and no time of change: only the content tells whether one changed.
    """
    found = client.call("describe_policy", PolicyId=policy_id).get("Policy", {})
    if "Content" not in found or "PolicySummary" not in found:
        raise client.malformed("describe_policy", f"The answer for {policy_id} has no content.")
    return _policy(found["PolicySummary"], content=found["Content"])


def read_attachments(client: Client, *, policy_id: str) -> Iterator[AttachmentRecord]:
    """Yield each target of a policy (FullAWSAccess has one for every node of the tree)."""
    for raw in client.items(
        "list_targets_for_policy", "Targets", PolicyId=policy_id, MaxResults=PAGE_SIZE
    ):
        kind = TARGET_KINDS.get(raw["Type"])
        if kind is None:
            raise client.malformed("list_targets_for_policy", f"Unknown target {raw['Type']!r}.")
        yield AttachmentRecord(policy_id=policy_id, target_id=raw["TargetId"], target_kind=kind)


def read_delegated_administrators(client: Client) -> Iterator[DelegatedAdministratorRecord]:
    """Yield each (account, service) delegation (1 call, and 1 for each such account)."""
    for account in client.items(
        "list_delegated_administrators", "DelegatedAdministrators", MaxResults=PAGE_SIZE
    ):
        for raw in client.items(
            "list_delegated_services_for_account",
            "DelegatedServices",
            AccountId=account["Id"],
            MaxResults=PAGE_SIZE,
        ):
            yield DelegatedAdministratorRecord(
                account_id=account["Id"], service_principal=raw["ServicePrincipal"]
            )


def _text(value: str) -> str:
    r"""AWS takes any character in the name of an OU or policy (`[\s\S]*`), and PostgreSQL no NUL."""
    return value.replace("\0", "")


def _enabled_types(root: Mapping[str, Any]) -> Iterator[str]:
    # The root is the truth; DescribeOrganization.AvailablePolicyTypes is out of date.
    for raw in root.get("PolicyTypes", ()):
        if raw["Status"] == "ENABLED":
            yield raw["Type"]


def _parent_in_path(raw: Mapping[str, Any]) -> str:
    # "o-.../r-.../ou-.../123456789012/": the last but one is the parent.
    for path in raw.get("Paths") or ():
        steps = path.strip("/").split("/")
        if len(steps) >= 3 and steps[-1] == raw["Id"]:
            return str(steps[-2])
    return ""


def _parent(client: Client, account_id: str) -> str:
    for raw in client.items("list_parents", "Parents", ChildId=account_id, MaxResults=PAGE_SIZE):
        return str(raw["Id"])
    raise client.malformed("list_parents", f"{account_id} has no parent.")


def _policy(raw: Mapping[str, Any], *, content: str) -> PolicyRecord:
    return PolicyRecord(
        policy_id=raw["Id"],
        arn=raw["Arn"],
        name=_text(raw["Name"]),
        description=_text(raw.get("Description", "")),
        type=raw["Type"],
        is_aws_managed=raw.get("AwsManaged", False),
        content=_text(content),
    )
