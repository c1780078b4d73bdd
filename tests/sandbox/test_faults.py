"""Each fault, as boto3 sees it, and the rules behind them."""

import json

import boto3  # noqa: TID253 - the sandbox is tested with what talks to it
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from sandbox import faults as cli
from sandbox.faults import BadRule, Facts, Faults, Rule
from sandbox.rates import Buckets, limits_of
from tests.sandbox.conftest import ONCE, Callers, assume
from tests.sandbox.test_server import code_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

GET_FINDINGS = Facts("securityhub", "GetFindings", "111111111111", "", "eu-west-1", b"{}")


class Clock:
    """A clock that stands until it is told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status"),
    [
        ("organizations", "list_accounts", {}, "TooManyRequestsException", 400),
        ("securityhub", "get_findings", {"MaxResults": 1}, "LimitExceededException", 429),
        ("securityhub", "get_findings_v2", {"MaxResults": 1}, "ThrottlingException", 429),
        ("accessanalyzer", "list_analyzers", {}, "ThrottlingException", 429),
        ("account", "list_regions", {}, "TooManyRequestsException", 429),
        ("sts", "get_caller_identity", {}, "Throttling", 400),
    ],
)
def test_throttling_is_spelled_as_each_service_does(
    callers, faults, service, operation, params, code, status
):
    call = getattr(callers.hub(service), operation)
    # A hundredth of AWS's rate leaves one call in the bucket.
    faults.add(Rule("throttle", percent=1))
    call(**params)
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("organizations", "list_accounts", "AccessDeniedException"),
        ("securityhub", "describe_hub", "AccessDeniedException"),
        ("sts", "get_caller_identity", "AccessDenied"),
    ],
)
def test_denial_can_be_for_one_service(callers, faults, service, operation, code):
    signing_name = {"organizations": "organizations", "securityhub": "securityhub", "sts": "sts"}
    faults.add(Rule("deny", service=signing_name[service]))
    assert code_of(getattr(callers.hub(service), operation)) == code
    assert callers.hub("accessanalyzer").list_analyzers()


def test_denial_can_be_for_one_account_that_a_call_is_about(running, callers, faults, snapshot):
    first, second = (account.account_id for account in snapshot.accounts[-2:])
    faults.add(Rule("deny", account=first))
    account = callers.hub("account")
    assert code_of(account.list_regions, AccountId=first) == "AccessDeniedException"
    assert account.list_regions(AccountId=second)["Regions"]
    params = {"RoleSessionName": "posture-test", "ExternalId": "external-1"}
    sts = callers.hub("sts")
    arn = running.member_role_arn(first)
    assert code_of(sts.assume_role, RoleArn=arn, **params) == "AccessDenied"
    assert sts.assume_role(RoleArn=running.member_role_arn(second), **params)


def test_denial_can_be_for_one_region_and_name_the_policy_that_denies(callers, faults, snapshot):
    arn = next(p.arn for p in snapshot.policies if p.type == "SERVICE_CONTROL_POLICY")
    first, second = snapshot.org.regions[:2]
    faults.add(Rule("deny", region=second, policy_arn=arn))
    assert callers.hub("accessanalyzer", first).list_analyzers()
    with pytest.raises(ClientError, match="explicit deny in a service control policy") as caught:
        callers.hub("accessanalyzer", second).list_analyzers()
    assert arn in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("organizations", "list_accounts", "ExpiredTokenException"),
        ("securityhub", "describe_hub", "ExpiredTokenException"),
        ("sts", "get_caller_identity", "ExpiredToken"),
    ],
)
def test_an_expired_session_stays_expired_until_the_role_is_assumed_again(
    running, faults, service, operation, code
):
    own = Callers(running)
    call = getattr(own.hub(service), operation)
    assert call()
    faults.add(Rule("expire", service=service, times=1))
    assert code_of(call) == code
    assert code_of(call) == code
    own.forget()
    assert getattr(own.hub(service), operation)()


@pytest.mark.parametrize(
    ("service", "operation", "status", "code"),
    [
        ("organizations", "list_accounts", 500, "ServiceException"),
        ("securityhub", "describe_hub", 500, "InternalException"),
        ("accessanalyzer", "list_analyzers", 500, "InternalServerException"),
        ("sts", "get_caller_identity", 500, "InternalFailure"),
        ("securityhub", "describe_hub", 503, "ServiceUnavailable"),
    ],
)
def test_server_errors_are_spelled_as_each_service_does(
    callers, faults, service, operation, status, code
):
    faults.add(Rule("error", status=status, times=1))
    call = getattr(callers.hub(service), operation)
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert call()


def test_a_slow_answer_runs_into_the_time_limit_of_the_caller(running, callers, faults):
    keys = assume(callers.base("sts"), running.hub_role_arn)
    client = boto3.client(
        "securityhub",
        region_name=running.org.home_region,
        endpoint_url=running.url,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        config=ONCE.merge(Config(read_timeout=0.2)),
    )
    faults.add(Rule("slow", seconds=2, operation="DescribeHub"))
    with pytest.raises(ReadTimeoutError):
        client.describe_hub()


@pytest.mark.parametrize(
    ("service", "operation", "key"),
    [
        ("organizations", "list_accounts", "Accounts"),
        ("securityhub", "get_findings", "Findings"),
        ("securityhub", "list_security_control_definitions", "SecurityControlDefinitions"),
    ],
)
def test_an_empty_page_has_a_token_that_leads_to_the_rest(callers, faults, service, operation, key):
    client = callers.hub(service)
    whole = [item for page in client.get_paginator(operation).paginate() for item in page[key]]
    faults.add(Rule("empty-page", times=2))
    pages = list(client.get_paginator(operation).paginate())
    assert [len(page[key]) for page in pages[:2]] == [0, 0]
    assert [item for page in pages for item in page[key]] == whole


def test_a_truncated_json_answer_reaches_the_caller_without_its_members(callers, faults):
    # botocore takes JSON that it cannot parse for an empty answer: it raises nothing.
    client = callers.hub("securityhub")
    faults.add(Rule("truncate", times=1))
    answer = client.get_findings(MaxResults=5)
    assert "Findings" not in answer
    assert len(client.get_findings(MaxResults=5)["Findings"]) == 5


def test_a_truncated_xml_answer_cannot_be_parsed(callers, faults):
    faults.add(Rule("truncate", times=1))
    with pytest.raises(ResponseParserError):
        callers.hub("sts").get_caller_identity()


def test_a_reset_connection_is_no_answer(callers, faults):
    client = callers.hub("securityhub")
    faults.add(Rule("reset", times=1))
    with pytest.raises(ConnectionClosedError):
        client.describe_hub()
    assert client.describe_hub()


def test_a_rule_ends_after_its_hits(callers, faults):
    faults.add(Rule("deny", service="securityhub", times=2))
    client = callers.hub("securityhub")
    assert code_of(client.describe_hub) == "AccessDeniedException"
    assert code_of(client.describe_hub) == "AccessDeniedException"
    assert client.describe_hub()
    assert faults.report()[0]["hits"] == 2


def test_the_same_calls_are_hit_in_every_run():
    def hits(seed):
        faults = Faults()
        faults.add(Rule("error", probability=0.3, seed=seed))
        return [bool(faults.strike(GET_FINDINGS)) for _ in range(200)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 30 <= sum(hits(1)) <= 90


def test_get_findings_is_throttled_at_3_a_second_after_6_at_once():
    clock = Clock()
    faults = Faults(clock=clock)
    faults.add(Rule("throttle"))
    assert [bool(faults.strike(GET_FINDINGS)) for _ in range(8)] == [False] * 6 + [True] * 2
    clock.now += 1
    assert [bool(faults.strike(GET_FINDINGS)) for _ in range(4)] == [False] * 3 + [True]


def test_api_groups_share_one_bucket_and_the_organization_has_its_own():
    clock = Clock()
    buckets = Buckets(clock=clock)
    walk = ("ListAccountsForParent", "ListOrganizationalUnitsForParent")
    taken = [buckets.take("organizations", walk[n % 2], "1", "us-east-1") for n in range(9)]
    assert taken == [True] * 8 + [False]
    assert [buckets.take("organizations", walk[0], "2", "us-east-1") for _ in range(3)] == [
        True,
        True,
        False,
    ]
    assert buckets.take("organizations", "ListAccounts", "1", "us-east-1")


def test_regions_have_buckets_of_their_own_for_regional_services():
    buckets = Buckets(clock=Clock())
    for region in ("eu-west-1", "eu-central-1"):
        taken = [buckets.take("securityhub", "GetFindings", "1", region) for _ in range(7)]
        assert taken == [True] * 6 + [False]


@pytest.mark.parametrize(
    ("service", "operation", "rate", "burst"),
    [
        ("securityhub", "GetFindings", 3, 6),
        ("securityhub", "DescribeHub", 10, 30),
        ("organizations", "DescribePolicy", 2, 2),
        ("organizations", "ListRoots", 1, 2),
        ("organizations", "ListAccounts", 8, 12),
        ("account", "ListRegions", 5, 5),
        ("account", "GetAlternateContact", 10, 15),
    ],
)
def test_rates_are_those_that_aws_publishes(service, operation, rate, burst):
    own, _ = limits_of(service, operation)
    assert (own.per_second, own.burst) == (rate, burst)


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "flood"},
        {},
        {"kind": "slow", "weight": 1},
        {"kind": "error", "status": 404},
        {"kind": "deny", "times": 0},
        {"kind": "deny", "probability": 1.5},
        {"kind": "throttle", "percent": "half"},
    ],
)
def test_a_rule_that_means_nothing_is_refused(document):
    with pytest.raises(BadRule):
        Rule.from_json(document)


def test_replacing_rules_keeps_the_counts_of_those_that_stay():
    faults = Faults()
    faults.add(Rule("deny"), Rule("slow", seconds=0))
    faults.strike(GET_FINDINGS)
    faults.replace([Rule("deny"), Rule("error")])
    assert [(rule["kind"], rule["hits"]) for rule in faults.report()] == [("deny", 1), ("error", 0)]


def test_the_command_line_switches_faults_on_and_off(running, faults, callers, capsys):
    endpoint = ["--endpoint", running.url]
    assert cli.main([*endpoint, "deny", "--service", "securityhub", "--times", "1"]) == 0
    assert cli.main([*endpoint, "error", "--status", "503", "--service", "account"]) == 0
    assert code_of(callers.hub("securityhub").describe_hub) == "AccessDeniedException"
    capsys.readouterr()
    assert cli.main([*endpoint, "list"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert [(rule["kind"], rule["hits"]) for rule in rules] == [("deny", 1), ("error", 0)]
    assert cli.main([*endpoint, "clear"]) == 0
    assert faults.report() == []


def test_the_command_line_says_what_is_wrong(running, capsys):
    assert cli.main(["--endpoint", running.url, "deny", "--times", "0"]) == 1
    assert "times" in capsys.readouterr().err
    assert cli.main(["--endpoint", "http://127.0.0.1:9", "list"]) == 1
    assert "No sandbox AWS at http://127.0.0.1:9" in capsys.readouterr().err
