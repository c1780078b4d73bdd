"""The second factor: required of local people, asked for at sign-in, kept."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from posture import system_checks
from posture.actions.sign_in import second_factor
from posture.models import Profile
from tests import factories
from tests.fixtures.sign_in import SIGN_IN, code_of, set_up_app, sign_in, spoken

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_attempts_yet", "commits_at_once"),
]
SECOND = "/sign-in/second-factor/"
YOU = "/you/"


@pytest.fixture
def sam():
    return factories.local_person(username="sam")


@pytest.fixture
def enrolled(client, sam):
    """The secret of Sam's app; the client is signed in with it."""
    sign_in(client)
    return set_up_app(client)


def codes_of(client):
    """The recovery codes, which are shown once."""
    return client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]


@pytest.mark.usefixtures("sam")
@pytest.mark.parametrize(
    "path", ["/", "/findings/", "/accounts/", "/sync/", "/you/sessions/", "/you/password/"]
)
def test_without_a_second_factor_every_page_leads_to_setting_one_up(client, path):
    sign_in(client)
    assert client.get(path)["Location"] == YOU
    assert "Set up a second factor" in spoken(client.get(YOU))


@pytest.mark.usefixtures("sam")
def test_without_a_second_factor_nothing_can_be_done_either(client):
    sign_in(client)
    assert client.post("/sync/collect/")["Location"] == YOU


@pytest.mark.usefixtures("sam")
def test_the_api_says_why_it_refuses_a_session_without_a_second_factor(client):
    sign_in(client)
    answer = client.get("/api/v1/findings/")
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 403
    assert "second factor" in answer.json()["detail"]


@pytest.mark.usefixtures("sam")
def test_a_fragment_sends_the_whole_page_there(client):
    sign_in(client)
    answer = client.get("/accounts/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, YOU)
    assert answer.content == b""


@pytest.mark.usefixtures("sam")
def test_setting_up_an_app_opens_the_rest_and_shows_recovery_codes_once(client):
    sign_in(client)
    page = client.get(reverse("mfa_activate_totp"))
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    secret = page.context["form"].secret
    assert secret in spoken(page)
    answer = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    codes = codes_of(client)
    assert len(set(codes)) == 10 and all(code.isdigit() for code in codes)
    assert client.get("/").status_code == 200
    again = client.get(reverse("mfa_view_recovery_codes"))
    assert not set(codes) & set(spoken(again).split())


@pytest.mark.usefixtures("sam")
def test_a_wrong_code_sets_nothing_up(client):
    sign_in(client)
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    wrong = f"{(int(code_of(secret)) + 1) % 1_000_000:06d}"
    answer = client.post(reverse("mfa_activate_totp"), {"code": wrong})
    assert answer.context["form"].errors["code"]
    assert not Authenticator.objects.exists()
    assert client.get("/")["Location"] == YOU


def test_signing_in_asks_for_the_code_and_lets_in_by_it(enrolled):
    other = Client()
    assert sign_in(other)["Location"] == SECOND
    assert other.get("/")["Location"].startswith(SIGN_IN)
    wrong = f"{(int(code_of(enrolled)) + 1) % 1_000_000:06d}"
    assert other.post(SECOND, {"code": wrong}).context["form"].errors["code"]
    assert other.get("/")["Location"].startswith(SIGN_IN)
    assert other.post(SECOND, {"code": code_of(enrolled, steps=1)})["Location"] == "/"
    assert other.get("/").status_code == 200


def test_a_code_is_good_for_one_use(enrolled):
    code = code_of(enrolled, steps=1)
    first, second = Client(), Client()
    for each in (first, second):
        sign_in(each)
    assert first.post(SECOND, {"code": code}).status_code == 302
    assert second.post(SECOND, {"code": code}).context["form"].errors["code"]


def test_a_recovery_code_is_good_for_one_use(enrolled, client):
    code = codes_of(client)[0]
    first, second = Client(), Client()
    for each in (first, second):
        sign_in(each)
    assert first.post(SECOND, {"code": code})["Location"] == "/"
    assert first.get("/").status_code == 200
    assert second.post(SECOND, {"code": code}).context["form"].errors["code"]


def test_guessing_codes_comes_to_an_end(enrolled, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/h/key"}
    other = Client()
    sign_in(other)
    for _ in range(3):
        other.post(SECOND, {"code": "000000"})
    answer = other.post(SECOND, {"code": code_of(enrolled, steps=1)})
    assert "Too many attempts" in str(answer.context["form"].errors)
    assert other.get("/")["Location"].startswith(SIGN_IN)


def test_a_session_that_began_before_does_not_open_with_it(client, sam):
    thief = Client()
    sign_in(thief)
    sign_in(client)
    set_up_app(client)
    assert client.get("/").status_code == 200
    assert thief.get("/")["Location"].startswith(SIGN_IN)


def test_a_session_that_shows_no_factor_is_led_to_one_even_if_the_person_has_one(enrolled, sam):
    other = Client()
    other.force_login(sam)
    assert other.get("/")["Location"] == YOU


def test_the_only_factor_stays(enrolled, client, sam):
    page = client.get(reverse("mfa_deactivate_totp"))
    assert "your only second factor" in spoken(page)
    client.post(reverse("mfa_deactivate_totp"))
    assert Authenticator.objects.filter(user=sam, type="totp").exists()
    other = Authenticator.objects.create(user=sam, type="webauthn", data={"name": "Phone"})
    assert second_factor.may_remove(Authenticator.objects.get(type="totp"))
    assert client.post(reverse("mfa_deactivate_totp"))["Location"] == YOU
    answer = client.post(reverse("mfa_remove_webauthn", args=[other.pk]))
    assert answer["Location"] == YOU
    assert list(Authenticator.objects.filter(user=sam, type="webauthn")) == [other]


def test_nobody_removes_the_passkey_of_another(enrolled, client):
    eve = factories.local_person(username="eve")
    key = Authenticator.objects.create(user=eve, type="webauthn", data={"name": "Phone"})
    for name in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        assert client.post(reverse(name, args=[key.pk]), {"name": "mine"}).status_code == 404
    key.refresh_from_db()
    assert key.data == {"name": "Phone"}


def test_some_minutes_after_signing_in_a_person_has_to_show_who_they_are(enrolled, client):
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
    asked = client.get(reverse("mfa_generate_recovery_codes"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    wrong = client.post(asked["Location"], {"password": "wrong"})
    assert wrong.context["form"].errors["password"]
    answer = client.post(asked["Location"], {"password": factories.PASSWORD})
    assert answer["Location"] == reverse("mfa_generate_recovery_codes")
    assert client.get(answer["Location"]).status_code == 200


def test_new_recovery_codes_replace_the_old_ones(enrolled, client):
    old = codes_of(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    assert not set(codes_of(client)) & set(old)


# Where it is not required


@pytest.mark.usefixtures("sam")
def test_the_demo_can_do_without_and_says_so(client, settings):
    settings.POSTURE_LOCAL_SECOND_FACTOR = False
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, "http://127.0.0.1:9"
    sign_in(client)
    assert client.get("/").status_code == 200
    assert "a real installation does" in spoken(client.get(YOU))
    assert system_checks.second_factor() == []


@pytest.mark.usefixtures("sam")
def test_outside_the_demo_switching_it_off_changes_nothing_and_is_an_error(client, settings):
    settings.POSTURE_LOCAL_SECOND_FACTOR = False
    sign_in(client)
    assert client.get("/")["Location"] == YOU
    assert [problem.id for problem in system_checks.second_factor()] == ["posture.E010"]


def test_the_break_glass_account_may_do_without_but_not_if_it_has_one(client, sam):
    Profile.objects.create(user=sam, kind=Profile.Kind.BREAK_GLASS)
    sign_in(client)
    assert client.get("/").status_code == 200
    set_up_app(client)
    assert sign_in(Client())["Location"] == SECOND
