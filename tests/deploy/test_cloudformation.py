"""The roles of deploy/aws grant exactly what docs/iam-policy.json says."""

import json
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from deploy.cloudformation import PARAMETERS, POLICY, ROOT, TEMPLATES, render
from findings.sources import event_queue
from invariants.normalise import messages, records
from inventory.aws import permissions

POLICIES = json.loads(POLICY.read_text())


def template(key):
    return yaml.safe_load((ROOT / "deploy" / "aws" / TEMPLATES[key]).read_text())


def role(key):
    (only,) = template(key)["Resources"].values()
    return only["Properties"]


def with_examples(node):
    """The policy of a template with the examples of docs/iam-policy.json for its parameters."""
    for example, parameter in PARAMETERS.items():
        if node == parameter:
            return example
    if isinstance(node, dict):
        return {key: with_examples(value) for key, value in node.items()}
    if isinstance(node, list):
        return [with_examples(value) for value in node]
    return node


ROLES = [key for key in TEMPLATES if key != "events"]


@pytest.mark.parametrize("key", ROLES)
def test_the_policy_of_the_template_is_the_published_one(key):
    (policy,) = role(key)["Policies"]
    assert with_examples(policy["PolicyDocument"]) == POLICIES[key]


def test_the_hub_role_gets_the_published_policy_for_its_queue():
    resources = template("events")["Resources"]
    granted = resources["HubMayRead"]["Properties"]
    assert with_examples(granted["PolicyDocument"]) == POLICIES["events"]
    assert granted["Roles"] == [{"Ref": "HubRoleName"}]


def test_only_the_rule_may_fill_the_queue_and_nobody_without_tls():
    allow, deny = template("events")["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    rule, denied_rule = ({"Fn::GetAtt": [name, "Arn"]} for name in ("Rule", "DeniedRule"))
    assert allow["Condition"]["ArnEquals"] == {
        "aws:SourceArn": {"Fn::If": ["HasDenials", [rule, denied_rule], rule]}
    }
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_queue_holds_messages_for_as_long_as_its_reader_asks():
    queue = template("events")["Resources"]["Queue"]["Properties"]
    assert queue["VisibilityTimeout"] == event_queue.HOLD_SECONDS
    assert queue["ReceiveMessageWaitTimeSeconds"] == event_queue.LONG_POLL_SECONDS
    assert (
        template("events")["Parameters"]["QueueName"]["Default"]
        == (permissions.QUEUE_ARN.rpartition(":")[2])
    )


def test_only_accounts_of_the_organisation_may_send_denied_requests():
    resources = template("events")["Resources"]
    statement = resources["BusPolicy"]["Properties"]["Statement"]
    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
    }
    for name in ("Bus", "BusPolicy", "DeniedRule"):
        assert resources[name]["Condition"] == "HasDenials"


def test_the_rules_send_what_is_read_and_their_role_may_do_nothing_else():
    resources = yaml.safe_load((ROOT / "deploy" / "aws" / "denied-requests.yaml").read_text())[
        "Resources"
    ]
    changes = resources["PolicyChanges"]["Properties"]["EventPattern"]
    assert set(changes["detail"]["eventName"]) == records.CHANGES
    denied = resources["Denied"]["Properties"]["EventPattern"]
    kinds = [settings.POSTURE_EVENT_TAKERS, {*denied["detail-type"]}, {*changes["detail-type"]}]
    assert all(set(kind) == {"AWS API Call via CloudTrail"} for kind in kinds)
    for pattern in denied["detail"]["errorMessage"]:
        words = pattern["wildcard"].strip("*")
        end = " the s3:GetObject action" if words.startswith("because") else ""
        assert messages.read_message(f"{words}{end}").kind is not None
    (policy,) = resources["Sender"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", {"Ref": "BusArn"})


@pytest.mark.parametrize("key", ROLES)
def test_the_role_asks_for_the_external_id(key):
    (statement,) = role(key)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"]["sts:ExternalId"] == {"Ref": "ExternalId"}
    assert statement["Principal"]["AWS"] != "*"


def test_the_names_of_the_roles_are_those_that_the_product_expects():
    assert template("hub")["Parameters"]["MemberRoleName"]["Default"] == "ParapetMemberRead"
    assert template("member")["Parameters"]["RoleName"]["Default"] == "ParapetMemberRead"
    management = template("hub")["Parameters"]["ManagementRoleName"]["Default"]
    assert template("management")["Parameters"]["RoleName"]["Default"] == management
    example = Path(ROOT / ".env.example").read_text()
    assert "#POSTURE_MEMBER_ROLE_NAME=ParapetMemberRead\n" in example


def test_every_published_policy_has_a_template():
    assert POLICIES.keys() == TEMPLATES.keys()


def test_rendering_twice_changes_nothing():
    for key, name in TEMPLATES.items():
        text = (ROOT / "deploy" / "aws" / name).read_text()
        assert render(text, POLICIES[key]) == text
