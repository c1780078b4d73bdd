"""Lines of the log: what they say, where they say it comes from, and what they never say."""

import io
import json
import logging

import pytest
from celery import current_app
from django.conf import settings
from django.test import RequestFactory
from django.urls import reverse

from posture import logs
from posture.logs import tasks as logged
from posture.logs.lines import JsonLines, ReadableLines
from posture.logs.requests import Requests, id_of
from posture.logs.secrets import COVERED, cover
from posture.logs.tasks import HEADER
from posture.models import AuditEntry, Recipient
from tests import factories

pytestmark = pytest.mark.django_db


class Lines:
    def __init__(self, formatter):
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter)

    @property
    def text(self):
        return self.stream.getvalue()

    def read(self, logger=""):
        read = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in read if not logger or line["logger"] == logger]


@pytest.fixture
def lines():
    kept = Lines(JsonLines())
    root = logging.getLogger()
    root.addHandler(kept.handler)
    yield kept
    root.removeHandler(kept.handler)


@pytest.fixture
def readable():
    kept = Lines(ReadableLines())
    root = logging.getLogger()
    root.addHandler(kept.handler)
    yield kept
    root.removeHandler(kept.handler)


def test_each_request_has_one_line_with_its_route_its_answer_and_its_actor(client, lines):
    person = factories.person(role="Auditor")
    client.force_login(person)
    answer = client.get(reverse("posture:audit"), {"q": "a-word-that-was-typed"})
    (line,) = lines.read("posture.access")
    assert line["message"] == "GET posture:audit 200"
    assert (line["route"], line["status"], line["actor"]) == ("posture:audit", 200, str(person.pk))
    assert line["request_id"] == answer["X-Request-ID"]
    assert line["organization"] == settings.POSTURE_ORGANIZATION_NAME
    assert line["ms"] > 0
    assert "a-word-that-was-typed" not in lines.text and person.username not in lines.text


def test_an_address_that_is_none_is_not_repeated(client, lines):
    client.force_login(factories.stranger())
    client.get("/no/such/ppt_address-with-a-token?key=value")
    assert "ppt_address" not in lines.text and "key=value" not in lines.text
    assert lines.read("posture.access")[0]["status"] == 404


def test_a_request_id_is_taken_over_only_where_it_is_one(client):
    for sent in (
        "short",
        "a" * 65,
        "with spaces in it",
        'quote"-and-more',
        "-begins-badly",
        "ä" * 12,
    ):
        made = id_of(RequestFactory().get("/", headers={"X-Request-ID": sent}))
        assert made != sent and len(made) == 32
    good = "01HF-proxy_made.this"
    answer = client.get("/healthz/", headers={"X-Request-ID": good})
    assert answer["X-Request-ID"] == good


def test_health_checks_write_no_line(client, lines):
    client.get("/healthz/")
    assert lines.read("posture.access") == []


def test_a_broken_page_writes_its_traceback_under_its_route_and_request(lines):
    def broken(request):
        raise RuntimeError("the reason, with password=hunter2hunter2")

    request = RequestFactory().get("/x?token=abc")
    try:
        Requests(broken)(request)
    except RuntimeError:
        logging.getLogger("django.request").exception(
            "Internal Server Error: %s", request.path, extra={"request": request}
        )
    (line,) = lines.read("django.request")
    assert line["message"] == "Internal Server Error: (no such address)"
    assert "RuntimeError: the reason" in line["exception"]
    assert "hunter2" not in lines.text and "token=abc" not in lines.text
    assert len(line["request_id"]) == 32


def test_only_known_fields_of_a_record_are_written(lines):
    logging.getLogger("posture.test").warning(
        "something", extra={"payload": {"secret": "x"}, "headers": "y", "status": 3}
    )
    (line,) = lines.read("posture.test")
    assert set(line) == {"time", "level", "logger", "message", "organization", "actor", "status"}


def test_a_line_for_people_is_one_line(readable):
    logging.getLogger("posture.test").warning("two\nlines %s", "ppt_0123456789abcdef")
    assert "posture.test" in readable.text
    assert "ppt_" not in readable.text and COVERED in readable.text


def test_a_task_knows_the_request_that_asked_for_it_and_who_did(lines):
    organization = factories.organization()

    @current_app.task(name="posture.test_origin", shared=False)
    def add(**_):
        logging.getLogger("posture.test").info("in the task")
        Recipient.objects.create(organization=organization, email="a@example.org", added_by="x")

    who = logs.Actor("PERSON", "7", "anna", "12 ci")
    origin = logs.Origin(actor=who, request_id="r" * 20, address="192.0.2.7")
    message = {}
    with logs.begin(origin):
        logged._hand_down(headers=message)
    task = add
    task.push_request(id="t-1", **{HEADER: message[HEADER]})
    try:
        logged._begin("t-1", task)
        add.run()
        logged._end("t-1", "SUCCESS")
    finally:
        task.pop_request()
        current_app.tasks.pop("posture.test_origin", None)
    (line,) = lines.read("posture.test")
    assert (line["request_id"], line["task_id"], line["task"], line["actor"]) == (
        "r" * 20,
        "t-1",
        "posture.test_origin",
        "7",
    )
    (ended,) = lines.read("posture.tasks")
    assert ended["state"] == "SUCCESS" and ended["task_id"] == "t-1"
    entry = AuditEntry.objects.get(event="recipient_added")
    assert (entry.who_name, entry.token, entry.address) == ("anna", "12 ci", "192.0.2.7")
    assert (entry.task, entry.task_id, entry.request_id) == (
        "posture.test_origin",
        "t-1",
        "r" * 20,
    )
    assert logs.current().task_id == ""


def test_a_task_that_nobody_asked_for_goes_by_its_own_name():
    message = {}
    logged._hand_down(headers=message)
    assert message == {}
    assert logged._origin("t", "posture.collect", None).actor == logs.Actor(
        "SYSTEM", name="posture.collect"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer ppt_0123456789abcdef0123",
        "token ppt_0123456789abcdef0123 was refused",
        "the secret is whsec_SECRETsecretSECRETsecret==",
        "stored as sealed:1:SECRETsecretSECRET==",
        "AWS_SECRET_ACCESS_KEY=SECRETsecret/with+signs",
        "{'secret_access_key': 'SECRETsecret', 'x': 1}",
        '{"SecretAccessKey": "SECRETsecret with spaces"}',
        "AKIASECRETSECRETSEC1 signed it",
        "redis://:SECRETsecret@127.0.0.1:6379/0",
        "postgresql://parapet:SECRETsecret@db/x",
        "password='SECRETsecret'",
        "new_password: SECRETsecret",
        "/sign-in/new-password/1a-SECRETsecret-0123456789/",
        "?X-Amz-Signature=SECRETsecret&x=1",
        "id_token=eyJhbGciOiJIUzI1NiJ9.eyJSECRETsecretIjoxfQ.SECRETsig",
        "Cookie: sessionid=SECRETsecret; other=1",
        "SAMLResponse=SECRETsecret",
    ],
)
def test_what_looks_like_a_secret_is_covered(text):
    covered = cover(text)
    assert "secret" not in covered.replace(COVERED, "").lower().replace(
        "the secret is", ""
    ).replace("aws_secret_access_key", ""), covered
    assert "0123456789abcdef" not in covered
    assert COVERED in covered


@pytest.mark.parametrize(
    "text",
    [
        "token 12 is used from a new address",
        "GET posture:audit 200",
        "arn:aws:iam::123456789012:role/ParapetHub is denied sts:AssumeRole",
        "the password of the account was changed",
        "http://127.0.0.1:8000/healthz/",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text):
    assert cover(text) == text


def test_the_installations_own_secrets_are_covered_wherever_they_stand():
    assert settings.SECRET_KEY not in cover(f"something {settings.SECRET_KEY} else")
