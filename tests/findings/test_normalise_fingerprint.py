import pytest

from findings.normalise import asff
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
