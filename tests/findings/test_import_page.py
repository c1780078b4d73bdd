"""The upload page: who may, what is stored for how long, what a worker makes of it, what is shown."""

import gzip
import json
import re
import stat
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from findings import tasks
from findings.actions import imports
from findings.ingest import files
from findings.models import FileImport, Finding
from inventory.models import Account, Organization, OrganizationalUnit
from tests import factories
from tests.findings.records import NOW
from tests.fixtures.findings import ACCOUNT, asff

pytestmark = pytest.mark.django_db
PAGE = reverse("findings:import_list")
PROGRESS = reverse("findings:import_progress")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW):
        yield


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.POSTURE_UPLOAD_DIR = str(tmp_path / "uploads")
    return Path(settings.POSTURE_UPLOAD_DIR)


@pytest.fixture
def sent(monkeypatch):
    """What was given to workers: (task, arguments)."""
    calls = []
    record = lambda name, kwargs=None, **_: calls.append((name, kwargs or {}))  # noqa: E731
    monkeypatch.setattr("celery.current_app.send_task", record)
    monkeypatch.setattr(
        tasks.import_file,
        "delay_on_commit",
        lambda **kw: calls.append(("findings.import_file", kw)),
    )
    return calls


@pytest.fixture
def engineer(client, sent):
    """A client signed in as somebody who may import; nothing reaches the broker."""
    factories.account(account_id=ACCOUNT)
    client.force_login(factories.security_engineer())
    return client


def upload(client, *contents, names=("findings.json",), **fields):
    given = [
        SimpleUploadedFile(name, content)
        for content, name in zip(contents, names * len(contents), strict=False)
    ]
    return client.post(PAGE, {"file": given} | fields)


def shown(response):
    return " ".join(unescape(response.content.decode()).split())


def words(response):
    """The text of a page without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", response.content.decode())).split())


FINDINGS = [asff(Id=f"finding {number}") for number in range(3)]
CONTENT = json.dumps(FINDINGS).encode()


def test_strangers_are_sent_to_sign_in_before_a_byte_is_stored(client, folder):
    for response in (client.get(PAGE), upload(client, CONTENT), client.get(PROGRESS)):
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/")
    assert not folder.exists()


def test_people_without_the_permission_see_no_form_and_store_nothing(client, folder):
    factories.organization()
    client.force_login(factories.person(role="Team member"))
    page = shown(client.get(PAGE))
    assert "You may not import findings" in page
    assert 'type="file"' not in page
    assert upload(client, CONTENT).status_code == 403
    assert not folder.exists()
    assert not FileImport.objects.exists()


def test_a_form_of_another_site_stores_nothing(folder):
    factories.organization()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.security_engineer())
    strict.get(PAGE)
    for token in ({}, {"csrfmiddlewaretoken": "x" * 64}):
        assert upload(strict, CONTENT, **token).status_code == 403
    assert list(folder.iterdir()) == []
    assert not FileImport.objects.exists()


def test_an_upload_lies_in_the_folder_for_a_worker_and_for_nobody_else(engineer, folder, sent):
    response = upload(engineer, CONTENT, gzip.compress(CONTENT), names=("a.json", "b.json.gz"))
    assert (response.status_code, response["Location"]) == (302, PAGE)
    rows = FileImport.objects.order_by("pk")
    assert [(row.name, row.state, row.requested_by) for row in rows] == [
        ("a.json", "PENDING", "security-engineer"),
        ("b.json.gz", "PENDING", "security-engineer"),
    ]
    assert sent == [("findings.import_file", {"import_id": row.pk}) for row in rows]
    assert sorted(path.name for path in folder.iterdir()) == sorted(row.stored_as for row in rows)
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert rows[0].path.read_bytes() == CONTENT


def test_the_worker_takes_the_file_in_and_deletes_it(engineer, folder, sent):
    upload(engineer, CONTENT)
    row = FileImport.objects.get()
    assert tasks.import_file(import_id=row.pk) == "COMPLETE"
    assert Finding.objects.count() == 3
    assert list(folder.iterdir()) == []
    assert sent[-1] == ("posture.roll_up", {})
    page = engineer.get(PAGE)
    assert "3 findings · 3 new" in words(page)
    assert "ASFF · 1" in words(page)
    assert "every 1s" not in shown(page)


def test_a_file_that_is_refused_says_where_and_what_to_do(engineer, folder):
    upload(engineer, CONTENT[:-40])
    row = FileImport.objects.get()
    assert tasks.import_file(import_id=row.pk) == "REFUSED"
    page = words(engineer.get(PAGE))
    assert "2 findings · 2 new" in page
    begin = CONTENT.rindex(b'{"SchemaVersion"')
    assert f"Byte {begin:,}: the file ends within the finding that begins here." in page
    assert "Make or transfer the file again" in page
    assert list(folder.iterdir()) == []


def test_what_went_into_quarantine_is_shown_with_its_reason(engineer):
    upload(engineer, json.dumps([*FINDINGS, asff(Id="bad", ProductArn="<script>")]).encode())
    tasks.import_file(import_id=FileImport.objects.get().pk)
    page = engineer.get(PAGE).content.decode()
    assert "1 quarantined" in page
    assert "names no product" in page
    assert "&lt;script&gt;" in page and "<script>'" not in page


def test_one_file_is_taken_by_one_worker_only(engineer):
    upload(engineer, CONTENT)
    row = FileImport.objects.get()
    FileImport.objects.update(state="RUNNING")
    assert tasks.import_file(import_id=row.pk) is None
    assert Finding.objects.count() == 0


def test_the_file_of_a_killed_worker_is_read_again(engineer, sent, folder):
    upload(engineer, CONTENT)
    row = FileImport.objects.get()
    FileImport.objects.update(state="RUNNING", heartbeat_at=NOW - timedelta(hours=1))
    sent.clear()
    assert tasks.rescue_imports() == 1
    assert sent == [("findings.import_file", {"import_id": row.pk})]
    assert tasks.rescue_imports() == 0
    assert tasks.import_file(import_id=row.pk) == "COMPLETE"
    assert Finding.objects.count() == 3


def test_a_worker_that_does_not_find_the_upload_says_what_to_share(engineer, folder):
    upload(engineer, CONTENT)
    row = FileImport.objects.get()
    row.path.unlink()
    assert tasks.import_file(import_id=row.pk) == "FAILED"
    assert "POSTURE_UPLOAD_DIR" in shown(engineer.get(PAGE))


def test_a_fault_of_our_own_fails_the_import_and_leaves_no_file(engineer, folder, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    upload(engineer, CONTENT)
    row = FileImport.objects.get()
    monkeypatch.setattr(files, "take_pages", fail)
    with pytest.raises(ZeroDivisionError):
        tasks.import_file(import_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.error) == ("FAILED", files.FAULT)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("contents", "fields", "message"),
    [
        ([], {}, "Choose a file."),
        ([b""], {}, "This file is empty."),
        ([CONTENT], {"analyzer_arn": "nonsense"}, "This is no analyzer's ARN."),
        ([b" " * (1 << 20) + b"[]"], {}, "findings.json is larger than 1 MB"),
        ([CONTENT] * 21, {}, "upload at most 20 at once"),
    ],
)
def test_what_is_wrong_with_an_upload_is_said_and_nothing_is_kept(
    contents, fields, message, engineer, folder, settings
):
    settings.POSTURE_UPLOAD_MAX_MB = 1
    response = upload(engineer, *contents, **fields)
    assert response.status_code == 422
    assert message in shown(response)
    assert not folder.exists() or list(folder.iterdir()) == []
    assert not FileImport.objects.exists()


def test_a_folder_that_cannot_be_written_is_named(engineer, settings, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    settings.POSTURE_UPLOAD_DIR = str(tmp_path / "file" / "uploads")
    response = upload(engineer, CONTENT)
    assert response.status_code == 422
    assert "look at POSTURE_UPLOAD_DIR" in shown(response)


def test_an_upload_names_the_analyzer_it_comes_from(engineer):
    arn = f"arn:aws:access-analyzer:eu-west-1:{ACCOUNT}:analyzer/outside"
    upload(engineer, CONTENT, analyzer_arn=arn)
    assert FileImport.objects.get().context == {"analyzer_arn": arn}


def test_before_the_first_collection_there_is_nothing_to_import_into(engineer, folder):
    for model in (Account, OrganizationalUnit, Organization):
        model.objects.all().delete()
    assert "No account is known yet" in shown(engineer.get(PAGE))
    assert upload(engineer, CONTENT).status_code == 422
    assert list(folder.iterdir()) == []


def test_the_page_polls_only_while_a_file_is_being_read(engineer):
    assert "Nothing has been imported yet" in shown(engineer.get(PAGE))
    upload(engineer, CONTENT)
    for address in (PAGE, PROGRESS):
        assert 'hx-trigger="every 1s"' in shown(engineer.get(address))
    FileImport.objects.update(state="RUNNING", bytes_read=len(CONTENT) // 2)
    assert 'value="49"' in shown(engineer.get(PROGRESS))
    FileImport.objects.update(state="COMPLETE")
    for address in (PAGE, PROGRESS):
        assert "every 1s" not in shown(engineer.get(address))
    assert "<html" not in engineer.get(PROGRESS).content.decode()


def test_it_says_so_when_no_worker_takes_a_file(engineer):
    upload(engineer, CONTENT)
    with time_machine.travel(NOW + timedelta(minutes=2)):
        assert "No worker has taken the file yet" in shown(engineer.get(PAGE))


def test_people_see_their_own_imports_and_engineers_all(engineer, client):
    organization = factories.organization()
    for name, by in (
        ("theirs.json", "priya"),
        ("mine.json", "stranger"),
        ("cli.json", "manage.py"),
    ):
        imports.begin(organization, imports.GivenFile(name, 1), by=by, now=NOW)
    page = shown(engineer.get(PAGE))
    assert all(name in page for name in ("theirs.json", "mine.json", "cli.json"))
    client.force_login(factories.person(role="Team member", username="stranger"))
    page = shown(client.get(PAGE))
    assert "mine.json" in page
    assert "theirs.json" not in page and "cli.json" not in page


def test_a_hostile_name_is_only_ever_text(engineer):
    hostile = "<img src=x onerror=alert(1)>\u202egpj.json"
    given = imports.GivenFile(hostile + "\0\ud800" + "x" * 400, 1)
    imports.begin(factories.organization(), given, by="<b>", now=NOW)
    page = engineer.get(PAGE).content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page and "<b>" not in page.replace("<b>", "", 0).split("Last imports")[1]


def test_a_path_in_the_name_of_an_upload_leads_nowhere(engineer, folder):
    upload(engineer, CONTENT, names=("../../etc/passwd",))
    row = FileImport.objects.get()
    assert row.name == "passwd"
    assert row.path.parent == folder
    assert [path.name for path in folder.iterdir()] == [row.stored_as]


def test_the_page_asks_as_much_for_many_imports_as_for_one(engineer):
    organization = factories.organization()

    def queries():
        with CaptureQueriesContext(connection) as captured:
            engineer.get(PROGRESS)
        return len(captured)

    imports.begin(organization, imports.GivenFile("first", 1), by="x", now=NOW)
    alone = queries()
    for number in range(40):
        imports.begin(organization, imports.GivenFile(f"{number}", 1), by="x", now=NOW)
    assert queries() == alone
    assert words(engineer.get(PROGRESS)).count("by x") == 30
