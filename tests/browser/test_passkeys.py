"""Passkeys with an authenticator that the browser plays, and the pages at the door in a real browser."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.urls import reverse

from tests import factories
from tests.browser import settling
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures.sign_in import code_of

pytestmark = pytest.mark.usefixtures("no_attempts_yet")
# A phone or a computer that unlocks by a finger.
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def sam(transactional_db):
    return factories.local_person(username="sam", email="sam@example.com")


@pytest.fixture
def door(chromium, site):
    """Function that opens the sign-in page with a device of its own; it keeps what the console says."""
    contexts = []

    def door(*, device=None, **screen):
        size = {"width": screen.pop("width", 1440), "height": screen.pop("height", 1000)}
        context = chromium.new_context(viewport=size, base_url=site.url, **screen)
        contexts.append(context)
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: note(page, message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.device = context.new_cdp_session(page)
        page.device.send("WebAuthn.enable")
        answer = page.device.send(
            "WebAuthn.addVirtualAuthenticator", {"options": DEVICE | (device or {})}
        )
        page.authenticator_id = answer["authenticatorId"]
        settling.watch(page)
        page.goto("/sign-in/")
        return page

    yield door
    for context in contexts:
        context.close()


def note(page, text):
    # At sign-out the browser says that it has done what it was told.
    if not re.fullmatch(r'Clear-Site-Data header on .*: Cleared data types: "cache"\.', text):
        page.said.append(text)


def type_password(page):
    page.fill("[name=login]", "sam")
    page.fill("[name=password]", factories.PASSWORD)
    page.click("button:text-is('Sign in')")


def add_passkey(page, name="My phone"):
    page.goto("/you/passkeys/add/")
    page.fill("[name=name]", name)
    page.click("button:text('Add it')")


def sign_out(page):
    page.goto("/sign-out/")
    page.click("main button:text('Sign out')")
    page.wait_for_url("**/sign-in/")


@pytest.mark.usefixtures("sam")
def test_a_passkey_is_set_up_after_the_first_sign_in_and_signs_in_by_itself(door):
    page = door()
    type_password(page)
    page.wait_for_url("**/you/")
    page.click("text='Add a passkey'")
    page.fill("[name=name]", "My phone")
    page.click("button:text('Add it')")
    page.wait_for_url("**/you/recovery-codes/")
    assert page.locator(".codes li").count() == 10
    page.click("text='I have kept them'")
    page.wait_for_selector("nav.nav")
    sign_out(page)
    page.goto("/sign-in/?next=/accounts/")
    page.click("button:text('Sign in with a passkey')")
    page.wait_for_url("**/accounts/")
    kept = page.device.send("WebAuthn.getCredentials", {"authenticatorId": page.authenticator_id})
    (credential,) = kept["credentials"]
    assert (credential["rpId"], credential["isResidentCredential"]) == ("localhost", True)
    assert page.said == []


@pytest.mark.usefixtures("sam")
def test_a_passkey_is_the_second_factor_after_the_password_too(door):
    page = door()
    type_password(page)
    add_passkey(page)
    page.wait_for_url("**/you/recovery-codes/")
    sign_out(page)
    type_password(page)
    page.wait_for_url("**/second-factor/")
    assert violations(page) == []
    page.click("button:text('Use a passkey')")
    page.wait_for_selector("nav.nav")
    assert page.said == []


@pytest.mark.usefixtures("sam")
def test_without_a_finger_or_a_pin_there_is_no_passkey(door):
    page = door(device={"isUserVerified": False})
    type_password(page)
    add_passkey(page)
    page.wait_for_selector("[data-passkey-said]:not(:empty)")
    assert "No passkey was chosen" in page.inner_text("[data-passkey-said]")
    assert not Authenticator.objects.exists()
    page.goto("/")
    assert page.url.endswith("/you/")


@pytest.mark.usefixtures("sam")
def test_a_device_without_a_passkey_is_told_so_and_stays_outside(door):
    page = door(device={"isUserVerified": False})
    page.click("button:text('Sign in with a passkey')")
    page.wait_for_selector("[data-passkey-said]:not(:empty)")
    page.goto("/")
    assert "/sign-in/?next=/" in page.url


def test_a_passkey_is_renamed_and_removed_but_not_the_last(door, sam):
    page = door()
    type_password(page)
    add_passkey(page)
    page.wait_for_url("**/you/recovery-codes/")
    page.goto("/you/")
    page.click("text=Rename")
    page.fill("[name=name]", "Old phone")
    page.click("button:text('Rename it')")
    page.wait_for_url("**/you/")
    assert page.inner_text(".rows b") == "Old phone"
    page.click(".rows >> text=Remove")
    page.wait_for_selector(".toast.bad")
    assert "only second factor" in page.inner_text(".toast.bad")
    page.goto("/you/app/")
    secret = page.get_attribute(".secret button", "data-copy")
    page.fill("[name=code]", code_of(secret))
    page.click("button:text('Switch it on')")
    page.wait_for_url("**/you/")
    page.click(".rows >> text=Remove")
    page.click("button:text('Remove it')")
    page.wait_for_url("**/you/")
    assert not Authenticator.objects.filter(user=sam, type="webauthn").exists()
    assert page.said == []


def test_a_passkey_does_not_outlive_the_account_that_it_was_for(door, sam):
    page = door()
    type_password(page)
    add_passkey(page)
    page.wait_for_url("**/you/recovery-codes/")
    sign_out(page)
    for change, says in (
        ({"is_active": False}, "switched off"),
        # Now the identity provider looks after the person.
        ({"is_active": True, "password": "!"}, "identity provider"),
    ):
        User.objects.filter(pk=sam.pk).update(**change)
        page.goto("/sign-in/")
        page.click("button:text('Sign in with a passkey')")
        page.wait_for_selector(".callout.bad")
        assert says in page.inner_text(".callout.bad")
        page.goto("/")
        assert "/sign-in/?next=/" in page.url


@pytest.mark.usefixtures("sam")
@pytest.mark.parametrize("screen", SCREENS)
def test_the_pages_about_signing_in_are_accessible_silent_and_within_their_width(door, screen):
    page = door(**SCREENS[screen])

    def look(path=None):
        if path:
            page.goto(path)
            settling.settle(page)
        assert violations(page) == [], page.url
        assert too_wide(page) <= 0, page.url

    look()
    look(reverse("account_reset_password"))
    look(reverse("account_reset_password_done"))
    page.goto("/sign-in/")
    type_password(page)
    page.wait_for_url("**/you/")
    look()
    look("/you/app/")
    look("/you/passkeys/add/")
    page.click("button:text('Add it')")
    page.wait_for_url("**/you/recovery-codes/")
    look()
    look("/you/recovery-codes/")
    look("/you/recovery-codes/new/")
    look("/you/")
    look("/you/sessions/")
    look("/you/password/")
    look("/sign-in/again/")
    look("/sign-in/again/passkey/")
    look("/sign-out/")
    assert page.said == []
