"""The chain: whatever is done to the audit log behind its back is found."""

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from posture.actions import audit
from posture.actions.audit import cutting
from posture.models import AuditCut, AuditEntry, Recipient
from posture.queries.audit import chain, exports
from tests import factories
from tests.fixtures.audit import behind_the_back, seal

pytestmark = pytest.mark.django_db
NOW = factories.NOW


@pytest.fixture
def first():
    """The place of the first of five sealed entries."""
    seal()
    before = chain.head().seq
    for number in range(5):
        audit.record("made", actor=None, subject=f"number {number}", details={"n": number}, now=NOW)
    seal()
    return before + 1


def run(*words):
    """The exit code, and what is said."""
    try:
        call_command("verify_audit", *words)
    except CommandError as e:
        return e.returncode, str(e)
    return 0, ""


def test_an_untouched_log_is_whole_and_says_so(first, capsys):
    assert run("--anchor") == (0, "")
    said = capsys.readouterr()
    assert said.out.strip() == str(chain.head())
    assert f"{first + 4 - chain.start().seq} entries" in said.err


def test_the_seal_is_the_hash_of_what_the_entry_says_and_of_the_one_before(first):
    one, two = AuditEntry.objects.filter(seq__in=[first, first + 1]).order_by("seq")
    assert two.previous_hash == one.hash
    lines = list(exports.lines(AuditEntry.objects.filter(seq__lte=first + 1)))[-2:]
    for entry, line in zip((one, two), lines, strict=True):
        read = json.loads(line)
        assert read["hash"] == entry.hash
        assert read["entry"]["subject"] == entry.subject
        text = line.partition('"entry": ')[2].rstrip("\n")[:-1]
        assert hashlib.sha256(text.encode()).hexdigest() == entry.hash


def test_the_check_makes_the_text_itself_as_the_database_does(first):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE posture_audit_text(e) = {chain.TEXT})"
            " FROM posture_auditentry AS e"
        )
        entries, same = cursor.fetchone()
    assert entries == same >= 5


@pytest.mark.parametrize(
    "change",
    [
        "subject = 'another'",
        "who_name = 'somebody else'",
        "at = at + interval '1 microsecond'",
        "details = '{}'",
        "address = '192.0.2.1'",
        "changes = '{\"a\": [1, 2]}'",
        "previous_hash = repeat('a', 64)",
        "hash = repeat('a', 64)",
    ],
)
def test_an_altered_entry_is_found(first, change):
    with behind_the_back() as cursor:
        cursor.execute(f"UPDATE posture_auditentry SET {change} WHERE seq = %s", [first + 2])
    code, said = run()
    assert code == 1
    assert f"entry {first + 2} is not as it was written" in said


def test_an_entry_that_was_altered_and_sealed_anew_is_found_by_the_next_one(first):
    with behind_the_back() as cursor:
        cursor.execute("UPDATE posture_auditentry SET subject = 'x' WHERE seq = %s", [first + 2])
        cursor.execute(
            "UPDATE posture_auditentry e SET hash ="
            " encode(sha256(convert_to(posture_audit_text(e), 'UTF8')), 'hex') WHERE seq = %s",
            [first + 2],
        )
    assert f"entry {first + 3} does not follow entry {first + 2}" in run()[1]


def test_a_removed_entry_is_found(first):
    with behind_the_back() as cursor:
        cursor.execute("DELETE FROM posture_auditentry WHERE seq = %s", [first + 2])
    assert run() == (1, f"The audit log is broken: entry {first + 2} is missing.")


def test_entries_removed_from_the_beginning_are_found(first):
    with behind_the_back() as cursor:
        cursor.execute("DELETE FROM posture_auditentry WHERE seq <= %s", [first + 1])
    code, said = run()
    assert code == 1 and "missing" in said


def test_an_inserted_entry_is_found(first):
    with behind_the_back() as cursor:
        cursor.execute(
            "INSERT INTO posture_auditentry (at, event, who_kind, who_id, who_name, token, request_id,"
            " task_id, task, subject, details, changes, previous_hash, hash)"
            " VALUES (now(), 'forged', 'PERSON', '1', 'ada', '', '', '', '', '', '{}', '{}', '', '')"
        )
    code, said = run()
    assert code == 1 and "never sealed" in said


def test_an_inserted_entry_that_takes_a_place_is_found(first):
    with behind_the_back() as cursor:
        cursor.execute("UPDATE posture_auditentry SET seq = seq + 1000 WHERE seq > %s", [first + 2])
        cursor.execute(
            "INSERT INTO posture_auditentry (seq, at, event, who_kind, who_id, who_name, token,"
            " request_id, task_id, task, subject, details, changes, previous_hash, hash)"
            " SELECT seq + 1, at, 'forged', who_kind, who_id, who_name, token, request_id, task_id,"
            " task, subject, details, changes, hash, repeat('b', 64)"
            " FROM posture_auditentry WHERE seq = %s",
            [first + 2],
        )
        cursor.execute("UPDATE posture_auditentry SET seq = seq - 999 WHERE seq > 1000")
    assert f"entry {first + 3} is not as it was written" in run()[1]


def test_reordered_entries_are_found(first):
    with behind_the_back() as cursor:
        for before, after in ((first + 1, 10**9), (first + 2, first + 1), (10**9, first + 2)):
            cursor.execute("UPDATE posture_auditentry SET seq = %s WHERE seq = %s", [after, before])
    assert f"entry {first + 1} is not as it was written" in run()[1]


def test_a_truncated_tail_is_found_by_an_anchor_alone(first):
    anchor = str(chain.head())
    with behind_the_back() as cursor:
        cursor.execute("DELETE FROM posture_auditentry WHERE seq > %s", [first + 2])
    assert run() == (0, "")
    code, said = run("--expect", anchor)
    assert code == 1
    assert f"entry {first + 4}, which the anchor names, is missing" in said
    audit.record("made", actor=None, details={}, now=NOW)
    audit.record("made", actor=None, details={}, now=NOW)
    seal()
    assert f"entry {first + 4} is not the one that the anchor names" in run("--expect", anchor)[1]


def test_from_an_anchor_on_only_what_follows_is_walked(first, capsys):
    anchor = chain.Anchor(*AuditEntry.objects.values_list("seq", "hash").get(seq=first + 2))
    with behind_the_back() as cursor:
        cursor.execute("UPDATE posture_auditentry SET subject = 'x' WHERE seq = %s", [first])
    assert run("--since", str(anchor)) == (0, "")
    assert "2 entries" in capsys.readouterr().err
    assert run()[0] == 1
    with behind_the_back() as cursor:
        cursor.execute("UPDATE posture_auditentry SET subject = 'x' WHERE seq = %s", [first + 3])
    assert f"entry {first + 3} is not" in run("--since", str(anchor))[1]


@pytest.mark.parametrize("text", ["", "12", "12:abc", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_what_is_no_anchor_is_refused(text):
    code, said = run(f"--expect={text}")
    assert code == 1 and "is no anchor" in said


def test_the_walk_reads_by_the_index_and_sorts_nothing(first):
    with connection.cursor() as cursor:
        # As the walk itself asks for, and as a table beyond a few rows has it.
        for way in ("sort", "bitmapscan", "seqscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN {chain._WALK}", {"seq": 0, "hash": chain.NO_HASH})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "posture_auditentry_seq" in plan and "Sort" not in plan, plan


def test_a_cut_leaves_a_log_that_is_whole_and_a_file_that_is_too(first, tmp_path):
    file = tmp_path / "old.ndjson"
    middle = NOW + timedelta(days=1)
    audit.record("made", actor=None, details={}, now=middle)
    seal()
    # What the fixtures and migrations wrote is of today, by the database's clock.
    with behind_the_back() as cursor:
        cursor.execute("DELETE FROM posture_auditentry WHERE seq < %s", [first])
        cursor.execute("UPDATE posture_auditentry SET seq = seq - %s", [first - 1])
        cursor.execute(
            "UPDATE posture_auditentry SET previous_hash = %s WHERE seq = 1", [chain.NO_HASH]
        )
        for seq in range(1, 7):
            cursor.execute(
                "UPDATE posture_auditentry e SET previous_hash ="
                " coalesce((SELECT hash FROM posture_auditentry WHERE seq = e.seq - 1), %s)"
                " WHERE seq = %s",
                [chain.NO_HASH, seq],
            )
            cursor.execute(
                "UPDATE posture_auditentry e SET hash ="
                " encode(sha256(convert_to(posture_audit_text(e), 'UTF8')), 'hex') WHERE seq = %s",
                [seq],
            )
    assert run() == (0, "")
    old = chain.Anchor(*AuditEntry.objects.values_list("seq", "hash").get(seq=3))
    done = cutting.cut(file, before=middle, now=NOW)
    seal()
    assert (done.anchor.seq, done.entries) == (5, 5)
    assert done.file_hash == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == [6, 7]
    assert AuditEntry.objects.get(seq=7).event == "audit_log_cut"
    assert run() == (0, "")
    assert run("--expect", str(done.anchor)) == (0, "")
    assert "was cut off" in run("--expect", str(old))[1]
    assert run("--file", str(file)) == (0, "")
    assert run("--file", str(file), "--expect", str(old)) == (0, "")
    with pytest.raises(IntegrityError, match="only added to"), transaction.atomic():
        AuditEntry.objects.filter(seq=6).delete()
    with pytest.raises(IntegrityError, match="anchor of the audit log"), transaction.atomic():
        AuditCut.objects.all().delete()
    with pytest.raises(cutting.Refused, match="is there already"):
        cutting.cut(file, before=middle + timedelta(days=400), now=NOW)


def test_an_exported_file_that_was_altered_is_found(first, tmp_path):
    file = tmp_path / "log.ndjson"
    lines = list(exports.lines(AuditEntry.objects.all()))
    file.write_text("".join(lines))
    assert run("--file", str(file)) == (0, "")
    file.write_text("".join(lines).replace("number 2", "number 7"))
    assert (
        f"entry {first + 2} (line {len(lines) - 2}) is not as it was written"
        in (run("--file", str(file))[1])
    )
    file.write_text("".join(lines[:-3] + lines[-2:]))
    assert "does not follow" in run("--file", str(file))[1]


def test_what_is_young_is_not_cut(tmp_path):
    with pytest.raises(CommandError, match="last 90 days"):
        call_command("cut_audit", "--before", "2100-01-01", "--to", str(tmp_path / "x"))


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_make_one_whole_chain():
    organization = factories.organization()
    errors = []

    def write(number):
        try:
            for turn in range(10):
                with transaction.atomic():
                    audit.record("made", actor=f"writer {number}", details={"turn": turn}, now=NOW)
                    Recipient.objects.create(
                        organization=organization,
                        email=f"{number}-{turn}@example.org",
                        added_by="x",
                    )
                    if turn % 3 == 2:
                        raise ZeroDivisionError
        except ZeroDivisionError:
            write_rest(number)
        except Exception as e:  # noqa: BLE001 - told by the test
            errors.append(e)
        finally:
            connection.close()

    def write_rest(number):
        for turn in range(10):
            audit.record("made", actor=f"writer {number}", details={"turn": turn}, now=NOW)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert AuditEntry.objects.filter(event="made").count() == 6 * (2 + 10)
    assert AuditEntry.objects.filter(event="recipient_added").count() == 6 * 2
    verdict = chain.verify(expect=chain.head())
    assert verdict.broken == ""
    assert verdict.entries == AuditEntry.objects.count() == chain.head().seq - chain.start().seq
