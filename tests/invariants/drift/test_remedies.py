"""What to do about drift: text that does what it says."""

import json
import shlex

import pytest
import yaml

from invariants.policies import diffs, remedies
from invariants.policies.remedies import Subject
from tests.invariants.drift.pictures import USERS

POLICY = json.dumps(USERS)


def subject(kind="CONTENT", **changes):
    values = {
        "kind": kind,
        "policy_type": "SERVICE_CONTROL_POLICY",
        "policy_id": "p-users",
        "policy_name": "deny-iam-users",
        "root_id": "r-ab12",
        "target_id": "",
        "target_name": "",
        "after": POLICY,
        "restore": {},
        "key": "iam-no-users",
        "statement": "Nobody creates users.",
        "version": 3,
        "targets": {"root": True, "ou_roles": [], "ous": [], "accounts": []},
    }
    return Subject(**(values | changes))


def test_an_edited_policy_is_restored_word_for_word():
    found = remedies.commands(subject(restore={"content": POLICY}))
    *document, command = found.text.splitlines()
    assert document[0] == "cat > iam-no-users.json <<'END_OF_POLICY'"
    assert json.loads("\n".join(document[1:-1])) == USERS
    assert shlex.split(command) == [
        *("aws", "organizations", "update-policy", "--policy-id", "p-users"),
        *("--content", "file://iam-no-users.json"),
    ]


def test_what_a_policy_says_cannot_end_the_text_early():
    name = "END_OF_POLICY\nrm -rf /"
    odd = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": name})
    lines = remedies.commands(subject(restore={"content": odd})).text.splitlines()
    assert lines.count("END_OF_POLICY") == 1
    key = subject(kind="TYPE_DISABLED", restore={"enable": "X; rm -rf /"})
    assert "'X; rm -rf /'" in remedies.commands(key).text


def test_terraform_does_not_take_variables_of_a_policy_for_its_own():
    content = json.dumps({"Resource": "arn:aws:iam::*:user/${aws:username}"})
    assert "$${aws:username}" in remedies.terraform(subject(restore={"content": content})).text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"kind": "ATTACHMENT", "restore": {"attach": ["ou-1"]}},
            "attach-policy --policy-id p-users",
        ),
        (
            {"kind": "ATTACHMENT", "restore": {"detach": ["ou-1"]}},
            "detach-policy --policy-id p-users",
        ),
        ({"kind": "MISSING_IN_AWS", "restore": {"content": POLICY}}, "create-policy --name"),
        ({"kind": "TYPE_DISABLED", "restore": {"enable": "S3_POLICY"}}, "--policy-type S3_POLICY"),
        ({"kind": "UNMANAGED", "key": "", "restore": {"detach": []}}, "delete-policy"),
    ],
)
def test_each_kind_has_its_command(changes, expected):
    assert expected in remedies.commands(subject(**changes)).text


def test_the_edit_of_a_shipped_invariant_is_an_override_that_yaml_reads():
    found = remedies.accepting(subject())
    read = yaml.safe_load(found.text)
    assert read == {
        "overrides": "iam-no-users",
        "because": "TO WRITE: why this is right",
        "version": 4,
        "policy": USERS,
    }
    own = remedies.accepting(subject(file="org/iam-no-users.yaml", is_shipped=False))
    assert "overrides" not in yaml.safe_load(own.text)
    assert own.file == "org/iam-no-users.yaml"


@pytest.mark.parametrize(
    ("changes", "targets"),
    [
        (
            {
                "restore": {"detach": ["ou-1"]},
                "target_id": "ou-1",
                "target_name": "Workloads / Data",
            },
            {"root": True, "ous": ["Workloads/Data"]},
        ),
        (
            {"restore": {"detach": ["300000000001"]}, "target_id": "300000000001"},
            {"root": True, "accounts": ["300000000001"]},
        ),
        (
            {"restore": {"attach": ["ou-1"], "hangs": {"ous": ["Sandbox"]}}, "target_id": "ou-1"},
            {"ous": ["Sandbox"]},
        ),
    ],
)
def test_accepting_where_it_hangs_changes_the_targets(changes, targets):
    found = remedies.accepting(subject(kind="ATTACHMENT", **changes))
    assert yaml.safe_load(found.text)["targets"] == targets


def test_a_policy_of_nobody_is_adopted_and_one_of_no_invariant_has_no_edit():
    assert remedies.accepting(subject(kind="UNMANAGED", key="")).text == ""
    assert remedies.accepting(subject(kind="EFFECTIVE_VALUE", key="")) is None


def test_a_diff_ignores_commas_that_move_and_folds_what_is_alike():
    before = json.dumps({"a": [1, 2, 3]}, indent=1)
    after = json.dumps({"a": [1, 2, 3, 4]}, indent=1)
    lines = diffs.diff(before, after)
    assert [(line.sign, line.text.strip()) for line in lines if line.sign != " "] == [("+", "4")]
    assert diffs.counts(lines) == (0, 1)
    long = "\n".join(map(str, range(100)))
    found = diffs.diff(long, long.replace("50", "x"))
    assert [line.hidden for line in found if line.hidden] == [46, 45]
    assert len(diffs.diff(long, long.replace("50", "x"), is_whole=True)) == 101
    assert len(diffs.diff("", long)) == 100
