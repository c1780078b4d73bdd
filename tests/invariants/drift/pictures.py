"""Pictures for tests of drift: a small tree, with demands and policies as a test says."""

import json

from invariants.evaluation.drift.records import Demand, Deployed, Picture, Spot

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
EC2 = "DECLARATIVE_POLICY_EC2"
ROOT, WORKLOADS, PROD, SANDBOX, STAGING = "r-ab12", "ou-w", "ou-p", "ou-s", "ou-t"
MANAGEMENT, APP, LAB = "100000000001", "300000000001", "300000000002"

LEAVE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Stay",
            "Effect": "Deny",
            "Action": "organizations:LeaveOrganization",
            "Resource": "*",
        }
    ],
}
USERS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NoUsers",
            "Effect": "Deny",
            "Action": ["iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"],
            "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/Platform"]}},
        }
    ],
}
SERIAL = {"ec2_attributes": {"serial_console_access": {"status": {"@@assign": "disabled"}}}}


def places():
    spots = [
        Spot(ROOT, "Root", "ROOT", None, pk=1),
        Spot(WORKLOADS, "Workloads", "OU", ROOT, "WORKLOADS", label="Workloads", pk=2),
        Spot(PROD, "Prod", "OU", WORKLOADS, "WORKLOADS", label="Workloads / Prod", pk=3),
        Spot(SANDBOX, "Sandbox", "OU", ROOT, "SANDBOX", label="Sandbox", pk=4),
        Spot(STAGING, "Policy Staging", "OU", ROOT, "POLICY_STAGING", label="Policy Staging", pk=5),
        Spot(MANAGEMENT, "payer", "ACCOUNT", ROOT, state="ACTIVE", pk=6),
        Spot(APP, "app", "ACCOUNT", PROD, state="ACTIVE", pk=7),
        Spot(LAB, "lab", "ACCOUNT", SANDBOX, state="ACTIVE", pk=8),
    ]
    return {spot.id: spot for spot in spots}


def demand(key="acct-leave-org", policy=LEAVE, **changes):
    values = {
        "pk": abs(hash(key)) % 10_000,
        "key": key,
        "state": "ENFORCED",
        "type": SCP,
        "severity": "HIGH",
        "policy": policy if isinstance(policy, str) else json.dumps(policy),
        "targets": {"root": True},
    }
    return Demand(**(values | changes))


def deployed(content=LEAVE, policy_id="p-leave", **changes):
    values = {
        "pk": abs(hash(policy_id)) % 10_000,
        "policy_id": policy_id,
        "name": f"policy {policy_id}",
        "type": SCP,
        "content": content if content is None or isinstance(content, str) else json.dumps(content),
        "attached_to": (ROOT,),
    }
    return Deployed(**(values | changes))


def picture(demands=(), policies=(), **changes):
    values = {
        "root_id": ROOT,
        "management_account_id": MANAGEMENT,
        "enabled_types": frozenset({SCP, RCP, EC2}),
        "places": places(),
        "demands": tuple(demands),
        "policies": tuple(policies),
    }
    return Picture(**(values | changes))


def shown(findings):
    """Each difference as (kind, invariant, policy, place)."""
    return [
        (
            one.kind,
            one.invariant.key if one.invariant else None,
            one.policy.policy_id if one.policy else None,
            one.place.id if one.place else None,
        )
        for one in findings.differences
    ]
