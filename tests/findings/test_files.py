"""Files of findings as a stream: every wrapping, packed or not, cut off anywhere, and hostile ones."""

import gzip
import io
import itertools
import json
import tracemalloc
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from findings.sources import files
from findings.sources.files import brackets, openings, records
from tests.fixtures.findings import asff

# Text that looks like structure, and is not.
HOSTILE = 'a "quoted" \\ back\\\\slash { [ } ] , : "findings":[ é 😀 \n'
FINDINGS = [
    asff(Id="one", Description=HOSTILE),
    asff(Id="two", Title='{"Findings":[{"Id":"none"}]}', ProductFields={"findings": "[]"}),
    asff(Id="three", Resources=[{"Id": "a", "Details": {"Other": {"k": "]}"}}}, {"Id": "b\\"}]),
]
EVENT = {"version": "0", "detail-type": "Security Hub Findings - Imported", "account": "1"}


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def lines(values):
    return b"".join(compact(value) + b"\n" for value in values)


def event(findings):
    return {**EVENT, "detail": {"actionName": "", "findings": findings}, "resources": ["x"]}


SHAPES = {
    "list": compact(FINDINGS),
    "indented list": json.dumps(FINDINGS, indent=2).encode(),
    "not escaped": json.dumps(FINDINGS, ensure_ascii=False).encode(),
    "Findings": compact({"NextToken": "x", "Findings": FINDINGS}),
    "findings": json.dumps({"findings": FINDINGS, "nextToken": "]"}, indent=4).encode(),
    "event": compact(event(FINDINGS)),
    "indented event": json.dumps(event(FINDINGS), indent=1).encode(),
    "list of events": compact([event(FINDINGS[:2]), event(FINDINGS[2:])]),
    "events on lines": lines([event(FINDINGS[:2]), event(FINDINGS[2:])]),
    "lines": lines(FINDINGS),
    "lines of Windows": lines(FINDINGS).replace(b"\n", b"\r\n"),
    "lines without the last break": lines(FINDINGS).rstrip(b"\n"),
    "lines with gaps": b"\n \n".join(compact(finding) for finding in FINDINGS),
    "one after the other": b"".join(compact(finding) for finding in FINDINGS),
    "indented, one after the other": b"\n".join(
        json.dumps(finding, indent=2).encode() for finding in FINDINGS
    ),
    "several on a line": compact(FINDINGS[0]) + b"\n" + compact(FINDINGS[1]) + compact(FINDINGS[2]),
    "lists one after the other": compact(FINDINGS[:1]) + b"\n" + compact(FINDINGS[1:]),
    "byte order mark": b"\xef\xbb\xbf" + compact(FINDINGS),
}


class Drops(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, content, size):
        self._content, self._size = io.BytesIO(content), size

    def read(self, size=-1):
        return self._content.read(self._size)


def read(content, *, size=None):
    """(findings, what could not be read, the refusal or None)."""
    found, unread, refusal = [], [], None
    stream = Drops(content, size) if size else io.BytesIO(content)
    try:
        for entry in files.read_file(stream):
            (found if isinstance(entry, files.Found) else unread).append(entry)
    except files.Refused as e:
        refusal = e
    return found, unread, refusal


def raws(found):
    return [entry.raw for entry in found]


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_wrapping_gives_the_same_findings(shape, is_packed):
    content = gzip.compress(SHAPES[shape]) if is_packed else SHAPES[shape]
    for size in (None, 1, 7, 50):
        found, unread, refusal = read(content, size=size)
        assert (raws(found), unread, refusal) == (FINDINGS, [], None)


@pytest.mark.parametrize("shape", [name for name in SHAPES if "event" not in name])
def test_a_finding_knows_the_byte_at_which_it_begins(shape):
    content = SHAPES[shape]
    for entry in read(content)[0]:
        finding, _ = json.JSONDecoder().raw_decode(content[entry.offset :].decode())
        assert finding == entry.raw


def test_one_object_is_a_file_as_well():
    for content in (compact(FINDINGS[0]), json.dumps(FINDINGS[0], indent=2).encode() + b"\n"):
        found, unread, refusal = read(content)
        assert ([entry.raw for entry in found], unread, refusal) == (FINDINGS[:1], [], None)


@pytest.mark.parametrize("content", [b"[]", b' {"Findings": [] } ', b"[\n]\n", b"[][]"])
def test_a_file_without_findings_is_none_the_worse(content):
    assert read(content) == ([], [], None)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_cut_off_at_any_byte_gives_what_came_before_and_says_where(shape):
    content = SHAPES[shape]
    # The end of each finding in the file.
    ends = [len(content[: entry.offset]) for entry in read(content)[0]]
    for cut in range(len(content)):
        found, unread, refusal = read(content[:cut])
        assert unread == []
        assert raws(found) == FINDINGS[: len(found)]
        if "event" not in shape:
            # Whatever begins later is not there, and what ended before the next began is.
            begun = sum(start < cut for start in ends)
            assert begun - 1 <= len(found) <= begun
        if refusal is None:
            # Only where a text may end as well: between two values, or lines.
            assert "list" not in shape or "one after" in shape
        else:
            assert 0 <= refusal.offset <= cut


def test_a_packed_file_cut_off_at_any_byte_is_refused():
    content = gzip.compress(SHAPES["Findings"])
    for cut in range(len(content)):
        found, unread, refusal = read(content[:cut])
        assert raws(found) == FINDINGS[: len(found)]
        assert unread == []
        assert refusal is not None
        assert refusal.offset <= len(SHAPES["Findings"])


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, len(SHAPES["Findings"]) - 1),
    st.integers(0, 255),
    st.sampled_from(["list", "Findings", "lines", "event", "one after the other"]),
)
def test_a_file_with_one_wrong_byte_ends_in_findings_or_words(position, byte, shape):
    content = bytearray(SHAPES[shape])
    position %= len(content)
    content[position] = byte
    found, _, refusal = read(bytes(content))
    assert all(isinstance(entry.raw, dict) for entry in found)
    if refusal:
        assert 0 <= refusal.offset <= len(content)
        assert str(refusal).startswith("Byte ")


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=200) | st.text('{}[]",:\\a1\n ', max_size=60).map(str.encode))
@example(b'[{"a":1}]]')
@example(b'{"Findings":[}]')
@example(b'{"a":"\\')
@example(b"\x1f\x8b")
@example(b"\x01\x01\n\n\x00\x00\x00\x00}")
def test_whatever_comes_ends_in_findings_or_words(content):
    found, unread, refusal = read(content)
    again = read(content, size=1)
    assert (raws(found), unread) == (raws(again[0]), again[1])
    assert (refusal and refusal.offset) == (again[2] and again[2].offset)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(max_size=8)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["Id", "b", '"', "\\"]), JSON), max_size=4),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
)
def test_whatever_is_written_as_json_comes_back(values, indent, is_ascii):
    content = json.dumps(values, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "replace")
    assert read(content, size=5)[2] is None
    assert [json.dumps(raw) for raw in raws(read(content)[0])] == [
        json.dumps(value) for value in json.loads(content)
    ]


@settings(max_examples=100, deadline=None)
@given(st.text('"\\{}a', max_size=40).map(str.encode), st.integers(0, 40))
def test_brackets_are_found_wherever_a_chunk_ends(data, cut):
    whole = brackets.scan(data, brackets.State())
    first = brackets.scan(data[:cut], brackets.State())
    second = brackets.scan(data[cut:], first.end)
    at = [*first.at.tolist(), *(position + len(data[:cut]) for position in second.at.tolist())]
    assert at == whole.at.tolist()
    assert [*first.levels.tolist(), *second.levels.tolist()] == whole.levels.tolist()
    assert second.end == whole.end


def test_a_bad_line_is_passed_over_and_a_bad_list_is_not():
    bad = b'{"Id": "bad", }'
    good = [compact(finding) for finding in FINDINGS]
    content = b"\n".join([good[0], bad, good[1], good[2]])
    found, unread, refusal = read(content)
    assert (raws(found), refusal) == (FINDINGS, None)
    assert [entry.offset for entry in unread] == [len(good[0]) + 1]
    assert "The line is not JSON" in unread[0].problem
    assert unread[0].excerpt == bad.decode()

    found, unread, refusal = read(b"[" + b",".join([good[0], bad, good[1]]) + b"]")
    assert (raws(found), unread) == (FINDINGS[:1], [])
    begin = 1 + len(good[0]) + 1
    assert begin < refusal.offset < begin + len(bad)


def test_the_first_line_may_be_the_bad_one():
    found, unread, refusal = read(b'{"Id": oops}\n' + lines(FINDINGS))
    assert (raws(found), refusal) == (FINDINGS, None)
    assert [entry.offset for entry in unread] == [0]


def test_a_file_that_is_no_longer_json_is_refused_where_that_begins():
    content = lines(FINDINGS)
    log = b"2026-05-01 worker started\n" * 500
    found, unread, refusal = read(content + log)
    assert (raws(found), len(unread)) == (FINDINGS, 100)
    assert refusal.offset == len(content)


@pytest.mark.parametrize(
    ("content", "offset", "problem"),
    [
        (b"", 0, "the file is empty"),
        (b" \n ", 3, "no JSON"),
        (b"Id,Title\n1,x\n", 0, "'Id,Title"),
        (b"<html>", 0, "HTML"),
        (b"PK\x03\x04....", 0, "ZIP"),
        ("[]".encode("utf-16"), 0, "UTF-16"),
        ("[]".encode("utf-16-le"), 0, "no UTF-8"),
        (b"[1, 2]", 1, "'1, 2'"),
        (b'[{"a":1}, null]', 10, "null"),
        (b'[{"a":1} {"a":2}]', 9, "comma"),
        (b'[{"a":1},]', 8, "','"),
        (b'[{"a":1}]]', 9, "no beginning"),
        (b'[{"a":1}}', 8, "no beginning"),
        (b'{"Findings":[{"a":1}}]', 20, "no beginning"),
        (b'[{"a":1}] trailing', 10, "trailing"),
        (b'[{"a":"\xff"}]', 1, "not JSON"),
        (b'[{"a":1}', 8, "ends before its list"),
        (b'[{"a":1},', 9, "ends before its list"),
        (b'[{"a":1},{"b', 9, "ends within the finding"),
        (b'{"Findings":[{"a":1}],"NextToken":"x', 36, "ends before its list"),
        (b"\x1f\x8b" + b"x" * 20, 0, "damaged"),
    ],
)
def test_a_refusal_names_the_byte_the_fault_and_the_remedy(content, offset, problem):
    refusal = read(content)[2]
    assert refusal.offset == offset
    assert problem in refusal.problem
    assert refusal.remedy


def test_a_damaged_packed_file_keeps_what_could_be_unpacked():
    content = lines([asff(Id=str(number)) for number in range(3000)])
    packed = bytearray(gzip.compress(content))
    packed[-6] ^= 0xFF  # its checksum
    found, _, refusal = read(bytes(packed))
    assert len(found) == 3000
    assert "damaged" in refusal.problem


def test_packed_files_one_after_the_other_and_packed_twice_are_read():
    parts = gzip.compress(lines(FINDINGS[:1])) + gzip.compress(lines(FINDINGS[1:])) + b"\0" * 512
    assert raws(read(parts)[0]) == FINDINGS
    assert raws(read(gzip.compress(parts))[0]) == FINDINGS


def test_a_bomb_is_refused_before_it_fills_anything(monkeypatch):
    monkeypatch.setattr(openings, "_RATIO_FROM", 1 << 20)
    packer = zlib.compressobj(9, wbits=31)
    content = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(16)) + packer.flush()
    refusal = read(content)[2]
    assert "grows beyond all measure" in refusal.problem
    assert refusal.offset < 8 << 20


@pytest.mark.parametrize("shape", ["list", "Findings", "lines", "one after the other"])
def test_a_finding_that_is_too_long_is_passed_over(shape, monkeypatch):
    long = asff(Id="long", Description=HOSTILE * (records.MAX_BYTES // 20))
    values = [FINDINGS[0], long, FINDINGS[1]]
    content = {
        "list": compact(values),
        "Findings": compact({"Findings": values}),
        "lines": lines(values),
        "one after the other": b"".join(compact(value) for value in values),
    }[shape]
    for size in (None, 50_000):
        found, unread, refusal = read(content, size=size)
        assert (raws(found), refusal) == (FINDINGS[:2], None)
        assert [entry.offset for entry in unread] == [content.index(compact(long)[:200])]
        assert [entry.offset for entry in found] == [
            content.index(compact(finding)) for finding in FINDINGS[:2]
        ]
        assert "longer than 1024 kB" in unread[0].problem
        assert len(unread[0].excerpt) <= records.MAX_EXCERPT


@pytest.mark.parametrize("wrap", [lambda piece: b"[" + piece + b"]", lambda p: p + b"\n{}\n"])
def test_a_finding_that_nests_too_deep_is_passed_over(wrap):
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    _, unread, refusal = read(wrap(deep))
    assert refusal is None
    assert [entry.problem for entry in unread] == ["It nests more than 100 deep"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda piece: piece,
        lambda piece: b"[{}," + piece + b"]",
        lambda piece: b'{"x":[],"Findings":[' + piece + b"]}",
        lambda piece: b"[{}]" + piece,
        lambda piece: b"{}\n" * 9 + piece + b"\n{}\n",
        lambda piece: b'{"a":"' + b"[{" * 80 + b'"}\n{}\n' + piece + b"\n",
    ],
)
def test_a_finding_may_nest_a_hundred_deep_and_no_deeper(wrap):
    for depth, is_read in ((records.MAX_DEPTH, True), (records.MAX_DEPTH + 1, False)):
        # Its brackets are not side by side.
        deep = b'{"b":[],"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
        content = wrap(deep)
        for size in (None, 50):
            found, unread, refusal = read(content, size=size)
            offsets = [entry.offset for entry in (found if is_read else unread)]
            assert content.index(deep) in offsets
            assert (refusal, len(unread)) == (None, 0 if is_read else 1)


def test_half_a_surrogate_pair_and_no_number_are_read_as_python_does():
    found, _, refusal = read(b'[{"Id":"\\ud800","n":NaN}]')
    assert refusal is None
    assert found[0].raw["Id"] == "\ud800"


def test_many_lists_cost_no_more_than_their_bytes():
    assert read(b"[]" * 100_000) == ([], [], None)
    nested = b'{"x":' + b'{"findings":[],"y":0,"z":[' * 30 + b"]}" * 30 + b"}"
    assert len(read(nested * 500)[0]) == 500


@pytest.mark.parametrize("is_by_lines", [True, False])
def test_memory_does_not_grow_with_the_file(is_by_lines):
    finding = compact(asff(Id="x", Description="a description " * 200))
    between = b"\n" if is_by_lines else b",\n"

    class Endless(io.RawIOBase):
        """50 MB that nobody holds."""

        def __init__(self):
            block = between.join([finding] * 100)
            pieces = itertools.chain([block], itertools.repeat(between + block, 160))
            self._pieces = pieces if is_by_lines else itertools.chain([b"["], pieces, [b"]"])

        def read(self, size=-1):
            return next(self._pieces, b"")

    tracemalloc.start()
    count = sum(isinstance(entry, files.Found) for entry in files.read_file(Endless()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 16_100
    assert peak < 12_000_000
