"""What real findings do that their documentation does not say: each trap by name."""

import json

import pytest

from findings.normalise import reader
from findings.normalise.records import Unreadable
from tests.findings.payloads import asff as make
from tests.findings.payloads import ocsf
from tests.findings.payloads.reading import page_of
from tests.fixtures import findings as shapes


def records_in(document):
    page = page_of(document)
    assert page.rejected == ()
    return page.findings


def only(document):
    (record,) = records_in(document)
    return record


def without(finding, *names):
    return {key: value for key, value in finding.items() if key not in names}


def test_missing_compliance_is_neither_failed_nor_passed():
    assert only(without(shapes.control(), "Compliance")).compliance == ""
    assert only(shapes.control(Compliance=None)).compliance == ""
    assert only(ocsf.finding()).compliance == ""


def test_missing_compliance_still_has_the_control_of_its_generator():
    assert only(without(shapes.control("EC2.8"), "Compliance")).control_id == "EC2.8"


def test_missing_severity_is_not_harmless():
    assert only(without(make.guardduty(), "Severity")).severity == "MEDIUM"
    assert only(ocsf.finding(severity=None, severity_id=None, vendor_attributes=None)).severity == (
        "MEDIUM"
    )


def test_missing_workflow_is_new_and_missing_record_state_active():
    record = only(without(make.guardduty(), "Workflow", "RecordState"))
    assert (record.workflow, record.record_state) == ("NEW", "ACTIVE")


def test_missing_account_is_found_in_the_arns():
    assert only(without(make.guardduty(), "AwsAccountId")).account_id == make.ACCOUNT
    assert only(ocsf.finding(cloud={"account": None}, resources=None)).account_id == make.ACCOUNT


@pytest.mark.parametrize("finding", [make.health(), make.patch_manager()])
def test_missing_product_name_does_not_matter(finding):
    assert "ProductName" not in finding
    named = only(finding | {"ProductName": "Whatever it is called today"})
    assert (named.product, named.control_id) == (only(finding).product, only(finding).control_id)


@pytest.mark.parametrize(
    ("score", "label"),
    [("0", "INFORMATIONAL"), ("39", "LOW"), ("40", "MEDIUM"), ("89.9", "HIGH"), ("90", "CRITICAL")],
)
def test_string_normalized_is_a_number(score, label):
    assert only(shapes.asff(Severity={"Normalized": score})).severity == label


def test_unknown_keys_stop_nothing_and_are_kept():
    finding = make.guardduty(Sample=False, BrandNew={"EpssScore": [1, {"deep": None}]})
    record = only(finding)
    assert record.payload["BrandNew"] == {"EpssScore": [1, {"deep": None}]}
    assert only(ocsf.finding(brand_new=[1])).payload["brand_new"] == [1]


def test_malformed_arns_still_tell_account_and_region():
    detector = f"arn:aws::guardduty:us-east-1:{make.ACCOUNT}:detector/9ab8"
    record = only(without(make.guardduty(Id=f"{detector}/finding/52c9"), "AwsAccountId", "Region"))
    assert (record.account_id, record.region) == (make.ACCOUNT, "us-east-1")


@pytest.mark.parametrize("arn", ["", "arn:aws:securityhub", "product/aws/guardduty", 17])
def test_a_malformed_product_arn_is_refused_with_a_remedy(arn):
    with pytest.raises(Unreadable, match=r"^ProductArn: .*\. .+"):
        reader.read(make.guardduty(ProductArn=arn))


def test_several_resources_are_counted_and_the_first_stands_for_them():
    rows = [{"Type": "AwsEc2SecurityGroup", "Id": f"sg-{number}"} for number in range(3)]
    record = only(shapes.control("EC2.2", Resources=rows))
    assert (record.resource_id, record.resource_count) == ("sg-0", 3)
    buckets = [ocsf.bucket(uid=f"arn:aws:s3:::bucket-{number}") for number in range(3)]
    record = only(ocsf.control(resources=buckets))
    assert (record.resource_id, record.resource_count) == ("arn:aws:s3:::bucket-0", 3)


@pytest.mark.parametrize("rows", [None, [], [None], "none"])
def test_without_resources_the_account_stands_for_them(rows):
    for finding in (shapes.control(Resources=rows), ocsf.control(resources=rows)):
        record = only(finding)
        assert record.resource_id == f"AWS::::Account:{make.ACCOUNT}"
        assert (record.resource_type, record.resource_count) == ("AwsAccount", 0)


@pytest.mark.parametrize("name", ["findings", "Findings"])
def test_both_spellings_of_the_wrapper_are_opened(name):
    found = records_in({name: [make.guardduty(), ocsf.control(), make.prowler()]})
    assert [record.product for record in found] == ["guardduty", "securityhub", "prowler"]


def test_two_findings_in_one_event_are_two():
    event = {
        "detail-type": "Security Hub Findings - Custom Action",
        "source": "aws.securityhub",
        "resources": [f"arn:aws:securityhub:{make.REGION}:{make.ACCOUNT}:action/custom/ticket"],
        "detail": {
            "actionName": "ticket",
            "findings": [shapes.control("EC2.8"), shapes.control("EC2.9")],
        },
    }
    assert [record.control_id for record in records_in(event)] == ["EC2.8", "EC2.9"]


def test_an_event_of_version_2_brings_ocsf():
    event = {
        "detail-type": "Findings Imported V2",
        "source": "aws.securityhub",
        "resources": ["5f" * 32],
        "detail": {"findings": [ocsf.control("IAM.6")]},
    }
    assert only(event).control_id == "IAM.6"


def test_passed_with_new_stays_passed():
    finding = shapes.control(
        Compliance={"Status": "PASSED", "SecurityControlId": "S3.8"},
        Severity={"Label": "INFORMATIONAL", "Original": "HIGH"},
    )
    record = only(finding)
    assert (record.compliance, record.workflow, record.severity) == (
        "PASSED",
        "NEW",
        "INFORMATIONAL",
    )


def test_warning_of_cis_is_kept():
    finding = shapes.cis_1_2_0("1.3", Compliance={"Status": "WARNING"})
    assert (only(finding).compliance, only(finding).control_id) == ("WARNING", "IAM.8")


def test_health_names_resources_without_arns():
    record = only(make.health())
    assert (record.resource_id, record.resource_type) == ("halden-ledger-db", "Other")


def test_uid_is_taken_and_uid_alt_only_where_it_alone_is_an_arn():
    arn = f"arn:aws:guardduty:{make.REGION}:{make.ACCOUNT}:detector/9a/finding/52"
    for info in ({"uid": arn, "uid_alt": "52"}, {"uid": "52", "uid_alt": arn}):
        assert only(ocsf.finding(finding_info=info)).finding_id == arn
    both_bare = {"uid": "52", "uid_alt": "x-52"}
    assert only(ocsf.finding(finding_info=both_bare)).finding_id == "52"


def test_uid_alt_of_a_resource_is_its_arn():
    assert only(ocsf.finding()).resource_id == make.INSTANCE
    bare = ocsf.finding()
    del bare["resources"][0]["uid_alt"]
    assert only(bare).resource_id == make.INSTANCE


def test_crossed_out_accounts_are_refused_with_a_reason_and_stop_nothing():
    crossed = make.inspector(
        AwsAccountId="XXXXXXXXXXXX", Id="arn:aws:inspector2:eu-west-1:XXXXXXXXXXXX:finding/1"
    )
    crossed["Resources"][0]["Id"] = "arn:aws:ec2:eu-west-1:XXXXXXXXXXXX:instance/i-0"
    page = page_of([crossed, make.inspector()])
    (rejected,) = page.rejected
    assert len(page.findings) == 1
    assert rejected.reason.startswith("AwsAccountId: 'XXXXXXXXXXXX' is no account. ")
    assert (rejected.source_id, rejected.shape) == (crossed["Id"], "asff")
    assert json.loads(json.dumps(rejected.payload)) == crossed
