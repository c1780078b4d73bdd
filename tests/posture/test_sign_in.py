"""Signing in with a password: who may, who may not, and what strangers learn from it."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password, get_hasher
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from posture import tasks
from posture.actions.mailbox import Nowhere
from posture.models import MailboxMessage, Notice, Profile
from tests import factories
from tests.fixtures.sign_in import SIGN_IN, now, set_up_app, sign_in, spoken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_attempts_yet")]
OVERVIEW = "/"
WRONG = "The user name or the password is wrong."


@pytest.fixture
def demo(settings):
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, "http://127.0.0.1:9"
    settings.POSTURE_LOCAL_SECOND_FACTOR = False


@pytest.fixture
def sam(demo):
    """A local person of the demo, where the password is enough: for what is about passwords alone."""
    return factories.local_person(username="sam")


def is_signed_in(client):
    return client.get(OVERVIEW).status_code == 200


def profile(user, **values):
    Profile.objects.update_or_create(user=user, defaults=values)
    return user


# Who may sign in


@pytest.mark.usefixtures("sam")
@pytest.mark.parametrize("name", ["sam", "SAM", "  sam "])
def test_a_user_name_is_one_name_in_any_case(client, name):
    assert sign_in(client, name)["Location"] == OVERVIEW
    assert is_signed_in(client)


@pytest.mark.usefixtures("sam")
def test_after_signing_in_a_person_is_where_they_wanted_to_go_but_never_on_another_site(client):
    asked = client.get("/accounts/")["Location"]
    answer = client.post(
        asked, {"login": "sam", "password": factories.PASSWORD, "next": "/accounts/"}
    )
    assert answer["Location"] == "/accounts/"
    other = Client()
    evil = {"login": "sam", "password": factories.PASSWORD, "next": "https://evil.example/"}
    assert other.post(SIGN_IN, evil)["Location"] == OVERVIEW


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("make", "password"),
    [
        pytest.param(lambda: None, "anything at all", id="nobody"),
        pytest.param(factories.local_person, "the wrong one", id="wrong password"),
        pytest.param(
            lambda: factories.local_person(is_active=False), factories.PASSWORD, id="switched off"
        ),
        pytest.param(
            lambda: factories.stranger(username="sam"), factories.PASSWORD, id="identity provider"
        ),
        pytest.param(
            lambda: profile(factories.local_person(), kind=Profile.Kind.SERVICE),
            factories.PASSWORD,
            id="service account",
        ),
    ],
)
def test_whoever_cannot_sign_in_is_told_the_same(client, make, password):
    make()
    answer = sign_in(client, password=password)
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors() == [WRONG]
    assert not is_signed_in(client)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("exists", [True, False])
def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(client, monkeypatch, exists):
    hashed = []
    hasher = type(get_hasher())
    encode = hasher.encode

    def counted(self, *args):
        hashed.append(args)
        return encode(self, *args)

    monkeypatch.setattr(hasher, "encode", counted)
    if exists:
        factories.local_person(username="sam")
        hashed.clear()
    sign_in(client, password="wrong")
    assert len(hashed) == 1


def test_there_is_no_way_to_make_an_account_for_oneself():
    for name in ("account_signup", "mfa_signup_webauthn", "account_email", "account_set_password"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


# Demo users


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    "change",
    [{"POSTURE_DEMO": False}, {"AWS_ENDPOINT_URL": ""}],
    ids=["demo off", "real AWS"],
)
def test_a_demo_user_signs_in_beside_the_invented_organisation_alone(client, settings, change):
    profile(factories.local_person(username="priya"), is_demo=True)
    assert sign_in(client, "priya")["Location"] == OVERVIEW
    assert is_signed_in(client)
    for name, value in change.items():
        setattr(settings, name, value)
    # The session that there is ends, and no other begins.
    assert not is_signed_in(client)
    answer = sign_in(client, "priya")
    assert answer.context["form"].non_field_errors() == [WRONG]
    assert not is_signed_in(client)


@pytest.mark.usefixtures("demo")
def test_the_password_that_the_demo_prints_signs_each_demo_user_in(client, settings):
    settings.POSTURE_DEMO_PASSWORD = "printed-in-the-terminal"
    call_command("seed_demo", verbosity=0)
    listed = client.get(SIGN_IN).context["demo_users"]()
    assert len(listed) == 13
    for user in listed:
        person = Client()
        assert sign_in(person, user.username, "printed-in-the-terminal")["Location"] == OVERVIEW
        assert is_signed_in(person)


@pytest.mark.usefixtures("demo")
def test_the_sign_in_page_of_the_demo_lists_demo_users_only_and_no_password(client):
    marta = profile(factories.local_person(username="marta"), is_demo=True)
    marta.groups.add(Group.objects.get(name="Security lead"))
    real = factories.local_person(username="real-person")
    real.groups.add(Group.objects.get(name="Security lead"))
    text = spoken(client.get(SIGN_IN))
    assert "marta" in text
    assert "real-person" not in text
    assert factories.PASSWORD not in text
    assert "The demo asks for no second factor" in text


# Local sign-in switched off


@pytest.mark.usefixtures("sam")
def test_with_local_sign_in_switched_off_a_right_password_is_wrong(client, settings):
    settings.POSTURE_LOCAL_SIGN_IN = False
    page = spoken(client.get(SIGN_IN))
    assert "Break-glass account" in page
    assert "passkey" not in page
    assert sign_in(client).context["form"].non_field_errors() == [WRONG]
    assert not is_signed_in(client)


# Sessions


@pytest.mark.usefixtures("sam")
def test_a_session_gets_another_key_when_somebody_signs_in(client):
    client.get(SIGN_IN)
    session = client.session
    session["kept"] = "before"
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.usefixtures("sam")
@pytest.mark.parametrize(
    ("aged", "says"),
    [
        ({"signed_in_at": timedelta(hours=12, minutes=1)}, "12 hours at most"),
        ({"seen_at": timedelta(minutes=61)}, "after 60 minutes without use"),
    ],
    ids=["too old", "not used"],
)
def test_a_session_ends_and_says_why(client, aged, says):
    sign_in(client)
    session = client.session
    for key, age in aged.items():
        session[key] = int((now() - age).timestamp())
    session.save()
    assert client.get(OVERVIEW)["Location"].startswith(SIGN_IN)
    assert says in spoken(client.get(SIGN_IN))
    assert not Session.objects.filter(session_key=session.session_key).exists()


@pytest.mark.usefixtures("sam")
def test_use_keeps_a_session_alive_but_not_beyond_its_age(client):
    sign_in(client)
    session = client.session
    session["seen_at"] -= 50 * 60
    session.save()
    assert is_signed_in(client)
    assert client.session["seen_at"] > session["seen_at"] + 49 * 60
    assert client.session["signed_in_at"] == session["signed_in_at"]


@pytest.mark.usefixtures("sam")
def test_a_session_without_a_beginning_is_too_old(client):
    sign_in(client)
    session = client.session
    del session["signed_in_at"]
    session.save()
    assert not is_signed_in(client)


@pytest.mark.usefixtures("sam")
def test_the_cookie_is_for_this_browser_window_and_for_no_script(client):
    cookie = sign_in(client).cookies[django_settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")


def test_a_person_who_is_switched_off_is_out_at_the_next_request(client, sam):
    sign_in(client)
    assert is_signed_in(client)
    User.objects.filter(pk=sam.pk).update(is_active=False)
    assert not is_signed_in(client)


@pytest.mark.usefixtures("sam")
def test_a_revoked_session_is_out_at_once_and_the_page_shows_what_is_left(client):
    other = Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    sign_in(client, HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/604.1")
    sign_in(other)
    assert "Firefox on Linux" in spoken(client.get(reverse("posture:sessions")))
    theirs = UserSession.objects.get(session_key=other.session.session_key)
    answer = client.post(reverse("posture:session_end", args=[theirs.pk]))
    assert answer["Location"] == reverse("posture:sessions")
    assert not is_signed_in(other)
    page = spoken(client.get(reverse("posture:sessions")))
    assert "1 session" in page and "Firefox on Linux" not in page


@pytest.mark.usefixtures("sam")
def test_signing_out_everywhere_else_leaves_this_session(client):
    others = [Client(), Client()]
    for each in (client, *others):
        sign_in(each)
    client.post(reverse("posture:sessions_end"))
    assert is_signed_in(client)
    assert not any(map(is_signed_in, others))


@pytest.mark.usefixtures("sam")
def test_nobody_ends_the_session_of_another(client):
    factories.local_person(username="eve")
    sign_in(client)
    eve = Client()
    sign_in(eve, "eve")
    theirs = UserSession.objects.get(session_key=client.session.session_key)
    assert eve.post(reverse("posture:session_end", args=[theirs.pk])).status_code == 404
    assert is_signed_in(client)
    assert "iPhone" not in spoken(eve.get(reverse("posture:sessions")))


@pytest.mark.usefixtures("sam")
def test_signing_out_is_by_post_alone(client):
    sign_in(client)
    assert client.get(reverse("account_logout")).status_code == 200
    assert is_signed_in(client)
    assert client.post(reverse("account_logout"))["Location"] == SIGN_IN
    assert not is_signed_in(client)


# Passwords


def test_a_new_password_signs_out_everywhere_else(client, sam):
    other = Client()
    sign_in(client)
    sign_in(other)
    before = client.session.session_key
    new = {
        "oldpassword": factories.PASSWORD,
        "password1": "quite another one",
        "password2": "quite another one",
    }
    answer = client.post(reverse("account_change_password"), new)
    assert answer["Location"] == reverse("mfa_index")
    assert is_signed_in(client)
    assert client.session.session_key != before
    assert not is_signed_in(other)
    sam.refresh_from_db()
    assert check_password("quite another one", sam.password)


@pytest.mark.usefixtures("sam")
@pytest.mark.parametrize("new", ["short", "password1234", "123456789012345"])
def test_a_weak_password_is_refused_and_says_why(client, new):
    sign_in(client)
    typed = {"oldpassword": factories.PASSWORD, "password1": new, "password2": new}
    answer = client.post(reverse("account_change_password"), typed)
    assert answer.status_code == 200
    assert answer.context["form"].errors["password1"]


@pytest.fixture
def mailbox(settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    return MailboxMessage.objects


def forgot(client, email):
    return client.post(reverse("account_reset_password"), {"email": email})


@pytest.mark.usefixtures("worker_at_hand")
def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(client, sam, mailbox):
    User.objects.filter(pk=sam.pk).update(email="sam@example.com")
    old = Client()
    sign_in(old)
    answer = forgot(client, "SAM@example.com")
    assert answer["Location"] == reverse("account_reset_password_done")
    message = mailbox.get()
    assert message.recipients == ["sam@example.com"]
    link = next(line for line in message.text.splitlines() if "/new-password/" in line)
    path = link.removeprefix(django_settings.BASE_URL)
    form = client.get(path, follow=True)
    assert path not in form.request["PATH_INFO"]
    new = {"password1": "a password that is new", "password2": "a password that is new"}
    assert client.post(form.request["PATH_INFO"], new).status_code == 302
    assert not is_signed_in(old)
    assert not is_signed_in(client)
    assert sign_in(client, password="a password that is new")["Location"] == OVERVIEW
    assert "no longer good" in spoken(Client().get(path, follow=True))


@pytest.mark.usefixtures("mailbox", "worker_at_hand", "demo")
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("nobody", None),
        ("identity provider", {"password": "!"}),
        ("switched off", {"is_active": False}),
        ("break-glass", {"profile": {"kind": "BREAK_GLASS"}}),
        ("demo", {"profile": {"is_demo": True}}),
    ],
)
def test_who_has_no_password_to_forget_gets_no_mail_and_the_page_says_the_same(
    client, kind, change
):
    if change is not None:
        user = factories.local_person(username="pat", email="pat@example.com")
        if "profile" in change:
            profile(user, **change.pop("profile"))
        User.objects.filter(pk=user.pk).update(**{"is_active": True} | change)
    answer = forgot(client, "pat@example.com")
    assert answer["Location"] == reverse("account_reset_password_done")
    assert not Notice.objects.exists()
    assert not MailboxMessage.objects.exists()


def test_without_a_mail_server_the_page_says_whom_to_ask(client, settings):
    settings.EMAIL_BACKEND = f"{Nowhere.__module__}.{Nowhere.__name__}"
    factories.local_person(username="sam", email="sam@example.com")
    page = spoken(client.get(reverse("account_reset_password")))
    assert "Ask an administrator" in page
    answer = client.post(reverse("account_reset_password"), {"email": "sam@example.com"})
    assert "Ask an administrator" in spoken(answer)
    assert not Notice.objects.exists()


@pytest.mark.usefixtures("mailbox")
def test_asking_for_mails_again_and_again_is_refused(client):
    factories.local_person(username="sam", email="sam@example.com")
    answers = [
        client.post(reverse("account_reset_password"), {"email": "sam@example.com"}).status_code
        for _ in range(6)
    ]
    assert answers == [302] * 5 + [429]


def test_a_mail_that_fails_is_tried_again_later(settings):
    settings.EMAIL_BACKEND = f"{Nowhere.__module__}.{Nowhere.__name__}"
    moment = now()
    notice = Notice.objects.create(
        kind=Notice.Kind.PASSWORD_RESET,
        user=factories.local_person(email="sam@example.com"),
        requested_at=moment,
    )
    assert tasks.mail_notice(notice_id=notice.pk) == "WAITING"
    notice.refresh_from_db()
    assert notice.attempts == 1 and notice.next_try_at > moment
    assert "POSTURE_EMAIL_HOST" in notice.error
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert tasks.mail_notice(notice_id=notice.pk) == "SENT"
    assert tasks.mail_notice(notice_id=notice.pk) is None
    assert len(mail.outbox) == 1


def test_who_comes_by_an_identity_provider_has_nothing_to_set_here(client):
    client.force_login(factories.stranger())
    page = spoken(client.get(reverse("mfa_index")))
    assert "You sign in through your organisation" in page
    for name in (
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "account_change_password",
        "mfa_generate_recovery_codes",
        "account_reauthenticate",
    ):
        assert client.get(reverse(name))["Location"] == reverse("mfa_index")


def test_the_required_second_factor_is_not_asked_of_them(client):
    client.force_login(factories.stranger())
    assert is_signed_in(client)


def test_pages_about_oneself_are_kept_by_no_browser(
    client, sam, django_capture_on_commit_callbacks
):
    sign_in(client)
    assert "no-store" in client.get(reverse("mfa_activate_totp"))["Cache-Control"]
    set_up_app(client)
    assert "no-store" in client.get(reverse("mfa_view_recovery_codes"))["Cache-Control"]
