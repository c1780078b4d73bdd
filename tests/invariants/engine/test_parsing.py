"""What is a policy and what is not, and where the mistake lies."""

import json

import pytest

from invariants.engine import (
    Condition,
    Effect,
    Grammar,
    Names,
    Operator,
    Policy,
    PolicySyntaxError,
    Principals,
    Quantifier,
    Statement,
    operator,
    parse,
)
from invariants.engine.documents import Base
from tests.invariants.engine import written

ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def of(**elements):
    return {"Version": "2012-10-17", "Statement": [ALLOW | elements]}


def without(name):
    return {"Statement": {key: value for key, value in ALLOW.items() if key != name}}


def test_a_policy_becomes_what_it_says():
    text = """{
      "Version": "2012-10-17", "Id": "p-1",
      "Statement": {
        "Sid": "One", "Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:s3:::a",
        "NotPrincipal": {"AWS": ["111122223333"], "Service": "ec2.amazonaws.com"},
        "Condition": {
          "Bool": {"aws:SecureTransport": false},
          "forAnyValue:stringlikeifexists": {"aws:TagKeys": ["a", "b"], "aws:Other": 1.50}
        }
      }
    }"""
    like = Operator(Base.STRING_LIKE, Quantifier.ANY, True, "forAnyValue:stringlikeifexists")
    assert parse(text) == Policy(
        version="2012-10-17",
        policy_id="p-1",
        statements=(
            Statement(
                effect=Effect.DENY,
                actions=Names(("iam:*", "sts:*"), is_negated=True),
                resources=Names(("arn:aws:s3:::a",), is_negated=True),
                principals=Principals(
                    (("AWS", ("111122223333",)), ("Service", ("ec2.amazonaws.com",))), True
                ),
                conditions=(
                    Condition(
                        Operator(Base.BOOL, written="Bool"), "aws:SecureTransport", ("false",)
                    ),
                    Condition(like, "aws:TagKeys", ("a", "b")),
                    Condition(like, "aws:Other", ("1.50",)),
                ),
                sid="One",
            ),
        ),
    )


def test_text_and_object_are_the_same_policy():
    document = of(Condition={"NumericEquals": {"s3:max-keys": [10, 1.5]}, "Null": {"a:b": True}})
    assert parse(json.dumps(document)) == parse(document)


@pytest.mark.parametrize(
    ("name", "base", "quantifier", "if_exists"),
    [
        ("StringEquals", Base.STRING_EQUALS, Quantifier.NONE, False),
        ("ForAllValues:ArnLike", Base.ARN_LIKE, Quantifier.ALL, False),
        ("ForAnyValue:NotIpAddressIfExists", Base.NOT_IP_ADDRESS, Quantifier.ANY, True),
        ("NULL", Base.NULL, Quantifier.NONE, False),
    ],
)
def test_an_operator_is_known_by_its_name_in_any_case(name, base, quantifier, if_exists):
    for spelled in (name, name.lower(), name.upper()):
        found = operator(spelled)
        assert (found.base, found.quantifier, found.if_exists) == (base, quantifier, if_exists)
        assert (found.written, found.name.lower()) == (spelled, name.lower())


def test_every_negated_operator_has_its_positive():
    pairs = {base.value: base.positive.value for base in Base if base.is_negated}
    assert pairs == {
        "StringNotEquals": "StringEquals",
        "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
        "StringNotLike": "StringLike",
        "NumericNotEquals": "NumericEquals",
        "DateNotEquals": "DateEquals",
        "NotIpAddress": "IpAddress",
        "ArnNotEquals": "ArnEquals",
        "ArnNotLike": "ArnLike",
    }


@pytest.mark.parametrize(
    ("source", "path", "problem"),
    [
        ("", "$", "no JSON"),
        ("{", "$", "line 1, column 2"),
        ("[]", "$", "this is a list"),
        ("12", "$", "this is a number"),
        ("null", "$", "this is null"),
        ('"text"', "$", "this is a string"),
        ("{}", "$", "needs Statement"),
        ('{"Statement": NaN}', "$", "NaN is no JSON"),
        ('{"Statement": [], "Statement": []}', "$.Statement", "named twice"),
        ('\ufeff{"Statement": []}', "$", "no JSON"),
        ("[" * 100_000, "$", "nested deeper"),
        ('{"a":' * 30_000, "$", "nested deeper"),
        (" " * 200_001, "$", "200001 characters"),
        ({"Statement": []}, "$.Statement", "empty"),
        ({"Statement": [[]]}, "$.Statement[0]", "must be an object, not a list"),
        ({"Statement": ALLOW, "statement": 1}, "$.statement", "no such element"),
        ({"Statement": ALLOW, "Version": "2012-10-18"}, "$.Version", "2008-10-17"),
        ({"Statement": ALLOW, "Version": 1}, "$.Version", "not a number"),
        ({"Statement": ALLOW, "Id": {}}, "$.Id", "not an object"),
        ({1: 2}, "$", "a name must be a string"),
        (of(Effect="allow"), "$.Statement[0].Effect", "Allow and Deny"),
        (of(Effect=True), "$.Statement[0].Effect", "not true or false"),
        (of(NotAction="a:*"), "$.Statement[0]", "Action and NotAction exclude"),
        (of(NotResource="*"), "$.Statement[0]", "Resource and NotResource exclude"),
        (of(Principal="*", NotPrincipal="*"), "$.Statement[0]", "exclude each other"),
        (of(Action=[]), "$.Statement[0].Action", "the list is empty"),
        (of(Action=["s3:*", 7]), "$.Statement[0].Action[1]", "not a number"),
        (of(Action="s3"), "$.Statement[0].Action", "service:Action"),
        (of(Action=["s3:*", ""]), "$.Statement[0].Action[1]", "service:Action"),
        (of(Action={"s3": "x"}), "$.Statement[0].Action", "not an object"),
        (of(Resource=""), "$.Statement[0].Resource", "an ARN"),
        (of(Resource=None), "$.Statement[0].Resource", "not null"),
        (of(Sid=3), "$.Statement[0].Sid", "not a number"),
        (of(Principal="me"), "$.Statement[0].Principal", '"*" or an object'),
        (of(Principal={"*": "*"}), '$.Statement[0].Principal["*"]', "no such element"),
        (of(Principal={}), "$.Statement[0].Principal", "no principal"),
        (of(Principal={"Aws": "*"}), "$.Statement[0].Principal.Aws", "no such element"),
        (of(Principal={"AWS": []}), "$.Statement[0].Principal.AWS", "empty"),
        (of(Condition=[]), "$.Statement[0].Condition", "must be an object"),
        (of(Condition={"Equals": {}}), "$.Statement[0].Condition.Equals", "no condition operator"),
        (of(Condition={"": {}}), '$.Statement[0].Condition[""]', "no condition operator"),
        (of(Condition={":Bool": {}}), '$.Statement[0].Condition[":Bool"]', "no condition operator"),
        (
            of(Condition={"NullIfExists": {}}),
            "$.Statement[0].Condition.NullIfExists",
            "no condition operator",
        ),
        (
            of(Condition={"ForAnyValue:Null": {}}),
            "$.Statement[0].Condition.ForAnyValue:Null",
            "no condition operator",
        ),
        (of(Condition={"Bool": "x"}), "$.Statement[0].Condition.Bool", "must be an object"),
        (of(Condition={"Bool": {"": "x"}}), "$.Statement[0].Condition.Bool", "needs a name"),
        (of(Condition={"Bool": {"a:b": []}}), "$.Statement[0].Condition.Bool.a:b", "empty"),
        (of(Condition={"Bool": {"a:b": [["x"]]}}), "$.Statement[0].Condition.Bool.a:b[0]", "a list"),
        (of(Condition={"Bool": {"a:b": None}}), "$.Statement[0].Condition.Bool.a:b", "null"),
        (of(Condition={"Bool": {"a:b": 10**50}}), "$.Statement[0].Condition.Bool.a:b", "that long"),
        (
            of(Condition={"Bool": {"a:b": float("nan")}}),
            "$.Statement[0].Condition.Bool.a:b",
            "no number",
        ),
        (
            of(Condition={"Bool": {"a:b": "x", "A:B": "x"}}),
            "$.Statement[0].Condition.Bool.A:B",
            "named twice",
        ),
        (
            of(Condition={"Bool": {"a:b": "x"}, "bool": {"a:c": "x"}}),
            "$.Statement[0].Condition.bool",
            "named twice",
        ),
        (of(Condition={"Bool": {"a:b": object()}}), "$.Statement[0].Condition.Bool.a:b", "JSON"),
        (of(Condition={"Bool": {"a b": "\ud800"}}), '$.Statement[0].Condition.Bool["a b"]', "half"),
        (r'{"Statement": [], "\ud800": 1}', "$", "half of a surrogate"),
        (without("Effect"), "$.Statement", "needs Effect"),
        (without("Action"), "$.Statement", "needs Action"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(source, path, problem):
    with pytest.raises(PolicySyntaxError) as caught:
        parse(source)
    assert caught.value.path == path
    assert problem in caught.value.problem
    assert str(caught.value) == f"{path}: {caught.value.problem}"


def test_what_aws_takes_is_taken():
    assert parse(of(Condition={})).statements[0].conditions == ()
    assert parse(of(Condition={"Bool": {}})).statements[0].conditions == ()
    assert parse(without("Resource")).statements[0].resources is None


RCP = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
FULL = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (RCP, None),
        (FULL, None),
        (RCP | {"Action": ["s3:*", "sqs:Get*"]}, None),
        ({"Effect": "Deny", "Principal": "*", "Action": "s3:*"}, "needs Resource"),
        (RCP | {"Action": "*"}, "names its service"),
        (RCP | {"Action": "*:Get*"}, "names its service"),
        (RCP | {"Effect": "Allow"}, "Effect of an RCP is Deny"),
        (FULL | {"Resource": "arn:aws:s3:::a"}, "Effect of an RCP is Deny"),
        (RCP | {"Principal": {"AWS": "*"}}, 'Principal of an RCP is "*"'),
        (written.deny("s3:*"), 'Principal of an RCP is "*"'),
        (written.deny("s3:*", NotPrincipal="*"), 'Principal of an RCP is "*"'),
        (
            {"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"},
            "no NotAction",
        ),
    ],
)
def test_an_rcp_has_a_grammar_of_its_own(statement, problem):
    document = {"Version": "2012-10-17", "Statement": [statement]}
    if problem is None:
        assert parse(document, grammar=Grammar.RCP) == parse(document)
        return
    with pytest.raises(PolicySyntaxError, match=problem) as caught:
        parse(document, grammar=Grammar.RCP)
    assert caught.value.path == "$.Statement[0]"


def test_an_rcp_names_the_newer_version():
    with pytest.raises(PolicySyntaxError, match=r"\$\.Version"):
        parse({"Statement": RCP}, grammar=Grammar.RCP)


@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
def test_an_scp_has_no_principal(element):
    document = of(**{element: "*"})
    with pytest.raises(PolicySyntaxError, match="an SCP has no Principal"):
        parse(document, grammar=Grammar.SCP)
    assert parse(of(), grammar=Grammar.SCP) == parse(of())


def test_an_scp_names_its_resources():
    with pytest.raises(PolicySyntaxError, match="needs Resource"):
        parse(without("Resource"), grammar=Grammar.SCP)
