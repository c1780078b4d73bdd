"""The roles of deploy/aws grant exactly what docs/iam-policy.json says."""

import json
from pathlib import Path

import pytest
import yaml

from deploy.cloudformation import PARAMETERS, POLICY, ROOT, TEMPLATES, render

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


@pytest.mark.parametrize("key", TEMPLATES)
def test_the_policy_of_the_template_is_the_published_one(key):
    (policy,) = role(key)["Policies"]
    assert with_examples(policy["PolicyDocument"]) == POLICIES[key]


@pytest.mark.parametrize("key", TEMPLATES)
def test_the_role_asks_for_the_external_id(key):
    (statement,) = role(key)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"]["sts:ExternalId"] == {"Ref": "ExternalId"}
    assert statement["Principal"]["AWS"] != "*"


def test_the_names_of_the_roles_are_those_that_the_product_expects():
    assert template("hub")["Parameters"]["MemberRoleName"]["Default"] == "ParapetMemberRead"
    assert template("member")["Parameters"]["RoleName"]["Default"] == "ParapetMemberRead"
    example = Path(ROOT / ".env.example").read_text()
    assert "#POSTURE_MEMBER_ROLE_NAME=ParapetMemberRead\n" in example


def test_every_published_policy_but_the_optional_one_has_a_template():
    assert POLICIES.keys() - {"management"} == TEMPLATES.keys()


def test_rendering_twice_changes_nothing():
    for key, name in TEMPLATES.items():
        text = (ROOT / "deploy" / "aws" / name).read_text()
        assert render(text, POLICIES[key]) == text
