"""IAM actions of our calls, and the published policies built from them."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The door's own call: the hub role takes on the member role of each account, and the management role.
PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": ("sts:AssumeRole",)}

# Order of the documents in the file. The last two are for those who want them: `events` is given to
# the hub role with the queue, `write_back` to a role of its own.
ROLES = ("hub", "member", "management", "events", "write_back")
MEMBER_ROLE_ARN = "arn:aws:iam::*:role/ParapetMemberRead"
MANAGEMENT_ROLE_ARN = "arn:aws:iam::*:role/ParapetManagementRead"
QUEUE_ARN = "arn:aws:sqs:*:*:parapet-findings"
# To be replaced by the reader's own organisation: roles of nobody else may be assumed.
ORGANIZATION_ID = "o-exampleorgid"

# Where the IAM action has another name than the operation (Service Authorization Reference).
_RENAMED = {
    "access-analyzer:GetFindingV2": "access-analyzer:GetFinding",
    "access-analyzer:ListFindingsV2": "access-analyzer:ListFindings",
    # Of S3 Control, for an account; for a bucket the action has another name.
    "s3:GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "securityhub:BatchUpdateFindingsV2": "securityhub:BatchUpdateFindings",
    "securityhub:GetFindingStatisticsV2": "securityhub:GetAdhocInsightResults",
    "securityhub:GetFindingsV2": "securityhub:GetFindings",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
}


def action_of(signing_name: str, operation: str) -> str:
    """Return the IAM action that allows an operation (PascalCase)."""
    action = f"{signing_name}:{operation}"
    return _RENAMED.get(action, action)


def discover(packages: Iterable[str]) -> dict[str, frozenset[str]]:
    """Collect PERMISSIONS by role from every module of these packages, and the door's own.

    A module without them calls nothing in AWS; a test compares both with the calls.
    """
    found: dict[str, set[str]] = {}
    for declared in itertools.chain([PERMISSIONS], _declared(packages)):
        for role, actions in declared.items():
            found.setdefault(role, set()).update(actions)
    return {role: frozenset(actions) for role, actions in found.items()}


def build(grants: Mapping[str, Iterable[str]]) -> dict[str, dict[str, Any]]:
    """Return an IAM policy document for each role that has anything to do."""
    return {role: _document(grants[role]) for role in ROLES if grants.get(role)}


def _declared(packages: Iterable[str]) -> Iterable[Mapping[str, Iterable[str]]]:
    for name in packages:
        package = importlib.import_module(name)
        # Packages too: a source of several services declares the permissions of each beside its calls.
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            # Loaded by name: the floor below cannot import the sources above it.
            yield getattr(importlib.import_module(module.name), "PERMISSIONS", {})


def _document(actions: Iterable[str]) -> dict[str, Any]:
    by_service: dict[str, list[str]] = {}
    for action in sorted(set(actions)):
        by_service.setdefault(action.partition(":")[0], []).append(action)
    statements = [_statement(service, names) for service, names in by_service.items()]
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(service: str, actions: list[str]) -> dict[str, Any]:
    sid = "".join(part.capitalize() for part in service.split("-"))
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}
    if service == "sqs":
        statement["Resource"] = QUEUE_ARN
    if service == "sts":
        statement["Resource"] = [MEMBER_ROLE_ARN, MANAGEMENT_ROLE_ARN]
        statement["Condition"] = {"StringEquals": {"aws:ResourceOrgID": ORGANIZATION_ID}}
    return statement
