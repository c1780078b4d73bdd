import pytest

from findings.normalise import access_analyzer, batch, reader
from findings.normalise.records import Unreadable
from tests.findings.payloads import analyzer, asff, ocsf
from tests.findings.payloads.reading import page_of, told
from tests.fixtures import findings as shapes

CONTEXT = {"analyzer_arn": analyzer.ANALYZER}


@pytest.mark.parametrize(
    ("finding", "shape"),
    [
        (shapes.asff(), "asff"),
        (asff.prowler(), "asff"),
        ({"AwsAccountId": "123456789012"}, "asff"),
        (ocsf.control(), "ocsf"),
        (ocsf.prowler(), "ocsf"),
        (analyzer.listed(), "access_analyzer"),
        (analyzer.got(), "access_analyzer"),
        (analyzer.event()["detail"], "access_analyzer"),
    ],
)
def test_each_format_is_recognised(finding, shape):
    assert reader.shape_of(finding) == shape == told(finding)


@pytest.mark.parametrize("raw", [{}, {"id": "1"}, [], "text", None, 1, True])
def test_what_is_no_finding_is_refused_with_a_remedy(raw):
    assert told(raw) == ""
    for shape in ("", *reader.SHAPES):
        with pytest.raises(Unreadable, match=r"\. "):
            reader.read(raw, shape=shape)


def test_a_shape_that_was_stored_is_taken_at_its_word():
    with pytest.raises(Unreadable, match=r"^Id: is missing"):
        reader.read(ocsf.control(), shape="asff")
    assert reader.read(ocsf.control(), shape="text").control_id == "S3.8"


def test_an_exported_finding_is_the_one_that_the_api_gives():
    exported = reader.read(analyzer.got(), context=CONTEXT)
    given = access_analyzer.parse(
        analyzer.listed(),
        analyzer_arn=analyzer.ANALYZER,
        analyzer_type="ORGANIZATION",
        region="eu-west-1",
        detail={"findingDetails": analyzer.got()["findingDetails"]},
    )
    for name in ("finding_id", "product_arn", "control_id", "account_id", "region", "is_public"):
        assert getattr(exported, name) == getattr(given, name)
    assert (exported.resource_id, exported.resource_type) == (
        "arn:aws:s3:::halden-ledger-exports",
        "AwsS3Bucket",
    )
    assert (exported.is_public, exported.severity) == (True, "CRITICAL")


@pytest.mark.parametrize("kind", sorted(set(access_analyzer.TITLES) - {access_analyzer.PUBLIC}))
def test_every_type_of_finding_may_come_in_a_file(kind):
    record = reader.read(analyzer.listed(kind), context=CONTEXT)
    assert record.control_id == f"AccessAnalyzer.{kind}"


def test_the_analyzer_may_stand_in_the_finding_itself():
    record = reader.read(analyzer.listed(analyzerArn=analyzer.ANALYZER))
    assert (record.product_arn, record.region) == (analyzer.ANALYZER, "eu-west-1")


def test_the_context_says_the_region_and_the_type_of_the_analyzer():
    context = CONTEXT | {"region": "eu-north-1", "analyzer_type": "ACCOUNT"}
    record = reader.read(analyzer.listed(), context=context)
    assert (record.region, record.generator_id) == ("eu-north-1", "ACCOUNT")


@pytest.mark.parametrize("arn", ["", "organisation", "arn:aws:s3:::x"])
def test_without_an_analyzer_the_remedy_says_what_to_do(arn):
    with pytest.raises(Unreadable, match=r"^analyzerArn: .* is no analyzer\. Name the analyzer"):
        reader.read(analyzer.listed(), context={"analyzer_arn": arn})


def test_version_1_of_the_calls_says_what_is_public_beside_the_rest():
    row = analyzer.listed(findingType=None, isPublic=True, principal={"AWS": "*"}, action=["a:B"])
    record = reader.read(row, context=CONTEXT)
    assert (record.control_id, record.is_public) == ("AccessAnalyzer.ExternalAccess", True)
    assert record.description == "AWS * may do a:B."


def test_an_event_brings_its_analyzer_in_the_envelope():
    (record,) = page_of(analyzer.event()).findings
    assert (record.product_arn, record.account_id) == (analyzer.ANALYZER, "123456789012")
    assert (record.control_id, record.is_public) == ("AccessAnalyzer.ExternalAccess", True)
    listed = reader.read(analyzer.listed(), context=CONTEXT)
    assert (record.finding_id, record.resource_id) == (listed.finding_id, listed.resource_id)


def test_an_event_on_unused_access_calls_its_id_otherwise():
    event = analyzer.event(
        "Unused Access Finding for IAM entities",
        id=None,
        findingId="unused-1",
        findingType="UnusedPermission",
        resource="arn:aws:iam::123456789012:role/deploy",
        resourceType="AWS::IAM::Role",
        isPublic=None,
        numberOfUnusedActions=3,
    )
    (record,) = page_of(event).findings
    assert (record.finding_id, record.resource_type) == ("unused-1", "AwsIamRole")
    assert (record.control_id, record.is_public) == ("AccessAnalyzer.UnusedPermission", None)


def test_an_event_on_a_deleted_finding_resolves_it():
    (record,) = page_of(analyzer.event(isDeleted=True)).findings
    assert (record.workflow, record.record_state) == ("RESOLVED", "ARCHIVED")


def test_internal_access_belongs_to_the_owner_of_the_resource():
    queue = "arn:aws:sqs:eu-west-1:210987654321:orders"
    event = analyzer.event(
        "Internal Access Finding", findingType="InternalAccess", resource=queue, isPublic=None
    )
    (record,) = page_of(event).findings
    assert record.account_id == "210987654321"


def test_every_wrapper_is_opened():
    finding = shapes.asff()
    event = {"detail-type": "x", "resources": [], "detail": {"findings": [finding, finding]}}
    documents = [
        (finding, 1),
        ([finding, finding], 2),
        ({"Findings": [finding]}, 1),
        ({"findings": [finding]}, 1),
        ({"finding": finding}, 1),
        (event, 2),
        ([event, {"Findings": [finding]}], 3),
        ({"Findings": []}, 0),
    ]
    for document, number in documents:
        found = list(reader.entries(document, {"a": "b"}))
        assert found == [(finding, {"a": "b"})] * number


@pytest.mark.parametrize("document", ["text", None, 3])
def test_what_is_no_document_is_rejected_like_a_finding(document):
    page = page_of(document)
    (rejected,) = page.rejected
    assert (rejected.source_id, rejected.shape, rejected.payload) == ("", "", document)


def test_the_rejected_remember_how_to_read_them_again():
    page = page_of(analyzer.event(status="LOST"))
    (rejected,) = page.rejected
    assert (rejected.shape, rejected.context) == ("access_analyzer", CONTEXT)
    assert rejected.source_id == analyzer.listed()["id"]
    mended = {**rejected.payload, "status": "ACTIVE"}
    assert reader.read(mended, shape=rejected.shape, context=rejected.context).product_arn


@pytest.mark.parametrize(
    ("raw", "source_id"),
    [
        ({"Id": "asff-1"}, "asff-1"),
        ({"finding_info": {"uid": "ocsf-1"}, "metadata": {"uid": "m"}}, "ocsf-1"),
        ({"metadata": {"uid": "m"}}, "m"),
        ({"id": 7}, "7"),
        ({"findingId": "f\0"}, "f"),
        ({}, ""),
        ("text", ""),
    ],
)
def test_the_senders_own_id_is_found_in_every_format(raw, source_id):
    assert batch.source_id(raw) == source_id
