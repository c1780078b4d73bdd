"""What is too large, too much or too slow is refused by the served process, with a page that says so."""

import json
import socket
from types import SimpleNamespace

import psycopg
import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from deploy import gunicorn_conf
from posture import celery, limits
from posture.views.limits import TOO_LONG, UNREACHABLE
from tests import factories
from tests.fixtures import pipeline
from tests.fixtures.served import BY_PROXY

SIGN_IN = "/sign-in/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# What a form of this site comes with; without it nothing of a form is read.
OURS = {"Cookie": f"__Host-csrf={'a' * 32}", "Referer": f"https://{BY_PROXY['Host']}{SIGN_IN}"}


def raw(served, request):
    """What comes back on a socket for these bytes, up to the end of the headers."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as wire:
        wire.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer and (piece := wire.recv(65536)):
            answer += piece
    return answer.decode()


# Size


@pytest.mark.parametrize("path", [SIGN_IN, "/api/v1/findings/", "/findings/bulk/new/"])
def test_a_request_that_says_it_is_too_large_is_refused_before_it_is_read(served, path):
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in BY_PROXY.items())]
    request = "\r\n".join([*lines, "Content-Length: 99999999999", "", "x"])
    assert raw(served, request.encode()).startswith("HTTP/1.1 413")


def test_the_page_about_a_large_request_says_what_is_taken(served):
    page = served.ask(SIGN_IN, method="POST", headers=FORM, body="a=" + "x" * 2_700_000)
    assert page.status == 413
    assert "This takes 2 MB at once" in page.text
    assert served.ask(SIGN_IN, method="POST", headers=FORM, body="a=" + "x" * 900_000).status == 403


@pytest.mark.django_db
def test_the_page_of_imports_takes_more_and_no_other_does(client, settings):
    settings.POSTURE_UPLOAD_MAX_MB = 4
    client.force_login(factories.security_engineer())
    length = {"CONTENT_LENGTH": str(8 << 20), "content_type": "text/plain"}
    page = reverse("findings:import_list")
    assert client.post(page, b"", **length).status_code == 422
    assert (
        client.post(page, b"", **length | {"CONTENT_LENGTH": str((8 << 20) + 1)}).status_code == 413
    )
    assert client.post(reverse("posture:tokens"), b"", **length).status_code == 413


def test_a_length_that_is_no_number_is_refused(client):
    answer = client.post(SIGN_IN, b"", CONTENT_LENGTH="+5", content_type="text/plain")
    assert answer.status_code == 400
    assert b"is no number" in answer.content


def test_a_program_is_told_in_problem_details(client):
    answer = client.post("/api/v1/findings/", b"", CONTENT_LENGTH="99999999", content_type="a/b")
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert problem["status"] == 413
    assert "Send less" in problem["detail"]


def test_more_fields_or_files_than_any_form_has_are_refused(served):
    many = "&".join(f"a{number}=1" for number in range(1001))
    assert served.ask(SIGN_IN, method="POST", headers=OURS | FORM, body=many).status == 400
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="f{number}"; filename="f"\r\n\r\nx\r\n'
        for number in range(101)
    )
    kind = OURS | {"Content-Type": "multipart/form-data; boundary=b"}
    page = served.ask(SIGN_IN, method="POST", headers=kind, body=f"{parts}--b--\r\n")
    assert page.status == 400
    assert "did not understand" in page.text


def test_an_address_or_headers_without_end_are_refused(served):
    assert served.ask("/?q=" + "x" * 5000).status == 414
    assert served.ask("/", headers={"X-Long": "x" * 9000}).status == 431
    many = {f"X-{number}": "1" for number in range(120)}
    assert served.ask("/", headers=many).status == 431


def test_a_body_of_unknown_length_is_not_read_for_ever(served):
    lines = [f"POST {SIGN_IN} HTTP/1.1", *(f"{name}: {value}" for name, value in BY_PROXY.items())]
    chunk = "a" * 1000
    request = "\r\n".join(
        [*lines, "Transfer-Encoding: chunked", "", f"3e8\r\n{chunk}\r\n0\r\n", ""]
    )
    # No token in it, since nothing of it is read.
    assert raw(served, request.encode()).startswith("HTTP/1.1 403")


# Time


def test_a_statement_that_takes_too_long_ends_with_a_page_that_says_so(served):
    with psycopg.connect(pipeline.database_url()) as other:
        other.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        page = served.ask("/", headers={"Cookie": f"__Host-session={'a' * 32}"})
        api = served.ask("/api/v1/findings/", headers={"Cookie": f"__Host-session={'a' * 32}"})
    assert page.status == api.status == 503
    assert page.getheader("Retry-After") == "30"
    assert "took too long over this" in page.text
    assert json.loads(api.text)["detail"] == TOO_LONG
    assert served.ask("/", headers={"Cookie": f"__Host-session={'a' * 32}"}).status == 302


def test_clients_that_say_nothing_keep_nobody_else_waiting(served):
    # Five times the threads of the process, which would each wait for five seconds.
    idle = [socket.create_connection(("127.0.0.1", served.port), timeout=20) for _ in range(20)]
    try:
        answer = served.ask("/healthz/", timeout=4)
        assert answer.status == 200
    finally:
        for wire in idle:
            wire.close()


def test_a_client_that_falls_silent_within_its_request_is_let_go(monkeypatch):
    """The worker's own rule, on a pair of sockets, with a shorter patience."""
    monkeypatch.setattr(gunicorn_conf, "WITHIN", 1)
    ours, theirs = socket.socketpair()
    queued = []
    monkeypatch.setattr(gthread.ThreadWorker, "enqueue_req", lambda self, conn: queued.append(conn))
    worker = object.__new__(gunicorn_conf.PatientWorker)
    worker.enqueue_req(SimpleNamespace(sock=ours))
    ours.setblocking(True)
    theirs.sendall(b"GET / HT")
    assert ours.recv(100) == b"GET / HT"
    with pytest.raises(BlockingIOError):
        ours.recv(100)
    assert queued
    ours.close()
    theirs.close()


@pytest.mark.django_db
def test_a_database_that_is_gone_is_said_in_words(client, monkeypatch):
    def gone(*_args, **_kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr("posture.views.health._database_answers", gone)
    client.raise_request_exception = False
    answer = client.get("/healthz/")
    assert answer.status_code == 503
    assert UNREACHABLE in answer.content.decode()


@pytest.fixture
def unlimited(db):
    """The connection as it was, afterwards."""
    yield connection
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")


def shown(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def test_a_worker_and_the_web_limit_each_connection_that_they_open(
    unlimited, settings, monkeypatch
):
    told = []
    monkeypatch.setattr(
        limits.connection_created, "connect", lambda receiver, **_: told.append(receiver)
    )
    settings.POSTURE_TASK_STATEMENT_SECONDS, settings.POSTURE_WEB_STATEMENT_SECONDS = 7200, 30
    celery.limit_statements()
    limits.of_web()
    assert shown("statement_timeout") == "0"
    for receiver, expected in zip(told, ("2h", "30s"), strict=True):
        receiver(connection=unlimited)
        assert shown("statement_timeout") == expected
        assert shown("idle_in_transaction_session_timeout") == "5min"


def test_a_task_ends_before_its_message_comes_back():
    conf = celery.app.conf
    assert conf.task_soft_time_limit < conf.task_time_limit
    assert conf.task_time_limit * 2 < conf.broker_transport_options["visibility_timeout"]
