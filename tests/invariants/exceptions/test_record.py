"""The record for an auditor: as PDF and as JSON, whole, and the same."""

import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import File, Line
from invariants.models import ExceptionEvidence
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions.record import digest_of, record_of
from invariants.reports import record_pdf
from tests import factories
from tests.fixtures import hostile
from tests.invariants.exceptions import world as worlds

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(time_machine):
    found = worlds.build()
    time_machine.move_to(found.now, tick=False)
    return found


def _signed(user):
    client = Client()
    client.force_login(user)
    return client


def _full(world):
    request = world.active()
    file = File("diagram.pdf", "application/pdf", 1234, "ab" * 32, "2026/11/x.pdf")
    actions.attach(world.by("requester"), request.pk, file, now=world.now)
    actions.comment(world.by("lead"), request.pk, "Agreed on the phone.", now=world.now)
    actions.revoke(world.by("lead"), request.pk, why="The partner has left.", now=world.now)
    return request


def test_pdf_and_json_tell_of_every_event_part_and_file(world):
    request = _full(world)
    client = _signed(world.people["ciso"])
    answer = client.get(reverse("exceptions:record_json", args=[request.ref]))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{request.ref}.json"'
    record = json.loads(answer.content)
    assert record["sha256"] == digest_of(record)
    assert len(record["events"]) == request.events.count()
    assert [one["sha256"] for one in record["evidence"]] == ["ab" * 32]
    assert ExceptionEvidence.objects.get().stored_as not in answer.content.decode()
    answer = client.get(reverse("exceptions:record_pdf", args=[request.ref]))
    assert answer.headers["Content-Type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.content))
    text = " ".join(page.extract_text() for page in reader.pages).replace("\u200b", "")
    words = " ".join(text.split())
    for told in ("The partner has left.", "Agreed on the phone.", "diagram.pdf", request.ref):
        assert told in words, told
    for event in request.events.all():
        assert str(event.get_verb_display()) in words, event
    for name in (request.requester_name, request.assessor_name, request.implementer_name):
        assert name in words
    assert record["sha256"] in "".join(text.split())


def test_the_scope_is_told_in_plain_words(world):
    request = world.drafted()
    line = Line(ScopeKind.PRINCIPAL_TAG, "team=lake")
    actions.set_scope(world.by("requester"), request.pk, [line], now=world.now)
    record = record_of(world.people["requester"], request, now=world.now)
    assert record["scope"] == [{"kind": "PRINCIPAL_TAG", "value": "team=lake"}]
    reader = PdfReader(io.BytesIO(record_pdf(record, made_at=world.now)))
    words = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert "principals that carry the tag" in words.replace("\u200b", "").lower()


def test_a_changed_record_has_another_digest(world):
    record = record_of(world.people["ciso"], _full(world), now=world.now)
    assert record["sha256"] == digest_of(record)
    record["events"][3]["note"] = "Something else."
    assert record["sha256"] != digest_of(record)


def test_hostile_words_do_not_break_the_paper(world):
    words = "".join(hostile.PAYLOADS.values())[:4000].replace("\0", "")
    request = world.drafted(justification=words, title="#panic() $x^2$ <a> \u202e*")
    record = record_of(world.people["requester"], request, now=world.now)
    assert record_pdf(record, made_at=world.now).startswith(b"%PDF-")


def test_others_get_none(world):
    request = world.submitted()
    other = _signed(factories.person(role="Team member", username="elsewhere"))
    for name in ("exceptions:record_pdf", "exceptions:record_json"):
        assert other.get(reverse(name, args=[request.ref])).status_code == 404
