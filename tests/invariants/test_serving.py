"""Which invariants a denial was for: by the statements of the policy that deny such a request."""

import json

import pytest

from invariants.ingest import trail
from invariants.models import Denial, DenialServes, TrailFeed
from invariants.rollups import serving
from tests import factories as make
from tests.fixtures import invariant_pages as rows
from tests.invariants import counted, trails

pytestmark = pytest.mark.django_db
NOW = make.NOW
USERS = {
    "Sid": "NoUsers",
    "Effect": "Deny",
    "Action": ["iam:CreateUser", "iam:CreateAccessKey"],
    "Resource": "*",
    "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/platform"}},
}
REGIONS = {
    "Effect": "Deny",
    "NotAction": ["sts:*"],
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
}
LEAVING = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}


def policy(*statements, policy_id="p-a1b2c3d4", **changes):
    content = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    row = make.policy(target="r-ab12", policy_id=policy_id, content=content, **changes).policy
    row.content_hash = content.encode()[-32:]
    row.save()
    return row


def serve(key, *places):
    """An invariant whose proof says that these statements serve it."""
    invariant = rows.invariant(key)
    return counted.proof(
        invariant, evidence={"serves": [list(place) for place in places]}
    ).invariant


def deny(*records):
    trail.take(make.organization(), records, kind=TrailFeed.Kind.FILES, keep_days=200, now=NOW)
    return serving.tie(make.organization(), now=NOW)


def tied():
    found = DenialServes.objects.order_by("denial__action", "invariant__key")
    return [
        (row.denial.action, row.invariant.key, row.statement_id, row.is_certain) for row in found
    ]


def test_the_statement_that_denies_the_action_says_whose_denial_it_is():
    policy(USERS, LEAVING)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    serve("acct-leave-org", ("p-a1b2c3d4", 1))
    deny(trails.denied("iam:CreateUser"), trails.denied("organizations:LeaveOrganization"))
    assert tied() == [
        ("iam:CreateUser", "iam-no-users", "NoUsers", True),
        ("organizations:LeaveOrganization", "acct-leave-org", "statement 2", True),
    ]


def test_where_two_statements_may_have_denied_neither_is_certain():
    policy(USERS, REGIONS)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    serve("acct-regions", ("p-a1b2c3d4", 1))
    deny(trails.denied("iam:CreateUser", awsRegion="ap-south-1"))
    assert tied() == [
        ("iam:CreateUser", "acct-regions", "NoUsers", False),
        ("iam:CreateUser", "iam-no-users", "NoUsers", False),
    ]


def test_what_is_known_of_the_request_rules_statements_out():
    """The Region was an approved one, so it was not the second statement."""
    policy(USERS, REGIONS)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    serve("acct-regions", ("p-a1b2c3d4", 1))
    deny(trails.denied("iam:CreateUser", awsRegion="us-east-1"))
    assert [(key, certain) for _, key, _, certain in tied()] == [("iam-no-users", True)]


def test_a_statement_that_serves_two_invariants_is_certain_of_neither():
    policy(USERS)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    serve("iam-idp", ("p-a1b2c3d4", 0))
    deny(trails.denied("iam:CreateUser"))
    assert [certain for *_, certain in tied()] == [False, False]


@pytest.mark.parametrize(
    "changes",
    [{"content": ""}, {"content": "{"}, {"type": "TAG_POLICY"}, {"policy_id": "p-zzzzzzzz"}],
)
def test_a_policy_that_nobody_can_read_or_knows_is_tied_to_none(changes):
    row = policy(USERS)
    type(row).objects.filter(pk=row.pk).update(**changes)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    assert deny(trails.denied("iam:CreateUser")) == 1
    assert tied() == []
    assert Denial.objects.get().served_at == NOW


def test_a_policy_not_named_and_a_call_without_an_action_are_tied_to_none():
    policy(USERS)
    serve("iam-no-users", ("p-a1b2c3d4", 0))
    deny(trails.denied("iam:CreateUser", arn=""))
    assert tied() == []


def test_only_what_is_new_is_asked_until_something_changes():
    policy(USERS)
    invariant = serve("iam-no-users", ("p-a1b2c3d4", 0))
    assert deny(trails.denied("iam:CreateUser")) == 1
    assert deny(trails.denied("iam:CreateAccessKey")) == 1
    assert serving.tie(make.organization(), now=NOW) == 0
    other = serve("iam-idp", ("p-a1b2c3d4", 0))
    assert serving.tie(make.organization(), now=NOW) == 2
    assert {key for _, key, *_ in tied()} == {invariant.key, other.key}
    invariant.gone_at = NOW
    invariant.save()
    serving.tie(make.organization(), now=NOW)
    assert {key for _, key, *_ in tied()} == {other.key}
