"""The catalogue that comes with the program: complete, true to AWS, and as good as it says."""

import json
from functools import cache
from pathlib import Path

import pytest
import yaml

from findings.models import Area
from invariants import catalog, engine, lint
from invariants.catalog import RCP, SCP, Answer
from inventory.models.organizations import OuRole

CATALOGUE = catalog.load()
AROUND = catalog.surroundings(CATALOGUE.parameters)
DECIDING = [i for i in CATALOGUE if i.is_authorisation]
SETTING = [i for i in CATALOGUE if not i.is_authorisation]
FINDINGS_DATA = Path(catalog.__file__).parents[2] / "findings" / "data"
# Every invariant that the catalogue was designed to have; ids never change.
ROWS = (
    "acct-leave-org acct-contacts acct-regions acct-region-optin acct-suspended acct-marketplace "
    "acct-nursery cult-explain root-deny root-assume iam-no-users iam-no-svc-creds iam-protect-roles "
    "iam-protect-policies iam-idp iam-oidc-tenant iam-boundary iam-idc-instance iam-assume-ext "
    "iam-ec2-creds dp-identity dp-deputy dp-resource dp-network dp-ram s3-bpa s3-acl-off s3-ssec "
    "tls-only tls-12 ebs-encrypt rds-encrypt kms-delete kms-grant snap-public ami-public "
    "rds-snap-public ssm-doc-public backup-vault ai-optout lambda-public ec2-imdsv2 vpc-bpa net-edge "
    "ec2-ami ec2-serial ai-models mon-cloudtrail mon-config mon-guardduty mon-securityhub "
    "mon-analyzer mon-logs ir-inspector ir-role ir-quarantine ir-evidence"
)


def each(invariants):
    return pytest.mark.parametrize("invariant", invariants, ids=lambda i: i.id)


def results_of(invariant, policy=None):
    stack = catalog.stack_of(invariant) if policy is None else stack_with(invariant, policy)
    return catalog.run_probes(invariant, AROUND, stack=stack)


def stack_with(invariant, policy):
    layer = engine.Layer.RCP if invariant.type == RCP else engine.Layer.SCP
    everything = engine.parse(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    attached = (engine.Attached("all", everything), engine.Attached("it", engine.parse(policy)))
    return engine.compile_stack(layer, [engine.Level("root", attached)])


def without(policy, number):
    """The policy without one of its statements."""
    rest = [s for n, s in enumerate(policy["Statement"]) if n != number]
    return {**policy, "Statement": rest}


def test_every_designed_row_is_there():
    wanted = set(ROWS.split())
    assert len(wanted) == 57
    assert wanted <= set(CATALOGUE.entries)


def test_every_area_has_invariants():
    assert {invariant.area for invariant in CATALOGUE} == set(catalog.Area)


def test_areas_and_roles_are_those_of_the_other_floors():
    assert {area.value for area in catalog.Area} == set(Area.values)
    assert {role.value for role in catalog.AccountRole} - {"MANAGEMENT"} == set(OuRole.values)


def test_it_holds_with_the_values_of_another_organisation(tmp_path):
    """Nothing of the examples is left in a policy or a probe that an organisation has to change."""
    (tmp_path / "parameters.yaml").write_text(yaml.safe_dump(ELSEWHERE), encoding="utf-8")
    own = catalog.load().parameters
    assert set(ELSEWHERE) <= set(own)
    # A folder has a file at least; this one changes nothing that matters.
    change = {"overrides": "tls-12", "because": "For the test.", "owner": "somebody"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(change), encoding="utf-8")
    elsewhere = catalog.load(tmp_path)
    assert [str(remark) for remark in catalog.review(elsewhere)] == []
    assert elsewhere.parameters["organization_id"] == ("o-elsewhere99",)


ELSEWHERE = {
    "organization_id": "o-elsewhere99",
    "management_account": "100000000001",
    "security_account": "100000000002",
    "member_account": "100000000003",
    "outside_account": "100000000004",
    "approved_regions": ["us-west-2", "ap-southeast-2"],
    "other_region": "eu-central-1",
    "office_networks": ["198.51.100.128/25"],
    "office_address": "198.51.100.200",
    "workload_vpcs": ["vpc-1", "vpc-2"],
    "sample_role": "arn:aws:iam::*:role/teams/Builder",
    "protected_roles": ["arn:aws:iam::*:role/central/*"],
    "protected_policies": ["arn:aws:iam::*:policy/central/*"],
    "boundary_policy": "arn:aws:iam::*:policy/central/Boundary",
    "organization_trail": "arn:aws:cloudtrail:*:*:trail/all",
    "audit_log_groups": ["arn:aws:logs:*:*:log-group:/central/*"],
    "audit_log_group": "arn:aws:logs:*:*:log-group:/central/eks:*",
    "partner_accounts": ["100000000005", "100000000006"],
    "github_subjects": ["repo:elsewhere/*"],
    "github_sample": "repo:elsewhere/app:ref:refs/heads/main",
    "approved_models": ["arn:aws:bedrock:*::foundation-model/meta.*"],
    "approved_model": "arn:aws:bedrock:*::foundation-model/meta.llama",
    "approved_image_owners": ["100000000002"],
    "exception_message": "Ask us.",
    **{
        f"{name}_roles": [f"arn:aws:iam::*:role/central/{name}", "arn:aws:iam::*:role/central/All"]
        for name in [
            "platform",
            "access",
            "security",
            "audit",
            "incident",
            "break_glass",
            "finance",
            "procurement",
            "network",
            "key",
            "backup",
            "log",
            "legal_hold",
        ]
    },
}


def test_nothing_shipped_is_a_draft_or_retired():
    assert not [i.id for i in CATALOGUE if i.draft or i.retired]


@each(DECIDING)
def test_its_probes_hold_by_the_engine(invariant):
    assert {r.probe.name: r.answer for r in results_of(invariant)} == {
        probe.name: Answer.HOLDS for probe in invariant.probes
    }


@each(DECIDING)
def test_each_of_its_denials_is_what_some_probe_is_denied_by(invariant):
    for number, statement in enumerate(invariant.policy["Statement"]):
        if statement["Effect"] == "Allow":
            continue
        weaker = without(invariant.policy, number)
        # A policy has at least one statement.
        weaker["Statement"] = weaker["Statement"] or [
            {"Effect": "Deny", "Action": "none:None", "Resource": "*"}
        ]
        if invariant.type == RCP:
            for rest in weaker["Statement"]:
                rest.setdefault("Principal", "*")
        answers = {r.answer for r in results_of(invariant, weaker) if r.must_deny}
        assert answers != {Answer.HOLDS}, statement.get("Sid")


@each([i for i in DECIDING if any("Condition" in s for s in i.policy["Statement"])])
def test_its_conditions_are_what_lets_some_probe_through(invariant):
    bare = [
        {name: value for name, value in statement.items() if name != "Condition"}
        for statement in invariant.policy["Statement"]
    ]
    answers = {
        r.answer
        for r in results_of(invariant, {**invariant.policy, "Statement": bare})
        if not r.must_deny
    }
    assert Answer.BREAKS in answers


@each(SETTING)
def test_its_policy_sets_what_it_demands(invariant):
    results = catalog.run_settings(invariant)
    assert results
    assert {r.answer for r in results} == {Answer.HOLDS}


@each(SETTING)
def test_its_demands_do_not_hold_where_nothing_is_set(invariant):
    assert {r.answer for r in catalog.run_settings(invariant, {})} == {Answer.BREAKS}


@each(list(CATALOGUE))
def test_its_policy_is_clean_by_the_linter(invariant):
    guards = lint.guards_of(i.policy for i in DECIDING)
    found = lint.lint(
        invariant.policy, invariant.type, guards=guards, waived=invariant.lint_waivers
    )
    assert [str(finding) for finding in found] == []


@each([i for i in CATALOGUE if i.lint_waivers])
def test_it_waives_only_rules_that_it_breaks(invariant):
    found = {f.rule.id for f in lint.lint(invariant.policy, invariant.type)}
    assert set(invariant.lint_waivers) <= found


@each(list(CATALOGUE))
def test_its_policy_fits_the_limit_of_its_type(invariant):
    assert not lint.size_budget(invariant.policy, invariant.type).is_over


@pytest.mark.parametrize("policy_type", [SCP, RCP])
@each(DECIDING)
def test_what_must_stay_possible_is_so_under_the_whole_catalogue_together(invariant, policy_type):
    """Nobody is locked out by the sum of invariants that are each right, the responders least of all."""
    for probe in invariant.must_allow:
        stack = whole_stack(policy_type, probe.account_role)
        result = catalog.run_probe(probe, AROUND, stack, must_deny=False)
        assert result.answer is Answer.HOLDS, f"{probe.name}: {engine.explain(result.verdict)}"


@cache
def whole_stack(policy_type, role):
    everything = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    }
    attached = [engine.Attached("all", engine.parse(everything))]
    attached += [
        engine.Attached(i.id, engine.parse(i.policy))
        for i in DECIDING
        if i.type == policy_type and (i.targets.root or role in i.targets.ou_roles)
    ]
    layer = engine.Layer.RCP if policy_type == RCP else engine.Layer.SCP
    return engine.compile_stack(layer, [engine.Level("root", tuple(attached))])


@each(DECIDING)
def test_every_role_that_it_exempts_has_a_request_that_passes(invariant):
    """Of each parameter of roles in ArnNotLike one role is probed, somewhere in the catalogue."""
    exempt = {
        value
        for statement in invariant.policy["Statement"]
        for value in statement.get("Condition", {})
        .get("ArnNotLike", {})
        .get("aws:PrincipalArn", [])
    }
    passing = {probe.principal for i in DECIDING for probe in i.must_allow}
    assert not exempt or exempt & passing


@each([i for i in CATALOGUE if i.detects.security_hub])
def test_its_controls_are_real(invariant):
    areas = yaml.safe_load((FINDINGS_DATA / "control_areas.yaml").read_text(encoding="utf-8"))
    preventive = yaml.safe_load(
        (FINDINGS_DATA / "preventive_controls.yaml").read_text(encoding="utf-8")
    )
    services = {name for area in areas["areas"].values() for name in area["services"]}
    named = json.dumps([areas, preventive])
    for control in invariant.detects.security_hub:
        assert control.split(".")[0] in services, control
        assert f'"{control}"' in named or control in OTHER_CONTROLS, control


# Controls of Security Hub that the two files name by their service only.
# https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-controls-reference.html
OTHER_CONTROLS = {"CloudWatch.1", "S3.15", "S3.17"}


def test_what_findings_call_preventable_has_an_invariant():
    """The hints beside a finding and the catalogue say the same."""
    preventive = yaml.safe_load(
        (FINDINGS_DATA / "preventive_controls.yaml").read_text(encoding="utf-8")
    )
    hinted = {
        control
        for entry in preventive["preventions"]
        for control in entry["controls"]
        if "." in control and not control.startswith("AccessAnalyzer.")
    }
    mapped = {control for i in CATALOGUE for control in i.detects.security_hub}
    assert sorted(hinted - mapped) == sorted(LEFT_OUT)


# S3.19 asks for access points, which the S3 policy of the organisation does not set. Inspector.3 asks
# for the scanning of Lambda code, which the policy leaves to the account.
LEFT_OUT = {"S3.19", "Inspector.3"}
