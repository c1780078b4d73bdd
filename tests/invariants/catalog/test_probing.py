"""Probes by the engine, and settings by inheritance."""

import pytest
import yaml

from invariants import catalog, engine
from invariants.catalog import BOUNDARY, Answer
from tests.invariants.catalog.written import invariant, write


def loaded(folder, **changes):
    return catalog.read_folders([write(folder, invariant(**changes))])


def answers(folder, **changes):
    found = loaded(folder, **changes)
    around = catalog.surroundings(found.parameters)
    return [r.answer for r in catalog.run_probes(found["kms-delete"], around)]


def policy_of(**statement):
    base = {"Effect": "Deny", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [base | statement]}


def test_a_policy_that_does_what_it_says_holds(tmp_path):
    assert answers(tmp_path) == [Answer.HOLDS, Answer.HOLDS]


def test_a_policy_without_its_carve_out_breaks_what_must_be_allowed(tmp_path):
    assert answers(tmp_path, policy=policy_of()) == [Answer.HOLDS, Answer.BREAKS]


def test_a_policy_that_misses_breaks_what_must_be_denied(tmp_path):
    missing = policy_of(Action="kms:DisableKey")
    assert answers(tmp_path, policy=missing) == [Answer.BREAKS, Answer.HOLDS]


def test_a_key_that_nobody_gave_makes_the_answer_unknown(tmp_path):
    condition = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}}
    found = answers(tmp_path, policy=policy_of(Condition=condition))
    assert found == [Answer.UNKNOWN, Answer.UNKNOWN]


def test_a_boundary_allows_only_what_it_allows(tmp_path):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    probe = {"principal": "arn:aws:iam::*:role/Team", "name": "x", "action": "s3:GetObject"}
    found = answers(
        tmp_path,
        type=BOUNDARY,
        policy=policy,
        must_deny=[probe | {"name": "y", "action": "iam:CreateUser"}],
        must_allow=[probe],
    )
    assert found == [Answer.HOLDS, Answer.HOLDS]


def test_probes_can_be_asked_of_what_an_account_really_has(tmp_path):
    found = loaded(tmp_path)
    empty = engine.compile_stack(engine.Layer.SCP, [])
    results = catalog.run_probes(
        found["kms-delete"], catalog.surroundings(found.parameters), stack=empty
    )
    assert [(r.must_deny, r.answer) for r in results] == [
        (True, Answer.BREAKS),
        (False, Answer.HOLDS),
    ]


def test_a_probe_is_prepared_once_and_asked_of_many_stacks(tmp_path):
    found = loaded(tmp_path)
    own = catalog.stack_of(found["kms-delete"])
    empty = engine.compile_stack(engine.Layer.SCP, [])
    around = catalog.surroundings(found.parameters)
    denied, allowed = catalog.prepare(found["kms-delete"], around, reads=catalog.keys_of(own))
    assert (denied.invariant_id, denied.must_deny) == ("kms-delete", True)
    assert [denied.ask(stack).answer for stack in (own, empty)] == [Answer.HOLDS, Answer.BREAKS]
    assert [allowed.ask(stack).answer for stack in (own, empty)] == [Answer.HOLDS, Answer.HOLDS]


def test_the_keys_of_a_stack_are_those_that_its_policies_read(tmp_path):
    stack = catalog.stack_of(loaded(tmp_path)["kms-delete"])
    assert {key.lower() for key in catalog.keys_of(stack)} == {"aws:principalarn"}


@pytest.mark.parametrize(
    ("effective", "answer", "found"),
    [
        ({"a": {"b": "on"}}, Answer.HOLDS, "on"),
        ({"a": {"b": "off"}}, Answer.BREAKS, "off"),
        ({"a": "on"}, Answer.BREAKS, None),
        ({}, Answer.BREAKS, None),
    ],
)
def test_a_setting_is_compared_with_what_is_inherited(tmp_path, effective, answer, found):
    made = loaded(
        tmp_path,
        type="S3_POLICY",
        policy={"a": {"b": {"@@assign": "on"}}},
        must_deny=None,
        must_allow=None,
        must_set=[{"path": "a.b", "value": "on"}],
    )["kms-delete"]
    (result,) = catalog.run_settings(made, effective)
    assert (result.answer, result.found) == (answer, found)


def test_a_list_has_to_hold_what_is_demanded_and_may_hold_more(tmp_path):
    made = loaded(
        tmp_path,
        type="INSPECTOR_POLICY",
        policy={"a": {"@@assign": ["x", "y", "z"]}},
        must_deny=None,
        must_allow=None,
        must_set=[{"path": "a", "value": ["z", "x"]}],
    )["kms-delete"]
    assert catalog.run_settings(made)[0].answer is Answer.HOLDS
    assert catalog.run_settings(made, {"a": ["x"]})[0].answer is Answer.BREAKS


class TestReview:
    def test_a_catalogue_that_is_well_gets_no_remark(self):
        assert catalog.review(catalog.load()) == ()

    def test_it_names_the_probe_and_the_reason(self, tmp_path):
        (remark,) = catalog.review(loaded(tmp_path, policy=policy_of()))
        assert '"The key team deletes a key" has to be not denied' in remark.text
        assert remark.is_serious

    def test_it_names_what_the_linter_found(self, tmp_path):
        condition = {"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/keys/One"}}
        found = catalog.review(loaded(tmp_path, policy=policy_of(Condition=condition)))
        assert any("wildcard-in-equals" in remark.text for remark in found)

    def test_drafts_are_left_alone(self, tmp_path):
        assert catalog.review(loaded(tmp_path, policy=policy_of(), draft=True)) == ()


class TestCommand:
    def test_it_checks_the_catalogue_with_a_folder_on_top(self, tmp_path, capsys):
        own = tmp_path / "own"
        write(own, invariant(id="own-kms"), parameters={"key_roles": "arn:aws:iam::*:role/K"})
        assert main("check", str(own)) == 0
        assert capsys.readouterr().out == f"{len(catalog.load()) + 1} invariants, 0 to mend\n"

    def test_it_fails_with_every_problem(self, tmp_path, capsys):
        write(tmp_path, invariant(id="own-kms", area="X", severity="Y"), parameters=None)
        assert main("check", str(tmp_path)) == 1
        assert capsys.readouterr().out.count("own-kms.yaml:") == 2

    def test_it_writes_the_schema(self, capsys):
        assert main("schema") == 0
        assert "anyOf" in yaml.safe_load(capsys.readouterr().out)


def main(*arguments):
    from invariants.catalog.__main__ import main as run  # noqa: PLC0415

    return run(arguments)
