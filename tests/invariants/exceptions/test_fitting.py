"""Whether a carve-out is what was asked for: one row a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.policies.exceptions.fitting import Asked, Fit, fit, matches

HOME, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{HOME}:role/Deployer"


def asked(mechanism, **details):
    return Asked("EX-0001", mechanism, frozenset({"kms-delete"}), frozenset({HOME}), **details)


def carved(mechanism, key, value, operator="ArnNotLike", **more):
    found = {"mechanism": mechanism, "key": key, "value": value, "operator": operator}
    return found | more


ARN = "aws:PrincipalArn"
CASES = [
    # Principals.
    ("b", {"principals": (ROLE,)}, carved("b", ARN, ROLE), Fit.WITHIN),
    (
        "b",
        {"principals": (ROLE,)},
        carved("b", ARN, "arn:aws:iam::{account}:role/Deployer"),
        Fit.WITHIN,
    ),
    (
        "b",
        {"principals": (ROLE,)},
        carved("f", ARN, ROLE, until="2027-01-01T00:00:00Z"),
        Fit.WITHIN,
    ),
    ("b", {"principals": (ROLE,)}, carved("b", ARN, "arn:aws:iam::*:role/Deployer"), Fit.WIDER),
    ("b", {"principals": (ROLE,)}, carved("b", ARN, f"arn:aws:iam::{HOME}:role/Other"), Fit.NONE),
    (
        "b",
        {"principals": (ROLE,)},
        carved("b", ARN, "anything but arn:aws:iam::*:role/Bad"),
        Fit.WIDER,
    ),
    (
        "b",
        {"principals": (ROLE,)},
        carved("b", ARN, "anything but arn:aws:iam::*:role/*"),
        Fit.NONE,
    ),
    ("b", {"principals": (ROLE,)}, carved("d", "aws:RequestedRegion", "us-east-1"), Fit.NONE),
    ("f", {"principals": (ROLE,)}, carved("b", ARN, ROLE), Fit.NONE),
    # Tags: the name of a tag is not told apart by case, its value is.
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:PrincipalTag/Exempt", "yes", "StringNotEquals"),
        Fit.WITHIN,
    ),
    (
        "c",
        {"tags": ("a/tag/exempt=yes=no",)},
        carved("c", "aws:ResourceTag/a/tag/exempt", "yes=no", "StringNotEquals"),
        Fit.WITHIN,
    ),
    # Who tags a resource is not who tags a principal.
    (
        "c",
        {"tags": ("exempt=yes",)},
        carved("c", "aws:PrincipalTag/exempt", "yes", "StringNotEquals"),
        Fit.NONE,
    ),
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:ResourceTag/exempt", "yes", "StringNotEquals"),
        Fit.NONE,
    ),
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:TagKeys", "exempt", "ForAnyValue:StringNotEquals"),
        Fit.NONE,
    ),
    # Principals by ARN and by tag stand in one condition, whichever way was asked for.
    (
        "c",
        {"principal_tags": ("exempt=yes",), "principals": (ROLE,)},
        carved("b", ARN, ROLE),
        Fit.WITHIN,
    ),
    (
        "b",
        {"principal_tags": ("exempt=yes",), "principals": (ROLE,)},
        carved("c", "aws:PrincipalTag/exempt", "yes", "StringNotEquals"),
        Fit.WITHIN,
    ),
    (
        "f",
        {"principal_tags": ("exempt=yes",)},
        carved("f", "aws:PrincipalTag/exempt", "yes", "StringNotEquals", until="2027-01-01"),
        Fit.WITHIN,
    ),
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:PrincipalTag/exempt", "*", "StringNotLike"),
        Fit.WIDER,
    ),
    (
        "c",
        {"tags": ("exempt=yes",)},
        carved("c", "aws:ResourceTag/exempt", "YES", "StringNotEquals"),
        Fit.NONE,
    ),
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:PrincipalTag/other", "yes", "StringNotEquals"),
        Fit.NONE,
    ),
    (
        "c",
        {"principal_tags": ("exempt=yes",)},
        carved("c", "aws:PrincipalTag/exempt", "true", "Null"),
        Fit.WIDER,
    ),
    # Values.
    ("d", {"regions": ("us-east-1",)}, carved("d", "aws:RequestedRegion", "us-east-1"), Fit.WITHIN),
    ("d", {"regions": ("us-east-1",)}, carved("d", "aws:RequestedRegion", "us-*"), Fit.WIDER),
    ("d", {"regions": ("us-east-1",)}, carved("d", "aws:RequestedRegion", "us-west-2"), Fit.NONE),
    (
        "d",
        {"actions": ("iam:CreateUser",)},
        carved("d", "Action", "iam:createuser", "NotAction"),
        Fit.WITHIN,
    ),
    ("d", {"actions": ("iam:CreateUser",)}, carved("d", "Action", "iam:*", "NotAction"), Fit.WIDER),
    (
        "d",
        {"resources": ("arn:aws:s3:::lake-*",)},
        carved("d", "Resource", "arn:aws:s3:::lake-one", "NotResource"),
        Fit.WITHIN,
    ),
    (
        "d",
        {"resources": ("arn:aws:s3:::lake-one",)},
        carved("d", "Resource", "arn:aws:s3:::*", "NotResource"),
        Fit.WIDER,
    ),
    # An account as a whole may have any of its kind; what names others is wider.
    ("d", {}, carved("d", "aws:RequestedRegion", "us-east-1"), Fit.WITHIN),
    ("b", {"resources": ("arn:aws:s3:::lake-one",)}, carved("b", ARN, ROLE), Fit.WIDER),
    # Another OU, and a policy further down, are what they are.
    ("a", {}, {"mechanism": "a", "value": "EXCEPTIONS"}, Fit.WITHIN),
    ("e", {}, carved("e", "opt_out_policy.@@assign", "optIn"), Fit.WITHIN),
    ("e", {}, carved("b", ARN, ROLE), Fit.NONE),
    ("", {}, carved("b", ARN, ROLE), Fit.NONE),
]


@pytest.mark.parametrize(("mechanism", "details", "carve_out", "expected"), CASES)
def test_a_carve_out_fits(mechanism, details, carve_out, expected):
    assert fit(asked(mechanism, **details), carve_out, HOME) is expected


@pytest.mark.parametrize(("mechanism", "details", "carve_out", "expected"), CASES)
def test_nothing_fits_in_an_account_that_was_not_asked_for(mechanism, details, carve_out, expected):
    assert fit(asked(mechanism, **details), carve_out, OTHER) is Fit.NONE


def test_a_principal_is_looked_for_in_its_own_account_alone():
    two = Asked(
        "EX-0001", "b", frozenset({"kms-delete"}), frozenset({HOME, OTHER}), principals=(ROLE,)
    )
    assert two.concerns(HOME)
    assert not two.concerns(OTHER)
    assert fit(two, carved("b", ARN, "arn:aws:iam::*:role/Deployer"), OTHER) is Fit.NONE
    # From outside: then it is everywhere that it may come in.
    outside = Asked(
        "EX-0001",
        "b",
        frozenset({"s3-org"}),
        frozenset({HOME, OTHER}),
        principals=("arn:aws:iam::999999999999:role/Partner",),
    )
    assert outside.concerns(HOME) and outside.concerns(OTHER)


@given(st.text("ab*?.", max_size=8), st.text("ab.\n", max_size=8))
def test_patterns_are_those_of_aws(pattern, text):
    """As a search that tries everything has it."""

    def tried(left, right):
        if not left:
            return not right
        if left[0] == "*":
            return tried(left[1:], right) or (bool(right) and tried(left, right[1:]))
        return bool(right) and left[0] in ("?", right[0]) and tried(left[1:], right[1:])

    assert matches(pattern, text) is tried(pattern, text)


def test_a_pattern_of_many_stars_is_not_tried_in_every_way():
    assert not matches("*a" * 400 + "*b", "a" * 2048)
    assert matches("*a" * 400 + "*", "a" * 2048)
