"""AWS's tables as the linter reads them."""

from datetime import date

import pytest

from invariants import lint
from invariants.lint import actions


def names(pattern):
    return {action.name for action in actions.matching(pattern)}


def test_the_tables_have_a_date():
    assert lint.data_date() >= date(2026, 10, 27)


def test_a_name_is_found_in_any_case_and_by_pattern():
    assert names("S3:getobject") == {"s3:GetObject"}
    assert names("kms:Schedule*") == {"kms:ScheduleKeyDeletion"}
    assert "iam:CreateRole" in names("iam:Create?ole")


@pytest.mark.parametrize("pattern", ["*", "s3:NoSuchThing", "nosuchservice:*", "s3"])
def test_what_aws_does_not_have_is_nothing(pattern):
    assert names(pattern) == set()


def action(name):
    (found,) = actions.matching(name)
    return found


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("iam:CreateRole", "iam:PermissionsBoundary", True),
        ("iam:DeletePolicy", "iam:PermissionsBoundary", False),
        ("iam:DeletePolicy", "aws:PrincipalArn", True),
        ("iam:DeletePolicy", "aws:PrincipalTag/team", True),
        ("ec2:DeleteSnapshot", "aws:ResourceTag/evidence", True),
        ("s3:ListAllMyBuckets", "aws:ResourceTag/evidence", False),
        ("rds:CreateDBInstance", "rds:StorageEncrypted", True),
        ("s3:ListAllMyBuckets", "aws:TagKeys", False),
        ("sts:AssumeRoleWithWebIdentity", "token.actions.githubusercontent.com:sub", True),
    ],
)
def test_keys_are_those_of_the_action_and_of_its_resources(name, key, expected):
    assert actions.has_key(action(name), key) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("aws:TagKeys", True),
        ("aws:PrincipalOrgPaths", True),
        ("aws:CalledVia", True),
        ("aws:PrincipalArn", False),
        ("aws:ResourceTag/x", False),
        ("kms:EncryptionContextKeys", True),
        ("kms:ViaService", False),
        ("nosuch:Key", None),
    ],
)
def test_several_values_are_known_from_the_tables(key, expected):
    assert actions.is_multivalued(key) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("AWS:principalarn", "aws:PrincipalArn"),
        ("aws:resourcetag/Team", "aws:ResourceTag/Team"),
        ("KMS:viaservice", "kms:ViaService"),
        ("nosuch:Key", None),
    ],
)
def test_the_spelling_is_awss(key, expected):
    assert actions.spelling(key) == expected


def test_an_action_without_resources_is_known_as_such():
    assert not action("s3:ListAllMyBuckets").has_resources
    assert action("s3:GetObject").has_resources
