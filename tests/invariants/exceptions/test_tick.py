"""The beat's clock: due things are done once, also after a standstill, and one that fails holds up none."""

import logging
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import pytest
from django.conf import settings as installed

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import effects
from invariants.actions.exceptions.signals import happened
from invariants.models import ExceptionRequest
from invariants.queries import exceptions as queries
from posture import env
from posture.actions.collection import HISTORY
from posture.models import RollupState
from posture.tasks import exceptions_tick
from tests.invariants.exceptions import world as worlds

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return worlds.build()


def _run(now):
    with patch("posture.tasks.exceptions.timezone.now", return_value=now):
        return exceptions_tick()


def test_the_beat_knows_the_task():
    entry = installed.CELERY_BEAT_SCHEDULE["exceptions_tick"]
    assert (entry["task"], entry["schedule"]) == (exceptions_tick.name, 300)


def test_what_ended_while_nothing_ran_is_done_once_and_as_of_its_end(world):
    request = world.active(mechanism="NONE")
    world.later(days=200)
    name = world.account.organization.org_id
    assert _run(world.now)[name]["expired"] == 1
    assert _run(world.now) == {}
    request.refresh_from_db()
    assert request.state == "EXPIRED"
    assert (
        queries.calendar_of(request.organization).day_of(request.ended_at - timedelta(seconds=1))
        == request.until
    )
    assert [e.verb for e in request.events.order_by("number")].count("EXPIRE") == 1


def test_one_that_fails_is_named_and_holds_up_no_other(world, caplog):
    requests = [world.active(mechanism="NONE") for _ in range(3)]
    world.later(days=200)
    broken = requests[1]
    whole = effects.sync

    def sync(request, *, now):
        if request.pk == broken.pk:
            raise RuntimeError("disk full")
        return whole(request, now=now)

    with (
        patch("invariants.actions.exceptions.ending.effects.sync", side_effect=sync),
        caplog.at_level(logging.ERROR),
    ):
        counts = _run(world.now)[world.account.organization.org_id]
    assert (counts["expired"], counts["failed"]) == (2, (broken.ref,))
    assert broken.ref in caplog.text
    states = ExceptionRequest.objects.filter(pk__in=[r.pk for r in requests]).order_by("pk")
    assert [r.state for r in states] == ["EXPIRED", "ACTIVE", "EXPIRED"]
    # The next one does what is left.
    assert _run(world.now)[world.account.organization.org_id] == {"expired": 1}


def test_half_of_its_life_is_a_reason_to_look_again_once(world):
    request = world.active(mechanism="NONE")
    world.on(request.review_on - timedelta(days=1))
    assert actions.tick(request.organization, now=world.now).reviewed == 0
    world.on(request.review_on + timedelta(days=1))
    assert actions.tick(request.organization, now=world.now).reviewed == 1
    assert actions.tick(request.organization, now=world.now) == actions.Ticked()
    event = request.events.get(verb="REVIEW")
    assert (event.who_kind, event.after["why"]) == ("CLOCK", "HALF_LIFE")
    assert event.state_before == event.state_after


def test_every_event_is_heard_of_and_who_hears_can_undo_it(world):
    heard = []

    def hear(sender, request, event, **_):
        assert (sender, request.state) == (ExceptionRequest, event.state_after)
        heard.append(event.verb)
        if event.verb == "TRIAGE":
            raise RuntimeError("no room in the outbox")

    happened.connect(hear, weak=False)
    try:
        request = world.submitted()
        with pytest.raises(RuntimeError):
            actions.triage(world.by("assessor"), request.pk, now=world.now)
    finally:
        happened.disconnect(hear)
    assert heard == ["DRAFT", "SAVE", "SAVE", "SUBMIT", "TRIAGE"]
    assert worlds.fresh(request).state == "SUBMITTED"
    assert not request.events.filter(verb="TRIAGE").exists()


def test_days_off_move_what_is_due(world, settings):
    settings.POSTURE_HOLIDAYS = frozenset({date(2026, 11, 25), date(2026, 11, 26)})
    request = world.submitted()
    assert request.due_at == datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_a_wrong_day_off_is_named(monkeypatch):
    monkeypatch.setattr(env, "problems", [])
    monkeypatch.setenv("POSTURE_HOLIDAYS", "2026-12-25, 2026-02-30,Christmas")
    assert env.days("POSTURE_HOLIDAYS") == {date(2026, 12, 25)}
    assert [one.name for one in env.problems] == ["POSTURE_HOLIDAYS"] * 2


def test_while_a_history_is_played_only_its_own_clock_counts(world):
    world.active(mechanism="NONE")
    world.later(days=200)
    RollupState.objects.create(name=HISTORY, day=world.now.date(), as_of=world.now)
    assert _run(world.now) == {}


def test_what_was_said_already_costs_the_clock_nothing(world, django_assert_num_queries):
    for _ in range(3):
        world.active(mechanism="NONE")
    world.later(days=40)
    organization = world.account.organization
    done = actions.tick(organization, now=world.now)
    assert (done.expiring, done.reminded, done.reviewed) == (3, 3, 3)
    # What is over, what ends soon, what is to be reminded of, and what to be looked at again.
    with django_assert_num_queries(4):
        assert actions.tick(organization, now=world.now) == actions.Ticked()
