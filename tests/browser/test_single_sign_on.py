"""Signing in by an identity provider in a real browser, and the pages about it."""

import pytest
from django.contrib.auth.models import User

from posture import env
from posture.actions import people
from posture.actions.sign_in import providers
from posture.actions.sign_in.providers import Said
from tests import factories
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures import oidc_idp, saml_idp
from tests.fixtures.sign_in import now

pytestmark = [
    pytest.mark.usefixtures("no_attempts_yet"),
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
]


@pytest.fixture
def oidc(monkeypatch):
    provider = oidc_idp.OpenIdProvider()
    server = oidc_idp.serve(provider)
    monkeypatch.setenv("POSTURE_OIDC_ISSUER", provider.issuer)
    monkeypatch.setenv("POSTURE_OIDC_CLIENT_ID", "parapet")
    monkeypatch.setenv("POSTURE_OIDC_CLIENT_SECRET", "a secret of the client")
    monkeypatch.setenv("POSTURE_OIDC_NAME", "Halden login")
    provider.bend = lambda claims: claims.update(groups=["engineers"], preferred_username="dana")
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def saml(monkeypatch):
    """On 127.0.0.1, which to a browser is another site than localhost."""
    provider = saml_idp.IdentityProvider(saml_idp.Key())
    server = saml_idp.serve(provider)
    monkeypatch.setenv("POSTURE_SAML_ENTITY_ID", provider.entity_id)
    monkeypatch.setenv("POSTURE_SAML_SIGN_IN_URL", provider.sign_in_url)
    monkeypatch.setenv("POSTURE_SAML_CERTIFICATE", provider.key.certificate)
    monkeypatch.setenv("POSTURE_SAML_NAME", "Halden SAML")
    provider.person.attributes = {"username": ["eve"], "groups": ["engineers"]}
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def configured(site, settings, oidc, saml):
    settings.BASE_URL = site.url
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    admin = factories.person(role="Administrator", username="noor")
    people.map_group(admin, group="engineers", role="Security engineer", now=now())
    return admin


@pytest.fixture
def door(chromium, site, configured):
    """Function that opens the sign-in page in a browser of its own.

    It keeps what the console says of our pages; what it says of the provider's is not ours.
    """
    contexts = []

    def listen(page, message):
        if message.location["url"].startswith(site.url):
            page.said.append(message.text)

    def door(**screen):
        size = {"width": screen.pop("width", 1440), "height": screen.pop("height", 1000)}
        context = chromium.new_context(viewport=size, base_url=site.url, **screen)
        contexts.append(context)
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: listen(page, message))
        page.goto("/accounts/")
        return page

    yield door
    for context in contexts:
        context.close()


def test_people_go_to_the_provider_and_come_back_signed_in_where_they_wanted(
    door, site, saml, client
):
    page = door()
    page.click("text=Sign in with Halden login")
    page.fill("[name=sub]", "u-1")
    page.click("button:text-is('Authorize')")
    page.wait_for_url(f"{site.url}/accounts/")
    assert page.said == []
    assert User.objects.get(username="dana").groups.get().name == "Security engineer"
    # The answer of SAML comes by a form of another site, which brings no cookies of ours.
    saml.learn(client.get("/sign-in/saml/metadata/").content.decode())
    page = door()
    page.click("text=Sign in with Halden SAML")
    page.click("text=Continue")
    page.wait_for_url(f"{site.url}/accounts/")
    assert page.said == []
    assert User.objects.filter(username="eve").exists()


def test_the_pages_about_it_are_readable_by_everybody(door, open_page, configured):
    for groups in (("engineers",), ("canteen-of-the-headquarters", "g" * 250)):
        said = Said(provider="oidc", subject=groups[0], groups=groups, username=groups[0])
        providers.admit(said, now=now())
    people.map_group(configured, group="x" * 250, role="Auditor", now=now())
    pages = [open_page("/people/groups/", user=configured, **one) for one in SCREENS.values()]
    for page in (door(**SCREENS["phone and dark"]), *pages):
        assert violations(page) == []
        assert too_wide(page) <= 0
        assert page.said == []
