import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from findings.normalise import access_analyzer
from findings.normalise.records import Unreadable

ANALYZER = "arn:aws:access-analyzer:eu-west-1:111111111111:analyzer/org"
UPDATED = datetime(2026, 5, 2, 12, tzinfo=timezone(timedelta(hours=2)))


def summary(kind="ExternalAccess", **changes):
    return {
        "id": "11111111-2222-3333-4444-555555555555",
        "findingType": kind,
        "resource": "arn:aws:s3:::a-bucket",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": "123456789012",
        "status": "ACTIVE",
        "createdAt": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "analyzedAt": UPDATED,
        "updatedAt": UPDATED,
    } | changes


def external(*, is_public, **changes):
    row = {"action": ["s3:GetObject"], "principal": {"AWS": "*"}, "isPublic": is_public}
    return {"findingDetails": [{"externalAccessDetails": row | changes}]}


def parse(raw, *, analyzer_type="ORGANIZATION", detail=None):
    return access_analyzer.parse(
        raw,
        analyzer_arn=ANALYZER,
        analyzer_type=analyzer_type,
        region="eu-west-1",
        detail=detail,
    )


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("ExternalAccess", "HIGH"),
        ("InternalAccess", "MEDIUM"),
        ("UnusedIAMRole", "MEDIUM"),
        ("UnusedIAMUserAccessKey", "HIGH"),
        ("UnusedIAMUserPassword", "HIGH"),
        ("UnusedPermission", "LOW"),
    ],
)
def test_every_type_has_its_control_severity_and_title(kind, severity):
    record = parse(summary(kind))
    assert record.control_id == f"AccessAnalyzer.{kind}"
    assert record.severity == severity
    assert record.title.startswith("AWS::S3::Bucket a-bucket ")
    assert (record.product, record.product_arn) == ("access-analyzer", ANALYZER)
    assert (record.finding_id, record.account_id) == (summary()["id"], "123456789012")


def test_public_access_is_critical():
    record = parse(summary(), detail=external(is_public=True))
    assert (record.is_public, record.severity) == (True, "CRITICAL")
    assert record.title == "AWS::S3::Bucket a-bucket is public"
    assert record.description == "AWS * may do s3:GetObject."


def test_access_for_one_account_is_not_public():
    detail = external(is_public=False, principal={"AWS": "999999999999"})
    record = parse(summary(), detail=detail)
    assert (record.is_public, record.severity) == (False, "HIGH")


def test_without_detail_nobody_knows_whether_it_is_public():
    assert parse(summary()).is_public is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ACTIVE", ("FAILED", "NEW", "ACTIVE")),
        ("ARCHIVED", ("FAILED", "SUPPRESSED", "ACTIVE")),
        ("RESOLVED", ("", "RESOLVED", "ARCHIVED")),
    ],
)
def test_status_becomes_compliance_workflow_and_record_state(status, state):
    record = parse(summary(status=status))
    assert (record.compliance, record.workflow, record.record_state) == state


def test_a_resource_that_could_not_be_analysed_is_neither_failed_nor_passed():
    record = parse(summary(error="ACCESS_DENIED"))
    assert record.compliance == "NOT_AVAILABLE"
    assert "ACCESS_DENIED" in record.description


def test_a_missing_owner_is_found_in_the_arn():
    role = "arn:aws:iam::210987654321:role/deploy"
    record = parse(summary("UnusedIAMRole", resource=role, resourceOwnerAccount=""))
    assert (record.account_id, record.resource_region) == ("210987654321", "")


def test_the_payload_is_plain_json_with_the_detail():
    record = parse(summary(), detail=external(is_public=True))
    kept = json.loads(json.dumps(record.payload))
    assert kept["updatedAt"] == "2026-05-02T12:00:00+02:00"
    assert kept["findingDetails"][0]["externalAccessDetails"]["isPublic"] is True


def test_times_are_in_utc():
    assert parse(summary()).updated_at == datetime(2026, 5, 2, 10, tzinfo=UTC)
    assert parse(summary()).updated_at.tzinfo is UTC


def test_a_new_analysis_alone_does_not_change_the_hash():
    later = summary(analyzedAt=UPDATED + timedelta(days=1), updatedAt=UPDATED + timedelta(days=1))
    assert parse(later).content_hash == parse(summary()).content_hash
    assert parse(summary(status="ARCHIVED")).content_hash != parse(summary()).content_hash


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "id"),
        ({"findingType": "Telepathy"}, "findingType"),
        ({"findingType": "public"}, "findingType"),
        ({"status": "LOST"}, "status"),
        ({"resourceOwnerAccount": "me"}, "resourceOwnerAccount"),
        ({"updatedAt": None}, "updatedAt"),
    ],
)
def test_what_cannot_be_read_names_the_field(changes, field):
    with pytest.raises(Unreadable) as caught:
        parse(summary() | changes)
    assert caught.value.field == field
