"""Security Hub findings over HTTP: who sees which, pages, write-back, and the OCSF form."""

from collections import Counter
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox import server
from sandbox.server.security_hub.edits import Edit, key_of
from tests.sandbox.conftest import NOW, SETTINGS, Callers
from tests.sandbox.test_server import code_of, items

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def equals(*values):
    return [{"Value": value, "Comparison": "EQUALS"} for value in values]


def keys(findings):
    return [key_of(finding) for finding in findings]


def test_the_administrator_sees_every_finding_in_the_home_region(callers, snapshot):
    found = items(callers.hub("securityhub"), "get_findings", "Findings")
    assert keys(found) == keys(snapshot.findings)


def test_another_region_shows_its_own_findings_alone(callers, snapshot):
    region = snapshot.org.regions[1]
    found = items(callers.hub("securityhub", region), "get_findings", "Findings")
    assert keys(found) == keys(f for f in snapshot.findings if f["Region"] == region)
    assert found


def test_a_member_account_sees_its_own_findings_alone(callers, snapshot):
    counts = Counter(f["AwsAccountId"] for f in snapshot.findings)
    account_id = next(
        a.account_id
        for a in snapshot.accounts
        if counts[a.account_id] and a.state == "ACTIVE" and a.name != "security-tooling"
        and a.account_id not in (snapshot.org.security_account_id,)
    )  # fmt: skip
    region = snapshot.org.home_region
    client = callers.member(account_id, "securityhub")
    found = items(client, "get_findings", "Findings")
    own = [
        f for f in snapshot.findings if f["AwsAccountId"] == account_id and f["Region"] == region
    ]
    assert keys(found) == keys(own)


def test_a_region_without_a_hub_is_refused_as_the_api_spells_it(callers):
    client = callers.hub("securityhub", "ap-northeast-1")
    assert code_of(client.get_findings) == "InvalidAccessException"
    assert code_of(client.describe_security_hub_v2) == "ResourceNotFoundException"


def test_filters_over_http_agree_with_the_snapshot(callers, snapshot):
    filters = {
        "RecordState": equals("ACTIVE"),
        "ComplianceStatus": equals("FAILED"),
        "SeverityLabel": equals("CRITICAL", "HIGH"),
        "WorkflowStatus": [{"Value": "SUPPRESSED", "Comparison": "NOT_EQUALS"}],
    }
    found = items(callers.hub("securityhub"), "get_findings", "Findings", Filters=filters)
    wanted = [
        f
        for f in snapshot.findings
        if f["RecordState"] == "ACTIVE"
        and f.get("Compliance", {}).get("Status") == "FAILED"
        and f["Severity"]["Label"] in ("CRITICAL", "HIGH")
        and f["Workflow"]["Status"] != "SUPPRESSED"
    ]
    assert keys(found) == keys(wanted)
    assert wanted


def test_a_sweep_since_a_moment_comes_oldest_update_first(callers, snapshot):
    since = (NOW - timedelta(hours=6)).isoformat()
    found = items(
        callers.hub("securityhub"),
        "get_findings",
        "Findings",
        Filters={"UpdatedAt": [{"Start": since, "End": "2999-12-31T23:59:59.999Z"}]},
        SortCriteria=[{"Field": "UpdatedAt", "SortOrder": "asc"}],
    )
    moments = [f["UpdatedAt"] for f in found]
    assert moments == sorted(moments)
    assert 0 < len(found) < len(snapshot.findings)


@pytest.mark.parametrize("size", [101, 1000])
def test_pages_over_100_are_refused(callers, size):
    client = callers.hub("securityhub")
    assert code_of(client.get_findings, MaxResults=size) == "InvalidInputException"
    assert code_of(client.get_findings_v2, MaxResults=size) == "ValidationException"


def test_pages_have_the_size_that_is_asked(callers):
    client = callers.hub("securityhub")
    first = client.get_findings(MaxResults=7)
    second = client.get_findings(MaxResults=100, NextToken=first["NextToken"])
    assert (len(first["Findings"]), len(second["Findings"])) == (7, 100)
    assert not set(keys(first["Findings"])) & set(keys(second["Findings"]))


def test_a_token_with_other_filters_is_refused(callers):
    client = callers.hub("securityhub")
    token = client.get_findings()["NextToken"]
    params = {"NextToken": token, "Filters": {"RecordState": equals("ACTIVE")}}
    assert code_of(client.get_findings, **params) == "InvalidInputException"


def test_the_eleventh_attribute_and_the_21st_value_are_refused(callers):
    client = callers.hub("securityhub")
    names = [
        "Id",
        "Title",
        "Region",
        "ProductArn",
        "ProductName",
        "CompanyName",
        "GeneratorId",
        "Type",
        "SourceUrl",
        "Description",
        "RecordState",
    ]
    many = {name: equals("a") for name in names}
    assert code_of(client.get_findings, Filters=many) == "InvalidInputException"
    values = {"Title": equals(*"abcdefghijklmnopqrstu")}
    assert code_of(client.get_findings, Filters=values) == "InvalidInputException"


@pytest.fixture
def hub(org):
    """A server of its own, because these tests change findings: (running, Security Hub client of the hub role)."""
    with server.start(org, now=NOW, settings=SETTINGS) as running:
        yield running, Callers(running).hub("securityhub")


def identifier(finding):
    return {"Id": finding["Id"], "ProductArn": finding["ProductArn"]}


def one(client, finding):
    filters = {"Id": equals(finding["Id"]), "ProductArn": equals(finding["ProductArn"])}
    (found,) = client.get_findings(Filters=filters)["Findings"]
    return found


def failing(snapshot):
    return next(
        f
        for f in snapshot.findings
        if f.get("Compliance", {}).get("Status") == "FAILED"
        and f["RecordState"] == "ACTIVE"
        and f["Workflow"]["Status"] == "NEW"
    )


def test_a_suppression_is_seen_at_once_and_after_the_clock_has_moved(hub):
    running, client = hub
    finding = failing(running.world.moment().snapshot)
    answer = client.batch_update_findings(
        FindingIdentifiers=[identifier(finding), {**identifier(finding), "Id": "none"}],
        Workflow={"Status": "SUPPRESSED"},
        Note={"Text": "Accepted until June", "UpdatedBy": "team-a"},
        Severity={"Label": "LOW"},
        UserDefinedFields={"ticket": "SEC-1"},
    )
    assert answer["ProcessedFindings"] == [identifier(finding)]
    assert answer["UnprocessedFindings"][0]["ErrorCode"] == "FindingNotFound"
    for _ in range(2):
        now = one(client, finding)
        assert now["Workflow"] == {"Status": "SUPPRESSED"}
        assert now["Note"]["Text"] == "Accepted until June"
        assert now["Severity"]["Label"] == "LOW"
        assert now["Severity"]["Normalized"] == 1
        assert now["UserDefinedFields"] == {"ticket": "SEC-1"}
        running.clock(NOW + timedelta(hours=1))
    assert finding["Workflow"] == {"Status": "NEW"}, "the snapshot itself must stay as it was"


def test_write_back_does_not_touch_updated_at(hub):
    running, client = hub
    finding = failing(running.world.moment().snapshot)
    client.batch_update_findings(
        FindingIdentifiers=[identifier(finding)], Workflow={"Status": "NOTIFIED"}
    )
    assert one(client, finding)["UpdatedAt"] == finding["UpdatedAt"]


def test_a_paging_session_does_not_shift_when_a_finding_leaves_its_filter(hub):
    _, client = hub
    filters = {"WorkflowStatus": equals("NEW")}
    first = client.get_findings(Filters=filters, MaxResults=5)
    second = client.get_findings(Filters=filters, MaxResults=5, NextToken=first["NextToken"])
    client.batch_update_findings(
        FindingIdentifiers=[identifier(f) for f in first["Findings"]],
        Workflow={"Status": "NOTIFIED"},
    )
    again = client.get_findings(Filters=filters, MaxResults=5, NextToken=first["NextToken"])
    assert keys(again["Findings"]) == keys(second["Findings"])


def test_a_token_of_an_earlier_state_is_refused_in_words(hub):
    running, client = hub
    token = client.get_findings()["NextToken"]
    running.clock(NOW + timedelta(days=1))
    with pytest.raises(ClientError, match="earlier state of the organisation") as caught:
        client.get_findings(NextToken=token)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"


@pytest.mark.parametrize(
    ("then", "now", "set_to", "becomes"),
    [
        (("PASSED", "ACTIVE"), ("FAILED", "ACTIVE"), "RESOLVED", "NEW"),
        (("FAILED", "ARCHIVED"), ("FAILED", "ACTIVE"), "NOTIFIED", "NEW"),
        (("FAILED", "ACTIVE"), ("PASSED", "ACTIVE"), "NOTIFIED", "RESOLVED"),
        (("FAILED", "ACTIVE"), ("FAILED", "ACTIVE"), "NOTIFIED", "NOTIFIED"),
        (("PASSED", "ACTIVE"), ("FAILED", "ACTIVE"), "SUPPRESSED", "SUPPRESSED"),
    ],
)
def test_security_hub_moves_the_workflow_itself_but_never_a_suppression(then, now, set_to, becomes):
    edit = Edit(("id", "arn"), {"Workflow": {"Status": set_to}}, *then)
    finding = {"Compliance": {"Status": now[0]}, "RecordState": now[1]}
    assert edit.applied_to(finding)["Workflow"] == {"Status": becomes}


def test_ocsf_findings_are_linked_to_asff_by_their_uid(callers, snapshot):
    found = items(callers.hub("securityhub"), "get_findings_v2", "Findings")
    assert [f["finding_info"]["uid"] for f in found] == [f["Id"] for f in snapshot.findings]
    assert len({f["metadata"]["uid"] for f in found}) == len(found)
    assert {2002, 2003, 2004} <= {f["class_uid"] for f in found}
    assert {f["class_uid"] for f in found if "compliance" in f} == {2003}


def test_composite_filters_and_scopes_of_v2_agree_with_the_snapshot(callers, snapshot):
    ou = next(
        ou for ou in snapshot.ous if any(ou.ou_id in a.path.split("/") for a in snapshot.accounts)
    )
    below = {a.account_id for a in snapshot.accounts if ou.ou_id in a.path.split("/")}
    failed = {"FieldName": "compliance.status", "Filter": {"Value": "Fail", "Comparison": "EQUALS"}}
    high = {"FieldName": "severity_id", "Filter": {"Gte": 4}}
    found = items(
        callers.hub("securityhub"),
        "get_findings_v2",
        "Findings",
        Filters={
            "CompositeFilters": [{"StringFilters": [failed]}, {"NumberFilters": [high]}],
            "CompositeOperator": "AND",
        },
        Scopes={"AwsOrganizations": [{"OrganizationalUnitId": ou.ou_id}]},
    )
    wanted = [
        f["Id"]
        for f in snapshot.findings
        if f["AwsAccountId"] in below
        and f.get("Compliance", {}).get("Status") == "FAILED"
        and "SecurityControlId" in f["Compliance"]
        and f["Severity"]["Label"] in ("HIGH", "CRITICAL")
    ]
    assert [f["finding_info"]["uid"] for f in found] == wanted
    assert wanted


def test_an_unknown_ou_in_scopes_is_refused(callers):
    client = callers.hub("securityhub")
    scopes = {"AwsOrganizations": [{"OrganizationalUnitId": "ou-none-12345678"}]}
    assert code_of(client.get_findings_v2, Scopes=scopes) == "OrganizationalUnitNotFoundException"


def test_controls_of_the_enabled_standards_are_all_defined(callers, snapshot):
    client = callers.hub("securityhub")
    known = items(client, "list_security_control_definitions", "SecurityControlDefinitions")
    assert [c["SecurityControlId"] for c in known] == [c.control_id for c in snapshot.controls]
    enabled = client.get_enabled_standards()["StandardsSubscriptions"]
    assert len(enabled) == sum(s.is_subscribed for s in snapshot.standards)
    for standard in enabled:
        of_standard = items(
            client,
            "list_security_control_definitions",
            "SecurityControlDefinitions",
            StandardsArn=standard["StandardsArn"],
        )
        described = items(
            client,
            "describe_standards_controls",
            "Controls",
            StandardsSubscriptionArn=standard["StandardsSubscriptionArn"],
        )
        assert [c["SecurityControlId"] for c in of_standard] == [c["ControlId"] for c in described]
        assert described


def test_the_aggregator_names_the_home_region(callers, snapshot):
    client = callers.hub("securityhub")
    (found,) = client.list_finding_aggregators()["FindingAggregators"]
    answer = client.get_finding_aggregator(FindingAggregatorArn=found["FindingAggregatorArn"])
    assert answer["FindingAggregationRegion"] == snapshot.org.home_region
    assert set(answer["Regions"]) | {snapshot.org.home_region} == set(snapshot.org.regions)
