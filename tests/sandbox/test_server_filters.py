"""The filters of GetFindings, on findings made for the purpose; rules in the API reference, AwsSecurityFindingFilters."""

from datetime import UTC, datetime

import pytest

from sandbox.server.models import structure_of
from sandbox.server.security_hub.comparisons import BadFilter
from sandbox.server.security_hub.fields import attributes
from sandbox.server.security_hub.store import FindingStore

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def finding(number, **fields):
    return {
        "Id": f"finding/{number}",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "AwsAccountId": "111111111111",
        "Region": "eu-west-1",
        "UpdatedAt": "2026-09-01T00:00:00.000Z",
        "Title": "A title",
        "Resources": [{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::bucket-{number}"}],
        **fields,
    }


FINDINGS = [
    finding(
        0,
        Severity={"Label": "HIGH", "Normalized": 70},
        Compliance={"Status": "FAILED", "SecurityControlId": "S3.1"},
        Workflow={"Status": "NEW"},
    ),
    finding(
        1,
        AwsAccountId="222222222222",
        Severity={"Label": "LOW", "Normalized": 1},
        UpdatedAt="2026-08-25T12:00:00Z",
        Workflow={"Status": "SUPPRESSED"},
    ),
    finding(
        2,
        Title="Public bucket",
        Severity={"Label": "CRITICAL", "Normalized": 90},
        UpdatedAt="2026-08-01T00:00:00.000Z",
        Resources=[
            {"Type": "AwsS3Bucket", "Id": "arn:one", "Tags": {"env": "prod", "team": "a"}},
            {"Type": "AwsIamRole", "Id": "arn:two", "Tags": {"env": "dev"}},
        ],
    ),
    finding(
        3,
        Region="us-east-1",
        Network={"SourceIpV4": "198.51.100.7", "SourcePort": 443},
        Sample=True,
        Note={"Text": "Known", "UpdatedBy": "me", "UpdatedAt": "2026-08-31T00:00:00Z"},
    ),
]


def found(filters, criteria=(), scope=None):
    rows = FindingStore(FINDINGS, {}).query(filters, list(criteria), NOW, scope or {})
    return list(rows)


def text(comparison, *values):
    return [{"Comparison": comparison, "Value": value} for value in values]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, [0, 1, 2, 3]),
        ({"SeverityLabel": text("EQUALS", "HIGH", "LOW")}, [0, 1]),
        ({"SeverityLabel": text("EQUALS", "high")}, []),
        ({"SeverityLabel": text("NOT_EQUALS", "HIGH", "LOW")}, [2, 3]),
        ({"Title": text("PREFIX", "Pub", "A t")}, [0, 1, 2, 3]),
        ({"Title": text("PREFIX_NOT_EQUALS", "Pub")}, [0, 1, 3]),
        ({"Title": text("CONTAINS", "bucket")}, [2]),
        ({"Title": text("NOT_CONTAINS", "bucket", "nothing")}, [0, 1, 3]),
        (
            {"ResourceId": text("PREFIX", "arn:aws") + text("NOT_EQUALS", "arn:aws:s3:::bucket-1")},
            [0, 3],
        ),
        ({"ResourceType": text("EQUALS", "AwsIamRole")}, [2]),
        ({"ResourceType": text("NOT_EQUALS", "AwsIamRole")}, [0, 1, 3]),
        ({"AwsAccountId": text("EQUALS", "222222222222", "333333333333")}, [1]),
        ({"AwsAccountId": text("PREFIX", "11")}, [0, 2, 3]),
        ({"AwsAccountId": text("NOT_EQUALS", "111111111111")}, [1]),
        ({"ComplianceSecurityControlId": text("EQUALS", "S3.1")}, [0]),
        ({"WorkflowStatus": text("EQUALS", "SUPPRESSED", "NEW")}, [0, 1]),
        (
            {
                "SeverityLabel": text("EQUALS", "HIGH", "LOW"),
                "WorkflowStatus": text("EQUALS", "NEW"),
            },
            [0],
        ),
        ({"SeverityNormalized": [{"Gte": 70, "Lt": 90}]}, [0]),
        ({"SeverityNormalized": [{"Eq": 1}, {"Gt": 80}]}, [1, 2]),
        ({"ResourceTags": [{"Key": "env", "Value": "dev", "Comparison": "EQUALS"}]}, [2]),
        ({"ResourceTags": [{"Key": "env", "Value": "dev", "Comparison": "NOT_EQUALS"}]}, [0, 1, 3]),
        ({"ResourceTags": [{"Key": "team", "Value": "A", "Comparison": "CONTAINS"}]}, []),
        ({"NetworkSourceIpV4": [{"Cidr": "198.51.100.0/24"}]}, [3]),
        ({"NetworkSourceIpV4": [{"Cidr": "203.0.113.0/24"}]}, []),
        ({"Sample": [{"Value": True}]}, [3]),
        ({"Keyword": [{"Value": "Known"}]}, [3]),
        (
            {"UpdatedAt": [{"Start": "2026-08-25T12:00:00Z", "End": "2026-09-01T00:00:00Z"}]},
            [0, 1, 3],
        ),
        (
            {
                "UpdatedAt": [
                    {"Start": "2026-08-25T12:00:00.001Z", "End": "2026-08-31T23:59:59.999Z"}
                ]
            },
            [],
        ),
        ({"UpdatedAt": [{"DateRange": {"Value": 7, "Unit": "DAYS"}}]}, [0, 1, 3]),
        (
            {
                "UpdatedAt": [
                    {"DateRange": {"Value": 7, "Unit": "DAYS", "Comparison": "OLDER_THAN"}}
                ]
            },
            [1, 2],
        ),
        (
            {
                "UpdatedAt": [{"Start": "2026-01-01T00:00:00Z", "End": "2026-08-02T00:00:00Z"}],
                "AwsAccountId": text("EQUALS", "111111111111"),
            },
            [2],
        ),
        (
            {"NoteUpdatedAt": [{"Start": "2026-08-30T00:00:00Z", "End": "2026-09-01T00:00:00Z"}]},
            [3],
        ),
    ],
)
def test_filters_find_what_aws_says_they_find(filters, rows):
    assert found(filters) == rows


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"Title": text("EQUALS", "a") + text("NOT_EQUALS", "b")}, "EQUALS and NOT_EQUALS"),
        ({"Title": text("EQUALS", "a") + text("PREFIX_NOT_EQUALS", "b")}, "PREFIX_NOT_EQUALS"),
        ({"Title": text("CONTAINS", "a") + text("NOT_CONTAINS", "b")}, "NOT_CONTAINS"),
        ({"Title": text("CONTAINS_WORD", "a")}, "CONTAINS_WORD"),
        ({"Title": text("LIKE", "a")}, "LIKE"),
        ({"Title": text("EQUALS", *"abcdefghijklmnopqrstu")}, "at most 20"),
        ({"Title": []}, "at least one"),
        ({"OrganizationalUnit": text("EQUALS", "a")}, "Unknown filter"),
        ({name: text("EQUALS", "a") for name in list(attributes())[:11]}, "at most 10"),
        ({"UpdatedAt": [{"Start": "2026-08-02T00:00:00Z"}]}, "Start and End"),
        ({"UpdatedAt": [{"Start": "yesterday", "End": "today"}]}, "ISO 8601"),
        ({"NetworkSourceIpV4": [{"Cidr": "300.0.0.0/8"}]}, "CIDR"),
    ],
)
def test_a_filter_that_breaks_a_rule_is_refused_by_name(filters, says):
    with pytest.raises(BadFilter, match=says):
        found(filters)


def test_every_attribute_of_the_api_has_a_place_in_findings():
    from_model = attributes()
    assert set(from_model) == set(structure_of("securityhub", "AwsSecurityFindingFilters").members)
    assert {kind for kind, _ in from_model.values()} == {
        "String", "Date", "Number", "Map", "Ip", "Keyword", "Boolean"
    }  # fmt: skip


def test_severities_sort_by_weight_and_missing_ones_come_last():
    assert found({}, [{"Field": "SeverityLabel", "SortOrder": "desc"}]) == [2, 0, 1, 3]
    assert found({}, [{"Field": "SeverityLabel", "SortOrder": "asc"}]) == [1, 0, 2, 3]


def test_the_first_sort_criterion_is_the_strongest():
    by_account = {"Field": "AwsAccountId", "SortOrder": "desc"}
    by_updated = {"Field": "UpdatedAt", "SortOrder": "asc"}
    assert found({}, [by_account, by_updated]) == [1, 2, 0, 3]


def test_an_unknown_sort_field_is_refused():
    with pytest.raises(BadFilter, match="Cannot sort"):
        found({}, [{"Field": "Weight", "SortOrder": "asc"}])


def test_a_scope_hides_other_accounts_and_regions_whatever_the_filter():
    assert found({}, scope={"AwsAccountId": "222222222222"}) == [1]
    assert found({}, scope={"Region": "us-east-1"}) == [3]
    asked = {"AwsAccountId": text("EQUALS", "111111111111")}
    assert found(asked, scope={"AwsAccountId": "222222222222"}) == []
