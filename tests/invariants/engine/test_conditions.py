"""Conditions against AWS's own tables, and against what each operator makes of each state of a key."""

import itertools

import pytest

from invariants.engine import (
    ABSENT,
    FALSE,
    PRESENT_UNKNOWN,
    TRUE,
    UNKNOWN,
    UNKNOWN_STATE,
    Base,
    OneOf,
    Outcome,
    Present,
    Request,
    evaluate,
    parse,
    present,
    statement_truth,
)
from tests.invariants.engine import written
from tests.invariants.engine.written import TRUTHS, VECTORS

NAMED = {
    f"{path.stem}:{case['id']}": case
    for path in sorted(VECTORS.glob("*.json"))
    for case in written.vectors(path.stem)["cases"]
    if "condition" in case
}
OPEN = {name: case for name, case in NAMED.items() if case["expected"] == "U"}
ROWS = [case for case in NAMED.values() if case.get("row_of_aws")]


def document_of(case):
    statement = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": case["condition"],
    }
    version = case.get("version", "2012-10-17")
    return {"Statement": statement} | ({"Version": version} if version else {})


def truth_of(case):
    policy = parse(document_of(case))
    request = Request("a:B", context=written.context(case["context"]))
    return statement_truth(policy.statements[0], request, version=policy.version)


@pytest.mark.parametrize("case", NAMED.values(), ids=NAMED)
def test_a_condition_comes_to_what_the_rule_says(case):
    assert truth_of(case) is TRUTHS[case["expected"]]


@pytest.mark.parametrize("case", OPEN.values(), ids=OPEN)
def test_an_open_condition_names_the_keys_that_would_settle_it(case):
    stack = written.stack([("p", parse(document_of(case)))])
    request = Request("a:B", principal=written.ROLE, context=written.context(case["context"]))
    verdict = evaluate(request, stack)
    assert (verdict.outcome, sorted(verdict.missing)) == (Outcome.UNKNOWN, case["missing"])
    assert (verdict.reason == "MISSING_KEYS") is bool(case["missing"])


def test_the_rows_of_aws_tables_are_all_there_and_four_of_them_contradict_its_text():
    contradicting = [row for row in ROWS if "table_of_aws" in row]
    assert (len(ROWS), len(contradicting)) == (46, 4)
    assert all(row["table_of_aws"] != row["expected"] for row in contradicting)


# A value of the policy, one of a request that matches it, and one that does not.
SAMPLES = {
    "String": ("alpha", "alpha", "beta"),
    "Numeric": ("10", "10", "11"),
    "NumericLessThan": ("10", "9", "10"),
    "NumericLessThanEquals": ("10", "10", "11"),
    "NumericGreaterThan": ("10", "11", "10"),
    "NumericGreaterThanEquals": ("10", "10", "9"),
    "Date": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    "DateLessThan": ("2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z"),
    "DateLessThanEquals": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    "DateGreaterThan": ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
    "DateGreaterThanEquals": (
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2025-12-31T00:00:00Z",
    ),
    "Bool": ("true", "true", "false"),
    "Binary": ("YQ==", "YQ==", "Yg=="),
    "IpAddress": ("192.0.2.0/24", "192.0.2.9", "198.51.100.9"),
    "NotIpAddress": ("192.0.2.0/24", "192.0.2.9", "198.51.100.9"),
    "Arn": (
        "arn:aws:iam::*:role/a",
        "arn:aws:iam::111122223333:role/a",
        "arn:aws:iam::111122223333:role/b",
    ),
}
STATES = (
    lambda match, other: Present((match,)),
    lambda match, other: Present((other,)),
    lambda match, other: ABSENT,
    lambda match, other: Present(()),
    lambda match, other: PRESENT_UNKNOWN,
    lambda match, other: UNKNOWN_STATE,
    lambda match, other: OneOf((Present((match,)), ABSENT)),
    lambda match, other: OneOf((Present((other,)), ABSENT)),
    lambda match, other: OneOf((Present((match,)), Present((other,)))),
)
# By set operator, negation and IfExists: what comes of the nine states above, in their order: matching
# value, other value, absent, no value, there but unknown, unknown, match or absent, other or absent, match
# or other.
EXPECTED = {
    ("", False, False): "T F F F U U U F U",
    ("", False, True): "T F T T U U T U U",
    ("", True, False): "F T T T U U U T U",
    ("", True, True): "F T T T U U U T U",
    ("ForAnyValue:", False, False): "T F F F U U U F U",
    ("ForAnyValue:", False, True): "T F U U U U U U U",
    ("ForAnyValue:", True, False): "F T F F U U F U U",
    ("ForAnyValue:", True, True): "F T U U U U U U U",
    ("ForAllValues:", False, False): "T F T T U U T U U",
    ("ForAllValues:", False, True): "T F T T U U T U U",
    ("ForAllValues:", True, False): "F T T T U U U T U",
    ("ForAllValues:", True, True): "F T T T U U U T U",
}
NULLS = {"true": "F F T T F U U U F", "false": "T T F F T U U U T"}


def sample(base):
    family = next(name for name in (base, *SAMPLES) if name in SAMPLES and base.startswith(name))
    return SAMPLES[family]


def truths(operator, value, match, other):
    document = written.policy(written.deny(condition={operator: {"aws:Key": value}}))
    return [
        statement_truth(
            document.statements[0], Request("a:B", context={"aws:key": state(match, other)})
        )
        for state in STATES
    ]


OPERATORS = [base for base in Base if base is not Base.NULL]


@pytest.mark.parametrize(
    ("base", "quantifier", "if_exists"),
    list(itertools.product(OPERATORS, ("", "ForAnyValue:", "ForAllValues:"), (False, True))),
)
def test_every_operator_answers_every_state(base, quantifier, if_exists):
    value, match, other = sample(base.value)
    is_negated = base.value.startswith(("StringNot", "NumericNot", "DateNot", "ArnNot", "NotIp"))
    operator = f"{quantifier}{base.value}{'IfExists' if if_exists else ''}"
    assert truths(operator, value, match, other) == [
        TRUTHS[letter] for letter in EXPECTED[quantifier, is_negated, if_exists].split()
    ]


def test_there_are_26_operators_and_null():
    assert len(OPERATORS) == 26


@pytest.mark.parametrize("value", NULLS)
def test_null_answers_every_state(value):
    assert truths("Null", value, "a", "b") == [TRUTHS[letter] for letter in NULLS[value].split()]


def test_a_key_that_nobody_mentions_is_unknown_and_not_absent():
    statement = written.policy(
        written.deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})
    ).statements[0]
    assert statement_truth(statement, Request("a:B")) is UNKNOWN
    absent = Request("a:B", context={"aws:PrincipalOrgID": ABSENT})
    assert statement_truth(statement, absent) is TRUE


def test_worlds_are_the_same_for_all_statements():
    """MFA is false or absent: one statement denies the one, another the other; each alone is open."""
    key = "aws:MultiFactorAuthPresent"
    stack = written.stack(
        [
            (
                "mfa",
                written.policy(
                    written.deny(condition={"Bool": {key: "false"}}),
                    written.deny(condition={"Null": {key: "true"}}),
                ),
            )
        ]
    )
    either = OneOf((present(False), ABSENT))
    assert evaluate(written.request(context={key: either}), stack).outcome is Outcome.DENIED
    any_of_three = OneOf((present(True), either))
    verdict = evaluate(written.request(context={key: any_of_three}), stack)
    assert (verdict.outcome, verdict.missing) == (Outcome.UNKNOWN, (key,))


def test_too_many_worlds_leave_the_answer_open_and_never_wrong():
    keys = [f"a:k{number}" for number in range(12)]
    statements = [
        written.deny(condition={operator: {key: value}})
        for key in keys
        for operator, value in (("Bool", "false"), ("Null", "true"))
    ]
    stack = written.stack([("p", written.policy(*statements))])
    context = {key: OneOf((present(False), ABSENT)) for key in keys}
    assert evaluate(written.request(context=context), stack).outcome is Outcome.UNKNOWN


def test_one_of_needs_two_states():
    with pytest.raises(ValueError, match="at least two"):
        OneOf((ABSENT,))


def test_a_truth_is_no_boolean():
    with pytest.raises(TypeError):
        bool(FALSE)


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.stem)
def test_every_file_of_vectors_says_its_rule_and_where_aws_documents_it(path):
    vectors = written.vectors(path.stem)
    assert vectors["rule"]
    assert vectors["source_url"].startswith("https://docs.aws.amazon.com/")
    ids = [case["id"] for case in vectors["cases"]]
    assert len(ids) == len(set(ids)) > 1
