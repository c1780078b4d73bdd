import pytest

from findings.normalise import asff, ocsf
from findings.normalise.records import Vulnerability
from tests.findings.payloads import asff as make
from tests.findings.payloads import ocsf as other


def named(*rows):
    return asff.parse(make.inspector(*rows)).vulnerabilities


def told(*rows):
    return ocsf.parse(other.inspector(*rows)).vulnerabilities


def test_a_vulnerability_is_read_whole_and_the_same_in_both_formats():
    expected = (Vulnerability("CVE-2026-10001", has_fix=True, has_exploit=False, epss=0.00042),)
    assert named(make.vulnerability()) == expected == told(other.vulnerability())


@pytest.mark.parametrize(
    ("fix", "has_fix"), [("YES", True), ("PARTIAL", True), ("NO", False), (None, None), ("?", None)]
)
def test_a_partial_fix_is_something_to_do(fix, has_fix):
    assert named(make.vulnerability(FixAvailable=fix))[0].has_fix is has_fix


def test_partial_coverage_is_a_fix_in_ocsf_too():
    row = other.vulnerability(is_fix_available=False, fix_coverage="Partial")
    assert told(row)[0].has_fix is True


@pytest.mark.parametrize(("exploit", "has_exploit"), [("YES", True), ("NO", False), (None, None)])
def test_an_exploit_is_known_not_known_or_not_said(exploit, has_exploit):
    assert named(make.vulnerability(ExploitAvailable=exploit))[0].has_exploit is has_exploit


@pytest.mark.parametrize(
    ("score", "epss"),
    [
        (0.5, 0.5),
        ("0.5", 0.5),
        (1, 1.0),
        (0, 0.0),
        (1.5, None),
        (-1, None),
        ("much", None),
        (None, None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_a_probability_is_between_0_and_1_or_unknown(score, epss):
    assert named(make.vulnerability(EpssScore=score))[0].epss == epss


def test_each_vulnerability_stands_once_and_the_worse_is_kept():
    one = make.vulnerability(ExploitAvailable="NO", EpssScore=0.1, FixAvailable=None)
    two = make.vulnerability("cve-2026-10001 ", ExploitAvailable="YES", EpssScore=0.9)
    (found,) = named(one, two)
    assert found == Vulnerability("CVE-2026-10001", has_fix=True, has_exploit=True, epss=0.9)


def test_an_advisory_is_followed_by_the_cves_that_it_mends():
    row = make.vulnerability("ALAS2-2026-2", RelatedVulnerabilities=["CVE-2026-1", "x", 3])
    assert [found.cve for found in named(row)] == ["ALAS2-2026-2", "CVE-2026-1"]
    row = other.vulnerability("GHSA-aaaa-bbbb-cccc", related_vulnerabilities=["CVE-2026-1"])
    assert [found.cve for found in told(row)] == ["CVE-2026-1", "GHSA-AAAA-BBBB-CCCC"]


def test_what_is_related_to_a_cve_is_another_matter():
    row = make.vulnerability(RelatedVulnerabilities=["CVE-2026-2"])
    assert [found.cve for found in named(row)] == ["CVE-2026-10001"]


@pytest.mark.parametrize("row", [None, "x", {}, {"Id": None}, {"Id": "x" * 33}])
def test_what_has_no_usable_id_is_left_out(row):
    assert named(row, make.vulnerability()) == named(make.vulnerability())


def test_other_products_name_vulnerabilities_too():
    finding = make.guardduty(Vulnerabilities=[make.vulnerability()])
    assert [found.cve for found in asff.parse(finding).vulnerabilities] == ["CVE-2026-10001"]
