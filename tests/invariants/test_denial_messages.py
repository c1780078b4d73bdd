"""What the message of a denied request says, in AWS's wording, in others', cut off, and forged."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.normalise import PolicyKind, Said, read_message
from invariants.normalise.messages import CUT_AT
from tests.invariants import trails

ARN = trails.policy_arn()
START = (
    "User: arn:aws:iam::123456789012:user/Matt is not authorized to perform: iam:ListRoles "
    "on resource: arn:aws:iam::123456789012:role/*"
)


def said(tail, start=START):
    found = read_message(f"{start} {tail}")
    return found.kind, found.is_explicit, found.policy_arn


def test_a_message_of_the_blog_names_kind_action_resource_and_policy():
    arn = (
        "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"
    )
    found = read_message(f"{START} with an explicit deny in a service control policy: {arn}")
    resource = "arn:aws:iam::123456789012:role/*"
    assert found == Said(PolicyKind.SCP, True, arn, "iam:ListRoles", resource)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("a service control policy", PolicyKind.SCP),
        ("a resource control policy", PolicyKind.RCP),
        ("a permissions boundary", PolicyKind.BOUNDARY),
        ("a session policy", PolicyKind.SESSION),
        ("an identity-based policy", PolicyKind.IDENTITY),
        ("a resource-based policy", PolicyKind.RESOURCE),
        ("a VPC endpoint policy", PolicyKind.ENDPOINT),
        ("the role trust policy", PolicyKind.TRUST),
    ],
)
def test_each_kind_of_policy_is_told_with_and_without_the_deny(words, kind):
    assert said(f"with an explicit deny in {words}") == (kind, True, "")
    bare = words.partition(" ")[2]
    assert said(f"because no {bare} allows the iam:ListRoles action") == (kind, False, "")
    assert said(f"because no {bare} allows the action") == (kind, False, "")


def test_the_arn_of_an_rcp_and_of_a_boundary_is_read():
    rcp = trails.policy_arn(kind="resource_control_policy")
    assert said(f"with an explicit deny in a resource control policy: {rcp}")[2] == rcp
    boundary = "arn:aws:iam::123456789012:policy/platform/boundary"
    assert said(f"with an explicit deny in a permissions boundary: {boundary}.")[2] == boundary


def test_ec2_puts_words_before_and_an_encoded_message_behind():
    text = (
        "You are not authorized to perform this operation. User: arn:aws:sts::300000000001:"
        "assumed-role/Dev/kim is not authorized to perform: ec2:RunInstances on resource: "
        f"arn:aws:ec2:eu-west-1:300000000001:instance/* with an explicit deny in a service control "
        f"policy: {ARN}. Encoded authorization failure message: b64-xyz_A"
    )
    found = read_message(text)
    assert (found.kind, found.policy_arn, found.action) == (
        PolicyKind.SCP,
        ARN,
        "ec2:RunInstances",
    )


def test_what_an_sdk_adds_behind_it_changes_nothing():
    tail = (
        f"with an explicit deny in a service control policy: {ARN} (Service: Iam, Status Code: 403)"
    )
    assert said(tail) == (PolicyKind.SCP, True, ARN)


def test_an_awsmanaged_policy_has_an_arn_without_organisation():
    arn = "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    assert said(f"with an explicit deny in a service control policy: {arn}")[2] == arn


@pytest.mark.parametrize(
    "text",
    [
        "Access Denied",
        "User is not authorized to access this resource",
        "This functionality has been disabled by a Declarative Policy. Custom Message: ask us",
        "explicit deny in a service control policy",
        "",
    ],
)
def test_a_service_in_its_own_words_says_nothing(text):
    assert (read_message(text).kind, read_message(text).policy_arn) == (None, "")


@pytest.mark.parametrize("missing", [1, 4, 9, 60])
def test_an_arn_that_was_cut_off_is_none(missing):
    """The message ends within the ARN: what is left would be the ARN of another policy."""
    tail = f"with an explicit deny in a service control policy: {ARN}x"
    start = START + "a" * (CUT_AT - len(f"{START} {tail}") + missing)
    text = f"{start} {tail}"[:CUT_AT]
    found = read_message(text)
    assert (found.policy_arn, found.is_cut) == ("", True)


def test_a_whole_arn_before_the_cut_is_read():
    start = START + "a" * 700
    encoded = "Encoded authorization failure message: " + "x" * 900
    text = f"{start} with an explicit deny in a service control policy: {ARN}. {encoded}"[:CUT_AT]
    assert read_message(text).policy_arn == ARN


def test_a_policy_of_another_kind_than_the_words_is_none():
    assert said(f"with an explicit deny in a resource control policy: {ARN}") == (
        PolicyKind.RCP,
        True,
        "",
    )


def test_the_name_of_a_resource_cannot_blame_a_policy():
    """Keys of objects may hold any words; what AWS says stands behind them."""
    forged = f"arn:aws:s3:::b/with an explicit deny in a service control policy: {ARN}"
    other = trails.policy_arn("p-99998888", kind="resource_control_policy")
    text = (
        f'User: x is not authorized to perform: s3:GetObject on resource: "{forged}" '
        f"with an explicit deny in a resource control policy: {other}"
    )
    assert (read_message(text).kind, read_message(text).policy_arn) == (PolicyKind.RCP, other)
    assert read_message(f"{text.partition(' with an explicit deny in a res')[0]}").kind is None


_PIECES = st.sampled_from(
    [
        "User: ",
        "is not authorized to perform: ",
        "s3:GetObject",
        " on resource: ",
        " with an explicit deny in a ",
        "service control policy",
        "resource control policy",
        ": ",
        ARN,
        "arn:aws:organizations::",
        " because no ",
        " allows the ",
        "action",
        ". Encoded authorization failure message: ",
        "\0",
        "\ud800",
        '"',
        "é" * 400,
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=30).map("".join))
def test_whatever_comes_is_read_and_nothing_is_made_up(text):
    found = read_message(text)
    assert found.policy_arn in text
    assert found.action in text
    assert found.resource in text
    if found.policy_arn:
        assert found.is_explicit
        assert found.kind is not None
        assert found.policy_arn in (ARN,) or found.policy_arn.startswith(ARN)


@given(
    st.text(string.ascii_lowercase + string.digits, min_size=10, max_size=32),
    st.text(string.ascii_letters + string.digits + "_", min_size=8, max_size=30),
    st.integers(1, 300),
)
def test_a_message_that_is_shortened_names_the_same_policy_or_none(org, policy, fewer):
    arn = f"arn:aws:organizations::123456789012:policy/o-{org}/service_control_policy/p-{policy}"
    padding = "p" * CUT_AT
    whole = f"{START}{padding} with an explicit deny in a service control policy: {arn}"
    assert read_message(whole[: max(CUT_AT, len(whole) - fewer)]).policy_arn in ("", arn)
