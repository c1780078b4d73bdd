"""Who is told what of exceptions, once, of what they may see."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import transaction

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import RiskView
from invariants.models import ExceptionEvent
from invariants.models.exceptions import Risk, Verb
from inventory.models import TeamMembership
from posture.actions import HISTORY, notifications
from posture.models import NotificationDelivery, NotificationEvent, RollupState
from posture.models.notifications import Mode
from posture.policies import notifications as policies
from posture.queries.notifications import audience
from tests.fixtures.notifications import mailed, pump, quiet, rows, sent_to
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import WHY

State = NotificationDelivery.State


@pytest.fixture
def world(db):
    made = worlds.build()
    for name, person in made.people.items():
        person.email = f"{name}@example.com"
        person.save()
    return made


def told(world, request, verb):
    """Name of each person in the world → kind, for the newest event of this verb."""
    event = ExceptionEvent.objects.filter(request=request, verb=verb).latest("number")
    source = NotificationEvent.objects.get(event=event)
    names = {person.pk: name for name, person in world.people.items()}
    return {names[pk]: kind for pk, kind in audience.of(source, now=world.now).items()}


def test_a_request_is_told_to_those_who_triage_and_to_nobody_else(world):
    request = world.submitted()
    assert told(world, request, "SUBMIT") == {"assessor": "WAIT", "lead": "WAIT"}


def test_the_event_and_its_place_in_the_outbox_come_or_go_together(world):
    request = world.drafted()
    with transaction.atomic():
        actions.submit(world.by("requester"), request.pk, now=world.now)
        assert NotificationEvent.objects.filter(trigger="SUBMIT").exists()
        transaction.set_rollback(True)
    assert not NotificationEvent.objects.exists()
    actions.submit(world.by("requester"), request.pk, now=world.now)
    row = NotificationEvent.objects.get()
    assert (row.trigger, row.state, row.at) == ("SUBMIT", "SUBMITTED", world.now)
    assert row.actor_id == world.people["requester"].pk


def test_a_request_goes_from_mail_to_mail_until_it_is_decided(world):
    request = world.submitted()
    pump(world.now)
    assert sent_to() == {"assessor@example.com", "lead@example.com"}
    (mail, _) = mailed()
    assert mail.subject == (
        f"Parapet: {request.ref} waits for you, due Wed 25 Nov, 09:00: triage it "
        "(Partner reads the curated lake)"
    )
    assert f"http://localhost:8000/exceptions/{request.ref}/?decide=triage" in mail.body
    assert "The links need your sign-in." in mail.body
    outbox.outbox.clear()
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    pump(world.now)
    # The assessor assessed it; the triage before that is over by the time it would be told.
    assert sent_to() == {"lead@example.com", "ciso@example.com"}
    outbox.outbox.clear()
    actions.approve(world.by("lead"), request.pk, now=world.now)
    pump(world.now)
    assert sent_to() == {"requester@example.com", "implementer@example.com"}


def test_a_second_approval_is_asked_of_who_has_not_approved(world):
    request = world.assessed(risk="MEDIUM")
    assert told(world, request, "ASSESS") == {
        "lead": "WAIT",
        "ciso": "WAIT",
        "owner": "WAIT",
        "requester": "PROGRESS",
    }
    actions.approve(world.by("lead"), request.pk, now=world.now)
    assert told(world, request, "APPROVE") == {"owner": "WAIT", "requester": "DECISION"}


def test_nobody_with_another_part_is_asked_to_implement(world):
    request = world.approved()
    found = told(world, request, "APPROVE")
    assert found == {"implementer": "WAIT", "requester": "DECISION"}


def test_a_mention_is_weightier_than_a_comment_and_strangers_stay_words(world):
    request = world.submitted()
    colleague = world.people["colleague"].username
    TeamMembership.objects.filter(user=world.people["owner"]).delete()
    text = f"@{colleague} and @{world.people['owner'].username}: what do you think?"
    actions.comment(world.by("assessor"), request.pk, text, now=world.now)
    assert told(world, request, "COMMENT") == {"colleague": "MENTION", "requester": "COMMENT"}


def test_whoever_may_not_see_it_any_more_is_not_sent_it(world):
    request = world.submitted()
    text = f"@{world.people['colleague'].username} please look."
    actions.comment(world.by("assessor"), request.pk, text, now=world.now)
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=world.now)
    TeamMembership.objects.filter(user=world.people["colleague"]).delete()
    pump(world.now)
    row = rows(world.people["colleague"]).get()
    assert (row.state, row.error) == (State.SKIPPED, "They may not see it any more.")
    assert "colleague@example.com" not in sent_to()


def test_fan_out_writes_each_person_once_however_often_it_runs(world):
    world.submitted()
    (pk,) = notifications.waiting()
    assert notifications.fan_out(pk, now=world.now) == 2
    assert notifications.fan_out(pk, now=world.now) == 0
    NotificationEvent.objects.update(fanned_out_at=None)
    notifications.fan_out(pk, now=world.now)
    assert NotificationDelivery.objects.count() == 2


def test_an_emergency_comes_at_once_in_quiet_hours_too(world):
    for name in ("lead", "ciso"):
        quiet(world.people[name])
    world.submitted(is_emergency=True)
    pump(world.now)
    assert sent_to() == {"assessor@example.com", "lead@example.com", "ciso@example.com"}
    kinds = set(NotificationDelivery.objects.values_list("kind", flat=True))
    assert kinds == {"EMERGENCY"}


def test_a_wait_over_its_time_is_told_once(world):
    request = world.submitted()
    pump(world.now)
    outbox.outbox.clear()
    world.later(days=2)
    assert notifications.gather(now=world.now) == 1
    assert notifications.gather(now=world.now) == 0
    pump(world.now)
    assert sent_to() == {"assessor@example.com", "lead@example.com"}
    assert f"{request.ref} waits for you, and is over its time" in mailed()[0].subject
    world.later(days=2)
    assert notifications.gather(now=world.now) == 0


def test_reminders_and_the_end_are_told_to_who_asked(world):
    request = world.active()
    pump(world.now)
    outbox.outbox.clear()
    actions.tick(request.organization, now=world.on(request.until - timedelta(days=7)))
    assert told(world, request, "REMIND") == {"requester": "REMINDER"}
    actions.tick(request.organization, now=world.on(request.until + timedelta(days=1)))
    assert told(world, request, "EXPIRE") == {
        "requester": "EXPIRY",
        "implementer": "WAIT",
        "assessor": "WAIT",
        "lead": "WAIT",
    }


def test_a_delegate_is_told_of_the_absence(world):
    since = world.now.date()
    actions.leave(
        world.by("lead"),
        world.people["ciso"],
        since=since,
        until=since + timedelta(days=3),
        now=world.now,
    )
    pump(world.now)
    assert sent_to() == {"ciso@example.com"}
    assert "left their approvals to you from 24 November" in mailed()[0].subject


def test_the_past_of_a_demonstration_is_told_to_nobody(world):
    RollupState.objects.create(name=HISTORY, day=world.now.date(), as_of=world.now)
    world.submitted()
    assert not NotificationEvent.objects.exists()


def test_whoever_has_no_address_is_seen_to_have_none(world):
    world.people["lead"].email = ""
    world.people["lead"].save()
    world.submitted()
    pump(world.now)
    row = rows(world.people["lead"]).get()
    assert row.state == State.SKIPPED
    assert "no e-mail address" in row.error


def test_every_trigger_is_a_verb_or_stands_in_the_table():
    known = {verb.value for verb in Verb} | {one.value for one in policies.Trigger}
    assert known >= policies.TOLD
    assert {rule.kind.value for rule in policies.RULES} | {"EMERGENCY"} == set(policies.BY_CODE)


def test_mandatory_kinds_cannot_be_switched_off_by_mail(world):
    person = world.people["lead"]
    for kind in policies.KINDS:
        if kind.is_mandatory:
            with pytest.raises(notifications.Refused, match="always comes by mail"):
                notifications.choose(person, {(kind.code.value, None): Mode.OFF})
            with pytest.raises(notifications.Refused):
                notifications.stop(person, kind.code.value)
        else:
            assert notifications.stop(person, kind.code.value)
            assert not notifications.stop(person, kind.code.value)
