"""Every answer of ours, as raw JSON, against the output shape of botocore's service model."""

import json

import pytest

from sandbox.history import settings
from sandbox.model import AnalyzerFinding
from sandbox.moments import seconds_of
from sandbox.org import accounts
from sandbox.server import (
    access_analyzer,
    account,
    cloud_trail,
    config,
    guardduty,
    identity_center,
    inspector,
    macie,
    organizations,
)
from sandbox.server.security_hub import operations

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

_SCALARS = {
    "string": str,
    "integer": int,
    "long": int,
    "double": int | float,
    "float": int | float,
    "boolean": bool,
    "timestamp": int | float | str,
}


def problems(shape, value, path="$"):
    """List what is wrong with a value: unknown members, missing ones, wrong types, values that are not in the enum."""
    if getattr(shape, "is_document_type", False):
        return []
    if shape.type_name == "structure":
        return structure_problems(shape, value, path)
    if shape.type_name == "list":
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [
            p for n, item in enumerate(value) for p in problems(shape.member, item, f"{path}[{n}]")
        ]
    if shape.type_name == "map":
        if not isinstance(value, dict):
            return [f"{path}: no map"]
        return [
            p for name, item in value.items() for p in problems(shape.value, item, f"{path}.{name}")
        ]
    if not isinstance(value, _SCALARS[shape.type_name]):
        return [f"{path}: {value!r} is no {shape.type_name}"]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path}: {value!r} is not in the enum"]
    return []


def structure_problems(shape, value, path):
    if not isinstance(value, dict):
        return [f"{path}: no structure"]
    members = {
        member.serialization.get("name", name): member for name, member in shape.members.items()
    }
    required = {
        shape.members[name].serialization.get("name", name) for name in shape.required_members
    }
    found = [f"{path}.{name}: unknown" for name in value.keys() - members.keys()]
    found += [f"{path}.{name}: missing" for name in required - value.keys()]
    for name in value.keys() & members.keys():
        found += problems(members[name], value[name], f"{path}.{name}")
    return found


def organizations_calls(snapshot):
    org = snapshot.org
    ou = snapshot.ous[0]
    declarative = next(p for p in snapshot.policies if p.type == "DECLARATIVE_POLICY_EC2")
    scp = next(p for p in snapshot.policies if p.type == "SERVICE_CONTROL_POLICY")
    account_id = snapshot.accounts[-1].account_id
    return {
        "DescribeOrganization": {},
        "ListRoots": {},
        "ListAccounts": {},
        "ListAccountsForParent": {"ParentId": snapshot.accounts[-1].parent_id},
        "ListOrganizationalUnitsForParent": {"ParentId": org.root_id},
        "ListParents": {"ChildId": account_id},
        "ListChildren": {"ParentId": org.root_id, "ChildType": "ORGANIZATIONAL_UNIT"},
        "DescribeOrganizationalUnit": {"OrganizationalUnitId": ou.ou_id},
        "DescribeAccount": {"AccountId": account_id},
        "ListPolicies": {"Filter": "SERVICE_CONTROL_POLICY"},
        "ListTargetsForPolicy": {"PolicyId": scp.policy_id},
        "ListPoliciesForTarget": {"TargetId": org.root_id, "Filter": "SERVICE_CONTROL_POLICY"},
        "DescribePolicy": {"PolicyId": scp.policy_id},
        "DescribeEffectivePolicy": {
            "PolicyType": "DECLARATIVE_POLICY_EC2",
            "TargetId": declarative.target_ids[0],
        },
        "ListTagsForResource": {"ResourceId": account_id},
        "ListDelegatedAdministrators": {},
        "ListDelegatedServicesForAccount": {"AccountId": org.security_account_id},
        "ListAWSServiceAccessForOrganization": {},
    }


def security_hub_calls(snapshot):
    standard = next(item for item in snapshot.standards if item.is_subscribed)
    control = next(item for item in snapshot.controls if standard.standards_id in item.standards)
    finding = snapshot.findings[0]
    pair = {"SecurityControlId": control.control_id, "StandardsArn": standard.standards_arn}
    ids = [item.control_id for item in snapshot.controls[:99]]
    return {
        "GetFindings": {},
        "BatchUpdateFindings": {
            "FindingIdentifiers": [
                {"Id": finding["Id"], "ProductArn": finding["ProductArn"]},
                {"Id": "none", "ProductArn": finding["ProductArn"]},
            ],
            "UserDefinedFields": {"seen": "yes"},
        },
        "DescribeHub": {},
        "ListFindingAggregators": {},
        "GetFindingAggregator": {"FindingAggregatorArn": snapshot.aggregator.arn},
        "ListMembers": {},
        "ListOrganizationAdminAccounts": {},
        "GetEnabledStandards": {},
        "DescribeStandards": {},
        "DescribeStandardsControls": {"StandardsSubscriptionArn": standard.subscription_arn},
        "ListSecurityControlDefinitions": {},
        "BatchGetSecurityControls": {"SecurityControlIds": [*ids, "None.1"]},
        "ListStandardsControlAssociations": {"SecurityControlId": control.control_id},
        "BatchGetStandardsControlAssociations": {
            "StandardsControlAssociationIds": [pair, {**pair, "SecurityControlId": "None.1"}]
        },
        "DescribeSecurityHubV2": {},
        "ListAggregatorsV2": {},
        "GetFindingsV2": {},
        "GetFindingStatisticsV2": {"GroupByRules": [{"GroupByField": "compliance.control"}]},
        "BatchUpdateFindingsV2": {
            "FindingIdentifiers": [
                {
                    "CloudAccountUid": finding["AwsAccountId"],
                    "FindingInfoUid": uid,
                    "MetadataProductUid": finding["ProductArn"].replace("product/", "productv2/"),
                }
                for uid in (finding["Id"], "none")
            ],
            "SeverityId": 3,
        },
    }


def access_analyzer_calls(snapshot):
    analyzer = next(
        a
        for a in snapshot.analyzers
        if a.region == snapshot.org.home_region and a.type == "ORGANIZATION"
    )
    finding = next(f for f in snapshot.analyzer_findings if f.analyzer_arn == analyzer.arn)
    return {
        "ListAnalyzers": {},
        "GetAnalyzer": {"analyzerName": analyzer.name},
        "ListArchiveRules": {"analyzerName": analyzer.name},
        "ListFindingsV2": {"analyzerArn": analyzer.arn},
        "GetFindingV2": {"analyzerArn": analyzer.arn, "id": finding.finding_id},
        "GetFindingsStatistics": {"analyzerArn": analyzer.arn},
    }


def account_calls(snapshot):
    account_id = next(
        account
        for account, contacts in snapshot.contacts.items()
        if "SECURITY" in contacts and account != snapshot.org.management_account_id
    )
    return {
        "ListRegions": {"AccountId": snapshot.accounts[-1].account_id},
        "GetAlternateContact": {"AccountId": account_id, "AlternateContactType": "SECURITY"},
        "GetContactInformation": {"AccountId": snapshot.accounts[-1].account_id},
    }


def guardduty_calls(snapshot):
    account_id, region = snapshot.org.security_account_id, snapshot.org.home_region
    detector = {"DetectorId": guardduty.detector_id(account_id, region)}
    return {"ListDetectors": {}, "GetDetector": detector, "ListMembers": detector}


def inspector_calls(snapshot):
    ids = [account.account_id for account in snapshot.accounts[:100]]
    return {"ListMembers": {}, "BatchGetAccountStatus": {"accountIds": ids}}


def macie_calls(snapshot):
    return {operation: {} for operation in macie.HANDLERS}


def identity_center_calls(snapshot):
    arn = identity_center.instance_arn(snapshot.org)
    permission_set = identity_center.set_arn(snapshot.org, "ReadOnlyAccess")
    return {
        "ListInstances": {"RegionScope": "ALL_REGIONS"},
        "ListPermissionSets": {"InstanceArn": arn},
        "ListAccountsForProvisionedPermissionSet": {
            "InstanceArn": arn,
            "PermissionSetArn": permission_set,
        },
    }


def cloud_trail_calls(snapshot):
    org, now = snapshot.org, seconds_of(snapshot.now)
    of_organization = settings.trails(org, accounts.plans_at(org, now)[0], now)[-1]
    return {
        "DescribeTrails": {},
        "GetEventSelectors": {"TrailName": of_organization.arn},
        "LookupEvents": {},
        "GetTrailStatus": {"Name": of_organization.arn},
    }


def config_calls(snapshot):
    return {operation: {} for operation in config.HANDLERS}


SERVICES = {
    "cloudtrail": (cloud_trail.HANDLERS, cloud_trail_calls),
    "config": (config.HANDLERS, config_calls),
    "guardduty": (guardduty.HANDLERS, guardduty_calls),
    "inspector2": (inspector.HANDLERS, inspector_calls),
    "macie2": (macie.HANDLERS, macie_calls),
    "sso-admin": (identity_center.HANDLERS, identity_center_calls),
    "organizations": (organizations.HANDLERS, organizations_calls),
    "securityhub": (operations.HANDLERS, security_hub_calls),
    "accessanalyzer": (access_analyzer.HANDLERS, access_analyzer_calls),
    "account": (account.HANDLERS, account_calls),
}


def raw_answer(client, operation, params):
    """Call through boto3: (output shape, the JSON that came over the wire)."""
    caught = {}

    def catch(operation_model, response_dict, **_):
        caught["shape"] = operation_model.output_shape
        caught["body"] = json.loads(response_dict["body"])

    event = f"before-parse.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(event, catch)
    try:
        client._make_api_call(operation, params)
    finally:
        client.meta.events.unregister(event, catch)
    return caught["shape"], caught["body"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [(service, name) for service, (handlers, _) in SERVICES.items() for name in handlers],
)
def test_an_answer_has_the_output_shape_of_botocore(callers, snapshot, service, operation):
    params = SERVICES[service][1](snapshot)[operation]
    shape, body = raw_answer(callers.hub(service), operation, params)
    assert problems(shape, body) == []
    assert body


def test_every_analyzer_finding_of_every_kind_has_the_output_shape(callers, snapshot):
    kinds: dict[str, AnalyzerFinding] = {}
    for finding in snapshot.analyzer_findings:
        kinds.setdefault(finding.summary["findingType"], finding)
    assert len(kinds) >= 3
    for finding in kinds.values():
        client = callers.hub("accessanalyzer", finding.region)
        params = {"analyzerArn": finding.analyzer_arn, "id": finding.finding_id}
        shape, body = raw_answer(client, "GetFindingV2", params)
        assert problems(shape, body) == []
        for operation in ("ListFindingsV2", "GetFindingsStatistics"):
            listing = {"analyzerArn": finding.analyzer_arn}
            shape, body = raw_answer(client, operation, listing)
            assert problems(shape, body) == []


def test_one_finding_of_every_product_and_class_has_the_output_shape(callers, snapshot):
    client = callers.hub("securityhub")
    products = {finding["ProductArn"].split("/", 1)[1] for finding in snapshot.findings}
    assert len(products) >= 4
    for product in products:
        arn = f"arn:aws:securityhub:{snapshot.org.home_region}::product/{product}"
        filters = {"ProductArn": [{"Value": arn, "Comparison": "EQUALS"}]}
        shape, body = raw_answer(client, "GetFindings", {"Filters": filters, "MaxResults": 10})
        assert problems(shape, body) == []
