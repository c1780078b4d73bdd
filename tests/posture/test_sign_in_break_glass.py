"""The break-glass account: works when nothing else does, and everybody who is to know is told."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client

from posture.actions.sign_in import notices
from posture.models import BreakGlassUse, MailboxMessage, Notice
from tests import factories
from tests.fixtures.sign_in import now, sign_in, spoken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_attempts_yet")]
BANNER = "The break-glass account glass is in use."


@pytest.fixture
def password(capsys):
    call_command("break_glass", "glass")
    return printed(capsys)


def printed(capsys):
    """The password that a command printed, on a line of its own."""
    return next(
        line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    )


def watcher(role, *, username, email=""):
    user = factories.stranger(username=username)
    user.email = email
    user.save()
    user.groups.add(Group.objects.get(name=role))
    return user


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_it_signs_in_while_local_sign_in_is_switched_off_and_without_a_second_factor(
    client, password, settings
):
    settings.POSTURE_LOCAL_SIGN_IN = False
    factories.local_person(username="sam")
    assert sign_in(Client()).status_code == 200
    assert sign_in(client, "glass", password)["Location"] == "/"
    assert client.get("/").status_code == 200
    user = User.objects.get(username="glass")
    assert user.has_perm("posture.manage_people") and not user.is_superuser


def test_the_password_is_long_and_made_anew_each_time_and_the_old_one_is_out(
    client, password, capsys
):
    assert len(password) == 47
    sign_in(client, "glass", password)
    call_command("break_glass", "glass")
    new = printed(capsys)
    assert new != password
    assert client.get("/").status_code == 302
    assert sign_in(Client(), "glass", password).status_code == 200
    assert sign_in(Client(), "glass", new).status_code == 302


def test_a_new_password_unlocks(client, password, capsys):
    for _ in range(5):
        sign_in(client, "glass", "wrong")
    assert sign_in(client, "glass", password).status_code == 429
    call_command("break_glass", "glass")
    assert sign_in(client, "glass", printed(capsys)).status_code == 302


def test_a_person_s_account_never_becomes_one():
    factories.local_person(username="sam")
    with pytest.raises(CommandError, match="person's account"):
        call_command("break_glass", "SAM")
    with pytest.raises(CommandError, match="no role"):
        call_command("break_glass", "glass", "--role", "King")


def test_switched_off_it_is_out_and_stays_for_the_record(client, password):
    sign_in(client, "glass", password)
    call_command("break_glass", "glass", "--off", verbosity=0)
    assert client.get("/").status_code == 302
    assert sign_in(Client(), "glass", password).status_code == 200
    assert BreakGlassUse.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        ("Administrator", True),
        ("Security lead", True),
        ("Auditor", True),
        ("Security engineer", False),
        ("Executive", False),
    ],
)
def test_every_page_of_those_who_watch_over_people_says_so_for_a_day(client, password, role, sees):
    sign_in(client, "glass", password, REMOTE_ADDR="198.51.100.7")
    theirs = signed_in(watcher(role, username="watcher"))
    for path in ("/", "/accounts/", "/sync/", "/you/sessions/"):
        page = spoken(theirs.get(path))
        assert (BANNER in page) is sees
        assert ("198.51.100.7" in page) is sees
    earlier = now() - timedelta(hours=2)
    BreakGlassUse.objects.update(signed_in_at=earlier, last_seen_at=earlier)
    page = spoken(theirs.get("/"))
    assert ("glass was used." in page) is sees and BANNER not in page
    before = now() - timedelta(hours=24, minutes=1)
    BreakGlassUse.objects.update(signed_in_at=before, last_seen_at=before)
    assert "break-glass account" not in spoken(theirs.get("/"))


def test_the_day_begins_when_it_was_used_last(client, password):
    sign_in(client, "glass", password)
    long_ago = now() - timedelta(hours=30)
    BreakGlassUse.objects.update(signed_in_at=long_ago, last_seen_at=long_ago)
    session = client.session
    session["seen_at"] -= 61
    session.save()
    client.get("/")
    use = BreakGlassUse.objects.get()
    assert use.signed_in_at == long_ago
    assert now() - use.last_seen_at < timedelta(minutes=5)
    assert BANNER in spoken(signed_in(watcher("Auditor", username="watcher")).get("/"))


def test_a_page_of_a_watcher_takes_one_query_more_and_none_for_others(
    client, password, django_assert_max_num_queries
):
    sign_in(client, "glass", password)
    with django_assert_max_num_queries(60) as counted:
        signed_in(watcher("Auditor", username="watcher")).get("/you/")
    asked = [query for query in counted.captured_queries if "breakglassuse" in query["sql"]]
    assert len(asked) == 1
    with django_assert_max_num_queries(60) as counted:
        signed_in(watcher("Executive", username="executive")).get("/you/")
    assert not [query for query in counted.captured_queries if "breakglassuse" in query["sql"]]


@pytest.mark.usefixtures("worker_at_hand")
def test_administrators_leads_and_auditors_get_a_mail(client, password, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    watcher("Administrator", username="noor", email="noor@example.com")
    both = watcher("Security lead", username="marta", email="marta@example.com")
    both.groups.add(Group.objects.get(name="Auditor"))
    watcher("Executive", username="edward", email="edward@example.com")
    watcher("Auditor", username="aisha")
    sign_in(client, "glass", password, REMOTE_ADDR="198.51.100.7")
    mails = MailboxMessage.objects.order_by("recipients")
    assert [one.recipients for one in mails] == [["marta@example.com"], ["noor@example.com"]]
    assert all("198.51.100.7" in one.text and "glass" in one.subject + one.text for one in mails)
    assert password not in mails[0].text
    assert set(Notice.objects.values_list("state", flat=True)) == {"SENT"}


def test_a_mail_that_no_worker_took_goes_with_the_next_round(client, password, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    watcher("Administrator", username="noor", email="noor@example.com")
    sign_in(client, "glass", password)
    moment = now()
    assert [notices.deliver(pk, now=moment) for pk in notices.due(now=moment)] == ["SENT"]
    assert notices.due(now=moment) == []
