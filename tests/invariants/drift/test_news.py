"""Webhooks are told of drift: once a comparison, what their owner may see, and no text of a policy."""

import json

import pytest

from posture.actions import drift_news
from posture.models import WebhookEvent
from posture.queries.webhooks import told as tellers
from tests import factories
from tests.factories import NOW
from tests.fixtures.receivers import pump, webhook
from tests.invariants.drift.test_keeping import invariant
from tests.invariants.drift.test_pages import drifted

pytestmark = pytest.mark.django_db
EVENTS = ["drift.opened", "drift.ended"]


@pytest.fixture(autouse=True)
def organization():
    factories.root()
    return factories.organization()


def announce(organization, opened=(), ended=()):
    found = drift_news.announce(
        organization.pk,
        opened=[row.pk for row in opened],
        ended=[row.pk for row in ended],
        now=NOW,
    )
    pump()
    return found


def test_what_opened_and_what_ended_is_told_worst_first(receiver, organization):
    webhook(receiver, events=EVENTS)
    low, bad = drifted(severity="LOW"), drifted(severity="CRITICAL", invariant=invariant())
    gone = drifted(ended_at=NOW)
    assert announce(organization, opened=[low, bad], ended=[gone]) == 2
    opened, ended = receiver.messages
    assert (opened["type"], ended["type"]) == ("drift.opened", "drift.ended")
    assert opened["data"]["by_severity"]["CRITICAL"] == 1
    assert [one["id"] for one in opened["data"]["drift"]] == [bad.pk, low.pk]
    assert opened["data"]["drift"][0]["invariant"] == "acct-leave-org"
    assert opened["data"]["drift"][0]["url"].endswith(f"/invariants/drift/{bad.pk}/")
    assert ended["data"]["count"] == 1
    assert bad.after not in json.dumps(opened)


def test_an_owner_is_told_of_their_own_accounts_alone(receiver, organization):
    ou = factories.ou()
    account = factories.account(ou=ou)
    owner = factories.person(role="Team member", username="ines", ou=ou)
    mine = drifted(kind="ATTACHMENT", account=account, target_id=account.account_id)
    other = drifted()
    event = WebhookEvent.objects.create(
        organization=organization,
        type="drift.opened",
        payload={"drift": [mine.pk, other.pk]},
        happened_at=NOW,
    )
    seen = json.loads(tellers.message(event, owner))
    assert [one["id"] for one in seen["data"]["drift"]] == [mine.pk]
    event.payload = {"drift": [other.pk]}
    assert tellers.message(event, owner) is None


def test_nothing_is_announced_where_nothing_happened(organization, receiver):
    webhook(receiver, events=EVENTS)
    assert announce(organization) == 0
    assert receiver.messages == []
