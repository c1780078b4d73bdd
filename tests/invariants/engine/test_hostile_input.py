"""Whatever is handed in: a policy that can be used, or an error that says where."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from invariants.engine import (
    Attached,
    Layer,
    Level,
    Policy,
    PolicySyntaxError,
    Request,
    canonical_management,
    compile_stack,
    effective_policy,
    evaluate,
    explain,
    fingerprint,
    keys_read,
    minified_size,
    parse,
    parse_management,
    print_policy,
)
from tests.invariants.engine import worlds

fuzzed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Half surrogates and control characters as well.
TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=12)
ELEMENTS = (
    *("Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction", "Resource"),
    *("NotResource", "Principal", "AWS", "Condition", "StringLike", "Null", "Bool"),
    *("ForAnyValue:StringEquals", "@@assign", "@@append", "@@remove"),
    "@@operators_allowed_for_child_policies",
)
NAMES = st.one_of(TEXT, st.sampled_from(ELEMENTS))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    st.sampled_from(["Allow", "Deny", "*", "s3:*", "2012-10-17", "${", "${a:b", "${}", "${${*}}"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def read(parser, source):
    """What the parser makes of it, or None where it refuses as it should."""
    try:
        return parser(source)
    except PolicySyntaxError as e:
        refusal = e
    assert refusal.path.startswith("$")
    assert refusal.problem
    assert len(str(refusal).encode()) < 1_000
    return None


def must_be_used_or_refused(source):
    policy = read(parse, source)
    if policy is None:
        return
    assert isinstance(policy, Policy)
    text = print_policy(policy)
    assert parse(text) == policy
    assert minified_size(text) == len(text)
    assert len(fingerprint(policy)) == 64
    assert all(keys_read(policy))
    stack = compile_stack(Layer.SCP, [Level("root", (Attached("p", policy),))])
    assert explain(evaluate(Request("s3:GetObject", "arn:aws:s3:::a"), stack)).encode()


@fuzzed
@given(source=TEXT)
@example(source="")
@example(source="\x00")
def test_any_text(source):
    must_be_used_or_refused(source)


@fuzzed
@given(value=ANYTHING)
def test_any_json(value):
    must_be_used_or_refused(json.dumps(value))
    if isinstance(value, dict):
        must_be_used_or_refused(value)


def places(value, path=()):
    """The path of every part of a document."""
    yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from places(one, (*path, number))


def put(value, path, new):
    if not path:
        return new
    head, *rest = path
    if isinstance(value, dict):
        return value | {head: put(value[head], rest, new)}
    return [put(one, rest, new) if number == head else one for number, one in enumerate(value)]


@fuzzed
@given(document=worlds.documents(), new=ANYTHING, data=st.data())
def test_a_policy_with_anything_in_some_place(document, new, data):
    path = data.draw(st.sampled_from(list(places(document))))
    changed = put(document, path, new)
    must_be_used_or_refused(json.dumps(changed))
    if isinstance(changed, dict):
        must_be_used_or_refused(changed)


@fuzzed
@given(document=worlds.documents(), data=st.data())
def test_a_policy_with_an_element_too_many(document, data):
    path = data.draw(
        st.sampled_from([path for path in places(document) if path and isinstance(path[-1], str)])
    )
    *head, last = path
    outer = document
    for step in head:
        outer = outer[step]
    changed = put(document, head, outer | {data.draw(NAMES): outer[last]})
    must_be_used_or_refused(json.dumps(changed))


@fuzzed
@given(
    document=worlds.documents(),
    start=st.integers(0, 400),
    length=st.integers(0, 40),
    new=TEXT,
)
def test_a_policy_with_a_hole_in_its_text(document, start, length, new):
    text = json.dumps(document, indent=1)
    must_be_used_or_refused(text[:start] + new + text[start + length :])


@fuzzed
@given(value=ANYTHING)
def test_any_management_policy(value):
    source = json.dumps(value)
    setting = read(parse_management, source)
    if setting is not None:
        assert json.dumps(effective_policy([[setting], [setting]]))
        form = canonical_management(source)
        assert canonical_management(form) == form


def test_names_given_many_times_over_are_found_at_once():
    pairs = ",".join(f'"{number}":0' for number in range(18_000))
    for source in ("{" + pairs + ',"0":0}', '{"Statement":{"Condition":{' + pairs + ',"7":0}}}'):
        must_be_used_or_refused(source)


def test_large_policies_are_read():
    names = [f"s3:{'Get*' * 20}{number}" for number in range(1_500)]
    must_be_used_or_refused(
        {"Statement": [{"Effect": "Deny", "Action": names, "Resource": ["arn:aws:s3:::*a*"] * 99}]}
    )
    values = [f"*{number}*" for number in range(9_000)]
    must_be_used_or_refused(
        {
            "Statement": {
                "Effect": "Deny",
                "Action": "*",
                "Condition": {"ForAnyValue:StringLike": {"a:b": values}},
            }
        }
    )


def test_an_object_that_holds_itself_is_refused():
    loop = {}
    loop["Statement"] = loop
    must_be_used_or_refused(loop)
    must_be_used_or_refused({"Statement": [[loop]]})
    circle = {}
    circle["a"] = circle
    with pytest.raises(PolicySyntaxError, match="nested deeper"):
        parse_management(circle)
