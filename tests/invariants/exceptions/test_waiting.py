"""What waits for whom: the filter of the inbox agrees with the table of steps."""

from datetime import timedelta

import pytest

from invariants.actions import exceptions as actions
from invariants.queries import exceptions as queries
from invariants.queries.exceptions import waiting
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import WHY

pytestmark = pytest.mark.django_db

# What a person is waited for to do, by where it stands; other steps they may take, and need not.
AWAITED = {
    "SUBMITTED": {"TRIAGE", "GRANT"},
    "TRIAGED": {"ASSESS", "GRANT"},
    "RISK_ASSESSED": {"APPROVE"},
    "CHANGES_REQUESTED": {"SUBMIT"},
    "EMERGENCY": {"ASSESS", "APPROVE", "IMPLEMENT"},
    "APPROVED": {"IMPLEMENT"},
    "EXPIRED": {"REMOVE"},
    "REVOKED": {"REMOVE"},
}


@pytest.fixture
def world():
    return worlds.build()


def everything(world):
    """One in every state that waits for somebody, with each number of approvals."""
    world.drafted()
    world.submitted()
    world.submitted(is_emergency=True)
    triaged = world.submitted()
    actions.triage(world.by("lead"), triaged.pk, now=world.now)
    world.assessed()
    half = world.assessed(risk="MEDIUM")
    actions.approve(world.by("lead"), half.pk, now=world.now)
    for risk in ("MEDIUM", "HIGH", "CRITICAL"):
        world.assessed(risk=risk)
    back = world.submitted()
    actions.request_changes(world.by("lead"), back.pk, why=WHY, now=world.now)
    granted = world.submitted(is_emergency=True)
    actions.grant(world.by("lead"), granted.pk, why=WHY, now=world.now)
    world.approved()
    world.approved(mechanism="NONE")
    world.implementing()
    revoked = world.active()
    actions.revoke(world.by("lead"), revoked.pk, why=WHY, now=world.now)


def test_it_waits_for_exactly_those_who_may_take_the_step(world):
    everything(world)
    expected, found = {}, {}
    for name, person in world.people.items():
        seen = waiting.ExceptionRequest.objects.visible_to(person).select_related("organization")
        expected[name] = {
            one.pk
            for one in seen
            if AWAITED.get(one.state, set()) & set(queries.verbs_for(person, one, now=world.now))
            and not _is_done(one)
        }
        found[name] = set(waiting.for_person(person, now=world.now).values_list("pk", flat=True))
    assert found == expected
    assert all(expected[name] for name in ("assessor", "lead", "ciso", "owner", "implementer"))


def _is_done(one):
    """Assessed again, or put in place again, or without a policy: allowed, and not waited for."""
    if one.state == "APPROVED":
        return one.mechanism == "NONE"
    return False


def test_a_delegate_is_waited_for_while_the_approver_is_away(world):
    high = world.assessed(risk="HIGH")
    colleague = world.people["assessor"]
    other = world.people["implementer"]
    assert high not in waiting.for_person(other, now=world.now)
    today = world.now.date()
    actions.leave(
        world.by("ciso"), other, since=today, until=today + timedelta(days=2), now=world.now
    )
    actions.leave(
        world.by("ciso"), colleague, since=today, until=today + timedelta(days=2), now=world.now
    )
    assert high in waiting.for_person(other, now=world.now)
    # Who assessed it stands in for nobody on it.
    assert high not in waiting.for_person(colleague, now=world.now)
    assert high not in waiting.for_person(other, now=world.now + timedelta(days=3))


def test_nobody_else_is_asked_to_put_a_renewal_in_place_anew(world):
    old = world.active()
    renewed = actions.renew(world.by("requester"), old.pk, now=world.now)
    days = world.now.date() + timedelta(days=90)
    actions.save(world.by("requester"), renewed.pk, {"asked_until": days}, now=world.now)
    actions.submit(world.by("requester"), renewed.pk, now=world.now)
    actions.triage(world.by("assessor"), renewed.pk, now=world.now)
    view = actions.RiskView(worlds.Risk.LOW, worlds.Risk.LOW, WHY)
    actions.assess(world.by("assessor"), renewed.pk, view, now=world.now)
    actions.approve(world.by("lead"), renewed.pk, now=world.now)
    assert renewed not in waiting.for_person(world.people["implementer"], now=world.now)
