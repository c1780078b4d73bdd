"""Comments, evidence and milestones by the pages; who is offered for a mention; many taken up at once."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import filing
from invariants.models import ApproverAbsence
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(time_machine):
    built = worlds.build()
    time_machine.move_to(built.now, tick=False)
    return built


@pytest.fixture(autouse=True)
def evidence_folder(settings, tmp_path):
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    settings.STORAGES = settings.STORAGES | {
        "evidence": kept | {"OPTIONS": {"location": str(tmp_path)}}
    }
    return tmp_path


def address(name, request, *more):
    return reverse(f"exceptions:{name}", args=[request.ref, *more])


def office(part, *others):
    """An office document as a browser sends it: an archive with its parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("[Content_Types].xml", part, *others):
            archive.writestr(name, "<x/>")
    return content.getvalue()


def upload(client, request, name, content):
    file = SimpleUploadedFile(name, content, content_type="application/pdf")
    return client.post(address("evidence", request), {"file": file})


GOOD = {
    "plan.pdf": b"%PDF-1.7\n%more",
    "shot.PNG": b"\x89PNG\r\n\x1a\n....",
    "photo.jpg": b"\xff\xd8\xff\xe0....",
    "letter.docx": office("word/document.xml"),
    "sums.xlsx": office("xl/workbook.xml", "xl/printerSettings/printerSettings1.bin"),
    "notes.txt": "Überblick\tand tabs\n".encode(),
    "rows.csv": b"a,b\n1,2\n",
    "reply.json": json.dumps({"a": [1]}).encode(),
}
BAD = {
    "page.html": b"<script>alert(1)</script>",
    "plan.pdf": b"<html><script>alert(1)</script>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "letter.docx": office("word/document.xml", "word/vbaProject.bin"),
    "macro.docm": office("word/document.xml"),
    "other.xlsx": office("word/document.xml"),
    "archive.docx": b"PK\x03\x04 cut off",
    "notes.txt": b"text\x00with a sign that no text has",
    "latin.csv": "Überblick".encode("latin-1"),
    "reply.json": b"{not json",
    "no-ending": b"words",
    "empty.txt": b"",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_is_kept_outside_and_handed_out_to_be_stored(world, client, evidence_folder, name):
    request = world.submitted()
    client.force_login(world.people["requester"])
    answer = upload(client, request, name, GOOD[name])
    assert answer.status_code == 302, answer.context["problems"]
    row = request.evidence.get()
    assert (row.name, row.size) == (name, len(GOOD[name]))
    stored = evidence_folder / row.stored_as
    assert stored.read_bytes() == GOOD[name]
    assert name not in str(stored)
    client.force_login(world.people["assessor"])
    got = client.get(address("evidence_file", request, row.pk))
    assert b"".join(got.streaming_content) == GOOD[name]
    assert got["Content-Disposition"].startswith("attachment")
    assert got["Content-Type"] == "application/octet-stream"
    assert got["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got["Content-Security-Policy"]
    client.force_login(factories.person(role="Team member", username="stranger"))
    assert client.get(address("evidence_file", request, row.pk)).status_code == 404


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_what_its_name_says_is_not_kept(world, client, evidence_folder, name):
    request = world.submitted()
    client.force_login(world.people["requester"])
    answer = upload(client, request, name, BAD[name])
    assert answer.status_code == 422
    assert not request.evidence.exists()
    assert not list(evidence_folder.rglob("*"))


def test_a_file_that_is_too_big_is_refused_by_its_length(world, client, monkeypatch):
    request = world.submitted()
    client.force_login(world.people["requester"])
    monkeypatch.setattr(filing, "BIGGEST", 5)
    answer = upload(client, request, "notes.txt", b"six on")
    assert answer.status_code == 422
    assert not request.evidence.exists()


def test_another_requests_file_is_not_handed_out_under_this_one(world, client):
    one, other = world.submitted(), world.submitted()
    client.force_login(world.people["requester"])
    upload(client, one, "notes.txt", GOOD["notes.txt"])
    row = one.evidence.get()
    assert client.get(address("evidence_file", other, row.pk)).status_code == 404
    storages["evidence"].delete(row.stored_as)
    assert client.get(address("evidence_file", one, row.pk)).status_code == 404


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\users\\me\\plan.pdf", "plan.pdf"),
        ('a"b\r\nX: y.pdf', "a_b__X_ y.pdf"),
        ("\u202efdp.exe.txt", "_fdp.exe.txt"),
        ("...", "file"),
    ],
)
def test_names_of_files_lose_what_means_something_to_a_computer(given, name):
    assert filing.name_of(given) == name


def test_a_comment_mentions_those_who_see_the_request(world, client):
    request = world.submitted()
    stranger = factories.person(role="Team member", username="zanzi-stranger")
    lead = world.people["lead"]
    client.force_login(world.people["requester"])
    text = f"@{lead.username} and @{stranger.username}: <b>look</b> at this."
    answer = client.post(address("comment", request), {"text": text})
    assert answer.status_code == 302
    assert [one["name"] for one in request.comments.get().mentions] == [lead.username]
    page = client.get(address("detail", request)).content.decode()
    assert f'<b class="mention">@{lead.username}</b>' in page
    assert "&lt;b&gt;look&lt;/b&gt;" in page
    empty = client.post(address("comment", request), {"text": "  "})
    assert empty.status_code == 422
    assert b"between 1 and 4,000" in empty.content


def test_suggestions_are_of_people_who_see_it_and_of_nobodys_other_team(world, client):
    request = world.assessed()
    for name in ("requester", "assessor", "ciso"):
        world.people[name].first_name = "Quentin"
        world.people[name].save()
    factories.person(role="Team member", username="quentin-of-another-team")
    client.force_login(world.people["colleague"])
    text = client.get(address("people", request), {"q": "quen"}).content.decode()
    assert world.people["requester"].username in text
    assert world.people["assessor"].username in text
    # Who has no part on it is named to those alone who see everybody.
    assert world.people["ciso"].username not in text
    assert "another-team" not in text
    client.force_login(world.people["lead"])
    everybody = client.get(address("people", request), {"q": "@quen"}).content.decode()
    assert world.people["ciso"].username in everybody
    assert "another-team" not in everybody


def test_the_requester_finishes_milestones_and_nobody_else(world, client):
    request = world.drafted()
    by = world.by("requester")
    plan = [("Access grants are built", world.now.date() + timedelta(days=9))]
    actions.set_milestones(by, request.pk, plan, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    one = request.milestones.get()
    client.force_login(world.people["lead"])
    assert client.post(address("milestone", request, one.pk)).status_code == 422
    client.force_login(world.people["requester"])
    assert client.post(address("milestone", request, one.pk)).status_code == 302
    assert request.milestones.get().done_on == world.now.date()
    assert client.post(address("milestone", request, one.pk)).status_code == 422
    assert client.post(address("milestone", request, 10**17)).status_code == 422


def test_many_are_taken_up_after_being_named_and_refusals_are_said(world, client):
    first, second = world.submitted(title="First"), world.submitted(title="Second")
    mine = world.people["lead"]
    client.force_login(mine)
    picked = {"pick": [first.ref, second.ref, "EX-9999", "nonsense"]}
    asked = client.post(reverse("exceptions:bulk"), picked)
    assert asked.status_code == 200
    assert b"Take up 2 requests?" in asked.content
    assert fresh(first).state == "SUBMITTED"
    actions.withdraw(world.by("requester"), second.pk, now=world.now)
    client.post(reverse("exceptions:bulk"), picked | {"sure": "on", "note": "All of the lake."})
    assert fresh(first).state == "TRIAGED"
    assert first.events.get(verb="TRIAGE").note == "All of the lake."
    assert fresh(second).state == "WITHDRAWN"
    client.force_login(world.people["requester"])
    assert client.post(reverse("exceptions:bulk"), picked).status_code == 403


def test_an_approver_leaves_decisions_to_a_delegate_and_comes_back(world, client):
    client.force_login(world.people["ciso"])
    page = reverse("exceptions:absence")
    assert b"You were never away" in client.get(page).content
    day = world.now.date()
    given = {"delegate": world.people["lead"].pk, "since": day, "until": day - timedelta(days=1)}
    refused = client.post(page, given)
    assert refused.status_code == 422
    assert b"An absence has between 1 and 90 days" in refused.content
    assert client.post(page, given | {"until": day + timedelta(days=4)}).status_code == 302
    row = ApproverAbsence.objects.get()
    assert row.delegate_id == world.people["lead"].pk
    high = world.assessed(risk="HIGH")
    client.force_login(world.people["lead"])
    assert b"for <b" in client.get(page).content
    step = reverse("exceptions:step", args=[high.ref, "decide"])
    assert client.post(reverse("exceptions:absence_end", args=[row.pk])).status_code == 404
    assert client.post(step, {"decision": "approve"}).status_code == 302
    approval = high.approvals.get()
    assert approval.instead_of_id == world.people["ciso"].pk
    client.force_login(world.people["ciso"])
    assert client.post(reverse("exceptions:absence_end", args=[row.pk])).status_code == 302
    assert ApproverAbsence.objects.get().ended_at == world.now


def test_who_approves_nothing_has_nothing_to_leave(world, client):
    client.force_login(world.people["requester"])
    page = reverse("exceptions:absence")
    assert b"You approve nothing" in client.get(page).content
    given = {"delegate": world.people["lead"].pk, "since": "2026-11-24", "until": "2026-11-25"}
    assert client.post(page, given).status_code in (403, 422)
    assert not ApproverAbsence.objects.exists()


def test_an_owner_is_offered_no_delegate_of_another_team(world, client):
    factories.person(role="System owner", username="zanzi-owner", team=factories.team(slug="zanzi"))
    client.force_login(world.people["owner"])
    text = client.get(reverse("exceptions:absence")).content.decode()
    assert "zanzi-owner" not in text
    assert world.people["ciso"].get_full_name() in text


def test_a_nul_is_left_out_of_words_and_searches(world, client):
    request = world.submitted()
    client.force_login(world.people["assessor"])
    said = client.post(address("comment", request) + "?tab=all", {"text": "Half\0 a word"})
    assert said.url == f"{address('detail', request)}?tab=all#comments"
    assert request.comments.get().text == "Half a word"
    assert client.post(address("comment", request), {"text": "\0"}).status_code == 422
    assert client.get(address("people", request), {"q": "\0"}).status_code == 200
