"""is_public says what the finding says, and no more."""

import pytest

from findings.normalise import asff, control_facts, ocsf
from tests.findings.payloads import asff as make
from tests.findings.payloads import ocsf as other
from tests.fixtures import findings as shapes


def public(finding):
    return asff.parse(finding).is_public


def control(control_id, status):
    return shapes.control(
        control_id, Compliance={"Status": status, "SecurityControlId": control_id}
    )


@pytest.mark.parametrize("control_id", ["S3.2", "S3.3", "EC2.1", "RDS.1", "RDS.2", "Lambda.1"])
def test_a_control_about_public_access_says_it_when_it_fails(control_id):
    assert public(control(control_id, "FAILED")) is True
    assert public(control(control_id, "PASSED")) is False
    assert public(control(control_id, "WARNING")) is None
    assert public(control(control_id, "NOT_AVAILABLE")) is None


@pytest.mark.parametrize("control_id", ["S3.1", "S3.8", "EC2.9", "EC2.19", "EC2.182", "IAM.6"])
def test_a_guardrail_that_is_off_is_no_exposure(control_id):
    assert public(control(control_id, "FAILED")) is None


def test_prowlers_checks_of_the_same_count_alike():
    assert public(make.prowler("s3_bucket_public_access")) is True
    assert public(make.prowler("s3_bucket_public_access", status="PASSED")) is False
    assert public(make.prowler("iam_root_mfa_enabled")) is None


@pytest.mark.parametrize(
    ("source", "is_public"),
    [
        ("an Internet Gateway", True),
        ("the internet", True),
        ("a VPC peering connection", False),
        ("a Virtual Private Gateway", False),
    ],
)
def test_reach_from_the_internet_is_public_and_from_a_peer_is_not(source, is_public):
    assert public(make.reachability(source)) is is_public


def test_a_vulnerability_says_nothing_of_exposure():
    assert public(make.inspector()) is None
    assert public(make.reachability(Title="Something about a port")) is None


def test_a_public_address_is_no_exposure_by_itself():
    assert public(make.guardduty()) is None


@pytest.mark.parametrize(
    "kind",
    [
        "Effects/Data Exposure/Policy:S3-BucketAnonymousAccessGranted",
        "Policy:S3/BucketPublicAccessGranted",
    ],
)
def test_access_granted_to_everybody_is_exposure(kind):
    assert public(make.guardduty(Types=[kind])) is True


def test_macie_says_what_the_bucket_allows():
    assert public(make.macie(permission="PUBLIC")) is True
    assert public(make.macie(permission="NOT_PUBLIC")) is False
    assert public(make.macie(permission="UNKNOWN")) is None
    assert public(make.macie(permission="")) is None
    named = "Effects/Data Exposure/Policy:IAMUser-S3BucketPublic"
    assert public(make.macie(Types=[named], permission="")) is True


@pytest.mark.parametrize(("principal", "is_public"), [("*", True), ("999999999999", False)])
def test_an_external_principal_that_is_everybody_is_public(principal, is_public):
    rows = [
        {
            "Type": "AwsS3Bucket",
            "Id": make.BUCKET,
            "Details": {"Other": {"External Principal": principal}},
        }
    ]
    finding = shapes.asff(ProductArn=shapes.product("access-analyzer"), Resources=rows)
    assert public(finding) is is_public


@pytest.mark.parametrize("finding", [make.config(), make.health(), make.firewall_manager()])
def test_the_others_say_nothing(finding):
    assert public(finding) is None


def test_ocsf_says_the_same():
    assert ocsf.parse(other.control("S3.2")).is_public is True
    assert ocsf.parse(other.control("S3.8")).is_public is None
    kinds = {"types": ["Policy:S3/BucketPublicAccessGranted"]}
    assert ocsf.parse(other.finding(finding_info=kinds)).is_public is True
    reach = {
        "types": ["Network Reachability"],
        "title": "Port 22 is reachable from an Internet Gateway",
    }
    assert ocsf.parse(other.finding(2002, "inspector", finding_info=reach)).is_public is True


def test_every_named_control_could_be_the_control_of_a_finding():
    named = control_facts.load()["public_when_failed"]
    assert len(named) == len(set(named))
    for control_id in named:
        service, _, check = control_id.partition(".")
        if service == "Prowler":
            record = asff.parse(make.prowler(check))
        else:
            record = asff.parse(control(control_id, "FAILED"))
        assert (record.control_id, record.is_public) == (control_id, True)
