"""The SQL behind the frame of every page is kept for many people, and counts for each what is theirs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from invariants.actions import exceptions as actions
from invariants.queries.exceptions import waiting
from inventory.models import Account
from posture.queries import frame
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.test_waiting import everything
from tests.invariants.exceptions.world import TODAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return worlds.build()


@pytest.fixture(autouse=True)
def forgotten():
    frame._statement.cache_clear()


def people():
    """As at another request: nothing is known of them yet."""
    return list(User.objects.order_by("pk"))


def waiting_for(person, now):
    return waiting.for_person(person, now=now).count() + waiting.items_for(person, now=now).count()


def test_everybody_is_told_what_waits_for_them(world):
    everything(world)
    # Each with a twin who may and sees the same, and has asked for nothing.
    for name, (role, is_of_team) in worlds.ROLES.items():
        team = world.account.team if is_of_team else None
        factories.person(role=role, username=f"twin of {name}", team=team)
    factories.stranger(username="stranger")
    User.objects.create(username="root", is_superuser=True)
    found = {one.username: frame.counts(one, now=world.now)["to_decide"] for one in people()}
    assert found == {one.username: waiting_for(one, world.now) for one in people()}
    assert found["stranger"] == 0
    own = world.people["requester"].username
    assert found[own] > found["twin of requester"]
    # What was made for the one served the other.
    assert frame._statement.cache_info().hits >= len(worlds.ROLES)


def test_who_sees_an_account_more_is_told_so_at_the_next_request(world):
    person = world.people["requester"]
    fresh = User.objects.get(pk=person.pk)
    assert frame.counts(fresh, now=world.now)["accounts"] == 1
    factories.account(ou=world.account.ou, team=world.account.team)
    again = User.objects.get(pk=person.pk)
    assert frame.counts(again, now=world.now)["accounts"] == 2
    assert Account.objects.visible_to(again).count() == 2


def test_it_is_the_time_of_the_request_that_counts(world):
    world.assessed(risk="HIGH")
    lead = world.people["lead"]
    until = TODAY + timedelta(days=2)
    actions.leave(world.by("ciso"), lead, since=TODAY, until=until, now=world.now)
    told = {}
    for days in (0, 1, 5):
        now = world.now + timedelta(days=days)
        again = User.objects.get(pk=lead.pk)
        told[days] = frame.counts(again, now=now)["to_decide"]
        assert told[days] == waiting_for(again, now)
    assert told[0] == told[1] == told[5] + 1
    assert frame._statement.cache_info().misses == 1


def test_what_hangs_on_a_time_reckoned_here_is_not_kept(world, monkeypatch):
    items = waiting.items_for

    def since_yesterday(user, *, now):
        return items(user, now=now).filter(last_seen__gte=now - timedelta(days=1))

    monkeypatch.setattr(waiting, "items_for", since_yesterday)
    with pytest.raises(ValueError, match="let the database reckon it"):
        frame.counts(world.people["lead"], now=world.now)
