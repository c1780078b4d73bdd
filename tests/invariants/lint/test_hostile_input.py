"""The linter has something to say of anything, and never fails."""

from hypothesis import given, settings
from hypothesis import strategies as st

from invariants import lint
from tests.invariants.lint.examples import RCP, SCP, policy

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"]
)
WORDS = st.sampled_from(
    ["Deny", "Allow", "*", "s3:*", "iam:CreateRole", "arn:aws:s3:::x", "${Account}", "a:b:c", ""]
)
KEYS = st.sampled_from(
    [
        "aws:PrincipalArn",
        "aws:TagKeys",
        "aws:ResourceTag/x",
        "iam:PermissionsBoundary",
        "x",
        ":",
        "a.b:c",
    ]
)
OPERATORS = st.sampled_from(
    [
        "StringEquals",
        "ForAnyValue:Stringlike",
        "ArnNotLike",
        "NullIfExists",
        "Null",
        "Bool",
        "nonsense",
    ]
)
VALUES = WORDS | st.lists(WORDS, max_size=3) | JSON
CONDITIONS = st.dictionaries(OPERATORS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3)
STATEMENTS = st.dictionaries(NAMES, VALUES, max_size=6) | st.fixed_dictionaries(
    {"Effect": WORDS, "Action": VALUES, "Resource": VALUES, "Condition": CONDITIONS}
)


@settings(deadline=None, max_examples=150)
@given(
    statements=st.lists(STATEMENTS, max_size=3),
    policy_type=st.sampled_from([SCP, RCP, "S3_POLICY"]),
)
def test_any_statements_are_linted(statements, policy_type):
    for finding in lint.lint(policy(*statements), policy_type):
        assert finding.rule.id in lint.RULES
        assert finding.message


@settings(deadline=None, max_examples=100)
@given(document=st.dictionaries(st.text(max_size=8) | st.just("Statement"), JSON, max_size=3))
def test_any_object_is_linted(document):
    assert isinstance(lint.lint(document, SCP), tuple)


@settings(deadline=None, max_examples=100)
@given(text=st.text(max_size=80))
def test_any_text_is_linted(text):
    assert isinstance(lint.lint(text, RCP), tuple)
