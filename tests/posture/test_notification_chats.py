"""Every chat is told at its own address over TLS, by a server that takes what the service documents."""

import logging
import os
import subprocess
import sys
from datetime import time, timedelta
from urllib.parse import quote

import pytest
from django.db import transaction

from invariants.actions import exceptions as actions
from posture import outgoing
from posture.actions import notifications
from posture.actions.notifications import sending
from posture.models import AuditEntry, NotificationChannel, NotificationDelivery, NotificationEvent
from posture.models.notifications import ChannelService, Mode
from posture.outgoing import chat as chats
from posture.outgoing import requests as door
from posture.policies import notifications as policies
from tests import factories
from tests.fixtures.chats import CHATS
from tests.fixtures.exception_pages import erase_exceptions
from tests.fixtures.notifications import mailed, pump, quiet, rows
from tests.fixtures.pipeline import database_url
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import NOW

State = NotificationDelivery.State
EACH = pytest.mark.parametrize("chat", CHATS, ids=lambda chat: chat.host)


def build():
    made = worlds.build()
    made.people["lead"].email = "lead@example.com"
    made.people["lead"].save()
    return made


@pytest.fixture
def world(db):
    return build()


def channel(world, chat, *, name="lead", **more):
    new = notifications.NewChannel(
        f"{chat.service} {factories.number()}", ChannelService(chat.service), chat.address, **more
    )
    return notifications.add_channel(world.people[name], new, now=NOW)


def told(channel):
    return NotificationDelivery.objects.filter(channel=channel).order_by("pk")


def sent(row, now):
    """Sends it now; returns the row as it is then."""
    notifications.deliver(row.pk, clock=lambda: now)
    row.refresh_from_db()
    return row


def never_leaks(chat, world, client, caplog):
    """The secret of the address is in no row, no page and no line of the log."""
    kept = [
        str(list(model.objects.values()))
        for model in (NotificationDelivery, NotificationChannel, NotificationEvent, AuditEntry)
    ]
    client.force_login(world.people["lead"])
    pages = [client.get(url).content.decode() for url in ("/notifications/", "/audit/")]
    assert chat.host in kept[1] and chat.host in pages[0]
    for secret in (chat.secret, quote(chat.address, safe=""), chat.address):
        assert not [text for text in (*kept, *pages, caplog.text) if secret in text]


@EACH
def test_each_is_told_at_its_own_address_as_it_documents(
    world, chat, chat_endpoint, client, caplog
):
    caplog.set_level(logging.DEBUG)
    endpoint = chat_endpoint(chat)
    made = channel(world, chat)
    request = world.submitted(title="Read <!channel> @everyone [more](https://evil.example)")
    pump(world.now)
    row = told(made).get()
    assert (row.state, row.error, row.attempts) == (State.SENT, "", 1)
    (said,) = endpoint.said
    assert f"{request.ref} waits for you" in said
    assert f"http://localhost:8000/exceptions/{request.ref}/" in said
    assert not set("<>@*`|") & set(said.replace("http://localhost:8000", ""))
    (asked,) = endpoint.requests
    assert asked.headers["Idempotency-Key"] == f"notification-{row.pk}"
    assert asked.headers["User-Agent"] == door.USER_AGENT
    assert notifications.send_test(made.pk, now=NOW) == ""
    assert "nothing has happened" in endpoint.said[1]
    assert pump(world.now) == []
    never_leaks(chat, world, client, caplog)


@EACH
def test_what_goes_wrong_is_seen_and_tried_again_with_growing_gaps(
    world, chat, chat_endpoint, client, caplog, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    endpoint = chat_endpoint(chat)
    made = channel(world, chat)
    request = world.submitted()
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=world.now)
    row, now = told(made).get(), world.now
    # Told to wait: one request, and not before it may come again.
    endpoint.trouble = (429, {"Retry-After": "900"}, b'{"retry_after": 900.0, "global": false}')
    row = sent(row, now)
    assert len(endpoint.requests) == 1
    assert row.state == State.WAITING and row.error.startswith(
        "It answered 429: it is told too much"
    )
    assert row.next_try_at == now + timedelta(seconds=900)
    assert sent(row, now + timedelta(seconds=899)).attempts == 1
    # Silence, then a fault of its own.
    now = row.next_try_at
    monkeypatch.setattr(door, "READ_SECONDS", 0.2)
    endpoint.gate.clear()
    row = sent(row, now)
    assert row.error == f"{chat.host} did not answer in time"
    assert 2.4 <= (row.next_try_at - now) / timedelta(minutes=1) <= 3.6
    endpoint.gate.set()
    monkeypatch.setattr(door, "READ_SECONDS", 10)
    now, endpoint.trouble = row.next_try_at, (503, {}, b"")
    row = sent(row, now)
    assert row.error == "It answered 503."
    assert 7.2 <= (row.next_try_at - now) / timedelta(minutes=1) <= 10.8
    # Somebody else's address is not gone to.
    now, endpoint.trouble = row.next_try_at, (302, {"Location": "https://evil.example/take"}, b"")
    count = len(endpoint.requests)
    row = sent(row, now)
    assert row.error.startswith("It answered 302: redirects are not followed.")
    assert len(endpoint.requests) == count + 1
    # And in the end it arrives, once.
    now, endpoint.trouble = row.next_try_at, None
    row = sent(row, now)
    assert (row.state, row.error, row.attempts) == (State.SENT, "", 5)
    assert {one.headers["Idempotency-Key"] for one in endpoint.requests} == {
        f"notification-{row.pk}"
    }
    assert request.ref in endpoint.said[-1]
    never_leaks(chat, world, client, caplog)


@EACH
def test_a_revoked_address_is_given_up_soon_with_the_remedy_and_can_be_sent_again(
    world, chat, chat_endpoint, client, caplog
):
    caplog.set_level(logging.DEBUG)
    endpoint = chat_endpoint(chat)
    made = channel(world, chat)
    world.submitted()
    status, body = chat.revoked
    endpoint.trouble = (status, {}, body)
    pump(world.now)
    row, now = told(made).get(), world.now
    for _ in range(sending.REFUSED_ATTEMPTS - 1):
        assert row.state == State.WAITING
        now = row.next_try_at
        row = sent(row, now)
    assert row.state == State.GIVEN_UP
    assert row.error.startswith(f"It answered {status}: it takes nothing at this address.")
    assert now - world.now < timedelta(minutes=6)
    client.force_login(world.people["lead"])
    page = client.get("/notifications/").content.decode()
    assert "given up" in page and "add the channel with the address" in page
    assert notifications.send_test(made.pk, now=now).startswith(f"It answered {status}")
    never_leaks(chat, world, client, caplog)
    endpoint.trouble = None
    again = notifications.send_again(world.people["lead"], row.pk, now=now)
    assert sent(again, now).state == State.SENT


@pytest.mark.parametrize("chat", [CHATS[0], CHATS[-1]], ids=["teams", "discord"])
def test_a_digest_says_what_fits_and_counts_the_rest(world, chat, chat_endpoint, settings):
    """Preferences, caps and quiet hours hold for a chat as for mail."""
    endpoint = chat_endpoint(chat)
    made, lead = channel(world, chat), world.people["lead"]
    notifications.choose(lead, {("WAIT", made.pk): Mode.DIGEST, ("REVIEW", made.pk): Mode.OFF})
    quiet(lead, since=time(7), until=time(12), digest_at=time(8))
    requests = [world.submitted(title="Long " * 17) for _ in range(9)]
    pump(world.now)
    assert endpoint.requests == []
    # The digest is due at eight, when it is quiet: it comes when that is over.
    at = told(made).first().next_try_at
    assert at.hour == 12 and at.date() > world.now.date()
    pump(at)
    (said,) = endpoint.said
    assert "9 things about exceptions" in said
    shown = [one.ref for one in requests if one.ref in said]
    assert shown == [one.ref for one in requests[: len(shown)]]
    assert 1 < len(shown) < 9
    assert f"and {9 - len(shown)} more: http://localhost:8000/exceptions/" in said
    assert set(told(made).values_list("state", flat=True)) == {State.SENT}
    # A smaller cap is the reader's.
    settings.POSTURE_DIGEST_LINES = 2
    for _ in range(3):
        world.submitted()
    pump(at)
    pump(told(made).last().next_try_at)
    assert "and 1 more: " in endpoint.said[1]


def test_quiet_hours_hold_a_chat_at_once_but_for_emergencies(world, chat_endpoint):
    chat = CHATS[0]
    endpoint = chat_endpoint(chat)
    made = channel(world, chat)
    quiet(world.people["lead"], since=time(7), until=time(12))
    plain = world.submitted()
    urgent = world.drafted(is_emergency=True, asked_until=world.now.date() + timedelta(days=1))
    actions.submit(world.by("requester"), urgent.pk, now=world.now)
    pump(world.now)
    held, gone = told(made).order_by("source__request")
    assert (held.state, held.next_try_at) == (State.WAITING, world.now.replace(hour=12))
    assert (gone.state, gone.kind) == (State.SENT, "EMERGENCY")
    assert urgent.ref in endpoint.said[0] and plain.ref not in endpoint.said[0]
    # It was put off, not tried: what is held is gone when its channel is.
    assert held.attempts == 0
    pump(held.next_try_at)
    assert plain.ref in endpoint.said[1]


def test_every_kind_fits_every_chat():
    """One thing to tell is never cut away: the longest line is within what a text may have."""
    assert max(len(kind.explanation) for kind in policies.KINDS) < chats.LONGEST
    assert {chat.service for chat in CHATS} == set(chats.SERVICES) - {"SLACK", "JSON"}


_SENDS = """
import sys
from datetime import datetime
import django
django.setup()
from posture.actions import notifications

now = datetime.fromisoformat(sys.argv[2])
notifications.deliver(int(sys.argv[1]), clock=lambda: now)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_after_the_message_went_sends_it_again_under_the_same_key(
    receiver, settings
):
    """At least once: what was taken and not written down comes a second time, and can be told apart."""
    receiver.status = 200
    world = build()
    new = notifications.NewChannel("Bridge", ChannelService.JSON, receiver.url)
    made = notifications.add_channel(world.people["lead"], new, now=NOW)
    world.submitted()
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=NOW)
    row = told(made).get()
    receiver.gate.clear()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "posture.settings",
        "DATABASE_URL": database_url(),
        "POSTURE_SECRET_KEY": settings.SECRET_KEY,
        "POSTURE_WEBHOOK_HOSTS": receiver.host,
        "POSTURE_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    command = [sys.executable, "-c", _SENDS, str(row.pk), NOW.isoformat()]
    with subprocess.Popen(command, env=environment) as worker:
        assert receiver.arrived.wait(60)
        worker.kill()
    receiver.gate.set()
    row.refresh_from_db()
    assert row.state == State.SENDING
    assert row.pk not in notifications.due(now=NOW)
    later = NOW + sending.LOST_AFTER + timedelta(seconds=1)
    assert notifications.deliver(row.pk, clock=lambda: later) == "SENT"
    assert notifications.deliver(row.pk, clock=lambda: later) is None
    first, second = receiver.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body
    erase_exceptions()


def test_what_is_rolled_back_is_told_to_nobody(world, chat_endpoint):
    """The outbox is of the transaction in which it happens."""
    endpoint = chat_endpoint(CHATS[0])
    made = channel(world, CHATS[0])
    request = world.drafted()
    with transaction.atomic():
        actions.submit(world.by("requester"), request.pk, now=world.now)
        assert NotificationEvent.objects.count() == 1
        transaction.set_rollback(True)
    assert not NotificationEvent.objects.exists()
    assert pump(world.now) == [] == endpoint.requests
    assert not told(made).exists() and not rows(world.people["lead"]).exists() and not mailed()


def test_the_addresses_that_a_service_shows_need_no_other_setting_than_its_host():
    for chat in CHATS:
        rules = outgoing.Rules([chat.entry], [])
        assert chats.read(chat.service, chat.address, rules).host == chat.host
