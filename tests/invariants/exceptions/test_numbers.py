"""The numbers of exceptions: against vectors reckoned by hand, and against each other."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from invariants.policies.exceptions.clocks import Calendar
from invariants.queries.exceptions.numbers import DEFINITIONS, breakdowns, reckoning, words
from invariants.queries.exceptions.numbers.lives import Life, Measure, Step
from invariants.queries.exceptions.numbers.waits import MEDIAN, NINE_OF_TEN, Wait, by_when

FIXTURES = Path(__file__).parents[2] / "fixtures"
VECTOR = yaml.safe_load((FIXTURES / "exception_numbers.yaml").read_text(encoding="utf-8"))


def life(number, row):
    values = row | {"standing": frozenset(row.get("standing", ())), "pk": number}
    return Life(**values | {"measure": Measure(**row.get("measure", {}))})


LIVES = tuple(life(number, row) for number, row in enumerate(VECTOR["lives"], start=1))
WORLD = reckoning.World(
    now=VECTOR["now"],
    calendar=Calendar(ZoneInfo(VECTOR["zone"])),
    accounts=VECTOR["accounts"],
    unapproved=VECTOR["unapproved"],
    duty_breaches=VECTOR["duty_breaches"],
    milestones=tuple(Step(**row) for row in VECTOR["milestones"]),
    **VECTOR["coverage"],
)
FIGURES = reckoning.figures(LIVES, WORLD)


class TestTheVector:
    def test_has_every_number_that_is_defined(self):
        assert list(VECTOR["expected"]) == list(FIGURES) == list(DEFINITIONS)
        assert sorted(k for _, keys in words.CARDS for k in keys) == sorted(DEFINITIONS)

    @pytest.mark.parametrize("key", DEFINITIONS)
    def test_is_what_was_reckoned_by_hand(self, key):
        value, part, whole, unknown = VECTOR["expected"][key]
        figure = FIGURES[key]
        shown = None if figure.value is None else round(figure.value, 2)
        assert shown == (None if value is None else Decimal(value))
        assert (figure.part, figure.whole, figure.unknown) == (part, whole, unknown)
        assert figure.is_least == (key in VECTOR["least"])
        if key in VECTOR["open"]:
            assert figure.open == VECTOR["open"][key]

    def test_bands_and_ends_to_come(self):
        assert [list(row) for row in breakdowns.bands(LIVES, WORLD.now)] == VECTOR["bands"]
        ended, *weeks, later = breakdowns.timeline(LIVES, WORLD.today)
        wanted = VECTOR["timeline"]
        assert ended == ("ended", 0, wanted["ended"])
        assert {n: count for n, (_, count, _) in enumerate(weeks) if count} == wanted["weeks"]
        assert later == ("later", wanted["later"], 0)
        assert len(weeks) == breakdowns.WEEKS_AHEAD

    def test_says_which_invariant_to_redesign_and_what_is_in_its_third_period(self):
        (one,) = breakdowns.redesigns(LIVES, WORLD.now)
        found = [one.key, one.asked, one.active, one.reason, one.reason_count]
        assert found == VECTOR["redesign"]
        third = [one.ref for one in LIVES if breakdowns.is_third_period(one)]
        assert third == ["EX-0003"]


class TestMissingDataIsNoGoodNews:
    def test_of_nothing_there_is_no_share(self):
        empty = reckoning.figures((), dataclasses.replace(WORLD, milestones=(), holding=None))
        shares = {key for key, one in empty.items() if one.definition.unit in ("PERCENT", "DAYS")}
        # Two carve-outs that nobody approved are deployed all the same.
        assert {key for key in shares if empty[key].value is not None} == {"zombie_rate"}

    def test_without_a_comparison_with_aws_nobody_knows_of_zombies(self):
        found = reckoning.figures(LIVES, dataclasses.replace(WORLD, unapproved=None))
        assert found["zombie_rate"].value is None
        assert words.text(found["zombie_rate"]) == "no data"

    def test_use_is_unknown_where_nothing_records_it(self):
        silent = [dataclasses.replace(one, measure=Measure()) for one in LIVES]
        found = reckoning.figures(silent, WORLD)["utilisation"]
        assert (found.value, found.unknown, words.text(found)) == (None, 3, "unknown")
        assert words.made_of(found) == "3 unknown"

    def test_what_nobody_decides_makes_the_median_worse_and_is_never_dropped(self):
        waiting = [
            Life(pk=100 + n, state="SUBMITTED", asked_at=LIVES[0].asked_at) for n in range(5)
        ]
        found = reckoning.figures([*LIVES, *waiting], WORLD)
        assert found["decision_median"].value is None
        assert words.text(found["decision_median"]) == "not reached yet"
        assert found["decided_in_time"].value == 20

    def test_a_late_triage_wins_no_time_and_a_new_submission_starts_anew(self):
        late = LIVES[6]
        due = reckoning.decision_due(late, WORLD.calendar)
        assert due < late.decided_at
        # Triaged within its day: then the days of its risk, to the minute.
        prompt = dataclasses.replace(late, triaged_at=late.asked_at + timedelta(hours=20))
        assert reckoning.decision_due(prompt, WORLD.calendar) < due
        again = dataclasses.replace(
            late, submitted_at=late.asked_at + timedelta(days=7), triaged_at=late.asked_at
        )
        assert reckoning.decision_due(again, WORLD.calendar) == due + timedelta(days=7)

    def test_what_waits_for_who_asked_is_not_late(self):
        back = dataclasses.replace(LIVES[7], state="CHANGES_REQUESTED")
        found = reckoning.figures([back], WORLD)["decided_in_time"]
        assert (found.value, found.open) == (None, 1)

    def test_what_was_revoked_was_not_there_to_be_renewed(self):
        revoked = [dataclasses.replace(one, is_revoked=one.ref == "EX-0005") for one in LIVES]
        found = reckoning.figures(revoked, WORLD)["renewal_rate"]
        assert (found.part, found.whole) == (1, 2)


class TestWaits:
    def test_are_those_of_kaplan_and_meier(self):
        """V10 of kpis.md: shares that stay are 90, 80, 70, 60, 50 per cent."""
        waits = [Wait(Decimal(days), is_over=True) for days in (2, 3, 5, 8, 13)]
        waits += [Wait(Decimal(days), is_over=False) for days in (20, 30, 45, 60, 90)]
        assert by_when(waits, MEDIAN) == 13
        assert by_when(waits, NINE_OF_TEN) is None
        assert by_when(waits, Fraction(3, 10)) == 5

    def test_of_none_is_none(self):
        assert by_when((), MEDIAN) is None


class TestWords:
    @pytest.mark.parametrize(
        ("key", "shown", "made_of"),
        [
            ("active", "3", ""),
            ("per_100", "7.5", "3 of 40"),
            ("decision_median", "10 days", "of 7, 2 still open, counted"),
            ("decision_p90", "not reached yet", "of 7, 2 still open, counted"),
            ("utilisation", "at least 33.3%", "1 of 3, 2 unknown"),
            ("age_oldest", "388 days", "of 3"),
        ],
    )
    def test_say_the_value_and_what_it_is_made_of(self, key, shown, made_of):
        assert (words.text(FIGURES[key]), words.made_of(FIGURES[key])) == (shown, made_of)

    @pytest.mark.parametrize(
        ("part", "whole", "shown"),
        [(1, 3, "33.3%"), (2999, 3000, "99.9%"), (1, 3000, "0.1%"), (0, 3, "0%"), (3, 3, "100%")],
    )
    def test_never_write_almost_all_as_all(self, part, whole, shown):
        assert words.text(reckoning.share("past_expiry", part, whole)) == shown

    def test_a_target_missed_is_marked_and_a_zombie_is_red(self):
        assert words.line(FIGURES["zombie_rate"]).mark == "bad"
        assert words.line(FIGURES["past_expiry"]).mark == "warn"
        assert words.line(FIGURES["duty_breaches"]).mark == "ok"
        assert words.line(FIGURES["renewal_rate"]).mark == ""
