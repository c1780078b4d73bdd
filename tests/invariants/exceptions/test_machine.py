"""Random people take random steps, with crashes, clock jumps and attacks between them, on the database.

After each step every record is looked at by rules of its own, which know neither the table nor the
actions: the log and the row, and who did what. `PARAPET_MACHINE=60x100` runs so many stories of so many
steps for each sixth of the states; without it they are few, and always the same ones.
"""

import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import Random
from threading import Barrier, Event
from time import sleep
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Max
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line, RiskView, Sight
from invariants.models import ExceptionApproval, ExceptionEvent, ExceptionPart, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Risk, ScopeKind
from invariants.policies.exceptions import NotAllowed, can
from invariants.policies.exceptions import steps as steps_from
from invariants.policies.exceptions.clocks import Calendar
from invariants.queries import exceptions as queries
from inventory.models import Account
from tests import factories
from tests.fixtures.exception_pages import erase_exceptions
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import FILLED, LINK, NOW, WHY

LIMITS = {"LOW": 365, "MEDIUM": 180, "HIGH": 90, "CRITICAL": 30}
NEEDED = {
    "LOW": {"LEAD"},
    "MEDIUM": {"LEAD", "OWNER"},
    "HIGH": {"CISO"},
    "CRITICAL": {"CISO", "EXECUTIVE"},
}
PEOPLE = 6
# Stories and steps of each for each sixth of the states.
USUAL = "4x30"
MOST = 7
# Steps that end a story, and how.
ENDS = {
    "WITHDRAW": "WITHDRAWN",
    "REJECT": "REJECTED",
    "REVOKE": "REVOKED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
}
# What leads to an approval.
HURRIED = ("TRIAGE", "GRANT", "ASSESS", "APPROVE")
ENDINGS = ("WITHDRAW", "REJECT", "REVOKE", "REQUEST_CHANGES")
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
logger = logging.getLogger(__name__)
SAYS = {
    "SUBMIT": ("submit", {}),
    "WITHDRAW": ("withdraw", {}),
    "TRIAGE": ("triage", {}),
    "APPROVE": ("approve", {}),
    "GRANT": ("grant", {"why": WHY}),
    "REJECT": ("reject", {"why": WHY}),
    "REQUEST_CHANGES": ("request_changes", {"why": WHY}),
    "REVOKE": ("revoke", {"why": WHY}),
    "IMPLEMENT": ("implement", {"pull_request": LINK}),
    "REMOVE": ("remove", {"pull_request": LINK}),
}
people = st.integers(0, PEOPLE - 1)
records = st.integers(0, MOST - 1)
# What a row stands by, as far as a step can change it.
STANDS = (
    *("last", "state", "until", "residual_risk", "inherent_risk", "assessor_id", "implementer_id"),
    *("verified_at", "seen_at", "looked_at", "ended_at", "granted_at", "emergency_until"),
)
_WRITTEN = """
SELECT (SELECT md5(string_agg(r::text, '|' ORDER BY id)) FROM invariants_exceptionrequest r
        WHERE id = ANY(%(pks)s)),
    (SELECT row(count(*), max(id))::text FROM invariants_exceptionevent WHERE request_id = ANY(%(pks)s)),
    (SELECT row(count(*), max(id))::text FROM invariants_exceptionscope WHERE request_id = ANY(%(pks)s))
"""
_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_VIEW = {"risk": RiskView(Risk.CRITICAL, Risk.LOW, WHY)}
PAIRS = [
    (("approve", {}), ("approve", {})),
    (("approve", {}), ("request_changes", {"why": WHY})),
    (("approve", {}), ("withdraw", {})),
    (("assess", _VIEW), ("assess", _VIEW)),
    (("triage", {}), ("grant", {"why": WHY})),
    (("implement", {"pull_request": LINK}), ("revoke", {"why": WHY})),
    (("implement", {"pull_request": LINK}), ("implement", {"pull_request": LINK})),
    (("submit", {}), ("submit", {})),
    (("renew", {}), ("revoke", {"why": WHY})),
]
risks = st.sampled_from(Risk.values)


class _Crash(Exception):
    pass


class Exceptions(RuleBasedStateMachine):
    """A few records, six people of whom each may do everything, and a collection that looks."""

    # The states that its records have reached before the first random step; where and who; what it comes to.
    wanted = ()
    ground = None
    come_to = None

    def __init__(self):
        super().__init__()
        self.world = replace(self.ground.world)
        self.world.on(worlds.TODAY)
        self.users = list(self.ground.users)
        self.pks = []
        self.counts = {}
        self.stood = {}
        self.whos = {}

    def teardown(self):
        self.come_to.add()
        erase_exceptions()

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
            lines = [Line(ScopeKind.ACCOUNT, one) for one in self.ground.accounts]
            return actions.set_scope(by, request.pk, lines, now=self.world.now)

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
        for _ in range(PEOPLE):
            request = ExceptionRequest.objects.get(pk=self.pick(number))
            offered = [one for one in self._offers(request) if one[1] in HURRIED]
            if not offered:
                return
            self._offered(*offered[person % len(offered)], request.pk, Random(person))

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
    @rule(number=records, person=people, which=st.integers(0, 1))
    def narrow(self, number, person, which):
        lines = [Line(ScopeKind.ACCOUNT, self.ground.accounts[which])]
        act = partial(actions.narrow, self.by(person), self.pick(number), lines, why=WHY)
        self.attempt(partial(act, now=self.world.now))

    @rule(person=people, delegate=people, days=st.integers(0, 30))
    def leave(self, person, delegate, days):
        """Somebody is away, and another one approves meanwhile; some can approve in no other way."""
        today = self.world.now.date()
        act = partial(actions.leave, self.by(person), self.users[delegate], since=today)
        self.attempt(partial(act, until=today + timedelta(days=days), now=self.world.now))
        self.whos = {}

    @precondition(lambda self: self.pks)
    @rule(number=records, person=people)
    def renew(self, number, person):
        made = self._step("renew", number, person)
        if made is not None:
            until = (self.world.now + timedelta(days=90)).date()
            by = By(next(user for user in self.users if user.pk == made.requester_id))
            actions.save(by, made.pk, {"asked_until": until}, now=self.world.now)
            self.pks.append(made.pk)

    @initialize(chance=st.integers(0, 10**9))
    def begun(self, chance):
        """Stories do not begin with drafts alone: each state of `wanted` has been reached by one record."""
        turn = Random(chance)
        for wanted in self.wanted:
            is_hurried = wanted == "EMERGENCY" or turn.random() < 1 / 5
            self.draft(turn.randrange(PEOPLE), is_hurried, turn.choice(["NONE", "TAG"]))
            self._lead(self.pks[-1], wanted, turn)

    def _lead(self, pk, wanted, turn):
        """On towards a state, by whoever may; never past it."""
        for _ in range(40):
            request = ExceptionRequest.objects.get(pk=pk)
            if request.state == wanted:
                return
            self._towards(request, wanted, turn)
        raise AssertionError(f"{request.ref} is {request.state} and never was {wanted}")

    def _towards(self, request, wanted, turn):
        offered = self._offers(request)
        ends = [one for one in offered if ENDS.get(one[1]) == wanted]
        if ends and (request.state != "DRAFT" or wanted == "WITHDRAWN"):
            return self._offered(*turn.choice(ends), request.pk, turn)
        if wanted == "RENEWED" and request.state in ("ACTIVE", "EXPIRING"):
            return self._renewed(request, turn)
        on = [one for one in offered if one[1] not in (*ENDS, "GRANT", "IMPLEMENT", "REMOVE")]
        if wanted == "EMERGENCY":
            on = [one for one in offered if one[1] == "GRANT"] or on
        if request.implementer_id is None or wanted == "IMPLEMENTING":
            on += [one for one in offered if one[1] == "IMPLEMENT"]
        if wanted == "CLOSING":
            on += [one for one in offered if one[1] == "REMOVE"]
        if on:
            return self._offered(*turn.choice(on), request.pk, turn)
        if request.state in ("ACTIVE", "EXPIRING"):
            return self._until(
                request.until - timedelta(days=12 if request.state == "ACTIVE" else -1)
            )
        return self._looked(request.pk, request.state not in ("EXPIRED", "REVOKED", "CLOSING"))

    def _renewed(self, request, turn):
        made = request.renewals.exclude(state__in=["WITHDRAWN", "REJECTED"]).first()
        if made is None:
            asker = next(i for i, u in enumerate(self.users) if u.pk == request.requester_id)
            self.renew(self.pks.index(request.pk), asker)
            made = request.renewals.get()
        self._lead(made.pk, "ACTIVE", turn)

    @precondition(lambda self: self.pks)
    @rule(number=records, chance=st.integers(0, 10**9), steps=st.integers(1, 6))
    def onward(self, number, chance, steps):
        """Steps that somebody is offered, each of which can then be done; what ends a story is rarer."""
        turn = Random(chance)
        for _ in range(steps):
            request = ExceptionRequest.objects.get(pk=self.pick(number))
            offered = [
                partial(self._offered, user, verb, request.pk, turn)
                for user, verb in self._offers(request)
                if verb not in ENDINGS or turn.random() < 1 / 6
            ]
            offered += self._others(request, turn)
            if not offered:
                return
            turn.choice(offered)()

    def _offers(self, request):
        """Who is offered what; the record is read once for all of them, as all see all of it."""
        at = queries.moment_of(request.organization, self.world.now)
        facts = queries.facts_of(request)
        return [
            (user, step.verb.value)
            for user in self.users
            for step in steps_from(facts.state)
            if can(facts, step.verb, who=self._who(user, at.today), at=at)
        ]

    def _who(self, user, today):
        if (user.pk, today) not in self.whos:
            self.whos[user.pk, today] = queries.who_is(user, today=today)
        return self.whos[user.pk, today]

    def _offered(self, user, verb, pk, turn):
        before = ExceptionEvent.objects.filter(request=pk).count()
        if verb == "ASSESS":
            view = RiskView(Risk.CRITICAL, Risk(turn.choice(Risk.values)), WHY)
            actions.assess(By(user), pk, view, now=self.world.now)
        else:
            name, said = SAYS[verb]
            getattr(actions, name)(By(user), pk, **said, now=self.world.now)
        assert ExceptionEvent.objects.filter(request=pk).count() == before + 1

    def _others(self, request, turn):
        """What a collection, the clock, and who renews do where it stands."""
        look = partial(self._looked, request.pk)
        if request.state in ("APPROVED", "IMPLEMENTING", "EMERGENCY"):
            return [partial(look, True), partial(look, turn.random() < 2 / 3)]
        if request.state in ("ACTIVE", "EXPIRING"):
            index = self.pks.index(request.pk)
            asker = next(i for i, u in enumerate(self.users) if u.pk == request.requester_id)
            near = request.until - timedelta(days=12 if request.state == "ACTIVE" else -1)
            renew = [partial(self.renew, index, asker)] if len(self.pks) < MOST else []
            return [partial(self._until, near), *renew, partial(look, turn.random() < 3 / 4)]
        if request.state in ("EXPIRED", "REVOKED", "CLOSING"):
            return [partial(look, turn.random() < 1 / 2)]
        return []

    def _looked(self, pk, found):
        self.world.later(minutes=1)
        actions.verify(pk, Sight(found, self.world.now), now=self.world.now)

    def _until(self, day):
        if day > self.world.now.date():
            self.world.on(day)
        self.tick()

    @precondition(lambda self: self.pks)
    @rule(number=records, first=people, second=people, pair=st.sampled_from(PAIRS))
    def at_once(self, number, first, second, pair):
        """Two people at once, each in a transaction of their own: one after the other, or refused."""
        pk, start = self.pick(number), Barrier(2, timeout=20)
        before = ExceptionEvent.objects.filter(request=pk).count()

        def one(person, name, said):
            try:
                start.wait()
                with transaction.atomic():
                    act = getattr(actions, name)
                    act(self.by(person), pk, **said, now=self.world.now)
                return True
            except (NotAllowed, PermissionDenied, ExceptionRequest.DoesNotExist):
                return False
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            both = zip((first, second), pair, strict=True)
            ran = [pool.submit(one, person, *step) for person, step in both]
            done = [future.result() for future in ran]
        assert ExceptionEvent.objects.filter(request=pk).count() == before + sum(done)
        if pair[0] == pair[1] and first == second and pair[0][0] != "implement":
            assert sum(done) < 2

    @rule()
    def restart(self):
        """The process dies between two steps: all that counts is in the database."""
        connection.close()
        self.users = list(
            type(self.users[0]).objects.filter(pk__in=[u.pk for u in self.users]).order_by("pk")
        )

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
        rows = ExceptionRequest.objects.filter(pk__in=self.pks).annotate(last=Max("events__number"))
        stand = {row.pk: tuple(row.__dict__[name] for name in STANDS) for row in rows}
        assert set(stand) == set(self.pks)
        for pk in self.pks:
            # What has neither a new event nor another row was looked at before.
            if self.stood.get(pk) == stand[pk]:
                continue
            self.stood[pk] = stand[pk]
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
    """The log tells of every field, and of the scope: put together it is the row."""
    told, scope = {}, set()
    for event in events:
        told |= event.after
        gone = {(line["kind"], line["value"]) for line in event.before.get("scope", ())}
        come = {(line["kind"], line["value"]) for line in event.after.get("scope", ())}
        scope = scope - gone | come
    if row.renews_id is None:
        assert scope == set(row.scope.values_list("kind", "value"))
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
        elif event.verb in ("EXPIRE", "WARN", "REMIND", "REVIEW"):
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
    sat = list(seats.values_list("person_id", "instead_of_id"))
    used = [other or person for person, other in sat]
    assert len(set(used)) == len(sat) == len({person for person, _ in sat})
    held = dict(parts.values_list("person_id", "part"))
    assert {held[one] for pair in sat for one in pair if one} <= {"APPROVER"}
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
    """What stands written: all of the records, and how far their logs go, of which no line is changed."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITTEN, {"pks": pks})
        return cursor.fetchone()


@dataclass
class Ground:
    """What all stories of a test have in common; the records of each are erased after it."""

    world: worlds.World
    users: list[User]
    accounts: list[Account]


@dataclass
class ComeTo:
    """What all stories of a test have come to."""

    states: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    records: int = 0
    longest: int = 0

    def add(self):
        events = ExceptionEvent.objects.order_by()
        self.states.update(dict(events.values_list("state_after").annotate(times=Count("pk"))))
        self.verbs.update(dict(events.values_list("verb").annotate(times=Count("pk"))))
        found = ExceptionRequest.objects.annotate(n=Count("events")).aggregate(
            records=Count("pk"), longest=Max("n")
        )
        self.records += found["records"]
        self.longest = max(self.longest, found["longest"] or 0)


def _anybody(number):
    """One of the six approves nothing, unless somebody who is away leaves that to them."""
    roles = {role for role, _ in worlds.ROLES.values()}
    if number == PEOPLE - 1:
        roles = {"Security engineer", "Platform engineer"}
    return factories.person(role=sorted(roles), username=f"anybody-{number}")


@pytest.fixture
def ground(transactional_db):
    world = worlds.build()
    accounts = [world.account.account_id, factories.account().account_id]
    yield Ground(world, [_anybody(number) for number in range(PEOPLE)], accounts)
    erase_exceptions()


STATES = ExceptionState.values
PARTS_OF_STATES = [tuple(STATES[number::6]) for number in range(6)]


@pytest.mark.timeout(3600 if os.environ.get("PARAPET_MACHINE") else 300)
@pytest.mark.parametrize("wanted", PARTS_OF_STATES, ids="+".join)
def test_nobody_gets_an_exception_into_a_state_that_it_has_not_earned(ground, wanted):
    asked, come_to = os.environ.get("PARAPET_MACHINE", ""), ComeTo()
    stories, _, steps = (asked or USUAL).partition("x")
    run_state_machine_as_test(
        type("Stories", (Exceptions,), {"wanted": wanted, "ground": ground, "come_to": come_to}),
        settings=settings(
            max_examples=int(stories),
            stateful_step_count=int(steps),
            derandomize=not asked,
            database=None,
            deadline=None,
            # A story that fails is told as it was; shorter ones that fail as well are looked for when asked.
            phases=[Phase.generate, *([Phase.shrink] if asked else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
    logger.info(
        "states %s; steps %s", sorted(come_to.states.items()), sorted(come_to.verbs.items())
    )
    logger.info("%s records; the longest log %s", come_to.records, come_to.longest)
    assert set(wanted) <= set(come_to.states)


def _apart(act):
    """What something gives that runs over a connection of its own."""

    def ran():
        try:
            return act()
        finally:
            connection.close()

    return ran


def test_a_request_waits_for_no_import(ground):
    """An import refers to the organisation for as long as it runs, and nobody who asks waits for it."""
    imported, asked = Event(), Event()

    @transaction.atomic
    def take_in():
        factories.account()
        imported.set()
        assert asked.wait(20)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_apart(take_in))
        assert imported.wait(20)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
                request = actions.draft(By(ground.users[0]), ground.world.control, now=NOW)
        finally:
            asked.set()
        running.result()
    assert request.state == "DRAFT"


def test_a_renewal_and_what_it_renews_are_locked_in_one_order(ground):
    """As `take_in` locks them: two collections at once would wait for each other otherwise."""
    world = ground.world
    world.on(worlds.TODAY)
    old = world.active()
    new = actions.renew(world.by("requester"), old.pk, now=world.now)
    act = partial(actions.verify, new.pk, Sight(True, world.now), now=world.now)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ExceptionRequest.objects.select_for_update().get(pk=old.pk)
            running = pool.submit(_apart(act))
            _waits()
            ExceptionRequest.objects.select_for_update(nowait=True).get(pk=new.pk)
        assert running.result() is None


def _waits():
    for _ in range(2000):
        with connection.cursor() as cursor:
            # Within a transaction the first look would be told again and again.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(_WAITING)
            if cursor.fetchone()[0]:
                return
        sleep(0.01)
    raise AssertionError("Nobody waits for a lock.")


def test_the_stories_reach_every_state():
    assert {state for part in PARTS_OF_STATES for state in part} == set(STATES)
