"""The organisation changes while the sandbox runs, as by a pull request that is merged: AWS answers so, and CloudTrail tells."""

import json
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from sandbox import history
from sandbox.history import org_changes
from sandbox.history.merged import Refused
from sandbox.moments import DAY, seconds_of
from sandbox.org import account_id_of

DENY = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def world(running):
    yield running.world
    running.world.forget_changes()


def policy_of(world, name):
    return next(one for one in world.moment().snapshot.policies if one.name == name)


def told(management, name):
    attributes = [{"AttributeKey": "EventName", "AttributeValue": name}]
    event = management.lookup_events(LookupAttributes=attributes)["Events"][0]
    return event["Username"], json.loads(event["CloudTrailEvent"])["requestParameters"]


@pytest.fixture
def management(callers, running):
    arn = f"arn:aws:iam::{running.org.management_account_id}:role/ParapetManagementRead"
    keys = callers._assumed(callers.hub("sts"), arn)
    return callers._client(arn, keys, "cloudtrail", "us-east-1")


def test_a_policy_is_changed_and_changed_back(world, callers, management):
    policy = policy_of(world, "network-edge")
    asked = {"PolicyId": policy.policy_id, "Content": DENY}
    world.change("UpdatePolicy", asked, by="Rosa Klein")
    hub = callers.hub("organizations")
    answer = hub.describe_policy(PolicyId=policy.policy_id)["Policy"]
    assert answer["Content"] == DENY
    who, params = told(management, "UpdatePolicy")
    assert who == "rosa.klein@halden.example"
    assert params == {"policyId": policy.policy_id, "content": DENY}

    world.change("UpdatePolicy", {**asked, "Content": policy.content}, by="")
    assert policy_of(world, "network-edge") == policy
    assert told(management, "UpdatePolicy")[0] == "terraform"


def test_a_policy_comes_is_attached_and_goes(world, callers, management):
    account = world.moment().snapshot.accounts[-1].account_id
    kind = "DECLARATIVE_POLICY_EC2"
    made = world.change(
        "CreatePolicy", {"Name": "imds-v1", "Type": kind, "Content": "{}"}, by="Rosa Klein"
    )
    target = {"PolicyId": made.params["policyId"], "TargetId": account}
    world.change("AttachPolicy", target, by="Rosa Klein")
    hub = callers.hub("organizations")
    found = hub.list_policies_for_target(TargetId=account, Filter=kind)["Policies"]
    assert "imds-v1" in {one["Name"] for one in found}
    assert told(management, "AttachPolicy")[1] == {
        "policyId": made.params["policyId"],
        "targetId": account,
    }
    with pytest.raises(Refused, match="PolicyInUseException"):
        world.change("DeletePolicy", {"PolicyId": target["PolicyId"]}, by="")
    world.change("DetachPolicy", target, by="")
    world.change("DeletePolicy", {"PolicyId": target["PolicyId"]}, by="")
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        hub.describe_policy(PolicyId=target["PolicyId"])


def test_an_account_moves_and_is_tagged(world, callers):
    account = next(a for a in world.moment().snapshot.accounts if a.name == "loyalty-dev")
    ous = {ou.name: ou for ou in world.moment().snapshot.ous}
    asked = {"AccountId": account.account_id, "SourceParentId": account.parent_id}
    asked["DestinationParentId"] = ous["Exceptions"].ou_id
    world.change("MoveAccount", asked, by="Rosa Klein")
    tag = {"Key": "exception", "Value": "EX-0001"}
    world.change("TagResource", {"ResourceId": account.account_id, "Tags": [tag]}, by="")
    hub = callers.hub("organizations")
    parents = hub.list_parents(ChildId=account.account_id)["Parents"]
    assert [one["Id"] for one in parents] == [ous["Exceptions"].ou_id]
    tags = hub.list_tags_for_resource(ResourceId=account.account_id)["Tags"]
    assert tag in tags
    world.change(
        "UntagResource", {"ResourceId": account.account_id, "TagKeys": ["exception"]}, by=""
    )
    assert tag not in hub.list_tags_for_resource(ResourceId=account.account_id)["Tags"]


def test_a_later_moment_still_has_it_and_an_earlier_one_does_not(running, world):
    before = world.moment().now
    policy = policy_of(world, "network-edge")
    world.change("UpdatePolicy", {"PolicyId": policy.policy_id, "Content": DENY}, by="")
    running.clock(before.replace(day=20))
    assert policy_of(world, "network-edge").content == DENY
    running.clock(before.replace(month=8))
    content = policy_of(world, "network-edge").content
    running.clock(before)
    assert content != DENY


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("UpdatePolicy", {"PolicyId": "p-none0000", "Content": DENY}, "PolicyNotFoundException"),
        ("UpdatePolicy", {"Content": DENY}, "InvalidInputException"),
        (
            "UpdatePolicy",
            {"PolicyId": "p-FullAWSAccess", "Content": DENY},
            "PolicyChangesNotAllowedException",
        ),
        ("DescribePolicy", {}, "UnknownOperationException"),
    ],
)
def test_what_aws_would_refuse_is_refused(world, operation, params, code):
    with pytest.raises(Refused) as error:
        world.change(operation, params, by="")
    assert error.value.code == code


def test_a_text_that_is_too_long_or_no_json_is_refused(world):
    policy_id = policy_of(world, "network-edge").policy_id
    for content, code in (
        ("{", "MalformedPolicyDocumentException"),
        (json.dumps({"Sid": "x" * 10_240}), "ConstraintViolationException"),
    ):
        with pytest.raises(Refused) as error:
            world.change("UpdatePolicy", {"PolicyId": policy_id, "Content": content}, by="")
        assert error.value.code == code


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_control_address_changes_it_and_nobody_who_reads_can(running, world, callers):
    policy_id = policy_of(world, "network-edge").policy_id
    asked = {"operation": "UpdatePolicy", "params": {"PolicyId": policy_id, "Content": DENY}}
    assert ask(running, "POST", {**asked, "by": "Rosa Klein"})["by"] == "Rosa Klein"
    assert policy_of(world, "network-edge").content == DENY
    with pytest.raises(HTTPError) as error:
        ask(running, "POST", {"operation": "UpdatePolicy"})
    with error.value as answer:
        assert answer.code == 400
    ask(running, "DELETE", None)
    assert policy_of(world, "network-edge").content != DENY
    for caller in (callers.base, callers.hub):
        with pytest.raises(ClientError):
            caller("organizations").update_policy(PolicyId=policy_id, Content=DENY)


def ask(running, method, body):
    request = Request(
        f"{running.url}/_sandbox/organization",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def test_exemptions_come_and_go_as_their_list_says_and_cloudtrail_names_who(org):
    texts = {}
    for days in (-33, -31, -29, 0):
        moment = datetime(2026, 9, 1, 12, tzinfo=UTC) + timedelta(days=days)
        shot = history.snapshot(org, moment)
        texts[days] = next(one.content for one in shot.policies if one.name == "deny-public-s3")
    assert ["CampaignPublisher" in text for text in texts.values()] == [True, False, True, True]
    account = account_id_of(org.seed, "storefront-prod")
    assert f"arn:aws:iam::{account}:role/CampaignPublisher" in texts[0]
    policy_id = next(one.policy_id for one in shot.policies if one.name == "deny-public-s3")
    told = [
        change
        for change in org_changes.changes(
            org, seconds_of(shot.now) - 40 * DAY, seconds_of(shot.now)
        )
        if change.name == "UpdatePolicy" and change.params["policyId"] == policy_id
    ]
    assert [change.by for change in told] == ["", "Luca Ferrante"]
    assert told[-1].params["content"] == texts[-29]


def test_an_exemption_with_a_date_is_denied_again_from_that_day_on(org):
    shot = history.snapshot(org, datetime(2026, 9, 1, 12, tzinfo=UTC))
    policy = next(one for one in shot.policies if one.name == "payments-boundary")
    statements = {one["Sid"]: one for one in json.loads(policy.content)["Statement"]}
    exempt = statements["KmsDeleteWho"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"][-1]
    again = statements["KmsDeleteWhoEnds"]
    assert again["Action"] == statements["KmsDeleteWho"]["Action"]
    assert again["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": [exempt]},
        "DateGreaterThanEquals": {"aws:CurrentTime": "2026-09-27T00:00:00Z"},
    }
