"""What exceptions in force let through is named on the drift, and counts as none where it is all of it."""

import json
from copy import deepcopy

import pytest

from invariants.evaluation.drift import finding
from invariants.evaluation.drift.records import KeptEdit
from tests.invariants.drift.pictures import LEAVE, USERS, demand, deployed, picture

ONE, OTHER = "arn:aws:iam::300000000001:role/One", "arn:aws:iam::300000000002:role/Other"
KEY = "iam-no-users"


def with_roles(*arns):
    policy = deepcopy(USERS)
    policy["Statement"][0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"] += arns
    return policy


def edit(ref, before, after, *values):
    return KeptEdit(
        ref,
        "p-users",
        pieces=({"before": before["Statement"][0], "after": [after["Statement"][0]]},),
        marks=(
            {
                "sid": "NoUsers",
                "key": "aws:PrincipalArn",
                "operator": "ArnNotLike",
                "values": list(values),
            },
        ),
    )


FIRST = edit("EX-0001", USERS, with_roles(ONE), ONE)
SECOND = edit("EX-0002", with_roles(ONE), with_roles(ONE, OTHER), OTHER)


def found(policy, *edits, policy_id="p-users", demands=None):
    drawn = picture(
        demands or [demand(KEY, USERS)], [deployed(policy, policy_id)], edits=tuple(edits)
    )
    return [
        (one.exceptions, one.is_explained)
        for one in finding.find(drawn).differences
        if one.kind == "CONTENT"
    ]


@pytest.mark.parametrize(
    ("arns", "edits", "refs"),
    [
        ((ONE,), (FIRST,), ("EX-0001",)),
        ((ONE, OTHER), (FIRST, SECOND), ("EX-0001", "EX-0002")),
        # The first has ended since, and was taken out.
        ((OTHER,), (SECOND,), ("EX-0002",)),
        # It is approved, and not in the policy yet: nothing is said of it.
        ((ONE,), (FIRST, SECOND), ("EX-0001",)),
    ],
)
def test_what_is_all_of_it_explains_it(arns, edits, refs):
    assert found(with_roles(*arns), *edits) == [(refs, True)]


def test_what_nobody_approved_remains_drift_with_its_exceptions_named():
    assert found(with_roles(ONE, OTHER), FIRST) == [(("EX-0001",), False)]
    assert found(with_roles(OTHER), FIRST) == [((), False)]
    assert found(with_roles(ONE)) == [((), False)]


def test_another_change_beside_it_is_drift():
    policy = with_roles(ONE)
    policy["Statement"][0]["Action"].remove("iam:CreateLoginProfile")
    assert found(policy, FIRST) == [(("EX-0001",), False)]
    added = with_roles(ONE)
    added["Statement"].append(
        {"Sid": "More", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
    )
    assert found(added, FIRST) == [(("EX-0001",), False)]


def test_what_is_approved_for_one_statement_explains_no_other():
    policy = with_roles()
    second = {
        "Sid": "Stay",
        "Effect": "Deny",
        "Action": "organizations:LeaveOrganization",
        "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": [ONE]}},
    }
    policy["Statement"].append(second)
    demands = [demand(KEY, USERS), demand("acct-leave-org", LEAVE)]
    assert found(policy, FIRST, demands=demands) == [((), False)]


def test_a_statement_that_was_split_is_put_together_again():
    whole = USERS["Statement"][0]
    kept = deepcopy(whole)
    kept["Sid"], kept["Action"] = "NoUsers1", ["iam:CreateUser"]
    freed = deepcopy(whole)
    freed["Sid"], freed["Action"] = "NoUsers2", ["iam:CreateAccessKey", "iam:CreateLoginProfile"]
    freed["Condition"]["ArnNotLike"]["aws:PrincipalArn"].append(ONE)
    split = KeptEdit("EX-0003", "p-users", pieces=({"before": whole, "after": [kept, freed]},))
    policy = {"Version": "2012-10-17", "Statement": [kept, freed]}
    assert found(policy, split) == [(("EX-0003",), True)]


def test_the_edit_of_one_policy_explains_no_other_and_no_text_that_cannot_be_read():
    assert found(with_roles(ONE), FIRST, policy_id="p-another") == [((), False)]
    assert found(json.dumps(with_roles(ONE))[:-2], FIRST) == []
