"""Notifications on their way: held by quiet hours, gathered, tried again, given up; chats over HTTP."""

import os
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import current_app
from django.core import mail as outbox
from django.core.management import call_command

from invariants.actions import exceptions as actions
from invariants.models import ExceptionRequest
from posture import outgoing, tasks
from posture.actions import HISTORY, notifications
from posture.actions.notifications import sending
from posture.models import (
    AuditEntry,
    MailboxMessage,
    NotificationDelivery,
    NotificationEvent,
    RollupState,
)
from posture.models.notifications import ChannelService, Mode
from posture.outgoing import chat
from posture.policies import sealing
from posture.policies.notification_times import Hours
from posture.reports import notifications as reports
from tests import factories
from tests.fixtures.exception_pages import erase_exceptions
from tests.fixtures.notifications import mailed, pump, quiet, rows, sent_to
from tests.fixtures.pipeline import database_url
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import NOW

State = NotificationDelivery.State
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
HOSTILE = (
    "<!channel> <https://evil.example|Approve> [here](https://evil.example) @here *x* `y`\r\n"
    "Bcc: all@example.com\u202e <script>alert(1)</script>"
)


def build():
    made = worlds.build()
    for name, person in made.people.items():
        person.email = f"{name}@example.com"
        person.save()
    return made


@pytest.fixture
def world(db):
    return build()


def channel(person, receiver, *, service=ChannelService.JSON, url="", **more):
    address = url or receiver.url
    name = f"{service} {factories.number()}"
    new = notifications.NewChannel(name, service, address, **more)
    return notifications.add_channel(person, new, now=NOW)


def test_quiet_hours_hold_a_mail_and_then_it_goes(world):
    # 22:00 to 07:00 in Berlin; now is 10:00 there, then 23:30.
    for name in ("lead", "assessor"):
        quiet(world.people[name], since=time(22), until=time(7), zone="Europe/Berlin")
    world.now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    world.submitted()
    assert pump(world.now) == []
    row = rows(world.people["lead"]).get()
    assert row.next_try_at == datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
    assert pump(row.next_try_at) == ["SENT", "SENT"]
    assert sent_to() == {"lead@example.com", "assessor@example.com"}


def test_quiet_hours_that_begin_later_hold_what_waits(world):
    world.submitted()
    (pk,) = notifications.waiting()
    notifications.fan_out(pk, now=world.now)
    quiet(world.people["lead"], since=time(8), until=time(12))
    assert sorted(map(str, pump(world.now))) == ["None", "SENT"]
    assert sent_to() == {"assessor@example.com"}
    assert rows(world.people["lead"]).get().next_try_at == world.now.replace(hour=12)


@pytest.mark.parametrize(
    ("moment", "quiet_until", "digest"),
    [
        # The night in which the clock goes back: two o'clock comes twice.
        ("2026-10-24T23:30", "2026-10-25T06:00", "2026-10-25T07:00"),
        # The night in which it goes forward.
        ("2026-03-28T23:30", "2026-03-29T05:00", "2026-03-29T06:00"),
        ("2026-11-24T12:00", "2026-11-24T12:00", "2026-11-25T07:00"),
        ("2026-11-24T07:00", "2026-11-24T07:00", "2026-11-25T07:00"),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(moment, quiet_until, digest):
    clock = Hours(ZoneInfo("Europe/Berlin"), time(22), time(7))
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert clock.after_quiet(now) == datetime.fromisoformat(quiet_until).replace(tzinfo=UTC)
    assert clock.next_digest(now) == datetime.fromisoformat(digest).replace(tzinfo=UTC)


def test_a_weekly_digest_goes_on_mondays():
    clock = Hours(ZoneInfo("Asia/Tokyo"), is_weekly=True)
    assert clock.next_digest(NOW) == datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
    monday = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
    assert clock.next_digest(monday) == monday + timedelta(days=7)


def test_a_digest_has_so_many_lines_and_counts_the_rest(world, settings):
    settings.POSTURE_DIGEST_LINES = 3
    person = world.people["lead"]
    notifications.choose(person, {("WAIT", None): Mode.DIGEST})
    requests = [world.submitted() for _ in range(5)]
    pump(world.now)
    assert "lead@example.com" not in sent_to()
    at = rows(person).first().next_try_at
    assert at == datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    outbox.outbox.clear()
    assert pump(at) == ["SENT"]
    (mail,) = mailed()
    assert mail.subject == "Parapet: 5 things about exceptions"
    assert [one.ref in mail.body for one in requests] == [True, True, True, False, False]
    assert "and 2 more: http://localhost:8000/exceptions/" in mail.body
    assert set(rows(person).values_list("state", flat=True)) == {State.SENT}
    assert pump(at) == []


def test_what_was_done_meanwhile_is_not_asked_any_more(world):
    notifications.choose(world.people["lead"], {("WAIT", None): Mode.DIGEST})
    request = world.submitted()
    pump(world.now)
    actions.withdraw(world.by("requester"), request.pk, now=world.now)
    row = rows(world.people["lead"]).get()
    assert pump(row.next_try_at) == ["SKIPPED"]
    row.refresh_from_db()
    assert row.error == "It has moved on: nothing is asked of them any more."


def test_what_was_switched_off_since_is_not_sent(world):
    request = world.submitted()
    text = f"@{world.people['colleague'].username}"
    actions.comment(world.by("assessor"), request.pk, text, now=world.now)
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=world.now)
    notifications.stop(world.people["colleague"], "MENTION")
    pump(world.now)
    assert rows(world.people["colleague"]).get().error == "They have switched this off."


def test_a_mail_that_fails_is_tried_again_with_growing_gaps_then_given_up(world, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Nowhere"
    world.submitted()
    pump(world.now)
    row = rows(world.people["lead"]).get()
    assert row.state == State.WAITING
    assert "No mail server is set" in row.error
    waits, now = [], world.now
    while row.state == State.WAITING:
        waits.append((row.next_try_at - now) / timedelta(minutes=1))
        now = row.next_try_at
        notifications.deliver(row.pk, clock=lambda now=now: now)
        row.refresh_from_db()
    assert (row.state, row.attempts) == (State.GIVEN_UP, notifications.MAX_ATTEMPTS)
    for place, wait in enumerate(waits):
        assert 0.8 <= wait / min(3**place, 720) <= 1.2
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    again = notifications.send_again(world.people["lead"], row.pk, now=now)
    assert notifications.deliver(again.pk, clock=lambda: now) == "SENT"
    with pytest.raises(NotificationDelivery.DoesNotExist):
        notifications.send_again(world.people["requester"], row.pk, now=now)


def test_what_a_dead_worker_claimed_is_taken_over_and_nothing_else(world):
    world.submitted()
    pump_at = world.now
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=pump_at)
    first, second = notifications.due(now=pump_at)
    sending._claim(first, now=pump_at)
    assert notifications.due(now=pump_at) == [second]
    later = pump_at + sending.LOST_AFTER + timedelta(seconds=1)
    assert notifications.due(now=later) == [first, second]
    assert pump(later) == ["SENT", "SENT"]
    assert len(mailed()) == 2
    ids = {message.extra_headers["Message-ID"] for message in mailed()}
    assert ids == {f"<notification-{first}@localhost>", f"<notification-{second}@localhost>"}


_KILLED = """
import os, sys
from datetime import datetime
import django
django.setup()
from posture.actions.notifications import fanning
from posture.actions import notifications
from posture.models import NotificationDelivery
from django.db import transaction

now = datetime.fromisoformat(sys.argv[2])
real = NotificationDelivery.objects.bulk_create
def die(rows, **how):
    real(rows, **how)
    print("written", flush=True)
    os.kill(os.getpid(), 9)
NotificationDelivery.objects.bulk_create = die
notifications.fan_out(int(sys.argv[1]), now=now)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_in_fan_out_tells_nobody_twice_and_nobody_never(settings):
    world = build()
    world.submitted()
    (pk,) = notifications.waiting()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "posture.settings",
        "DATABASE_URL": database_url(),
        "POSTURE_SECRET_KEY": settings.SECRET_KEY,
    }
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(pk), NOW.isoformat()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert "written" in done.stdout
    assert notifications.waiting() == [pk]
    assert not NotificationDelivery.objects.exists()
    assert notifications.fan_out(pk, now=NOW) == 2
    assert notifications.fan_out(pk, now=NOW) == 0
    erase_exceptions()


def test_the_mail_goes_to_the_demonstrations_mailbox_with_its_end_or_not_at_all(
    world, settings, monkeypatch
):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    world.submitted()
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=world.now)
    first, second = notifications.due(now=world.now)

    def lost(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending, "_end", lost)
        with pytest.raises(KeyboardInterrupt):
            notifications.deliver(first, clock=lambda: world.now)
    assert not MailboxMessage.objects.exists()
    assert notifications.deliver(second, clock=lambda: world.now) == "SENT"
    assert MailboxMessage.objects.count() == 1


def test_hostile_words_are_one_plain_line_in_mails_and_chats(world, receiver):
    receiver.status = 200
    world.people["lead"].email = ""
    world.people["lead"].save()
    channel(world.people["lead"], receiver)
    arn = "arn:aws:s3:::payroll-2026 in 123456789012"
    request = world.drafted(title=f"{HOSTILE[:150]} {arn}"[:200])
    actions.submit(world.by("requester"), request.pk, now=world.now)
    pump(world.now)
    (mail,) = mailed()
    message = mail.message()
    assert message["Bcc"] is None
    assert "\n" not in mail.subject and "\r" not in mail.subject
    assert "\u202e" not in mail.subject
    assert "arn:aws" not in mail.subject + mail.body and "123456789012" not in mail.body
    html = mail.alternatives[0][0]
    assert "<script" not in html and "<!channel>" not in html
    assert "https://evil.example" not in mail.body + html
    (posted,) = receiver.messages
    said = posted["title"] + posted["message"].replace("http://localhost:8000", "")
    assert not set("<>[]@*`|&") & set(said)
    assert "://" not in said


def test_a_json_receiver_gets_the_message_over_apprise(world, receiver):
    receiver.status = 200
    channel(world.people["lead"], receiver)
    request = world.submitted()
    assert pump(world.now) == ["SENT"] * 3
    (posted,) = receiver.messages
    assert request.ref in posted["title"]
    assert "Partner reads the curated lake" in posted["message"]
    assert f"http://localhost:8000/exceptions/{request.ref}/" in posted["message"]
    assert receiver.requests[0].path == "/hook"


def test_slack_gets_plain_text_over_apprise(world, receiver, monkeypatch):
    receiver.status, receiver.body = 200, b"ok"
    monkeypatch.setattr(chat._class("SLACK"), "webhook_url", f"http://{receiver.host}/services")
    made = channel(world.people["lead"], receiver, service=ChannelService.SLACK, url=SLACK)
    assert made.host == receiver.host
    request = world.submitted(title="Read <!channel> & [more]")
    pump(world.now)
    (sent,) = receiver.requests
    assert sent.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    assert sent.message["mrkdwn"] is False
    (attachment,) = sent.message["attachments"]
    assert request.ref in attachment["title"]
    assert "<" not in attachment["text"] and "!channel\u203a" in attachment["text"]
    # Slack says no with another word than ok.
    receiver.body = b"invalid_token"
    world.submitted()
    pump(world.now)
    refused = NotificationDelivery.objects.get(channel=made, state=State.WAITING)
    assert refused.error == "It answered 200, but took no message."


def test_teams_gets_a_card_over_tls(world, secure_receiver):
    receiver = secure_receiver
    receiver.status = 202
    made = channel(
        world.people["lead"],
        receiver,
        service=ChannelService.TEAMS,
        url=f"workflow://{receiver.host}/643e69f83c8944/KODuebWbDGYFr0z0eu",
    )
    request = world.submitted()
    assert pump(world.now) == ["SENT"] * 3
    (sent,) = receiver.requests
    assert sent.path.startswith("/workflows/643e69f83c8944/triggers/manual/paths/invoke?")
    card = sent.message["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    words = " ".join(part.get("text", "") for part in card["body"])
    assert request.ref in words
    assert made.host == receiver.host


@pytest.mark.parametrize(
    ("service", "address", "says"),
    [
        ("SLACK", SLACK, "none of the hosts"),
        ("SLACK", f"{SLACK}?template=file:///etc/passwd", "behind its question mark"),
        ("TEAMS", "https://x.logic.azure.com/workflows/?sig=", "no address of this service"),
        ("JSON", "file:///etc/passwd", "no address of this service"),
        ("JSON", "https://user:pw@127.0.0.1/x", "no address of this service"),
        ("JSON", "https://169.254.169.254/latest", "none of the hosts"),
        ("JSON", "smtp://localhost", "no address of this service"),
        ("MATTERMOST", "https://intern.example/hooks/abcdefghijklmnopqrst", "none of the hosts"),
    ],
)
def test_only_hosts_of_the_settings_and_only_addresses_of_the_service(
    world, receiver, service, address, says
):
    with pytest.raises(notifications.Refused, match=says) as caught:
        channel(world.people["lead"], receiver, service=ChannelService(service), url=address)
    assert "TIiajkdnlazkcOXrIdevi7" not in str(caught.value)
    assert not receiver.requests


def test_a_host_that_turns_private_is_not_connected_to(world, receiver, settings):
    made = channel(world.people["lead"], receiver)
    settings.POSTURE_WEBHOOK_NETWORKS = []
    world.submitted()
    pump(world.now)
    row = NotificationDelivery.objects.get(channel=made)
    assert row.state == State.WAITING
    assert "this machine itself" in row.error
    assert not receiver.requests


def test_a_redirect_is_not_followed(world, receiver):
    receiver.status, receiver.headers = 302, {"Location": f"{receiver.url}2"}
    channel(world.people["lead"], receiver)
    world.submitted()
    pump(world.now)
    assert [one.path for one in receiver.requests] == ["/hook"]


def test_every_service_writes_one_request_to_its_own_host(settings):
    settings.POSTURE_WEBHOOK_HOSTS = ["*.example.com"]
    hosts = ["*.example.com", "hooks.slack.com", "*.logic.azure.com", "chat.googleapis.com"]
    rules = outgoing.Rules([*hosts, "discord.com"], [])
    token = "3ccdd113474722377935511fc85d3dd4"
    workflow = (
        "https://prod-11.westeurope.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/"
        "paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYF"
    )
    addresses = {
        "SLACK": (SLACK, "hooks.slack.com"),
        "TEAMS": (workflow, "prod-11.westeurope.logic.azure.com"),
        "GOOGLE_CHAT": (
            "https://chat.googleapis.com/v1/spaces/AAA/messages?key=kk&token=tt",
            "chat.googleapis.com",
        ),
        "MATTERMOST": (f"https://chat.example.com/hooks/{token}", "chat.example.com"),
        "DISCORD": (f"https://discord.com/api/webhooks/4174216298/{token}", "discord.com"),
        "JSON": ("https://hooks.example.com/parapet", "hooks.example.com"),
    }
    assert set(addresses) == set(chat.SERVICES) == set(ChannelService.values)
    for service, (address, host) in addresses.items():
        assert chat.read(service, address, rules).host == host


def test_an_address_is_sealed_shown_nowhere_and_resealed(world, receiver, settings):
    made = channel(world.people["lead"], receiver)
    made.refresh_from_db()
    assert sealing.is_sealed(made.address) and receiver.url not in made.address
    entry = AuditEntry.objects.filter(event="channel_added").latest("pk")
    said = f"{entry.changes} {entry.details} {entry.subject}"
    assert receiver.host in said and "/hook" not in said
    settings.POSTURE_SEALING_KEYS = [sealing.new_key()]
    assert not sealing.is_newest(made.address)
    call_command("reseal")
    made.refresh_from_db()
    assert sealing.is_newest(made.address)
    assert sealing.unseal(made.address) == receiver.url


def test_a_room_is_told_once_of_what_its_owner_may_see(world, receiver):
    receiver.status = 200
    room = channel(
        world.people["lead"], receiver, is_room=True, kinds=("WAIT", "DECISION", "PROGRESS")
    )
    # Nobody else's business in a room.
    assert room.kinds == ["WAIT", "DECISION"]
    request = world.submitted()
    pump(world.now)
    (posted,) = receiver.messages
    assert f"{request.ref} waits for triage" in posted["title"]
    with pytest.raises(Exception, match="lacks"):
        channel(world.people["requester"], receiver, is_room=True, kinds=("WAIT",))


def test_only_what_is_old_and_ended_goes(world):
    world.submitted()
    pump(world.now)
    assert notifications.retain(now=world.now + timedelta(days=29)) == 0
    NotificationDelivery.objects.filter(user=world.people["lead"]).update(
        state=State.WAITING, ended_at=None, next_try_at=world.now
    )
    assert notifications.retain(now=world.now + timedelta(days=31)) == 0
    pump(world.now)
    assert notifications.retain(now=world.now + timedelta(days=31)) == 1
    assert not NotificationEvent.objects.exists()


def test_a_line_is_cut_and_cleaned():
    text = "a\u200bb\r\nc arn:aws:iam::123456789012:role/x https://e.example " + "x" * 200
    found = reports.one_line(text, 60)
    assert found.startswith("ab c [named in the review] https[:]//e.example")
    assert len(found) == 60 and found.endswith("…")


@pytest.fixture
def worker_at_once():
    """Tasks are done where they are sent, by their names and arguments."""
    current_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    current_app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.mark.usefixtures("worker_at_once")
def test_the_rounds_of_the_worker_do_all_of_it(world, receiver):
    receiver.status = 200
    made = channel(world.people["lead"], receiver)
    world.submitted()
    assert tasks.notify_due() == 4
    assert len(mailed()) == 2 and len(receiver.messages) == 1
    assert tasks.notify_due() == 0
    assert tasks.notify_test(channel_id=made.pk) == ""
    assert tasks.notify_retain() == 0
    NotificationEvent.objects.all().delete()
    ExceptionRequest.objects.update(due_at=NOW - timedelta(days=400))
    assert tasks.notify_late() == 1
    RollupState.objects.create(name=HISTORY, day=NOW.date(), as_of=NOW)
    assert tasks.notify_due() is None and tasks.notify_late() is None
