import json
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.normalise import asff, batch, payload, reader
from tests.findings.payloads import analyzer, ocsf
from tests.findings.payloads import asff as asff_payloads
from tests.fixtures import findings as make


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
CONTEXT = {"analyzer_arn": analyzer.ANALYZER}
READ = partial(reader.read, context=CONTEXT)
DOCUMENTS = {
    "control": make.control(Note={"Text": "x"}),
    "by-standard": make.cis_1_2_0("2.7"),
    "inspector": asff_payloads.inspector(),
    "analyzer": make.asff(ProductArn=make.product("access-analyzer")),
    "analyzer-v2": analyzer.got(),
    "ocsf": ocsf.control(),
    "ocsf-inspector": ocsf.inspector(),
    "prowler": ocsf.prowler(),
}
NAMES = sorted({name for document in DOCUMENTS.values() for name in document})


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


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_no_value_anywhere_stops_a_page(document, data):
    path = data.draw(st.sampled_from(sorted(paths_in(document), key=str)))
    changed = put(document, path, data.draw(JSON))
    page = batch.page([changed], parse=READ)
    assert len(page.findings) + len(page.rejected) == 1
    assert all(row.reason for row in page.rejected)


@settings(deadline=None, max_examples=150)
@given(raw=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), JSON, max_size=6) | JSON)
def test_any_json_is_read_or_refused_and_always_alike(raw):
    for shape in ("", *reader.SHAPES):
        pages = [
            batch.page([raw], parse=partial(reader.read, shape=shape, context=CONTEXT))
            for _ in "12"
        ]
        assert repr(pages[0]) == repr(pages[1])
        assert len(pages[0].findings) + len(pages[0].rejected) == 1


def turned(value):
    """Return the same document with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_the_order_of_keys_changes_nothing(document, data):
    path = data.draw(st.sampled_from(sorted(paths_in(document), key=str)))
    changed = put(document, path, data.draw(JSON))
    one, other = (batch.page([raw], parse=READ) for raw in (changed, turned(changed)))
    assert [row.content_hash for row in one.findings] == [
        row.content_hash for row in other.findings
    ]
    # A text for people may show a value, and with it an order.
    assert [row.source_id for row in one.rejected] == [row.source_id for row in other.rejected]


@pytest.mark.parametrize("depth", [250, 300, 900, 5000])
def test_what_is_nested_too_deep_is_refused_and_can_still_be_kept(depth):
    deep = []
    for _ in range(depth):
        deep = [deep]
    documents = (
        {**make.asff(), "Title": deep},
        {**make.asff(), "UpdatedAt": deep},
        {**make.asff(), "Extra": deep},
        {**ocsf.finding(), "extra": deep},
        analyzer.listed(resource=deep),
    )
    for document in documents:
        page = batch.page([document], parse=READ)
        assert len(page.findings) + len(page.rejected) == 1
        assert json.loads(payload.to_json(document))


@pytest.mark.parametrize("number", [2**64, -(2**70), 10**5000], ids=["65-bit", "negative", "5000"])
def test_huge_numbers_stop_nothing(number):
    documents = (make.asff(Extra=number), make.asff(Title=number), ocsf.finding(status_id=number))
    for document in documents:
        page = batch.page([document], parse=READ)
        assert len(page.findings) + len(page.rejected) == 1
        assert payload.to_json(document)
