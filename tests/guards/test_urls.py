"""What holds for every address of the site, those that come later too."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests import factories

pytestmark = pytest.mark.django_db

# Open to people who have not signed in, each for a reason.
OPEN = {
    "account_login": "the way in",
    "account_logout": "the way out; leads strangers to the way in",
    "mfa_authenticate": "the second step of the way in; without the first it leads back there",
    "mfa_login_webauthn": "the way in by passkey",
    "account_reset_password": "who has forgotten the password cannot sign in",
    "account_reset_password_done": "says the same to everybody",
    "account_reset_password_from_key": "the link of the mail; a key that is wrong opens nothing",
    "account_reset_password_from_key_done": "says the same to everybody",
    "oidc_sign_in": "the way to the provider; not there while none is configured",
    "oidc_callback": "the way back from it, with a code and the state of this browser",
    "saml_sign_in": "the way to the provider; not there while none is configured",
    "saml_acs": "the provider's form comes here from another site; a signed answer is kept, no more",
    "saml_finish": "the way back with that answer and the state of this browser",
    "saml_metadata": "what the administrators of the provider load; nothing of it is secret",
    "healthz": "the load balancer",
}
EXAMPLES = {
    "ou_id": "r-ab12",
    "account_id": "200000000001",
    "pk": "1",
    "delivery_pk": "1",
    "name": "area",
    "control_id": "S3.8",
    "kpi_id": "K1",
    "kind": "mention",
    "week": "2026-W47",
    "uidb36": "1",
    "key": "c0ffee-0123456789abcdef",
    "policy_id": "p-0123456789",
    "form": "terraform",
    "ref": "EX-0001",
    "verb": "triage",
    "what_if_id": "0198f0a2-7c1d-7000-8000-000000000000",
}

# Where the example of another address is none.
OTHERWISE = {"exceptions:edit_file": {"form": "diff"}}


def patterns(resolver=None, namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from patterns(entry, inner)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", entry


NAMES = sorted(name for name, _ in patterns())


def address(name):
    entry = dict(patterns())[name]
    wanted = entry.pattern.regex.groupindex or entry.pattern.converters
    examples = EXAMPLES | OTHERWISE.get(name, {})
    return reverse(name, kwargs={key: examples[key] for key in wanted})


@pytest.mark.parametrize("name", NAMES)
def test_every_address_has_a_name_and_asks_for_sign_in(client, name):
    response = client.get(address(name))
    if name in OPEN:
        assert not response.headers.get("Location", "").startswith("/sign-in/?next=")
    else:
        # Of the API: how to come in is said there, and led nowhere.
        assert response.status_code == (401 if name.startswith("api_") else 302)
        if response.status_code == 302:
            assert response["Location"].startswith("/sign-in/?next=")


# Nothing is there, whatever one would do with it: a method that is refused would say that something is.
NOTHING = {"api_unknown"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPEN.keys() | NOTHING])
def test_every_address_knows_its_methods(client, name):
    client.force_login(factories.security_engineer())
    refused = {client.get(address(name)).status_code, client.delete(address(name)).status_code}
    assert 405 in refused


@pytest.mark.parametrize("name", NAMES)
def test_no_page_carries_a_script_or_a_style_of_its_own(client, name):
    factories.ou_day(ou=factories.root())
    account = factories.account(account_id=EXAMPLES["account_id"])
    factories.account_day(account=account)
    if name not in OPEN:
        client.force_login(factories.security_engineer())
    content = client.get(address(name)).getvalue().decode()
    for forbidden in (" style=", "<style", " onclick=", "hx-on", "javascript:", "<script>"):
        assert forbidden not in content
