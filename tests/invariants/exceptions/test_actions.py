"""Exceptions from their draft to their end, by the actions that pages, API and commands call."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.core.exceptions import PermissionDenied

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line, RiskView, Sight, drafting, talking
from invariants.models import (
    ApproverAbsence,
    ExceptionApproval,
    ExceptionEvent,
    ExceptionPart,
    ExceptionRequest,
    ExceptionScope,
)
from invariants.models.exceptions import Part, Risk, ScopeKind, Verb, Via
from invariants.policies.exceptions import NotAllowed
from invariants.queries import exceptions as queries
from posture.models import AuditEntry
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import LINK, NOW, TODAY, WHY, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return worlds.build()


def verbs(request):
    return list(request.events.order_by("number").values_list("verb", flat=True))


def test_the_whole_way_is_a_chain_of_events_with_who_and_from_where(world):
    request = world.active()
    assert request.state == "ACTIVE"
    assert request.verified_at == world.now
    events = list(request.events.order_by("number"))
    assert [event.verb for event in events] == [
        *("DRAFT", "SAVE", "SAVE", "SUBMIT", "TRIAGE", "ASSESS", "APPROVE", "IMPLEMENT", "FIND"),
    ]
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    for before, after in pairwise(events):
        assert after.state_before == before.state_after
    approval = events[6]
    assert (approval.who_kind, approval.who_id) == ("PERSON", str(world.people["lead"].pk))
    assert (approval.via, approval.address) == ("PAGE", "192.0.2.7")
    assert approval.before["state"] == "RISK_ASSESSED"
    assert approval.after["until"] == (TODAY + timedelta(days=60)).isoformat()
    assert approval.after["seat"] == "LEAD"
    assert (events[-1].who_kind, events[-1].who_id, events[-1].via) == ("COLLECTION", "", "TASK")
    assert set(request.parts.values_list("part", flat=True)) == {
        *("REQUESTER", "ASSESSOR", "APPROVER", "IMPLEMENTER"),
    }
    entries = AuditEntry.objects.filter(event="exception_event", subject=request.ref)
    assert entries.count() == len(events)


def test_after_its_last_day_it_expires_and_is_closed_by_a_later_look_alone(world):
    request = world.active()
    world.on(request.until)
    assert actions.tick(request.organization, now=world.now).expired == 0
    world.on(request.until + timedelta(days=1))
    assert actions.tick(request.organization, now=world.now).expired == 1
    assert actions.tick(request.organization, now=world.now).expired == 0
    request = fresh(request)
    assert request.state == "EXPIRED"
    assert request.ended_at.date() == request.until + timedelta(days=1)
    # A collection that looked while it was in force says nothing of its removal.
    early = Sight(False, request.ended_at - timedelta(minutes=1))
    assert actions.verify(request.pk, early, now=world.now) is None
    world.looked(request, True)
    assert fresh(request).is_zombie
    assert list(ExceptionRequest.objects.zombies()) == [request]
    world.later(hours=4)
    actions.remove(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
    assert world.looked(request, None) is None
    assert world.looked(request, False) is Verb.CLOSE
    assert fresh(request).state == "CLOSED"
    assert not ExceptionRequest.objects.zombies().exists()


@pytest.mark.parametrize("risk", worlds.APPROVERS)
def test_each_tier_needs_its_approvers_and_no_other(world, risk):
    request = world.assessed(risk=risk, severity="LOW")
    needed = worlds.APPROVERS[risk]
    for name in ("lead", "owner", "ciso", "executive", "assessor", "requester", "colleague"):
        if name not in needed and not (name == "ciso" and "lead" in needed):
            with pytest.raises(NotAllowed):
                actions.approve(world.by(name), request.pk, now=world.now)
    for name in needed:
        assert fresh(request).state == "RISK_ASSESSED"
        actions.approve(world.by(name), request.pk, now=world.now)
        with pytest.raises(NotAllowed):
            actions.approve(world.by(name), request.pk, now=world.now)
    assert fresh(request).state == "APPROVED"


def everything(username, team=None):
    """Somebody with every role: rights are no way around separate duties."""
    roles = [name for name, _ in worlds.ROLES.values()]
    return factories.person(role=sorted(set(roles)), username=username, team=team)


def test_nobody_has_two_parts_whatever_their_rights(world):
    boss = By(everything("boss"))
    world.people["requester"] = boss.user
    request = world.submitted()
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    for act in (
        lambda: actions.triage(boss, request.pk, now=NOW),
        lambda: actions.reject(boss, request.pk, why=WHY, now=NOW),
        lambda: actions.request_changes(boss, request.pk, why=WHY, now=NOW),
    ):
        with pytest.raises(NotAllowed, match="asked for it cannot"):
            act()
    actions.triage(world.by("assessor"), request.pk, now=NOW)
    with pytest.raises(NotAllowed, match="asked for it cannot"):
        actions.assess(boss, request.pk, view, now=NOW)
    assessor = By(everything("assessing"))
    actions.assess(assessor, request.pk, view, now=NOW)
    for by in (boss, assessor):
        with pytest.raises(NotAllowed):
            actions.approve(by, request.pk, now=NOW)
    approver = By(everything("approving"))
    actions.approve(approver, request.pk, now=NOW)
    for by in (boss, assessor, approver):
        with pytest.raises(NotAllowed):
            actions.implement(by, request.pk, pull_request=LINK, now=NOW)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=NOW)
    assert ExceptionPart.objects.filter(request=request).count() == 4


def test_an_assessor_stays_one_through_changes_and_cannot_approve_later(world):
    assessor = everything("assessing")
    world.people["assessor"] = assessor
    request = world.assessed()
    actions.request_changes(world.by("lead"), request.pk, why=WHY, now=NOW)
    with pytest.raises(NotAllowed):
        actions.save(world.by("colleague"), request.pk, {"title": "Mine"}, now=NOW)
    actions.submit(world.by("requester"), request.pk, now=NOW)
    request = fresh(request)
    assert (request.round, request.residual_risk, request.assessor_id) == (2, "", None)
    other = By(everything("other"))
    actions.triage(other, request.pk, now=NOW)
    actions.assess(other, request.pk, RiskView(Risk.LOW, Risk.LOW, WHY), now=NOW)
    with pytest.raises(NotAllowed, match="assessor of the risk"):
        actions.approve(By(assessor), request.pk, now=NOW)


def test_what_is_missing_is_named_all_at_once(world):
    by = world.by("requester")
    request = actions.draft(by, world.control, now=NOW)
    with pytest.raises(NotAllowed) as error:
        actions.submit(by, request.pk, now=NOW)
    assert len(error.value.missing) == 3
    assert "what compensates for the risk" in str(error.value)
    assert "names no account" in str(error.value)
    assert "until when" in str(error.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(ScopeKind.PATTERN, "*"), "would cover everything"),
        (Line(ScopeKind.PATTERN, "arn:aws:*"), "would cover everything"),
        (Line(ScopeKind.PATTERN, "*arn:*aws*"), "would cover everything"),
        (Line(ScopeKind.PATTERN, "arn:aws:s3:::*"), "would cover everything"),
        (Line(ScopeKind.PATTERN, "*:*:*:*:*:*"), "would cover everything"),
        (Line(ScopeKind.RESOURCE, "arn:aws:s3:::*"), "has a wildcard"),
        (Line(ScopeKind.REGION, "*"), "has a wildcard"),
        (Line(ScopeKind.ACTION, "s3:?*"), "whole service"),
        (Line(ScopeKind.PRINCIPAL, "arn:aws:iam::300000000001:role/*"), "wildcard"),
        (Line(ScopeKind.ACTION, "s3:*"), "whole service"),
    ],
)
def test_a_bare_wildcard_is_no_scope(world, line, words):
    request = world.drafted()
    by = world.by("requester")
    place = Line(ScopeKind.ACCOUNT, world.account.account_id)
    actions.set_scope(by, request.pk, [place, line], now=NOW)
    with pytest.raises(NotAllowed, match=words):
        actions.submit(by, request.pk, now=NOW)


def test_only_accounts_that_one_sees_can_be_named(world):
    request = world.drafted()
    foreign = factories.account().account_id
    by = world.by("requester")
    with pytest.raises(NotAllowed, match=f"no account {foreign}"):
        actions.set_scope(by, request.pk, [Line(ScopeKind.ACCOUNT, foreign)], now=NOW)
    ou = Line(ScopeKind.OU, world.account.ou.ou_id)
    with pytest.raises(NotAllowed, match="do not see all"):
        actions.set_scope(by, request.pk, [ou], now=NOW)


def test_who_may_not_ask_does_not_and_a_finding_of_others_is_no_target(world):
    with pytest.raises(PermissionDenied):
        actions.draft(world.by("executive"), world.control, now=NOW)
    foreign = factories.finding(account=factories.account(), control=world.control)
    with pytest.raises(NotAllowed, match="do not see"):
        actions.draft(world.by("requester"), foreign, now=NOW)


@pytest.mark.parametrize(
    ("severity", "risk", "days"),
    [("LOW", "LOW", 365), ("MEDIUM", "LOW", 180), ("LOW", "HIGH", 90), ("CRITICAL", "MEDIUM", 30)],
)
def test_the_graver_of_severity_and_risk_cuts_the_end_and_the_typed_date_stays(
    world, severity, risk, days
):
    typed = TODAY + timedelta(days=900)
    request = world.approved(severity=severity, risk=risk, asked_until=typed)
    assert request.asked_until == typed
    assert (request.until - request.starts_on).days == days - 1
    assert request.review_on == request.starts_on + (request.until - request.starts_on) / 2


def test_the_earliest_day_of_all_approvals_counts_and_none_is_later_than_asked(world):
    request = world.assessed(risk="MEDIUM")
    with pytest.raises(NotAllowed, match="at most"):
        actions.approve(world.by("lead"), request.pk, until=date(2029, 1, 1), now=NOW)
    short = TODAY + timedelta(days=10)
    actions.approve(world.by("lead"), request.pk, until=short, now=NOW)
    request = actions.approve(world.by("owner"), request.pk, now=NOW)
    assert request.until == short


def test_only_a_collection_makes_it_active_and_what_could_not_be_read_does_not(world):
    request = world.approved()
    assert world.looked(request, None) is None
    assert world.looked(request, False) is None
    # In place, but nobody said that they did it.
    assert world.looked(request, True) is None
    assert fresh(request).state == "APPROVED"
    world.later(hours=1)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
    world.later(hours=1)
    assert world.looked(request, True) is Verb.FIND
    assert world.looked(request, True) is None
    stale = Sight(False, world.now - timedelta(hours=1))
    assert actions.verify(request.pk, stale, now=world.now) is None
    assert fresh(request).state == "ACTIVE"
    world.later(hours=1)
    assert world.looked(request, False) is Verb.LOSE
    request = fresh(request)
    assert (request.state, request.verified_at) == ("IMPLEMENTING", None)


def test_it_does_not_begin_before_its_first_day(world):
    request = world.implementing(starts_on=TODAY + timedelta(days=3))
    assert world.looked(request, True) is None
    world.later(days=3)
    assert world.looked(request, True) is Verb.FIND


def test_without_a_policy_a_scope_that_matches_is_enough(world):
    request = world.approved(mechanism="NONE")
    assert world.looked(request, True) is Verb.FIND
    assert fresh(request).state == "ACTIVE"


def test_a_pull_request_is_linked_where_a_policy_changes(world):
    request = world.approved()
    for link in ("", "javascript:alert(1)", "ftp://x"):
        with pytest.raises(NotAllowed, match="pull request"):
            actions.implement(world.by("implementer"), request.pk, pull_request=link, now=NOW)


def test_an_emergency_goes_ahead_for_72_hours_and_then_ends(world):
    request = world.submitted(is_emergency=True)
    assert request.due_at == NOW + timedelta(hours=4)
    request = actions.grant(world.by("lead"), request.pk, why=WHY, now=NOW)
    assert request.state == "EMERGENCY"
    assert request.emergency_until == NOW + timedelta(hours=72)
    assert request.due_at == NOW + timedelta(hours=48)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=NOW)
    assert not fresh(request).is_in_force
    world.later(hours=1)
    assert world.looked(request, True) is Verb.FIND
    assert fresh(request).is_in_force
    world.later(hours=70, minutes=59)
    assert actions.tick(request.organization, now=world.now).expired == 0
    world.later(minutes=1)
    assert actions.tick(request.organization, now=world.now).expired == 1
    request = fresh(request)
    assert request.ended_at == request.emergency_until
    assert "GRANT" in verbs(request)


def test_an_emergency_is_assessed_and_approved_afterwards_by_others(world):
    granter = everything("granter")
    request = world.submitted(is_emergency=True)
    actions.grant(By(granter), request.pk, why=WHY, now=NOW)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=NOW)
    world.looked(request, True)
    view = RiskView(Risk.HIGH, Risk.LOW, WHY)
    for by in (world.by("implementer"), By(granter), world.by("requester")):
        with pytest.raises(NotAllowed):
            actions.assess(by, request.pk, view, now=NOW)
    with pytest.raises(NotAllowed, match="assessed"):
        actions.approve(world.by("lead"), request.pk, now=NOW)
    actions.assess(world.by("assessor"), request.pk, view, now=NOW)
    with pytest.raises(NotAllowed, match="by somebody else"):
        actions.approve(By(granter), request.pk, now=NOW)
    request = actions.approve(world.by("lead"), request.pk, now=NOW)
    assert request.state == "APPROVED"
    assert request.is_in_force
    assert request.until == request.asked_until
    world.later(hours=4)
    assert world.looked(request, True) is Verb.FIND
    assert fresh(request).state == "ACTIVE"
    # What began as an emergency stays known as one.
    assert fresh(request).is_emergency


def test_what_is_no_emergency_is_not_granted(world):
    request = world.submitted()
    with pytest.raises(NotAllowed, match="not asked for as an emergency"):
        actions.grant(world.by("lead"), request.pk, why=WHY, now=NOW)
    grave = world.submitted(is_emergency=True, severity="CRITICAL")
    with pytest.raises(NotAllowed, match="approve_high"):
        actions.grant(world.by("lead"), grave.pk, why=WHY, now=NOW)
    actions.grant(world.by("ciso"), grave.pk, why=WHY, now=NOW)


def renewed(world, request):
    by = world.by("requester")
    new = actions.renew(by, request.pk, now=world.now)
    until = (world.now + timedelta(days=60)).date()
    actions.save(by, new.pk, {"asked_until": until}, now=world.now)
    actions.submit(by, new.pk, now=world.now)
    actions.triage(world.by("assessor"), new.pk, now=world.now)
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), new.pk, view, now=world.now)
    actions.approve(world.by("lead"), new.pk, now=world.now)
    world.later(hours=1)
    assert world.looked(new, True) is Verb.FIND
    return fresh(new)


def test_a_renewal_is_a_review_of_its_own_and_there_are_two(world):
    request = world.active()
    for count in (1, 2):
        world.later(days=50)
        with pytest.raises(NotAllowed, match="Only who asked"):
            actions.renew(world.by("implementer"), request.pk, now=world.now)
        new = renewed(world, request)
        assert (new.state, new.renewal, new.renews_id) == ("ACTIVE", count, request.pk)
        old = fresh(request)
        assert (old.state, old.end_reason) == ("RENEWED", f"Renewed as {new.ref}.")
        assert list(new.scope.values_list("value")) == list(old.scope.values_list("value"))
        request = new
    with pytest.raises(NotAllowed, match="redesign the invariant"):
        actions.renew(world.by("requester"), request.pk, now=world.now)


def test_one_renewal_at_a_time(world):
    request = world.active()
    first = actions.renew(world.by("requester"), request.pk, now=NOW)
    with pytest.raises(NotAllowed, match="already under way"):
        actions.renew(world.by("requester"), request.pk, now=NOW)
    actions.withdraw(world.by("requester"), first.pk, now=NOW)
    actions.renew(world.by("requester"), request.pk, now=NOW)


def test_notices_are_given_once_each_and_only_the_last_after_a_standstill(world):
    request = world.active()
    left = lambda: list(  # noqa: E731
        ExceptionEvent.objects.filter(verb="REMIND").order_by("pk").values_list("key", flat=True)
    )
    world.on(request.until - timedelta(days=31))
    assert actions.tick(request.organization, now=world.now) == actions.Ticked()
    world.on(request.until - timedelta(days=30))
    # Half of its life has passed as well, since nobody looked in between.
    assert actions.tick(request.organization, now=world.now) == actions.Ticked(0, 1, 1, 1)
    assert fresh(request).state == "EXPIRING"
    assert actions.tick(request.organization, now=world.now) == actions.Ticked()
    # The beat stood still from here to five days before the end.
    world.on(request.until - timedelta(days=5))
    assert actions.tick(request.organization, now=world.now).reminded == 1
    assert left() == [f"notice:{request.until}:30", f"notice:{request.until}:7"]
    world.on(request.until)
    actions.tick(request.organization, now=world.now)
    actions.tick(request.organization, now=world.now)
    assert left()[-1] == f"notice:{request.until}:1"
    assert len(left()) == 3


def test_a_delegate_approves_instead_of_who_is_away_on_record_and_not_for_a_party(world):
    deputy = factories.person(role="Auditor", username="deputy")
    lead = world.by("lead")
    with pytest.raises(PermissionDenied):
        actions.leave(world.by("implementer"), deputy, since=TODAY, until=TODAY, now=NOW)
    with pytest.raises(NotAllowed):
        actions.leave(lead, lead.user, since=TODAY, until=TODAY, now=NOW)
    absence = actions.leave(lead, deputy, since=TODAY, until=TODAY + timedelta(days=5), now=NOW)
    request = world.assessed()
    actions.approve(By(deputy), request.pk, now=NOW)
    approval = ExceptionApproval.objects.get(request=request)
    assert (approval.person_id, approval.instead_of_id) == (deputy.pk, lead.user.pk)
    event = request.events.get(verb="APPROVE")
    assert event.after["instead_of"] == approval.instead_of_name
    # The one who is away asked for the next one: their delegate is no way around that.
    world.people["requester"] = everything("away-and-asking", team=world.account.team)
    by = world.by("requester")
    actions.leave(by, deputy, since=TODAY, until=TODAY, now=NOW)
    actions.come_back(lead, absence.pk, now=NOW)
    second = world.assessed()
    with pytest.raises(NotAllowed):
        actions.approve(By(deputy), second.pk, now=NOW)
    assert ApproverAbsence.objects.get(pk=absence.pk).ended_at == NOW


def test_it_is_given_back_or_revoked_with_a_reason(world):
    request = world.active()
    with pytest.raises(NotAllowed, match="Write why"):
        actions.revoke(world.by("requester"), request.pk, why="", now=NOW)
    with pytest.raises(NotAllowed, match="Only who asked"):
        actions.revoke(world.by("implementer"), request.pk, why=WHY, now=NOW)
    actions.revoke(world.by("requester"), request.pk, why=WHY, now=NOW)
    request = fresh(request)
    assert (request.state, request.ended_at, request.end_reason) == ("REVOKED", NOW, WHY)


def test_a_scope_is_narrowed_but_never_widened(world):
    second = factories.account(ou=world.account.ou, team=world.account.team)
    by = world.by("requester")
    request = world.drafted()
    lines = [Line(ScopeKind.ACCOUNT, one.account_id) for one in (world.account, second)]
    region = Line(ScopeKind.REGION, "eu-west-1")
    actions.set_scope(by, request.pk, [*lines, region], now=NOW)
    actions.submit(by, request.pk, now=NOW)
    with pytest.raises(NotAllowed, match="stays, once it is sent"):
        actions.set_scope(by, request.pk, lines, now=NOW)
    actions.triage(world.by("assessor"), request.pk, now=NOW)
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=NOW)
    actions.approve(world.by("lead"), request.pk, now=NOW)
    with pytest.raises(NotAllowed, match="it would cover more"):
        actions.narrow(by, request.pk, [region], why=WHY, now=NOW)
    with pytest.raises(NotAllowed, match="reviewer"):
        actions.narrow(world.by("colleague"), request.pk, lines[:1], why=WHY, now=NOW)
    actions.narrow(by, request.pk, lines[1:], why=WHY, now=NOW)
    assert sorted(request.scope.values_list("kind", flat=True)) == ["ACCOUNT", "REGION"]


def test_drafts_are_ones_own_and_requests_are_seen_by_who_sees_a_covered_account(world):
    request = world.drafted()
    stranger = factories.person(role="Team member", username="far", team=factories.team())
    seen = lambda who: ExceptionRequest.objects.visible_to(who).filter(pk=request.pk).exists()  # noqa: E731
    people = world.people
    assert seen(people["requester"])
    assert not any(seen(people[name]) for name in ("colleague", "lead", "ciso"))
    actions.submit(world.by("requester"), request.pk, now=NOW)
    assert seen(people["colleague"]) and seen(people["lead"])
    assert not seen(stranger)
    with pytest.raises(ExceptionRequest.DoesNotExist):
        actions.comment(By(stranger), request.pk, "Hello", now=NOW)


def test_one_sees_of_a_scope_only_ones_own_places(world):
    wide = factories.person(role="Platform engineer", username="wide")
    world.people["requester"] = wide
    other = factories.account(ou=world.account.ou)
    request = world.drafted()
    lines = [Line(ScopeKind.ACCOUNT, one.account_id) for one in (world.account, other)]
    ou = Line(ScopeKind.OU, world.account.ou.ou_id)
    far = Line(ScopeKind.OU, factories.ou().ou_id)
    actions.set_scope(By(wide), request.pk, [*lines, ou, far], now=NOW)
    actions.submit(By(wide), request.pk, now=NOW)
    seen = ExceptionScope.objects.visible_to(world.people["colleague"]).filter(request=request)
    assert set(seen.values_list("value", flat=True)) == {world.account.account_id, ou.value}


def test_comments_mention_those_who_see_the_record(world):
    request = world.submitted()
    colleague = world.people["colleague"].username
    far = factories.person(role="Team member", username="far", team=factories.team())
    text = f"@{colleague}, @{far.username} and @nobody: what of mail@{colleague}?"
    row = actions.comment(world.by("lead"), request.pk, text, now=NOW)
    assert [one["name"] for one in row.mentions] == [colleague]
    assert request.events.get(verb="COMMENT").note == text
    with pytest.raises(NotAllowed):
        actions.comment(world.by("lead"), request.pk, "  ", now=NOW)


def test_evidence_is_checked_by_size_and_type(world):
    request = world.submitted()
    good = actions.File("report.pdf", "application/pdf", 1000, "ab" * 32, "2026/11/one")
    assert actions.attach(world.by("requester"), request.pk, good, now=NOW).name == "report.pdf"
    for changes in (("x.html", "text/html", 10), ("x.pdf", "application/pdf", 2**31 - 1)):
        bad = actions.File(*changes, "ab" * 32, f"2026/11/{changes[0]}")
        with pytest.raises(NotAllowed):
            actions.attach(world.by("requester"), request.pk, bad, now=NOW)


def test_milestones_are_finished_by_who_asked(world):
    request = world.drafted()
    by = world.by("requester")
    actions.set_milestones(by, request.pk, [("Ship grants", TODAY + timedelta(days=9))], now=NOW)
    step = request.milestones.get()
    actions.submit(by, request.pk, now=NOW)
    with pytest.raises(NotAllowed):
        actions.finish_milestone(world.by("lead"), request.pk, step.pk, done_on=TODAY, now=NOW)
    actions.finish_milestone(by, request.pk, step.pk, done_on=TODAY, now=NOW)
    assert request.milestones.get().done_on == TODAY


def test_saving_what_is_the_same_is_no_event(world):
    request = world.drafted()
    count = request.events.count()
    by = By(world.people["requester"], Via.API)
    actions.save(by, request.pk, {"title": request.title}, now=NOW)
    actions.set_scope(by, request.pk, [Line(ScopeKind.ACCOUNT, world.account.account_id)], now=NOW)
    assert request.events.count() == count
    with pytest.raises(NotAllowed, match="residual_risk"):
        actions.save(by, request.pk, {"residual_risk": "LOW"}, now=NOW)
    with pytest.raises(NotAllowed, match="reason"):
        actions.save(by, request.pk, {"reason": "BECAUSE"}, now=NOW)


def sent(world, request):
    """A renewal, up to where its approval is waited for."""
    by = world.by("requester")
    until = (world.now + timedelta(days=60)).date()
    actions.save(by, request.pk, {"asked_until": until}, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    return fresh(request)


def _wider(world, new):
    other = factories.account(ou=factories.ou(), team=world.account.team)
    places = [Line(ScopeKind.ACCOUNT, one.account_id) for one in (world.account, other)]
    actions.set_scope(world.by("requester"), new.pk, places, now=world.now)


def _of_a_wider_group(world, new):
    """The old one named an action besides: without any, all are let through."""
    place = Line(ScopeKind.ACCOUNT, world.account.account_id)
    actions.set_scope(world.by("requester"), new.pk, [place], now=world.now)


def _removed(world, new):
    world.on(new.renews.until + timedelta(days=1))
    actions.tick(world.account.organization, now=world.now)
    world.later(minutes=1)
    assert world.looked(new.renews, False) is Verb.CLOSE
    world.later(minutes=1)


def _lost(world, new):
    world.looked(new, True)
    world.later(minutes=1)
    assert world.looked(new, False) is Verb.LOSE
    world.later(minutes=1)


@pytest.mark.parametrize(
    ("in_draft", "later"),
    [(_wider, None), (_of_a_wider_group, None), (None, _removed), (None, _lost)],
    ids=["wider", "of a wider group", "removed meanwhile", "lost after it was taken over"],
)
def test_a_renewal_that_takes_nothing_over_is_put_in_place_by_somebody(world, in_draft, later):
    request = world.drafted()
    lines = [
        Line(ScopeKind.ACCOUNT, world.account.account_id),
        Line(ScopeKind.ACTION, "kms:ScheduleKeyDeletion"),
    ]
    actions.set_scope(world.by("requester"), request.pk, lines, now=world.now)
    actions.submit(world.by("requester"), request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, now=world.now)
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=world.now)
    actions.approve(world.by("lead"), request.pk, now=world.now)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=world.now)
    assert world.looked(request, True) is Verb.FIND
    world.later(days=40)
    new = actions.renew(world.by("requester"), request.pk, now=world.now)
    if in_draft:
        in_draft(world, new)
    sent(world, new)
    actions.approve(world.by("lead"), new.pk, now=world.now)
    world.later(minutes=1)
    new = fresh(new)
    if later:
        later(world, new)
    assert world.looked(new, True) is None
    assert not fresh(new).is_in_force
    actions.implement(world.by("implementer"), new.pk, pull_request=LINK, now=world.now)
    world.later(minutes=1)
    assert world.looked(new, True) is Verb.FIND


def test_who_put_it_in_place_does_not_approve_of_what_takes_that_over(world):
    both = factories.person(role=["Security lead", "Platform engineer"], username="both")
    world.people["implementer"] = both
    request = world.active()
    new = sent(world, actions.renew(world.by("requester"), request.pk, now=world.now))
    assert new.parts.get(person_id=both.pk).part == Part.IMPLEMENTER
    with pytest.raises(NotAllowed, match="You are the implementer of this record"):
        actions.approve(world.by("implementer"), new.pk, now=world.now)
    actions.approve(world.by("lead"), new.pk, now=world.now)
    actions.implement(world.by("implementer"), new.pk, pull_request=LINK, now=world.now)


def test_a_renewal_names_no_account_that_its_requester_sees_no_more(world):
    request = world.active()
    new = actions.renew(world.by("requester"), request.pk, now=world.now)
    world.account.team = factories.team(slug="elsewhere")
    world.account.save()
    until = {"asked_until": TODAY + timedelta(days=60)}
    actions.save(world.by("requester"), new.pk, until, now=world.now)
    with pytest.raises(NotAllowed, match="do not see any more"):
        actions.submit(world.by("requester"), new.pk, now=world.now)


def test_who_was_away_and_was_stood_in_for_is_an_approver(world):
    both = factories.person(role=["Security lead", "Platform engineer"], username="both")
    world.people |= {"both": both, "delegate": factories.person(role="Security engineer")}
    request = world.assessed()
    actions.leave(world.by("both"), world.people["delegate"], since=TODAY, until=TODAY, now=NOW)
    actions.approve(world.by("delegate"), request.pk, now=NOW)
    with pytest.raises(NotAllowed, match="You are the approver of this record"):
        actions.implement(world.by("both"), request.pk, pull_request=LINK, now=NOW)
    actions.implement(world.by("implementer"), request.pk, pull_request=LINK, now=NOW)


@pytest.fixture
def emergency(world):
    world.people["second"] = factories.person(role="Security lead", username="second-lead")
    request = world.submitted(is_emergency=True, mechanism="NONE")
    actions.grant(world.by("lead"), request.pk, why=WHY, now=world.now)
    return request


def test_after_its_hours_an_emergency_goes_no_further_though_no_clock_came_by(world, emergency):
    view = RiskView(Risk.LOW, Risk.LOW, WHY)
    actions.assess(world.by("assessor"), emergency.pk, view, now=world.now)
    world.later(hours=72)
    for act in (
        lambda by: actions.assess(world.by("assessor"), emergency.pk, view, now=world.now),
        lambda by: actions.approve(by, emergency.pk, now=world.now),
        lambda by: actions.implement(world.by("implementer"), emergency.pk, now=world.now),
    ):
        with pytest.raises(NotAllowed, match="72 hours are over"):
            act(world.by("second"))
    assert world.looked(emergency, True) is None
    assert not fresh(emergency).is_in_force
    assert actions.tick(world.account.organization, now=world.now).expired == 1


def test_an_emergency_is_not_assessed_anew_once_somebody_has_approved_it(world, emergency):
    for risk in (Risk.CRITICAL, Risk.MEDIUM):
        view = RiskView(Risk.CRITICAL, risk, WHY)
        actions.assess(world.by("assessor"), emergency.pk, view, now=world.now)
    actions.approve(world.by("second"), emergency.pk, now=world.now)
    with pytest.raises(NotAllowed, match="has approved it at the risk that it has"):
        actions.assess(
            world.by("assessor"), emergency.pk, RiskView(Risk.LOW, Risk.LOW, WHY), now=world.now
        )
    actions.approve(world.by("owner"), emergency.pk, now=world.now)
    assert fresh(emergency).state == "APPROVED"


def test_one_emergency_does_not_follow_the_other(world, emergency):
    world.later(hours=80)
    actions.tick(world.account.organization, now=world.now)
    again = world.submitted(is_emergency=True, starts_on=world.now.date())
    with pytest.raises(NotAllowed, match=f"{emergency.ref} was granted for the same"):
        actions.grant(world.by("lead"), again.pk, why=WHY, now=world.now)
    assert "GRANT" not in queries.verbs_for(world.people["lead"], again, now=world.now)
    place = factories.account(ou=factories.ou(), team=world.account.team)
    world.account = place
    elsewhere = world.submitted(is_emergency=True)
    actions.grant(world.by("lead"), elsewhere.pk, why=WHY, now=world.now)


def test_nobody_approves_up_to_a_day_that_is_over(world):
    request = world.assessed()
    world.later(days=5)
    with pytest.raises(NotAllowed, match="It can last until"):
        actions.approve(world.by("lead"), request.pk, until=TODAY, now=world.now)


def test_nobody_is_offered_to_approve_what_would_be_over_already(world):
    request = world.assessed()
    world.later(days=70)
    offered = queries.verbs_for(world.people["lead"], fresh(request), now=world.now)
    assert "APPROVE" not in offered
    assert {"REQUEST_CHANGES", "REJECT"} <= set(offered)


@pytest.mark.parametrize("day", [date.max, date.min])
def test_a_day_with_which_nothing_can_be_reckoned_is_not_taken(world, day):
    request = world.drafted()
    for name in ("starts_on", "asked_until"):
        with pytest.raises(NotAllowed, match="more than ten years away"):
            actions.save(world.by("requester"), request.pk, {name: day}, now=NOW)
    year = TODAY + timedelta(days=366)
    far = {"starts_on": year, "asked_until": year + timedelta(days=9)}
    actions.save(world.by("requester"), request.pk, far, now=NOW)
    with pytest.raises(NotAllowed, match="nearer to that day"):
        actions.submit(world.by("requester"), request.pk, now=NOW)


@pytest.mark.parametrize(
    ("mechanism", "link"),
    [("NONE", "javascript:alert(1)"), ("TAG", ""), ("TAG", f"https://{'a' * 500}")],
)
def test_a_link_is_one(world, mechanism, link):
    request = world.approved(mechanism=mechanism)
    with pytest.raises(NotAllowed, match="pull request"):
        actions.implement(world.by("implementer"), request.pk, pull_request=link, now=NOW)


def test_a_look_that_a_wrong_clock_dated_is_not_the_last(world):
    request = world.implementing()
    ahead = world.now + timedelta(days=900)
    actions.verify(request.pk, Sight(False, ahead), now=ahead)
    world.later(days=1)
    assert world.looked(request, True) is Verb.FIND


def test_who_is_asked_to_approve_can_approve_less(world):
    second = factories.account(ou=factories.ou(), team=world.account.team)
    request = world.drafted()
    lines = [Line(ScopeKind.ACCOUNT, one.account_id) for one in (world.account, second)]
    actions.set_scope(world.by("requester"), request.pk, lines, now=NOW)
    actions.submit(world.by("requester"), request.pk, now=NOW)
    actions.triage(world.by("assessor"), request.pk, now=NOW)
    view = RiskView(Risk.MEDIUM, Risk.MEDIUM, WHY)
    actions.assess(world.by("assessor"), request.pk, view, now=NOW)
    with pytest.raises(NotAllowed, match="or a reviewer"):
        actions.narrow(world.by("implementer"), request.pk, lines[1:], why=WHY, now=NOW)
    actions.narrow(world.by("owner"), request.pk, lines[1:], why=WHY, now=NOW)
    assert request.scope.count() == 1


def test_there_is_an_end_to_drafts_and_files(world, monkeypatch):
    monkeypatch.setattr(drafting, "_MOST_DRAFTS", 2)
    monkeypatch.setattr(talking, "MOST_FILES", 1)
    by = world.by("requester")
    first, _ = world.drafted(), world.drafted()
    with pytest.raises(NotAllowed, match="You have 2 drafts"):
        actions.draft(by, world.control, now=NOW)
    actions.withdraw(by, first.pk, now=NOW)
    request = actions.draft(by, world.control, now=NOW)
    file = actions.File("a.pdf", "application/pdf", 9, "a" * 64, "1")
    actions.attach(by, request.pk, file, now=NOW)
    with pytest.raises(NotAllowed, match="1 files at most"):
        actions.attach(by, request.pk, file, now=NOW)
