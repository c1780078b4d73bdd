import pytest

from findings.normalise import asff, ocsf
from tests.findings.payloads import ocsf as other
from tests.fixtures import findings as make

parse = asff.parse


@pytest.mark.parametrize(
    "changes",
    [
        {"UpdatedAt": "2026-06-01T00:00:00Z"},
        {"LastObservedAt": "2026-06-01T00:00:00Z"},
        {"ProcessedAt": "2026-06-01T00:00:00Z"},
        {"ProductFields": {"aws/guardduty/service/count": "75", "kept": "1"}},
        {"ProductFields": {"aws/guardduty/service/eventLastSeen": "now", "kept": "1"}},
    ],
)
def test_being_seen_again_does_not_change_the_hash(changes):
    finding = make.control(ProductFields={"kept": "1"})
    assert parse(finding | changes).content_hash == parse(finding).content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"Compliance": {"Status": "PASSED", "SecurityControlId": "S3.8"}},
        {"Workflow": {"Status": "SUPPRESSED"}},
        {"RecordState": "ARCHIVED"},
        {"Severity": {"Label": "LOW"}},
        {"Note": {"Text": "x"}},
        {"Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::other"}]},
        {"ProductFields": {"new": "1"}},
    ],
)
def test_a_change_changes_the_hash(changes):
    finding = make.control()
    assert parse(finding | changes).content_hash != parse(finding).content_hash


def test_the_hash_does_not_depend_on_the_order_of_keys():
    finding = make.control()
    turned = dict(reversed(finding.items()))
    assert parse(turned).content_hash == parse(finding).content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"time": 1, "time_dt": "2026-06-01T00:00:00Z"},
        {"activity_id": 2, "activity_name": "Update", "type_uid": 200302, "type_name": "x"},
        {"count": 17},
        {"finding_info": {"modified_time": 1777800000000, "modified_time_dt": None}},
        {"finding_info": {"last_seen_time": 1, "last_seen_time_dt": "2026-06-01T00:00:00Z"}},
        {"metadata": {"processed_time": 1, "logged_time_dt": "2026-06-01T00:00:00Z"}},
    ],
)
def test_being_seen_again_does_not_change_the_hash_in_ocsf(changes):
    finding = other.control()
    again = other.merged(finding, changes)
    assert again != finding
    assert ocsf.parse(again).content_hash == ocsf.parse(finding).content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"activity_id": 3},
        {"status_id": 3},
        {"severity_id": 5},
        {"comment": "Accepted"},
        {"compliance": {"status_id": 1}},
        {"finding_info": {"title": "Another"}},
        {"metadata": {"product": {"name": "Another"}}},
    ],
)
def test_a_change_changes_the_hash_in_ocsf(changes):
    finding = other.control()
    changed = other.merged(finding, changes)
    assert ocsf.parse(changed).content_hash != ocsf.parse(finding).content_hash


@pytest.mark.parametrize("value", [2**64, "half \ud83d of it", -(2**80)])
def test_what_the_fast_way_refuses_has_a_hash_too(value):
    finding = make.control(Extra=[{"b": 1, "a": value}])
    turned = make.control(Extra=[{"a": value, "b": 1}])
    assert parse(turned).content_hash == parse(finding).content_hash
    assert parse(make.control(Extra=[])).content_hash != parse(finding).content_hash
