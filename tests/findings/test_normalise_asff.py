import dataclasses
from datetime import UTC, datetime

import pytest

from findings.normalise import asff
from findings.normalise.records import Unreadable
from tests.fixtures import findings as make

parse = asff.parse


def test_a_consolidated_control_finding_is_read_whole():
    record = parse(make.control())
    payload = make.control()
    assert dataclasses.asdict(record) | {"content_hash": b""} == {
        "finding_id": payload["Id"],
        "product_arn": payload["ProductArn"],
        "product": "securityhub",
        "account_id": make.ACCOUNT,
        "region": make.REGION,
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
        "resource_region": "",
        "resource_count": 1,
        "standards": (
            "ruleset/cis-aws-foundations-benchmark/v/1.2.0",
            f"standards/{make.FSBP}",
        ),
        "first_observed_at": datetime(2026, 5, 1, 9, 59, tzinfo=UTC),
        "created_at": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "updated_at": datetime(2026, 5, 2, 10, tzinfo=UTC),
        "remediation_url": "https://docs.aws.amazon.com/console/securityhub/S3.8/remediation",
        "is_public": None,
        "note": "",
        "vulnerabilities": (),
        "payload": payload,
        "content_hash": b"",
    }
    assert len(record.content_hash) == 16


def test_a_passed_check_that_is_still_new_stays_as_it_came():
    finding = make.control(
        Severity={"Label": "INFORMATIONAL", "Original": "HIGH"},
        Compliance={"Status": "PASSED", "SecurityControlId": "S3.8"},
    )
    record = parse(finding)
    assert (record.compliance, record.workflow) == ("PASSED", "NEW")
    assert record.severity == "INFORMATIONAL"


def test_a_bare_finding_is_new_active_and_says_nothing_of_compliance():
    record = parse(make.asff())
    assert (record.workflow, record.record_state, record.compliance) == ("NEW", "ACTIVE", "")
    assert record.first_observed_at is None


@pytest.mark.parametrize("status", ["PASSED", "FAILED", "WARNING", "NOT_AVAILABLE"])
def test_every_compliance_of_aws_is_kept(status):
    assert parse(make.asff(Compliance={"Status": status})).compliance == status


@pytest.mark.parametrize(
    ("changes", "account_id"),
    [
        ({"AwsAccountId": None}, make.ACCOUNT),
        ({"AwsAccountId": "XXXXXXXXXXXX"}, make.ACCOUNT),
        (
            {"AwsAccountId": None, "Id": "arn:aws::guardduty:eu-west-1:210987654321:detector/1"},
            None,
        ),
        (
            {
                "AwsAccountId": None,
                "Id": "no-arn",
                "Resources": [{"Id": "arn:aws:sqs:eu-west-1:210987654321:queue"}],
            },
            None,
        ),
    ],
)
def test_a_missing_account_is_found_in_the_arns(changes, account_id):
    assert parse(make.asff(**changes)).account_id == (account_id or "210987654321")


def test_a_region_comes_from_the_finding_and_then_from_its_arns():
    assert parse(make.control(Region="us-gov-west-1")).region == "us-gov-west-1"
    assert (
        parse(make.asff(Id="arn:aws::guardduty:ap-south-1:123456789012:x")).region == "ap-south-1"
    )
    assert parse(make.asff(Id="no-arn")).region == make.REGION


def test_the_first_of_several_resources_stands_for_them():
    rows = [{"Type": "AwsEc2Instance", "Id": f"i-{n}", "Region": "eu-north-1"} for n in range(3)]
    record = parse(make.asff(Resources=rows))
    assert (record.resource_id, record.resource_count) == ("i-0", 3)
    assert record.resource_region == "eu-north-1"


@pytest.mark.parametrize("resources", [None, [], "none", [None]])
def test_without_a_resource_the_account_stands_for_it(resources):
    record = parse(make.asff(Resources=resources))
    assert record.resource_id == f"AWS::::Account:{make.ACCOUNT}"
    assert (record.resource_type, record.resource_count) == ("AwsAccount", 0)


def test_health_names_resources_without_arns():
    rows = [{"Type": "Other", "Id": "mail.example.org"}]
    record = parse(make.asff(ProductArn=make.product("health"), Resources=rows))
    assert (record.resource_id, record.resource_type) == ("mail.example.org", "Other")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-05-02T12:00:00+02:00", datetime(2026, 5, 2, 10, tzinfo=UTC)),
        ("2026-05-02T10:00:00", datetime(2026, 5, 2, 10, tzinfo=UTC)),
        ("2026-05-02T10:00:00.123456789Z", datetime(2026, 5, 2, 10, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(written, read):
    found = parse(make.asff(UpdatedAt=written)).updated_at
    assert (found, found.tzinfo) == (read, UTC)


def test_a_missing_time_is_taken_from_the_other():
    only_created = parse(make.asff(UpdatedAt=None))
    assert (
        only_created.updated_at == only_created.created_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    )
    only_updated = parse(make.asff(CreatedAt=None))
    assert only_updated.created_at == datetime(2026, 5, 2, 10, tzinfo=UTC)


def test_unknown_keys_are_kept_in_the_payload():
    finding = make.asff(EpssScore=0.97, Brand={"new": ["thing"]})
    assert parse(finding).payload["EpssScore"] == 0.97


def test_a_nul_does_not_reach_the_database():
    assert parse(make.asff(Title="a\0b")).title == "ab"


def test_a_note_is_its_text():
    note = {"Text": "Accepted until June", "UpdatedBy": "x", "UpdatedAt": "2026-05-01T10:00:00Z"}
    assert parse(make.asff(Note=note)).note == "Accepted until June"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Id": None}, "Id"),
        ({"ProductArn": None}, "ProductArn"),
        ({"ProductArn": "arn:aws:securityhub"}, "ProductArn"),
        ({"AwsAccountId": None, "Id": "x"}, "AwsAccountId"),
        ({"CreatedAt": None, "UpdatedAt": None}, "UpdatedAt"),
        ({"UpdatedAt": "yesterday"}, "UpdatedAt"),
        ({"UpdatedAt": 17}, "UpdatedAt"),
        ({"Compliance": {"Status": "Passed"}}, "Status"),
        ({"Workflow": {"Status": "DONE"}}, "Status"),
        ({"RecordState": "GONE"}, "RecordState"),
    ],
)
def test_what_cannot_be_read_names_the_field_and_a_remedy(changes, field):
    with pytest.raises(Unreadable) as caught:
        parse(make.asff(**changes))
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert str(caught.value).count(". ") >= 1
