"""The sandbox AWS as boto3 sees it: Organizations, Access Analyzer, account, moto behind it, and the control endpoints."""

import json
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from sandbox import server
from tests.sandbox.conftest import NOW, SETTINGS, Callers

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def code_of(call, **params):
    """Call, and give the error code that boto3 raises."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


def control(running, method, path, document=None):
    request = Request(
        f"{running.url}/_sandbox/{path}",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
    )
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


def items(client, operation, key, **params):
    pages = client.get_paginator(operation).paginate(**params)
    return [item for page in pages for item in page[key]]


def test_accounts_come_in_pages_of_20_with_state_and_path(callers, snapshot):
    client = callers.hub("organizations")
    first = client.list_accounts()
    assert len(first["Accounts"]) == 20
    accounts = items(client, "list_accounts", "Accounts")
    assert [a["Id"] for a in accounts] == [a.account_id for a in snapshot.accounts]
    assert all(a["Paths"][0].endswith(f"/{a['Id']}/") for a in accounts)
    assert {a["State"] for a in accounts} <= {"ACTIVE", "SUSPENDED", "CLOSED", "PENDING_CLOSURE"}
    assert accounts[0]["JoinedTimestamp"] == snapshot.accounts[0].joined_at


@pytest.mark.parametrize("size", [21, 100])
def test_organizations_refuses_pages_over_20(callers, size):
    client = callers.hub("organizations")
    assert code_of(client.list_accounts, MaxResults=size) == "InvalidInputException"


def test_the_tree_walk_reaches_every_account(callers, snapshot):
    client = callers.hub("organizations")
    parents, reached = [snapshot.org.root_id], set()
    while parents:
        parent = parents.pop()
        found = items(client, "list_accounts_for_parent", "Accounts", ParentId=parent)
        reached |= {account["Id"] for account in found}
        below = items(
            client, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent
        )
        parents += [ou["Id"] for ou in below]
    assert reached == {account.account_id for account in snapshot.accounts}


def test_parents_and_children_agree(callers, snapshot):
    client = callers.hub("organizations")
    account = snapshot.accounts[-1]
    parent = client.list_parents(ChildId=account.account_id)["Parents"][0]
    assert parent == {"Id": account.parent_id, "Type": "ORGANIZATIONAL_UNIT"}
    children = items(
        client, "list_children", "Children", ParentId=parent["Id"], ChildType="ACCOUNT"
    )
    assert {"Id": account.account_id, "Type": "ACCOUNT"} in children


def test_the_targets_of_a_policy_are_paged(callers, snapshot):
    client = callers.hub("organizations")
    policy = next(p for p in snapshot.policies if p.policy_id == "p-FullAWSAccess")
    assert len(client.list_targets_for_policy(PolicyId=policy.policy_id)["Targets"]) == 20
    targets = items(client, "list_targets_for_policy", "Targets", PolicyId=policy.policy_id)
    assert [t["TargetId"] for t in targets] == list(policy.target_ids)
    assert {t["Type"] for t in targets} == {"ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"}


def test_policies_are_listed_by_type_and_by_target(callers, snapshot):
    client = callers.hub("organizations")
    root = client.list_roots()["Roots"][0]
    for kind in [item["Type"] for item in root["PolicyTypes"]]:
        found = {p["Id"] for p in items(client, "list_policies", "Policies", Filter=kind)}
        assert found == {p.policy_id for p in snapshot.policies if p.type == kind}
        attached = items(
            client, "list_policies_for_target", "Policies", TargetId=root["Id"], Filter=kind
        )
        at_root = {p.policy_id for p in snapshot.policies if root["Id"] in p.target_ids}
        assert {p["Id"] for p in attached} == at_root & found


def test_an_effective_policy_has_values_in_place_of_operators(callers, snapshot):
    client = callers.hub("organizations")
    policy = next(p for p in snapshot.policies if p.type == "DECLARATIVE_POLICY_EC2")
    effective = client.describe_effective_policy(
        PolicyType="DECLARATIVE_POLICY_EC2", TargetId=policy.target_ids[0]
    )["EffectivePolicy"]
    assert "@@" in policy.content
    assert "@@" not in effective["PolicyContent"]
    assert json.loads(effective["PolicyContent"])["ec2_attributes"]


def test_what_does_not_exist_is_named_by_its_own_exception(callers):
    client = callers.hub("organizations")
    missing = "ou-none-12345678"
    assert code_of(client.list_accounts_for_parent, ParentId=missing) == "ParentNotFoundException"
    assert code_of(client.list_parents, ChildId=missing) == "ChildNotFoundException"
    assert code_of(client.describe_policy, PolicyId="p-none12345") == "PolicyNotFoundException"
    assert code_of(client.list_tags_for_resource, ResourceId=missing) == "TargetNotFoundException"
    assert code_of(client.describe_account, AccountId="000000000000") == "AccountNotFoundException"


def test_an_ordinary_member_account_may_not_read_the_organization(callers, snapshot):
    client = callers.member(snapshot.accounts[-1].account_id, "organizations")
    assert code_of(client.list_accounts) == "AccessDeniedException"
    assert client.describe_organization()["Organization"]["Id"] == snapshot.org.organization_id


def test_an_operation_that_the_sandbox_lacks_says_so(callers):
    client = callers.hub("securityhub")
    assert code_of(client.describe_products) == "UnknownOperationException"


def test_analyzers_are_those_of_the_region_and_of_the_security_account(callers, snapshot):
    for region in snapshot.org.regions:
        found = callers.hub("accessanalyzer", region).list_analyzers()["analyzers"]
        assert {a["arn"] for a in found} == {
            a.arn for a in snapshot.analyzers if a.region == region
        }
    member = callers.member(snapshot.accounts[-1].account_id, "accessanalyzer")
    assert member.list_analyzers()["analyzers"] == []


def analyzer_of(snapshot, kind):
    region = snapshot.org.home_region
    return next(a for a in snapshot.analyzers if a.type == kind and a.region == region)


@pytest.mark.parametrize(
    ("key", "criterion"),
    [
        ("status", {"eq": ["ACTIVE"]}),
        ("status", {"neq": ["ACTIVE", "RESOLVED"]}),
        ("resourceType", {"contains": ["S3", "KMS"]}),
        ("isPublic", {"eq": ["true"]}),
        ("error", {"exists": True}),
    ],
)
def test_analyzer_findings_are_filtered(callers, snapshot, key, criterion):
    analyzer = analyzer_of(snapshot, "ORGANIZATION")
    client = callers.hub("accessanalyzer")
    found = items(
        client, "list_findings_v2", "findings", analyzerArn=analyzer.arn, filter={key: criterion}
    )
    everything = [f for f in snapshot.analyzer_findings if f.analyzer_arn == analyzer.arn]

    def matches(finding):
        details = [one for item in finding.detail["findingDetails"] for one in item.values()]
        if key == "isPublic":
            return any(one.get("isPublic") for one in details)
        value = finding.summary.get(key)
        return {
            "eq": lambda wanted: value in wanted,
            "neq": lambda wanted: value not in wanted,
            "contains": lambda wanted: any(part in value for part in wanted),
            "exists": lambda wanted: (value is not None) == wanted,
        }[next(iter(criterion))](next(iter(criterion.values())))

    assert {f["id"] for f in found} == {f.finding_id for f in everything if matches(f)}
    assert len(found) < len(everything)


def test_analyzer_statistics_count_the_findings(callers, snapshot):
    analyzer = analyzer_of(snapshot, "ORGANIZATION")
    client = callers.hub("accessanalyzer")
    answer = client.get_findings_statistics(analyzerArn=analyzer.arn)["findingsStatistics"][0]
    statistics = answer["externalAccessFindingsStatistics"]
    found = [f for f in snapshot.analyzer_findings if f.analyzer_arn == analyzer.arn]
    active = [f for f in found if f.summary["status"] == "ACTIVE"]
    assert statistics["totalActiveFindings"] == len(active)
    by_type = statistics["resourceTypeStatistics"].values()
    assert sum(sum(counts.values()) for counts in by_type) == len(active)


def test_an_analyzer_that_is_not_there_is_not_found(callers, snapshot):
    client = callers.hub("accessanalyzer")
    arn = snapshot.analyzers[0].arn + "-none"
    assert code_of(client.list_findings_v2, analyzerArn=arn) == "ResourceNotFoundException"
    assert code_of(client.get_analyzer, analyzerName="none") == "ResourceNotFoundException"


def test_regions_of_an_account_can_be_filtered_by_state(callers, snapshot):
    client = callers.hub("account")
    account_id = snapshot.accounts[-1].account_id
    wanted = ["ENABLED", "ENABLED_BY_DEFAULT"]
    found = items(
        client,
        "list_regions",
        "Regions",
        AccountId=account_id,
        RegionOptStatusContains=wanted,
        PaginationConfig={"PageSize": 3},
    )
    regions = [r.region for r in snapshot.regions[account_id] if r.status in wanted]
    assert [r["RegionName"] for r in found] == regions


def test_an_unset_alternate_contact_is_not_found(callers, snapshot):
    account_id, missing = next(
        (account, kind)
        for account, contacts in snapshot.contacts.items()
        for kind in ("BILLING", "OPERATIONS", "SECURITY")
        if kind not in contacts and account != snapshot.org.management_account_id
    )
    client = callers.hub("account")
    params = {"AccountId": account_id, "AlternateContactType": missing}
    assert code_of(client.get_alternate_contact, **params) == "ResourceNotFoundException"


def test_the_management_account_is_asked_only_by_itself(callers, snapshot):
    management = snapshot.org.management_account_id
    assert code_of(callers.hub("account").list_regions, AccountId=management) == (
        "AccessDeniedException"
    )
    client = callers.member(management, "account")
    assert code_of(client.list_regions, AccountId=management) == "ValidationException"
    assert client.list_regions()["Regions"]


def test_a_member_account_may_not_ask_about_another(callers, snapshot):
    first, second = (account.account_id for account in snapshot.accounts[-2:])
    client = callers.member(first, "account")
    assert code_of(client.list_regions, AccountId=second) == "AccessDeniedException"


def test_moto_answers_iam_and_sqs_in_the_account_of_the_caller(callers, snapshot):
    account_id = snapshot.accounts[-1].account_id
    assert callers.member(account_id, "iam").list_account_aliases()["AccountAliases"] == []
    sqs = callers.hub("sqs")
    url = sqs.create_queue(QueueName="findings")["QueueUrl"]
    assert f"/{snapshot.org.security_account_id}/" in url
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"


def test_a_token_works_only_with_the_parameters_of_its_first_page(callers, snapshot):
    client = callers.hub("organizations")
    token = client.list_accounts()["NextToken"]
    parent = {"ParentId": snapshot.org.root_id, "NextToken": token}
    assert code_of(client.list_accounts_for_parent, **parent) == "InvalidInputException"
    assert code_of(client.list_accounts, NextToken="bm9uZQ==") == "InvalidInputException"


def test_the_control_endpoints_tell_health_and_calls(running, callers, snapshot):
    health = control(running, "GET", "health")
    assert health["hub_role_arn"] == running.hub_role_arn
    assert health["organization_name"] == snapshot.org.name
    assert health["findings"] == len(snapshot.findings)
    before = control(running, "GET", "stats")["calls"].get("securityhub.DescribeHub", 0)
    callers.hub("securityhub").describe_hub()
    stats = control(running, "GET", "stats")
    assert stats["calls"]["securityhub.DescribeHub"] == before + 1
    assert stats["total"] == sum(stats["calls"].values())


@pytest.mark.parametrize(
    ("method", "path", "document", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "clock", {"now": "2026-09-01T00:00:00"}, 400),
        ("POST", "clock", {"time": 1}, 400),
        ("PUT", "faults", {"rules": [{"kind": "flood"}]}, 400),
        ("PUT", "faults", {"rules": [{"kind": "slow", "weight": 1}]}, 400),
    ],
)
def test_a_wrong_control_request_is_refused_with_a_reason(running, method, path, document, status):
    with pytest.raises(HTTPError) as caught:
        control(running, method, path, document)
    with caught.value as answer:
        assert answer.status == status
        assert json.load(answer)["error"]


def test_the_clock_moves_the_organization_and_ends_paging_sessions(org):
    with server.start(org, now=NOW, settings=SETTINGS) as running:
        client = Callers(running).hub("organizations")
        token = client.list_accounts()["NextToken"]
        earlier = NOW - timedelta(weeks=26)
        told = control(running, "POST", "clock", {"now": earlier.isoformat()})
        assert told["now"] == earlier.isoformat()
        assert running.world.moment().now == earlier
        with pytest.raises(ClientError, match="earlier state") as caught:
            client.list_accounts(NextToken=token)
        assert caught.value.response["Error"]["Code"] == "InvalidInputException"
        assert len(items(client, "list_accounts", "Accounts")) == told["accounts"]


def test_without_a_clock_the_organization_follows_real_time(org):
    with server.start(org, settings=SETTINGS) as running:
        first = running.world.moment()
        assert first.now.tzinfo is not None
        assert running.world.moment() is first
        running.clock(NOW)
        assert running.world.moment().now == NOW
