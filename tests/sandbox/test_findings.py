from datetime import UTC, date, datetime, timedelta

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from sandbox import history, org
from sandbox.findings import guardduty, inspector
from sandbox.findings.resources import Place, identifier, resource
from sandbox.history import catalogue

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
PLACE = Place("111122223333", "payments-ledger-prod", "eu-west-1", "ledger", "production")


@pytest.fixture(scope="module")
def today():
    return history.snapshot(org.build(anchor=date(2026, 11, 21)), NOW)


@pytest.fixture(scope="module")
def controls(today):
    return [
        finding
        for finding in today.findings
        if finding["GeneratorId"].startswith("security-control/")
    ]


def shape(service, name):
    return get_session().get_service_model(service).shape_for(name)


def errors(document, expected):
    report = ParamValidator().validate(document, expected)
    return report.generate_report() if report.has_errors() else ""


@pytest.mark.parametrize("weeks", [-26, 0, 40])
def test_every_finding_passes_botocores_own_validation(weeks):
    shot = history.snapshot(org.build(anchor=date(2026, 11, 21)), NOW + timedelta(weeks=weeks))
    expected = shape("securityhub", "AwsSecurityFinding")
    assert not {errors(finding, expected) for finding in shot.findings} - {""}


def test_every_analyzer_finding_passes_botocores_own_validation(today):
    summary, detail = (
        shape("accessanalyzer", "FindingSummaryV2"),
        shape("accessanalyzer", "GetFindingV2Response"),
    )
    assert len(today.analyzer_findings) > 100
    for finding in today.analyzer_findings:
        assert errors(finding.summary, summary) == ""
        assert errors(finding.detail, detail) == ""
    kinds = {finding.summary["findingType"] for finding in today.analyzer_findings}
    assert kinds == set(shape("accessanalyzer", "FindingType").enum)


def test_statuses_and_labels_are_values_that_aws_knows(today):
    expected = shape("securityhub", "AwsSecurityFinding").members
    for finding in today.findings:
        assert finding["Workflow"]["Status"] in expected["Workflow"].members["Status"].enum
        assert finding["WorkflowState"] in expected["WorkflowState"].enum
        assert finding["RecordState"] in expected["RecordState"].enum
        assert finding["Severity"]["Label"] in expected["Severity"].members["Label"].enum
        status = finding.get("Compliance", {}).get("Status", "PASSED")
        assert status in expected["Compliance"].members["Status"].enum


def test_control_findings_have_the_consolidated_identity(controls):
    for finding in controls:
        region, account_id = finding["Region"], finding["AwsAccountId"]
        control_id = finding["Compliance"]["SecurityControlId"]
        assert finding["Id"].startswith(
            f"arn:aws:securityhub:{region}:{account_id}:security-control/{control_id}/finding/"
        )
        assert finding["ProductArn"] == f"arn:aws:securityhub:{region}::product/aws/securityhub"
        assert finding["GeneratorId"] == f"security-control/{control_id}"
        assert (
            finding["ProductFields"]["aws/securityhub/FindingId"]
            == f"{finding['ProductArn']}/{finding['Id']}"
        )
        assert finding["Compliance"]["AssociatedStandards"]


def test_a_passed_check_is_informational_and_resolved_and_keeps_its_rating(controls):
    passed = [finding for finding in controls if finding["Compliance"]["Status"] == "PASSED"]
    for finding in passed:
        rating = catalogue.all_controls()[finding["Compliance"]["SecurityControlId"]].severity
        assert finding["Severity"]["Label"] == "INFORMATIONAL"
        assert finding["FindingProviderFields"]["Severity"]["Label"] == rating
        assert finding["Workflow"]["Status"] in ("RESOLVED", "SUPPRESSED")
    assert any(finding["Compliance"]["Status"] == "FAILED" for finding in controls)


def test_a_failed_check_has_the_rating_of_its_control(controls):
    for finding in controls:
        if finding["Compliance"]["Status"] == "FAILED":
            assert (
                finding["Severity"]["Label"]
                == catalogue.all_controls()[finding["Compliance"]["SecurityControlId"]].severity
            )
            assert finding["Workflow"]["Status"] in ("NEW", "NOTIFIED", "SUPPRESSED")


def test_controls_without_resources_pass_on_the_account(controls):
    vacuous = [
        finding
        for finding in controls
        if finding["Resources"][0]["Type"] == "AwsAccount"
        and not catalogue.all_controls()[
            finding["Compliance"]["SecurityControlId"]
        ].is_account_level
    ]
    assert len(vacuous) >= 100
    for finding in vacuous:
        assert finding["Resources"][0]["Id"] == f"AWS::::Account:{finding['AwsAccountId']}"
        assert finding["Compliance"]["Status"] == "PASSED"
        assert finding["Compliance"]["StatusReasons"][0]["ReasonCode"] == "CONFIG_EVALUATIONS_EMPTY"


def test_some_checks_could_not_tell(controls):
    statuses = {
        finding["Compliance"]["Status"]
        for finding in controls
        if finding["RecordState"] == "ACTIVE"
    }
    assert statuses == {"PASSED", "FAILED", "WARNING", "NOT_AVAILABLE"}


def test_inspector_names_the_vulnerability_its_fix_and_its_exploit(today):
    found = [finding for finding in today.findings if finding["ProductArn"].endswith("/inspector")]
    assert found
    for finding in found:
        (vulnerability,) = finding["Vulnerabilities"]
        assert vulnerability["Id"].startswith("CVE-")
        assert finding["Title"].startswith(vulnerability["Id"])
        assert 0 < vulnerability["EpssScore"] <= 1
    assert {finding["Vulnerabilities"][0]["FixAvailable"] for finding in found} == {"YES", "NO"}
    assert {finding["Vulnerabilities"][0]["ExploitAvailable"] for finding in found} == {"YES", "NO"}


@pytest.mark.parametrize(
    ("severity", "label"),
    [(1.0, "LOW"), (3.9, "LOW"), (4.0, "MEDIUM"), (7.0, "HIGH"), (8.9, "HIGH"), (9.0, "CRITICAL")],
)
def test_guardduty_severities_become_labels(severity, label):
    assert guardduty.label_of(severity) == label


@pytest.mark.parametrize(
    ("score", "label"), [(3.9, "LOW"), (4.0, "MEDIUM"), (7.0, "HIGH"), (9.0, "CRITICAL")]
)
def test_cvss_scores_become_labels(score, label):
    assert inspector.label_of(score) == label


def test_every_resource_type_of_the_catalogue_can_be_built():
    for control in catalogue.all_controls().values():
        if not control.is_account_level:
            assert identifier(control.resource_type, PLACE, 42).startswith("arn:aws:")
            assert resource(control.resource_type, PLACE, 42)["Region"] == "eu-west-1"


def test_one_resource_is_seen_by_several_controls(controls):
    seen: dict[str, set[str]] = {}
    for finding in controls:
        if finding["Resources"][0]["Type"] == "AwsS3Bucket":
            seen.setdefault(finding["Resources"][0]["Id"], set()).add(
                finding["Compliance"]["SecurityControlId"]
            )
    assert max(len(control_ids) for control_ids in seen.values()) >= 5
