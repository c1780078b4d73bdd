"""Each rule strikes where it should, and not where the same is meant and written well."""

import json
from pathlib import Path

import pytest

from invariants import lint
from invariants.lint import RULES, Guards, Severity
from tests.invariants.lint.examples import (
    EXAMPLES,
    GLOBAL_SERVICES,
    PLATFORM,
    RCP,
    S3_POLICY,
    SCP,
    deny,
    deny_if,
    exempt,
    policy,
    rcp,
    regions,
)

GUIDE = Path(lint.__file__).parents[2] / "docs" / "catalogue.md"


def ids(document, policy_type=SCP, **options):
    return [finding.rule.id for finding in lint.lint(document, policy_type, **options)]


@pytest.mark.parametrize("rule_id", EXAMPLES)
def test_a_policy_that_breaks_the_rule_is_found(rule_id):
    policy_type, bad, _, message = EXAMPLES[rule_id]
    struck = [f for f in lint.lint(bad, policy_type) if f.rule.id == rule_id]
    assert any(message in finding.message for finding in struck)


@pytest.mark.parametrize("rule_id", EXAMPLES)
def test_a_policy_that_keeps_the_rule_is_not(rule_id):
    policy_type, _, good, _ = EXAMPLES[rule_id]
    assert rule_id not in ids(good, policy_type)


@pytest.mark.parametrize("rule_id", EXAMPLES)
def test_a_good_example_is_free_of_errors(rule_id):
    policy_type, _, good, _ = EXAMPLES[rule_id]
    errors = [f for f in lint.lint(good, policy_type) if f.rule.severity is Severity.ERROR]
    assert errors == []


def test_every_rule_has_its_examples():
    assert set(EXAMPLES) == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_explains_itself_and_names_a_page_of_aws(rule):
    assert rule.explanation.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.page.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_guide_lists_every_rule_as_it_is(rule):
    row = f"| [`{rule.id}`]({rule.page}) | {rule.severity} | {rule.explanation} |"
    assert row in GUIDE.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule_id", EXAMPLES)
def test_a_finding_says_where(rule_id):
    policy_type, bad, _, _ = EXAMPLES[rule_id]
    (first, *_) = [f for f in lint.lint(bad, policy_type) if f.rule.id == rule_id]
    assert first.path.startswith("$")
    assert first.rule.fix in str(first)


def test_text_and_object_are_read_alike():
    _, bad, _, _ = EXAMPLES["wildcard-in-equals"]
    assert ids(bad) == ids(json.dumps(bad))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Statement": 3}', "null"])
def test_what_is_no_policy_is_told_and_nothing_breaks(text):
    assert "syntax" in ids(text)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "111122223333"}},
        {"Principal": None, "NotPrincipal": "*"},
        {"Action": None, "NotAction": "s3:GetObject"},
        {"Action": ["s3:GetObject", "*"]},
        {"Principal": None},
    ],
)
def test_an_rcp_is_held_to_its_own_grammar(change):
    statement = rcp()["Statement"][0] | change
    document = policy({name: value for name, value in statement.items() if value})
    assert "rcp-grammar" in ids(document, RCP)


def test_the_gravest_comes_first():
    document = deny_if({"StringNotEqualsIfExists": {"aws:PrincipalArn": "arn:aws:iam::*:role/A"}})
    assert ids(document) == ["wildcard-in-equals", "if-exists-on-negated"]


def test_a_waived_rule_is_silent():
    _, bad, _, _ = EXAMPLES["denies-switching-on"]
    assert ids(bad, waived={"denies-switching-on"}) == []


def test_a_policy_that_sets_values_is_read_for_syntax_placeholders_and_size():
    assert ids({"s3_attributes": {"a": {"@@assign": "all"}}}, S3_POLICY) == []
    assert ids({"s3_attributes": {"a": {"@@assing": "all"}}}, S3_POLICY) == ["syntax"]
    assert ids({"s3_attributes": {"a": {"@@assign": "<value>"}}}, S3_POLICY) == ["placeholder"]


class TestGuards:
    TAGGED = deny_if({"StringNotEquals": {"aws:PrincipalTag/exempt": "true"}})
    NAMED = deny_if(exempt("arn:aws:iam::*:role/team/*"))

    def test_a_tag_that_another_policy_guards_may_exempt(self):
        guard = deny_if(
            {"ForAnyValue:StringLike": {"aws:TagKeys": ["exem*"]}} | exempt(PLATFORM), "*"
        )
        assert ids(self.TAGGED, guards=lint.guards_of([guard])) == []

    def test_a_guard_may_exempt_by_a_tag_that_it_guards_itself(self):
        guard = deny_if(
            {
                "ForAnyValue:StringLike": {"aws:TagKeys": ["dp:*", "team"]},
                "StringNotEquals": {"aws:PrincipalTag/team": "admin"},
            },
            "*",
        )
        assert lint.guards_of([guard]).tags == {"dp:*", "team"}

    def test_a_guard_that_exempts_by_another_tag_is_none(self):
        guard = deny_if(
            {
                "ForAnyValue:StringLike": {"aws:TagKeys": ["dp:*"]},
                "StringNotEquals": {"aws:PrincipalTag/team": "admin"},
            },
            "*",
        )
        assert lint.guards_of([guard]).tags == frozenset()

    @pytest.mark.parametrize(
        "guard",
        [
            deny_if({"ForAllValues:StringLike": {"aws:TagKeys": ["exempt"]}}, "iam:TagRole"),
            deny_if({"ForAnyValue:StringLike": {"aws:TagKeys": ["exempt"]}}, "s3:GetObject"),
            deny_if(
                {
                    "ForAnyValue:StringLike": {"aws:TagKeys": ["exempt"]},
                    "StringEquals": {"aws:RequestedRegion": "eu-west-1"},
                },
                "iam:TagRole",
            ),
        ],
    )
    def test_a_guard_with_a_gap_is_none(self, guard):
        assert lint.guards_of([guard]).tags == frozenset()

    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            (["iam:TagRole", "iam:TagUser"], "*"),
            (["s3:*", "sts:TagSession"], "*"),
            ("*", "arn:aws:iam::*:role/team/*"),
        ],
    )
    def test_a_guard_of_other_tagging_leaves_tags_of_principals_open(self, action, resource):
        condition = {"ForAnyValue:StringLike": {"aws:TagKeys": ["exempt"]}} | exempt(PLATFORM)
        guards = lint.guards_of([deny_if(condition, action, resource)])
        assert guards.tags == {"exempt"}
        assert ids(self.TAGGED, guards=guards) == ["unguarded-tag"]
        of_resource = deny_if({"StringNotEquals": {"aws:ResourceTag/exempt": "true"}})
        assert "unguarded-tag" not in ids(of_resource, guards=guards)

    def test_a_pattern_of_names_may_exempt_where_only_few_create_such_roles(self):
        guard = deny_if(exempt(PLATFORM), "iam:CreateRole", "arn:aws:iam::*:role/team/*")
        assert ids(self.NAMED) == ["role-name-wildcard"]
        assert ids(self.NAMED, guards=lint.guards_of([guard])) == []

    def test_a_guard_of_fewer_names_is_not_enough(self):
        guards = Guards(roles=frozenset({"arn:aws:iam::*:role/team/a*"}))
        assert ids(self.NAMED, guards=guards) == ["role-name-wildcard"]

    def test_a_deny_unless_there_is_a_boundary_guards_no_names(self):
        boundary = {"ArnNotLike": {"iam:PermissionsBoundary": "arn:aws:iam::1:policy/B"}}
        assert lint.guards_of([deny_if(boundary, "iam:CreateRole")]).roles == frozenset()


def test_a_network_perimeter_may_exempt_roles():
    condition = {
        "NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"},
        "StringNotEquals": {"aws:SourceVpc": "vpc-0a1b2c3d4e5f60718"},
    }
    assert ids(deny_if(condition | exempt(PLATFORM))) == []


class TestPublishedMistakes:
    """Mistakes that stand in policies which AWS and others have published as examples."""

    def test_a_literal_star_protects_no_backup(self):
        document = deny_if({"StringEquals": {"backup:Index": "*"}}, "backup:DeleteBackupVault")
        assert "wildcard-in-equals" in ids(document)

    def test_everybody_means_a_literal_star_to_lambda(self):
        document = deny_if({"StringEquals": {"lambda:Principal": "*"}}, "lambda:AddPermission")
        assert ids(document) == []

    def test_an_rcp_by_organisation_locks_services_out(self):
        document = rcp(
            {"StringNotEquals": {"aws:PrincipalOrgID": "o-a", "aws:PrincipalAccount": "1" * 12}},
            "sts:AssumeRole",
        )
        assert ids(document, RCP) == ["rcp-without-service-carve-out"]

    def test_a_placeholder_in_a_negated_condition_locks_everybody_out(self):
        document = deny_if(exempt("arn:aws:iam::${Account}:role/Admin"))
        assert ids(document) == ["placeholder"]

    def test_a_real_variable_is_no_placeholder(self):
        document = deny_if({"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}})
        assert ids(document) == []

    @pytest.mark.parametrize(
        "left", ["{{organization_id}}", "<org-id-1>", "{org-id}", "[ORG]", "ORG_ID"]
    )
    def test_what_is_still_to_be_filled_in_is_found(self, left):
        document = rcp(
            {
                "StringNotEquals": {"aws:PrincipalOrgID": left},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            }
        )
        assert ids(document, RCP) == ["placeholder"]

    def test_a_region_list_in_action_spares_nothing(self):
        document = policy(
            deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})
        )
        assert ids(document) == ["region-without-global-services"]

    def test_a_region_list_with_us_east_1_spares_everything(self):
        condition = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}
        assert ids(policy(deny("*", Condition=condition))) == []

    def test_a_region_list_names_every_global_service(self):
        without_iam = [name for name in GLOBAL_SERVICES if name != "iam:*"]
        (finding,) = lint.lint(regions(*without_iam), SCP)
        assert finding.message == "Denied outside the Regions: iam"

    def test_a_detector_may_be_updated_by_those_who_are_exempt(self):
        assert ids(deny_if(exempt(PLATFORM), "guardduty:UpdateDetector")) == []

    def test_a_tag_condition_on_an_action_without_tags_never_fires(self):
        document = deny_if({"StringEquals": {"aws:RequestTag/team": "x"}}, "s3:ListAllMyBuckets")
        (finding,) = lint.lint(document, SCP)
        assert finding.rule.id == "key-not-for-action"
        assert "never fires" in finding.message

    def test_not_resource_on_an_action_without_resources_always_fires(self):
        statement = {
            "Effect": "Deny",
            "Action": "s3:ListAllMyBuckets",
            "NotResource": "arn:aws:s3:::ours-*",
        }
        (finding,) = lint.lint(policy(statement), SCP)
        assert "always denied" in finding.message
