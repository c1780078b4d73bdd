"""Findings that others published, where the collection of them is at hand.

It lies beside the checkout, or where PARAPET_SAMPLES says. What is in it does not belong to us, so
here stand the names of its files and what must come of them.
"""

import json
import os
from pathlib import Path

import pytest

from tests.findings.payloads.reading import page_of

FOLDER = Path(os.environ.get("PARAPET_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")
FILES = {path.name: path for path in sorted(FOLDER.glob("*.json"))}
NO_ACCOUNT_ASFF = "AwsAccountId: 'XXXXXXXXXXXX' is no account"
NO_ACCOUNT_OCSF = "cloud.account.uid: '<account_uid>' is no account"

# For each finding its product, control, compliance, workflow and record state; then how many are
# refused, and why.
EXPECTED = {
    "asff_access_analyzer_external.json": (
        ["access-analyzer AccessAnalyzer.ExternalAccess - NEW ACTIVE"],
        [],
    ),
    "asff_access_analyzer_unused_permission.json": (
        ["access-analyzer AccessAnalyzer.UnusedPermission - NEW ARCHIVED"],
        [],
    ),
    "asff_config_rule.json": (["config Config.Rule FAILED NEW ACTIVE"], []),
    "asff_guardduty_batch.json": (["guardduty GuardDuty.Finding - NEW ACTIVE"] * 4, []),
    "asff_guardduty_doc.json": (["guardduty GuardDuty.Finding - NEW ACTIVE"], []),
    "asff_health.json": (["health Health.Event - NEW ACTIVE"], []),
    "asff_inspector_ec2_cve.json": (
        ["inspector Inspector.Vulnerability - NEW ACTIVE"],
        [NO_ACCOUNT_ASFF] * 4,
    ),
    "asff_securityhub_account_level_s31.json": (["securityhub S3.1 FAILED NEW ACTIVE"], []),
    "asff_securityhub_cis12_cloudtrail27.json": (
        ["securityhub CloudTrail.2 FAILED NEW ACTIVE"],
        [],
    ),
    "asff_securityhub_consolidated_cloudtrail2.json": (
        ["securityhub CloudTrail.2 FAILED NEW ACTIVE"],
        [],
    ),
    "asff_securityhub_controltower.json": (["securityhub CloudTrail.2 FAILED NEW ACTIVE"], []),
    "asff_securityhub_ec28_imdsv2.json": (["securityhub EC2.8 FAILED NEW ACTIVE"], []),
    "asff_securityhub_fsbp_cloudtrail2.json": (["securityhub CloudTrail.2 FAILED NEW ACTIVE"], []),
    "asff_securityhub_iam7_password_policy.json": (["securityhub IAM.7 FAILED NEW ACTIVE"], []),
    "asff_securityhub_multi_resource.json": (
        ["securityhub EC2.2 FAILED NEW ACTIVE", "securityhub S3.8 FAILED NEW ACTIVE"],
        [],
    ),
    "asff_securityhub_passed.json": (
        [
            "securityhub IAM.5 PASSED NEW ACTIVE",
            "securityhub SSM.2 PASSED NEW ACTIVE",
            "securityhub ELB.1 PASSED NEW ACTIVE",
        ],
        [],
    ),
    "eventbridge_findings_imported_v2.json": (["guardduty GuardDuty.Finding - NEW ACTIVE"], []),
    "eventbridge_imported_cis13.json": (["securityhub IAM.8 WARNING NEW ACTIVE"], []),
    "ocsf_prowler_aws.json": ([], [NO_ACCOUNT_OCSF] * 3),
    "ocsf_v2_compliance_config1_update.json": (["securityhub Config.1 FAILED NEW ACTIVE"], []),
    "ocsf_v2_guardduty_create.json": (["guardduty GuardDuty.Finding - NEW ACTIVE"], []),
}

pytestmark = pytest.mark.skipif(not FILES, reason="the collection of real findings is not here")


def told(record):
    states = (record.compliance or "-", record.workflow, record.record_state)
    return " ".join((record.product, record.control_id, *states))


def read(name):
    document = json.loads(FILES[name].read_text(encoding="utf-8"))
    return page_of(document)


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_read_or_refused_for_the_right_reason(name):
    page = read(name)
    findings, reasons = EXPECTED[name]
    assert [told(record) for record in page.findings] == findings
    assert [row.reason.partition(". ")[0] for row in page.rejected] == reasons
    assert all(row.reason.partition(". ")[2] for row in page.rejected), "each names a remedy"


def test_the_same_threat_is_one_finding_in_both_versions_of_security_hub():
    """Files of one product agree on what its ARN is and on how they name its resources."""
    names = ("asff_guardduty_batch.json", "ocsf_v2_guardduty_create.json")
    if not set(names) <= set(FILES):
        pytest.skip("not both files are here")
    one, two = (read(name).findings[0] for name in names)
    assert one.product_arn == two.product_arn
    assert one.resource_type == two.resource_type == "AwsEc2Instance"
    assert one.resource_id.startswith("arn:aws:ec2:us-east-1:123456789012:instance/i-")
    assert two.resource_id.startswith("arn:aws:ec2:us-east-1:123456789012:instance/i-")


def test_a_check_of_prowler_is_read_once_its_account_is_filled_in():
    name = "ocsf_prowler_aws.json"
    if name not in FILES:
        pytest.skip("the file is not here")
    text = FILES[name].read_text(encoding="utf-8")
    filled = text.replace("<account_uid>", "123456789012").replace("<region>", "eu-west-1")
    page = page_of(json.loads(filled))
    assert page.rejected == ()
    assert [told(record) for record in page.findings][:2] == [
        "prowler Prowler.accessanalyzer_enabled FAILED NEW ACTIVE",
        "prowler Prowler.account_maintain_current_contact_details NOT_AVAILABLE NEW ACTIVE",
    ]
