"""One table of headers, held against every kind of answer."""

import re
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from tests import factories
from tests.fixtures import reviews
from tests.fixtures.served import HOST
from tests.guards.test_urls import NAMES, OPEN, address

ALWAYS = {
    "Content-Security-Policy": None,  # held against POLICY below
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": None,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Passkeys, and the buttons that copy.
ALLOWED = {
    "clipboard-write",
    "publickey-credentials-create",
    "publickey-credentials-get",
}
# Of https alone; `make run` on one's own machine has none of them.
HTTPS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload"}


def policy(response):
    parts = [part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")]
    return dict(parts)


def hold(response, *, allowances=None):
    """Every header of the table, exactly."""
    for name, value in ALWAYS.items():
        assert name in response.headers, name
        assert value is None or response.headers[name] == value, name
    assert policy(response) == POLICY | (allowances or {})
    assert "Content-Security-Policy-Report-Only" not in response.headers
    granted = [part.strip().split("=") for part in response["Permissions-Policy"].split(",")]
    assert {name for name, to in granted if to != "()"} == ALLOWED
    assert {to for name, to in granted if name in ALLOWED} == {"(self)"}
    assert "Server" not in response.headers
    assert "X-Powered-By" not in response.headers


def is_kept_nowhere(response):
    words = response["Cache-Control"].replace(" ", "").split(",")
    return "public" not in words and ("no-store" in words or "no-cache" in words)


# Kinds of answers: function of the signed-in client, and the status.


def _fragment(client):
    return client.get(reverse("findings:list"), headers={"HX-Request": "true", "HX-Target": "find"})


def _broken(client):
    client.raise_request_exception = False
    return client.get(reverse("posture:rights"))


KINDS = {
    "page": (lambda c: c.get(reverse("posture:overview")), 200),
    "fragment": (_fragment, 200),
    "API": (lambda c: c.get(reverse("api_findings")), 200),
    "export as CSV": (lambda c: c.get(reverse("findings:export_csv")), 200),
    "export as JSON": (lambda c: c.get(reverse("findings:export_json")), 200),
    "PDF": (lambda c: c.get(reverse("posture:review_pdf", args=["2026-W47"])), 200),
    "redirect": (lambda c: c.get("/accounts"), 301),
    "error in the request": (
        lambda c: c.post("/sign-in/", b"", CONTENT_LENGTH="x", content_type="a/b"),
        400,
    ),
    "not allowed": (lambda c: c.get(reverse("posture:people")), 403),
    "not there": (lambda c: c.get("/no/such/page/"), 404),
    "wrong method": (lambda c: c.delete(reverse("posture:overview")), 405),
    "too large": (
        lambda c: c.post("/sign-in/", b"", CONTENT_LENGTH="9" * 9, content_type="a/b"),
        413,
    ),
    "form with errors": (lambda c: c.post(reverse("posture:tokens"), {}), 422),
    "sign-out": (lambda c: c.post(reverse("account_logout")), 302),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_answer_has_every_header(client, kind):
    ask, status = KINDS[kind]
    factories.ou_day(ou=factories.root())
    if kind == "PDF":
        reviews.published_review()
    client.force_login(reviews.permitted(factories.security_engineer(), "read_reviews"))
    response = ask(client)
    assert response.status_code == status
    hold(response)
    assert is_kept_nowhere(response)


@pytest.mark.django_db
def test_something_that_broke_has_every_header_and_tells_nothing(client, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr("posture.queries.people.people", broken)
    client.force_login(factories.person(role="Administrator"))
    client.raise_request_exception = False
    response = client.get(reverse("posture:people"))
    assert response.status_code == 500
    assert b"a secret" not in response.content
    assert b"the reason is in its log" in response.content
    hold(response)
    assert is_kept_nowhere(response)


@pytest.mark.django_db
def test_strangers_get_every_header_too(client):
    for path, status in (
        (reverse("posture:overview"), 302),
        (reverse("api_findings"), 401),
        (reverse("account_login"), 200),
        ("/no/such/page/", 404),
    ):
        response = client.get(path)
        assert response.status_code == status, path
        hold(response)
        assert is_kept_nowhere(response), path


@pytest.mark.django_db
def test_a_static_file_has_every_header_and_may_be_kept(client):
    response = client.get("/static/css/app.css")
    assert response.status_code == 200
    hold(response)
    assert "no-store" not in response["Cache-Control"]
    response.close()


@pytest.mark.django_db
def test_no_address_has_a_policy_of_its_own_or_lets_its_answer_be_kept(client):
    """Those of the future, too; what one may do beyond the rest stands in its own test."""
    user = factories.security_engineer()
    for name in NAMES:
        if name not in OPEN:
            client.force_login(user)
        response = client.get(address(name))
        response.getvalue()
        hold(response)
        assert is_kept_nowhere(response), name
        client.logout()


@pytest.mark.django_db
def test_signing_out_empties_the_browsers_cache_and_nothing_else_does(client):
    client.force_login(factories.security_engineer())
    assert "Clear-Site-Data" not in client.get(reverse("posture:overview")).headers
    assert "Clear-Site-Data" not in client.get(reverse("account_logout")).headers
    assert client.post(reverse("account_logout"))["Clear-Site-Data"] == '"cache"'


# The served process of a https site


@pytest.mark.parametrize(
    "path", ["/sign-in/", "/healthz/", "/no/such/page/", "/", "/static/css/app.css"]
)
def test_a_https_site_has_every_header_and_says_nothing_of_its_server(served, path):
    answer = served.ask(path)
    found = {name.lower(): value for name, value in answer.getheaders()}
    for name, value in (ALWAYS | HTTPS).items():
        assert name.lower() in found
        assert value is None or found[name.lower()] == value
    assert found["server"] == "gunicorn"  # no version


def test_a_https_site_leads_plain_requests_to_https(served):
    answer = served.ask("/sign-in/", headers={"X-Forwarded-Proto": "http"})
    assert answer.status == 301
    assert answer.getheader("Location") == f"https://{HOST}/sign-in/"


def test_a_https_site_answers_to_its_own_name_alone(served):
    assert served.ask("/sign-in/", headers={"Host": "evil.example.net"}).status == 400


def test_cookies_of_a_https_site_belong_to_it_alone(served):
    answer = served.ask("/sign-in/")
    (cookie,) = [value for name, value in answer.getheaders() if name == "Set-Cookie"]
    name, *rest = [part.strip() for part in cookie.split(";")]
    assert name.startswith("__Host-csrf=")
    words = {word.lower() for word in rest}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= words
    assert not any(word.startswith("domain") for word in words)


def test_the_session_of_a_https_site_belongs_to_it_alone(served, transactional_db):
    factories.local_person()
    page = served.ask("/sign-in/")
    (cookie,) = [value for name, value in page.getheaders() if name == "Set-Cookie"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    form = {"login": "sam", "password": factories.PASSWORD, "csrfmiddlewaretoken": token}
    answer = served.ask(
        "/sign-in/",
        method="POST",
        body=urlencode(form),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Referer": f"https://{HOST}/sign-in/",
            "Cookie": cookie.partition(";")[0],
        },
    )
    assert answer.status == 302
    cookies = [value for name, value in answer.getheaders() if name == "Set-Cookie"]
    (session,) = [cookie for cookie in cookies if cookie.startswith("__Host-session=")]
    words = {part.strip().lower() for part in session.split(";")}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= words
    assert not any(word.startswith("domain") for word in words)
