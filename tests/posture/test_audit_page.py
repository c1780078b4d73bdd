"""The audit page, its entries and its exports."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from posture import logs
from posture.actions import audit
from posture.models import AuditEntry, Recipient
from posture.queries.audit import listing
from tests import factories
from tests.fixtures.audit import seal

pytestmark = pytest.mark.django_db
NOW = factories.NOW
PAGES = ("posture:audit", "posture:audit_csv", "posture:audit_ndjson")


@pytest.fixture
def auditor(client):
    user = factories.person(role="Auditor")
    client.force_login(user)
    return user


def record(event="made", *, actor="posture.test", subject="", now=NOW, **details):
    audit.record(event, actor=actor, subject=subject, details=details, now=now)
    return AuditEntry.objects.latest("pk")


def get(client, name="posture:audit", **query):
    return client.get(reverse(name), query)


def shown(answer):
    return [entry.subject for entry in answer.context["page"].rows]


@pytest.mark.parametrize("role", ["Auditor", "Security lead", "Administrator"])
def test_who_may_read_the_log_sees_all_of_it(client, role):
    client.force_login(factories.person(role=role))
    entry = record(subject="something")
    for name in PAGES:
        assert get(client, name).status_code == 200
    assert client.get(reverse("posture:audit_entry", args=[entry.pk])).status_code == 200
    rights = client.get(reverse("posture:rights")).content
    assert f'href="{reverse("posture:audit")}"'.encode() in rights


@pytest.mark.parametrize("role", ["Security engineer", "Executive", "Team member", ()])
def test_nobody_else_sees_any_of_it(client, role):
    client.force_login(factories.person(role=role))
    entry = record(subject="something")
    for name in PAGES:
        assert get(client, name).status_code == 403
    assert client.get(reverse("posture:audit_entry", args=[entry.pk])).status_code == 403
    rights = client.get(reverse("posture:rights")).content
    assert f'href="{reverse("posture:audit")}"'.encode() not in rights


def test_the_newest_entry_comes_first_and_pages_go_on_by_key(client, auditor):
    for number in range(120):
        record(subject=f"number {number}")
    first = get(client, event="made")
    assert shown(first) == [f"number {n}" for n in range(119, 69, -1)]
    second = get(client, event="made", cursor=first.context["page"].next_cursor)
    assert shown(second)[0] == "number 69"
    back = get(client, event="made", cursor=second.context["page"].previous_cursor)
    assert shown(back) == shown(first)


def test_the_page_costs_the_same_with_one_entry_and_with_many(
    client, auditor, django_assert_num_queries
):
    get(client)
    with CaptureQueriesContext(connection) as few:
        get(client)
    for number in range(60):
        record(subject=f"number {number}")
    with django_assert_num_queries(len(few)):
        get(client)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"who": "anna"}, {"of anna"}),
        ({"kind": "SYSTEM", "event": "made"}, {"of the system", "older"}),
        ({"event": "role_invented"}, {"of anna"}),
        ({"since": "2026-11-20", "until": "2026-11-20", "event": "made"}, {"of the system"}),
        ({"until": "2026-11-10", "event": "made"}, {"older"}),
        ({"q": "anna invented"}, {"of anna"}),
        ({"q": "invente"}, {"of anna"}),
        ({"q": "ou-ab12-11111111"}, {"of the system"}),
        ({"q": "nothing like that"}, set()),
        ({"q": "' & | ! ( :* \\"}, set()),
        ({"kind": "NONSENSE", "event": "role_invented"}, {"of anna"}),
    ],
)
def test_filters_narrow_the_list_and_its_exports_alike(client, auditor, query, found):
    record("role_invented", actor=factories.person(role=(), username="anna"), subject="of anna")
    record(subject="of the system", ou="ou-ab12-11111111")
    record(subject="older", now=NOW - timedelta(days=30))
    answer = get(client, **query)
    assert answer.status_code == 200
    assert set(shown(answer)) == found
    lines = b"".join(get(client, "posture:audit_csv", **query).streaming_content).decode()
    assert {row["subject"] for row in csv.DictReader(io.StringIO(lines))} == found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"since": "yesterday"}, "From is no day"),
        ({"until": "2026-02-31"}, "To is no day"),
        ({"since": "2026-02-03", "until": "2026-02-01"}, "after the last one"),
    ],
)
def test_a_day_that_is_none_is_told_and_shows_nothing(client, auditor, query, told):
    record(subject="something")
    answer = get(client, **query)
    assert told in answer.content.decode()
    assert not answer.context["page"].rows


def test_a_log_without_a_match_says_what_to_do(client, auditor):
    answer = get(client, q="nothingatall")
    assert "No entry matches" in answer.content.decode()


def test_htmx_gets_the_list_alone(client, auditor):
    answer = client.get(reverse("posture:audit"), headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert text.lstrip().startswith("<section") and "<html" not in text


def test_an_entry_shows_before_and_after_who_and_its_seal(client, auditor):
    row = Recipient.objects.create(
        organization=factories.organization(), email="cio@example.org", added_by="x", name="Ina"
    )
    origin = logs.Origin(
        actor=logs.Actor("PERSON", "7", "anna", "12 ci"), request_id="r" * 20, address="192.0.2.7"
    )
    with logs.begin(origin):
        Recipient.objects.filter(pk=row.pk).update(name="<b>Ingrid</b>")
    seal()
    entry = AuditEntry.objects.latest("pk")
    text = client.get(reverse("posture:audit_entry", args=[entry.pk])).content.decode()
    for part in ("Ina", "&lt;b&gt;Ingrid", "anna", "12 ci", "192.0.2.7", "r" * 20, entry.hash):
        assert part in text
    assert "<b>Ingrid" not in text
    assert client.get(reverse("posture:audit_entry", args=[2**40])).status_code == 404


def test_the_exported_lines_can_be_checked_and_the_export_is_written_down(
    client, auditor, tmp_path, capsys
):
    record(subject="=1+1", note="a\nb")
    seal()
    answer = get(client, "posture:audit_ndjson")
    file = tmp_path / "log.ndjson"
    # The export's own entry is sealed when the request's transaction ends, after the lines were read.
    lines = b"".join(answer.streaming_content).decode().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if json.loads(line)["hash"]))
    call_command("verify_audit", "--file", str(file))
    assert "is whole" in capsys.readouterr().err
    entry = AuditEntry.objects.get(event="audit_exported")
    assert (entry.who_name, entry.subject) == (auditor.username, "ndjson")


def test_a_spreadsheet_runs_nothing_of_the_export(client, auditor):
    record(subject='=HYPERLINK("http://x")')
    lines = b"".join(get(client, "posture:audit_csv", event="made").streaming_content).decode()
    (row,) = csv.DictReader(io.StringIO(lines))
    assert row["subject"] == '\'=HYPERLINK("http://x")'
    assert row["at"] == "2026-11-20T12:00:00.000000Z"


def test_events_are_found_without_reading_the_log():
    for event in ("b_event", "a_event", "b_event"):
        record(event)
    events = dict(listing.events())
    assert events["a_event"] == "A event"
    assert list(events) == sorted(events)


def test_signing_in_wrongly_keeps_no_name_that_may_be_a_password(client, no_attempts_yet):
    factories.local_person(username="sam")
    for name in ("hunter2-is-my-password", "sam"):
        client.post("/sign-in/", {"login": name, "password": "wrong"})
    unknown, known = AuditEntry.objects.filter(event="sign_in_failed").order_by("pk")
    assert unknown.subject == "an unknown name"
    assert len(unknown.details["typed"]) == 12
    assert (known.subject, known.details) == ("sam", {})
    assert known.who_kind == "NOBODY"
    assert known.address == "127.0.0.1"
    assert not AuditEntry.objects.filter(subject__contains="hunter2").exists()
