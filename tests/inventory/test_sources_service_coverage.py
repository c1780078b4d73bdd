"""What the delegated administrators of the security services say, and what their silence is worth."""

import pytest

from inventory import aws
from inventory.facts import Fact, Reading
from inventory.sources import service_coverage
from inventory.sources.service_coverage import guardduty, inspector, macie, security_hub
from tests.fixtures.aws_door import (  # noqa: F401
    HUB,
    MEMBER,
    base_credentials_fixture,
    config,
    door_fixture,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

REGION = "eu-west-1"
OTHER = "333333333333"
ABSENT = "444444444444"
ACCOUNTS = (HUB, MEMBER, OTHER, ABSENT)
SETS = [f"arn:aws:sso:::permissionSet/ssoins-1111111111111111/ps-{n:016}" for n in (1, 2)]


def ask(door, service, *, region=REGION, accounts=ACCOUNTS, **more):
    client = door.client(service.client, region=region)
    return service_coverage.ask(service, client, accounts=accounts, **more)


def values(answer, fact):
    """What is known of each account."""
    return {
        reading.account_id: reading.value
        for reading in answer.readings
        if reading.key == fact and reading.state == "KNOWN" and reading.region == REGION
    }


def states(answer):
    return {(reading.account_id, reading.key): reading.state for reading in answer.readings}


def guardduty_member(account_id, status="Enabled"):
    return {
        "accountId": account_id,
        "masterId": HUB,
        "email": "aws@halden.example",
        "relationshipStatus": status,
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }


def say_guardduty(endpoint, *pages):
    endpoint.say("ListDetectors", {"detectorIds": ["d1"]})
    endpoint.say("GetDetector", {"status": "ENABLED", "serviceRole": "arn"})
    endpoint.say("ListMembers", *pages)


def test_guardduty_is_on_in_enabled_members_and_off_in_those_that_are_left_out(endpoint, door):
    say_guardduty(
        endpoint,
        {"members": [guardduty_member(MEMBER)], "nextToken": "2"},
        {"members": [guardduty_member(OTHER, "Disabled")]},
    )
    answer = ask(door, guardduty.SERVICE)
    assert answer.problem is None
    known = {HUB: True, MEMBER: True, OTHER: False, ABSENT: False}
    assert values(answer, Fact.GUARDDUTY) == known
    assert endpoint.operations().count("ListMembers") == 2


def test_a_list_that_breaks_off_says_nothing_of_the_rest(endpoint, door):
    say_guardduty(
        endpoint,
        {"members": [guardduty_member(MEMBER)], "nextToken": "2"},
        Said({"__type": "InternalServerErrorException", "message": "No."}, 500),
    )
    answer = ask(door, guardduty.SERVICE)
    assert isinstance(answer.problem, aws.Unavailable)
    assert values(answer, Fact.GUARDDUTY) == {MEMBER: True}
    assert len(answer.readings) == 1


def test_a_refusal_names_the_permission_for_every_account_that_was_not_told(endpoint, door):
    endpoint.fail("ListDetectors", "AccessDeniedException", status=403)
    answer = ask(door, guardduty.SERVICE)
    assert isinstance(answer.problem, aws.Denied)
    assert answer.readings == tuple(
        Reading(
            account_id,
            Fact.GUARDDUTY,
            region=REGION,
            state="DENIED",
            missing_permission="guardduty:ListDetectors",
        )
        for account_id in ACCOUNTS
    )


def test_a_refused_detail_takes_nothing_from_what_was_told_before(endpoint, door):
    say_guardduty(endpoint, {"members": [guardduty_member(MEMBER)]})
    endpoint.fail("GetDetector", "AccessDeniedException", status=403)
    answer = ask(door, guardduty.SERVICE)
    assert values(answer, Fact.GUARDDUTY) == {MEMBER: True, OTHER: False, ABSENT: False}
    assert states(answer)[HUB, Fact.GUARDDUTY] == "DENIED"


def test_without_a_detector_of_its_own_the_administrator_tells_of_itself_alone(endpoint, door):
    endpoint.say("ListDetectors", {"detectorIds": []})
    answer = ask(door, guardduty.SERVICE)
    assert isinstance(answer.problem, aws.NotConfigured)
    assert values(answer, Fact.GUARDDUTY) == {HUB: False}


def test_an_account_that_administers_nothing_cannot_tell_who_is_left_out(endpoint, door):
    say_guardduty(endpoint, {"members": [guardduty_member(MEMBER)]})
    answer = ask(door, guardduty.SERVICE, is_administrator=False)
    assert values(answer, Fact.GUARDDUTY) == {HUB: True, MEMBER: True}


def test_where_aws_does_not_offer_a_service_nobody_is_asked(endpoint, door):
    answer = ask(door, macie.SERVICE, region="eu-south-2", accounts=(MEMBER,))
    assert answer.problem is None
    assert endpoint.asked == []
    assert states(answer) == {
        (MEMBER, Fact.MACIE): "UNAVAILABLE",
        (MEMBER, Fact.MACIE_DISCOVERY): "UNAVAILABLE",
    }
    assert door.client("guardduty", region="eu-south-2").is_offered
    # A Region newer than botocore's tables is asked.
    assert door.client("macie2", region="eu-north-9").is_offered


def test_security_hub_lists_its_members_and_has_a_hub_itself(endpoint, door):
    endpoint.say(
        "ListMembers",
        {
            "Members": [
                {"AccountId": MEMBER, "MemberStatus": "Enabled"},
                {"AccountId": OTHER, "MemberStatus": "Removed"},
            ]
        },
    )
    answer = ask(door, security_hub.SERVICE)
    known = {HUB: True, MEMBER: True, OTHER: False, ABSENT: False}
    assert values(answer, Fact.SECURITY_HUB) == known


def test_without_a_hub_of_its_own_the_administrator_tells_of_itself_alone(endpoint, door):
    endpoint.fail("ListMembers", "InvalidAccessException", status=401)
    answer = ask(door, security_hub.SERVICE)
    assert isinstance(answer.problem, aws.NotConfigured)
    assert values(answer, Fact.SECURITY_HUB) == {HUB: False}


def scans(account_id, **on):
    state = {
        name: {"status": "ENABLED" if is_on else "SUSPENDED", "errorCode": "", "errorMessage": ""}
        for name, is_on in on.items()
    }
    return {"accountId": account_id, "state": {}, "resourceState": state}


def test_inspector_tells_each_kind_of_scan_of_its_members(endpoint, door):
    endpoint.say("ListMembers", {"members": [{"accountId": MEMBER}, {"accountId": OTHER}]})
    endpoint.say(
        "BatchGetAccountStatus",
        {
            "accounts": [
                scans(HUB, ec2=True, ecr=True, **{"lambda": False}),
                scans(MEMBER, ec2=False, ecr=True),
            ],
            "failedAccounts": [{"accountId": OTHER, "errorCode": "ACCESS_DENIED"}],
        },
    )
    answer = ask(door, inspector.SERVICE)
    assert answer.problem is None
    assert values(answer, Fact.INSPECTOR_EC2) == {HUB: True, MEMBER: False, ABSENT: False}
    assert values(answer, Fact.INSPECTOR_LAMBDA) == {HUB: False, ABSENT: False}
    assert states(answer)[MEMBER, Fact.INSPECTOR_LAMBDA] == "UNAVAILABLE"
    denied = next(r for r in answer.readings if r.account_id == OTHER)
    assert (denied.state, denied.missing_permission) == (
        "DENIED",
        "inspector2:BatchGetAccountStatus",
    )


def test_inspector_asks_for_a_hundred_accounts_at_a_time(endpoint, door):
    members = [f"{number:012}" for number in range(1, 251)]
    endpoint.say("ListMembers", {"members": [{"accountId": member} for member in members]})
    endpoint.say("BatchGetAccountStatus", {"accounts": [], "failedAccounts": []})
    ask(door, inspector.SERVICE)
    asked = [q.params["accountIds"] for q in endpoint.questions("BatchGetAccountStatus")]
    assert [len(ids) for ids in asked] == [100, 100, 51]
    assert {account_id for ids in asked for account_id in ids} == {HUB, *members}


def test_a_member_whose_state_inspector_cannot_tell_stays_unknown(endpoint, door):
    endpoint.say("ListMembers", {"members": [{"accountId": MEMBER}]})
    endpoint.say(
        "BatchGetAccountStatus",
        {
            "accounts": [scans(HUB, ec2=True, ecr=True, **{"lambda": True})],
            "failedAccounts": [{"accountId": MEMBER, "errorCode": "INTERNAL_ERROR"}],
        },
    )
    answer = ask(door, inspector.SERVICE)
    assert isinstance(answer.problem, aws.Unavailable)
    assert MEMBER in str(answer.problem) and "INTERNAL_ERROR" in str(answer.problem)
    assert MEMBER not in {reading.account_id for reading in answer.readings}


def macie_member(account_id, status="Enabled"):
    return {"accountId": account_id, "relationshipStatus": status}


def say_macie(endpoint, *members, discovery="ENABLED"):
    endpoint.say("ListMembers", {"members": list(members)})
    endpoint.say("GetMacieSession", {"status": "ENABLED"})
    endpoint.say("GetAutomatedDiscoveryConfiguration", {"status": discovery})


def test_a_paused_macie_is_off_and_discovery_has_a_list_of_its_own(endpoint, door):
    say_macie(endpoint, macie_member(MEMBER), macie_member(OTHER, "Paused"))
    endpoint.say(
        "ListAutomatedDiscoveryAccounts",
        {
            "items": [
                {"accountId": HUB, "status": "ENABLED"},
                {"accountId": MEMBER, "status": "DISABLED"},
            ]
        },
    )
    answer = ask(door, macie.SERVICE)
    known = {HUB: True, MEMBER: True, OTHER: False, ABSENT: False}
    assert values(answer, Fact.MACIE) == known
    discovered = {HUB: True, MEMBER: False, OTHER: False, ABSENT: False}
    assert values(answer, Fact.MACIE_DISCOVERY) == discovered


def test_discovery_that_is_off_for_all_is_not_asked_account_by_account(endpoint, door):
    say_macie(endpoint, macie_member(MEMBER), discovery="DISABLED")
    answer = ask(door, macie.SERVICE)
    assert set(values(answer, Fact.MACIE_DISCOVERY).values()) == {False}
    assert "ListAutomatedDiscoveryAccounts" not in endpoint.operations()


def test_macie_that_is_not_enabled_is_told_from_a_refusal(endpoint, door):
    endpoint.fail("ListMembers", "AccessDeniedException", "Macie is not enabled.", status=403)
    answer = ask(door, macie.SERVICE)
    assert isinstance(answer.problem, aws.NotConfigured)
    assert values(answer, Fact.MACIE) == values(answer, Fact.MACIE_DISCOVERY) == {HUB: False}
    endpoint.fail("ListMembers", "AccessDeniedException", "not authorized", status=403)
    refused = ask(door, macie.SERVICE)
    assert set(states(refused).values()) == {"DENIED"}


def ask_identity_center(door, endpoint):
    regions = []

    def in_region(region):
        regions.append(region)
        return door.client("sso-admin", region=region)

    answer = service_coverage.ask_identity_center(
        in_region, region=REGION, management_account_id=OTHER, accounts=(HUB, MEMBER)
    )
    return answer, regions


def instance(owner, region="us-east-1"):
    return {
        "InstanceArn": "arn:aws:sso:::instance/ssoins-1111111111111111",
        "OwnerAccountId": owner,
        "Status": "ACTIVE",
        "PrimaryRegion": region,
    }


def test_identity_center_counts_the_sets_that_open_each_account(endpoint, door):
    endpoint.say("ListInstances", {"Instances": [instance(MEMBER), instance(OTHER)]})
    endpoint.say("ListPermissionSets", {"PermissionSets": SETS})
    endpoint.say(
        "ListAccountsForProvisionedPermissionSet",
        {"AccountIds": [MEMBER], "NextToken": "2"},
        {"AccountIds": [ABSENT]},
        {"AccountIds": [MEMBER]},
    )
    answer, regions = ask_identity_center(door, endpoint)
    assert answer.problem is None
    assert regions == [REGION, "us-east-1"]
    told = {(r.account_id, r.key): r.value for r in answer.readings}
    assert told == {
        (OTHER, Fact.IDENTITY_CENTER): True,
        (OTHER, Fact.PERMISSION_SETS): 2,
        (HUB, Fact.ASSIGNED_PERMISSION_SETS): 0,
        (MEMBER, Fact.ASSIGNED_PERMISSION_SETS): 2,
        (ABSENT, Fact.ASSIGNED_PERMISSION_SETS): 1,
    }
    assert {reading.region for reading in answer.readings} == {""}


def test_an_instance_of_another_account_is_not_the_organisations(endpoint, door):
    endpoint.say("ListInstances", {"Instances": [instance(MEMBER)]})
    answer, _ = ask_identity_center(door, endpoint)
    told = {(r.account_id, r.key): r.value for r in answer.readings}
    assert told[OTHER, Fact.IDENTITY_CENTER] is False
    assert told[MEMBER, Fact.ASSIGNED_PERMISSION_SETS] == 0


def test_sets_that_are_refused_are_refused_for_every_account(endpoint, door):
    endpoint.say("ListInstances", {"Instances": [instance(OTHER)]})
    endpoint.say("ListPermissionSets", {"PermissionSets": SETS[:1]})
    endpoint.fail("ListAccountsForProvisionedPermissionSet", "AccessDeniedException")
    answer, _ = ask_identity_center(door, endpoint)
    told = states(answer)
    assert told[OTHER, Fact.IDENTITY_CENTER] == "KNOWN"
    assert told[OTHER, Fact.PERMISSION_SETS] == "DENIED"
    assert told[HUB, Fact.ASSIGNED_PERMISSION_SETS] == "DENIED"
    assert {r.missing_permission for r in answer.readings if r.state == "DENIED"} == {
        "sso:ListAccountsForProvisionedPermissionSet"
    }
