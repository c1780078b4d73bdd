import dataclasses
from datetime import UTC, datetime

import pytest

from findings.normalise import asff, ocsf
from findings.normalise.records import Unreadable
from findings.normalise.resources import asff_id, asff_type
from tests.findings.payloads import asff as plain
from tests.findings.payloads import ocsf as make
from tests.fixtures import findings as shapes

parse = ocsf.parse
MODIFIED = datetime(2026, 5, 2, 10, tzinfo=UTC)
# What tells a finding apart, and where it belongs.
IDENTITY = (
    "finding_id",
    "product_arn",
    "product",
    "account_id",
    "region",
    "control_id",
    "resource_id",
    "resource_type",
)


def identity(record):
    return {name: getattr(record, name) for name in IDENTITY}


def test_a_control_finding_is_read_whole():
    payload = make.control()
    record = parse(payload)
    assert dataclasses.asdict(record) | {"content_hash": b""} == {
        "finding_id": payload["finding_info"]["uid"],
        "product_arn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "product": "securityhub",
        "account_id": plain.ACCOUNT,
        "region": plain.REGION,
        "control_id": "S3.8",
        "generator_id": "security-control/S3.8",
        "title": "A title",
        "description": "A description",
        "severity": "HIGH",
        "compliance": "FAILED",
        "workflow": "NEW",
        "record_state": "ACTIVE",
        "resource_id": "arn:aws:s3:::a-bucket",
        "resource_type": "AwsS3Bucket",
        "resource_region": plain.REGION,
        "resource_count": 1,
        "standards": ("ruleset/cis-aws-foundations-benchmark/v/1.2.0", make.STANDARD),
        "first_observed_at": datetime(2026, 5, 1, 9, 59, tzinfo=UTC),
        "created_at": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "updated_at": MODIFIED,
        "remediation_url": "https://docs.aws.amazon.com/console/securityhub/S3.8/remediation",
        "is_public": None,
        "note": "",
        "payload": payload,
        "content_hash": b"",
        "vulnerabilities": (),
    }


def test_a_control_finding_is_the_same_in_both_formats():
    one, other = asff.parse(shapes.control("S3.2")), parse(make.control("S3.2"))
    assert identity(one) == identity(other)
    names = ("severity", "compliance", "workflow", "record_state", "standards", "is_public")
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    assert (one.created_at, one.updated_at) == (other.created_at, other.updated_at)
    assert (one.first_observed_at, one.remediation_url) == (
        other.first_observed_at,
        other.remediation_url,
    )


def test_a_threat_is_the_same_in_both_formats():
    whole = plain.guardduty()
    info = {"uid": whole["Id"], "uid_alt": whole["Id"].rpartition("/")[2]}
    assert identity(asff.parse(whole)) == identity(parse(make.finding(finding_info=info)))


def test_a_check_of_prowler_is_the_same_in_both_formats():
    for check in ("s3_bucket_public_access", "iam_root_mfa_enabled"):
        one, other = asff.parse(plain.prowler(check)), parse(make.prowler(check))
        assert identity(one) == identity(other)
        assert (one.is_public, one.compliance) == (other.is_public, other.compliance)


def test_a_check_of_prowler_in_security_hub_is_the_same_in_both_formats():
    whole = plain.prowler("iam_root_mfa_enabled", resource="a-bucket")
    product = {"uid": f"arn:aws:securityhub:{plain.REGION}::productv2/prowler/prowler"}
    row = make.bucket(type="AWS::S3::Bucket", uid="a-bucket")
    finding = make.finding(
        finding_info={"uid": whole["Id"]}, metadata={"product": product}, resources=[row]
    )
    assert identity(asff.parse(whole)) == identity(parse(finding))


def test_rules_of_a_standard_are_found_without_a_control():
    ids = {
        "security-control/EC2.8/finding/1": "EC2.8",
        "subscription/cis-aws-foundations-benchmark/v/1.2.0/2.7/finding/1": "CloudTrail.2",
        "subscription/pci-dss/v/4.0.1/KMS.4/finding/1": "KMS.4",
    }
    for name, control_id in ids.items():
        uid = f"arn:aws:securityhub:{plain.REGION}:{plain.ACCOUNT}:{name}"
        finding = make.control(compliance={"control": None}, finding_info={"uid": uid})
        found = parse(make.merged(finding, {"remediation": None}))
        assert found.control_id == control_id


@pytest.mark.parametrize(
    ("severity_id", "label"),
    [
        (1, "INFORMATIONAL"),
        (2, "LOW"),
        (3, "MEDIUM"),
        (4, "HIGH"),
        (5, "CRITICAL"),
        (6, "CRITICAL"),
    ],
)
def test_every_severity_has_its_label(severity_id, label):
    finding = make.finding(severity_id=severity_id, severity=None)
    assert parse(finding).severity == label


@pytest.mark.parametrize("severity_id", [0, 99, None])
def test_a_severity_that_says_nothing_is_the_providers(severity_id):
    vendor = {"severity_id": 2, "severity": "Low"}
    finding = make.finding(severity_id=severity_id, severity="Unknown", vendor_attributes=vendor)
    assert parse(finding).severity == "LOW"


@pytest.mark.parametrize(
    ("status_id", "workflow", "record_state"),
    [
        (None, "NEW", "ACTIVE"),
        (0, "NEW", "ACTIVE"),
        (1, "NEW", "ACTIVE"),
        (2, "NOTIFIED", "ACTIVE"),
        (3, "SUPPRESSED", "ACTIVE"),
        (4, "RESOLVED", "ACTIVE"),
        (5, "NEW", "ARCHIVED"),
        (6, "NEW", "ARCHIVED"),
        (99, "NEW", "ACTIVE"),
    ],
)
def test_status_becomes_workflow_and_record_state(status_id, workflow, record_state):
    record = parse(make.finding(status_id=status_id))
    assert (record.workflow, record.record_state) == (workflow, record_state)


def test_the_activity_close_archives_and_keeps_the_workflow():
    record = parse(make.finding(activity_id=3, status_id=3))
    assert (record.workflow, record.record_state) == ("SUPPRESSED", "ARCHIVED")


@pytest.mark.parametrize(
    ("compliance", "read"),
    [
        ({"status": "Pass", "status_id": 1}, "PASSED"),
        ({"status": "Warning", "status_id": 2}, "WARNING"),
        ({"status": "Fail", "status_id": 3}, "FAILED"),
        ({"status": None, "status_id": 3}, "FAILED"),
        ({"status": "Pass", "status_id": None}, "PASSED"),
        ({"status": "Unknown", "status_id": 0}, "NOT_AVAILABLE"),
        ({"status": "Not Available", "status_id": 99}, "NOT_AVAILABLE"),
        ({"status": "Fail", "status_id": 99}, "FAILED"),
    ],
)
def test_every_compliance_is_read(compliance, read):
    assert parse(make.control(compliance=compliance)).compliance == read


@pytest.mark.parametrize(
    ("status", "read"), [("PASS", "PASSED"), ("FAIL", "FAILED"), ("MANUAL", "NOT_AVAILABLE")]
)
def test_prowler_says_its_result_in_the_status_code(status, read):
    assert parse(make.prowler(status=status)).compliance == read


def test_a_status_code_of_another_product_says_nothing():
    assert parse(make.finding(status_code="200")).compliance == ""


def test_a_muted_check_of_prowler_is_suppressed():
    assert parse(make.prowler(status_id=3, status="Suppressed")).workflow == "SUPPRESSED"


def test_prowlers_local_times_are_not_taken_for_utc():
    record = parse(make.prowler())
    assert record.created_at == record.updated_at == MODIFIED


def test_a_link_is_found_between_shell_commands():
    assert parse(make.prowler()).remediation_url == "https://docs.example.org/s3"


@pytest.mark.parametrize(
    "times",
    [
        {"modified_time": 1777716000000, "modified_time_dt": None},
        {"modified_time": None, "modified_time_dt": "2026-05-02T12:00:00+02:00"},
        {"modified_time": 1777716000, "modified_time_dt": None},
        {"modified_time": 1777716000.0, "modified_time_dt": None},
        {"modified_time": 1, "modified_time_dt": "2026-05-02T10:00:00Z"},
    ],
)
def test_either_twin_of_a_time_is_enough(times):
    assert parse(make.finding(finding_info=times)).updated_at == MODIFIED


def test_without_a_time_of_change_the_time_of_the_event_counts():
    gone = {"modified_time": None, "modified_time_dt": None}
    assert parse(make.finding(finding_info=gone)).updated_at == MODIFIED


def test_a_comment_is_the_note():
    assert parse(make.finding(comment="Accepted until June")).note == "Accepted until June"


def test_a_product_without_an_arn_gets_the_one_that_it_would_have():
    product = {"name": "Rule Engine", "vendor_name": "Acme", "uid": "acme-rules"}
    record = parse(make.finding(metadata={"product": product}))
    assert record.product_arn == f"arn:aws:securityhub:{plain.REGION}::product/acme/ruleengine"
    assert record.product == "acme-ruleengine"


@pytest.mark.parametrize("name", ["global", "aws-global", "<region>", "x" * 40])
def test_what_is_no_region_is_none(name):
    uid = {"uid": "no-arn"}
    assert parse(make.finding(cloud={"region": name}, finding_info=uid)).region == ""


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"class_uid": 3002}, "class_uid"),
        ({"class_uid": "2004"}, "class_uid"),
        ({"finding_info": {"uid": None}, "metadata": {"uid": None}}, "finding_info.uid"),
        ({"metadata": {"product": None}}, "metadata.product.uid"),
        ({"metadata": {"product": {"uid": "arn:aws:securityhub"}}}, "ProductArn"),
        ({"status_id": 42}, "status_id"),
        ({"status_id": "New"}, "status_id"),
        ({"compliance": {"status_id": 42}}, "status_id"),
        ({"compliance": {"status": "Something new"}}, "compliance.status"),
        ({"finding_info": {"modified_time": 1e300, "modified_time_dt": None}}, "modified_time"),
        ({"finding_info": {"modified_time_dt": "yesterdayZ"}}, "modified_time_dt"),
    ],
)
def test_what_cannot_be_read_names_the_field_and_a_remedy(changes, field):
    with pytest.raises(Unreadable) as caught:
        parse(make.finding(**changes))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert ". " in str(caught.value)


def test_without_any_time_it_cannot_be_read():
    names = ("created_time", "modified_time", "first_seen_time")
    info = dict.fromkeys([*names, *(f"{name}_dt" for name in names)])
    with pytest.raises(Unreadable, match=r"^finding_info\.modified_time: is missing"):
        parse(make.finding(finding_info=info, time=None, time_dt=None))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("AWS::S3::Bucket", "AwsS3Bucket"),
        ("AWS::EC2::Instance", "AwsEc2Instance"),
        ("AWS::EC2::VPC", "AwsEc2Vpc"),
        ("AWS::EC2::EIP", "AwsEc2Eip"),
        ("AWS::EC2::VPCPeeringConnection", "AwsEc2VpcPeeringConnection"),
        ("AWS::RDS::DBInstance", "AwsRdsDbInstance"),
        ("AWS::DynamoDB::Table", "AwsDynamoDbTable"),
        ("AWS::IAM::AccessKey", "AwsIamAccessKey"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AwsElbv2LoadBalancer"),
        ("AWS::StepFunctions::StateMachine", "AwsStepFunctionStateMachine"),
        ("AWS::WAFv2::WebACL", "AwsWafv2WebAcl"),
        ("AWS::XRay::EncryptionConfig", "AwsXrayEncryptionConfig"),
        ("AWS::AppSync::GraphQLApi", "AwsAppSyncGraphQlApi"),
        ("AWS::Events::EventBus", "AwsEventsEventbus"),
        ("AWS::::Account", "AwsAccount"),
        ("AwsS3Bucket", "AwsS3Bucket"),
        ("Other", "Other"),
        ("", ""),
    ],
)
def test_types_of_resources_have_the_names_of_asff(name, told):
    assert asff_type(name) == told


@pytest.mark.parametrize(
    ("uid", "kind", "told"),
    [
        (plain.ACCOUNT, "AwsAccount", f"AWS::::Account:{plain.ACCOUNT}"),
        (f"AWS::::Account:{plain.ACCOUNT}", "AwsAccount", f"AWS::::Account:{plain.ACCOUNT}"),
        ("a-bucket", "AwsS3Bucket", "arn:aws-cn:s3:::a-bucket"),
        (
            "sg-1",
            "AwsEc2SecurityGroup",
            f"arn:aws-cn:ec2:cn-north-1:{plain.ACCOUNT}:security-group/sg-1",
        ),
        ("AWS::IAM::AccessKey:AKIA", "AwsIamAccessKey", "AWS::IAM::AccessKey:AKIA"),
        ("mail.example.org", "Other", "mail.example.org"),
    ],
)
def test_bare_ids_become_those_of_asff(uid, kind, told):
    place = {"partition": "aws-cn", "region": "cn-north-1", "account_id": plain.ACCOUNT}
    assert asff_id(uid, kind=kind, **place) == told
