"""One name for a resource, whichever format names it: ASFF's."""

from __future__ import annotations

import re
from functools import lru_cache

# The longest type that the database takes.
LONGEST_TYPE = 120
ACCOUNT_TYPE = "AwsAccount"
UNKNOWN_TYPE = "Other"

# ASFF names of services and resources that the rule of `asff_type` would get wrong.
SERVICES = {
    "ElasticLoadBalancing": "Elb",
    "ElasticLoadBalancingV2": "Elbv2",
    "StepFunctions": "StepFunction",
    "WAFv2": "Wafv2",
    "XRay": "Xray",
}
TYPES = {
    "AWS::::Account": ACCOUNT_TYPE,
    "AWS::Account": ACCOUNT_TYPE,
    "AWS::ECR::Image": "AwsEcrContainerImage",
    "AWS::Events::EventBus": "AwsEventsEventbus",
    "AWS::OpenSearch::Domain": "AwsOpenSearchServiceDomain",
}
# Kinds of EC2 resource that OCSF names by their bare id, and ASFF by ARN.
_EC2 = {
    "AwsEc2Eip": "elastic-ip",
    "AwsEc2Instance": "instance",
    "AwsEc2LaunchTemplate": "launch-template",
    "AwsEc2NetworkAcl": "network-acl",
    "AwsEc2NetworkInterface": "network-interface",
    "AwsEc2RouteTable": "route-table",
    "AwsEc2SecurityGroup": "security-group",
    "AwsEc2Snapshot": "snapshot",
    "AwsEc2Subnet": "subnet",
    "AwsEc2TransitGateway": "transit-gateway",
    "AwsEc2Volume": "volume",
    "AwsEc2Vpc": "vpc",
}
_CAPITALS = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z]|[^A-Za-z]|$)")
_ACCOUNT = re.compile(r"(?:AWS::::Account:)?(\d{12})")


@lru_cache(maxsize=2048)
def asff_type(name: str) -> str:
    """Return ASFF's name of a type: `AWS::RDS::DBInstance` gives `AwsRdsDbInstance`.

    A name that is not CloudFormation's is returned as it is.
    """
    parts = name.split("::")
    if name in TYPES:
        return TYPES[name]
    if len(parts) != 3 or parts[0] != "AWS" or not (parts[1] and parts[2]):
        return name[:LONGEST_TYPE]
    service = SERVICES.get(parts[1]) or _words(parts[1])
    return f"Aws{service}{_words(parts[2])}"[:LONGEST_TYPE]


def asff_id(uid: str, *, kind: str, partition: str, region: str, account_id: str) -> str:
    """Return the id that ASFF has for a resource that OCSF may name by a bare id.

    `kind` is ASFF's name of its type.
    """
    if kind == ACCOUNT_TYPE:
        found = _ACCOUNT.fullmatch(uid)
        return f"AWS::::Account:{found[1]}" if found else uid
    if not uid or ":" in uid:
        return uid
    if kind == "AwsS3Bucket":
        return f"arn:{partition}:s3:::{uid}"
    name = _EC2.get(kind)
    return f"arn:{partition}:ec2:{region}:{account_id}:{name}/{uid}" if name and region else uid


def _words(name: str) -> str:
    return _CAPITALS.sub(lambda found: found[0].capitalize(), name)
