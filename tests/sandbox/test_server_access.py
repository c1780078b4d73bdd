"""Who gets in: keys, signatures, trust of roles, and the published policies."""

import json
from datetime import UTC, datetime

import pytest

from sandbox import server
from sandbox.access import Permissions, PolicyError, Settings, action_of, is_read
from tests.sandbox.conftest import NOW, SETTINGS, Callers, assume, client
from tests.sandbox.test_server import code_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

UNKNOWN = ("AKIAUNKNOWNUNKNOWN01", "some-secret", None)


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("organizations", "list_accounts", "UnrecognizedClientException"),
        ("securityhub", "get_findings", "UnrecognizedClientException"),
        ("accessanalyzer", "list_analyzers", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("iam", "get_account_summary", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_refused_as_each_service_spells_it(running, service, operation, code):
    stranger = client(running.url, UNKNOWN, service, "eu-west-1")
    assert code_of(getattr(stranger, operation)) == code


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("organizations", "list_accounts", "InvalidSignatureException"),
        ("securityhub", "describe_hub", "InvalidSignatureException"),
    ],
)
def test_a_wrong_secret_is_refused(running, service, operation, code):
    keys = (SETTINGS.access_key_id, "wrong", None)
    assert code_of(getattr(client(running.url, keys, service, "eu-west-1"), operation)) == code


def test_a_session_key_without_its_token_is_refused(running, callers):
    key_id, secret, _ = assume(callers.base("sts"), running.hub_role_arn)
    half = client(running.url, (key_id, secret, None), "securityhub", "eu-west-1")
    assert code_of(half.describe_hub) == "UnrecognizedClientException"


def test_identity_is_that_of_the_key(running, callers, snapshot):
    account_id = snapshot.accounts[-1].account_id
    hub = running.org.security_account_id
    assert callers.base("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{hub}:user/parapet"
    identity = callers.member(account_id, "sts").get_caller_identity()
    assert identity["Account"] == account_id
    role = f"arn:aws:sts::{account_id}:assumed-role/ParapetMemberRead/posture-test"
    assert identity["Arn"] == role


@pytest.mark.parametrize("external_id", ["other", "External-1"])
def test_a_wrong_external_id_is_denied(running, callers, external_id):
    params = {
        "RoleArn": running.hub_role_arn,
        "RoleSessionName": "posture-test",
        "ExternalId": external_id,
    }
    assert code_of(callers.base("sts").assume_role, **params) == "AccessDenied"


def test_a_missing_external_id_is_denied(running, callers):
    params = {"RoleArn": running.hub_role_arn, "RoleSessionName": "posture-test"}
    assert code_of(callers.base("sts").assume_role, **params) == "AccessDenied"


def assumed_by(sts, arn, **more):
    params = {"RoleArn": arn, "RoleSessionName": "posture-test", "ExternalId": "external-1", **more}
    return code_of(sts.assume_role, **params)


def test_each_role_trusts_its_own_caller_alone(running, callers, snapshot):
    first, second = (account.account_id for account in snapshot.accounts[-2:])
    member_arn = running.member_role_arn(first)
    assert assumed_by(callers.base("sts"), member_arn) == "AccessDenied"
    assert assumed_by(callers.member(second, "sts"), member_arn) == "AccessDenied"
    assert assumed_by(callers.hub("sts"), running.hub_role_arn) == "AccessDenied"
    elsewhere = running.hub_role_arn.replace(running.org.security_account_id, first)
    assert assumed_by(callers.base("sts"), elsewhere) == "AccessDenied"


def test_no_role_is_in_an_account_that_is_unknown_or_closed(running, callers, snapshot):
    states = {account.state: account.account_id for account in snapshot.accounts}
    for account_id in (
        "000000000000",
        *(states[s] for s in ("CLOSED", "SUSPENDED") if s in states),
    ):
        arn = running.member_role_arn(account_id)
        assert assumed_by(callers.hub("sts"), arn) == "AccessDenied"


def test_the_management_role_is_in_the_management_account_alone(running, callers, snapshot):
    management = running.org.management_account_id
    arn = f"arn:aws:iam::{management}:role/ParapetManagementRead"
    assert assume(callers.hub("sts"), arn)[0].startswith("ASIA")
    elsewhere = arn.replace(management, snapshot.accounts[-1].account_id)
    assert assumed_by(callers.hub("sts"), elsewhere) == "AccessDenied"


def test_a_chained_role_lasts_an_hour_at_most(running, callers, snapshot):
    arn = running.member_role_arn(snapshot.accounts[-1].account_id)
    assert assumed_by(callers.hub("sts"), arn, DurationSeconds=7200) == "ValidationError"


def test_credentials_end_when_they_say(running, callers):
    answer = callers.base("sts").assume_role(
        RoleArn=running.hub_role_arn,
        RoleSessionName="posture-test",
        ExternalId="external-1",
        DurationSeconds=900,
    )
    seconds = (answer["Credentials"]["Expiration"] - datetime.now(UTC)).total_seconds()  # noqa: TID251
    assert 800 < seconds <= 900


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("iam", "create_user", {"UserName": "a"}),
        ("organizations", "create_organization", {}),
        ("securityhub", "enable_security_hub", {}),
        ("s3", "create_bucket", {"Bucket": "a-bucket"}),
    ],
)
def test_what_writes_is_denied(callers, service, operation, params):
    denied = code_of(getattr(callers.hub(service), operation), **params)
    assert denied in ("AccessDenied", "AccessDeniedException")


POLICY = {
    "hub": {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "organizations:List*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["organizations:ListRoots"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["access-analyzer:ListFindings", "access-analyzer:ListAnalyzers"],
                "Resource": "*",
            },
            {"Effect": "Allow", "Action": "securityhub:GetFindings", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": "arn:aws:iam::*:role/ParapetMemberRead",
                "Condition": {"StringEquals": {"aws:ResourceOrgID": "o-exampleorgid"}},
            },
        ],
    },
    "member": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iam:GetAccountSummary", "Resource": "*"},
    },
}


@pytest.fixture(scope="module")
def guarded(org):
    """Callers of a server that judges by POLICY."""
    with server.start(org, now=NOW, settings=SETTINGS, policy=POLICY) as running:
        yield Callers(running)


def test_the_hub_policy_allows_and_denies(guarded, snapshot):
    organizations = guarded.hub("organizations")
    assert organizations.list_accounts()["Accounts"]
    assert code_of(organizations.list_roots) == "AccessDeniedException"
    assert code_of(organizations.describe_organization) == "AccessDeniedException"


def test_a_refusal_has_the_words_of_aws(guarded):
    hub = guarded.hub("securityhub")
    account_id = guarded.running.org.security_account_id
    with pytest.raises(hub.exceptions.AccessDeniedException) as caught:
        hub.describe_hub()
    assert caught.value.response["Error"]["Message"] == (
        f"User: arn:aws:sts::{account_id}:assumed-role/ParapetHubRead/posture-test is not authorized"
        " to perform: securityhub:DescribeHub on resource:"
        f" arn:aws:securityhub:eu-west-1:{account_id}:hub/default"
        " because no identity-based policy allows the securityhub:DescribeHub action"
    )


def test_v2_operations_are_judged_by_the_action_of_their_forerunners(guarded, snapshot):
    analyzer = next(a for a in snapshot.analyzers if a.region == snapshot.org.home_region)
    found = guarded.hub("accessanalyzer").list_findings_v2(analyzerArn=analyzer.arn)
    assert "findings" in found
    assert guarded.hub("securityhub").get_findings_v2(MaxResults=1)["Findings"]
    params = {"analyzerArn": analyzer.arn, "id": "none"}
    denied = code_of(guarded.hub("accessanalyzer").get_finding_v2, **params)
    assert denied == "AccessDeniedException"


def test_write_back_needs_its_own_permission(guarded, snapshot):
    finding = snapshot.findings[0]
    params = {
        "FindingIdentifiers": [{"Id": finding["Id"], "ProductArn": finding["ProductArn"]}],
        "Workflow": {"Status": "NOTIFIED"},
    }
    denied = code_of(guarded.hub("securityhub").batch_update_findings, **params)
    assert denied == "AccessDeniedException"


def test_the_member_policy_is_for_member_roles_and_the_example_organization_is_ours(
    guarded, snapshot
):
    account_id = snapshot.accounts[-1].account_id
    assert guarded.member(account_id, "iam").get_account_summary()["SummaryMap"]
    assert code_of(guarded.member(account_id, "iam").list_users) == "AccessDenied"


def test_the_base_user_may_only_become_the_hub_role(guarded):
    assert guarded.base("sts").get_caller_identity()["Account"]
    assert code_of(guarded.base("securityhub").get_findings) == "AccessDeniedException"


@pytest.mark.parametrize(
    "document",
    [
        {"hub": {}},
        {**POLICY, "hub": {"Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]}},
        {
            **POLICY,
            "hub": {"Statement": [{"Effect": "Allow", "Action": "*", "Condition": {"Bool": {}}}]},
        },
    ],
)
def test_a_policy_that_cannot_be_judged_is_refused_at_start(document):
    with pytest.raises(PolicyError):
        Permissions.load(document, organization_id="o-a")


def test_a_policy_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.json"):
        Permissions.load(tmp_path / "none.json", organization_id="o-a")


def test_a_policy_file_is_read(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY))
    assert set(Permissions.load(path, organization_id="o-a").documents) == {"hub", "member"}


def test_settings_come_from_the_environment():
    given = {
        "SANDBOX_ACCESS_KEY_ID": "AKIA1",
        "SANDBOX_SECRET_ACCESS_KEY": "s",
        "SANDBOX_EXTERNAL_ID": "e",
    }
    assert Settings.from_environment(given) == Settings("AKIA1", "s", "e")
    assert Settings.from_environment({}) == Settings()


def test_actions_and_reads_are_told_by_operation():
    assert action_of("sqs", "DeleteMessageBatch") == "sqs:DeleteMessage"
    assert action_of("securityhub", "GetFindings") == "securityhub:GetFindings"
    assert is_read("iam", "GenerateCredentialReport")
    assert not is_read("securityhub", "BatchImportFindings")
    assert not is_read("ec2", "")
