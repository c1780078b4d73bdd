"""Who may call the sandbox AWS, and for what: keys, the trust of roles, and the published IAM policies.

`ParapetHubRead` in the security account trusts the user `parapet` there; `ParapetMemberRead` in every account,
`ParapetManagementRead` in the management account and `ParapetWriteBack` in the security account trust the hub role. Each of
them asks for the external id. `SecurityAnalyst` in the security account is somebody who works in the AWS console: the user
may take it on, and the published policies do not bind it.
"""

import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

BASE_USER = "parapet"
HUB_ROLE = "ParapetHubRead"
MEMBER_ROLE = "ParapetMemberRead"
MANAGEMENT_ROLE = "ParapetManagementRead"
WRITE_ROLE = "ParapetWriteBack"
ANALYST_ROLE = "SecurityAnalyst"

# They open nothing but an endpoint on loopback, so a default may stand in the source.
_DEFAULT_KEY_ID = "AKIAPARAPETSANDBOX01"
_DEFAULT_SECRET = "parapet-sandbox-opens-loopback-only-0001"  # noqa: S105
_DEFAULT_EXTERNAL_ID = "parapet-sandbox"


@dataclass(frozen=True, slots=True)
class Settings:
    """The base credentials, and the external id that every role asks for."""

    access_key_id: str = _DEFAULT_KEY_ID
    secret_access_key: str = _DEFAULT_SECRET
    external_id: str = _DEFAULT_EXTERNAL_ID

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY and SANDBOX_EXTERNAL_ID."""
        given = os.environ if environment is None else environment
        return cls(
            given.get("SANDBOX_ACCESS_KEY_ID") or _DEFAULT_KEY_ID,
            given.get("SANDBOX_SECRET_ACCESS_KEY") or _DEFAULT_SECRET,
            given.get("SANDBOX_EXTERNAL_ID") or _DEFAULT_EXTERNAL_ID,
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever holds a key."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    """Empty for the base user."""
    account_id: str
    arn: str
    user_id: str
    role: str
    """Role name; empty for the base user."""
    expires_at: datetime | None
    """None: never."""


class Keyring:
    """All keys that the sandbox knows: the base user's, and one per assumed role."""

    def __init__(self, base: Principal) -> None:
        self._lock = threading.Lock()
        self._principals = {base.access_key_id: base}

    def find(self, access_key_id: str) -> Principal | None:
        """Give the holder of a key, or None for an unknown key."""
        return self._principals.get(access_key_id)

    def add(self, principal: Principal, *, now: datetime) -> None:
        """Take in a new session, and forget those that are over for a day."""
        with self._lock:
            self._principals[principal.access_key_id] = principal
            if len(self._principals) % 1000 == 0:
                self._principals = {
                    key: held
                    for key, held in self._principals.items()
                    if held.expires_at is None or (now - held.expires_at).days < 1
                }

    def expire(self, principal: Principal, *, at: datetime) -> None:
        """End a session early. The base user's key never ends."""
        if principal.expires_at is not None:
            with self._lock:
                self._principals[principal.access_key_id] = replace(principal, expires_at=at)


def base_principal(account_id: str, settings: Settings) -> Principal:
    """The user `parapet` of the security account."""
    return Principal(
        settings.access_key_id,
        settings.secret_access_key,
        "",
        account_id,
        f"arn:aws:iam::{account_id}:user/{BASE_USER}",
        "AIDAPARAPETSANDBOX001",
        "",
        None,
    )


@dataclass(frozen=True, slots=True)
class RoleTrust:
    """Decides who may assume which role."""

    security_account_id: str
    management_account_id: str
    external_id: str

    def allows(
        self, principal: Principal, account_id: str, role: str, external_id: str | None
    ) -> bool:
        """Tell whether the trust policy of a role lets this caller in. The account is known to exist."""
        if external_id != self.external_id:
            return False
        if role in (HUB_ROLE, ANALYST_ROLE):
            return account_id == self.security_account_id and not principal.role
        by_hub = principal.role == HUB_ROLE and principal.account_id == self.security_account_id
        if role == MANAGEMENT_ROLE:
            return by_hub and account_id == self.management_account_id
        if role == WRITE_ROLE:
            return by_hub and account_id == self.security_account_id
        return by_hub and role == MEMBER_ROLE


_EXAMPLE_ORGANIZATION_ID = "o-exampleorgid"


class PolicyError(Exception):
    """The policy file cannot be read, or uses what this check does not know."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One IAM statement."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]


_BASE_ROLES = tuple(f"arn:aws:iam::*:role/{role}" for role in (HUB_ROLE, ANALYST_ROLE))
_BASE_ONLY = (Statement(True, ("sts:AssumeRole",), _BASE_ROLES, {}),)
# The trust policy of a role in the same account that names the hub role is leave enough.
_BY_TRUST = Statement(True, ("sts:AssumeRole",), (f"arn:aws:iam::*:role/{WRITE_ROLE}",), {})
_DOCUMENTS_OF_ROLE = {
    HUB_ROLE: ("hub", "events"),
    MEMBER_ROLE: ("member",),
    MANAGEMENT_ROLE: ("management",),
    WRITE_ROLE: ("write_back",),
}


@dataclass(frozen=True, slots=True)
class Permissions:
    """The published policies, by document: hub, member and, where published, management, events and write_back."""

    documents: Mapping[str, tuple[Statement, ...]]

    @classmethod
    def load(cls, source: Path | Mapping[str, Any], *, organization_id: str) -> Self:
        """Read `{"hub": <IAM policy>, "member": <IAM policy>, …}` from a file or from memory.

        The published file names an example organisation, which its reader replaces; so does this.

        :raises PolicyError: when there is no such file, it is no JSON, or a statement has NotAction, NotResource or an unknown
            condition operator
        """
        try:
            text = source.read_text() if isinstance(source, Path) else json.dumps(source)
            source = json.loads(text.replace(_EXAMPLE_ORGANIZATION_ID, organization_id))
        except (OSError, ValueError) as error:
            raise PolicyError(f"Cannot read the policy file: {error}") from error
        if not isinstance(source, Mapping) or not {"hub", "member"} <= set(source):
            raise PolicyError("The policy file needs the documents hub and member")
        return cls(
            {
                name: tuple(_statement(item) for item in _listed(document["Statement"]))
                for name, document in source.items()
                if isinstance(document, Mapping) and "Statement" in document
            }
        )

    def allow(
        self, principal: Principal, action: str, resource: str, context: Mapping[str, str]
    ) -> bool:
        """Tell whether the principal's identity policy allows an action on a resource; Deny wins."""
        if principal.role == ANALYST_ROLE:
            return True
        statements = self._statements(principal.role) if principal.role else _BASE_ONLY
        hits = [item for item in statements if _applies(item, action, resource, context)]
        return any(item.allow for item in hits) and all(item.allow for item in hits)

    def _statements(self, role: str) -> tuple[Statement, ...]:
        found = [
            item
            for name in _DOCUMENTS_OF_ROLE.get(role, ())
            for item in self.documents.get(name, ())
        ]
        return (*found, _BY_TRUST) if role == HUB_ROLE else tuple(found)


_OPERATORS = {"StringEquals", "StringLike", "ArnLike", "ArnEquals"}


def _statement(item: Mapping[str, Any]) -> Statement:
    unknown = {"NotAction", "NotResource"} & set(item)
    conditions = item.get("Condition", {})
    unknown |= set(conditions) - _OPERATORS
    if unknown:
        raise PolicyError(f"Cannot judge statements with {', '.join(sorted(unknown))}")
    return Statement(
        item["Effect"] == "Allow",
        tuple(_listed(item["Action"])),
        tuple(_listed(item.get("Resource", "*"))),
        {
            operator: {key.lower(): tuple(_listed(value)) for key, value in keys.items()}
            for operator, keys in conditions.items()
        },
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _applies(item: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        _fits(action.lower(), (pattern.lower() for pattern in item.actions))
        and _fits(resource, item.resources)
        and all(
            _holds(operator, context.get(key), wanted)
            for operator, keys in item.conditions.items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, value: str | None, wanted: Iterable[str]) -> bool:
    if value is None:
        return False
    return value in wanted if operator == "StringEquals" else _fits(value, wanted)


def _fits(text: str, patterns: Iterable[str]) -> bool:
    return any(_wildcard(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=4096)
def _wildcard(pattern: str) -> re.Pattern[str]:
    """IAM wildcards: `*` any run of characters, `?` exactly one."""
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


# Operations whose IAM action has another name. Source: Service Authorization Reference.
_ACTIONS = {
    ("access-analyzer", "ListFindingsV2"): "access-analyzer:ListFindings",
    ("access-analyzer", "GetFindingV2"): "access-analyzer:GetFinding",
    ("securityhub", "GetFindingsV2"): "securityhub:GetFindings",
    ("securityhub", "GetFindingStatisticsV2"): "securityhub:GetAdhocInsightResults",
    ("securityhub", "BatchUpdateFindingsV2"): "securityhub:BatchUpdateFindings",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
}


def action_of(service: str, operation: str) -> str:
    """Name the IAM action of an operation; the service by its signing name."""
    return _ACTIONS.get((service, operation), f"{service}:{operation}")


_READS = re.compile(
    r"(BatchGet|Check|Describe|Generate|Get|Head|List|Lookup|Receive|Select|Simulate|Validate)[A-Z]"
)


def is_read(service: str, operation: str) -> bool:
    """Tell whether the sandbox lets an operation through at all: reads, all of SQS, and Security Hub's write-back."""
    return (
        service in ("sqs", "sts")
        or (service == "securityhub" and operation.startswith("BatchUpdateFindings"))
        or _READS.match(operation) is not None
    )


def refusal(principal: Principal, action: str, resource: str, why: str = "") -> str:
    """AWS's text for a call that no identity policy allows."""
    reason = why or f"because no identity-based policy allows the {action} action"
    return f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
