"""Calls that a policy of the organisation denied, as CloudTrail records them: a few on every working day, and one burst.

Source of the text: AWS Security Blog, "Enhanced access denied error messages with policy ARNs"; EC2 has words of its own around
it. CloudTrail keeps the first 1,024 bytes of an error message (record contents, `errorMessage`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sandbox import chance
from sandbox.history.inventory import policy_arn_of
from sandbox.model import Document, Org
from sandbox.moments import DAY, HOUR, datetime_of, seconds_of_day
from sandbox.org import names, policies
from sandbox.org.accounts import AccountPlan, plans_at
from sandbox.org.policies import PolicyPlan

MESSAGE_BYTES = 1024
_BURST_BEGINS = -11 * DAY + 13 * HOUR
_BURST_CALLS = 140
_BURST_STEP = 47
"""Seconds between two calls of the burst."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that people or programs try and a policy denies."""

    policy: str
    """Key of the policy's plan; empty: an identity-based policy does not allow it, and no ARN is told."""
    action: str
    resource: str
    """ARN with {region} and {account}."""
    role: str
    """Name of the caller's role; "root": the root user."""
    weight: int = 2
    region: str = ""
    """Empty: one of the organisation's Regions."""
    kinds: tuple[str, ...] = ()
    """Kinds of accounts; empty: all that the policy reaches."""


_INSTANCE = "arn:aws:ec2:{region}:{account}:instance/*"
SCENARIOS = (
    Scenario("restrict-regions", "ec2:RunInstances", _INSTANCE, "Developer", 4, "us-west-2"),
    Scenario("restrict-regions", "lambda:CreateFunction", "arn:aws:lambda:{region}:{account}:function:resize", "Developer", 2, "ap-southeast-1"),
    Scenario("deny-iam-users", "iam:CreateUser", "arn:aws:iam::{account}:user/ci-deploy", "Developer", 4, "us-east-1"),
    Scenario("deny-iam-users", "iam:CreateAccessKey", "arn:aws:iam::{account}:user/ci-deploy", "DataEngineer", 3, "us-east-1"),
    Scenario("deny-root-user", "s3:PutBucketPolicy", "arn:aws:s3:::{account}-exports", "root", 1),
    Scenario("deny-public-s3", "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::{account}-assets", "Developer", 3),
    Scenario("protect-platform-roles", "iam:UpdateAssumeRolePolicy", "arn:aws:iam::{account}:role/platform/SecurityAudit", "Administrator", 2, "us-east-1"),
    Scenario("protect-security-services", "guardduty:DeleteDetector", "arn:aws:guardduty:{region}:{account}:detector/12abc34d567e8fa901bc2d34e56789f0", "Administrator", 1),
    Scenario("protect-security-services", "config:StopConfigurationRecorder", "*", "CostSaver", 3),
    Scenario("require-imdsv2", "ec2:RunInstances", _INSTANCE, "GoldenImageBuilder", 4),
    Scenario("require-encryption", "ec2:CreateVolume", "arn:aws:ec2:{region}:{account}:volume/*", "Developer", 2),
    Scenario("sandbox-guardrails", "ec2:CreateVpcPeeringConnection", "arn:aws:ec2:{region}:{account}:vpc/*", "Developer", 2),
    Scenario("identity-baseline", "iam:CreateSAMLProvider", "arn:aws:iam::{account}:saml-provider/NorthwickIdP", "NorthwickAdmin", 2, "us-east-1", ("acquired",)),
    Scenario("network-edge", "ec2:AttachInternetGateway", "arn:aws:ec2:{region}:{account}:internet-gateway/*", "Developer", 2),
    Scenario("protect-logs", "logs:DeleteLogGroup", "arn:aws:logs:{region}:{account}:log-group:/halden/audit/eks:*", "CostSaver", 3),
    Scenario("rcp-require-tls", "kms:Decrypt", "arn:aws:kms:{region}:{account}:key/7d1f0a52-0b6c-4b1e-9a57-2f6f1d3c9e10", "LegacySync", 3, "", ("acquired", "exceptions")),
    Scenario("tmp-vendor-migration", "s3:PutBucketPolicy", "arn:aws:s3:::halden-migration-{account}", "DataEngineer", 3),
    Scenario("", "dynamodb:DescribeTable", "arn:aws:dynamodb:{region}:{account}:table/orders", "Developer", 4),
)  # fmt: skip
_BURST = Scenario(
    "deny-public-s3",
    "s3:PutBucketAcl",
    "arn:aws:s3:::storefront-export",
    "StorefrontExport",
    kinds=("customer",),
)
"""An export of the shop that still makes its bucket public, in a loop."""

_ERROR_CODES = {
    "ec2": "Client.UnauthorizedOperation",
    "config": "AccessDeniedException",
    "dynamodb": "AccessDenied",
    "lambda": "AccessDeniedException",
    "guardduty": "AccessDeniedException",
}
_KIND_TEXT = {policies.SCP: "service control policy", policies.RCP: "resource control policy"}


@dataclass(frozen=True, slots=True)
class Denial:
    """One denied call."""

    at: int
    scenario: Scenario
    account: AccountPlan
    seed: int


def denials(org: Org, since: int, until: int) -> list[Denial]:
    """Return the denied calls from a moment on and before another, oldest first."""
    found = [
        denial
        for day in range(since // DAY, until // DAY + 1)
        for denial in _of_day(org, day)
        if since <= denial.at < until
    ]
    return sorted(found, key=lambda denial: (denial.at, denial.seed))


def records(org: Org, since: int, until: int) -> list[Document]:
    """Return their CloudTrail records; moments are seconds since 1970."""
    return [record(org, denial) for denial in denials(org, since, until)]


def record(org: Org, denial: Denial) -> Document:
    """Return the CloudTrail record of a denied call, as the caller's account has it."""
    service, _, operation = denial.scenario.action.partition(":")
    region = _region(org, denial)
    at = datetime_of(denial.at).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = _identity(denial, at)
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": at,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": region,
        "sourceIPAddress": f"198.51.100.{1 + denial.seed % 250}",
        "userAgent": "aws-cli/2.31",
        "errorCode": _ERROR_CODES.get(service, "AccessDenied"),
        "errorMessage": _message(org, denial, identity["arn"], region)[:MESSAGE_BYTES],
        "requestParameters": None,
        "responseElements": None,
        "requestID": chance.uuid_text(chance.mix(denial.seed, 1)),
        "eventID": chance.uuid_text(chance.mix(denial.seed, 2)),
        "readOnly": operation.startswith("Describe"),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": denial.account.account_id,
        "eventCategory": "Management",
    }


def envelope(record: Document) -> Document:
    """Return what EventBridge makes of a record: an AWS API call via CloudTrail."""
    service = record["eventSource"].partition(".")[0]
    return {
        "version": "0",
        "id": record["eventID"],
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


def _of_day(org: Org, day: int) -> Iterator[Denial]:
    seed = chance.seed_of(org.seed, "denials", day)
    accounts = plans_at(org, day * DAY)
    # 1970-01-01 was a Thursday: 2 and 3 are Saturday and Sunday.
    number = 1 if day % 7 in (2, 3) else 4 + seed % 6
    for place in range(number):
        own = chance.mix(seed, place)
        at = day * DAY + 7 * HOUR + int(chance.draw(own, 0) * 11 * HOUR)
        scenario = chance.pick(own, 1, _weighted())
        reached = _reached(org, accounts, scenario, at)
        if reached:
            yield Denial(at, scenario, chance.pick(own, 2, reached), own)
    yield from _burst_of_day(org, accounts, day)


def _burst_of_day(org: Org, accounts: Sequence[AccountPlan], day: int) -> Iterator[Denial]:
    begins = seconds_of_day(org.anchor) + _BURST_BEGINS
    if begins // DAY != day:
        return
    reached = _reached(org, accounts, _BURST, begins)
    for place in range(_BURST_CALLS if reached else 0):
        seed = chance.seed_of(org.seed, "burst", place)
        yield Denial(begins + place * _BURST_STEP, _BURST, reached[0], seed)


@cache
def _weighted() -> tuple[Scenario, ...]:
    return tuple(one for one in SCENARIOS for _ in range(one.weight))


def _reached(
    org: Org, accounts: Sequence[AccountPlan], scenario: Scenario, at: int
) -> list[AccountPlan]:
    """Return the working accounts that the scenario's policy reaches at that moment."""
    plan = _plans().get(scenario.policy)
    moment = at - seconds_of_day(org.anchor)
    if plan is not None and not plan.stands_at(moment):
        return []
    live = {one.target for one in plan.attachments if one.covers(moment)} if plan else {"root"}
    return [
        account
        for account in accounts
        if account.exists_at(at)
        and at < account.frozen_at
        and account.kind != "management"
        and (not scenario.kinds or account.kind in scenario.kinds)
        and live & _path(account, at)
    ]


def _path(account: AccountPlan, at: int) -> set[str]:
    return {"root", f"account:{account.key}", *names.path_of(account.ou_at(at))}


@cache
def _plans() -> dict[str, PolicyPlan]:
    return {plan.key: plan for plan in policies.PLANS}


def _region(org: Org, denial: Denial) -> str:
    return denial.scenario.region or chance.pick(denial.seed, 3, denial.account.regions[:1])


def _message(org: Org, denial: Denial, caller: str, region: str) -> str:
    scenario = denial.scenario
    resource = scenario.resource.format(region=region, account=denial.account.account_id)
    said = f"User: {caller} is not authorized to perform: {scenario.action} on resource: {resource}"
    plan = _plans().get(scenario.policy)
    if plan is None:
        return f"{said} because no identity-based policy allows the {scenario.action} action"
    arn = policy_arn_of(org, plan)
    said = f"{said} with an explicit deny in a {_KIND_TEXT[plan.type]}: {arn}"
    if scenario.action.startswith("ec2:"):
        encoded = chance.hexadecimal(denial.seed, 128) * 6
        return (
            f"You are not authorized to perform this operation. {said}. "
            f"Encoded authorization failure message: {encoded}"
        )
    return said


def _identity(denial: Denial, at: str) -> Document:
    account, role = denial.account.account_id, denial.scenario.role
    if role == "root":
        return {
            "type": "Root",
            "principalId": account,
            "arn": f"arn:aws:iam::{account}:root",
            "accountId": account,
        }
    person = chance.pick(denial.seed, 4, names.PEOPLE).lower().replace(" ", ".")
    role_id = f"AROA{chance.hexadecimal(chance.seed_of(account, role), 17).upper()}"
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{person}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{person}",
        "accountId": account,
        "accessKeyId": f"ASIA{chance.hexadecimal(denial.seed, 16).upper()}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": at, "mfaAuthenticated": "false"},
        },
    }
