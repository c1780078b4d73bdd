from datetime import UTC, datetime, timedelta, timezone

import pytest

from findings.sources import security_hub
from inventory import aws
from tests.fixtures import findings as make
from tests.fixtures.aws_door import (  # noqa: F401
    base_credentials_fixture,
    door_fixture,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SINCE = datetime(2026, 5, 2, 12, tzinfo=timezone(timedelta(hours=2)))
FSBP_ARN = f"arn:aws:securityhub:eu-west-1::standards/{make.FSBP}"
CIS_ARN = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"


@pytest.fixture
def client(door):
    return door.client("securityhub")


def definition(control_id, **changes):
    return {
        "SecurityControlId": control_id,
        "Title": f"{control_id} should be so",
        "Description": "Why.",
        "RemediationUrl": f"https://docs.aws.amazon.com/console/securityhub/{control_id}/remediation",
        "SeverityRating": "HIGH",
        "CurrentRegionAvailability": "AVAILABLE",
    } | changes


def state(control_id, status="ENABLED", **changes):
    return (
        definition(control_id)
        | {
            "SecurityControlArn": f"arn:aws:securityhub:eu-west-1:1:security-control/{control_id}",
            "SecurityControlStatus": status,
        }
        | changes
    )


def catalogue(endpoint, *, states, unprocessed=()):
    """A hub with three controls, one of them in the one enabled standard."""
    standards = [
        {"StandardsArn": FSBP_ARN, "Name": "FSBP"},
        {"StandardsArn": CIS_ARN, "Name": "CIS"},
    ]
    endpoint.say("DescribeStandards", {"Standards": standards})
    subscription = {
        "StandardsSubscriptionArn": f"arn:aws:securityhub:eu-west-1:1:subscription/{make.FSBP}",
        "StandardsArn": FSBP_ARN,
        "StandardsInput": {},
        "StandardsStatus": "READY",
    }
    endpoint.say("GetEnabledStandards", {"StandardsSubscriptions": [subscription]})
    everything = [
        definition("S3.8"),
        definition("EC2.2"),
        definition("CloudFront.1", CurrentRegionAvailability="UNAVAILABLE"),
    ]
    endpoint.say(
        "ListSecurityControlDefinitions",
        {"SecurityControlDefinitions": [definition("S3.8")]},
        {"SecurityControlDefinitions": everything[:1], "NextToken": "t"},
        {"SecurityControlDefinitions": everything[1:]},
    )
    endpoint.say(
        "BatchGetSecurityControls",
        {"SecurityControls": list(states), "UnprocessedIds": list(unprocessed)},
    )


def test_findings_are_asked_for_by_the_hundred_from_the_oldest_update(endpoint, client):
    endpoint.say("GetFindings", {"Findings": [make.control()], "NextToken": "t"}, {"Findings": []})
    pages = list(security_hub.read_findings(client, updated_since=SINCE))
    asked = endpoint.questions("GetFindings")[0].params
    assert asked["MaxResults"] == 100
    assert asked["SortCriteria"] == [{"Field": "UpdatedAt", "SortOrder": "asc"}]
    assert asked["Filters"]["UpdatedAt"] == [
        {"Start": "2026-05-02T10:00:00.000Z", "End": "2999-12-31T23:59:59.999Z"}
    ]
    assert "RecordState" not in asked["Filters"]
    assert [len(page.findings) for page in pages] == [1, 0]
    assert [page.watermark for page in pages] == [datetime(2026, 5, 2, 10, tzinfo=UTC), None]


def test_a_read_of_everything_has_no_filter(endpoint, client):
    endpoint.say("GetFindings", {"Findings": []})
    list(security_hub.read_findings(client, updated_since=None))
    assert "Filters" not in endpoint.asked[-1].params


def test_the_filters_are_applied_again_to_what_comes(endpoint, client):
    rows = [
        make.control(Title="old", UpdatedAt="2026-05-02T09:59:59.999Z"),
        make.control(Title="elsewhere", Region="eu-north-1"),
        make.control(Title="wanted"),
        make.control(Title="unreadable", UpdatedAt="?"),
    ]
    endpoint.say("GetFindings", {"Findings": rows})
    [page] = security_hub.read_findings(client, updated_since=SINCE, region="eu-west-1")
    assert [record.title for record in page.findings] == ["wanted"]
    assert [row.payload["Title"] for row in page.rejected] == ["unreadable"]
    region = [{"Value": "eu-west-1", "Comparison": "EQUALS"}]
    assert endpoint.asked[-1].params["Filters"]["Region"] == region


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Said({"__type": "LimitExceededException", "message": "slow"}, 429), aws.Throttled),
        (Said({"__type": "InvalidAccessException", "message": "no hub"}, 401), aws.NotConfigured),
        (Said({"__type": "AccessDeniedException", "message": "no"}, 403), aws.Denied),
        (Said({"__type": "InternalException", "message": "oh"}, 500), aws.Unavailable),
        (Said('{"Findings": [{"Id"'), aws.Unavailable),
        (Said({"Findings": [make.control()]}, way="cut"), aws.Unavailable),
        (Said({"NextToken": ""}), aws.Malformed),
    ],
)
def test_trouble_on_a_later_page_is_raised_after_the_pages_before(endpoint, client, answer, kind):
    endpoint.say("GetFindings", {"Findings": [make.control()], "NextToken": "t"}, answer)
    pages = security_hub.read_findings(client, updated_since=None)
    assert len(next(pages).findings) == 1
    with pytest.raises(kind):
        next(pages)


def test_the_home_region_is_that_of_the_aggregator(endpoint, client):
    arn = "arn:aws:securityhub:eu-central-1:1:finding-aggregator/x"
    endpoint.say("ListFindingAggregators", {"FindingAggregators": [{"FindingAggregatorArn": arn}]})
    endpoint.say(
        "GetFindingAggregator",
        {
            "FindingAggregatorArn": arn,
            "FindingAggregationRegion": "eu-central-1",
            "RegionLinkingMode": "SPECIFIED_REGIONS",
            "Regions": ["eu-west-1", "eu-north-1"],
        },
    )
    assert security_hub.read_home(client) == security_hub.HubRecord(
        "eu-central-1", ("eu-north-1", "eu-west-1"), "SPECIFIED_REGIONS"
    )


def test_without_an_aggregator_each_region_stands_alone(endpoint, client):
    endpoint.say("ListFindingAggregators", {"FindingAggregators": []})
    assert security_hub.read_home(client) == security_hub.HubRecord("eu-west-1", (), "NONE")


def test_standards_say_whether_they_are_enabled(endpoint, client):
    catalogue(endpoint, states=[])
    found = security_hub.read_standards(client)
    assert [(row.name, row.status, row.standard_id) for row in found] == [
        ("CIS", "DISABLED", "ruleset/cis-aws-foundations-benchmark/v/1.2.0"),
        ("FSBP", "READY", f"standards/{make.FSBP}"),
    ]
    assert [bool(row.subscription_arn) for row in found] == [False, True]


def test_controls_have_status_parameters_and_enabled_standards(endpoint, client):
    parameters = {"days": {"ValueType": "CUSTOM", "Value": {"Integer": 30}}}
    states = [
        state("S3.8", Parameters=parameters),
        state("EC2.2", "DISABLED", LastUpdateReason="Not for us", SeverityRating="LOW"),
    ]
    catalogue(endpoint, states=states)
    cloudfront, ec2, s3 = security_hub.read_controls(client)
    assert (s3.control_id, s3.status, s3.severity) == ("S3.8", "ENABLED", "HIGH")
    assert s3.standards == (f"standards/{make.FSBP}",)
    assert s3.parameters == parameters
    assert (ec2.status, ec2.disabled_reason, ec2.severity) == ("DISABLED", "Not for us", "LOW")
    assert ec2.standards == ()
    assert (cloudfront.status, cloudfront.disabled_reason) == (
        "DISABLED",
        "Not available in this Region.",
    )
    asked = endpoint.questions("BatchGetSecurityControls")[0].params["SecurityControlIds"]
    assert asked == ["S3.8", "EC2.2"]
    assert (
        endpoint.questions("ListSecurityControlDefinitions")[0].params["StandardsArn"] == FSBP_ARN
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ACCESS_DENIED", aws.Denied),
        ("LIMIT_EXCEEDED", aws.Throttled),
        ("SOMETHING_NEW", aws.Unavailable),
    ],
)
def test_a_control_that_was_kept_from_us_is_an_error(endpoint, client, code, kind):
    row = {"SecurityControlId": "EC2.2", "ErrorCode": code, "ErrorReason": "No."}
    catalogue(endpoint, states=[state("S3.8")], unprocessed=[row])
    with pytest.raises(kind, match=code):
        list(security_hub.read_controls(client))


def test_a_control_that_does_not_exist_here_is_disabled(endpoint, client):
    row = {"SecurityControlId": "EC2.2", "ErrorCode": "NOT_FOUND"}
    catalogue(endpoint, states=[state("S3.8")], unprocessed=[row])
    found = {row.control_id: row.status for row in security_hub.read_controls(client)}
    assert found == {"S3.8": "ENABLED", "EC2.2": "DISABLED", "CloudFront.1": "DISABLED"}
