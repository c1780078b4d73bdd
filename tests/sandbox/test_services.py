"""The sandbox's security services: state, agreement with the findings, pages and refusals."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox import history
from sandbox import org as organisation
from sandbox.faults import Rule
from sandbox.history.services import SCANS, WITHOUT_MACIE, services_at
from sandbox.server import guardduty, identity_center
from tests.sandbox.conftest import NOW

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
ANCHOR = date(2026, 11, 21)
TODAY = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def built():
    return organisation.build(anchor=ANCHOR)


def judged(snapshot, *control_ids):
    """Active findings with a verdict, of accounts that are ACTIVE."""
    active = {a.account_id for a in snapshot.accounts if a.state == "ACTIVE"}
    for finding in snapshot.findings:
        compliance = finding.get("Compliance", {})
        if (
            compliance.get("SecurityControlId") in control_ids
            and compliance["Status"] in ("PASSED", "FAILED")
            and finding["RecordState"] == "ACTIVE"
            and finding["AwsAccountId"] in active
            # One account's checks stop reporting for a while; its services do not stop.
            and finding["UpdatedAt"] > (snapshot.now - 2 * DAY).isoformat()
        ):
            yield finding, compliance["SecurityControlId"], compliance["Status"] == "PASSED"


@pytest.mark.parametrize("days", [-180, -68, -3, 0, 200])
def test_a_service_is_on_exactly_where_security_hub_says_so(built, days):
    now = TODAY + timedelta(days=days)
    snapshot = history.snapshot(built, now)
    states = {region: services_at(built, region, now) for region in built.regions}
    seen = Counter()
    for finding, control_id, passes in judged(snapshot, "GuardDuty.1", "Macie.1"):
        state = states[finding["Region"]][finding["AwsAccountId"]]
        word = state.guardduty if control_id == "GuardDuty.1" else state.macie
        assert (word == "Enabled") == passes, (control_id, finding["AwsAccountId"])
        seen[control_id, passes] += 1
    assert len(seen) == 4


@pytest.mark.parametrize("days", [-180, -68, 0, 200, 400, 800])
def test_the_administrators_controls_speak_for_all_members(built, days):
    now = TODAY + timedelta(days=days)
    home = services_at(built, built.home_region, now).values()
    snapshot = history.snapshot(built, now)
    for _, control_id, passes in judged(snapshot, *SCANS.values(), "Macie.2"):
        if control_id == "Macie.2":
            assert any(state.has_discovery for state in home) == passes
        else:
            scan = next(name for name, control in SCANS.items() if control == control_id)
            assert all(scan in state.scans for state in home) == passes


def test_services_change_with_time_and_are_off_somewhere(built):
    before = services_at(built, "eu-west-2", TODAY - 60 * DAY)
    now = services_at(built, "eu-west-2", TODAY)
    changed = [a for a in before.keys() & now.keys() if before[a].guardduty != now[a].guardduty]
    assert changed
    assert {state.guardduty for state in now.values()} == {"Enabled", "Disabled", ""}
    assert {state.macie for state in now.values()} == {"Enabled", "Paused", ""}
    assert any(state.scans != set(SCANS) for state in now.values())
    assert not any(s.macie for r in WITHOUT_MACIE for s in services_at(built, r, TODAY).values())


def expected(running, field):
    """What the administrator's members are in the home Region, by account id."""
    states = services_at(running.org, running.org.home_region, NOW)
    administrator = running.org.security_account_id
    return {a: getattr(s, field) for a, s in states.items() if a != administrator}


def test_members_come_page_by_page_and_are_those_of_the_moment(running, callers):
    client = callers.hub("guardduty")
    (detector,) = client.list_detectors()["DetectorIds"]
    pages = client.get_paginator("list_members").paginate(
        DetectorId=detector, PaginationConfig={"PageSize": 7}
    )
    members = [member for page in pages for member in page["Members"]]
    assert {m["AccountId"]: m["RelationshipStatus"] for m in members} == {
        account: word for account, word in expected(running, "guardduty").items() if word
    }
    macie = callers.hub("macie2").get_paginator("list_members").paginate()
    assert {m["accountId"]: m["relationshipStatus"] for p in macie for m in p["members"]} == {
        account: word for account, word in expected(running, "macie").items() if word
    }


def test_only_the_administrator_sees_members(running, callers):
    # The management account may look into Identity Center, too.
    account = next(
        account
        for account, word in expected(running, "guardduty").items()
        if word == "Enabled" and account != running.org.management_account_id
    )
    client = callers.member(account, "guardduty")
    detector = guardduty.detector_id(account, running.org.home_region)
    assert client.list_detectors()["DetectorIds"] == [detector]
    assert client.list_members(DetectorId=detector)["Members"] == []
    with pytest.raises(ClientError, match="AccessDeniedException"):
        callers.member(account, "inspector2").list_members()
    with pytest.raises(ClientError, match="AccessDenied"):
        callers.member(account, "sso-admin").list_permission_sets(
            InstanceArn=identity_center.instance_arn(running.org)
        )
    assert callers.member(account, "sso-admin").list_instances()["Instances"] == []


def test_inspector_refuses_too_many_accounts_and_those_that_are_no_members(callers):
    client = callers.hub("inspector2")
    with pytest.raises(ClientError, match="ValidationException"):
        client.batch_get_account_status(accountIds=[f"{n:012}" for n in range(101)])
    answer = client.batch_get_account_status(accountIds=["000000000001"])
    assert answer["failedAccounts"][0]["errorCode"] == "ACCESS_DENIED"


def test_an_account_without_macie_is_told_so_as_macie_tells_it(running, callers):
    account = next(a for a, word in expected(running, "macie").items() if not word)
    with pytest.raises(ClientError, match=r"AccessDeniedException.*Macie is not enabled"):
        callers.member(account, "macie2").get_macie_session()


def test_a_region_that_an_account_does_not_have_does_not_know_its_keys(running, callers):
    off = next(
        a.account_id
        for a in running.world.moment().snapshot.accounts
        if not running.world.moment().is_region_on(a.account_id, "eu-south-2")
    )
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        callers.member(off, "guardduty", "eu-south-2").list_detectors()


def test_identity_center_is_found_from_everywhere_and_read_at_home(running, callers):
    away = callers.hub("sso-admin", "us-east-1")
    assert away.list_instances()["Instances"] == []
    (found,) = away.list_instances(RegionScope="ALL_REGIONS")["Instances"]
    assert found["PrimaryRegion"] == running.org.home_region
    assert found["OwnerAccountId"] == running.org.management_account_id
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        away.list_permission_sets(InstanceArn=found["InstanceArn"])
    home = callers.hub("sso-admin")
    sets = home.list_permission_sets(InstanceArn=found["InstanceArn"])["PermissionSets"]
    provisioned = Counter()
    for one in sets:
        pages = home.get_paginator("list_accounts_for_provisioned_permission_set").paginate(
            InstanceArn=found["InstanceArn"], PermissionSetArn=one
        )
        provisioned.update(account for page in pages for account in page["AccountIds"])
    assert len(sets) == 10
    assert min(provisioned.values()) >= 2
    assert len(provisioned) == len(expected(running, "scans")) + 1


@pytest.mark.parametrize(
    ("service", "signing", "operation"),
    [
        ("guardduty", "guardduty", "list_detectors"),
        ("inspector2", "inspector2", "list_members"),
        ("macie2", "macie2", "get_macie_session"),
        ("sso-admin", "sso", "list_instances"),
    ],
)
def test_faults_strike_these_services_too(callers, faults, service, signing, operation):
    call = getattr(callers.hub(service), operation)
    faults.add(Rule("throttle", service=signing, percent=0.001))
    call()
    with pytest.raises(ClientError, match="ThrottlingException"):
        call()
    faults.clear()
    faults.add(Rule("deny", service=signing))
    with pytest.raises(ClientError, match=rf"{signing}:\w+ on resource"):
        call()
    faults.clear()
    call()
