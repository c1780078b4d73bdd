"""What an account tells of itself, from the sandbox AWS; AWS's odd answers, from a scripted endpoint."""

from base64 import b64encode
from collections import Counter
from datetime import timedelta

import pytest

from inventory import aws
from inventory.facts import Fact
from inventory.sources import account_facts
from inventory.sources.account_facts import cloud_trail, credential_report, ec2, s3, summary
from sandbox.faults import Rule
from sandbox.history import settings as truth
from sandbox.moments import seconds_of
from tests.fixtures import aws_door
from tests.fixtures.aws_door import (  # noqa: F401
    base_credentials_fixture,
    door_fixture,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said
from tests.fixtures.hub import KEYS, NOW

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_2_active,access_key_2_last_rotated"
)
DENIALS = {
    "iam": "iam:GetAccountSummary",
    "s3": "s3:GetAccountPublicAccessBlock",
    "config": "config:DescribeConfigurationRecorderStatus",
    "cloudtrail": "cloudtrail:DescribeTrails",
}


class Asked:
    """A door to the sandbox, and passes over its accounts."""

    def __init__(self, running):
        self.running = running
        self.org = running.org
        config = aws_door.config(
            endpoint_url=running.url,
            home_region=running.org.home_region,
            hub_role_arn=running.hub_role_arn,
            external_id=KEYS.external_id,
        )
        self.door = aws.Door(config, attempts=1)
        self.pauses = []

    def way(self, account_id):
        def client(service, region=None):
            return self.door.client(service, account_id=account_id, region=region)

        return client

    def accounts(self):
        moment = self.running.world.moment()
        active = [a.account_id for a in moment.snapshot.accounts if a.state == "ACTIVE"]
        known = (self.org.management_account_id, self.org.security_account_id)
        return [*(a for a in active if a not in known), *known]

    def regions(self, account_id):
        listed = self.running.world.moment().snapshot.regions[account_id]
        return [r.region for r in listed if r.status.startswith("ENABLED")]

    def account(self, account_id, *, regions=None, now=NOW):
        is_management = account_id == self.org.management_account_id
        return account_facts.read_account(
            account_id,
            member=self.way(account_id),
            hub=None if is_management else self.way(None),
            regions=regions or self.regions(account_id),
            now=now,
            pause=self.pauses.append,
        )


@pytest.fixture
def asked(hub_server, monkeypatch):
    for name, value in hub_server.environment.items():
        monkeypatch.setenv(name, value)
    hub_server.faults.clear()
    hub_server.clock(NOW)
    opened = Asked(hub_server)
    hub_server.stats.reset()
    yield opened
    opened.door.close()
    hub_server.faults.clear()


def values(answers, region=""):
    return {r.key: r.value for r in answers.readings if r.region == region and r.state == "KNOWN"}


def states(answers):
    return Counter(reading.state for reading in answers.readings)


def test_an_account_tells_what_is_true_of_it_and_names_nobody(asked):
    org, now = asked.org, seconds_of(NOW)
    plans = asked.running.world.moment().plans
    contacts = asked.running.world.moment().snapshot.contacts
    for account_id in asked.accounts()[::6]:
        answers = asked.account(account_id)
        assert answers.problems == []
        plan, found = plans[account_id], values(answers)
        root = truth.root_summary(org, plan, now)
        users = truth.users(org, plan, now)
        keys = [rotated for user in users for rotated in user.keys]
        assert found[Fact.ROOT_ACCESS_KEYS] == root["AccountAccessKeysPresent"]
        assert found[Fact.ROOT_MFA] is bool(root["AccountMFAEnabled"])
        assert (Fact.ROOT_PASSWORD in found) is ("AccountPasswordPresent" in root)
        assert found[Fact.IAM_USERS] == len(users)
        assert found[Fact.IAM_PASSWORDS] == sum(user.has_password for user in users)
        assert found[Fact.IAM_PASSWORDS_WITH_MFA] == sum(
            user.has_password and user.has_mfa for user in users
        )
        assert found[Fact.IAM_ACCESS_KEYS] == len(keys)
        assert found[Fact.IAM_ACCESS_KEYS_OLD] == sum(now - k > 90 * 86400 for k in keys)
        block = truth.s3_block(org, plan, now) or dict.fromkeys(s3.SETTINGS, False)
        assert found[Fact.S3_BLOCK_PUBLIC_ACCESS] == block
        assert found[Fact.CONTACT_SECURITY] is ("SECURITY" in contacts[account_id])
        names = [user.name for user in users] + [c.name for c in contacts[account_id].values()]
        assert not [name for name in names if name in repr(answers)]
        trails = [t for t in truth.trails(org, plan, now) if t.is_logging and t.selects == "All"]
        for region in asked.regions(account_id):
            here = values(answers, region)
            assert here[Fact.EBS_ENCRYPTION] is truth.is_ebs_encrypted(org, plan, region, now)
            assert here[Fact.IMDS_V2_DEFAULT] is truth.is_imds_v2_default(org, plan, region, now)
            assert here[Fact.VPC_BLOCK_PUBLIC_ACCESS] == truth.vpc_block(org, plan, region, now)
            expected = truth.snapshot_block(org, plan, region, now)
            assert here[Fact.SNAPSHOT_BLOCK_PUBLIC_ACCESS] == expected
            recording = truth.is_recording(org, plan, region, now) is True
            assert here[Fact.CONFIG_RECORDER] is recording
            assert here[Fact.CLOUDTRAIL] is any(trail.reaches(region) for trail in trails)


def test_a_pass_over_an_account_takes_few_calls(asked):
    plans = asked.running.world.moment().plans
    account_id = next(
        a
        for a in asked.accounts()
        if not truth.fails(
            asked.org, plans[a], "CloudTrail.1", asked.org.home_region, seconds_of(NOW)
        )
        and plans[a].seed % 12
    )
    asked.account(account_id)
    calls = asked.running.stats.calls
    regions = len(asked.regions(account_id))
    services = Counter(name.partition(".")[0] for name in Counter(calls).elements())
    # Two roles, the hub's and the account's own.
    assert services.pop("sts") == 2
    assert services.pop("ec2") == 4 * regions
    assert services.pop("config") == regions
    assert services == {"iam": 3, "s3": 1, "account": 3, "cloudtrail": 2}


@pytest.mark.parametrize("service", DENIALS)
def test_a_refused_call_names_its_permission_and_loses_no_other_answer(asked, service):
    account_id = asked.accounts()[0]
    home = [asked.org.home_region]
    whole = states(asked.account(account_id, regions=home))
    asked.running.faults.add(Rule("deny", service=service))
    answers = asked.account(account_id, regions=home)
    denied = {r.missing_permission for r in answers.readings if r.state == "DENIED"}
    assert DENIALS[service] in denied
    assert all(permission.startswith(f"{service}:") for permission in denied)
    assert all(r.value is None for r in answers.readings if r.state == "DENIED")
    assert {type(problem) for problem in answers.problems} == {aws.Denied}
    assert states(answers).total() == whole.total()
    assert states(answers)["KNOWN"] > 0


def test_one_refused_operation_of_a_service_loses_only_its_own_fact(asked):
    account_id, region = asked.accounts()[0], asked.org.home_region
    rule = Rule("deny", service="ec2", operation="GetEbsEncryptionByDefault", region=region)
    asked.running.faults.add(rule)
    answers = asked.account(account_id)
    denied = [r for r in answers.readings if r.state == "DENIED"]
    assert [(r.key, r.region) for r in denied] == [(Fact.EBS_ENCRYPTION, region)]
    assert denied[0].missing_permission == "ec2:GetEbsEncryptionByDefault"


def test_an_account_without_the_read_role_is_asked_once_and_told_of_by_the_hub(asked):
    account_id = asked.accounts()[0]
    asked.running.faults.add(
        Rule("deny", service="sts", operation="AssumeRole", account=account_id)
    )
    answers = asked.account(account_id)
    assert isinstance(answers.blocked, aws.Denied)
    denied = {r.missing_permission for r in answers.readings if r.state == "DENIED"}
    assert denied == {"sts:AssumeRole"}
    assert set(values(answers)) == {
        Fact.CONTACT_SECURITY,
        Fact.CONTACT_OPERATIONS,
        Fact.CONTACT_BILLING,
    }
    calls = asked.running.stats.calls
    # The hub role's own, and one refusal.
    assert calls["sts.AssumeRole"] == 2
    assert set(calls) == {"sts.AssumeRole", "account.GetAlternateContact"}


def test_contacts_are_told_by_the_account_where_the_hub_may_not_ask(asked):
    account_id, stranger = asked.accounts()[:2]
    expected = values(asked.account(account_id))
    asked.running.stats.reset()
    answers = account_facts.read_account(
        account_id,
        member=asked.way(account_id),
        hub=asked.way(stranger),
        regions=[asked.org.home_region],
        now=NOW,
        pause=asked.pauses.append,
    )
    # One refusal, then the account itself.
    assert asked.running.stats.calls["account.GetAlternateContact"] == 4
    for fact in (Fact.CONTACT_SECURITY, Fact.CONTACT_OPERATIONS, Fact.CONTACT_BILLING):
        assert values(answers)[fact] == expected[fact]


def test_a_region_that_is_off_is_unavailable_and_nobodys_fault(asked):
    account_id = next(a for a in asked.accounts() if "eu-south-2" not in asked.regions(a))
    answers = asked.account(account_id, regions=["eu-west-1", "eu-south-2"])
    off = [r for r in answers.readings if r.region == "eu-south-2"]
    by_key = {r.key: r.state for r in off}
    assert by_key.pop(Fact.CLOUDTRAIL) in {"KNOWN", "UNAVAILABLE"}
    assert set(by_key.values()) == {"UNAVAILABLE"}
    assert answers.problems == []


def test_a_throttled_call_is_a_problem_and_its_fact_unavailable(asked):
    asked.running.faults.add(Rule("error", service="s3", status=503, code="SlowDown"))
    answers = asked.account(asked.accounts()[0], regions=[asked.org.home_region])
    (reading,) = (r for r in answers.readings if r.state == "UNAVAILABLE" and "s3" in r.key)
    assert (reading.value, reading.missing_permission) == (None, "")
    assert [type(problem) for problem in answers.problems] == [aws.Throttled]


def test_the_organisation_tells_of_root_management_and_of_its_trail(asked):
    management = asked.org.management_account_id
    answers = account_facts.read_organization(
        management,
        features=asked.door.client("iam", account_id=management),
        trails=asked.way(None),
    )
    assert values(answers) == {
        Fact.ROOT_CENTRAL: True,
        Fact.ROOT_SESSIONS: True,
        Fact.ORGANIZATION_TRAIL: True,
    }
    assert {r.account_id for r in answers.readings} == {management}


def test_a_hub_that_iam_is_not_delegated_to_is_denied_by_name(asked):
    answers = account_facts.read_organization(
        asked.org.management_account_id, features=asked.door.client("iam"), trails=asked.way(None)
    )
    denied = {r.key: r.missing_permission for r in answers.readings if r.state == "DENIED"}
    assert denied == dict.fromkeys(
        (Fact.ROOT_CENTRAL, Fact.ROOT_SESSIONS), "iam:ListOrganizationsFeatures"
    )
    assert values(answers) == {Fact.ORGANIZATION_TRAIL: True}


def xml(operation, inner):
    return (
        f"<{operation}Response><{operation}Result>{inner}</{operation}Result></{operation}Response>"
    )


def report(*lines):
    content = b64encode("\n".join([HEADER, *lines]).encode()).decode()
    return Said(xml("GetCredentialReport", f"<Content>{content}</Content>"))


def failed(code, status):
    return Said(f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>", status)


@pytest.fixture
def iam(endpoint, door):
    endpoint.say(
        "GenerateCredentialReport", xml("GenerateCredentialReport", "<State>STARTED</State>")
    )
    return door.client("iam", account_id=aws_door.MEMBER)


def test_a_report_is_waited_for_and_started_anew_when_it_is_gone(endpoint, iam):
    endpoint.say(
        "GetCredentialReport",
        failed("ReportNotPresent", 410),
        failed("ReportInProgress", 404),
        failed("ReportExpired", 410),
        report("a,arn,2026-01-01T00:00:00+00:00,true,N/A,N/A,N/A,false,false,N/A,false,N/A"),
    )
    pauses = []
    found = credential_report.read_report(iam, now=NOW, pause=pauses.append)
    assert found[Fact.IAM_PASSWORDS] == 1
    assert pauses == list(credential_report.PAUSES)
    assert endpoint.operations().count("GenerateCredentialReport") == 2


def test_a_report_that_does_not_come_is_unavailable(endpoint, iam):
    endpoint.say("GetCredentialReport", failed("ReportInProgress", 404))
    with pytest.raises(aws.Unavailable, match="not ready"):
        credential_report.read_report(iam, now=NOW, pause=lambda _: None)
    assert endpoint.operations().count("GetCredentialReport") == 4


def test_a_report_without_its_columns_is_malformed(endpoint, iam):
    endpoint.say(
        "GetCredentialReport", Said(xml("GetCredentialReport", "<Content>YQpiCg==</Content>"))
    )
    with pytest.raises(aws.Malformed, match="no column"):
        credential_report.read_report(iam, now=NOW)


def test_the_report_is_counted_whatever_way_its_booleans_and_dates_are_written():
    old, new = NOW - timedelta(days=91), NOW - timedelta(days=89)
    lines = [
        HEADER + ",additional_credentials_info",
        "<root_account>,arn,x,not_supported,N/A,not_supported,N/A,TRUE,true,N/A,true,N/A,",
        f"a,arn,x,TRUE,no_information,x,N/A,TRUE,TRUE,{old.isoformat()},false,N/A,",
        f"b,arn,x,true,no_information,x,N/A,false,false,N/A,true,{new.isoformat()},",
        "c,arn,x,false,N/A,N/A,N/A,true,true,no_information,False,not_supported,",
    ]
    assert credential_report.count(lines, now=NOW) == {
        Fact.IAM_PASSWORDS: 2,
        Fact.IAM_PASSWORDS_WITH_MFA: 1,
        Fact.IAM_ACCESS_KEYS: 3,
        Fact.IAM_ACCESS_KEYS_OLD: 2,
    }


def test_what_the_summary_leaves_out_is_not_known(endpoint, iam):
    entries = "".join(
        f"<entry><key>{key}</key><value>{value}</value></entry>"
        for key, value in (("AccountAccessKeysPresent", 1), ("AccountMFAEnabled", 0), ("Users", 3))
    )
    endpoint.say(
        "GetAccountSummary", xml("GetAccountSummary", f"<SummaryMap>{entries}</SummaryMap>")
    )
    assert summary.read_summary(iam) == {
        Fact.ROOT_ACCESS_KEYS: 1,
        Fact.ROOT_MFA: False,
        Fact.ROOT_PASSWORD: None,
        Fact.IAM_USERS: 3,
        Fact.IAM_ROLES: None,
    }


def test_a_mode_of_ec2_that_nobody_knows_is_not_known(endpoint, door):
    client = door.client("ec2", account_id=aws_door.MEMBER)
    body = "<GetSnapshotBlockPublicAccessStateResponse><state>half-open</state></GetSnapshotBlockPublicAccessStateResponse>"
    endpoint.say("GetSnapshotBlockPublicAccessState", Said(body))
    assert ec2.read_snapshot_block(client) is None


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ({"EventSelectors": [{}]}, {"read", "write"}),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, {"read"}),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}]}, {"read", "write"}),
        ({"EventSelectors": [{"IncludeManagementEvents": False}]}, set()),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]}, set()),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]}, {"read", "write"}),
        (
            {"AdvancedEventSelectors": [{"FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Management"]},
                {"Field": "readOnly", "Equals": ["true"]},
            ]}]},
            {"read"},
        ),
        ({}, set()),
    ],
)  # fmt: skip
def test_selectors_tell_which_management_events_are_logged(answer, kinds):
    assert cloud_trail.selected(answer) == kinds
