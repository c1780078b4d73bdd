"""Who guesses passwords is locked out, by name and address."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from posture import web
from posture.actions.sign_in import attempts
from tests import factories
from tests.fixtures.sign_in import sign_in, spoken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_attempts_yet")]


# "sam" in letters that look alike.
WIDE = "\N{FULLWIDTH LATIN SMALL LETTER S}am"


@pytest.fixture(autouse=True)
def demo(settings):
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, "http://127.0.0.1:9"
    settings.POSTURE_LOCAL_SECOND_FACTOR = False


@pytest.fixture
def recorded(monkeypatch):
    """What is handed to the audit log: (event, subject, details)."""
    found = []
    monkeypatch.setattr(
        "posture.actions.sign_in.records.note",
        lambda event, subject, **details: found.append((event, str(subject), details)),
    )
    return found


def fail(client, times, username="sam", **extra):
    return [sign_in(client, username, "wrong", **extra) for _ in range(times)]


@pytest.mark.parametrize("exists", [True, False], ids=["known", "unknown"])
def test_after_five_failures_name_and_address_are_locked_out_known_or_not(client, exists, recorded):
    if exists:
        factories.local_person(username="sam")
    answers = fail(client, 5)
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    page = spoken(answers[-1])
    assert "locked for 15 minutes" in page
    assert "An administrator can unlock you" in page
    assert "sam" not in page
    # The right password does not help, nor does another spelling of the name.
    for name in ("sam", "SAM", " Sam", WIDE):
        locked = sign_in(client, name)
        assert (locked.status_code, spoken(locked)) == (429, page)
    # Once, and not again for those that find it locked.
    assert [event for event, _, _ in recorded].count("lock_out") == 1
    event = next(one for one in recorded if one[0] == "lock_out")
    assert (event[1], event[2]["address"]) == ("sam", "127.0.0.1")


def test_other_names_and_other_addresses_are_not_locked_out():
    factories.local_person(username="sam")
    factories.local_person(username="eve")
    fail(Client(REMOTE_ADDR="198.51.100.7"), 5)
    assert sign_in(Client(REMOTE_ADDR="198.51.100.7")).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="198.51.100.7"), "eve").status_code == 302
    assert sign_in(Client(REMOTE_ADDR="198.51.100.8")).status_code == 302


def test_the_program_that_asks_makes_no_difference():
    factories.local_person(username="sam")
    for number in range(5):
        fail(Client(HTTP_USER_AGENT=f"guesser/{number}"), 1)
    assert sign_in(Client(HTTP_USER_AGENT="Firefox")).status_code == 429


def test_a_success_sets_the_count_back(client):
    factories.local_person(username="sam")
    fail(client, 4)
    assert sign_in(client).status_code == 302
    assert [answer.status_code for answer in fail(Client(), 4)] == [200] * 4


def test_it_ends_by_itself_and_knocking_meanwhile_does_not_lengthen_it(client):
    factories.local_person(username="sam")
    fail(client, 5)
    before = AccessAttempt.objects.get().attempt_time
    AccessAttempt.objects.update(attempt_time=before - timedelta(minutes=10))
    assert "locked for 5 minutes" in spoken(sign_in(client))
    assert "locked for 5 minutes" in spoken(sign_in(client))
    AccessAttempt.objects.update(attempt_time=before - timedelta(minutes=15, seconds=1))
    assert sign_in(client).status_code == 302


def test_guessing_one_name_from_many_addresses_comes_to_an_end(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,6/h/key"}
    factories.local_person(username="sam")
    for number in range(6):
        fail(Client(REMOTE_ADDR=f"198.51.100.{number}"), 1, "Sam" if number % 2 else "sam")
    answer = sign_in(Client(REMOTE_ADDR="198.51.100.99"))
    assert "Too many attempts have failed" in answer.context["form"].non_field_errors()[0]
    call_command("unlock", "SAM", verbosity=0)
    assert sign_in(Client(REMOTE_ADDR="198.51.100.99")).status_code == 302


def test_an_administrator_unlocks_on_the_server(client, capsys):
    factories.local_person(username="sam")
    fail(client, 5)
    call_command("unlock", "sam")
    assert "unlocked" in capsys.readouterr().out
    assert sign_in(client).status_code == 302


def test_what_is_kept_of_a_failure_holds_no_password_and_no_token(client):
    client.post("/sign-in/", {"login": "sam", "password": "hunter2-hunter2", "next": "/"})
    row = AccessAttempt.objects.get()
    assert "hunter2" not in f"{row.post_data}{row.get_data}"
    assert row.username == "sam"


def test_a_failure_is_recorded_with_its_address(client, recorded):
    fail(client, 1, "Nobody", REMOTE_ADDR="198.51.100.7")
    (event, subject, details), *_ = recorded
    assert (event, subject, details["address"]) == ("sign_in_failed", "nobody", "198.51.100.7")
    assert not User.objects.exists()


# Whose address counts


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client_is"),
    [
        ("198.51.100.7", "203.0.113.9", [], "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", ["10.0.0.0/8"], "203.0.113.9"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "nonsense", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, <script>", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", ["10.0.0.0/8"], "203.0.113.9"),
        ("::1", "[2001:db8::7]:4711", ["::1"], "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", ["10.0.0.0/8"], "203.0.113.9"),
        ("", "203.0.113.9", [], "127.0.0.1"),
        ("", "203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
    ],
)
def test_a_forwarded_address_counts_as_far_as_trusted_proxies_wrote_it(
    rf, settings, peer, forwarded, trusted, client_is
):
    settings.POSTURE_TRUSTED_PROXIES = [ip_network(word) for word in trusted]
    request = rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert web.client_address(request) == client_is


def test_by_default_nobody_escapes_a_lock_out_by_a_header():
    factories.local_person(username="sam")
    for number in range(5):
        fail(Client(HTTP_X_FORWARDED_FOR=f"203.0.113.{number}"), 1)
    assert sign_in(Client(HTTP_X_FORWARDED_FOR="203.0.113.99")).status_code == 429


def test_names_are_compared_without_case_and_look():
    assert attempts.normalised(f"  {WIDE} ") == attempts.normalised("SAM") == "sam"
