"""Every product whose findings Security Hub passes on, in ASFF."""

import pytest

from findings import catalog
from findings.normalise import asff, controls
from tests.findings.payloads import asff as make
from tests.fixtures import findings as shapes

parse = asff.parse


@pytest.mark.parametrize(
    ("finding", "product", "control_id"),
    [
        (shapes.control(), "securityhub", "S3.8"),
        (make.guardduty(), "guardduty", "GuardDuty.Finding"),
        (make.inspector(), "inspector", "Inspector.Vulnerability"),
        (make.macie(), "macie", "Macie.Finding"),
        (make.config(), "config", "Config.Rule"),
        (make.health(), "health", "Health.Event"),
        (make.patch_manager(), "ssm-patch-manager", "SsmPatchManager.Finding"),
        (make.firewall_manager(), "firewall-manager", "FirewallManager.Finding"),
        (make.prowler(), "prowler", "Prowler.s3_bucket_public_access"),
        (
            shapes.asff(ProductArn=shapes.product("agent", company="sensors")),
            "sensors-agent",
            "SensorsAgent.Finding",
        ),
        (
            shapes.asff(ProductArn=shapes.product("default", company=make.ACCOUNT)),
            "custom",
            "Custom.Finding",
        ),
    ],
)
def test_a_finding_of_each_product_has_its_product_and_control(finding, product, control_id):
    record = parse(finding)
    assert (record.product, record.control_id) == (product, control_id)
    assert record.account_id == make.ACCOUNT
    assert record.region == make.REGION


def test_a_control_without_consolidation_is_the_same_control_in_every_standard():
    found = {
        parse(shapes.control("CloudTrail.2")).control_id,
        parse(shapes.by_standard(rule="CloudTrail.2")).control_id,
        parse(shapes.by_standard("pci-dss/v/4.0.1", "CloudTrail.2")).control_id,
        parse(
            shapes.by_standard("service-managed-aws-control-tower/v/1.0.0", "CT.CloudTrail.2")
        ).control_id,
        parse(shapes.cis_1_2_0("2.7")).control_id,
    }
    assert found == {"CloudTrail.2"}


def test_a_control_that_aws_renamed_is_the_one_of_today():
    assert parse(shapes.by_standard(rule="ELBv2.1")).control_id == "ELB.1"


def test_prowler_keeps_its_checks_apart():
    checks = ["s3_bucket_public_access", "iam_root_mfa_enabled"]
    assert {parse(make.prowler(check)).control_id for check in checks} == {
        "Prowler.s3_bucket_public_access",
        "Prowler.iam_root_mfa_enabled",
    }


def test_the_id_of_a_finding_of_prowler_names_its_check():
    for form in ("prowler-{}-123456789012-eu-west-1-0a1b2c3d4", "prowler-aws-{}-123456789012-x-y"):
        found = controls.prowler_control(form.format("iam_root_mfa_enabled"))
        assert found == "Prowler.iam_root_mfa_enabled"


@pytest.mark.parametrize("check", ["", "prowler-", "Anything at all", "a b_c", "../x_y"])
def test_what_is_no_check_of_prowler_falls_into_one_control(check):
    assert controls.prowler_control(check) == "Prowler.Finding"


def test_the_longest_check_still_fits_the_database():
    check = "account_maintain_different_contact_details_to_security_billing_and_operations"
    assert len(controls.prowler_control(check)) == controls.LONGEST


def test_a_rule_that_nothing_maps_stays_visible_and_fits_the_database():
    finding = shapes.control(
        GeneratorId="x/" + "Y" * 200, Compliance={"Status": "FAILED"}, Remediation=None
    )
    assert parse(finding).control_id == "Y" * controls.LONGEST


@pytest.mark.parametrize(
    ("check", "area"),
    [
        ("s3_bucket_public_access", "DATA_PROTECTION"),
        ("iam_root_mfa_enabled", "IDENTITY"),
        ("accessanalyzer_enabled", "IDENTITY"),
        ("awslambda_function_not_publicly_accessible", "SECURE_DEPLOYMENT"),
        ("cloudtrail_multi_region_enabled", "MONITORING"),
        ("inspector2_is_enabled", "VULNERABILITY"),
        ("vpc_flow_logs_enabled", "SECURE_DEPLOYMENT"),
        ("ssm_document_secrets", "VULNERABILITY"),
        ("telepathy_is_off", ""),
    ],
)
def test_a_check_of_prowler_stands_in_the_area_of_its_service_and_is_not_scored(check, area):
    fact = catalog.fact_of(f"Prowler.{check}")
    assert (fact.area, fact.is_scored) == (area, False)


def test_patch_manager_and_firewall_manager_are_pseudo_controls():
    for name in ("SsmPatchManager.Finding", "FirewallManager.Finding", "Prowler.Finding"):
        fact = catalog.fact_of(name)
        assert fact.title
        assert not fact.is_scored
