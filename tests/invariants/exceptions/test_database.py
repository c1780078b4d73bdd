"""What the database itself refuses, by whatever way somebody writes."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line, RiskView
from invariants.models import (
    ExceptionApproval,
    ExceptionEvent,
    ExceptionPart,
    ExceptionRequest,
    ExceptionScope,
)
from invariants.models.exceptions import ExceptionState, ScopeKind
from invariants.policies.exceptions import TRANSITIONS, NotAllowed
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import NOW, WHY

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return worlds.build()


def settle():
    """What a commit does: look at what was put off to its end."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refuses(act, words):
    with pytest.raises(DatabaseError, match=words):
        _commit(act)


@transaction.atomic
def _commit(act):
    act()
    settle()


def change(request, **values):
    return lambda: ExceptionRequest.objects.filter(pk=request.pk).update(**values)


def test_what_the_actions_do_passes(world):
    request = world.active()
    settle()
    actions.revoke(world.by("lead"), request.pk, why="No longer needed here.", now=world.now)
    settle()


def test_no_state_changes_without_an_event_of_the_same_transaction(world):
    request = world.submitted()
    settle()
    refuses(change(request, state="TRIAGED"), "No event tells of the change")
    refuses(change(request, due_at=NOW, triaged_at=NOW), "No event tells of the change")
    change(request, due_at=NOW)()
    settle()


@pytest.mark.parametrize("state", ["DRAFT", "SUBMITTED", "RISK_ASSESSED", "APPROVED", "ACTIVE"])
def test_there_is_no_step_but_those_of_the_table(world, state):
    way = {
        "DRAFT": world.drafted,
        "SUBMITTED": world.submitted,
        "RISK_ASSESSED": world.assessed,
        "APPROVED": world.approved,
        "ACTIVE": world.active,
    }
    request = way[state]()
    allowed = {t.after for t in TRANSITIONS if t.before == state}
    for other in set(ExceptionState.values) - allowed - {state}:
        refuses(change(request, state=other), "no step of an exception")


def test_approved_needs_every_approval_of_its_risk(world):
    request = world.assessed(risk="MEDIUM")
    values = {"state": "APPROVED", "approved_at": NOW, "until": request.asked_until}
    refuses(change(request, **values), "Not every approval")
    actions.approve(world.by("lead"), request.pk, now=NOW)
    refuses(change(request, **values), "Not every approval")


def test_active_needs_a_look_and_closed_another(world):
    request = world.implementing()
    refuses(change(request, state="ACTIVE"), "invariants_exception_active_was_seen")
    active = world.active()
    ended = {"ended_at": NOW, "state": "EXPIRED"}
    refuses(change(active, state="EXPIRED"), "invariants_exception_ended_when")
    with transaction.atomic():
        change(active, **ended)()
        event(active, "EXPIRE", "ACTIVE", "EXPIRED")
    settle()
    refuses(change(active, state="CLOSED"), "invariants_exception_closed_was_seen_gone")
    before = NOW - timedelta(seconds=1)
    refuses(change(active, state="CLOSED", gone_seen_at=before), "closed_was_seen_gone")


def event(request, verb, before, after, **values):
    last = request.events.order_by("-number").first().number
    return ExceptionEvent.objects.create(
        **{
            "request": request,
            "number": last + 1,
            "at": NOW,
            "verb": verb,
            "state_before": before,
            "state_after": after,
            "who_kind": "CLOCK",
            "who_name": "the clock",
            "via": "TASK",
        }
        | values
    )


def test_nobody_gets_a_second_part(world):
    request = world.implementing()
    people = world.people
    for column, name in (
        ("implementer_id", "requester"),
        ("implementer_id", "assessor"),
        ("assessor_id", "requester"),
    ):
        refuses(change(request, **{column: people[name].pk}), "duties_are_separate|eparation")
    refuses(change(request, implementer_id=people["lead"].pk), "Separation of duties")
    refuses(change(request, assessor_id=people["lead"].pk), "Separation of duties")


def approval(request, person, **values):
    return lambda: ExceptionApproval.objects.create(
        **{
            "request": request,
            "round": 1,
            "seat": "LEAD",
            "person_id": person,
            "person_name": "Somebody",
            "until": request.asked_until,
            "at": NOW,
        }
        | values
    )


def test_no_approval_is_slipped_in(world):
    request, people = world.assessed(), world.people
    refuses(approval(request, people["requester"].pk), "Separation of duties")
    refuses(approval(request, people["assessor"].pk), "Separation of duties")
    by_proxy = {"instead_of_id": people["requester"].pk}
    refuses(approval(request, people["lead"].pk, **by_proxy), "Separation of duties")
    refuses(approval(request, people["lead"].pk, seat="CISO"), "not waited for")
    refuses(approval(request, people["lead"].pk, seat="EMERGENCY"), "not waited for")
    refuses(approval(request, people["lead"].pk, round=2), "not waited for")
    actions.approve(world.by("lead"), request.pk, now=NOW)
    refuses(approval(request, people["ciso"].pk), "not waited for")


def test_the_risk_is_set_by_its_assessment_alone(world):
    request = world.assessed(risk="HIGH")
    for risk in ("LOW", "MEDIUM", "CRITICAL"):
        refuses(change(request, residual_risk=risk), "by its assessment alone")
    draft = world.drafted()
    refuses(change(draft, residual_risk="LOW", inherent_risk="LOW"), "by its assessment alone")


def test_what_was_asked_for_stays_once_it_is_sent(world):
    request = world.submitted()
    for values in (
        {"title": "Another one"},
        {"asked_until": request.asked_until + timedelta(days=1)},
        {"asked_until": None},
        {"mechanism": "TAG"},
        {"severity": "LOW", "is_emergency": True},
    ):
        refuses(change(request, **values), "can only be changed in a draft")
    refuses(change(request, requester_id=99), "cannot be changed")
    approved = world.approved()
    longer = approved.until + timedelta(days=1)
    refuses(change(approved, until=longer), "no_longer_than_asked|made shorter")


def test_an_exception_is_made_longer_by_nobody(world):
    request = world.assessed()
    until = request.asked_until - timedelta(days=9)
    request = actions.approve(world.by("lead"), request.pk, until=until, now=NOW)
    refuses(change(request, until=until + timedelta(days=1)), "only be made shorter")


def test_a_scope_only_gets_narrower(world):
    request = world.approved()
    line = request.scope.get()
    refuses(lambda: line.delete(), "only be narrowed")
    more = ExceptionScope(request=request, kind="REGION", value="eu-west-1")
    refuses(more.save, "only be narrowed")
    refuses(lambda: request.scope.update(value="2"), "only be narrowed")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "team",
            "=billing",
            "aws:team=x",
            "AWS:team=x",
            "te*m=x",
            "team=b?",
            "team=${aws:username}",
        ),
        *("team=a\nb", f"{'k' * 129}=x", f"team={'v' * 257}"),
    ],
)
def test_a_tag_that_no_principal_can_carry_is_no_line(world, value):
    line = ExceptionScope(request=world.drafted(), kind="PRINCIPAL_TAG", value=value)
    refuses(line.save, "invariants_exceptionscope_tag")


def test_principals_by_arn_and_by_tag_are_one_kind(world):
    request = world.drafted()
    tag = f"{'k' * 128}={'v' * 256}"
    role = f"arn:aws:iam::{world.account.account_id}:role/Reader"
    lines = [Line(ScopeKind.ACCOUNT, world.account.account_id)]
    lines += [Line(ScopeKind.PRINCIPAL, role), Line(ScopeKind.PRINCIPAL_TAG, tag)]
    by = world.by("requester")
    actions.set_scope(by, request.pk, lines, now=NOW)
    actions.submit(by, request.pk, now=NOW)
    actions.triage(world.by("assessor"), request.pk, now=NOW)
    actions.assess(world.by("assessor"), request.pk, RiskView("LOW", "LOW", WHY), now=NOW)
    actions.narrow(by, request.pk, [lines[1]], why=WHY, now=NOW)
    settle()
    assert request.scope.filter(kind="PRINCIPAL").count() == 0
    refuses(lambda: request.scope.filter(kind="PRINCIPAL_TAG").delete(), "only be narrowed")
    with pytest.raises(NotAllowed, match="principals"):
        actions.narrow(by, request.pk, [lines[2]], why=WHY, now=NOW)


@pytest.mark.parametrize("model", [ExceptionEvent, ExceptionApproval, ExceptionPart])
def test_what_was_recorded_is_neither_changed_nor_removed(world, model):
    request = world.approved()
    rows = model.objects.filter(request=request)
    column = {"ExceptionEvent": "who_name", "ExceptionApproval": "comment", "ExceptionPart": "part"}
    refuses(lambda: rows.update(**{column[model.__name__]: "x"}), "cannot be changed or deleted")
    refuses(lambda: rows.delete(), "cannot be changed or deleted")


def test_records_are_never_deleted_and_their_tables_never_emptied(world):
    request = world.drafted()
    settle()
    refuses(
        lambda: ExceptionRequest.objects.filter(pk=request.pk)._raw_delete("default"),
        "kept for good",
    )
    for table in ("exceptionevent", "exceptionrequest", "exceptionpart", "exceptionscope"):
        sql = f"TRUNCATE invariants_{table} CASCADE"
        refuses(lambda sql=sql: connection.cursor().execute(sql), "kept for good")


def test_parts_are_written_by_the_database_alone(world):
    request = world.drafted()
    part = ExceptionPart(request=request, person_id=999, part="APPROVER")
    refuses(part.save, "follow from what people do")


def test_events_go_on_where_the_last_one_ended_and_tell_the_truth(world):
    request = world.submitted()
    same = ("COMMENT", "SUBMITTED", "SUBMITTED")
    refuses(lambda: event(request, *same, number=99), "goes on where")
    refuses(lambda: event(request, *same, number=1), "goes on where")
    refuses(lambda: event(request, "TRIAGE", "DRAFT", "TRIAGED"), "goes on where")
    who = {"who_kind": "PERSON", "who_id": str(world.people["assessor"].pk)}
    refuses(
        lambda: event(request, "TRIAGE", "SUBMITTED", "TRIAGED", **who), "ends in another state"
    )
    nameless = {"who_kind": "PERSON", "who_id": ""}
    refuses(lambda: event(request, *same, **nameless), "invariants_exceptionevent_who")


def test_a_notice_is_given_once(world):
    request = world.active()
    same = ("REMIND", "ACTIVE", "ACTIVE")
    event(request, *same, key="notice:1")
    refuses(lambda: event(request, *same, key="notice:1"), "invariants_exceptionevent_once")


def test_a_record_begins_as_a_draft_and_an_emergency_lasts_72_hours(world):
    request = world.submitted(is_emergency=True)
    approval(request, world.people["lead"].pk, seat="EMERGENCY")()
    granted = {"state": "EMERGENCY", "granted_at": NOW, "until": request.asked_until}
    late = NOW + timedelta(hours=73)
    refuses(change(request, **granted, emergency_until=late), "72 hours at most")
    whole = ExceptionRequest(
        organization=request.organization,
        number=77,
        state="APPROVED",
        state_since=NOW,
        created_at=NOW,
        requester_id=1,
        target_kind="CONTROL",
        control=world.control,
        severity="LOW",
    )
    refuses(whole.save, "begins as a draft")
