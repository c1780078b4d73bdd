import pytest

from findings.normalise import reader
from findings.sources import access_analyzer
from findings.sources.access_analyzer import AnalyzerRecord
from inventory import aws
from tests.fixtures.aws_door import (  # noqa: F401
    base_credentials_fixture,
    door_fixture,
    endpoint_fixture,
)
from tests.fixtures.aws_endpoint import Said

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ARN = "arn:aws:access-analyzer:eu-west-1:111111111111:analyzer/org"
ANALYZER = AnalyzerRecord(ARN, "org", "ORGANIZATION", "ACTIVE", "", "eu-west-1")
UNUSED = AnalyzerRecord(ARN, "unused", "ORGANIZATION_UNUSED_ACCESS", "ACTIVE", "", "eu-west-1")


@pytest.fixture
def client(door):
    return door.client("accessanalyzer")


def raw(finding_id="f-1", **changes):
    return {
        "id": finding_id,
        "findingType": "ExternalAccess",
        "resource": "arn:aws:s3:::a-bucket",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": "123456789012",
        "status": "ACTIVE",
        "createdAt": "2026-05-01T10:00:00Z",
        "analyzedAt": "2026-05-02T10:00:00Z",
        "updatedAt": "2026-05-02T10:00:00Z",
    } | changes


def details(*public):
    rows = [
        {"externalAccessDetails": {"isPublic": is_public, "condition": {}}} for is_public in public
    ]
    return raw() | {"findingDetails": rows}


def test_analyzers_come_with_their_status(endpoint, client):
    rows = [
        {
            "arn": ARN,
            "name": "org",
            "type": "ORGANIZATION",
            "status": "ACTIVE",
            "createdAt": "2026-01-01T00:00:00Z",
        },
        {
            "arn": f"{ARN}-2",
            "name": "old",
            "type": "ACCOUNT",
            "createdAt": "2026-01-01T00:00:00Z",
            "status": "DISABLED",
            "statusReason": {"code": "DELEGATED_ADMINISTRATOR_DEREGISTERED"},
        },
    ]
    endpoint.say(
        "ListAnalyzers", {"analyzers": rows[:1], "nextToken": "t"}, {"analyzers": rows[1:]}
    )
    active, disabled = access_analyzer.read_analyzers(client)
    assert active == ANALYZER
    assert disabled.status_reason == "DELEGATED_ADMINISTRATOR_DEREGISTERED"


def test_external_findings_are_read_with_every_page_of_their_detail(endpoint, client):
    endpoint.say("ListFindingsV2", {"findings": [raw()]})
    endpoint.say("GetFindingV2", details(False) | {"nextToken": "t"}, details(True))
    [page] = access_analyzer.read_findings(client, analyzer=ANALYZER)
    [record] = page.findings
    assert (record.is_public, record.severity) == (True, "CRITICAL")
    assert record.region == "eu-west-1"
    assert page.watermark == record.updated_at


@pytest.mark.parametrize(
    ("analyzer", "finding"),
    [
        (ANALYZER, raw(status="RESOLVED")),
        (ANALYZER, raw(error="ACCESS_DENIED")),
        (UNUSED, raw(findingType="UnusedPermission")),
    ],
)
def test_no_detail_is_asked_for_where_it_tells_nothing(endpoint, client, analyzer, finding):
    endpoint.say("ListFindingsV2", {"findings": [finding]})
    [page] = access_analyzer.read_findings(client, analyzer=analyzer)
    assert len(page.findings) == 1
    assert "GetFindingV2" not in endpoint.operations()


def test_a_finding_that_is_gone_meanwhile_is_kept_without_detail(endpoint, client):
    endpoint.say("ListFindingsV2", {"findings": [raw()]})
    endpoint.fail("GetFindingV2", "ResourceNotFoundException", status=404)
    [page] = access_analyzer.read_findings(client, analyzer=ANALYZER)
    assert page.findings[0].is_public is None


def test_a_denied_detail_ends_the_read(endpoint, client):
    endpoint.say("ListFindingsV2", {"findings": [raw()]})
    endpoint.fail("GetFindingV2", "AccessDeniedException", status=403)
    with pytest.raises(aws.Denied) as caught:
        list(access_analyzer.read_findings(client, analyzer=ANALYZER))
    assert caught.value.permission == "access-analyzer:GetFinding"


def test_pages_go_on_through_an_empty_one_and_reject_what_is_unreadable(endpoint, client):
    endpoint.say(
        "ListFindingsV2",
        {"findings": [], "nextToken": "a"},
        {"findings": [raw("f-1", status="LOST")], "nextToken": "b"},
        {"findings": [raw("f-2", findingType="UnusedIAMRole")]},
    )
    pages = list(access_analyzer.read_findings(client, analyzer=UNUSED))
    assert [len(page.findings) for page in pages] == [0, 0, 1]
    [rejected] = [row for page in pages for row in page.rejected]
    assert (rejected.source_id, rejected.shape) == ("f-1", "access_analyzer")
    again = reader.read(raw("f-1"), shape=rejected.shape, context=rejected.context)
    assert (again.product_arn, again.generator_id) == (UNUSED.arn, UNUSED.type)


def test_an_answer_without_findings_is_no_empty_list(endpoint, client):
    endpoint.say("ListFindingsV2", Said({"nextToken": ""}))
    with pytest.raises(aws.Malformed, match="no findings"):
        list(access_analyzer.read_findings(client, analyzer=UNUSED))
