"""What normalise makes of findings is what the database takes: whole rows, and one for each."""

import pytest

from findings import ingest
from findings.models import Control, Finding, FindingVulnerability
from findings.normalise import asff, ocsf, reader
from tests import factories
from tests.findings.payloads import analyzer
from tests.findings.payloads import asff as plain
from tests.findings.payloads import ocsf as other
from tests.findings.records import NOW
from tests.fixtures import findings as shapes

pytestmark = pytest.mark.django_db

CHECK = "account_maintain_different_contact_details_to_security_billing_and_operations"


@pytest.fixture
def stored():
    """Stores records of an organisation that has the one account."""
    organization = factories.account(account_id=plain.ACCOUNT).organization

    def store(*records):
        catalog = ingest.load_catalog(organization)
        counts = ingest.upsert_findings(list(records), catalog=catalog, as_of=NOW)
        assert counts.rejected == ()
        return counts

    return store


def test_a_finding_that_comes_in_both_formats_is_one_row(stored):
    counts = stored(asff.parse(shapes.control("S3.2")))
    assert (counts.new, counts.opened) == (1, 1)
    counts = stored(ocsf.parse(other.control("S3.2")))
    assert (counts.new, counts.opened, counts.closed) == (0, 0, 0)
    finding = Finding.objects.get()
    assert (finding.control.control_id, finding.is_public) == ("S3.2", True)


def test_the_longest_and_strangest_values_are_taken(stored):
    long = "x" * 5000
    stored(
        asff.parse(plain.prowler(CHECK, Title=long)),
        asff.parse(shapes.asff(ProductArn=shapes.product(long, company="acme"), Title="a\0b")),
        asff.parse(shapes.control(GeneratorId=long, Compliance=None, Remediation=None)),
        ocsf.parse(other.finding(resources=[other.bucket(type=long)], cloud={"region": long})),
        asff.parse(plain.guardduty(Extra={"half": "\ud83d", "n": 2**70, "nul": "\0"})),
    )
    assert Finding.objects.count() == 5
    assert Control.objects.filter(control_id__startswith="Prowler.account_").count() == 1


def test_vulnerabilities_stand_beside_their_finding(stored):
    stored(asff.parse(plain.inspector(plain.vulnerability(), plain.vulnerability("CVE-2026-2"))))
    rows = FindingVulnerability.objects.order_by("cve").values_list("cve", "has_fix", "has_exploit")
    assert list(rows) == [("CVE-2026-10001", True, False), ("CVE-2026-2", True, False)]


def test_checks_of_prowler_are_controls_with_an_area_and_no_score(stored):
    stored(asff.parse(plain.prowler()), ocsf.parse(other.prowler("iam_root_mfa_enabled")))
    found = {
        row.control_id: (row.area, row.is_scored, row.severity) for row in Control.objects.all()
    }
    assert found == {
        "Prowler.s3_bucket_public_access": ("DATA_PROTECTION", False, "CRITICAL"),
        "Prowler.iam_root_mfa_enabled": ("IDENTITY", False, "CRITICAL"),
    }


def test_an_exported_finding_of_the_analyzer_is_stored(stored):
    stored(reader.read(analyzer.got(), context={"analyzer_arn": analyzer.ANALYZER}))
    finding = Finding.objects.get()
    assert (finding.resource_type, finding.is_public) == ("AwsS3Bucket", True)
