"""What is done on the server: the first administrator, and a lost second factor."""

from ipaddress import ip_network

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from posture import system_checks
from tests import factories
from tests.fixtures.sign_in import set_up_app, sign_in, spoken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_attempts_yet", "commits_at_once")]


def printed(capsys):
    return next(
        line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    )


def test_the_first_administrator_signs_in_sets_up_a_factor_and_is_in(client, capsys):
    call_command(
        "create_administrator", "noor", "--name", "Noor Haddad", "--email", "N@example.com"
    )
    assert sign_in(client, "noor", printed(capsys))["Location"] == "/"
    assert client.get("/")["Location"] == reverse("mfa_index")
    assert "Set up a second factor" in spoken(client.get(reverse("mfa_index")))
    set_up_app(client)
    assert client.get("/").status_code == 200
    noor = User.objects.get()
    assert (noor.get_full_name(), noor.email) == ("Noor Haddad", "n@example.com")
    assert noor.has_perm("posture.manage_people")
    assert not noor.is_superuser and not noor.has_perm("findings.triage")


def test_a_further_role_is_added(capsys):
    call_command("create_administrator", "noor", "--role", "Security lead")
    assert User.objects.get().has_perm("findings.triage")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["NOOR"], "already"),
        (["a b"], "valid username"),
        (["pat", "--email", "no address"], "valid email"),
        (["pat", "--role", "King"], "The roles are: Security engineer"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_reason(words, says):
    factories.local_person(username="noor")
    with pytest.raises(CommandError, match=says):
        call_command("create_administrator", *words)
    assert User.objects.count() == 1


def test_who_has_lost_every_factor_starts_again(client):
    factories.local_person(username="sam")
    sign_in(client)
    set_up_app(client)
    call_command("reset_second_factor", "SAM", verbosity=0)
    assert not Authenticator.objects.exists()
    assert client.get("/")["Location"].startswith("/sign-in/")
    other = Client()
    assert sign_in(other)["Location"] == "/"
    assert other.get("/")["Location"] == reverse("mfa_index")
    with pytest.raises(CommandError, match="no user"):
        call_command("reset_second_factor", "nobody")


# Dangerous combinations


def ids(problems):
    return [problem.id for problem in problems]


def test_switching_local_sign_in_off_needs_another_way_in(settings):
    settings.POSTURE_LOCAL_SIGN_IN, settings.SOCIALACCOUNT_PROVIDERS = False, {}
    assert ids(system_checks.way_in()) == ["posture.E011"]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [{"provider_id": "idp"}]}}
    assert system_checks.way_in() == []
    settings.POSTURE_LOCAL_SIGN_IN, settings.SOCIALACCOUNT_PROVIDERS = True, {}
    assert system_checks.way_in() == []


@pytest.mark.parametrize(
    ("is_https", "proxies", "found"),
    [
        (False, [], []),
        (True, [], ["posture.W010"]),
        (True, ["10.0.0.0/8"], []),
        (True, ["0.0.0.0/0"], ["posture.E012"]),
        (False, ["::/0"], ["posture.E012"]),
    ],
)
def test_the_proxies_that_are_believed_are_named(settings, is_https, proxies, found):
    settings.IS_HTTPS = is_https
    settings.POSTURE_TRUSTED_PROXIES = [ip_network(word) for word in proxies]
    assert ids(system_checks.trusted_proxies()) == found
