"""Two people who send a decision at the same instant, each over a connection of their own."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from invariants.actions import exceptions as actions
from invariants.actions.exceptions.effects import matching
from invariants.evaluation import reconciliation
from invariants.models import ExceptionEvent, ExceptionRequest, ReconciliationRun
from invariants.models.exceptions import Verb
from posture.models import NotificationEvent
from tests import factories
from tests.fixtures.exception_pages import erase_exceptions
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import fresh

pytestmark = pytest.mark.django_db(transaction=True)
_BLOCKED = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
NO = {"comment": "The role reads too much; name the tables instead."}


@pytest.fixture
def world(time_machine):
    built = worlds.build()
    built.people["second"] = factories.person(role="Security lead", username="second-lead")
    for name, (first, last) in {"lead": ("Priya", "Raman"), "second": ("Omar", "Haas")}.items():
        built.people[name].first_name, built.people[name].last_name = first, last
        built.people[name].save()
    time_machine.move_to(built.now, tick=False)
    yield built
    erase_exceptions()


def step_of(request, verb):
    return reverse("exceptions:step", args=[request.ref, verb])


def seen(request):
    return request.events.order_by("-number").values_list("number", flat=True)[0]


def posted(world, name, request, verb, data):
    """Something to run in a thread: the person sends what their page offered."""
    client = Client(raise_request_exception=False)
    client.force_login(world.people[name])
    sent = {"seen": seen(request)} | data

    def send():
        try:
            answer = client.post(step_of(request, verb), sent)
            return answer.status_code, answer.content.decode()
        finally:
            connection.close()

    return send


def in_thread(act, *given, **more):
    def run():
        try:
            return act(*given, **more)
        finally:
            connection.close()

    return run


def at_once(request, *runs, blocked=None):
    """Holds the record until all of them wait for it, then lets go; returns what each returned."""
    with ThreadPoolExecutor(len(runs)) as pool:
        with transaction.atomic():
            ExceptionRequest.objects.select_for_update().get(pk=request.pk)
            futures = [pool.submit(run) for run in runs]
            until_blocked(len(runs) if blocked is None else blocked)
        return [future.result(timeout=60) for future in futures]


def until_blocked(count):
    """Waits until so many connections wait for a row."""
    for _ in range(600):
        with connection.cursor() as cursor:
            # What a transaction has once read of it stays as it was.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(_BLOCKED)
            (waiting,) = cursor.fetchone()
        if waiting >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{waiting} of {count} wait for the record")


def whole(request):
    """The log has no gap and nothing twice, and each event that is told of stands in the outbox once."""
    events = list(request.events.order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    keys = [f"event:{event.pk}" for event in events]
    told = NotificationEvent.objects.filter(request=request, key__in=keys)
    assert told.count() == len(set(told.values_list("key", flat=True)))
    return events


@pytest.mark.parametrize(
    ("other", "verb", "data", "ends"),
    [
        ("second", "decide", {"decision": "approve"}, {"APPROVED"}),
        ("second", "decide", {"decision": "reject"} | NO, {"APPROVED", "REJECTED"}),
        ("second", "decide", {"decision": "changes"} | NO, {"APPROVED", "CHANGES_REQUESTED"}),
        ("requester", "withdraw", {"comment": "We move the data."}, {"APPROVED", "WITHDRAWN"}),
        # The same person in two windows, or one press that came twice.
        ("lead", "decide", {"decision": "approve"}, {"APPROVED"}),
    ],
)
def test_of_two_decisions_one_stands_and_the_other_is_told_of_it(world, other, verb, data, ends):
    request = world.assessed()
    before = seen(request)
    first = posted(world, "lead", request, "decide", {"decision": "approve"})
    both = at_once(request, first, posted(world, other, request, verb, data))
    assert sorted(status for status, _ in both) == [302, 422]
    decided = whole(request)[before:]
    (only,) = decided
    assert fresh(request).state in ends
    said = next(text for status, text in both if status == 422)
    assert "Somebody was faster; what you sent was not done." in said
    assert only.who_name[0].upper() + only.who_name[1:] in said
    assert f"{only.get_verb_display()} " in said
    approved = request.approvals.count()
    assert approved == (1 if only.verb == Verb.APPROVE else 0)


def test_two_approvals_that_are_both_needed_are_both_given_one_after_the_other(world):
    request = world.assessed(risk="MEDIUM")
    runs = [
        posted(world, name, request, "decide", {"decision": "approve"})
        for name in ("lead", "owner")
    ]
    both = at_once(request, *runs)
    # What the first did has to be looked at before one approves.
    assert sorted(status for status, _ in both) == [302, 422]
    assert request.approvals.count() == 1
    late = "owner" if request.approvals.get().person_id == world.people["lead"].pk else "lead"
    status, _ = posted(world, late, request, "decide", {"decision": "approve"})()
    assert (status, fresh(request).state) == (302, "APPROVED")
    whole(request)


def test_of_two_renewals_at_once_one_is_made(world):
    request = world.active()
    both = at_once(request, *[posted(world, "requester", request, "renew", {}) for _ in range(2)])
    assert sorted(status for status, _ in both) == [302, 422]
    assert request.renewals.count() == 1
    assert [event.verb for event in whole(request)].count(Verb.RENEW) == 1
    numbers = list(ExceptionRequest.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_clock_and_a_renewal_at_once_lose_neither(world, time_machine):
    request = world.active()
    now = world.on(request.until)
    time_machine.move_to(world.later(hours=14), tick=False)
    after = world.now
    renewal = posted(world, "requester", request, "renew", {})
    # The clock leaves alone what somebody has in hand, and comes back.
    answers = at_once(
        request, renewal, in_thread(actions.tick, request.organization, now=after), blocked=1
    )
    assert answers[0][0] == 302
    actions.tick(request.organization, now=after)
    actions.tick(request.organization, now=after)
    assert fresh(request).state == "EXPIRED" and now < after
    verbs = [event.verb for event in whole(request)]
    assert verbs.count(Verb.EXPIRE) == 1 and verbs.count(Verb.RENEW) == 1
    assert request.renewals.get().state == "DRAFT"


def test_two_clocks_and_a_revocation_at_once_end_it_once(world, time_machine):
    request = world.active()
    world.on(request.until)
    time_machine.move_to(world.later(hours=14), tick=False)
    revoked = posted(world, "lead", request, "revoke", {"comment": "It is not needed any more."})
    ticks = [in_thread(actions.tick, request.organization, now=world.now) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(run) for run in (*ticks, revoked)]
        status, text = [future.result(timeout=60) for future in futures][2]
    actions.tick(request.organization, now=world.now)
    ends = [one for one in whole(request) if one.verb in (Verb.EXPIRE, Verb.REVOKE)]
    assert len(ends) == 1
    assert status == (302 if ends[0].verb == Verb.REVOKE else 422)
    assert status == 302 or "Somebody was faster" in text


def test_two_that_ask_at_once_get_numbers_of_their_own(world):
    def ask(name):
        by = world.by(name)
        return in_thread(actions.draft, by, world.control, now=world.now)

    with ThreadPoolExecutor(4) as pool:
        runs = [ask(name) for name in ("requester", "colleague") * 2]
        made = [future.result(timeout=60) for future in [pool.submit(run) for run in runs]]
    assert sorted(one.number for one in made) == [1, 2, 3, 4]
    assert ExceptionEvent.objects.filter(verb=Verb.DRAFT).count() == 4


def test_a_step_and_a_comparison_with_aws_never_wait_for_each_other(world):
    """The comparison writes rows of the organisation and of records; so does a step, the other way."""
    request = world.assessed()
    organization = request.organization
    approved = posted(world, "lead", request, "decide", {"decision": "approve"})
    asked = in_thread(actions.draft, world.by("colleague"), world.control, now=world.now)
    picture = reconciliation.read(organization, matching=matching, now=world.now)
    with ThreadPoolExecutor(2) as pool, transaction.atomic():
        reconciliation.keep(organization, picture, {}, now=world.now)
        runs = [pool.submit(run) for run in (approved, asked)]
        (status, _), draft = (run.result(timeout=60) for run in runs)
    assert (status, draft.state) == (302, "DRAFT")
    assert ReconciliationRun.objects.filter(organization=organization).exists()
    whole(request)
