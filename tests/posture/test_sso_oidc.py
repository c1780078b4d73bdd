"""Signing in by OpenID Connect, at a real provider on loopback."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
import time_machine
from allauth.socialaccount.models import SocialAccount, SocialApp
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from posture import env
from posture.actions import people, tokens
from posture.actions.sign_in import accounts
from posture.models import ProviderSignIn, SeenGroup
from posture.policies import roles
from tests import factories
from tests.fixtures import oidc_idp
from tests.fixtures.audit import entries
from tests.fixtures.sign_in import SIGN_IN, now, spoken

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_attempts_yet"),
    # The provider of the tests says them of itself, in its own thread.
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
]
START, CALLBACK = "/sign-in/oidc/", "/sign-in/oidc/callback/"
API = "/api/v1/findings/"


@pytest.fixture(scope="module")
def served():
    provider = oidc_idp.OpenIdProvider()
    server = oidc_idp.serve(provider)
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def idp(served, settings, monkeypatch):
    served.straighten()
    monkeypatch.setattr(env, "problems", [])
    monkeypatch.setenv("POSTURE_OIDC_ISSUER", f"{served.issuer}/")
    monkeypatch.setenv("POSTURE_OIDC_CLIENT_ID", "parapet")
    monkeypatch.setenv("POSTURE_OIDC_CLIENT_SECRET", "a secret of the client")
    monkeypatch.setenv("POSTURE_OIDC_NAME", "Halden login")
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    assert env.problems == []
    return served


@pytest.fixture
def admin():
    return factories.person(role="Administrator", username="noor")


@pytest.fixture
def mapped(admin):
    """engineers are security engineers, auditors are auditors."""
    people.map_group(admin, group="engineers", role="Security engineer", now=now())
    people.map_group(admin, group="auditors", role="Auditor", now=now())


def knows(idp, subject="u-1", **claims):
    """Tell the provider about somebody."""
    values = {"name": "Dana Reyes", "preferred_username": "dana", "email": "dana@example.com"}
    answer = requests.put(f"{idp.issuer}/users/{subject}", json=values | claims, timeout=5)
    assert answer.status_code == 204


def leave(client, next_address=""):
    """To the provider; returns the address there."""
    answer = client.get(START, {"next": next_address} if next_address else {})
    assert answer.status_code == 302
    return answer["Location"]


def consent(address, subject="u-1"):
    """Sign in at the provider; returns where it sends the browser."""
    answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def come_back(client, location):
    parts = urlsplit(location)
    assert parts.path == CALLBACK
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(client, subject="u-1", next_address=""):
    return come_back(client, consent(leave(client, next_address), subject))


def is_signed_in(client):
    return client.get("/people/rights/").status_code == 200


def is_refused(client, answer):
    """Back at the sign-in page, with words and without a session."""
    assert answer.status_code == 302, answer.content
    assert answer["Location"] == SIGN_IN
    assert "You are not signed in" in spoken(client.get(SIGN_IN))
    assert not is_signed_in(client)
    return True


# Off, and on


def test_without_a_provider_there_is_no_button_and_no_address(client):
    assert "Sign in with single" not in spoken(client.get(SIGN_IN))
    for name in ("oidc_sign_in", "oidc_callback", "saml_sign_in", "saml_finish", "saml_metadata"):
        assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse("saml_acs"), {"SAMLResponse": "x"}).status_code == 404


def test_a_row_in_the_database_opens_no_door(client):
    SocialApp.objects.create(provider="openid_connect", provider_id="oidc", name="x", client_id="x")
    assert client.get(START).status_code == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"POSTURE_OIDC_ISSUER": "http://login.example.com"}, "POSTURE_OIDC_ISSUER"),
        ({"POSTURE_OIDC_ISSUER": ""}, "POSTURE_OIDC_ISSUER"),
        ({"POSTURE_OIDC_CLIENT_SECRET": ""}, "POSTURE_OIDC_CLIENT_SECRET"),
    ],
)
def test_half_a_configuration_is_a_problem_that_names_what_is_missing(monkeypatch, changes, named):
    monkeypatch.setattr(env, "problems", [])
    whole = {
        "POSTURE_OIDC_ISSUER": "https://login.example.com",
        "POSTURE_OIDC_CLIENT_ID": "parapet",
        "POSTURE_OIDC_CLIENT_SECRET": "s",
    }
    for name, value in (whole | changes).items():
        monkeypatch.setenv(name, value)
    env.identity_providers()
    assert [problem.name for problem in env.problems] == [named]


def test_the_sign_in_page_offers_the_provider_and_keeps_where_to_go(client, idp):
    page = client.get(SIGN_IN, {"next": "/accounts/?q=a b"})
    assert "Sign in with Halden login" in spoken(page)
    assert f'href="{START}?next=%2Faccounts%2F%3Fq%3Da%20b"' in page.content.decode()


def test_with_local_sign_in_off_the_provider_and_the_fold_are_all_there_is(client, idp, settings):
    settings.POSTURE_LOCAL_SIGN_IN = False
    shown = spoken(client.get(SIGN_IN))
    assert "Sign in with Halden login" in shown
    assert "Break-glass account" in shown
    assert "passkey" not in shown


# Signing in


@pytest.mark.usefixtures("mapped")
def test_the_first_sign_in_makes_an_account_with_what_the_groups_give(client, idp):
    knows(idp, groups=["engineers", "canteen"])
    answer = sign_in(client, next_address="/accounts/")
    assert answer["Location"] == "/accounts/"
    assert is_signed_in(client)
    user = User.objects.get(username="dana")
    assert (user.get_full_name(), user.email) == ("Dana Reyes", "dana@example.com")
    assert not user.has_usable_password()
    assert [group.name for group in user.groups.all()] == ["Security engineer"]
    account = SocialAccount.objects.get(user=user)
    assert (account.provider, account.uid, account.extra_data) == ("oidc", "u-1", {})
    assert set(SeenGroup.objects.values_list("name", flat=True)) == {"engineers", "canteen"}


def test_the_request_carries_state_nonce_and_a_challenge_and_no_secret(client, idp):
    asked = parse_qs(urlsplit(leave(client)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"] == ["http://localhost:8000/sign-in/oidc/callback/"]
    assert "client_secret" not in asked


def test_parameters_of_a_link_change_nothing_of_the_request(client, idp):
    answer = client.get(
        START, {"scope": "offline_access", "auth_params": "prompt=none", "process": "connect"}
    )
    asked = parse_qs(urlsplit(answer["Location"]).query)
    assert "offline_access" not in asked["scope"][0]
    assert "prompt" not in asked


@pytest.mark.usefixtures("mapped")
def test_other_groups_change_rights_at_the_next_sign_in(client, idp):
    knows(idp, groups=["engineers"])
    sign_in(client)
    user = User.objects.get(username="dana")
    assert user.has_perm(roles.TRIAGE)
    knows(idp, groups=["auditors"])
    sign_in(client)
    user = User.objects.get(username="dana")
    assert user.has_perm(roles.READ_AUDIT)
    assert not user.has_perm(roles.TRIAGE)


@pytest.mark.usefixtures("mapped")
def test_removal_from_the_groups_ends_access_sessions_and_tokens(client, idp):
    knows(idp, groups=["engineers"])
    sign_in(client)
    user = User.objects.get(username="dana")
    _, text = tokens.create(
        user, owner=user, name="script", rights=[roles.READ_FINDINGS], days=30, now=now()
    )
    bearer = {"Authorization": f"Bearer {text}"}
    assert client.get(API, headers=bearer).status_code == 200
    knows(idp, groups=["canteen"])
    other = Client()
    refused = sign_in(other)
    assert refused.status_code == 403
    assert "canteen" in spoken(refused)
    assert not is_signed_in(other)
    # The session that was open, the roles and the token are gone with it.
    assert not is_signed_in(client)
    assert not user.groups.exists()
    assert Client().get(API, headers=bearer).status_code == 401
    assert ProviderSignIn.objects.get(user=user).refused_at is not None
    assert entries(event="sign_in")[0].details["methods"] == ["socialaccount"]
    assert entries(event="account_provided")[0].subject == "dana"
    assert entries(event="sign_in_refused")[0].details["why"] == "NOT_MAPPED"


@pytest.mark.usefixtures("mapped")
def test_who_is_in_no_mapped_group_is_told_so_and_nothing_is_made(client, idp, settings):
    settings.POSTURE_SIGN_IN_HELP = "the security desk <desk@example.com>"
    knows(idp, groups=["canteen", "<script>alert(1)</script>"])
    answer = sign_in(client)
    assert answer.status_code == 403
    shown = spoken(answer)
    assert "None of the groups" in shown
    assert "canteen" in shown
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in answer.content.decode()
    assert "the security desk &lt;desk@example.com&gt;" in answer.content.decode()
    assert not User.objects.filter(username="dana").exists()
    assert not SocialAccount.objects.exists()


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    ("claims", "words"),
    [({}, "sent nothing about groups"), ({"groups": []}, "you are in no group")],
)
def test_no_claim_and_no_group_are_told_apart(client, idp, claims, words):
    knows(idp, subject=f"u-{len(claims)}", **claims)
    assert words in spoken(sign_in(client, subject=f"u-{len(claims)}"))


def test_an_installation_may_let_people_in_without_a_group(client, idp, settings):
    settings.POSTURE_PROVIDER_WITHOUT_GROUP = "allow"
    knows(idp, groups=["canteen"])
    sign_in(client)
    assert is_signed_in(client)
    assert not User.objects.get(username="dana").get_all_permissions()


@pytest.mark.usefixtures("mapped")
def test_the_claim_of_the_groups_is_a_setting_and_may_be_a_path(client, idp, settings, monkeypatch):
    monkeypatch.setenv("POSTURE_OIDC_GROUPS_CLAIM", "realm_access.roles")
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    knows(idp, realm_access={"roles": ["auditors"]})
    sign_in(client)
    assert User.objects.get(username="dana").has_perm(roles.READ_AUDIT)


# Sessions


@pytest.mark.usefixtures("mapped")
def test_the_provider_is_asked_again_after_the_hours_of_the_setting(client, idp, settings):
    settings.POSTURE_SESSION_IDLE_MINUTES = 1440
    knows(idp, groups=["engineers"])
    with time_machine.travel(now(), tick=False) as clock:
        sign_in(client)
        clock.shift(timedelta(hours=7, minutes=59))
        assert is_signed_in(client)
        clock.shift(timedelta(minutes=2))
        answer = client.get("/", follow=True)
    assert "the identity provider is asked again" in spoken(answer)


@pytest.mark.usefixtures("mapped")
def test_no_second_factor_is_asked_for_here_and_none_can_be_added(client, idp):
    knows(idp, groups=["engineers"])
    sign_in(client)
    assert client.get("/findings/").status_code == 200
    assert client.get(reverse("mfa_add_webauthn")).status_code == 302


@pytest.mark.usefixtures("mapped")
def test_who_is_switched_off_here_stays_out(client, idp):
    knows(idp, groups=["engineers"])
    sign_in(client)
    User.objects.filter(username="dana").update(is_active=False)
    assert "switched off" in spoken(come_back_to_sign_in(client))


def come_back_to_sign_in(client):
    other = Client()
    answer = sign_in(other)
    assert answer["Location"] == SIGN_IN
    return other.get(SIGN_IN)


# Who is who


@pytest.mark.usefixtures("mapped")
def test_an_address_or_a_name_of_somebody_here_takes_nobody_over(client, idp):
    accounts.create_local("dana", email="dana@example.com", role_names=["Administrator"], now=now())
    knows(idp, groups=["engineers"], email_verified=True)
    sign_in(client)
    local, provided = User.objects.get(username="dana"), User.objects.get(username="dana-2")
    assert local.has_usable_password()
    assert not SocialAccount.objects.filter(user=local).exists()
    assert not provided.has_perm(roles.MANAGE_PEOPLE)
    assert (
        spoken(client.get("/you/")).count("dana-2") or client.get("/").wsgi_request.user == provided
    )


@pytest.mark.usefixtures("mapped")
def test_another_subject_with_the_same_address_is_another_person(client, idp):
    knows(idp, "u-1", groups=["engineers"])
    knows(idp, "u-2", groups=["auditors"])
    sign_in(client, "u-1")
    sign_in(Client(), "u-2")
    names = {account.uid: account.user.username for account in SocialAccount.objects.all()}
    assert names == {"u-1": "dana", "u-2": "dana-2"}


@pytest.mark.usefixtures("mapped")
def test_hostile_names_are_kept_short_and_shown_as_text(client, idp, admin):
    name = "<img src=x onerror=alert(1)> \u202egnp.exe\x07" + "x" * 400
    knows(idp, groups=["engineers", "g" * 251, "two\nlines", "\u202etxt"], name=name,
          preferred_username="../../<b>root</b>" + "y" * 300, email="not an address")  # fmt: skip
    assert sign_in(client).status_code == 302
    user = SocialAccount.objects.get().user
    assert len(user.username) <= 150
    assert not set("<>/ ") & set(user.username)
    assert user.get_full_name().isprintable()
    assert user.email == ""
    assert SeenGroup.objects.get().name == "engineers"
    client.force_login(admin)
    page = client.get("/people/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img" in page


# What an attacker tries


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_next_leads_to_another_site(client, idp, target):
    knows(idp, groups=["engineers"])
    assert sign_in(client, next_address=target)["Location"] == "/"


@pytest.mark.usefixtures("mapped")
def test_an_answer_without_or_with_another_state_is_refused(client, idp):
    knows(idp, groups=["engineers"])
    location = consent(leave(client))
    sent = parse_qs(urlsplit(location).query)
    assert is_refused(client, client.get(CALLBACK, {"code": sent["code"][0]}))
    assert is_refused(client, client.get(CALLBACK, {"code": sent["code"][0], "state": "x" * 16}))


@pytest.mark.usefixtures("mapped")
def test_an_answer_in_another_browser_or_twice_is_refused(client, idp):
    knows(idp, groups=["engineers"])
    location = consent(leave(client))
    other = Client()
    other.get(START)
    assert is_refused(other, come_back(other, location))
    assert come_back(client, location)["Location"] == "/"
    again = come_back(client, location)
    assert again["Location"] == SIGN_IN


def test_who_stops_at_the_provider_is_told_so(client, idp):
    state = parse_qs(urlsplit(leave(client)).query)["state"][0]
    client.get(CALLBACK, {"error": "access_denied", "state": state})
    assert "you stopped at Halden login" in spoken(client.get(SIGN_IN))


def test_a_provider_that_does_not_answer_is_told_and_breaks_nothing(client, idp):
    idp.is_down = True
    assert is_refused(client, client.get(START))


def _other_key(claims):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": oidc_idp.KID})


def _with_the_secret(claims):
    secret = "a secret of the client, which is long enough"
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": oidc_idp.KID})


def _unsigned(claims):
    return jwt.encode(claims, None, algorithm="none", headers={"kid": oidc_idp.KID})


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"aud": "another-client"}, "Audience doesn", id="audience"),
        pytest.param(
            {"aud": ["parapet", "other"], "azp": "other"}, "another client", id="authorised party"
        ),
        pytest.param({"iss": "https://evil.example"}, "Invalid issuer", id="issuer"),
        pytest.param({"exp": 1_600_000_000}, "has expired", id="expired"),
        pytest.param({"iat": 4_000_000_000}, "not yet valid", id="from the future"),
        pytest.param({"nonce": "of another sign-in"}, "nonce differs", id="nonce"),
        pytest.param({"nonce": None}, "nonce differs", id="no nonce"),
        pytest.param({"sub": ""}, "empty or too long", id="empty subject"),
        pytest.param({"sub": "s" * 192}, "empty or too long", id="long subject"),
        pytest.param({"sub": "u-2"}, "somebody else", id="another subject than userinfo"),
    ],
)
def test_an_id_token_that_is_not_good_signs_nobody_in(client, idp, change, why, caplog):
    knows(idp, groups=["engineers"])
    idp.bend = lambda claims: claims.update(change)
    assert is_refused(client, sign_in(client))
    assert why in caplog.text
    assert not SocialAccount.objects.exists()


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (_other_key, "Signature verification failed"),
        (_with_the_secret, "is signed by 'HS256'"),
        (_unsigned, "is signed by 'none'"),
    ],
)
def test_an_id_token_that_the_provider_did_not_sign_signs_nobody_in(client, idp, sign, why, caplog):
    knows(idp, groups=["engineers"])
    idp.sign = sign
    assert is_refused(client, sign_in(client))
    assert why in caplog.text


def test_a_provider_that_calls_itself_otherwise_is_refused(client, idp):
    idp.configuration = lambda values: values.update(issuer="https://evil.example")
    assert is_refused(client, client.get(START))


@pytest.mark.usefixtures("mapped")
def test_logs_and_the_audit_log_hold_no_token_no_code_and_no_secret(client, idp, caplog):
    knows(idp, groups=["engineers"])
    sent = []
    idp.sign = lambda claims: sent.append(idp.signed(claims)) or sent[-1]
    location = consent(leave(client))
    come_back(client, location)
    assert is_signed_in(client)
    idp.refuse_codes = True
    come_back(Client(), location)
    other = Client()
    refused = consent(leave(other))
    come_back(other, refused)
    codes = [parse_qs(urlsplit(one).query)["code"][0] for one in (location, refused)]
    said = [record.getMessage() for record in caplog.records if record.name.startswith("posture")]
    kept = [str(entry.details) for entry in entries()]
    assert any("no access token: invalid_grant" in line for line in said)
    for secret in (*sent, *codes, "a secret of the client"):
        assert not [line for line in (*said, *kept) if secret in line]


def test_too_many_attempts_from_one_address_are_stopped(client, idp, settings):
    settings.ACCOUNT_RATE_LIMITS = {"provider_sign_in": "3/m/ip"}
    assert [client.get(START).status_code for _ in range(4)] == [302, 302, 302, 429]
    assert Session.objects.count() <= 1
