"""The sandbox's policies as the export of the demo organisation's catalogue: what each file has to be.

`python -m tests.invariants.attached` writes the files of sandbox/data/policies; test_attached.py
compares, so that neither the catalogue nor the sandbox changes without the other.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from invariants import exports
from invariants.catalog import Catalogue, load

DATA = Path(__file__).parents[2] / "sandbox" / "data"
CATALOG = DATA / "catalog"
POLICIES = DATA / "policies"

Policy = dict[str, Any]

EXPORTED: Mapping[str, tuple[str, ...]] = {
    "deny-leave-organization": ("acct-leave-org",),
    "protect-security-services": (
        *("mon-analyzer", "mon-config", "mon-guardduty", "mon-securityhub"),
    ),
    "protect-cloudtrail": ("mon-cloudtrail",),
    "protect-platform-roles": ("iam-protect-roles",),
    "identity-baseline": (
        *("iam-idc-instance", "iam-idp", "iam-no-svc-creds", "iam-protect-policies"),
    ),
    "protect-logs": ("mon-logs",),
    "deny-root-user": ("root-deny",),
    "restrict-regions": ("acct-regions",),
    "deny-iam-users": ("iam-no-users",),
    "deny-public-s3": ("halden-public-s3",),
    "deny-public-sharing": ("dp-ram", "rds-snap-public", "ssm-doc-public"),
    "require-imdsv2": ("halden-imdsv2-launch",),
    "require-imdsv2.drifted": ("halden-imdsv2-launch",),
    "require-encryption": ("ebs-encrypt", "rds-encrypt"),
    "payments-boundary": ("kms-delete",),
    "network-edge": ("net-edge",),
    "network-edge-dev": ("net-edge",),
    "protect-backups": ("backup-vault",),
    "protect-backups.drifted": ("backup-vault",),
    "iam-boundary": ("iam-boundary",),
    "sandbox-guardrails": ("halden-sandbox-limits",),
    "quarantine": ("acct-suspended",),
    "rcp-require-tls": ("tls-12", "tls-only"),
    "rcp-confused-deputy": ("dp-deputy",),
    "rcp-organization-only": ("dp-identity",),
    "rcp-trusted-oidc": ("iam-oidc-tenant",),
    "rcp-trusted-accounts": ("iam-assume-ext",),
    "rcp-assume-role-approval": ("iam-assume-ext",),
    "ec2-instance-defaults": ("ec2-imdsv2",),
    "ec2-sharing-blocks": ("ami-public", "cult-explain", "ec2-serial", "snap-public"),
    "ec2-vpc-block-public-access": ("vpc-bpa",),
    "s3-block-public-access": ("s3-bpa",),
    "ai-opt-out": ("ai-optout",),
    "inspector-on": ("ir-inspector",),
}
"""Content file -> the invariants that it is the export of."""


def _by_console(policy: Policy) -> Policy:
    """Another order of everything whose order says nothing."""
    return {name: _reversed(policy[name]) for name in reversed(policy)}


def _reversed(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _reversed(data[name]) for name in reversed(data)}
    if isinstance(data, list):
        return [_reversed(item) for item in reversed(data)]
    return data


def _with_legacy_deploy(policy: Policy) -> Policy:
    """Somebody let roles of the old deployment start instances with IMDSv1."""
    launch, keep = policy["Statement"]
    role = "arn:aws:iam::*:role/LegacyDeploy*"
    launch["Condition"]["ArnNotLike"] = {"aws:PrincipalArn": role}
    exempt = keep["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    keep["Condition"]["ArnNotLike"]["aws:PrincipalArn"] = [*_listed(exempt), role]
    return policy


def _for_all_developers(policy: Policy) -> Policy:
    """A wildcard that was meant for one role of the network project and lets every developer in."""
    for statement in policy["Statement"]:
        arns = statement["Condition"]["ArnNotLike"]
        arns["aws:PrincipalArn"] = [*_listed(arns["aws:PrincipalArn"]), "arn:aws:iam::*:role/Dev*"]
    return policy


def _for_nobody(policy: Policy) -> Policy:
    """StringEquals takes the star as it stands, so that the Deny never fires."""
    for statement in policy["Statement"]:
        statement["Condition"]["StringEquals"] = {"aws:PrincipalArn": "*"}
    return policy


def _without_services(policy: Policy) -> Policy:
    """The carve-out of AWS services is missing: EC2 can no longer assume a role."""
    for statement in policy["Statement"]:
        del statement["Condition"]["BoolIfExists"]
    return policy


CHANGED: Mapping[str, Callable[[Policy], Policy]] = {
    "protect-cloudtrail": _by_console,
    "require-imdsv2.drifted": _with_legacy_deploy,
    "network-edge-dev": _for_all_developers,
    "protect-backups.drifted": _for_nobody,
    "rcp-assume-role-approval": _without_services,
}
"""What somebody did to the export."""


@cache
def catalogue() -> Catalogue:
    """The demo organisation's catalogue."""
    return load(CATALOG)


def text_of(key: str) -> str:
    """The content file of that name, indented, with the placeholders of the sandbox."""
    policy = json.loads(_exported(EXPORTED[key]))
    policy = CHANGED.get(key, lambda same: same)(policy)
    values = catalogue().parameters
    text = json.dumps(policy, indent=2, ensure_ascii=False) + "\n"
    for name in ("organization_id", "management_account", "security_account"):
        text = text.replace(values[name][0], f"${{{name.upper()}}}")
    return text


def _exported(keys: tuple[str, ...]) -> str:
    found = [
        exports.document(catalogue()[key], left_as_examples=catalogue().left_as_examples(key))
        for key in keys
    ]
    # What is packed has the same targets; here it is attached where the sandbox says.
    together = [_at_root(document) for document in found]
    (packed,) = exports.pack(together)
    return packed.content


def _at_root(document: exports.Document) -> exports.Document:
    return exports.Document(
        invariant_id=document.invariant_id,
        name=document.name,
        description=document.description,
        type=document.type,
        content=document.content,
        targets=("Root",),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    for name in EXPORTED:
        (POLICIES / f"{name}.json").write_text(text_of(name), encoding="utf-8")
