import http.server
import os
import threading
import time
from pathlib import Path

import pytest

from deploy import healthcheck

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def pages():
    """Pages that answer as told and remember the headers they were asked with."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status = 200
        asked: dict[str, str] = {}

        def do_GET(self):
            type(self).asked = {"path": self.path, **self.headers}
            self.send_response(self.status)
            self.end_headers()

        def log_message(self, *words):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, Handler
        server.shutdown()
        thread.join()


def test_web_is_asked_as_the_proxy_in_front_would_ask(pages, monkeypatch):
    port, handler = pages
    monkeypatch.setenv("POSTURE_PORT", str(port))
    monkeypatch.setenv("POSTURE_BASE_URL", "https://parapet.example.org")
    assert healthcheck.web()
    assert handler.asked["path"] == "/healthz/"
    assert handler.asked["Host"] == "parapet.example.org"
    assert handler.asked["X-Forwarded-Proto"] == "https"


def test_web_that_answers_with_an_error_or_not_at_all_is_not_healthy(pages):
    port, handler = pages
    handler.status = 500
    assert not healthcheck.web_answers("http://localhost:8000", port=port)
    assert not healthcheck.web_answers("http://localhost:8000", port=1)


def test_beat_is_healthy_while_it_writes_its_schedule(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not healthcheck.beat()
    schedule = Path("var") / "beat-schedule.db"
    schedule.parent.mkdir()
    schedule.touch()
    assert healthcheck.beat()
    long_ago = time.time() - healthcheck.BEAT_SILENT_SECONDS - 60
    os.utime(schedule, (long_ago, long_ago))
    assert not healthcheck.beat()


def test_an_unknown_process_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["healthcheck", "mailer"])
    assert healthcheck.main() == 2
    assert "web|worker|events|beat" in capsys.readouterr().err
