"""A full run of the product with secrets that can be known again: none of them is in any log."""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import orjson
import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.utils import timezone

from deploy.local.ports import free_port
from findings.models import FileImport
from inventory.models import CollectionRun
from posture import tasks
from posture.actions import tokens
from posture.models import AuditEntry, WebhookDelivery
from posture.policies import roles
from tests import factories
from tests.fixtures import oidc_idp, pipeline
from tests.fixtures.sign_in import code_of

pytestmark = [
    pytest.mark.xdist_group("worker"),
    # The provider of the tests says them of itself, in its own thread.
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
]
ROOT = Path(__file__).resolve().parents[2]
RIGHT, WRONG = "Right-Hollyhock-4711-password", "Wrong-Hollyhock-4712-password"
TYPED = "Typed-Hollyhock-4713-into-the-name"
IN_A_FILE = "Hollyhock-4714-in-an-uploaded-finding"
SEARCHED = "Hollyhock4715searched"
CLIENT = "Hollyhock-4716-secret-of-the-oidc-client"
SEALING, MAIL = "A" * 42 + "g=", "Hollyhock-4718-of-the-mail-server"
IN_A_VARIABLE = "Hollyhock-4719-in-a-local-variable"
DOWN_URL = "Hollyhock-4720-in-the-path-of-a-webhook"


@pytest.fixture
def hook():
    """A receiver of webhooks."""
    came = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    server.came = came
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def idp():
    provider = oidc_idp.OpenIdProvider()
    server = oidc_idp.serve(provider)
    yield provider
    server.shutdown()
    server.server_close()


class Site:
    """gunicorn and a worker, both asked to say as much as they can."""

    def __init__(self, folder, sandbox, hook, idp):
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"
        self.log = (folder / "site.log").open("w+b")
        self.worker = pipeline.Worker(sandbox, self.log)
        self.worker._environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.leaky_settings",
            "POSTURE_LOG_LEVEL": "DEBUG",
            "POSTURE_BASE_URL": self.address,
            "POSTURE_PORT": str(self.port),
            "POSTURE_BIND": "127.0.0.1",
            "WEB_CONCURRENCY": "1",
            "POSTURE_SEALING_KEYS": SEALING,
            "POSTURE_EMAIL_PASSWORD": MAIL,
            "POSTURE_WEBHOOK_HOSTS": f"127.0.0.1:{hook.server_port}",
            "POSTURE_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "POSTURE_OIDC_ISSUER": f"{idp.issuer}/",
            "POSTURE_OIDC_CLIENT_ID": "parapet",
            "POSTURE_OIDC_CLIENT_SECRET": CLIENT,
            "POSTURE_PROVIDER_WITHOUT_GROUP": "allow",
        }
        self.environment = self.worker._environment

    def start(self):
        self.worker.start()
        self.web = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "--config",
                "deploy/gunicorn_conf.py",
                "posture.wsgi",
            ],
            cwd=ROOT,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )
        pipeline.wait_for(self._answers)

    def _answers(self):
        assert self.web.poll() is None, self.text
        try:
            return requests.get(f"{self.address}/healthz/", timeout=5).ok
        except requests.ConnectionError:
            return False

    def end(self):
        self.worker.end()
        self.web.terminate()
        self.web.wait(timeout=20)

    @property
    def text(self):
        return Path(self.log.name).read_text()


@pytest.fixture
def site(without_worker, erasable_reviews, no_attempts_yet, sandbox, hook, idp, tmp_path):
    running = Site(tmp_path, sandbox, hook, idp)
    running.start()
    yield running
    running.end()
    running.log.close()


class Browser(requests.Session):
    def __init__(self, address):
        super().__init__()
        self.address = address
        self.seen = set()

    def get(self, path, **options):
        return self._remembered(super().get(self.address + path, timeout=30, **options))

    def post(self, path, data, **options):
        page = self.get(options.pop("of", path)).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        self.seen.add(token)
        headers = {"Referer": self.address + path}
        sent = {**data, "csrfmiddlewaretoken": token}
        answer = super().post(
            self.address + path, data=sent, headers=headers, timeout=30, **options
        )
        return self._remembered(answer)

    def _remembered(self, answer):
        """Cookies are secrets as well."""
        self.seen.update(cookie.value for cookie in self.cookies if len(cookie.value) > 15)
        return answer


def test_no_secret_is_in_any_log(site, hook, idp, sandbox):
    factories.organization(name="")
    lead = factories.local_person(username="lena", password=make_password(RIGHT))
    lead.groups.set(factories.person(role="Security lead").groups.all())
    browser = Browser(site.address)
    secrets = {RIGHT, WRONG, TYPED, IN_A_FILE, SEARCHED, CLIENT, SEALING, MAIL, IN_A_VARIABLE}
    secrets |= {DOWN_URL, django_settings.SECRET_KEY, *_of_servers()}
    secrets |= {pipeline.KEYS.secret_access_key, pipeline.KEYS.external_id}

    secrets |= _sign_in(browser)
    secrets |= _sign_in_by_provider(site)
    secrets |= _use_a_token(site, browser, lead)
    _fail(browser)
    secrets |= _hook(browser, hook, lead)
    _upload(browser)
    _work(hook)
    secrets |= {value for sent in hook.came for name, value in sent.items() if "ignature" in name}
    site.end()

    secrets |= browser.seen
    text = site.text
    _says_what_it_should(text)
    assert not (found := _held(secrets, text)), _around(found, text)
    # Entries are kept for years, and exported. The words of a search are of the auditor's own.
    assert not _held(secrets - {SEARCHED}, _audit_log())
    for path in _logs_of_servers():
        said = path.read_text(errors="replace")
        assert not (found := _held(secrets, said)), (path.name, _around(found, said))


def _sign_in(browser):
    """With wrong words, the right ones, and a second factor."""
    browser.post("/sign-in/", {"login": TYPED, "password": WRONG})
    browser.post("/sign-in/", {"login": "lena", "password": WRONG})
    browser.post("/sign-in/", {"login": "lena", "password": RIGHT})
    page = browser.get("/you/app/").text
    totp = re.search(r"\b[A-Z2-7]{32}\b", page).group(0)
    code = code_of(totp)
    # Each look at that page makes another secret.
    browser.post("/you/app/", {"code": code}, of="/you/")
    codes = set(re.findall(r"\b[a-z0-9]{8}\b", browser.get("/you/recovery-codes/").text))
    for path in (
        f"/audit/?q={SEARCHED}",
        f"/findings/?q={SEARCHED}",
        f"/{IN_A_FILE}/?key={SEARCHED}",
    ):
        browser.get(path)
    assert browser.get("/audit/").url.endswith("/audit/")
    requests.get(f"{browser.address}/sign-in/new-password/1a-{DOWN_URL}/", timeout=30)
    # Six digits stand in many numbers: the code alone proves nothing, the secret does.
    return {totp, *(one for one in codes if re.search(r"\d", one) and re.search("[a-z]", one))} - {
        code
    }


def _use_a_token(site, browser, owner):
    """A good one and a bad one, in the header and in the address."""
    _, token = tokens.create(
        owner, owner=owner, name="ci", rights=[roles.READ_FINDINGS], days=1, now=timezone.now()
    )
    address = f"{site.address}/api/v1/findings/"
    for text, status in ((token, 200), (f"{token[:-4]}xxxx", 401)):
        signed = {"Authorization": f"Bearer {text}"}
        answer = requests.get(address, headers=signed, timeout=30)
        assert answer.status_code == status, site.text[-5000:]
    browser.get(f"/{token}/?token={token}")
    return {token, token[:-4]}


def _fail(browser):
    failed = browser.post(
        "/leaky/", {"password": IN_A_VARIABLE}, of="/you/sessions/", params={"key": SEARCHED}
    )
    assert failed.status_code == 500


def _upload(browser):
    """What cannot be read says why not, and does not quote it."""
    file = {"file": ("a.json", orjson.dumps([{"Id": IN_A_FILE, "Title": IN_A_FILE}]))}
    assert browser.post("/findings/import/", {}, files=file).ok
    pipeline.wait_for(lambda: FileImport.objects.exclude(finished_at=None).exists())


def _work(hook):
    """A collection with credentials, and the webhook that is sent."""
    started = tasks.begin(as_of=pipeline.NOW, requested_by="lena", is_full=True)
    pipeline.wait_for(lambda: pipeline.ended(started), seconds=150)
    assert CollectionRun.objects.filter(source="SECURITY_HUB", state="COMPLETE").exists()
    pipeline.wait_for(lambda: hook.came)
    pipeline.wait_for(lambda: WebhookDelivery.objects.filter(state="DELIVERED").exists())


def _sign_in_by_provider(site):
    """By OpenID Connect: the code, its proof and the provider's tokens are secrets too."""
    visitor = Browser(site.address)
    asked = visitor.get("/sign-in/oidc/")
    if "code_challenge" not in asked.url:
        pytest.fail(asked.text[:2000])
    secrets = set()
    answer = requests.Session.post(visitor, asked.url, data={"sub": "sub-of-olga"}, timeout=30)
    for step in (*answer.history, answer):
        secrets |= set(re.findall(r"(?:[?&](?:code|state)=)([^&]{12,})", step.url))
        location = step.headers.get("Location", "")
        secrets |= set(re.findall(r"(?:[?&](?:code|state)=)([^&]{12,})", location))
    assert secrets
    return secrets | visitor.seen


def _hook(browser, hook, owner):
    """A webhook made on the page, and a test sent to it; its secret is shown once."""
    url = f"http://127.0.0.1:{hook.server_port}/{DOWN_URL}"
    form = {"name": "Bridge", "url": url, "owner": owner.pk, "events": "finding.opened"}
    page = browser.get("/webhooks/").text
    form["events"] = re.search(r'name="events"[^>]* value="([^"]+)"', page).group(1)
    made = browser.post("/webhooks/", form)
    secret = re.search(r"whsec_[A-Za-z0-9+/=_-]+", made.text)
    assert secret, made.text[-3000:]
    address = re.search(r"/webhooks/(\d+)/", made.text).group(0)
    assert browser.post(f"{address}test/", {}, of=address).ok
    return {secret.group(0), secret.group(0).removeprefix("whsec_")}


def _of_servers():
    """Passwords of the database and of the broker."""
    values = [str(connection.settings_dict["PASSWORD"])]
    values += re.findall(r":([^:@/]+)@", django_settings.REDIS_URL)
    return {value for value in values if len(value) > 7}


def _logs_of_servers():
    """What PostgreSQL and Valkey wrote, where this run started them."""
    folder = os.environ.get("PARAPET_RUN_DIR", "")
    return list(Path(folder).glob("*.log")) if folder else []


def _says_what_it_should(text):
    """An empty log holds no secret either: these lines have to be there."""
    lines = [orjson.loads(line) for line in text.splitlines() if line.startswith('{"time"')]
    loggers = {line["logger"] for line in lines}
    assert {"posture.access", "posture.tasks", "django.request", "gunicorn.error"} <= loggers
    routes = {line.get("route") for line in lines}
    assert {"account_login", "posture:audit", "api_findings", "leaky", "posture:webhooks"} <= routes
    (failure,) = [line for line in lines if "cannot sign in" in line.get("exception", "")]
    assert failure["message"] == "Internal Server Error: leaky"
    assert "leaky.py" in failure["exception"] and failure["request_id"]
    handed = [line for line in lines if line.get("task") == "posture.webhook_deliver"]
    assert any(line.get("request_id") for line in handed)


def _audit_log():
    fields = ("event", "who_name", "token", "task", "subject", "details", "changes")
    return "".join(orjson.dumps(entry).decode() for entry in AuditEntry.objects.values(*fields))


def _held(secrets, text):
    return sorted(secret for secret in secrets if secret and secret in text)


def _around(found, text):
    """The lines that hold a secret, for whoever mends it."""
    return [
        (secret, next(line for line in text.splitlines() if secret in line)) for secret in found
    ]
