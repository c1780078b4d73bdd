"""Hierarchy, exemptions, and what a verdict says of its reasons."""

import pytest

from invariants.engine import (
    ABSENT,
    ANONYMOUS,
    ANYONE,
    PRESENT_UNKNOWN,
    UNKNOWN_STATE,
    Attached,
    Exemption,
    Layer,
    Level,
    OneOf,
    Organization,
    Outcome,
    Principal,
    PrincipalType,
    Reason,
    Request,
    Situation,
    account_of,
    compile_stack,
    evaluate,
    explain,
    parse,
    present,
    principal_of,
    rcp_services,
    strictest,
)
from tests.invariants.engine import written

HIERARCHY = written.vectors("scp_hierarchy")
EXEMPTIONS = written.vectors("exemptions")
ORGANIZATION = Organization(
    EXEMPTIONS["organization"]["management_account"],
    frozenset(EXEMPTIONS["organization"]["accounts"]),
)


def levels_of(names):
    policies = {
        name: written.policy(*statements) for name, statements in HIERARCHY["policies"].items()
    }
    return [
        Level(f"level-{number}", tuple(Attached(name, policies[name]) for name in level))
        for number, level in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param(case["accounts"][account], expected, id=f"{case['id']}:{account}")
        for case in HIERARCHY["cases"]
        for account, expected in case["expected"].items()
    ],
)
def test_scps_of_all_levels_decide_together(levels, expected):
    stack = compile_stack(Layer.SCP, levels_of(levels))
    found = {
        service: evaluate(
            Request(HIERARCHY["actions"][service], "*", written.ROLE), stack
        ).outcome.value
        for service in expected
    }
    assert found == expected


def who(name):
    if name is None:
        return ANYONE
    return ANONYMOUS if name == "anonymous" else principal_of(name)


@pytest.mark.parametrize("case", [pytest.param(one, id=one["id"]) for one in EXEMPTIONS["cases"]])
def test_an_exemption_is_told_from_a_denial(case):
    stack = written.stack([("all", written.policy(written.deny()))], layer=Layer(case["layer"]))
    request = Request(
        case["action"],
        case["resource"],
        who(case["principal"]),
        case["resource_account"],
        situations=frozenset(map(Situation, case["situations"])),
    )
    verdict = evaluate(request, stack, organization=ORGANIZATION)
    exemption = verdict.exemption and verdict.exemption.value
    assert (verdict.outcome, exemption) == (case["outcome"], case["exemption"])
    assert list(verdict.missing) == case["missing"]


def test_there_are_thirty_exemptions_and_more():
    assert len(EXEMPTIONS["cases"]) >= 30
    assert {one["exemption"] for one in EXEMPTIONS["cases"]} >= {one.value for one in Exemption}


def test_without_an_organisation_accounts_are_not_asked_for():
    stack = written.stack([("all", written.policy(written.deny()))])
    foreign = principal_of("arn:aws:iam::444455556666:role/x")
    assert evaluate(written.request(principal=foreign), stack).outcome is Outcome.DENIED


def test_members_that_nobody_listed_are_taken_for_members():
    stack = written.stack([("all", written.policy(written.deny()))])
    foreign = principal_of("arn:aws:iam::444455556666:role/x")
    organization = Organization("999999999999")
    verdict = evaluate(written.request(principal=foreign), stack, organization=organization)
    assert verdict.outcome is Outcome.DENIED


def test_a_role_without_an_arn_may_be_service_linked():
    stack = written.stack([("all", written.policy(written.deny()))])
    nameless = Principal(PrincipalType.ROLE, account_id=written.MEMBER)
    verdict = evaluate(written.request(principal=nameless), stack)
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, Reason.UNKNOWN_SCOPE)


def test_whom_a_layer_reaches_does_not_matter_where_nothing_denies():
    verdict = evaluate(Request("s3:GetObject"), written.stack([]), organization=ORGANIZATION)
    assert (verdict.outcome, verdict.missing) == (Outcome.NOT_DENIED, ())


def test_scps_count_by_the_principal_and_rcps_by_the_owner():
    request = written.request(resource_account_id="444455556666")
    assert account_of(Layer.SCP, request) == written.MEMBER
    assert account_of(Layer.RCP, request) == "444455556666"
    assert account_of(Layer.RCP, written.request()) is None
    without_resource = written.request("s3:ListAllMyBuckets", "*")
    assert account_of(Layer.RCP, without_resource) == written.MEMBER


@pytest.mark.parametrize(
    ("resource", "outcome"),
    [("*", Outcome.NOT_DENIED), (None, Outcome.UNKNOWN), ("arn:aws:s3:::x", Outcome.UNKNOWN)],
)
def test_no_resource_is_not_a_resource_that_nobody_knows(resource, outcome):
    """The management account's own RCPs reach nothing; whose resource it was is another question."""
    denies = written.policy(written.deny("s3:*", Principal="*"))
    stack = written.stack([("closed", denies)], layer=Layer.RCP)
    asker = principal_of(f"arn:aws:iam::{ORGANIZATION.management_account_id}:role/x")
    request = written.request("s3:ListAllMyBuckets", resource, principal=asker)
    assert evaluate(request, stack, organization=ORGANIZATION).outcome is outcome


def test_a_deny_is_named_with_level_policy_statement_and_conditions():
    policy = written.policy(
        written.deny("ec2:*"),
        written.deny(
            "s3:*",
            condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}},
            Sid="Regions",
        ),
    )
    stack = written.stack([], [("Sec-Regions", policy)], [])
    request = written.request(context={"aws:RequestedRegion": present("us-east-1")})
    verdict = evaluate(request, stack)
    assert (verdict.outcome, verdict.reason) == (Outcome.DENIED, Reason.DENY)
    assert (verdict.level, verdict.policy, verdict.sid, verdict.statement) == (
        "level-1",
        "Sec-Regions",
        "Regions",
        1,
    )
    assert [finding.state for finding in verdict.conditions] == [present("us-east-1")]
    assert explain(verdict).splitlines() == [
        "Denied by the service control policies: statement “Regions” of Sec-Regions at level-1.",
        "StringNotEquals aws:RequestedRegion [eu-west-1, eu-west-2] is true: the key is us-east-1.",
    ]


def test_a_missing_allow_is_named_with_its_level():
    stack = compile_stack(Layer.SCP, levels_of([["full"], ["allow-s3"], ["full"]]))
    verdict = evaluate(Request("ec2:RunInstances", "*", written.ROLE), stack)
    assert (verdict.outcome, verdict.reason, verdict.level, verdict.policy) == (
        Outcome.DENIED,
        Reason.NO_ALLOW,
        "level-1",
        None,
    )
    assert "nothing at level-1 allows it" in explain(verdict)


def test_an_allow_that_may_apply_leaves_the_level_open():
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = written.policy(allow | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    stack = compile_stack(Layer.SCP, [Level("root", (Attached("tls", policy),))])
    verdict = evaluate(written.request(), stack)
    assert (verdict.outcome, verdict.missing) == (Outcome.UNKNOWN, ("aws:SecureTransport",))
    denied = evaluate(written.request(context={"aws:SecureTransport": present(False)}), stack)
    assert (denied.outcome, denied.reason) == (Outcome.DENIED, Reason.NO_ALLOW)
    fine = evaluate(written.request(context={"aws:SecureTransport": present(True)}), stack)
    assert fine.outcome is Outcome.NOT_DENIED


def test_rcps_need_no_allow():
    stack = compile_stack(Layer.RCP, [Level("root", ())])
    assert evaluate(written.request(), stack).outcome is Outcome.NOT_DENIED


def test_a_certain_deny_outweighs_an_open_one():
    policy = written.policy(
        written.deny(condition={"Bool": {"aws:SecureTransport": "false"}}),
        written.deny("s3:Delete*"),
    )
    verdict = evaluate(written.request(), written.stack([("p", policy)]))
    assert (verdict.outcome, verdict.statement, verdict.missing) == (Outcome.DENIED, 1, ())


def test_all_missing_keys_are_named_once_as_the_policy_writes_them():
    policy = written.policy(
        written.deny(condition={"Bool": {"AWS:SecureTransport": "false"}}),
        written.deny(
            "s3:*",
            "arn:aws:s3:::${aws:PrincipalTag/Team}-*",
            condition={"StringEquals": {"aws:ResourceTag/Team": "${aws:PrincipalTag/Team}"}},
        ),
        written.deny("ec2:*", condition={"Bool": {"ec2:Encrypted": "false"}}),
        written.deny(
            condition={"Bool": {"a:b": "true"}, "StringEquals": {"aws:PrincipalType": "Account"}}
        ),
    )
    request = written.request(resource="arn:aws:s3:::web-logs")
    verdict = evaluate(request, written.stack([("p", policy)]))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.missing == (
        "AWS:SecureTransport",
        "aws:PrincipalTag/Team",
        "aws:ResourceTag/Team",
    )
    assert explain(verdict).splitlines()[0] == (
        "Unknown: statement number 1 of p at level-0 decides, and may apply or not."
    )


def test_what_aws_does_not_document_is_unknown_with_a_doubt_and_no_missing_key():
    policy = written.policy(written.deny(condition={"StringEquals": {"aws:TagKeys": "a"}}))
    request = written.request(context={"aws:TagKeys": present("a", "b")})
    verdict = evaluate(request, written.stack([("p", policy)]))
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, Reason.UNDOCUMENTED)
    assert "AWS does not say" in explain(verdict)


@pytest.mark.parametrize(
    ("policies", "outcome", "reason"),
    [
        ([("unread", None)], Outcome.UNKNOWN, Reason.UNREADABLE_POLICY),
        ([("unread", None), ("all", written.policy(written.deny()))], Outcome.DENIED, Reason.DENY),
    ],
)
def test_a_policy_that_nobody_could_read_may_deny(policies, outcome, reason):
    verdict = evaluate(written.request(), written.stack(policies))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_policy_that_nobody_could_read_may_allow():
    stack = compile_stack(Layer.SCP, [Level("root", (Attached("unread", None),))])
    verdict = evaluate(written.request(), stack)
    assert (verdict.reason, verdict.level, verdict.policy) == (
        Reason.UNREADABLE_POLICY,
        "root",
        "unread",
    )
    assert explain(verdict) == "Unknown: the policy unread at root could not be read."


def test_a_layer_that_is_not_in_use_denies_nothing():
    verdict = evaluate(written.request(), compile_stack(Layer.SCP, []))
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_DENIED, Reason.NO_POLICIES)


def test_the_strictest_of_several_verdicts_prevails():
    denied = evaluate(written.request(), written.stack([("a", written.policy(written.deny()))]))
    open_one = evaluate(
        written.request(),
        written.stack([("b", written.policy(written.deny(condition={"Null": {"a:b": "true"}})))]),
    )
    fine = evaluate(written.request(), written.stack([]))
    assert strictest([fine, open_one, denied]) is denied
    assert strictest([fine, open_one]) is open_one
    assert strictest([fine]) is fine
    with pytest.raises(ValueError, match=r"empty|no "):
        strictest([])


def test_no_explanation_ever_says_that_something_is_allowed():
    stack = written.stack([])
    exempt = principal_of("arn:aws:iam::111122223333:role/aws-service-role/x/y")
    lines = [
        explain(evaluate(written.request(principal=one), stack)) for one in (written.ROLE, exempt)
    ]
    assert lines == [
        "Not denied by the service control policies: none applies.",
        "Not denied by the service control policies: they do not reach service-linked roles.",
    ]


def test_an_explanation_says_what_is_known_of_each_key():
    policy = written.policy(
        written.deny(
            condition={
                "StringNotLike": {"a:1": "x*", "a:2": "x", "a:3": ["1", "2", "3", "4", "5", "6"]},
                "Bool": {"a:4": "true"},
            }
        )
    )
    request = written.request(
        context={
            "a:1": ABSENT,
            "a:2": UNKNOWN_STATE,
            "a:3": OneOf((ABSENT, present("1"))),
            "a:4": PRESENT_UNKNOWN,
        }
    )
    assert explain(evaluate(request, written.stack([("p", policy)]))).splitlines()[1:] == [
        "StringNotLike a:1 [x*] is true: the key is absent.",
        "StringNotLike a:2 [x] is open: the key is unknown.",
        "StringNotLike a:3 [1, 2, 3, 4, 5, …] is open: the key is absent or 1.",
        "Bool a:4 [true] is open: the key is there with an unknown value.",
        "Missing: a:2, a:3, a:4.",
    ]


def test_the_services_that_rcps_reach_are_data_with_a_date():
    services = rcp_services()
    assert {"s3", "sts", "kms", "sqs", "secretsmanager"} <= services.prefixes
    assert all(prefix == prefix.lower() for prefix in services.prefixes)
    assert services.as_of.year >= 2026
    assert services.source.startswith("https://docs.aws.amazon.com/organizations/")


def test_a_stack_remembers_no_more_actions_than_it_may(monkeypatch):
    monkeypatch.setattr("invariants.engine.stacks.MAX_ACTIONS", 3)
    stack = written.stack([("p", written.policy(written.deny("s3:Get*")))])
    asked = [f"s3:{verb}{noun}" for verb in ("Get", "Put") for noun in ("A", "B", "C", "D")]
    found = [evaluate(written.request(action), stack).outcome for action in asked * 2]
    assert found == ([Outcome.DENIED] * 4 + [Outcome.NOT_DENIED] * 4) * 2


def test_an_organisation_is_read_from_the_text_that_aws_hands_out():
    text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    stack = compile_stack(Layer.SCP, [Level("root", (Attached("FullAWSAccess", parse(text)),))])
    assert evaluate(written.request(), stack).outcome is Outcome.NOT_DENIED


def test_a_resource_with_a_variable_of_several_values_is_not_documented_either():
    policy = written.policy(written.deny(resource="arn:aws:s3:::${aws:TagKeys}"))
    request = written.request(context={"aws:TagKeys": present("logs", "web")})
    verdict = evaluate(request, written.stack([("p", policy)]))
    assert (verdict.reason, verdict.missing) == (Reason.UNDOCUMENTED, ())
    assert explain(verdict).endswith("AWS does not document this case.")
