"""Random people take random steps, with crashes, clock jumps and attacks between them, on the database.

After each step every record is looked at by rules of its own, which know neither the table nor the
actions: the log and the row, and who did what.
"""

from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line, RiskView, Sight
from invariants.models import ExceptionApproval, ExceptionEvent, ExceptionPart, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Risk, ScopeKind
from invariants.policies.exceptions import NotAllowed
from invariants.policies.exceptions.clocks import Calendar
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import FILLED, LINK, WHY

LIMITS = {"LOW": 365, "MEDIUM": 180, "HIGH": 90, "CRITICAL": 30}
NEEDED = {
    "LOW": {"LEAD"},
    "MEDIUM": {"LEAD", "OWNER"},
    "HIGH": {"CISO"},
    "CRITICAL": {"CISO", "EXECUTIVE"},
}
PEOPLE = 6
PARTS = {
    "DRAFT": "asks",
    "SUBMIT": "asks",
    "WITHDRAW": "asks",
    "RENEW": "asks",
    "ASSESS": "assesses",
    "APPROVE": "approves",
    "GRANT": "approves",
    "IMPLEMENT": "implements",
}
people = st.integers(0, PEOPLE - 1)
records = st.integers(0, 3)
risks = st.sampled_from(Risk.values)


class _Crash(Exception):
    pass


class Exceptions(RuleBasedStateMachine):
    """A few records, six people of whom each may do everything, and a collection that looks."""

    def __init__(self):
        super().__init__()
        self.world = worlds.build()
        self.world.on(worlds.TODAY)
        self.users = [_anybody(number) for number in range(PEOPLE)]
        self.pks = []
        self.counts = {}

    def by(self, person):
        return By(self.users[person])

    def pick(self, number):
        return self.pks[number % len(self.pks)]

    def attempt(self, act):
        """As a request does: all or nothing; what is refused leaves nothing behind."""
        before = _rows(self.pks)
        try:
            with transaction.atomic():
                return act()
        except (NotAllowed, PermissionDenied, ExceptionRequest.DoesNotExist):
            assert _rows(self.pks) == before
        return None

    @rule(person=people, is_emergency=st.booleans(), mechanism=st.sampled_from(["NONE", "TAG"]))
    def draft(self, person, is_emergency, mechanism):
        if len(self.pks) >= 4:
            return
        by = self.by(person)
        until = (self.world.now + timedelta(days=400)).date()
        changes = {"is_emergency": is_emergency, "mechanism": mechanism, "asked_until": until}
        changes["starts_on"] = self.world.now.date()

        def act():
            request = actions.draft(by, self.world.control, now=self.world.now)
            actions.save(by, request.pk, FILLED | changes, now=self.world.now)
            line = Line(ScopeKind.ACCOUNT, self.world.account.account_id)
            return actions.set_scope(by, request.pk, [line], now=self.world.now)

        request = self.attempt(act)
        self.pks.append(request.pk)

    def _step(self, name, number, person, **values):
        act = partial(getattr(actions, name), self.by(person), self.pick(number), **values)
        return self.attempt(partial(act, now=self.world.now))

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people, who=st.sampled_from(["requester", "anybody"]))
    def submit(self, number, person, who):
        if who == "requester":
            pk = self.pick(number)
            asker = ExceptionRequest.objects.get(pk=pk).requester_id
            person = next(i for i, user in enumerate(self.users) if user.pk == asker)
        self._step("submit", number, person)

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people)
    def triage(self, number, person):
        self._step("triage", number, person)

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people, residual=risks)
    def assess(self, number, person, residual):
        view = RiskView(Risk.CRITICAL, Risk(residual), WHY)
        act = partial(actions.assess, self.by(person), self.pick(number), view)
        self.attempt(partial(act, now=self.world.now))

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people, days=st.none() | st.integers(0, 500))
    def approve(self, number, person, days):
        until = None if days is None else (self.world.now + timedelta(days=days)).date()
        self._step("approve", number, person, until=until)

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people)
    def hurry(self, number, person):
        """Everything up to the approval, each by the next person."""
        self.submit(number, person, "requester")
        for turn in range(PEOPLE):
            self.triage(number, turn)
            self._step("grant", number, turn, why=WHY)
        for turn in range(PEOPLE):
            self.assess(number, (person + turn) % PEOPLE, "LOW")
            self.approve(number, turn, None)

    @precondition(lambda self: self.pks)
    @rule(
        number=records,
        person=people,
        name=st.sampled_from(["grant", "reject", "request_changes", "revoke", "withdraw"]),
    )
    def say(self, number, person, name):
        self._step(name, number, person, why=WHY)

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people, name=st.sampled_from(["implement", "remove"]))
    def work(self, number, person, name):
        self._step(name, number, person, pull_request=LINK)

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people)
    def renew(self, number, person):
        made = self._step("renew", number, person)
        if made is not None:
            until = (self.world.now + timedelta(days=90)).date()
            by = By(next(user for user in self.users if user.pk == made.requester_id))
            actions.save(by, made.pk, {"asked_until": until}, now=self.world.now)
            self.pks.append(made.pk)

    @precondition(lambda self: self.pks)
    @rule(number=records, found=st.sampled_from([True, True, False, None]), late=st.booleans())
    def collect(self, number, found, late):
        pk = self.pick(number)
        looked_at = self.world.now - (timedelta(hours=30) if late else timedelta(0))
        sight = Sight(found, looked_at, {"policy": "p-1"})
        before = ExceptionEvent.objects.count()
        verb = actions.verify(pk, sight, now=self.world.now)
        if found is None:
            assert (verb, ExceptionEvent.objects.count()) == (None, before)
        after = _rows(self.pks)
        # The same look again, as when a worker was given up and its task delivered anew.
        assert actions.verify(pk, sight, now=self.world.now) is None or verb is None
        assert verb is None or _rows(self.pks) == after
        self.world.later(minutes=1)

    @rule(hours=st.sampled_from([-1, 1, 5, 24, 49, 73, 24 * 20, 24 * 95]), beats=st.booleans())
    def jump(self, hours, beats):
        """Time passes, or the clock is set back; the beat may stand still meanwhile."""
        self.world.later(hours=hours)
        if beats:
            self.tick()

    @rule()
    def tick(self):
        organization = self.world.account.organization
        actions.tick(organization, now=self.world.now)
        assert actions.tick(organization, now=self.world.now) == actions.Ticked()
        today = Calendar(ZoneInfo(organization.time_zone)).day_of(self.world.now)
        granted = ["APPROVED", "IMPLEMENTING", "ACTIVE", "EXPIRING", "EMERGENCY"]
        left = ExceptionRequest.objects.filter(pk__in=self.pks, state__in=granted)
        assert not left.filter(until__lt=today).exists()
        assert not left.filter(state="EMERGENCY", emergency_until__lte=self.world.now).exists()

    @precondition(lambda self: self.pks)
    @rule(
        number=records, person=people, name=st.sampled_from(["triage", "tick", "collect", "draft"])
    )
    def crash(self, number, person, name):
        """A worker dies before its transaction is over: nothing has happened."""
        before, pks = _rows(self.pks), list(self.pks)
        rules = {
            "triage": partial(self.triage, number, person),
            "tick": self.tick,
            "collect": partial(self.collect, number, True, False),
            "draft": partial(self.draft, person, False, "NONE"),
        }
        with pytest.raises(_Crash):
            _die_after(rules[name])
        self.pks = pks
        assert _rows(self.pks) == before
        self.counts = {pk: self.counts[pk] for pk in pks}

    @precondition(lambda self: self.pks)
    @rule(number=records, state=st.sampled_from(ExceptionState.values))
    def attack(self, number, state):
        """Somebody with a client of the database sets a state."""
        row = ExceptionRequest.objects.get(pk=self.pick(number))
        if row.state == state:
            return
        with pytest.raises(DatabaseError), transaction.atomic():
            ExceptionRequest.objects.filter(pk=row.pk).update(
                state=state, state_since=self.world.now
            )

    @invariant()
    def logs_are_whole(self):
        for pk in self.pks:
            row = ExceptionRequest.objects.get(pk=pk)
            events = list(row.events.order_by("number"))
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            assert len(events) >= self.counts.get(pk, 0)
            self.counts[pk] = len(events)
            was = ""
            for event in events:
                assert event.state_before == was
                was = event.state_after
            assert was == row.state
            _check_replay(row, events)
            _check_people(events)
            _check_state(row, events)


def _check_replay(row, events):
    """The log tells of every field: put together it is the row."""
    told = {}
    for event in events:
        told |= event.after
    for name in ("until", "residual_risk", "assessor_id", "implementer_id", "emergency_until"):
        value = getattr(row, name)
        value = value.isoformat() if hasattr(value, "isoformat") else value
        assert told.get(name, "" if name == "residual_risk" else None) == value, name


def _check_people(events):
    did = {}
    for event in events:
        part = PARTS.get(event.verb)
        if part is not None and event.who_kind == "PERSON":
            assert did.setdefault(event.who_id, part) == part
    for event in events:
        if event.verb in ("FIND", "LOSE", "CLOSE", "SUPERSEDE"):
            assert event.who_kind == "COLLECTION"
        elif event.verb in ("EXPIRE", "WARN", "REMIND"):
            assert event.who_kind == "CLOCK"
        else:
            assert event.who_kind == "PERSON"
    asked = {event.who_id for event in events if PARTS.get(event.verb) == "asks"}
    decided = ("TRIAGE", "REJECT", "REQUEST_CHANGES")
    assert not asked & {event.who_id for event in events if event.verb in decided}
    assert len(asked) == 1


def _check_state(row, events):
    verbs = [event.verb for event in events]
    parts = ExceptionPart.objects.filter(request=row)
    assert parts.count() == parts.values("person_id").distinct().count()
    seats = ExceptionApproval.objects.filter(request=row, round=row.round)
    taken = set(seats.values_list("seat", flat=True))
    assert seats.count() == seats.values("person_id").distinct().count()
    if row.state in ("APPROVED", "IMPLEMENTING", "ACTIVE", "EXPIRING"):
        assert taken >= NEEDED[row.residual_risk]
        limit = min(LIMITS[row.severity], LIMITS[row.residual_risk])
        assert (row.until - row.starts_on).days < limit
        assert "ASSESS" in verbs
    if row.until is not None:
        assert row.until <= row.asked_until
    if row.state in ("ACTIVE", "EXPIRING"):
        last_lost = max((i for i, verb in enumerate(verbs) if verb == "LOSE"), default=-1)
        assert "FIND" in verbs[last_lost + 1 :]
        assert row.mechanism == "NONE" or "IMPLEMENT" in verbs or row.renews_id
    if row.state == "EMERGENCY":
        assert taken >= {"EMERGENCY"}
        assert row.emergency_until - row.granted_at <= timedelta(hours=72)
    if row.state == "CLOSED":
        assert verbs[-1] == "CLOSE" or "CLOSE" in verbs
        assert row.gone_seen_at >= row.ended_at
    assert row.renewal <= 2
    keys = [event.key for event in events if event.key]
    assert len(keys) == len(set(keys))


@transaction.atomic
def _die_after(act):
    act()
    raise _Crash


def _rows(pks):
    events = ExceptionEvent.objects.filter(request__in=pks).order_by("pk").values_list()
    return list(ExceptionRequest.objects.filter(pk__in=pks).order_by("pk").values_list()), list(
        events
    )


def _anybody(number):
    roles = sorted({role for role, _ in worlds.ROLES.values()})
    return factories.person(role=roles, username=f"anybody-{number}")


@pytest.fixture
def emptied(transactional_db):
    """What exceptions keep for good is removed before all tables are emptied."""
    yield
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in TABLES:
            cursor.execute(f"DELETE FROM invariants_{table}")


TABLES = (
    "exceptionevent",
    "exceptionapproval",
    "exceptionpart",
    "exceptionscope",
    "exceptionrequest",
)


def test_nobody_gets_an_exception_into_a_state_that_it_has_not_earned(emptied):
    run_state_machine_as_test(
        Exceptions,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
