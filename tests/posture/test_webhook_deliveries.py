"""Sending: signed, tried again, given up visibly, replayed; a worker that dies loses nothing."""

import base64
import hashlib
import hmac
import itertools
import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.core import mail as outbox
from django.db import connection

from posture import tasks
from posture.actions import HISTORY, webhooks
from posture.actions.sign_in import notices
from posture.actions.webhooks import sending, signing
from posture.models import RollupState, Webhook, WebhookDelivery, WebhookEvent
from posture.policies import sealing
from posture.policies import webhooks as policies
from tests import factories
from tests.factories import NOW
from tests.fixtures.pipeline import database_url
from tests.fixtures.receivers import pump, webhook

State = WebhookDelivery.State
DAY = timedelta(days=1)


@pytest.fixture
def lead(db):
    factories.root()
    return factories.person(role="Security lead", username="lena")


def made(receiver, lead, **values):
    return webhook(receiver, events=[policies.COLLECTION_FAILED], owner=lead, **values)


def announced(*, now=NOW):
    """A collection that failed, as an event."""
    told = {"collection": factories.collection(state="FAILED").pk}
    organization = factories.organization()
    return webhooks.announce(policies.COLLECTION_FAILED, told, organization=organization, now=now)


def delivery():
    return WebhookDelivery.objects.get()


def signed(secret, request):
    """The signature, by the text of the specification alone."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    digest = hmac.new(key, head.encode() + request.body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_the_signature_is_that_of_the_specifications_own_example():
    # standardwebhooks.com: the example of its reference libraries.
    assert (
        signing.signature(
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            event_id="msg_loFOjxBNrRLzqYUf",
            timestamp=1731705121,
            body=b'{"event_type":"ping","data":{"success":true}}',
        )
        == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    )


def test_a_delivery_is_signed_and_says_its_id_and_time(receiver, lead):
    _, secret = made(receiver, lead)
    event = announced()
    assert pump() == ["DELIVERED"]
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["webhook-id"] == event.event_id == request.message["id"]
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert request.headers["webhook-signature"] == signed(secret, request)
    assert secret.encode() not in request.body
    row = delivery()
    assert (row.attempts, row.status_code, row.error, row.ended_at) == (1, 204, "", NOW)
    # Nothing more is due, however often the round comes.
    assert pump() == []
    assert len(receiver.requests) == 1


def test_after_a_rotation_both_secrets_are_good_for_a_day(receiver, lead):
    row, old = made(receiver, lead)
    _, new = webhooks.rotate(lead, row.pk, now=NOW)
    assert new != old
    announced()
    pump()
    (request,) = receiver.requests
    assert request.headers["webhook-signature"].split() == [
        signed(new, request),
        signed(old, request),
    ]
    later = NOW + webhooks.OVERLAP
    announced(now=later)
    pump(now=later)
    request = receiver.requests[-1]
    assert request.headers["webhook-signature"] == signed(new, request)
    webhooks.retain(now=later)
    row.refresh_from_db()
    assert (row.previous_secret, row.previous_until) == ("", None)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (500, "It answered 500 Internal Server Error."),
        (404, "It answered 404 Not Found."),
        (302, "Redirects are not followed"),
        (599, "It answered 599."),
    ],
)
def test_any_answer_but_200_to_299_is_tried_again_later(receiver, lead, status, says):
    receiver.status, receiver.headers = status, {"Location": "http://127.0.0.1/"}
    row, _ = made(receiver, lead)
    announced()
    assert pump() == ["WAITING"]
    found = delivery()
    assert found.status_code == status
    assert says in found.error
    assert timedelta(seconds=48) <= found.next_try_at - NOW <= timedelta(seconds=72)
    row.refresh_from_db()
    assert row.failing_since == NOW
    assert pump() == []
    receiver.status = 200
    assert pump(now=found.next_try_at) == ["DELIVERED"]
    row.refresh_from_db()
    assert row.failing_since is None
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_waits_grow_and_after_the_last_attempt_it_is_given_up(receiver, lead):
    receiver.status = 500
    made(receiver, lead)
    announced()
    pump()
    waits, now = [], NOW
    while (found := delivery()).state == State.WAITING:
        waits.append(found.next_try_at - now)
        now = found.next_try_at
        assert len(pump(now=now)) == 1
    assert len(receiver.requests) == webhooks.MAX_ATTEMPTS == 9
    assert all(later > earlier * 1.9 for earlier, later in itertools.pairwise(waits[:6]))
    assert timedelta(hours=24) < sum(waits, timedelta()) < timedelta(days=3)
    assert (found.state, found.ended_at, found.next_try_at) == (State.GIVEN_UP, now, None)
    assert found.error == "It answered 500 Internal Server Error."


def test_a_receiver_that_asks_for_time_gets_it(receiver, lead):
    receiver.status, receiver.headers = 429, {"Retry-After": "7200"}
    made(receiver, lead)
    announced()
    pump()
    assert delivery().next_try_at == NOW + timedelta(hours=2)


def test_an_address_that_is_not_allowed_any_more_is_not_asked(receiver, lead, settings):
    made(receiver, lead)
    announced()
    settings.POSTURE_WEBHOOK_HOSTS = ["elsewhere.example.com"]
    assert pump() == ["WAITING"]
    assert "POSTURE_WEBHOOK_HOSTS" in delivery().error
    assert not receiver.requests


def test_a_secret_that_no_key_opens_is_said_and_nothing_is_sent(receiver, lead, settings):
    settings.POSTURE_SEALING_KEYS = [sealing.new_key()]
    made(receiver, lead)
    announced()
    settings.POSTURE_SEALING_KEYS = []
    assert pump() == ["WAITING"]
    assert "cannot be read with any key" in delivery().error
    assert not receiver.requests


def test_after_days_without_success_it_is_switched_off_and_says_so(receiver, lead, settings):
    receiver.status = 500
    lead.email = "lena@example.com"
    lead.save()
    row, _ = made(receiver, lead)
    announced()
    pump()
    late = NOW + timedelta(days=settings.POSTURE_WEBHOOK_OFF_DAYS)
    announced(now=late)
    announced(now=late)
    pump(now=late)
    row.refresh_from_db()
    assert not row.is_active
    assert row.off_reason == "Nothing has arrived for 5 days."
    assert row.off_at == late
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"GIVEN_UP"}
    assert announced(now=late) is None
    # Whoever manages webhooks and has an address is told, once.
    (notice,) = notices.due(now=late)
    assert notices.deliver(notice, now=late) == "SENT"
    (message,) = outbox.outbox
    assert message.to == ["lena@example.com"]
    assert "Nothing has arrived for 5 days." in message.body
    assert f"/webhooks/{row.pk}/" in message.body
    assert "/hook\n" not in message.body


def test_a_receiver_that_is_gone_is_switched_off_at_once(receiver, lead):
    receiver.status = 410
    row, _ = made(receiver, lead)
    announced()
    assert pump() == ["GIVEN_UP"]
    row.refresh_from_db()
    assert row.off_reason == "It answered 410 Gone."


def test_what_was_given_up_is_replayed_with_the_same_id(receiver, lead):
    receiver.status = 410
    row, _ = made(receiver, lead)
    announced()
    pump()
    receiver.status = 200
    with pytest.raises(webhooks.Refused, match="switch it on first"):
        webhooks.replay(lead, row.pk, delivery().pk, now=NOW)
    assert webhooks.switch(lead, row.pk, on=True, now=NOW)
    assert not webhooks.switch(lead, row.pk, on=True, now=NOW)
    webhooks.replay(lead, row.pk, delivery().pk, now=NOW + DAY)
    with pytest.raises(webhooks.Refused, match="under way"):
        webhooks.replay(lead, row.pk, delivery().pk, now=NOW + DAY)
    assert pump(now=NOW + DAY) == ["DELIVERED"]
    assert delivery().replays == 1
    first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_everything_given_up_since_a_moment_is_replayed_together(receiver, lead):
    row, _ = made(receiver, lead)
    for days in (3, 0, 0):
        announced(now=NOW - days * DAY)
        for pk in webhooks.waiting():
            webhooks.fan_out(pk, now=NOW - days * DAY)
    webhooks.switch(lead, row.pk, on=False, now=NOW)
    webhooks.switch(lead, row.pk, on=True, now=NOW)
    assert len(webhooks.replay_given_up(lead, row.pk, since=NOW - DAY, now=NOW)) == 2
    assert pump() == ["DELIVERED", "DELIVERED"]
    assert len(webhooks.replay_given_up(lead, row.pk, since=None, now=NOW)) == 1
    assert webhooks.replay_given_up(lead, row.pk, since=None, now=NOW) == []


def test_a_test_says_that_it_is_one_and_works_while_it_is_off(receiver, lead):
    row, _ = made(receiver, lead)
    webhooks.switch(lead, row.pk, on=False, now=NOW)
    webhooks.send_test(lead, row.pk, now=NOW)
    assert pump() == ["DELIVERED"]
    (message,) = receiver.messages
    assert message["type"] == "webhook.test"
    assert message["data"]["sent_by"] == "lena"


def test_old_deliveries_go_and_what_is_still_to_be_sent_stays(receiver, lead, settings):
    made(receiver, lead)
    announced()
    pump()
    receiver.status = 500
    waiting = announced()
    pump()
    late = NOW + timedelta(days=settings.POSTURE_KEEP_DELIVERY_DAYS, seconds=1)
    assert webhooks.retain(now=late) == 1
    assert WebhookEvent.objects.get() == waiting
    assert webhooks.retain(now=late) == 0


def test_a_worker_that_died_before_it_sent_leaves_a_claim_that_is_taken_over(receiver, lead):
    made(receiver, lead)
    announced()
    (event,) = webhooks.waiting()
    (pk,) = webhooks.fan_out(event, now=NOW)
    assert webhooks.fan_out(event, now=NOW) == []
    assert sending._claim(pk, now=NOW) is not None
    # Nobody else touches it while it may be alive.
    assert webhooks.due(now=NOW + sending.LOST_AFTER) == []
    later = NOW + sending.LOST_AFTER + timedelta(seconds=1)
    assert pump(now=later) == ["DELIVERED"]
    assert delivery().attempts == 2


def test_one_that_never_ends_is_given_up_as_well(receiver, lead):
    made(receiver, lead)
    announced()
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    now = NOW
    for _ in range(webhooks.MAX_ATTEMPTS):
        assert sending._claim(pk, now=now) is not None
        now += sending.LOST_AFTER + timedelta(seconds=1)
    assert pump(now=now) == [None]
    assert delivery().state == State.GIVEN_UP
    assert "its log has the details" in delivery().error


def test_a_worker_that_comes_back_late_does_not_write_over_its_successor(receiver, lead):
    made(receiver, lead)
    announced()
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    late = sending._claim(pk, now=NOW)
    later = NOW + sending.LOST_AFTER + timedelta(seconds=1)
    assert pump(now=later) == ["DELIVERED"]
    failed = sending._Outcome("It answered 500.", 500)
    assert sending._end(late, failed, now=later) is None
    assert delivery().state == State.DELIVERED
    assert Webhook.objects.get().failing_since is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_one_request(receiver, lead):
    made(receiver, lead)
    announced()
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    receiver.gate.clear()
    said = []

    def work():
        said.append(webhooks.deliver(pk, clock=lambda: NOW))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    assert receiver.arrived.wait(10)
    receiver.gate.set()
    for one in workers:
        one.join(10)
    assert sorted(said, key=str) == ["DELIVERED", None, None]
    assert len(receiver.requests) == 1


# A worker's part of the work in a process of its own.
_WORK = """
import sys
from datetime import datetime
import django
django.setup()
from posture import tasks
from posture.actions import HISTORY, webhooks
now = datetime.fromisoformat(sys.argv[2])
webhooks.deliver(int(sys.argv[1]), clock=lambda: now)
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_request_loses_nothing(receiver, lead, settings):
    made(receiver, lead)
    announced()
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    receiver.gate.clear()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "posture.settings",
        "DATABASE_URL": database_url(),
        "POSTURE_SECRET_KEY": settings.SECRET_KEY,
        "POSTURE_WEBHOOK_HOSTS": receiver.host,
        "POSTURE_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    command = [sys.executable, "-c", _WORK, str(pk), NOW.isoformat()]
    with subprocess.Popen(command, env=environment) as worker:
        assert receiver.arrived.wait(60)
        worker.kill()
    receiver.gate.set()
    assert delivery().state == State.SENDING
    later = NOW + sending.LOST_AFTER + timedelta(seconds=1)
    assert pump(now=later) == ["DELIVERED"]
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.fixture
def worker_at_once():
    """Tasks are done where they are sent, by their names and arguments."""
    current_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    current_app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.mark.usefixtures("worker_at_once")
def test_the_rounds_of_the_worker_do_all_of_it(receiver, lead):
    webhook(receiver, events=["findings.opened"], owner=lead)
    factories.finding(account=factories.account(), control=factories.control())
    assert tasks.webhooks_findings() == 1
    assert tasks.webhooks_due() == 1
    assert [one["type"] for one in receiver.messages] == ["findings.opened"]
    assert delivery().state == State.DELIVERED
    assert tasks.webhooks_findings() == tasks.webhooks_due() == tasks.webhooks_retain() == 0


def test_nothing_is_told_of_a_past_that_is_being_replayed(receiver, lead):
    webhook(receiver, events=["findings.opened"], owner=lead)
    factories.finding(account=factories.account(), control=factories.control())
    RollupState.objects.create(name=HISTORY, day=NOW.date(), as_of=NOW)
    assert tasks.webhooks_findings() is None
    assert not WebhookEvent.objects.exists()
