import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.normalise import access_analyzer, asff, batch
from tests.fixtures import findings as make

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def test_an_unreadable_finding_stops_none_of_its_page():
    good, bad = make.control(), make.asff(UpdatedAt="yesterday")
    page = batch.page([bad, good], parse=asff.parse)
    assert [record.control_id for record in page.findings] == ["S3.8"]
    assert [(row.source_id, row.payload) for row in page.rejected] == [(bad["Id"], bad)]
    assert page.rejected[0].reason.startswith("UpdatedAt: ")
    assert page.watermark == datetime(2026, 5, 2, 10, tzinfo=UTC)


def test_a_page_without_findings_has_no_watermark():
    assert batch.page([], parse=asff.parse).watermark is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
SUMMARY = {
    "id": "f-1",
    "findingType": "ExternalAccess",
    "resource": "arn:aws:s3:::a-bucket",
    "resourceType": "AWS::S3::Bucket",
    "resourceOwnerAccount": "123456789012",
    "status": "ACTIVE",
    "createdAt": "2026-05-01T10:00:00Z",
    "updatedAt": "2026-05-02T10:00:00Z",
    "error": "",
}


def paths_in(value, above=()):
    """Yield the path of every value inside a JSON document."""
    if above:
        yield above
    if isinstance(value, dict | list):
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in rows:
            yield from paths_in(inner, (*above, key))


def put(document, path, value):
    """Return a copy of the document with this value at that path."""
    changed = json.loads(json.dumps(document))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def analyzed(raw):
    return access_analyzer.parse(raw, analyzer_arn="arn", analyzer_type="ACCOUNT", region="r")


@pytest.mark.parametrize(
    ("document", "parse"),
    [
        (make.control(Note={"Text": "x"}), asff.parse),
        (make.cis_1_2_0("2.7"), asff.parse),
        (make.asff(ProductArn=make.product("access-analyzer")), asff.parse),
        (SUMMARY, analyzed),
    ],
    ids=["control", "by-standard", "analyzer", "analyzer-v2"],
)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_value_anywhere_stops_a_page(document, parse, data):
    path = data.draw(st.sampled_from(sorted(paths_in(document), key=str)))
    page = batch.page([put(document, path, data.draw(JSON))], parse=parse)
    assert len(page.findings) + len(page.rejected) == 1
    assert all(row.reason for row in page.rejected)


def findings_in(value):
    """Yield each finding under the wrappers that files and events have."""
    if isinstance(value, list):
        for item in value:
            yield from findings_in(item)
        return
    inner = next((value[key] for key in ("Findings", "findings", "detail") if key in value), None)
    if inner is None:
        yield value
    else:
        yield from findings_in(inner)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the collection of real findings is not here")
def test_every_real_finding_is_read_or_rejected_with_a_reason():
    found = {
        path.name: batch.page(findings_in(json.loads(path.read_text())), parse=asff.parse)
        for path in sorted(SAMPLES.glob("*.json"))
    }
    for name, page in found.items():
        assert all(row.reason for row in page.rejected)
        # Those in another format are no ASFF at all; in one file accounts are crossed out.
        is_other = "ocsf" in name or name.endswith("_v2.json")
        assert bool(page.findings) is not is_other, name
        for row in page.rejected if not is_other else ():
            assert row.reason.startswith("AwsAccountId: 'XXXXXXXXXXXX'")
    assert sum(len(page.findings) for page in found.values()) > 20
