"""Management policies: what comes of those of all levels."""

import pytest

from invariants.engine import PolicySyntaxError, effective_policy, parse_management
from tests.invariants.engine import written

INHERITANCE = written.vectors("inheritance")


@pytest.mark.parametrize("case", [pytest.param(one, id=one["id"]) for one in INHERITANCE["cases"]])
def test_policies_merge_by_their_operators(case):
    levels = [[INHERITANCE["policies"][name] for name in level] for level in case["levels"]]
    assert effective_policy(levels) == case["effective"]


def setting(**operators):
    return parse_management({"a": {f"@@{name}": value for name, value in operators.items()}})


def in_force(*levels):
    return effective_policy([[setting(**one) for one in level] for level in levels]).get("a")


def test_values_are_added_once_and_removed_where_they_are():
    assert in_force([{"append": ["x", "y", "x"]}], [{"append": ["y", "z"]}]) == ["x", "y", "z"]
    assert in_force([{"append": ["x", "y"]}], [{"remove": ["y", "none"]}]) == ["x"]
    assert in_force([{"remove": ["y"]}]) is None


def test_a_single_value_may_be_added_as_well():
    assert in_force([{"assign": "x"}], [{"append": "y"}]) == ["x", "y"]


def test_of_several_assignments_at_one_level_the_first_attached_counts():
    assert in_force([{"assign": "first"}, {"assign": "second"}]) == "first"
    assert in_force([{"assign": "first"}], [{"assign": "second"}]) == "second"


def test_false_null_and_zero_are_values():
    for value in (False, None, 0, ""):
        assert effective_policy([[setting(assign=value)]]) == {"a": value}


def test_a_parsed_policy_and_its_text_are_the_same():
    text = '{"a": {"@@assign": [1, 2.5, true]}}'
    assert effective_policy([[text]]) == effective_policy([[parse_management(text)]])
    assert effective_policy([[text]]) == {"a": [1, 2.5, True]}


def test_merging_changes_none_of_the_policies():
    one = setting(append=["x"])
    effective_policy([[one], [setting(append=["y"])]])
    assert effective_policy([[one]]) == {"a": ["x"]}


@pytest.mark.parametrize(
    ("source", "path", "problem"),
    [
        ("[]", "$", "is a list"),
        ({"a": 1}, "$.a", "must be an object"),
        ({"a": {"@@add": 1}}, "$.a.@@add", "no such operator"),
        ({"a": {"@@assign": {}}}, "$.a.@@assign", "not an object"),
        ({"a": {"@@assign": [[1]]}}, "$.a.@@assign[0]", "not a list"),
        ({"a": {"@@assign": float("inf")}}, "$.a.@@assign", "no number"),
        ('{"a": {"@@assign": 1e999}}', "$.a.@@assign", "that large"),
        ('{"a": {"@@assign": ' + "1" * 50 + "}}", "$.a.@@assign", "that long"),
        (
            {"a": {"@@operators_allowed_for_child_policies": ["@@some"]}},
            "$.a.@@operators_allowed_for_child_policies[0]",
            "@@none",
        ),
        ('{"a": {}, "a": {}}', "$.a", "named twice"),
        ('{"a":' * 60 + "{}" + "}" * 60, "$" + ".a" * 51, "nested deeper"),
    ],
)
def test_a_mistake_is_told_with_its_place(source, path, problem):
    with pytest.raises(PolicySyntaxError) as caught:
        parse_management(source)
    assert caught.value.path == path
    assert problem in caught.value.problem
