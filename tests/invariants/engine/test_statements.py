"""Action, resource and principal of a statement; and the versions of the language."""

import pytest

from invariants.engine import (
    ABSENT,
    ANONYMOUS,
    ANYONE,
    PRESENT_UNKNOWN,
    UNKNOWN,
    Present,
    Principal,
    PrincipalType,
    Request,
    parse,
    present,
    principal_of,
    statement_truth,
)
from invariants.engine.matching import compile_statement
from tests.invariants.engine import written
from tests.invariants.engine.written import TRUTHS

CASES = [
    pytest.param(case, id=f"{name}:{case['id']}")
    for name in ("actions", "resources", "principals")
    for case in written.vectors(name)["cases"]
]


def who(name):
    if name is None:
        return ANYONE
    return ANONYMOUS if name == "anonymous" else principal_of(name)


def request_of(case):
    asked = case["request"]
    return Request(
        asked["action"],
        asked.get("resource", "*"),
        who(asked.get("principal")),
        context=written.context(asked.get("context", {})),
    )


@pytest.mark.parametrize("case", CASES)
def test_a_statement_matches_as_the_rule_says(case):
    version = case.get("version", "2012-10-17")
    policy = parse({"Version": version, "Statement": {"Effect": "Deny"} | case["statement"]})
    statement = policy.statements[0]
    assert statement_truth(statement, request_of(case), version=version) is TRUTHS[case["expected"]]
    compiled = compile_statement(statement, has_variables=policy.has_variables)
    if case["expected"] == "U":
        assert list(compiled.missing(request_of(case))) == case["missing"]


@pytest.mark.parametrize(
    ("name", "kind", "account_id"),
    [
        ("arn:aws:iam::111122223333:role/path/x", PrincipalType.ROLE, "111122223333"),
        ("arn:aws-cn:iam::111122223333:user/x", PrincipalType.USER, "111122223333"),
        ("arn:aws:iam::111122223333:root", PrincipalType.ROOT, "111122223333"),
        (
            "arn:aws:sts::111122223333:federated-user/x",
            PrincipalType.FEDERATED_USER,
            "111122223333",
        ),
        ("ec2.amazonaws.com", PrincipalType.SERVICE, None),
    ],
)
def test_a_principal_is_known_by_its_arn_or_name(name, kind, account_id):
    principal = principal_of(name)
    assert (principal.type, principal.arn, principal.account_id) == (kind, name, account_id)


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:sts::111122223333:assumed-role/x/s",
        "arn:aws:s3:::a",
        "someone",
        "",
        "ec2.example.com",
    ],
)
def test_the_arn_of_a_session_does_not_tell_its_role(name):
    with pytest.raises(ValueError, match="is no role"):
        principal_of(name)


@pytest.mark.parametrize("action", ["", "s3", "s3:", ":GetObject"])
def test_an_action_of_a_request_has_a_service(action):
    with pytest.raises(ValueError, match="service:Action"):
        Request(action)


def test_the_principal_fills_its_keys_in_and_the_context_overrules_it():
    user = principal_of("arn:aws:iam::111122223333:user/team/ada")
    states = Request("a:B", principal=user, context={"AWS:PrincipalType": PRESENT_UNKNOWN}).states
    assert states == {
        "aws:principalarn": present("arn:aws:iam::111122223333:user/team/ada"),
        "aws:principalaccount": present("111122223333"),
        "aws:principaltype": PRESENT_UNKNOWN,
        "aws:principalisawsservice": present(False),
        "aws:principalservicename": ABSENT,
        "aws:principalservicenameslist": ABSENT,
        "aws:username": present("ada"),
    }


@pytest.mark.parametrize(
    ("principal", "states"),
    [
        (ANYONE, {}),
        (
            principal_of("ec2.amazonaws.com"),
            {
                "aws:principalisawsservice": present(True),
                "aws:principalservicename": present("ec2.amazonaws.com"),
                "aws:username": ABSENT,
            },
        ),
    ],
)
def test_of_a_service_and_of_nobody_less_is_known(principal, states):
    assert Request("a:B", principal=principal).states == states


def test_only_a_user_has_a_name_and_an_anonymous_request_no_arn():
    assert Request("a:B", principal=written.ROLE).states["aws:username"] == ABSENT
    assert Request("a:B", principal=ANONYMOUS).states["aws:principalarn"] == ABSENT


def test_values_are_written_as_aws_writes_them():
    assert present("a", True, 3) == Present(("a", "true", "3"))


@pytest.mark.parametrize(
    ("value", "truth"),
    [("111122223333", "T"), ("444455556666", "F"), ("arn:aws:iam::111122223333:role/x", "U")],
)
def test_a_principal_of_which_only_the_account_is_known(value, truth):
    nameless = Principal(PrincipalType.ROLE, account_id="111122223333")
    statement = written.policy(written.deny(Principal={"AWS": value})).statements[0]
    assert statement_truth(statement, Request("a:B", principal=nameless)) is TRUTHS[truth]


def test_a_principal_of_an_unknown_account_may_be_of_any():
    stranger = Principal(PrincipalType.ROLE, "arn:aws:iam::111122223333:role/x")
    statement = written.policy(written.deny(Principal={"AWS": "111122223333"})).statements[0]
    assert statement_truth(statement, Request("a:B", principal=stranger)) is UNKNOWN
    assert "aws:principalaccount" not in Request("a:B", principal=stranger).states


def test_a_user_without_a_name_has_one_that_nobody_knows():
    request = Request("a:B", principal=Principal(PrincipalType.USER))
    assert request.states["aws:username"] == PRESENT_UNKNOWN
