"""The table of steps alone: no state without its guards and the right person, whatever is known."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from invariants.models.exceptions import (
    ExceptionState,
    ExceptionTarget,
    Mechanism,
    Part,
    Risk,
    ScopeKind,
    Seat,
    Verb,
    WhoKind,
)
from invariants.policies.exceptions import (
    CLOCK,
    COLLECTION,
    TRANSITIONS,
    Facts,
    Moment,
    NotAllowed,
    Said,
    Who,
    can,
    check,
    clocks,
    page,
    step,
    tiers,
)
from invariants.policies.exceptions.guards import GUARDS, last_day_of

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
# A machine that is busy with other things proves nothing.
UNHURRIED = trying(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TODAY = NOW.date()
PEOPLE = [1, 2, 3, 4, 5]
REQUESTER = 1
ALL = frozenset(tiers.RIGHTS)
ALWAYS = frozenset({"ACTIVE", "EXPIRING"})

days = st.none() | st.integers(-40, 400).map(lambda n: TODAY + timedelta(days=n))
risks = st.sampled_from(["", *Risk.values])
facts = st.builds(
    Facts,
    state=st.sampled_from(ExceptionState.values),
    requester_id=st.just(REQUESTER),
    severity=st.sampled_from(Risk.values),
    target_kind=st.sampled_from(ExceptionTarget.values),
    mechanism=st.sampled_from(Mechanism.values),
    asks=st.sampled_from([{"title": "A title"}, {"title": " "}]),
    scope=st.sampled_from(
        [{}, {ScopeKind.ACCOUNT: ("300000000001",)}, {ScopeKind.PATTERN: ("*",)}],
    ),
    starts_on=days,
    asked_until=days,
    until=days,
    inherent_risk=st.just("CRITICAL"),
    residual_risk=risks,
    is_emergency=st.booleans(),
    emergency_until=st.none() | st.just(NOW) | st.just(NOW + timedelta(hours=1)),
    renewal=st.integers(0, 3),
    is_renewal_of_same=st.booleans(),
    implementer_id=st.none() | st.sampled_from(PEOPLE),
    ended_at=st.none() | st.just(NOW - timedelta(hours=3)),
    parts=st.dictionaries(st.sampled_from(PEOPLE[1:]), st.sampled_from(list(Part)[1:])),
    approvals=st.dictionaries(st.sampled_from(list(Seat)), st.sampled_from(PEOPLE[1:])),
)
rights = st.frozensets(st.sampled_from(tiers.RIGHTS))
persons = st.builds(
    Who,
    kind=st.just(WhoKind.PERSON),
    id=st.sampled_from(PEOPLE),
    rights=rights | st.just(ALL),
    instead_of=st.dictionaries(st.sampled_from(PEOPLE), rights, max_size=1),
)
whos = persons | st.sampled_from([CLOCK, COLLECTION])
said = st.builds(
    Said,
    why=st.sampled_from(["", "short", "A reason that is one."]),
    inherent_risk=risks,
    residual_risk=risks,
    until=days,
    link=st.sampled_from(["", "https://git.example.com/1"]),
    is_found=st.sampled_from([None, True, False]),
    looked_at=st.none() | st.just(NOW) | st.just(NOW - timedelta(hours=4)),
)
AT = Moment(NOW, TODAY)
verbs = st.sampled_from(sorted({t.verb for t in TRANSITIONS}))


def taken(known, verb, who, spoken):
    """The step, or None where it is refused, which always says why."""
    try:
        return check(known, verb, who=who, said=spoken, at=AT)
    except NotAllowed as error:
        missing = error.missing
    assert missing
    assert all(missing)
    return None


@UNHURRIED
@given(facts, verbs, whos, said)
def test_what_is_let_through_is_a_step_by_the_right_kind_of_actor(known, verb, who, spoken):
    found = taken(known, verb, who, spoken)
    if found is None:
        return
    assert (found.before, found.verb) == (known.state, verb)
    if verb in (Verb.FIND, Verb.LOSE, Verb.CLOSE, Verb.SUPERSEDE):
        assert who.kind is WhoKind.COLLECTION
    elif verb in (Verb.WARN, Verb.EXPIRE):
        assert who.kind is WhoKind.CLOCK
    else:
        assert who.kind is WhoKind.PERSON
    if found.after in ALWAYS and verb == Verb.FIND:
        assert spoken.is_found is True
        assert known.starts_on <= TODAY <= known.until
    if found.after == ExceptionState.CLOSED:
        assert spoken.is_found is False
    if found.after == ExceptionState.APPROVED and verb == Verb.APPROVE:
        assert known.residual_risk
        assert {*tiers.SEATS[known.residual_risk]} - {*known.approvals} <= {*Seat}
        assert len({*tiers.SEATS[known.residual_risk]} - {*known.approvals}) <= 1
        assert last_day_of(known) >= TODAY


@UNHURRIED
@given(facts, verbs, persons, said)
def test_no_step_gives_somebody_a_second_part(known, verb, who, spoken):
    found = taken(known, verb, who, spoken)
    if found is None:
        return
    held = Part.REQUESTER if who.id == REQUESTER else known.parts.get(who.id)
    if found.actor.part is not None and held is not None:
        assert found.actor.part == held
    deciding = {Verb.TRIAGE, Verb.ASSESS, Verb.APPROVE, Verb.GRANT, Verb.REJECT, Verb.IMPLEMENT}
    if verb in deciding | {Verb.REQUEST_CHANGES}:
        assert who.id != REQUESTER


@UNHURRIED
@given(facts, verbs, whos, said)
def test_who_can_is_never_less_than_who_is_let(known, verb, who, spoken):
    """What `can` leaves open is only what is said with the step; collections say whether they found it."""
    if taken(known, verb, who, spoken) is not None and who.kind is not WhoKind.COLLECTION:
        assert can(known, verb, who=who, at=AT)


@UNHURRIED
@given(facts, verbs, persons)
def test_who_cannot_is_refused_whatever_they_say(known, verb, who):
    if not can(known, verb, who=who, at=AT):
        best = Said("A good reason.", "CRITICAL", "LOW", None, "https://git.example.com/1")
        assert taken(known, verb, who, best) is None


def test_the_page_about_it_is_that_of_the_table():
    written = (Path(settings.BASE_DIR) / "docs" / "exceptions.md").read_text(encoding="utf-8")
    assert written == page.render(), "run `manage.py exception_docs`"


def test_every_state_is_reached_from_the_draft_and_none_is_a_dead_end_but_four():
    reached, before = {"DRAFT"}, set()
    while reached != before:
        before = set(reached)
        reached |= {t.after for t in TRANSITIONS if t.before in before}
    assert reached == set(ExceptionState.values)
    ends = {"CLOSED", "RENEWED", "REJECTED", "WITHDRAWN"}
    assert set(ExceptionState.values) - {t.before for t in TRANSITIONS} == ends
    keys = [(t.before, t.verb) for t in TRANSITIONS]
    assert len(keys) == len(set(keys))
    assert {guard for t in TRANSITIONS for guard in t.guards} == set(GUARDS)


def test_active_and_closed_are_said_by_collections_alone():
    by = {t.actor.words for t in TRANSITIONS if t.after in ("ACTIVE", "CLOSED")}
    assert by == {"a collection"}


def test_nobody_approves_what_nobody_assessed_and_no_approved_one_lacks_an_approval():
    into = [t for t in TRANSITIONS if t.after == "APPROVED" and t.before != "APPROVED"]
    assert {t.verb for t in into} == {Verb.APPROVE}
    assert all({"ASSESSED", "SEATS", "LENGTH"} <= set(t.guards) for t in into)


@pytest.mark.django_db
def test_the_database_knows_the_same_steps_and_seats():
    pairs = {(t.before.value, t.after.value) for t in TRANSITIONS if t.before != t.after}
    with connection.cursor() as cursor:
        cursor.execute("SELECT before, after FROM invariants_exception_steps()")
        assert set(cursor.fetchall()) == pairs
        for risk, seats in tiers.SEATS.items():
            cursor.execute("SELECT invariants_exception_seats(%s)", [risk])
            assert cursor.fetchone()[0] == [seat.value for seat in seats]


def test_a_delegate_takes_a_seat_only_for_somebody_without_another_part():
    known = Facts(
        state="RISK_ASSESSED",
        requester_id=REQUESTER,
        severity="LOW",
        target_kind="CONTROL",
        mechanism="NONE",
        asks={},
        scope={ScopeKind.ACCOUNT: ("1",)},
        starts_on=TODAY,
        asked_until=TODAY,
        residual_risk="LOW",
        inherent_risk="LOW",
        parts={1: Part.REQUESTER, 2: Part.ASSESSOR},
    )
    deputy = lambda person: Who(id=5, instead_of={person: frozenset({tiers.APPROVE})})  # noqa: E731
    assert taken(known, Verb.APPROVE, deputy(3), Said())
    assert not taken(known, Verb.APPROVE, deputy(1), Said())
    assert not taken(known, Verb.APPROVE, deputy(2), Said())
    other = replace(known, parts={**known.parts, 5: Part.ASSESSOR})
    assert not taken(other, Verb.APPROVE, deputy(3), Said())


def test_each_tier_has_more_approvals_or_a_higher_one_than_that_below():
    assert list(tiers.SEATS) == Risk.values
    for lower, higher in combinations(Risk.values, 2):
        assert tiers.SEATS[lower] != tiers.SEATS[higher]
        clock = clocks.VERSIONS[clocks.NEWEST]
        assert clock.most_days[lower] > clock.most_days[higher]


def test_a_step_that_is_not_in_the_table_says_where_it_stands():
    assert step("DRAFT", Verb.APPROVE) is None
    known = Facts("DRAFT", 1, "LOW", "CONTROL", "NONE", {}, {}, None, date(2026, 1, 1))
    with pytest.raises(NotAllowed, match="it is draft"):
        check(known, Verb.APPROVE, who=Who(id=2, rights=ALL), said=Said(), at=AT)
