"""From a probe to a request: what is said, what is ordinary, and what stays unknown."""

import pytest

from invariants import engine
from invariants.catalog import Probe, StateOf, Surroundings, localised, probe_request

AROUND = Surroundings(
    organization_id="o-ours",
    member_account="111122223333",
    own_accounts=frozenset({"111122223333", "222233334444"}),
    region="eu-central-1",
)


def request(reads=(), **changes):
    probe = Probe(
        **{
            "name": "A probe",
            "action": "s3:GetObject",
            "principal": "arn:aws:iam::*:role/Developer",
            "resource": "arn:aws:s3:::bucket/key",
            **changes,
        }
    )
    return probe_request(probe, AROUND, reads=reads)


def state(key, **changes):
    made = request(reads=[key], **changes)
    return made.states.get(key.lower(), engine.UNKNOWN_STATE)


def test_a_star_stands_for_the_member_account():
    assert request().principal.account_id == "111122223333"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/*"),
        ("arn:aws:logs:*:*:log-group:a", "arn:aws:logs:eu-west-1:111122223333:log-group:a"),
        ("arn:aws:bedrock:*::model/a", "arn:aws:bedrock:eu-west-1::model/a"),
        ("arn:aws:s3:::*", "arn:aws:s3:::*"),
        ("*", "*"),
    ],
)
def test_a_star_for_region_or_account_is_filled_in(text, expected):
    assert localised(text, "111122223333", "eu-west-1") == expected


def test_the_resource_belongs_to_the_account_of_its_arn_or_to_the_caller():
    queue = "arn:aws:sqs:eu-west-1:222233334444:q"
    assert request(resource=queue).resource_account_id == "222233334444"
    assert request().resource_account_id == "111122223333"
    assert request(resource_account="987654321098").resource_account_id == "987654321098"


def test_our_own_callers_and_resources_carry_our_organisation():
    assert state("aws:PrincipalOrgID") == engine.present("o-ours")
    assert state("aws:ResourceOrgID") == engine.present("o-ours")


def test_a_stranger_has_another_organisation_or_none():
    stranger = "arn:aws:iam::987654321098:role/X"
    found = state("aws:PrincipalOrgID", principal=stranger)
    assert isinstance(found, engine.OneOf)
    assert engine.present("o-ours") not in found.states


def test_an_anonymous_caller_has_no_organisation():
    assert request(principal="*").principal is engine.ANONYMOUS
    assert state("aws:PrincipalOrgID", principal="*") == engine.ABSENT


def test_a_service_has_no_role_and_may_say_for_whom_it_acts():
    service = "cloudtrail.amazonaws.com"
    assert state("aws:PrincipalArn", principal=service) == engine.ABSENT
    assert state("aws:SourceAccount", principal=service) == engine.UNKNOWN_STATE
    assert state("aws:SourceAccount") == engine.ABSENT


@pytest.mark.parametrize(
    ("changes", "region"),
    [
        ({"resource": "arn:aws:sqs:eu-west-1:222233334444:q", "action": "sqs:X"}, "eu-west-1"),
        ({"resource": "*", "action": "iam:ListRoles"}, "us-east-1"),
        ({"resource": "*", "action": "ec2:DescribeInstances"}, "eu-central-1"),
    ],
)
def test_the_region_is_that_of_the_resource_of_the_service_or_an_approved_one(changes, region):
    assert state("aws:RequestedRegion", **changes) == engine.present(region)


def test_what_the_probe_says_wins():
    said = {"aws:RequestedRegion": "sa-east-1", "aws:SourceVpc": StateOf(state="ABSENT")}
    assert state("aws:RequestedRegion", context=said) == engine.present("sa-east-1")
    assert state("aws:SourceVpc", context=said) == engine.ABSENT


def test_a_value_may_be_one_of_several():
    said = {"aws:SourceIp": StateOf(one_of=("10.0.0.1", "10.0.0.2"))}
    assert state("aws:SourceIp", context=said) == engine.OneOf(
        (engine.present("10.0.0.1"), engine.present("10.0.0.2"))
    )


def test_tags_that_nobody_mentions_are_absent():
    assert state("aws:ResourceTag/secret") == engine.ABSENT
    assert state("aws:PrincipalTag/team") == engine.ABSENT


def test_keys_of_other_services_are_absent_and_of_its_own_unknown():
    assert state("kms:ViaService") == engine.ABSENT
    assert state("s3:prefix") == engine.UNKNOWN_STATE
    provider = "token.actions.githubusercontent.com:sub"
    assert state(provider) == engine.ABSENT
    web = {"action": "sts:AssumeRoleWithWebIdentity", "resource": "*"}
    assert state(provider, **web) == engine.UNKNOWN_STATE


def test_other_global_keys_stay_unknown():
    assert state("aws:SourceIp") == engine.UNKNOWN_STATE
    assert state("aws:MultiFactorAuthPresent") == engine.UNKNOWN_STATE
