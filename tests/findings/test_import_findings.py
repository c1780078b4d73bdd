"""The command that imports files, from the bytes to the tables, and what it says."""

import gzip
import io
import itertools
import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command

from findings.actions import imports
from findings.ingest import files
from findings.models import (
    DirtyCell,
    Episode,
    FileImport,
    Finding,
    FindingPayload,
    QuarantinedFinding,
)
from inventory.models import Account, Organization, OrganizationalUnit
from tests import factories
from tests.findings.records import NOW
from tests.fixtures.findings import ACCOUNT, asff, control

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SAMPLES = Path(os.environ.get("PARAPET_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))


@pytest.fixture(autouse=True)
def organization():
    with time_machine.travel(NOW):
        factories.account(account_id=ACCOUNT)
        yield factories.organization()


@pytest.fixture
def write(tmp_path):
    """Function that writes a file and returns its path."""

    def write(content, name="findings.json"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def run(*words, **options):
    """(standard output, standard error, whether all was read) of the command."""
    out, error = io.StringIO(), io.StringIO()
    is_good = True
    try:
        words = ("--no-rollup", "--no-progress", *map(str, words))
        call_command("import_findings", *words, stdout=out, stderr=error, **options)
    except CommandError as e:
        is_good = False
        error.write(str(e))
    return out.getvalue(), error.getvalue(), is_good


def findings(count, **changes):
    return [asff(Id=f"finding {number}", **changes) for number in range(count)]


def stored():
    """Everything that an import leaves in the tables, without the numbers of rows."""
    rows = Finding.objects.order_by("finding_id").values(
        "finding_id", "status", "opened_at", "feed"
    )
    payloads = FindingPayload.objects.order_by("finding__finding_id").values_list("payload")
    return list(rows), list(payloads), Episode.objects.count()


def test_a_file_is_taken_in_and_summed_up(write):
    out, error, is_good = run(write(findings(3)))
    assert (error, is_good) == ("", True)
    assert (
        "findings.json: complete. 3 findings: 3 new, 0 changed, 0 unchanged, 0 closed, "
        "0 quarantined" in out
    )
    assert set(Finding.objects.values_list("feed", flat=True)) == {"FILE"}
    assert DirtyCell.objects.exists()
    row = FileImport.objects.get()
    assert (row.state, row.shape, row.requested_by) == ("COMPLETE", "asff", "manage.py")
    assert row.bytes_read == row.size > 0
    assert row.counts["new"] == 3


def test_importing_again_changes_nothing(write):
    path = write(findings(30))
    run(path)
    before = stored()
    out, _, is_good = run(path)
    assert is_good
    assert "30 findings: 0 new, 0 changed, 30 unchanged" in out
    assert stored() == before


def test_each_form_comes_to_the_same_rows(write):
    values = findings(3)
    lines = b"\n".join(json.dumps(value).encode() for value in values)
    forms = [
        json.dumps(values).encode(),
        json.dumps({"Findings": values}).encode(),
        json.dumps({"findings": values}, indent=2).encode(),
        json.dumps({"detail-type": "x", "detail": {"findings": values}}).encode(),
        lines,
    ]
    packed = [gzip.compress(form) for form in forms]
    run(write(forms[0]))
    before = stored()
    paths = [write(form, f"{number}.json") for number, form in enumerate([*forms, *packed])]
    out, _, is_good = run(*paths)
    assert is_good
    assert "In all: 30 findings: 0 new, 0 changed, 30 unchanged" in out
    assert stored() == before


def test_what_changed_and_what_was_mended_is_counted(write):
    old = [control(Id=f"finding {number}") for number in range(3)]
    run(write(old))
    later = "2026-05-03T10:00:00.000Z"
    passed = old[1] | {
        "UpdatedAt": later,
        "Compliance": old[1]["Compliance"] | {"Status": "PASSED"},
    }
    out, _, _ = run(write([old[0] | {"Title": "Other", "UpdatedAt": later}, passed, old[2]]))
    assert "3 findings: 0 new, 2 changed, 1 unchanged, 1 closed, 0 quarantined" in out


def test_a_truncated_file_keeps_what_came_before_and_importing_it_again_is_harmless(write):
    whole = json.dumps({"Findings": findings(5)}).encode()
    cut = whole.index(b"finding 3") + 4
    out, error, is_good = run(write(whole[:cut]))
    assert not is_good
    assert "findings.json: refused. 3 findings: 3 new" in out
    begin = whole.rindex(b"{", 0, cut)
    assert f"Byte {begin:,}: the file ends within the finding that begins here." in error
    assert "importing it again is harmless" in error
    assert "1 of 1 file could not be read to the end." in error
    assert Finding.objects.count() == 3
    out, _, _ = run(write(whole[:cut]))
    assert "3 findings: 0 new, 0 changed, 3 unchanged" in out
    out, _, is_good = run(write(whole))
    assert is_good
    assert "5 findings: 2 new, 0 changed, 3 unchanged" in out


def test_pages_before_a_fault_are_kept_however_many(write, monkeypatch):
    monkeypatch.setattr(files, "PAGE", 2)
    whole = b"[" + b",".join(json.dumps(one).encode() for one in findings(7))
    run(write(gzip.compress(whole)))
    assert Finding.objects.count() == 7
    row = FileImport.objects.get()
    assert row.state == "REFUSED"
    assert row.error.startswith(f"Byte {len(whole):,} (unpacked): the file ends before its list")


def test_a_file_of_something_else_is_refused_and_fills_no_quarantine(write):
    events = [{"eventName": "ConsoleLogin", "eventID": str(number)} for number in range(60)]
    _, error, is_good = run(write({"Findings": events}))
    assert not is_good
    assert "Byte 14: none of the 60 objects from here on is a finding." in error
    assert not QuarantinedFinding.objects.exists()


def test_a_finding_that_cannot_be_read_stops_none_of_the_others(write):
    bad = asff(Id="bad", ProductArn="nothing", Description="\ud800 and \0")
    nameless = asff(Id=None)
    foreign = asff(Id="foreign", AwsAccountId="999999999999")
    path = write([bad, *findings(2), nameless, foreign])
    out, _, is_good = run(path)
    assert is_good
    assert "5 findings: 2 new, 0 changed, 0 unchanged, 0 closed, 3 quarantined" in out
    assert "1 x ProductArn: 'nothing' names no product" in out
    assert "999999999999 is not in the inventory" in out
    assert re.search(r"such as findings.json, byte \d+ \([0-9a-f]{8}\)", out)
    held = QuarantinedFinding.objects.order_by("source_id")
    assert {row.source for row in held} == {"FILE"}
    run(path)
    assert QuarantinedFinding.objects.count() == 3


def test_a_bad_line_goes_into_quarantine_and_the_next_one_is_read(write):
    lines = [json.dumps(value).encode() for value in findings(3)]
    content = b"\n".join([lines[0], b'{"Id": "half of', lines[1], lines[2]])
    out, _, is_good = run(write(content, "x.ndjson"))
    assert is_good
    assert "4 findings: 3 new, 0 changed, 0 unchanged, 0 closed, 1 quarantined" in out
    held = QuarantinedFinding.objects.get()
    assert held.source_id.startswith(f"x.ndjson, byte {len(lines[0]) + 1} (")
    assert (held.shape, held.payload) == ("text", '{"Id": "half of')
    assert "The line is not JSON" in held.reason


def test_standard_input_is_a_file_too(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(json.dumps(findings(2)).encode())))
    monkeypatch.setattr("sys.stdin", stdin)
    out, _, is_good = run("-")
    assert is_good
    assert "standard input: complete. 2 findings: 2 new" in out
    assert FileImport.objects.get().size == 0


def test_a_file_that_is_not_there_is_named_and_the_others_are_imported(write, tmp_path):
    out, error, is_good = run(tmp_path / "nowhere.json", write(findings(1)))
    assert not is_good
    assert "nowhere.json: cannot be opened: No such file or directory." in error
    assert "1 of 2 files could not be read to the end." in error
    assert "findings.json: complete. 1 findings" in out
    _, error, _ = run(tmp_path)
    assert "Is a directory" in error


def test_an_export_of_access_analyzer_needs_to_know_its_analyzer(write):
    arn = f"arn:aws:access-analyzer:eu-west-1:{ACCOUNT}:analyzer/outside"
    finding = {
        "id": "0a1b",
        "findingType": "ExternalAccess",
        "resource": "arn:aws:s3:::a-bucket",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": ACCOUNT,
        "status": "ACTIVE",
        "createdAt": "2026-05-01T10:00:00Z",
        "analyzedAt": "2026-05-02T10:00:00Z",
        "updatedAt": "2026-05-01T10:00:00Z",
    }
    path = write({"findings": [finding], "nextToken": None})
    out, _, _ = run(path)
    assert "1 quarantined" in out
    out, _, _ = run("--analyzer-arn", arn, path)
    assert "1 new" in out
    assert Finding.objects.get().product_arn == arn


def test_the_organisation_has_to_be_known(write):
    path = str(write([]))
    with pytest.raises(CommandError, match=r"Choose the organisation .*o-halden0001"):
        call_command("import_findings", "--organization", "o-other", path)
    for model in (Account, OrganizationalUnit, Organization):
        model.objects.all().delete()
    with pytest.raises(CommandError, match=r"Collect first: manage\.py collect"):
        call_command("import_findings", path)


def test_a_name_with_anything_in_it_is_stored(tmp_path):
    name = b"\xff <b>'\"\x01.json".decode("utf-8", "surrogateescape")
    path = tmp_path / name
    path.write_bytes(b"[]")
    assert run(path)[2]
    assert FileImport.objects.get().name.endswith("<b>'\"\x01.json")


def test_an_import_that_is_interrupted_says_so(write, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "take_pages", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(write(findings(1)))
    row = FileImport.objects.get()
    assert (row.state, row.error) == ("FAILED", files.STOPPED)


def test_progress_is_told_in_bytes_and_findings(write, capsys, monkeypatch):
    monkeypatch.setattr(files, "PAGE", 1000)
    ticks = itertools.count(0, 60)
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    out = io.StringIO()
    path = write(findings(1200))
    call_command("import_findings", "--no-rollup", str(path), stdout=out, stderr=io.StringIO())
    said = capsys.readouterr().err
    assert re.search(r"findings\.json: [\d.]+ MB, \d+%, 1,000 findings, \d+ a second", said)


def test_retrying_the_quarantine_takes_in_what_has_become_readable(write):
    run(write([asff(Id="early", AwsAccountId="333333333333"), asff(Id="bad", ProductArn="x")]))
    factories.account(account_id="333333333333")
    out = io.StringIO()
    call_command("retry_quarantine", stdout=out)
    assert "2 tried, 1 taken_in, 1 kept, 1 new" in out.getvalue()
    assert Finding.objects.get().finding_id == "early"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="there are no samples beside this checkout")
def test_every_sample_is_taken_in_or_held_with_a_reason():
    paths = sorted(SAMPLES.glob("*.json"))
    texts = [path.read_text() for path in paths]
    for number in sorted(set(re.findall(r"(?<!\d)\d{12}(?!\d)", "".join(texts))) - {ACCOUNT}):
        factories.account(account_id=number)
    out, error, is_good = run(*paths)
    assert (error, is_good) == ("", True)
    assert Finding.objects.count() + QuarantinedFinding.objects.count() > len(paths)
    for row in FileImport.objects.all():
        taken = row.counts["new"] + row.counts["changed"] + row.counts["unchanged"]
        assert taken + row.counts["quarantined"] > 0
        # Samples share ids where their publisher has blacked them out.
        held = sum(reason["findings"] for reason in row.reasons)
        assert held <= row.counts["quarantined"]
        assert bool(held) == bool(row.counts["quarantined"])
    out, _, _ = run(*paths)
    assert "In all:" in out
    assert " 0 new, 0 changed," in out.splitlines()[-1]


def test_silent_imports_are_given_up_or_read_again(organization, tmp_path, settings):
    settings.POSTURE_UPLOAD_DIR = str(tmp_path)
    upload = imports.begin(
        organization, imports.GivenFile("a", 1, stored_as="stored"), by="priya", now=NOW
    )
    command = imports.begin(organization, imports.GivenFile("b", 1), by="manage.py", now=NOW)
    fresh = imports.begin(
        organization, imports.GivenFile("c", 1, stored_as="x"), by="", now=NOW + 9 * HOUR
    )
    FileImport.objects.update(state="RUNNING")
    rescued = imports.rescue(now=NOW + 9 * HOUR, silent_for=HOUR)
    assert rescued == [upload]
    for row in (upload, command, fresh):
        row.refresh_from_db()
    assert [upload.state, command.state, fresh.state] == ["PENDING", "FAILED", "RUNNING"]
    assert "Run it again" in command.error


def test_uploads_that_nobody_names_are_removed_after_a_day(organization, tmp_path, settings):
    settings.POSTURE_UPLOAD_DIR = str(tmp_path)
    for name in ("wanted", "stray", "young"):
        (tmp_path / name).write_bytes(b"[]")
        age = 48 * HOUR if name != "young" else HOUR
        os.utime(tmp_path / name, times=((NOW - age).timestamp(),) * 2)
    given = imports.GivenFile("a", 1, stored_as="wanted")
    imports.begin(organization, given, by="priya", now=NOW)
    assert imports.remove_strays(now=NOW) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wanted", "young"]
