"""Print, smallest size, canonical form, and the keys that a policy reads."""

import json

import pytest

from invariants.engine import (
    PolicySyntaxError,
    canonical,
    canonical_management,
    document,
    fingerprint,
    keys_read,
    minified,
    minified_size,
    parse,
    print_policy,
)
from tests.invariants.engine import written

CONDITION = {
    "StringLike": {"aws:PrincipalTag/Team": ["b", "a"]},
    "Bool": {"aws:SecureTransport": "false"},
}
STATEMENT = {
    "Sid": "Name",
    "Effect": "Deny",
    "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": "*",
    "Condition": CONDITION,
}
OTHER = written.deny("ec2:*")


def of(*statements, **more):
    return parse({"Version": "2012-10-17", "Statement": list(statements)} | more)


def test_a_policy_is_printed_as_aws_writes_it():
    policy = of(STATEMENT, Id="é")
    text = print_policy(policy)
    assert text.startswith('{"Version":"2012-10-17","Id":"é","Statement":[{"Sid":"Name",')
    assert json.loads(text) == document(policy)
    assert document(policy)["Statement"][0] == STATEMENT
    assert parse(print_policy(policy, indent=2)) == policy


@pytest.mark.parametrize(
    "same",
    [
        [OTHER, STATEMENT],
        [STATEMENT, OTHER, STATEMENT],
        [STATEMENT | {"Sid": "Other"}, OTHER | {"Sid": "Third"}],
        [STATEMENT | {"Action": ["S3:putobject", "s3:GetObject", "s3:getObject"]}, OTHER],
        [STATEMENT | {"Resource": ["*"]}, OTHER],
        [
            STATEMENT
            | {
                "Condition": {
                    "bool": {"AWS:SecureTransport": [False]},
                    "StringLike": {"aws:principaltag/team": ["a", "b", "a"]},
                }
            },
            OTHER,
        ],
    ],
)
def test_order_case_repetition_and_single_values_make_no_difference(same):
    assert fingerprint(of(*same)) == fingerprint(of(STATEMENT, OTHER))
    assert canonical(of(*same)) == canonical(of(STATEMENT, OTHER))


@pytest.mark.parametrize(
    "changed",
    [
        STATEMENT | {"Effect": "Allow"},
        STATEMENT | {"Action": "s3:GetObject"},
        STATEMENT | {"Resource": "arn:aws:s3:::A"},
        STATEMENT | {"Condition": {}},
        STATEMENT | {"Condition": CONDITION | {"Null": {"a:b": "true"}}},
        STATEMENT | {"Condition": CONDITION | {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_what_changes_the_meaning_changes_the_fingerprint(changed):
    assert fingerprint(of(changed, OTHER)) != fingerprint(of(STATEMENT, OTHER))


def test_values_and_resources_keep_their_case_in_the_canonical_form():
    policies = [of(written.deny(resource=f"arn:aws:s3:::{name}")) for name in ("a", "A")]
    assert fingerprint(policies[0]) != fingerprint(policies[1])


def test_negation_and_version_are_part_of_the_canonical_form():
    negated = {"Effect": "Deny", "NotAction": "ec2:*", "Resource": "*"}
    assert fingerprint(of(negated)) != fingerprint(of(OTHER))
    assert fingerprint(parse({"Statement": OTHER})) != fingerprint(of(OTHER))
    old = parse({"Statement": OTHER, "Version": "2008-10-17"})
    assert fingerprint(parse({"Statement": OTHER})) == fingerprint(old)


def test_everyone_is_everyone_in_either_way_of_writing():
    one, other = (of(OTHER | {"Principal": who}) for who in ("*", {"AWS": ["*"]}))
    assert fingerprint(one) == fingerprint(other)
    account = of(OTHER | {"Principal": {"Service": "b", "AWS": ["2", "1"]}})
    swapped = of(OTHER | {"Principal": {"AWS": ["1", "2"], "Service": ["b"]}})
    assert fingerprint(account) == fingerprint(swapped) != fingerprint(one)


def test_the_smallest_text_keeps_what_is_written_but_for_white_space():
    text = '{ "Version" : "2012-10-17",\n\t"Statement": [ {"Sid": "a  \\" b", "Action": ["a:B"] } ] }\n'
    smallest = '{"Version":"2012-10-17","Statement":[{"Sid":"a  \\" b","Action":["a:B"]}]}'
    assert minified(text) == smallest
    assert minified_size(text) == len(smallest)
    assert minified(json.loads(text)) == smallest


def test_an_escape_counts_as_it_is_written_and_a_letter_once():
    assert minified_size('{"a": "\\u00e9"}') == 14
    assert minified_size('{"a": "é"}') == 9
    assert minified_size({"a": "é"}) == 9
    assert minified_size('{"a": 1.50}') == 10


def test_a_policy_is_measured_as_it_is_printed():
    policy = of(STATEMENT)
    assert minified_size(policy) == len(print_policy(policy))


@pytest.mark.parametrize("source", ["[]", "{", '{"a": ' * 60 + "1" + "}" * 60])
def test_what_is_no_policy_has_no_size(source):
    with pytest.raises(PolicySyntaxError):
        minified_size(source)


def test_keys_and_variables_are_named_once_as_first_written():
    policy = of(
        written.deny(
            resource=["arn:aws:s3:::${aws:PrincipalAccount}/*", "arn:aws:s3:::${Account}"],
            condition={
                "StringEquals": {"aws:ResourceTag/Team": "${AWS:PrincipalTag/Team, 'x'}"},
                "NumericEquals": {"s3:max-keys": "${aws:EpochTime}"},
            },
        ),
        written.deny(condition={"Null": {"aws:principaltag/team": "true"}}),
    )
    assert keys_read(policy) == (
        "aws:PrincipalAccount",
        "AWS:PrincipalTag/Team",
        "aws:ResourceTag/Team",
        "s3:max-keys",
    )


def test_of_an_old_policy_only_the_condition_keys_are_read():
    statement = written.deny(
        resource="arn:aws:s3:::${aws:username}",
        condition={"StringEquals": {"a:b": "${aws:userid}"}},
    )
    assert keys_read(parse({"Statement": statement})) == ("a:b",)
    assert keys_read(of(OTHER)) == ()


def test_management_policies_are_compared_without_order_and_white_space():
    one = '{"b": {"@@assign": [2, 1]},\n "a": {"@@append": ["y", "x", "y"]}}'
    other = {"a": {"@@append": ["x", "y"]}, "b": {"@@assign": [1, 2.0]}}
    assert canonical_management(one) == canonical_management(other)
    assert canonical_management(one) != canonical_management({"a": {"@@append": ["x"]}})
    with pytest.raises(PolicySyntaxError):
        canonical_management("[]")
