"""Files of trails: every form that they come in, cut at any byte, packed, wrong, and the command over them."""

import gzip
import io
import json
import tracemalloc
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from invariants.models import Denial, DenialDay, TrailFeed
from invariants.sources import trail_files
from tests import factories as make
from tests.invariants import trails

RECORDS = [trails.record(role=f"Role{number}", sourceIPAddress="é]}{[") for number in range(5)]


def read(content):
    return list(trail_files.read_records(io.BytesIO(content)))


def refused(content):
    found = []
    with pytest.raises(trail_files.Refused) as caught:
        found.extend(trail_files.read_records(io.BytesIO(content)))
    return caught.value


def upto(content):
    """The records before a refusal, and the refusal, None where there is none."""
    found = []
    try:
        for one in trail_files.read_records(io.BytesIO(content)):
            found.append(one)  # noqa: PERF402 - what came before a refusal has to stay
    except trail_files.Refused as e:
        return found, e
    return found, None


def lines(*values):
    return "\n".join(json.dumps(value) for value in values).encode()


WHOLE = json.dumps({"Records": RECORDS}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        json.dumps({"Records": RECORDS}, indent=2).encode(),
        gzip.compress(WHOLE),
        gzip.compress(WHOLE[:1000]) + gzip.compress(WHOLE[1000:]),
        json.dumps(RECORDS).encode(),
        lines(*RECORDS),
        lines(*RECORDS) + b"\n",
        lines(*(trails.event(record) for record in RECORDS)),
        lines({"Records": RECORDS[:2]}, {"Records": RECORDS[2:]}),
        b"\xef\xbb\xbf" + WHOLE,
    ],
)
def test_each_form_of_file_gives_the_same_records(content, monkeypatch):
    monkeypatch.setattr(trail_files, "CHUNK", 61)
    assert read(content) == RECORDS


def test_an_empty_list_of_records_is_no_mistake():
    assert read(b'{"Records": []}') == []


@pytest.mark.parametrize("cut", range(1, len(WHOLE), 97))
def test_a_file_that_breaks_off_is_refused_and_what_came_before_stands(cut, monkeypatch):
    monkeypatch.setattr(trail_files, "CHUNK", 128)
    found, refusal = upto(WHOLE[:cut])
    assert refusal is not None
    assert found == RECORDS[: len(found)]
    assert 0 <= refusal.offset <= cut


def test_a_packed_file_that_breaks_off_or_is_damaged_is_refused():
    packed = gzip.compress(WHOLE)
    found, refusal = upto(packed[:-20])
    assert found
    assert found == RECORDS[: len(found)]
    assert "ends too early" in str(refusal)
    assert "damaged" in str(refused(packed[:30] + b"\xff\xff\xff\xff" + packed[34:]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"   \n ", "the file is empty"),
        (b"<html>", "'<html>' stands where a record"),
        (b"PK\x03\x04abc", "stands where a record"),
        (b"\xff\xfe{", "no UTF-8 text"),
        (b'{"Findings": []}', "is no record of CloudTrail"),
        (b"[1, 2]", "stands where a record"),
        (b'{"Records": [{"eventID": NaN}]}', "NaN is no JSON"),
        (b'{"eventID": "x",, }', "not JSON"),
    ],
)
def test_another_file_is_refused_by_what_it_is(content, words):
    assert words in str(refused(content))


def test_the_place_of_a_mistake_is_its_byte():
    good = lines(RECORDS[0]) + b"\n"
    wrong = good + '{"eventID": "é", "x": oops}'.encode()
    refusal = refused(wrong)
    assert refusal.offset == wrong.index(b"oops")
    assert str(refusal).startswith(f"Byte {wrong.index(b'oops'):,}: ")


def test_a_record_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(trail_files, "MAX_RECORD", 10_000)
    monkeypatch.setattr(trail_files, "CHUNK", 4_000)
    assert "no record ends within" in str(refused(b'{"eventID": "' + b"x" * 50_000))


def test_memory_is_that_of_a_chunk_and_not_of_the_file():
    many = (b'{"Records": [' + b",".join([json.dumps(RECORDS[0]).encode()] * 20_000)) + b"]}"
    stream = io.BytesIO(many)
    tracemalloc.start()
    count = sum(1 for _ in trail_files.read_records(stream))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert len(many) > 20_000_000
    assert peak < 8_000_000


# The command.


@pytest.fixture
def folder(tmp_path, db, time_machine):
    time_machine.move_to(make.NOW, tick=False)
    make.organization()
    now = make.NOW
    place = tmp_path / "AWSLogs" / trails.ORG / trails.ACCOUNT / "CloudTrail" / "eu-west-1"
    place.mkdir(parents=True)
    content = {"Records": [trails.record(at=now - timedelta(days=1)) for _ in range(3)]}
    (place / "one.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    other = [
        trails.record(at=now - timedelta(days=2), errorMessage="Access Denied"),
        trails.record(at=now - timedelta(days=300)),
        trails.record(eventID="?"),
    ]
    (place / "two.ndjson").write_bytes(lines(*other))
    digest = tmp_path / "AWSLogs" / trails.ACCOUNT / "CloudTrail-Digest"
    digest.mkdir(parents=True)
    (digest / "digest.json.gz").write_bytes(gzip.compress(b'{"digestStartTime": "x"}'))
    return tmp_path


def run(*names):
    out, err = io.StringIO(), io.StringIO()
    call_command("import_trail", *map(str, names), "--no-progress", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_folder_is_imported_and_told_in_numbers(folder):
    out, err = run(folder)
    assert out.splitlines()[0] == "2 files, 1 without calls left out: 6 events"
    assert "3 denied by policies of the organisation" in out
    assert "1 older than what is kept" in out
    assert "1 denied by other policies" in out
    assert "two.ndjson: record 3: eventID is no GUID" in err
    assert Denial.objects.get().days.get().count == 3


def test_importing_a_folder_again_changes_nothing(folder):
    run(folder)
    out, _ = run(folder)
    assert "3 counted before" in out
    assert Denial.objects.get().days.get().count == 3
    assert TrailFeed.objects.get().kind == "FILES"


def test_a_broken_file_keeps_no_other_from_being_taken(folder):
    (folder / "broken.json").write_bytes(b'{"Records": [' + lines(trails.record()) + b", {")
    with pytest.raises(CommandError, match=r"1 of 3 files could not be read to the end"):
        run(folder)
    assert sum(day.count for day in DenialDay.objects.all()) == 4


def test_a_folder_without_trails_and_a_path_to_nowhere_are_refused(tmp_path, db):
    make.organization()
    with pytest.raises(CommandError, match="no file of a trail"):
        run(tmp_path)
    with pytest.raises(CommandError, match="no such file or folder"):
        run(tmp_path / "nowhere")


def test_without_an_organisation_it_says_what_to_do(db):
    with pytest.raises(CommandError, match="Collect first"):
        run("x")
