"""What the sync page says of the event queue."""

from datetime import timedelta

import pytest
from django.urls import reverse

from findings.models import QueueFeed
from findings.queries import event_feed
from tests import factories
from tests.fixtures.hub import NOW

URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/parapet-findings"
pytestmark = pytest.mark.django_db


def feed(**changes):
    values = {
        "organization": factories.organization(),
        "queue_url": URL,
        "heartbeat_at": NOW,
        "counts": {"received": 1200, "new": 3, "changed": 0},
        "last_message_at": NOW - timedelta(seconds=40),
        "last_delay_seconds": 2.4,
    }
    return QueueFeed.objects.create(**(values | changes))


def seen(user=None, *, now=NOW):
    return event_feed.event_feed(user or factories.security_engineer(), queue_url=URL, now=now)


def test_a_queue_that_nobody_configured_or_read_yet_is_not_shown():
    assert seen() is None
    feed()
    user = factories.stranger()
    assert event_feed.event_feed(user, queue_url="", now=NOW) is None


def test_a_queue_that_is_read_is_shown_with_what_it_brought():
    feed()
    found = seen()
    assert (found.state, found.is_problem, found.delay) == ("RUNNING", False, "2 seconds")
    assert found.counts == (("received", 1200), ("new", 3))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "0 seconds"),
        (1.1, "1 second"),
        (119, "119 seconds"),
        (300, "5 minutes"),
        (7200, "2 hours"),
        (1_000_000, "11 days"),
    ],
)
def test_a_delay_is_told_in_words(seconds, words):
    feed(last_delay_seconds=seconds)
    assert seen().delay == words


def test_a_consumer_without_a_sign_of_life_is_a_problem():
    feed()
    assert seen(now=NOW + timedelta(minutes=4)).state == "SILENT"


def test_an_error_is_for_those_who_see_the_whole_organisation():
    feed(state="DENIED", error="in 111122223333", missing_permission="sqs:ReceiveMessage")
    assert seen().missing_permission == "sqs:ReceiveMessage"
    member = factories.team_member(team=factories.team())
    found = seen(member)
    assert (found.state, found.error, found.missing_permission, found.counts) == (
        "DENIED",
        "",
        "",
        (),
    )


def test_the_sync_page_shows_it(client, settings):
    settings.POSTURE_EVENT_QUEUE_URL = URL
    feed(state="DENIED", error="SQS says no.", missing_permission="sqs:ReceiveMessage")
    client.force_login(factories.security_engineer())
    page = client.get(reverse("posture:sync")).content.decode()
    assert "EventBridge queue" in page
    assert "SQS says no." in page
    assert "sqs:ReceiveMessage" in page
