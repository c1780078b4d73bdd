"""Records of CloudTrail for tests, made up here: say only what the test is about."""

from datetime import UTC, datetime
from uuid import uuid4

ORG = "o-halden0001"
MANAGEMENT = "100000000001"
ACCOUNT = "300000000001"
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def policy_arn(policy_id="p-a1b2c3d4", *, kind="service_control_policy"):
    return f"arn:aws:organizations::{MANAGEMENT}:policy/{ORG}/{kind}/{policy_id}"


POLICY = policy_arn()


def role_arn(name="Developer", account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/teams/{name}"


def message(
    *,
    action="iam:CreateUser",
    resource=f"arn:aws:iam::{ACCOUNT}:user/ci",
    kind="a service control policy",
    arn=POLICY,
    role="Developer",
    account=ACCOUNT,
):
    named = f": {arn}" if arn else ""
    return (
        f"User: arn:aws:sts::{account}:assumed-role/{role}/kim is not authorized to perform: {action} "
        f"on resource: {resource} with an explicit deny in {kind}{named}"
    )


def identity(*, role="Developer", account=ACCOUNT, session="kim"):
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEEXAMPLE:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEEXAMPLE",
                "arn": role_arn(role, account),
                "accountId": account,
                "userName": role,
            }
        },
    }


def record(*, role="Developer", account=ACCOUNT, at=AT, event_id=None, **changes):
    """A call that a service control policy denied."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity(role=role, account=account),
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "errorCode": "AccessDenied",
        "errorMessage": message(role=role, account=account),
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(event_id or uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    } | changes


def denied(action, *, arn=POLICY, kind="a service control policy", **changes):
    """A call of this action that this policy denied."""
    service, _, name = action.partition(":")
    names = {key: changes[key] for key in ("role", "account") if key in changes}
    text = message(action=action, resource="*", kind=kind, arn=arn, **names)
    values = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "errorMessage": text}
    return record(**(values | changes))


def change(name="UpdatePolicy", **parameters):
    """A call to AWS Organizations that succeeded."""
    values = {"policyId": "p-a1b2c3d4"} | parameters
    return record(
        account=MANAGEMENT,
        role="OrgAdmin",
        eventSource="organizations.amazonaws.com",
        eventName=name,
        errorCode=None,
        errorMessage=None,
        requestParameters=values,
    )


def event(detail, *, number=1, **changes):
    """What EventBridge makes of a record."""
    return {
        "version": "0",
        "id": f"11111111-2222-3333-4444-{number:012d}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{detail.get('eventSource', 'iam.amazonaws.com').partition('.')[0]}",
        "account": detail.get("recipientAccountId", ACCOUNT),
        "time": detail.get("eventTime", "2026-11-20T09:30:00Z"),
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    } | changes
