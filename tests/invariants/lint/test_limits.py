"""Limits are data with a date and a source."""

from datetime import date

import pytest

from invariants import engine, lint

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"


def test_they_have_a_date_and_a_page_of_aws():
    found = lint.current_limits()
    assert found.as_of >= date(2026, 5, 15)
    assert found.source.startswith("https://docs.aws.amazon.com/organizations/")


@pytest.mark.parametrize(("policy_type", "characters", "slots"), [(SCP, 10240, 10), (RCP, 5120, 5)])
def test_those_of_the_two_layers_are_as_of_may_2026(policy_type, characters, slots):
    limit = lint.current_limits().of(policy_type)
    assert (limit.characters, limit.slots) == (characters, slots)


def test_of_a_type_that_nobody_looked_up_nothing_is_known():
    budget = lint.size_budget({"a": 1}, "NEW_POLICY")
    assert (budget.limit, budget.left, budget.is_over) == (None, None, False)


def test_white_space_does_not_count():
    text = '{\n  "Version" : "2012-10-17",\n  "Statement" : []\n}'
    assert lint.size_budget(text, SCP).used == len('{"Version":"2012-10-17","Statement":[]}')


def test_what_is_left_is_told():
    budget = lint.slot_budget(9, SCP)
    assert (budget.left, budget.is_over) == (1, False)
    assert lint.slot_budget(11, SCP).is_over


def test_text_that_is_no_policy_is_refused():
    with pytest.raises(engine.PolicySyntaxError):
        lint.size_budget("{", SCP)
