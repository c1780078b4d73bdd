"""What the sandbox announces, who may write, and the V2 operations beside GetFindingsV2."""

import json
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from sandbox.server.event_queue import envelopes
from tests.sandbox.conftest import NOW, assume, client
from tests.sandbox.test_server import code_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def analyst(running, callers):
    keys = assume(callers.base("sts"), running.analyst_role_arn)
    return client(running.url, keys, "securityhub", running.org.home_region)


@pytest.fixture(autouse=True)
def as_it_was(running):
    running.application.events.empty()
    yield
    running.world.forget_edits()


def received(running, callers):
    found = []
    while (
        messages := callers.hub("sqs")
        .receive_message(QueueUrl=running.event_queue_url, MaxNumberOfMessages=10)
        .get("Messages")
    ):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def identifiers(findings):
    return [{"Id": row["Id"], "ProductArn": row["ProductArn"]} for row in findings]


def test_an_update_is_announced_by_both_apis_in_the_security_account(running, callers, analyst):
    findings = analyst.get_findings(MaxResults=2)["Findings"]
    analyst.batch_update_findings(
        FindingIdentifiers=identifiers(findings), Workflow={"Status": "SUPPRESSED"}
    )
    events = received(running, callers)
    v1 = [event for event in events if event["detail-type"] == "Security Hub Findings - Imported"]
    v2 = [event for event in events if event["detail-type"] == "Findings Imported V2"]
    assert (len(v1), len(v2), len(events)) == (2, 2, 4)
    for event in events:
        assert (event["version"], event["source"]) == ("0", "aws.securityhub")
        assert event["account"] == running.org.security_account_id
        assert event["region"] == running.org.home_region
        assert event["time"].endswith("Z")
    [one] = v1[0]["detail"]["findings"]
    assert v1[0]["resources"] == [f"{one['ProductArn']}/{one['Id']}"]
    assert one["Workflow"] == {"Status": "SUPPRESSED"}
    [other] = v2[0]["detail"]["findings"]
    assert v2[0]["resources"] == [other["metadata"]["uid"]]
    assert other["status"] == "Suppressed"


def test_two_changes_of_a_moment_that_stands_still_have_two_times(running, callers, analyst):
    [finding] = analyst.get_findings(MaxResults=1)["Findings"]
    for status in ("SUPPRESSED", "NEW"):
        analyst.batch_update_findings(
            FindingIdentifiers=identifiers([finding]), Workflow={"Status": status}
        )
    times = [event["time"] for event in received(running, callers)]
    assert len(set(times)) == 2


def test_a_set_clock_announces_nothing_and_time_that_passes_does(running, callers):
    running.clock(NOW + timedelta(days=1))
    running.clock(NOW)
    assert received(running, callers) == []
    moment = running.world.moment()
    rows = moment.findings.updated_after(NOW - timedelta(hours=6))
    assert 0 < len(rows) < len(moment.findings.rows)
    running.world.on_change(moment, rows[:3], False)
    assert len(received(running, callers)) == 6


def test_denied_calls_are_announced_when_they_are_asked_for(running, callers):
    def asked(body):
        url = f"{running.url}/_sandbox/denials"
        return urlopen(Request(url, method="POST", data=json.dumps(body).encode()), timeout=10)

    with asked({"hours": 72}) as answer:
        sent = json.load(answer)["sent"]
    events = received(running, callers)
    assert len(events) == sent > 0
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert times[0] >= f"{NOW - timedelta(hours=72):%Y-%m-%dT%H:%M:%SZ}"
    for event in events:
        detail = event["detail"]
        assert event["detail-type"] == "AWS API Call via CloudTrail"
        assert event["source"] == f"aws.{detail['eventSource'].partition('.')[0]}"
        assert event["account"] == detail["recipientAccountId"]
        assert "is not authorized to perform" in detail["errorMessage"]
    with pytest.raises(HTTPError, match="400") as refused:
        asked({"hours": 0})
    refused.value.close()


def test_only_the_writers_role_and_people_may_write(running, callers, analyst):
    hub = assume(callers.base("sts"), running.hub_role_arn)
    writer = assume(client(running.url, hub, "sts", "eu-west-1"), running.write_back_role_arn)
    [finding] = analyst.get_findings(MaxResults=1)["Findings"]
    answer = client(running.url, writer, "securityhub", running.org.home_region)
    done = answer.batch_update_findings(
        FindingIdentifiers=identifiers([finding]), Workflow={"Status": "NOTIFIED"}
    )
    assert len(done["ProcessedFindings"]) == 1
    base = callers.base("sts")
    assert (
        code_of(
            base.assume_role,
            RoleArn=running.write_back_role_arn,
            RoleSessionName="me",
            ExternalId="external-1",
        )
        == "AccessDenied"
    )


def test_somebody_in_the_console_can_be_played_over_http(running, callers):
    finding = running.world.moment().findings.rows[0].document
    body = json.dumps({"ids": [finding["Id"]], "note": "seen"}).encode()
    with urlopen(Request(f"{running.url}/_sandbox/workflow", body, method="POST")) as answer:
        assert json.load(answer) == {"changed": 1, "missing": []}
    now = running.world.moment().findings.rows[0].document
    assert (now["Workflow"]["Status"], now["Note"]["Text"]) == ("SUPPRESSED", "seen")
    assert len(received(running, callers)) == 2


def test_v2_findings_are_named_by_uid_or_by_account_id_and_product(analyst):
    first, second = analyst.get_findings_v2(MaxResults=2)["Findings"]
    by_uid = analyst.batch_update_findings_v2(
        MetadataUids=[first["metadata"]["uid"], "none"], StatusId=3, Comment="why"
    )
    assert by_uid["ProcessedFindings"] == [{"MetadataUid": first["metadata"]["uid"]}]
    [refused] = by_uid["UnprocessedFindings"]
    assert refused["ErrorCode"] == "ResourceNotFoundException"
    name = {
        "CloudAccountUid": second["cloud"]["account"]["uid"],
        "FindingInfoUid": second["finding_info"]["uid"],
        "MetadataProductUid": second["metadata"]["product"]["uid"],
    }
    stranger = {**name, "CloudAccountUid": "999999999999"}
    by_name = analyst.batch_update_findings_v2(FindingIdentifiers=[name, stranger], SeverityId=5)
    assert [row["FindingIdentifier"] for row in by_name["ProcessedFindings"]] == [name]
    assert [row["FindingIdentifier"] for row in by_name["UnprocessedFindings"]] == [stranger]
    now = {row["metadata"]["uid"]: row for row in analyst.get_findings_v2(MaxResults=2)["Findings"]}
    changed = now[first["metadata"]["uid"]]
    assert (changed["status_id"], changed["comment"]) == (3, "why")
    assert changed["finding_info"]["modified_time"] == first["finding_info"]["modified_time"]
    assert now[second["metadata"]["uid"]]["severity"] == "Critical"


@pytest.mark.parametrize(
    "params",
    [
        {"StatusId": 3},
        {"MetadataUids": ["x"], "FindingIdentifiers": [], "SeverityId": 9},
        {"MetadataUids": ["x"]},
        {"MetadataUids": ["x"], "StatusId": 5},
        {"MetadataUids": ["x"], "Comment": "x" * 513},
        {"MetadataUids": ["x"] * 101, "StatusId": 3},
    ],
)
def test_v2_updates_that_aws_refuses_are_refused(analyst, params):
    assert code_of(analyst.batch_update_findings_v2, **params) == "ValidationException"


def test_v2_statistics_count_what_the_findings_are(running, analyst):
    rules = [
        {"GroupByField": "severity"},
        {
            "GroupByField": "compliance.control",
            "Filters": {
                "CompositeFilters": [
                    {
                        "StringFilters": [
                            {
                                "FieldName": "compliance.status",
                                "Filter": {"Value": "Fail", "Comparison": "EQUALS"},
                            }
                        ]
                    }
                ]
            },
        },
    ]
    severities, controls = analyst.get_finding_statistics_v2(GroupByRules=rules)["GroupByResults"]
    assert sum(value["Count"] for value in severities["GroupByValues"]) == len(
        running.world.moment().findings.rows
    )
    counts = [value["Count"] for value in controls["GroupByValues"]]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) <= 400
    assert code_of(
        analyst.get_finding_statistics_v2, GroupByRules=[{"GroupByField": "colour"}]
    ) == ("ValidationException")


def test_accounts_and_instances_are_named_as_v2_names_them(running):
    moment = running.world.moment()
    kinds = {"AwsAccount": None, "AwsEc2Instance": None}
    for row, found in enumerate(moment.findings.rows):
        kind = found.document["Resources"][0]["Type"]
        if kinds.get(kind, "") is None:
            _, event = envelopes(moment, row, at=NOW)
            kinds[kind] = found.document, event["detail"]["findings"][0]["resources"][0]
    asff, account = kinds["AwsAccount"]
    assert account["uid"] == asff["AwsAccountId"]
    asff, instance = kinds["AwsEc2Instance"]
    assert instance["uid"].startswith("i-")
    assert instance["uid_alt"] == asff["Resources"][0]["Id"]
