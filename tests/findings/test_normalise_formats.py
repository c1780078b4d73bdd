"""Every finding of the sandbox AWS, once as ASFF and once as OCSF: it has to be the same one."""

import json
from datetime import UTC, date, datetime

import pytest

from findings.normalise import asff, ocsf
from inventory import aws
from posture.management.commands import iam_policy
from sandbox import org as organisation
from sandbox import server
from sandbox.access import Settings
from tests.fixtures.aws_door import config

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
KEYS = Settings("AKIATESTTESTTESTTEST", "a-secret-of-the-tests-000000000000000001", "external-1")
SAME = (
    "product",
    "account_id",
    "region",
    "control_id",
    "severity",
    "record_state",
    "resource_id",
    "resource_region",
    "resource_count",
    "standards",
    "created_at",
    "updated_at",
    "first_observed_at",
    "is_public",
    "title",
    "note",
)


@pytest.fixture
def findings(monkeypatch):
    """The findings of one organisation as both calls give them."""
    org = organisation.build(seed=7, accounts=20, findings=400, anchor=date(2026, 9, 1))
    policy = json.loads(iam_policy.render())
    with server.start(org, now=NOW, settings=KEYS, policy=policy) as running:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
        settings = config(
            endpoint_url=running.url,
            hub_role_arn=running.hub_role_arn,
            external_id=KEYS.external_id,
        )
        door = aws.Door(settings, attempts=1)
        client = door.client("securityhub")
        yield tuple(
            [raw for answer in client.pages(call, MaxResults=100) for raw in answer["Findings"]]
            for call in ("get_findings", "get_findings_v2")
        )
        door.close()


def key_of(record):
    return record.finding_id, record.product_arn


def test_a_finding_is_the_same_in_both_formats(findings):
    one, two = findings
    plain = {key_of(record): record for record in map(asff.parse, one)}
    open_format = {key_of(record): record for record in map(ocsf.parse, two)}
    assert len(plain) == len(one) > 400
    assert set(plain) == set(open_format)
    assert {record.product for record in plain.values()} >= {"securityhub", "inspector", "macie"}
    for key, record in plain.items():
        other = open_format[key]
        told = [(name, getattr(record, name), getattr(other, name)) for name in SAME]
        assert [row for row in told if row[1] != row[2]] == []
        # A type that the sandbox cannot name in OCSF is "Other" there; what AWS archived keeps no
        # workflow of its own there either.
        assert other.resource_type in {record.resource_type, "Other"}
        if record.record_state == "ACTIVE":
            assert other.workflow == record.workflow
        assert [found.cve for found in other.vulnerabilities] == [
            found.cve for found in record.vulnerabilities
        ]


def test_controls_have_the_same_result_in_both_formats(findings):
    one, two = findings
    plain = {key_of(record): record.compliance for record in map(asff.parse, one)}
    checks = [record for record in map(ocsf.parse, two) if record.product == "securityhub"]
    assert len(checks) > 100
    assert {key_of(check): check.compliance for check in checks}.items() <= plain.items()
    assert {check.compliance for check in checks} >= {"PASSED", "FAILED"}
