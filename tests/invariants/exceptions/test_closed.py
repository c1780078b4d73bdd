"""Ways around the rules that the database closes: each is tried as somebody with a client of it would."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from invariants.actions import exceptions as actions
from invariants.models import ApproverAbsence, ExceptionMilestone, ExceptionRequest
from invariants.models.exceptions import Risk, Seat
from invariants.policies.exceptions import TRANSITIONS, NotAllowed, actors, clocks
from invariants.queries import exceptions as queries
from invariants.queries.exceptions import waiting
from invariants.queries.exceptions.numbers import duties
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.test_database import approval, change, event, refuses, settle
from tests.invariants.exceptions.world import NOW, TODAY, WHY, fresh

pytestmark = pytest.mark.django_db
KINDS = {actors.BY_CLOCK.words: "CLOCK", actors.BY_COLLECTION.words: "COLLECTION"}


@pytest.fixture
def world():
    return worlds.build()


def _rows(statement, values=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def test_the_database_has_the_steps_with_who_takes_them():
    table = {(t.before, t.verb, t.after, KINDS.get(t.actor.words, "PERSON")) for t in TRANSITIONS}
    assert set(_rows("SELECT * FROM invariants_exception_taken()")) == table


def test_the_database_has_the_limits_of_every_version():
    for version, one in clocks.VERSIONS.items():
        for risk in Risk.values:
            found = _rows("SELECT invariants_exception_longest(%s, %s)", (version, risk))
            assert found == [(one.most_days[risk],)]
    assert _rows("SELECT invariants_exception_longest(99, 'LOW')") == [(None,)]


def _told(request, verb, after, **values):
    """A change with an event that somebody wrote by hand."""
    changed = values.pop("changed", {})

    def act():
        was = fresh(request).state
        change(request, state=after, **changed)()
        event(request, verb, was, after, **values)

    return act


def _person(user):
    return {"who_kind": "PERSON", "who_id": str(user.pk), "who_name": "Somebody", "via": "PAGE"}


def test_nobody_says_instead_of_a_collection_that_it_is_in_place(world):
    request = world.implementing()
    seen = {"verified_at": NOW, "seen_at": NOW}
    lead = _person(world.people["lead"])
    refuses(_told(request, "FIND", "ACTIVE", changed=seen, **lead), "is no step")
    refuses(_told(request, "COMMENT", "ACTIVE", changed=seen, **lead), "is no step")
    refuses(_told(request, "EXPIRE", "EXPIRED", changed={"ended_at": NOW}, **lead), "is no step")


@pytest.mark.parametrize("verb", ["TRIAGE", "REJECT"])
def test_an_event_does_not_name_the_requester_as_who_decided(world, verb):
    request = world.submitted()
    asked = _person(world.people["requester"])
    after = {"TRIAGE": "TRIAGED", "REJECT": "REJECTED"}[verb]
    refuses(_told(request, verb, after, **asked), "names who did it")


def test_an_event_names_who_has_the_part(world):
    request = world.approved()
    changed = {"implementer_id": world.people["implementer"].pk}
    other = _person(world.people["colleague"])
    refuses(_told(request, "IMPLEMENT", "IMPLEMENTING", changed=changed, **other), "names who did")
    revoked = {"ended_at": NOW}
    _told(request, "REVOKE", "REVOKED", changed=revoked, **_person(world.people["lead"]))()
    settle()


def test_an_old_event_of_a_transaction_with_the_same_number_tells_of_nothing_new(world):
    """As in a database that was restored, where numbers of transactions start anew."""
    request = world.active()
    settle()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE invariants_exceptionevent SET transaction_at = transaction_at - interval '1 day'"
        )
        cursor.execute("SET session_replication_role = DEFAULT")
    numbers = set(request.events.values_list("transaction_id", flat=True))
    assert numbers == {_rows("SELECT txid_current()")[0][0]}
    refuses(change(request, end_reason="Nobody said so."), "No event tells of the change")


def test_a_request_is_from_what_it_began_with_and_as_grave(world):
    request = world.drafted(severity="HIGH")
    other = factories.control(severity="LOW")
    refuses(change(request, severity="LOW"), "how grave that is")
    refuses(change(request, control_id=other.pk), "how grave that is")
    refuses(change(request, clocks_version=2), "how grave that is")


@pytest.mark.parametrize("name", ["approved_at", "granted_at", "emergency_until"])
def test_when_it_was_decided_stays(world, name):
    request = world.submitted(is_emergency=True)
    actions.grant(world.by("lead"), request.pk, why=WHY, now=world.now)
    if name == "approved_at":
        actions.assess(
            world.by("assessor"), request.pk, actions.RiskView("LOW", "LOW", WHY), now=world.now
        )
        lead2 = factories.person(role="Security lead", username="lead-2")
        world.people["lead2"] = lead2
        actions.approve(world.by("lead2"), request.pk, now=world.now)
    later = getattr(fresh(request), name) + timedelta(hours=1)
    refuses(change(request, **{name: later}), "cannot be changed")
    refuses(change(request, **{name: None}), "cannot be changed")


def test_it_lasts_no_longer_than_every_approver_agreed_to(world):
    request = world.assessed()
    lead = world.people["lead"]
    approval(request, lead.pk, until=TODAY + timedelta(days=10))()
    values = {"approved_at": NOW, "until": TODAY + timedelta(days=11)}
    refuses(
        _told(request, "APPROVE", "APPROVED", changed=values, **_person(lead)), "lasts no longer"
    )
    values["until"] -= timedelta(days=1)
    _told(request, "APPROVE", "APPROVED", changed=values, **_person(lead))()
    settle()


def test_it_lasts_no_longer_than_its_risk_allows(world):
    request = world.assessed(severity="HIGH", asked_until=TODAY + timedelta(days=200))
    lead = world.people["lead"]
    approval(request, lead.pk, until=TODAY + timedelta(days=200))()
    values = {"approved_at": NOW, "until": TODAY + timedelta(days=90)}
    refuses(
        _told(request, "APPROVE", "APPROVED", changed=values, **_person(lead)), "lasts no longer"
    )


def _two_seats(world):
    """A medium risk, and somebody who may take both of its seats, with a delegate for each."""
    request = world.assessed(risk="MEDIUM")
    both = factories.person(role=["Security lead", "System owner"], username="both")
    world.people["both"] = both
    for name in ("first", "second"):
        world.people[name] = factories.person(role="Security engineer", username=name)
        actions.leave(world.by("both"), world.people[name], since=TODAY, until=TODAY, now=world.now)
    return request


@pytest.mark.parametrize(
    ("one", "two"), [("both", "first"), ("first", "both"), ("first", "second")]
)
def test_what_one_person_may_approve_counts_once(world, one, two):
    request = _two_seats(world)
    actions.approve(world.by(one), request.pk, now=world.now)
    with pytest.raises(NotAllowed):
        actions.approve(world.by(two), request.pk, now=world.now)
    taken = request.approvals.get()
    both = world.people["both"].pk
    seat = Seat.OWNER if taken.seat == Seat.LEAD else Seat.LEAD
    other = None if two == "both" else both
    refuses(
        approval(request, world.people[two].pk, seat=seat, instead_of_id=other),
        "has approved this exception already",
    )
    actions.approve(world.by("owner" if seat == Seat.OWNER else "lead"), request.pk, now=world.now)
    assert fresh(request).state == "APPROVED"


def test_nobody_stands_in_who_was_not_asked_to(world):
    request = world.assessed()
    lead, colleague = world.people["lead"], world.people["colleague"]
    act = approval(request, colleague.pk, instead_of_id=lead.pk)
    refuses(act, "has not left that to them")
    absence = actions.leave(world.by("lead"), colleague, since=TODAY, until=TODAY, now=NOW)
    actions.come_back(world.by("lead"), absence.pk, now=NOW)
    refuses(act, "has not left that to them")


def test_the_plan_stays_once_it_was_sent(world):
    request = world.drafted()
    by = world.by("requester")
    actions.set_milestones(by, request.pk, [("Grants", TODAY)], now=world.now)
    actions.submit(by, request.pk, now=world.now)
    step = ExceptionMilestone.objects.get()
    rows = ExceptionMilestone.objects.filter(pk=step.pk)
    refuses(lambda: rows.update(due_on=TODAY + timedelta(days=9)), "plan of an exception stays")
    refuses(rows.delete, "plan of an exception stays")
    actions.finish_milestone(by, request.pk, step.pk, done_on=TODAY, now=world.now)
    refuses(lambda: rows.update(done_on=None), "plan of an exception stays")
    settle()
    refuses(
        lambda: _rows("TRUNCATE invariants_exceptionmilestone"), "their tables cannot be emptied"
    )


def test_an_approver_can_approve_less(world):
    second = factories.account(ou=factories.ou(), team=world.account.team)
    request = world.drafted()
    lines = [actions.Line("ACCOUNT", one.account_id) for one in (world.account, second)]
    actions.set_scope(world.by("requester"), request.pk, lines, now=world.now)
    actions.submit(world.by("requester"), request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = actions.RiskView("LOW", "LOW", WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    with transaction.atomic():
        actions.narrow(world.by("lead"), request.pk, lines[1:], why=WHY, now=world.now)
        actions.approve(world.by("lead"), request.pk, now=world.now)
    settle()
    assert ExceptionRequest.objects.get(pk=request.pk).scope.count() == 1


def test_nobody_decides_for_accounts_that_they_do_not_see(world):
    """The owner of a system accepts risks of the accounts that they see, and of no others."""
    other = factories.account(ou=factories.ou(), team=world.account.team)
    by = world.by("requester")
    request = world.drafted()
    places = [actions.Line("ACCOUNT", one.account_id) for one in (world.account, other)]
    actions.set_scope(by, request.pk, places, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = actions.RiskView("MEDIUM", "MEDIUM", WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    other.team = factories.team(slug="elsewhere")
    other.save()
    owner = world.people["owner"]
    assert "APPROVE" not in queries.verbs_for(owner, fresh(request), now=world.now)
    assert not waiting.for_person(owner, now=world.now).filter(pk=request.pk).exists()
    with pytest.raises(NotAllowed, match="covers accounts that you do not see"):
        actions.approve(world.by("owner"), request.pk, now=world.now)
    actions.approve(world.by("lead"), request.pk, now=world.now)
    other.team = world.account.team
    other.save()
    assert waiting.for_person(owner, now=world.now).filter(pk=request.pk).exists()
    actions.approve(world.by("owner"), request.pk, now=world.now)
    assert fresh(request).state == "APPROVED"


def test_whose_right_was_used_has_no_other_part(world):
    both = factories.person(role=["Security lead", "Platform engineer"], username="both")
    world.people |= {"both": both, "delegate": factories.person(role="Security engineer")}
    request = world.assessed()
    actions.leave(world.by("both"), world.people["delegate"], since=TODAY, until=TODAY, now=NOW)
    actions.approve(world.by("delegate"), request.pk, now=world.now)
    settle()
    act = _told(
        request, "IMPLEMENT", "IMPLEMENTING", changed={"implementer_id": both.pk}, **_person(both)
    )
    refuses(act, "is the approver of this exception and cannot be its implementer")
    assert duties.breaches([request.pk]) == ()


def test_who_put_it_in_place_has_that_part_in_its_renewal(world):
    implementer = world.people["implementer"]
    request = world.active()
    new = actions.renew(world.by("requester"), request.pk, now=world.now)
    settle()
    held = dict(new.parts.values_list("person_id", "part"))
    assert held == {
        world.people["requester"].pk: "REQUESTER",
        implementer.pk: "IMPLEMENTER",
    }


def test_an_emergency_is_neither_approved_late_nor_assessed_twice(world):
    request = world.submitted(is_emergency=True)
    actions.grant(world.by("lead"), request.pk, why=WHY, now=world.now)
    view = actions.RiskView("MEDIUM", "MEDIUM", WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    second = factories.person(role="Security lead", username="second-lead")
    owner = world.people["owner"]
    approval(request, second.pk)()
    approval(request, owner.pk, seat=Seat.OWNER)()
    refuses(change(request, residual_risk="LOW"), "stays once somebody has approved it")
    late = NOW + timedelta(hours=72)
    values = {"approved_at": late, "until": fresh(request).until}
    act = _told(request, "APPROVE", "APPROVED", changed=values, **_person(owner))
    refuses(act, "hours are over cannot be approved")


def test_who_was_away_stays_as_it_was_said(world):
    absence = actions.leave(
        world.by("lead"), world.people["colleague"], since=TODAY, until=TODAY, now=NOW
    )
    rows = ApproverAbsence.objects.filter(pk=absence.pk)
    refuses(lambda: rows.update(until=TODAY + timedelta(days=500)), "can only be ended")
    refuses(rows.delete, "can only be ended")
    actions.come_back(world.by("lead"), absence.pk, now=NOW)
    refuses(lambda: rows.update(ended_at=None), "can only be ended")
