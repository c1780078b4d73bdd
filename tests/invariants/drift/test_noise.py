"""What changes nothing never drifts, and what changes anything always does."""

import json
import random
from copy import deepcopy
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants import catalog, engine
from invariants.evaluation.drift import finding, texts
from tests.invariants.drift.pictures import EC2, SCP, demand, deployed, picture


@cache
def shipped():
    """Every policy of the shipped catalogue that AWS Organizations takes, by id."""
    return {
        one.id: (one.type, json.loads(json.dumps(one.policy)))
        for one in catalog.load()
        if one.type != catalog.BOUNDARY
    }


def noisy(value, draw, key=""):
    """The same policy in other words: order, case of actions and keys, lists of one, repetition."""
    if isinstance(value, dict):
        items = list(value.items())
        draw.shuffle(items)
        return {name: noisy(_maybe_listed(name, one, draw), draw, name) for name, one in items}
    if isinstance(value, list):
        items = [noisy(one, draw, key) for one in value]
        draw.shuffle(items)
        if len(items) == 1 and draw.random() < 0.5:
            return items[0]
        return items + items[:1] if draw.random() < 0.3 else items
    if key in ("Action", "NotAction") and draw.random() < 0.5:
        return value.upper() if draw.random() < 0.5 else value.lower()
    return value


def _maybe_listed(name, value, draw):
    is_one = isinstance(value, str) and name not in ("Version", "Sid", "Effect", "Principal")
    return [value] if is_one and not name.startswith("@@") and draw.random() < 0.3 else value


def sids(policy, draw):
    for number, statement in enumerate(_statements(policy)):
        statement.pop("Sid", None)
        if draw.random() < 0.5:
            statement["Sid"] = f"Other{number}"
    return policy


def written(policy, draw):
    return json.dumps(policy, indent=draw.choice([None, 1, 4]))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_order_white_space_sids_and_case_are_no_drift(seed):
    draw = random.Random(seed)
    key = draw.choice(sorted(shipped()))
    policy_type, policy = shipped()[key]
    other = noisy(sids(deepcopy(policy), draw), draw)
    found = finding.find(
        picture(
            [demand(key, policy, type=policy_type)],
            [deployed(written(other, draw), type=policy_type)],
            enabled_types=frozenset({policy_type}),
        )
    )
    assert found.differences == ()
    assert found.unreadable == frozenset()


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_other_edit_drifts(seed):
    draw = random.Random(seed)
    keys = [key for key, (_, policy) in sorted(shipped().items()) if "Statement" in policy]
    key = draw.choice(keys)
    policy_type, policy = shipped()[key]
    other = deepcopy(policy)
    what = draw.choice(EDITS)(other, draw)
    if what is None:
        return
    engine.parse(other)
    found = finding.find(
        picture(
            [demand(key, policy, type=policy_type)],
            [deployed(written(noisy(other, draw), draw), type=policy_type)],
            enabled_types=frozenset({policy_type}),
        )
    )
    kinds = {one.kind for one in found.differences}
    assert kinds, what
    assert kinds <= {"CONTENT", "MISSING_IN_AWS", "UNMANAGED"}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_edit_of_a_value_drifts(seed):
    draw = random.Random(seed)
    keys = [key for key, (_, policy) in sorted(shipped().items()) if "Statement" not in policy]
    key = draw.choice(keys)
    policy_type, policy = shipped()[key]
    other = deepcopy(policy)
    leaves = list(_leaves(other))
    at, name = draw.choice(leaves)
    if draw.random() < 0.5:
        at[name] = "something else"
    else:
        at["@@append" if name == "@@assign" else "@@assign"] = at.pop(name)
    found = finding.find(
        picture(
            [demand(key, policy, type=policy_type)],
            [deployed(written(other, draw), type=policy_type)],
            enabled_types=frozenset({policy_type}),
        )
    )
    assert found.differences


def _statements(policy):
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _a_statement(policy, draw):
    return draw.choice(_statements(policy))


def _leaves(value):
    for name, one in value.items():
        if isinstance(one, dict):
            yield from _leaves(one)
        else:
            yield value, name


def _list(value):
    return list(value) if isinstance(value, list) else [value]


def drop_an_action(policy, draw):
    statement = _a_statement(policy, draw)
    name = "Action" if "Action" in statement else "NotAction"
    actions = sorted(set(_list(statement[name])))
    if len(actions) == 1:
        return None
    actions.pop(draw.randrange(len(actions)))
    statement[name] = actions
    return "an action less"


def add_an_action(policy, draw):
    statement = _a_statement(policy, draw)
    name = "Action" if "Action" in statement else "NotAction"
    statement[name] = [*_list(statement[name]), "sts:GetCallerIdentity"]
    return "an action more"


def turn_the_effect(policy, draw):
    statement = _a_statement(policy, draw)
    statement["Effect"] = "Allow" if statement["Effect"] == "Deny" else "Deny"
    return "the effect"


def another_resource(policy, draw):
    statement = _a_statement(policy, draw)
    name = "NotResource" if "NotResource" in statement else "Resource"
    statement[name] = "arn:aws:s3:::somewhere-else/*"
    return "the resource"


def drop_the_condition(policy, draw):
    return _a_statement(policy, draw).pop("Condition", None) and "no condition"


def one_more_exempt(policy, draw):
    condition = _a_statement(policy, draw).get("Condition")
    if not condition:
        return None
    keys = condition[draw.choice(sorted(condition))]
    key = draw.choice(sorted(keys))
    keys[key] = [*_list(keys[key]), "arn:aws:iam::*:role/Contractor"]
    return "one more value"


def another_operator(policy, draw):
    condition = _a_statement(policy, draw).get("Condition")
    if not condition:
        return None
    operator = draw.choice(sorted(condition))
    keys = condition.pop(operator)
    condition["StringNotEqualsIgnoreCase"] = keys
    return "another operator"


def drop_a_statement(policy, draw):
    statements = _statements(policy)
    if len(statements) == 1:
        return None
    statements.remove(draw.choice(statements))
    policy["Statement"] = statements
    return "a statement less"


def add_a_statement(policy, draw):
    one = {"Effect": "Deny", "Action": "sts:TagSession", "Resource": "*"}
    if "Principal" in _statements(policy)[0]:
        one["Principal"] = "*"
    policy["Statement"] = [*_statements(policy), one]
    return "a statement more"


def negate_the_actions(policy, draw):
    statement = _a_statement(policy, draw)
    name, other = ("Action", "NotAction") if "Action" in statement else ("NotAction", "Action")
    statement[other] = statement.pop(name)
    return "negated"


def the_old_version(policy, draw):
    policy.pop("Version")
    return "no version"


EDITS = [
    drop_an_action,
    add_an_action,
    turn_the_effect,
    another_resource,
    drop_the_condition,
    one_more_exempt,
    another_operator,
    drop_a_statement,
    add_a_statement,
    negate_the_actions,
    the_old_version,
]


@pytest.mark.parametrize(
    ("policy_type", "content"), [(SCP, "{"), (EC2, "[]"), (SCP, '{"Statement": 1}')]
)
def test_what_is_no_policy_cannot_be_read(policy_type, content):
    assert texts.read(policy_type, content) is None


def test_the_whole_catalogue_deployed_as_it_stands_drifts_nowhere():
    demands = [demand(key, policy, type=kind) for key, (kind, policy) in shipped().items()]
    policies = [
        deployed(policy, f"p-{key}", type=kind) for key, (kind, policy) in shipped().items()
    ]
    kinds = frozenset(kind for kind, _ in shipped().values())
    assert finding.find(picture(demands, policies, enabled_types=kinds)).differences == ()
