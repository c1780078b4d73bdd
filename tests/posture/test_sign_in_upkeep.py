"""What is left of sign-ins that are over does not pile up."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.test import Client

from posture import tasks
from posture.actions.sign_in import upkeep
from tests import factories
from tests.fixtures.sign_in import now, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_attempts_yet")]


@pytest.fixture
def signed_in(settings):
    """Sam with two browsers."""
    settings.POSTURE_DEMO = True
    factories.local_person(username="sam", email="sam@example.com")
    browsers = [Client(), Client()]
    for browser in browsers:
        sign_in(browser, "sam")
        browser.get("/you/sessions/")
    return browsers


def test_what_has_ended_goes_and_what_is_alive_stays(signed_in):
    old = signed_in[0].session.session_key
    Session.objects.filter(session_key=old).update(expire_date=now() - timedelta(days=1))
    assert UserSession.objects.count() == 2

    assert tasks.sign_in_retain() == {"sessions": 1, "lines": 1, "attempts": 0}
    alive = signed_in[1].session.session_key
    assert UserSession.objects.get().session_key == alive
    assert Session.objects.get().session_key == alive
    assert tasks.sign_in_retain() == {"sessions": 0, "lines": 0, "attempts": 0}


def test_guesses_are_forgotten_once_nobody_is_locked_out_by_them(settings, monkeypatch):
    monkeypatch.setattr(upkeep, "BATCH", 2)
    for number in range(5):
        Client().post("/sign-in/", {"login": f"name{number}", "password": "guess"})
    moment = now()
    assert upkeep.forget_ended(now=moment)["attempts"] == 0
    assert AccessAttempt.objects.count() == 5

    later = moment + settings.AXES_COOLOFF_TIME + timedelta(seconds=1)
    assert upkeep.forget_ended(now=later)["attempts"] == 5
    assert not AccessAttempt.objects.exists()
