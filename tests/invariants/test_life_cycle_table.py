"""The table of steps: no state is reached without its gates, whatever is known and whoever asks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from invariants.policies import life_cycle, life_cycle_page
from invariants.policies.life_cycle import (
    ENFORCE,
    GATES,
    MANAGE,
    TRANSITIONS,
    Asked,
    Attached,
    Covered,
    Facts,
    Gate,
    NotMovable,
    Staging,
    State,
    Width,
)

RIGHTS = frozenset({MANAGE, ENFORCE})
WHY = "The board has agreed."
WAIVED = "Agreed on with the owners of the accounts."
FORWARD = [State.DRAFT, State.TESTED, State.STAGED, State.ENFORCED]
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
SOUND = Facts(
    state=State.DRAFT,
    probes=Asked(5),
    golden=Asked(90),
    staging=Staging(True, "Attached to Policy Staging first."),
    covered=Covered(40, 40, "40 enforced"),
    replay_days=120,
)

asked = st.builds(
    lambda asked, failing, more: Asked(asked + failing + more, failing + more, more, "A probe"),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
)
facts = st.builds(
    Facts,
    state=st.sampled_from([state.value for state in State]),
    is_gone=st.booleans(),
    is_marked_draft=st.booleans(),
    retired_because=st.sampled_from(["", "Nobody needs it."]),
    lint=st.sampled_from([(), ("wildcard-in-equals",)]),
    probes=asked,
    golden=asked,
    examples=st.sampled_from([(), ("key_roles",)]),
    is_for_root=st.booleans(),
    staging=st.builds(Staging, st.booleans(), st.just("As it is attached.")),
    covered=st.none()
    | st.builds(Covered, st.integers(0, 9), st.integers(0, 9), st.just("so and so")),
    replay_days=st.none() | st.integers(0, 200),
)
reasons = st.dictionaries(
    st.sampled_from([gate.value for gate in Gate]), st.sampled_from(["", "ok", WAIVED])
)
held = st.frozensets(st.sampled_from([MANAGE, ENFORCE]))


def moved(known, after, **changes):
    given_ = {"rights": RIGHTS, "why": WHY, "waivers": {}} | changes
    return life_cycle.check_move(known, after, **given_)


@given(facts, st.sampled_from([s.value for s in State]), held, st.sampled_from(["", WHY]), reasons)
def test_no_state_is_reached_but_by_a_step_whose_every_gate_passed_or_was_waived(
    known, after, rights, why, waivers
):
    missing = ()
    try:
        recorded = life_cycle.check_move(known, after, rights=rights, why=why, waivers=waivers)
    except NotMovable as error:
        missing, recorded = error.missing, None
    if recorded is None:
        assert missing
        assert all(missing)
        return
    step = life_cycle.step(known.state, after)
    assert step is not None
    assert step.right in rights
    assert why
    assert not known.is_gone
    assert [gate["gate"] for gate in recorded] == [gate.value for gate in step.gates]
    for gate, result in zip(recorded, life_cycle.look(known, step), strict=True):
        assert gate["found"] == result.found
        if result.passed:
            assert (gate["state"], gate["waiver"]) == ("PASSED", "")
        else:
            assert result.may_waive
            assert (gate["state"], gate["waiver"]) == ("WAIVED", waivers[gate["gate"]])
            assert len(gate["waiver"]) >= life_cycle.SHORTEST_WAIVER


@given(facts, st.sampled_from([s.value for s in State]), held)
def test_what_can_be_done_is_what_is_then_let_through_with_all_reasons_given(known, after, rights):
    everything = {gate.value: WAIVED for gate in Gate}
    try:
        life_cycle.check_move(known, after, rights=rights, why=WHY, waivers=everything)
        is_let = True
    except NotMovable:
        is_let = False
    assert life_cycle.can_move(known, after, rights=rights) is is_let


@given(facts)
def test_enforced_is_never_said_of_what_holds_nowhere_or_breaks_its_own_tests(known):
    everything = {gate.value: WAIVED for gate in Gate}
    try:
        life_cycle.check_move(
            replace(known, state=State.STAGED),
            State.ENFORCED,
            rights=RIGHTS,
            why=WHY,
            waivers=everything,
        )
    except NotMovable:
        return
    assert known.covered is not None
    assert known.covered.protected
    assert known.probes.asked
    assert not (known.probes.failing or known.lint or known.examples)
    assert known.golden.failing == known.golden.open


def test_the_page_about_it_is_that_of_the_table():
    written = (Path(settings.BASE_DIR) / "docs" / "life-cycle.md").read_text(encoding="utf-8")
    assert written == life_cycle_page.render(), "run `manage.py life_cycle_docs`"


def test_every_state_is_reached_from_draft_one_step_at_a_time():
    assert [
        (t.before, t.after) for t in TRANSITIONS if t.after in FORWARD and Gate.PROBES in t.gates
    ] == list(pairwise(FORWARD))
    assert len({(t.before, t.after) for t in TRANSITIONS}) == len(TRANSITIONS)
    assert {t.after for t in TRANSITIONS} == set(State)
    assert {t.before for t in TRANSITIONS} == set(State)


def test_a_sound_invariant_goes_all_the_way():
    for before, after in pairwise(FORWARD):
        recorded = moved(replace(SOUND, state=before), after)
        assert {gate["state"] for gate in recorded} == {"PASSED"}


def test_steps_into_and_out_of_force_need_a_right_of_their_own():
    of_force = {(t.before, t.after) for t in TRANSITIONS if t.right == ENFORCE}
    assert of_force == {
        (State.STAGED, State.ENFORCED),
        (State.ENFORCED, State.STAGED),
        (State.ENFORCED, State.RETIRED),
    }
    with pytest.raises(NotMovable, match=r"right invariants\.enforce_invariants"):
        moved(replace(SOUND, state=State.STAGED), State.ENFORCED, rights={MANAGE})


@pytest.mark.parametrize("before", [s for s in State if s != State.RETIRED])
def test_it_can_always_be_retired_with_a_reason(before):
    bad = Facts(state=before, is_marked_draft=True, lint=("syntax",))
    assert moved(bad, State.RETIRED) == []
    with pytest.raises(NotMovable, match="why"):
        moved(bad, State.RETIRED, why="  ")


def test_what_its_file_retires_is_taken_up_again_by_the_file_first():
    retired = replace(SOUND, state=State.RETIRED, is_marked_draft=True)
    assert [gate["gate"] for gate in moved(retired, State.DRAFT)] == ["KEPT"]
    with pytest.raises(NotMovable, match="Remove `retired:` there first"):
        moved(replace(retired, retired_because="Not needed."), State.DRAFT)


def test_a_step_that_is_not_in_the_table_is_refused_by_name():
    with pytest.raises(NotMovable, match="no step from draft to enforced"):
        moved(SOUND, State.ENFORCED)


@pytest.mark.parametrize(
    ("changes", "after", "words"),
    [
        ({"is_marked_draft": True}, State.TESTED, "Written: Its file says `draft: true`"),
        ({"retired_because": "Not needed."}, State.TESTED, "Remove `retired:`"),
        ({"lint": ("placeholder",)}, State.TESTED, "Lint: The policy breaks placeholder"),
        ({"probes": Asked(0)}, State.TESTED, "Own probes: It has no probes"),
        ({"probes": Asked(4, 1, 0, "Stop it")}, State.TESTED, "1 of 4 fail, such as “Stop it”"),
        ({"golden": Asked(90, 2, 0, "kms-delete: Read")}, State.TESTED, "It denies 2 of 90"),
        ({"golden": Asked(90, 2, 1, "kms-delete: Read")}, State.TESTED, "It denies 1 of 90"),
        ({"examples": ("key_roles",)}, State.STAGED, "Parameters: Still the shipped examples"),
        ({"covered": None}, State.ENFORCED, "has not been worked out yet"),
        ({"covered": Covered(40, 0, "40 missing")}, State.ENFORCED, "Attach its policy first"),
        ({"is_gone": True}, State.TESTED, "no longer in the catalogue"),
    ],
)
def test_what_is_missing_is_named_and_cannot_be_waived(changes, after, words):
    before = FORWARD[FORWARD.index(after) - 1]
    everything = {gate.value: WAIVED for gate in Gate}
    with pytest.raises(NotMovable) as error:
        moved(replace(SOUND, state=before, **changes), after, waivers=everything)
    assert words in str(error.value)
    assert len(error.value.missing) == 1


@pytest.mark.parametrize(
    ("changes", "after", "gate"),
    [
        ({"golden": Asked(90, 2, 2, "kms-delete: Read")}, State.TESTED, Gate.GOLDEN),
        ({"replay_days": None}, State.TESTED, Gate.REPLAY),
        ({"replay_days": 29}, State.TESTED, Gate.REPLAY),
        ({"replay_days": None}, State.ENFORCED, Gate.REPLAY),
        ({"replay_days": 60, "is_for_root": True}, State.ENFORCED, Gate.REPLAY),
        ({"staging": Staging(False, "Attached to the root alone.")}, State.ENFORCED, Gate.STAGING),
        ({"covered": Covered(40, 38, "38 enforced, 2 missing")}, State.ENFORCED, Gate.COVERAGE),
    ],
)
def test_some_gates_pass_with_a_written_reason_which_is_kept(changes, after, gate):
    known = replace(SOUND, state=FORWARD[FORWARD.index(after) - 1], **changes)
    for reason in ("", "ok"):
        with pytest.raises(NotMovable, match=GATES[gate].name):
            moved(known, after, waivers={gate: reason})
    recorded = moved(known, after, waivers={gate: f"  {WAIVED} ", Gate.LINT: "Not asked for."})
    assert [(g["state"], g["waiver"]) for g in recorded if g["state"] == "WAIVED"] == [
        ("WAIVED", WAIVED)
    ]
    assert all(g["waiver"] == "" for g in recorded if g["gate"] != gate)


def test_everything_that_is_missing_is_named_at_once():
    bad = Facts(state=State.DRAFT, is_marked_draft=True, lint=("syntax",))
    with pytest.raises(NotMovable) as error:
        moved(bad, State.TESTED, rights=set(), why="")
    assert len(error.value.missing) == 6


@pytest.mark.parametrize(
    ("attachments", "is_shown", "words"),
    [
        ([], False, "No policy that serves it is attached."),
        ([(Width.ROOT, "the root", 0)], False, "nothing narrower before"),
        ([(Width.STAGING, "Policy Staging", 0), (Width.ROOT, "the root", 7)], True, "2 November"),
        ([(Width.OU, "Sandbox", 0), (Width.ROOT, "the root", 7)], True, "Sandbox since"),
        ([(Width.OU, "Sandbox", 7), (Width.ROOT, "the root", 7)], False, "nothing narrower"),
        ([(Width.OU, "Sandbox", 8), (Width.ROOT, "the root", 7)], False, "nothing narrower"),
        ([(Width.OU, "Production", 0)], False, "nothing narrower before"),
        ([(Width.STAGING, "account 111122223333", 0)], True, "only, since"),
        ([(Width.STAGING, "Policy Staging", 0), (Width.OU, "Production", 9)], True, "Production"),
    ],
)
def test_staging_is_read_off_the_order_of_attachments(attachments, is_shown, words):
    found = life_cycle.staging_of(
        [Attached(width, name, MONDAY + timedelta(days=days)) for width, name, days in attachments]
    )
    assert found.is_shown is is_shown
    assert words in found.said
