import pytest

from findings.normalise import asff
from tests.fixtures import findings as make

parse = asff.parse


@pytest.mark.parametrize(
    ("severity", "provided", "label"),
    [
        ({"Label": "LOW", "Normalized": 40}, None, "LOW"),
        ({"Normalized": 0}, None, "INFORMATIONAL"),
        ({"Normalized": 1}, None, "LOW"),
        ({"Normalized": 39}, None, "LOW"),
        ({"Normalized": 40}, None, "MEDIUM"),
        ({"Normalized": 69}, None, "MEDIUM"),
        ({"Normalized": "70"}, None, "HIGH"),
        ({"Normalized": 89.5}, None, "HIGH"),
        ({"Normalized": 90}, None, "CRITICAL"),
        ({"Label": "Strange", "Normalized": 100}, None, "CRITICAL"),
        ({"Normalized": "many"}, {"Label": "HIGH"}, "HIGH"),
        ({"Product": 8}, {"Normalized": 95}, "CRITICAL"),
        ({"Normalized": 101}, None, "MEDIUM"),
        (None, {"Label": "LOW"}, "LOW"),
        (None, None, "MEDIUM"),
        ("HIGH", None, "MEDIUM"),
    ],
)
def test_severity_is_the_label_then_the_score_then_the_provider(severity, provided, label):
    given = {"Severity": provided} if provided else None
    assert parse(make.asff(Severity=severity, FindingProviderFields=given)).severity == label
