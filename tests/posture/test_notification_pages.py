"""How one is told, one's channels and deliveries; who sees those of others; docs beside the table."""

from datetime import time
from pathlib import Path

import pytest
from django.urls import reverse

from invariants.actions import exceptions as actions
from inventory.models import TeamMembership
from posture.actions import notifications, webhooks
from posture.models import (
    NotificationChannel,
    NotificationChoice,
    NotificationDelivery,
    NotificationSettings,
    WebhookDelivery,
)
from posture.models.notifications import Mode
from posture.policies import notification_docs
from posture.policies import notifications as policies
from posture.policies import webhooks as webhook_policies
from posture.queries.notifications import pages
from tests.fixtures.notifications import pump, rows
from tests.fixtures.receivers import webhook
from tests.invariants.exceptions import world as worlds

ROOT = Path(__file__).resolve().parents[2]
State = NotificationDelivery.State
PAGE = "/notifications/"


@pytest.fixture
def world(db):
    made = worlds.build()
    for name, person in made.people.items():
        person.email = f"{name}@example.com"
        person.save()
    return made


@pytest.fixture
def signed_in(client, world):
    def sign_in(name):
        client.force_login(world.people[name])
        return client

    return sign_in


def test_every_kind_is_on_the_page_and_mandatory_ones_are_named(signed_in):
    page = signed_in("requester").get(PAGE).content.decode()
    for kind in policies.KINDS:
        assert kind.name in page
    assert page.count("always") == sum(kind.is_mandatory for kind in policies.KINDS)
    # What is urgent is no choice, what is mandatory cannot be switched off.
    assert 'name="EMERGENCY-mail" value="AT_ONCE"' in page
    found = pages.preferences(signed_in("requester").get(PAGE).wsgi_request.user)
    offered = {row.kind.code.value: row.cells[0].modes for row in found.rows}
    assert Mode.OFF not in offered["WAIT"]
    assert Mode.OFF in offered["MENTION"]


def test_choices_are_kept_and_decide(signed_in, world):
    client = signed_in("requester")
    answer = client.post(f"{PAGE}kinds/", {"PROGRESS-mail": "OFF", "DECISION-mail": "DIGEST"})
    assert answer.status_code == 302
    person = world.people["requester"]
    assert NotificationChoice.objects.filter(user=person).count() == 2
    request = world.submitted()
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    actions.request_changes(
        world.by("assessor"), request.pk, why="Name the one role that needs it.", now=world.now
    )
    pump(world.now)
    # Of the triage nothing; of the changes that it is their turn, which is weightier than the decision.
    assert list(rows(person).values_list("kind", flat=True)) == ["WAIT"]


def test_a_mandatory_kind_that_is_posted_as_off_is_refused(signed_in, world):
    answer = signed_in("lead").post(f"{PAGE}kinds/", {"WAIT-mail": "OFF", "MENTION-mail": "OFF"})
    assert answer.status_code == 422
    assert "always comes by mail" in answer.content.decode()
    assert not NotificationChoice.objects.exists()


def test_hours_are_kept_and_wrong_ones_named(signed_in, world):
    client = signed_in("lead")
    typed = {
        "time_zone": "Europe/Berlin",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "digest": "WEEKLY",
        "digest_at": "09:30",
    }
    assert client.post(f"{PAGE}hours/", typed).status_code == 302
    row = NotificationSettings.objects.get(user=world.people["lead"])
    assert (row.quiet_from, row.quiet_until, row.digest_at) == (time(22), time(7), time(9, 30))
    for wrong, says in (
        ({"time_zone": "Mars/Olympus"}, "is no time zone"),
        ({"quiet_until": ""}, "need both times"),
        ({"quiet_from": "07:00"}, "a whole day"),
        ({"digest_at": "noon"}, "no time of day"),
    ):
        answer = client.post(f"{PAGE}hours/", typed | wrong)
        assert answer.status_code == 422
        assert says in answer.content.decode()
    assert client.get(PAGE).content.decode().count('value="22:00"') == 1


def test_the_link_of_a_mail_asks_for_the_sign_in_and_takes_one_press(client, world):
    stop = reverse("posture:notification_stop", args=["mention"])
    answer = client.get(stop)
    assert answer.status_code == 302 and answer["Location"] == f"/sign-in/?next={stop}"
    client.force_login(world.people["lead"])
    assert "No more by mail" in client.get(stop).content.decode()
    assert not NotificationChoice.objects.exists()
    client.post(stop)
    row = NotificationChoice.objects.get()
    assert (row.user_id, row.kind, row.mode) == (world.people["lead"].pk, "MENTION", "OFF")
    # A mandatory one says why not, and has no button.
    page = client.get(reverse("posture:notification_stop", args=["wait"])).content.decode()
    assert "always comes by mail" in page and "No more by mail</button>" not in page


def test_a_channel_is_added_tested_and_removed_on_the_page(signed_in, world, receiver):
    client = signed_in("lead")
    typed = {"name": "My chat", "service": "JSON", "address": receiver.url}
    assert client.post(f"{PAGE}channels/", typed).status_code == 302
    channel = NotificationChannel.objects.get()
    page = client.get(PAGE).content.decode()
    assert "My chat" in page and receiver.host in page and receiver.url not in page
    assert client.post(f"{PAGE}channels/{channel.pk}/test/").status_code == 302
    assert notifications.send_test(channel.pk, now=world.now) == ""
    assert receiver.messages[0]["title"] == "Parapet: a test"
    receiver.status = 500
    assert notifications.send_test(channel.pk, now=world.now) == "It answered 500."
    assert "It answered 500." in client.get(PAGE).content.decode()
    assert signed_in("requester").post(f"{PAGE}channels/{channel.pk}/test/").status_code == 404
    assert signed_in("requester").post(f"{PAGE}channels/{channel.pk}/remove/").status_code == 404
    assert signed_in("lead").post(f"{PAGE}channels/{channel.pk}/remove/").status_code == 302
    assert not NotificationChannel.objects.exists()


def test_a_wrong_address_is_named_at_its_field(signed_in, receiver):
    typed = {"name": "Other", "service": "JSON", "address": "https://elsewhere.example.com/x"}
    answer = signed_in("lead").post(f"{PAGE}channels/", typed)
    assert answer.status_code == 422
    assert "none of the hosts" in answer.content.decode()


def test_own_deliveries_are_seen_and_what_was_given_up_is_sent_again(signed_in, world, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Nowhere"
    request = world.submitted()
    pump(world.now)
    row = rows(world.people["lead"]).get()
    NotificationDelivery.objects.filter(pk=row.pk).update(
        state=State.GIVEN_UP, next_try_at=None, ended_at=world.now
    )
    client = signed_in("lead")
    page = client.get(PAGE).content.decode()
    assert request.ref in page and "No mail server is set" in page and "given up" in page
    answer = client.post(f"{PAGE}deliveries/{row.pk}/again/")
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == State.WAITING
    assert signed_in("requester").post(f"{PAGE}deliveries/{row.pk}/again/").status_code == 404


def test_a_delivery_does_not_name_what_one_may_not_see_any_more(signed_in, world):
    request = world.submitted()
    text = f"@{world.people['colleague'].username}"
    actions.comment(world.by("assessor"), request.pk, text, now=world.now)
    pump(world.now)
    assert request.ref in signed_in("colleague").get(PAGE).content.decode()
    TeamMembership.objects.filter(user=world.people["colleague"]).delete()
    assert request.ref not in signed_in("colleague").get(PAGE).content.decode()


def test_deliveries_of_everybody_are_for_who_looks_after_them(signed_in, world):
    world.submitted()
    pump(world.now)
    log = f"{PAGE}deliveries/"
    assert signed_in("requester").get(log).status_code == 403
    page = signed_in("lead").get(log).content.decode()
    assert world.people["assessor"].username in page
    assert "Nothing here" in signed_in("lead").get(f"{log}?state=GIVEN_UP").content.decode()
    assert signed_in("lead").get(f"{log}?state=odd").status_code == 200


def test_the_page_costs_the_same_for_one_delivery_and_for_many(
    signed_in, world, django_assert_max_num_queries
):
    client = signed_in("lead")
    for _ in range(8):
        world.submitted()
    pump(world.now)
    with django_assert_max_num_queries(30):
        client.get(PAGE)


def test_webhooks_are_told_of_what_their_owner_sees(world, receiver):
    codes = list(webhook_policies.EXCEPTIONS)
    webhook(receiver, events=codes, owner=world.people["lead"])
    request = world.approved(risk="MEDIUM")
    for pk in webhooks.waiting():
        webhooks.fan_out(pk, now=world.now)
    for pk in webhooks.due(now=world.now):
        webhooks.deliver(pk, clock=lambda: world.now)
    types = [one["type"] for one in receiver.messages]
    # One approval of two is not yet one.
    assert types == ["exception.submitted", "exception.approved"]
    (_, last) = receiver.messages
    assert last["data"]["exception"] == request.ref
    assert last["data"]["account_ids"] == [world.account.account_id]
    assert last["data"]["state"] == "APPROVED"
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"DELIVERED"}


def test_the_docs_have_the_table_that_decides():
    text = (ROOT / "docs" / "notifications.md").read_text()
    assert notification_docs.table() in text
    told = (ROOT / "docs" / "webhooks.md").read_text()
    for code in webhook_policies.EXCEPTIONS:
        assert f"`{code}`" in told
