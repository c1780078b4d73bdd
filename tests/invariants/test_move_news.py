"""Steps of invariants' lives reach webhooks, once each."""

from datetime import timedelta

import pytest

from invariants.actions import life_cycle
from invariants.ingest import catalogue as loading
from invariants.models import Invariant
from invariants.policies.life_cycle import Gate
from posture.actions.invariant_news import gather_moves
from posture.models import WebhookEvent
from tests import factories
from tests.factories import NOW
from tests.fixtures.receivers import pump, webhook

pytestmark = pytest.mark.django_db


@pytest.fixture
def moved():
    """mon-config, tested by an engineer."""
    loading.load_catalogue(factories.root().organization, folders=[], now=NOW)
    invariant = Invariant.objects.get(key="mon-config")

    def move():
        return life_cycle.move(
            factories.security_engineer(),
            invariant,
            after="TESTED",
            why="Read and tried.",
            waivers={Gate.REPLAY: "Replay comes with the next release."},
            now=NOW,
        )

    return move


def test_a_step_is_told_once_with_its_reason_and_what_was_let_pass(receiver, moved):
    webhook(receiver, events=["invariant.moved"])
    moved()
    later = NOW + timedelta(minutes=3)
    assert gather_moves(now=later) == 1
    assert gather_moves(now=later + timedelta(minutes=5)) == 0
    pump(now=later)

    (message,) = receiver.messages
    data = message["data"]
    assert (data["invariant"], data["before"], data["after"]) == ("mon-config", "DRAFT", "TESTED")
    assert (data["by"], data["why"]) == ("Security Engineer", "Read and tried.")
    assert (data["version"], data["waived"]) == (1, ["REPLAY"])
    assert data["url"].endswith("/invariants/mon-config/")


def test_where_nobody_asks_nothing_is_kept(moved):
    moved()
    assert gather_moves(now=NOW) == 0
    assert not WebhookEvent.objects.exists()


def test_steps_of_long_ago_are_no_news(receiver, moved):
    moved()
    webhook(receiver, events=["invariant.moved"])
    assert gather_moves(now=NOW + timedelta(days=1)) == 0
