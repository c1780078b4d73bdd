"""Policies out of Terraform variables of the shape of org-kickstart."""

import json

import pytest

from invariants import catalog, imports
from invariants.catalog import RCP, SCP

TFVARS = """
organization = {
  organization_name = "halden" # and more that is not about policies
  session_duration  = "PT8H"

  service_control_policies = {
    leave = {
      policy_name        = "DenyLeaving"
      policy_description = "No account leaves"
      policy_json_file   = "policies/leave.json"
      # no targets: the root
    }
    regions = {
      policy_name        = "DenyRegions"
      policy_description = "Approved Regions only"
      policy_json_file   = "policies/regions.json.tftpl"
      policy_targets     = ["Workloads", "Sandbox", "Root"]
      policy_vars = {
        allowed_regions = ["eu-central-1", "eu-west-1"]
        audit_role_name = "security-audit"
      }
    }
  }

  resource_control_policies = {
    s3 = {
      policy_name        = "S3Perimeter"
      policy_description = "Our identities only"
      policy_json_file   = "policies/s3.json.tftpl"
      policy_vars        = { org_id = "o-exampleorg1" }
    }
  }

  declarative_policies = {
    images = {
      policy_name        = "Block_Public_AMIs"
      policy_description = "No public images"
      policy_type        = "DECLARATIVE_POLICY_EC2"
      policy_json_file   = "policies/images.json"
      do_not_attach      = true
    }
  }
}
backend_bucket = "state"
"""
REGIONS = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Sid": "Regions", "Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
    "Condition": {
      "StringNotEquals": {"aws:RequestedRegion": ${jsonencode(allowed_regions)}},
      "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/${audit_role_name}"]}
    }
  }]
}"""
S3 = """{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
    "Condition": {
      "StringNotEquals": {
        "aws:PrincipalOrgID": "${org_id}",
        "aws:ResourceAccount": "$${aws:PrincipalAccount}"
      },
      "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}
    }
  }]
}"""
FILES = {
    "policies/leave.json": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
            ],
        }
    ),
    "policies/regions.json.tftpl": REGIONS,
    "policies/s3.json.tftpl": S3,
    "policies/images.json": json.dumps(
        {
            "ec2_attributes": {
                "image_block_public_access": {"state": {"@@assign": "block_new_sharing"}}
            }
        }
    ),
}
BROKEN_BY_A_QUOTE = """service_control_policies = { a = {
  policy_json_file = "policies/s3.json.tftpl"
  policy_vars      = { org_id = "\\"" }
} }"""


def read_file(name):
    if name not in FILES:
        raise FileNotFoundError(2, "No such file or directory", name)
    return FILES[name]


def drafts(text=TFVARS, **options):
    return {draft.id: draft for draft in imports.from_tfvars(text, read_file, **options)}


def test_every_policy_becomes_a_draft_with_an_id_of_its_own():
    assert list(drafts()) == ["deny-leaving", "deny-regions", "s3-perimeter", "block-public-amis"]


def test_an_id_that_is_taken_gets_a_number():
    assert "deny-leaving-2" in drafts(taken=["deny-leaving"])


def test_the_types_are_awss():
    assert [draft.data["type"] for draft in drafts().values()] == [
        SCP,
        SCP,
        RCP,
        "DECLARATIVE_POLICY_EC2",
    ]


def test_no_target_means_the_root_and_targets_are_ous():
    found = drafts()
    assert found["deny-leaving"].data["targets"] == {"root": True}
    assert found["deny-regions"].data["targets"] == {"root": True, "ous": ["Workloads", "Sandbox"]}
    assert found["block-public-amis"].data["targets"] == {}


def test_templates_are_filled_in():
    condition = drafts()["deny-regions"].data["policy"]["Statement"][0]["Condition"]
    assert condition == {
        "StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]},
        "ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/security-audit"]},
    }


def test_an_escaped_variable_of_iam_stays_one():
    condition = drafts()["s3-perimeter"].data["policy"]["Statement"][0]["Condition"]
    assert condition["StringNotEquals"]["aws:ResourceAccount"] == "${aws:PrincipalAccount}"
    assert condition["StringNotEquals"]["aws:PrincipalOrgID"] == "o-exampleorg1"


def test_what_is_written_loads_as_a_catalogue(tmp_path):
    for draft in drafts().values():
        (tmp_path / draft.file_name).write_text(draft.text, encoding="utf-8")
    loaded = catalog.read_folders([tmp_path])
    assert [invariant.draft for invariant in loaded] == [True] * 4


def test_maps_at_the_top_are_read_as_well():
    text = (
        'service_control_policies = { a = { policy_name = "A", '
        'policy_json_file = "policies/leave.json" } }'
    )
    assert list(drafts(text)) == ["a"]


def test_a_file_without_policies_gives_none():
    assert drafts('organization = { organization_name = "halden" }') == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("organization = {", "no valid HCL"),
        ("service_control_policies = 3", "is no map of policies"),
        ('service_control_policies = { a = { policy_name = "A" } }', "a names no policy_json_file"),
        (
            'service_control_policies = { a = { policy_json_file = "gone.json" } }',
            "gone.json cannot be read",
        ),
        (
            'service_control_policies = { a = { policy_json_file = "policies/s3.json.tftpl" } }',
            "policy_vars has no org_id",
        ),
        (
            BROKEN_BY_A_QUOTE,
            "is no JSON, line",
        ),
    ],
)
def test_what_cannot_be_read_is_told(text, message):
    with pytest.raises(imports.NotImportable, match=message):
        drafts(text)


def test_directives_of_templates_have_to_be_rendered_before(monkeypatch):
    monkeypatch.setitem(FILES, "d.tftpl", "%{ for r in regions }${r}%{ endfor }")
    with pytest.raises(imports.NotImportable, match="render it first"):
        drafts('service_control_policies = { a = { policy_json_file = "d.tftpl" } }')
