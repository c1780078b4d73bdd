import pytest

from findings.normalise import asff
from tests.fixtures import findings as make

parse = asff.parse


@pytest.mark.parametrize(
    ("finding", "control_id", "standard"),
    [
        (make.by_standard(), "S3.8", f"standards/{make.FSBP}"),
        (
            make.by_standard("service-managed-aws-control-tower/v/1.0.0", "CT.S3.8"),
            "S3.8",
            "standards/service-managed-aws-control-tower/v/1.0.0",
        ),
        (
            make.by_standard("nist-800-53/v/5.0.0", "ELB.2", ProductFields=None),
            "ELB.2",
            "standards/nist-800-53/v/5.0.0",
        ),
        (
            make.cis_1_2_0("2.7"),
            "CloudTrail.2",
            "ruleset/cis-aws-foundations-benchmark/v/1.2.0",
        ),
        (
            make.cis_1_2_0("3.14", ProductFields=None),
            "CloudWatch.14",
            "ruleset/cis-aws-foundations-benchmark/v/1.2.0",
        ),
        (
            make.by_standard(
                "cis-aws-foundations-benchmark/v/1.4.0",
                "1.16",
                Remediation={"Recommendation": {"Url": "https://x/securityhub/IAM.1/remediation"}},
            ),
            "IAM.1",
            "standards/cis-aws-foundations-benchmark/v/1.4.0",
        ),
        (
            make.by_standard("pci-dss/v/3.2.1", "PCI.S3.1"),
            "PCI.S3.1",
            "standards/pci-dss/v/3.2.1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_control_is_found_with_consolidation_off(finding, control_id, standard):
    record = parse(finding)
    assert (record.control_id, record.standards) == (control_id, (standard,))


def test_the_id_that_aws_gives_goes_before_the_generator():
    finding = make.cis_1_2_0("2.7", Compliance={"Status": "FAILED", "SecurityControlId": "X.1"})
    assert parse(finding).control_id == "X.1"


@pytest.mark.parametrize(
    ("name", "company", "product", "control_id"),
    [
        ("guardduty", "aws", "guardduty", "GuardDuty.Finding"),
        ("inspector", "aws", "inspector", "Inspector.Vulnerability"),
        ("macie", "aws", "macie", "Macie.Finding"),
        ("config", "aws", "config", "Config.Rule"),
        ("health", "aws", "health", "Health.Event"),
        ("ssm-patch-manager", "aws", "ssm-patch-manager", "SsmPatchManager.Finding"),
        ("prowler", "prowler", "prowler", "Prowler.Finding"),
        ("cloud-one", "trend", "trend-cloud-one", "TrendCloudOne.Finding"),
        ("default", "123456789012", "custom", "Custom.Finding"),
    ],
)
def test_the_product_comes_from_its_arn_and_never_from_its_name(name, company, product, control_id):
    record = parse(make.asff(ProductArn=make.product(name, company), ProductName="Security Hub"))
    assert (record.product, record.control_id, record.standards) == (product, control_id, ())


@pytest.mark.parametrize(
    ("fields", "control_id", "is_public"),
    [
        ({"Resources": [{"Details": {"Other": {"External Principal": "*"}}}]}, "External", True),
        ({"Resources": [{"Details": {"Other": {"External Principal": "1"}}}]}, "External", False),
        ({"ProductFields": {"findingType": "UnusedPermission"}}, "UnusedPermission", None),
    ],
)
def test_access_analyzer_findings_get_the_control_of_their_type(fields, control_id, is_public):
    record = parse(make.asff(ProductArn=make.product("access-analyzer"), **fields))
    assert record.control_id.startswith(f"AccessAnalyzer.{control_id}")
    assert record.is_public is is_public
