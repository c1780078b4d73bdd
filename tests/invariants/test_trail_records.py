"""Records of CloudTrail: who called, about which account, and what is no denial at all."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants.normalise import (
    Change,
    Denied,
    Other,
    PolicyKind,
    Unreadable,
    read_record,
)
from invariants.normalise.records import principal_of
from tests.invariants import trails

ID = UUID("aaaaaaaa-0000-4000-8000-000000000001")


def test_a_denial_says_who_what_where_and_when():
    found = read_record(trails.record(event_id=ID))
    assert isinstance(found, Denied)
    assert (found.event_id, found.at) == (ID, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    assert (found.principal, found.account_id) == (trails.role_arn(), trails.ACCOUNT)
    assert (found.action, found.said.kind) == ("iam:CreateUser", PolicyKind.SCP)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "AccessDeniedException",
        "Client.UnauthorizedOperation",
        "UnauthorizedOperation",
        "AuthorizationError",
        "AuthorizationErrorException",
        "KMS.AccessDeniedException",
        "NotAuthorizedException",
    ],
)
def test_services_name_a_denial_differently(code):
    assert isinstance(read_record(trails.record(errorCode=code)), Denied)


@pytest.mark.parametrize(
    "changes",
    [
        {"errorCode": None, "errorMessage": None},
        {"errorCode": "NoSuchEntityException", "errorMessage": "The user cannot be found."},
        {"errorCode": "ThrottlingException", "errorMessage": "Rate exceeded"},
    ],
)
def test_what_succeeded_or_failed_otherwise_is_no_denial(changes):
    assert isinstance(read_record(trails.record(**changes)), Other)


def test_the_copies_that_two_accounts_got_are_one_event():
    shared = str(ID)
    one = read_record(trails.record(sharedEventID=shared))
    other = read_record(trails.record(sharedEventID=shared, recipientAccountId="300000000002"))
    assert one.event_id == other.event_id == ID


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        (trails.identity(), trails.role_arn()),
        (
            {"type": "AssumedRole", "arn": "arn:aws:sts::300000000001:assumed-role/Dev/kim"},
            "arn:aws:sts::300000000001:assumed-role/Dev",
        ),
        (
            {"type": "IAMUser", "arn": "arn:aws:iam::300000000001:user/a/kim"},
            "arn:aws:iam::300000000001:user/a/kim",
        ),
        ({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com"),
        (
            {"type": "AWSAccount", "accountId": "300000000009", "principalId": "AROAX:session"},
            "AROAX",
        ),
        ({"type": "AWSAccount", "accountId": "anonymous"}, "anonymous"),
        ({}, "anonymous"),
    ],
)
def test_a_principal_is_never_a_session(identity, principal):
    assert principal_of(identity) == principal


def test_an_rcp_is_about_the_account_of_the_resource():
    text = trails.message(
        action="s3:GetObject",
        resource='"arn:aws:s3:::lake/x"',
        kind="a resource control policy",
        arn=trails.policy_arn(kind="resource_control_policy"),
    )
    resources = [
        {"type": "AWS::S3::Bucket", "accountId": "300000000007", "ARN": "arn:aws:s3:::lake"}
    ]
    assert read_record(trails.record(errorMessage=text, resources=resources)).account_id == (
        "300000000007"
    )
    assert read_record(trails.record(errorMessage=text)).account_id == trails.ACCOUNT


def test_a_call_without_an_action_in_its_message_is_named_as_no_action_is():
    found = read_record(trails.record(errorMessage="Access Denied"))
    assert (found.action, found.said.kind) == ("CreateUser (iam.amazonaws.com)", None)


def test_a_change_of_the_organisation_is_told_with_who_made_it():
    found = read_record(trails.change("AttachPolicy", targetId="ou-ab12-11111111"))
    assert isinstance(found, Change)
    assert (found.name, found.policy_id, found.target_id) == (
        "AttachPolicy",
        "p-a1b2c3d4",
        "ou-ab12-11111111",
    )
    assert found.by_arn == trails.role_arn("OrgAdmin", trails.MANAGEMENT)


def test_a_new_policy_has_its_id_in_the_answer_and_its_text_in_the_request():
    made = trails.change("CreatePolicy", content='{"Version":"2012-10-17"}', type="TAG_POLICY")
    del made["requestParameters"]["policyId"]
    made["responseElements"] = {"policy": {"policySummary": {"id": "p-new00001"}}}
    found = read_record(made)
    assert (found.policy_id, found.policy_type) == ("p-new00001", "TAG_POLICY")
    assert found.content == '{"Version":"2012-10-17"}'


def test_a_change_that_was_refused_is_none():
    assert isinstance(read_record(trails.change() | {"errorCode": "AccessDenied"}), Denied)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"eventID": "not-a-guid"}, "eventID is no GUID"),
        ({"eventID": None}, "eventID is no GUID"),
        ({"eventTime": "yesterday"}, "eventTime is no time"),
        ({"eventTime": 7}, "eventTime is no time"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "eventTime is no time"),
    ],
)
def test_a_record_without_id_or_time_is_refused_by_name(changes, words):
    with pytest.raises(Unreadable, match=words):
        read_record(trails.record(**changes))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = st.sampled_from([*trails.record(), "resources", "sharedEventID", "arn", "accountId"])


@given(st.dictionaries(_FIELDS, _JSON, max_size=8))
def test_whatever_a_record_holds_it_is_read_or_refused(changes):
    try:
        found = read_record(trails.record() | changes)
    except Unreadable:
        return
    assert found.at.tzinfo is not None
    if isinstance(found, Denied):
        found.principal.encode()
        assert found.account_id == "" or len(found.account_id) == 12
