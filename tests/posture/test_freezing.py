"""Closing weeks: when, once, from their own days, and what the draft says."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from posture.kpis import snapshots
from posture.kpis.weeks import Week
from posture.models import (
    ControlDay,
    KpiFill,
    KpiPoint,
    OuControlDay,
    OuDay,
    ReviewSchedule,
    ScoreChange,
    WeeklyReview,
)
from posture.rollups import reviews as freezing
from posture.rollups.reviews import draft
from tests import factories
from tests.fixtures import review_pages
from tests.posture.test_frozen_reviews import at_once

W47 = Week(2026, 47)  # 16 to 22 November
MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def ou_days(*days, score=80, **changes):
    for day in days:
        factories.ou_day(ou=factories.root(), day=day, score=score, **changes)


def point(kpi, day, numerator, denominator=100, *, part="", details=None):
    return KpiPoint.objects.create(
        ou=factories.root(),
        kpi=kpi,
        part=part,
        day=day,
        numerator=numerator,
        denominator=denominator,
        covered=1,
        expected=1,
        details=details or {},
    )


def freeze(week=W47, *, now=MONDAY):
    return freezing.freeze(factories.organization(), week.year, week.week, now=now)


def names(reviews):
    return [str(row) for row in reviews]


def snapshot_of(row):
    return snapshots.from_json(WeeklyReview.objects.get(pk=row.pk).snapshot)


@pytest.mark.parametrize(
    ("week", "zone", "at", "moment"),
    [
        (W47, "UTC", time(6), datetime(2026, 11, 23, 6, tzinfo=UTC)),
        (W47, "Europe/Zurich", time(6), datetime(2026, 11, 23, 5, tzinfo=UTC)),
        (W47, "Asia/Tokyo", time(6), datetime(2026, 11, 22, 21, tzinfo=UTC)),
        (W47, "America/Los_Angeles", time(6), datetime(2026, 11, 23, 14, tzinfo=UTC)),
        # The Mondays after the clocks went forward and back.
        (Week(2026, 13), "Europe/Zurich", time(6), datetime(2026, 3, 30, 4, tzinfo=UTC)),
        (Week(2026, 43), "Europe/Zurich", time(6), datetime(2026, 10, 26, 5, tzinfo=UTC)),
        # An hour that the clocks left out on a Monday.
        (Week(2022, 11), "Asia/Tehran", time(0, 30), datetime(2022, 3, 20, 21, tzinfo=UTC)),
        # A week with its Thursday in another year than its Monday, and one with its Sunday so.
        (Week(2026, 53), "UTC", time(6), datetime(2027, 1, 4, 6, tzinfo=UTC)),
        (Week(2025, 1), "UTC", time(6), datetime(2025, 1, 6, 6, tzinfo=UTC)),
    ],
)
def test_a_week_closes_on_monday_by_the_clocks_of_the_organisation(week, zone, at, moment):
    assert week.closes_at(at, ZoneInfo(zone)) == moment


def test_weeks_go_on_across_years():
    assert Week(2026, 53).next == Week(2027, 1)
    assert Week(2027, 1).previous == Week(2026, 53)
    assert Week.of(date(2027, 1, 3)) == Week(2026, 53)
    assert [Week.read(text) for text in ("2026-W53", "2025-W53", "2026-W00", "2026-47", "x")] == [
        Week(2026, 53),
        None,
        None,
        None,
        None,
    ]


def test_a_snapshot_comes_back_from_json_unchanged():
    found = snapshots.from_json(review_pages.snapshot())
    assert found.score.managed == Decimal("72.4")
    assert found.change.causes[0].points == Decimal("1.4000000")
    assert found.kpis[0].weeks[-1] == ("W47", Decimal("72.4"))
    values = snapshots.to_json(found)
    assert snapshots.from_json(values) == found
    assert snapshots.fingerprint(values) == snapshots.fingerprint(dict(reversed(values.items())))
    changed = snapshots.to_json(replace(found, coverage=Decimal("98.5")))
    assert snapshots.fingerprint(changed) != snapshots.fingerprint(values)


def test_a_snapshot_of_a_later_version_is_not_misread():
    with pytest.raises(ValueError, match="Install the newer release"):
        snapshots.from_json(review_pages.snapshot() | {"version": 2})


@pytest.mark.django_db
def test_a_week_is_frozen_from_monday_six_on_and_not_before():
    ou_days(W47.ends_on)
    assert freeze(now=MONDAY - timedelta(seconds=1)) is None
    assert freezing.freeze_due(now=MONDAY - timedelta(seconds=1)) == []
    row = freeze()
    assert (str(row), row.state, row.data_day) == ("2026-W47", "DRAFT", W47.ends_on)
    assert (row.starts_on, row.ends_on) == (date(2026, 11, 16), date(2026, 11, 22))
    assert row.snapshot_hash == snapshots.fingerprint(WeeklyReview.objects.get().snapshot)


@pytest.mark.django_db
def test_the_schedule_and_the_zone_of_the_organisation_decide():
    organization = factories.organization(time_zone="America/Los_Angeles")
    ReviewSchedule.objects.create(organization=organization, freeze_at=time(8))
    ou_days(W47.ends_on)
    assert freeze(now=datetime(2026, 11, 23, 15, 59, tzinfo=UTC)) is None
    assert freeze(now=datetime(2026, 11, 23, 16, tzinfo=UTC)) is not None


@pytest.mark.django_db
def test_freezing_twice_gives_the_same_review_and_later_data_changes_nothing():
    ou_days(W47.ends_on, score=80)
    first = freeze()
    OuDay.objects.all().delete()
    ou_days(W47.ends_on, score=10)
    again = freeze(now=MONDAY + timedelta(days=30))
    assert again.pk == first.pk
    assert snapshot_of(again).score.managed == 80
    assert WeeklyReview.objects.count() == 1


@pytest.mark.django_db
def test_it_catches_up_every_ended_week_from_its_own_days():
    for back, score in ((0, 80), (7, 70), (21, 50)):
        ou_days(W47.ends_on - timedelta(days=back), score=score)
    found = freezing.freeze_due(now=MONDAY + timedelta(days=2))
    assert names(found) == ["2026-W44", "2026-W45", "2026-W46", "2026-W47"]
    assert [snapshot_of(row).score.managed for row in found] == [50, None, 70, 80]
    assert freezing.freeze_due(now=MONDAY + timedelta(days=2)) == []


@pytest.mark.django_db
def test_it_catches_up_across_the_end_of_a_year_of_53_weeks():
    ou_days(date(2026, 12, 27), date(2027, 1, 3), date(2027, 1, 10))
    found = freezing.freeze_due(now=datetime(2027, 1, 12, tzinfo=UTC))
    assert names(found) == ["2026-W52", "2026-W53", "2027-W01"]
    assert [row.data_day for row in found] == [
        date(2026, 12, 27),
        date(2027, 1, 3),
        date(2027, 1, 10),
    ]


@pytest.mark.django_db
def test_a_week_without_data_says_so_instead_of_taking_old_numbers():
    ou_days(W47.previous.ends_on)
    point("K10", W47.previous.ends_on, 100)
    _, row = freezing.freeze_due(now=MONDAY)
    found = snapshot_of(row)
    assert (row.data_day, found.data_day, found.score.managed) == (None, None, None)
    assert {entry.status for entry in found.kpis} == {"NO_DATA"}
    assert {entry.value for entry in found.kpis} == {None}
    assert len(found.kpis) == 30
    assert (row.answer, row.headline) == (
        "UNKNOWN",
        "No data was collected in this week, so nothing can be said of it.",
    )


@pytest.mark.django_db
def test_a_kpi_that_was_not_filled_in_the_week_has_no_data_however_good_it_was():
    ou_days(W47.previous.ends_on, W47.ends_on)
    point("K10", W47.previous.ends_on, 100)
    point("K12", W47.ends_on, 90)
    found = snapshot_of(freeze())
    assert (found.kpi("K10").value, found.kpi("K10").status) == (None, "NO_DATA")
    assert (found.kpi("K12").value, found.kpi("K12").data_day) == (90, W47.ends_on)


@pytest.mark.django_db
def test_a_day_that_goes_on_when_the_week_closes_is_not_taken():
    factories.organization(time_zone="Asia/Tokyo")
    ou_days(date(2026, 11, 21), score=70)
    ou_days(date(2026, 11, 22), score=80)
    row = freeze(now=datetime(2026, 11, 22, 21, tzinfo=UTC))
    assert (row.data_day, snapshot_of(row).score.managed) == (date(2026, 11, 21), 70)


@pytest.mark.django_db
def test_weeks_before_the_first_data_have_no_review():
    ou_days(W47.ends_on)
    assert freeze(W47.previous) is None
    assert names(freezing.freeze_due(now=MONDAY)) == ["2026-W47"]
    assert freezing.freeze_due(now=MONDAY) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("erasable_reviews")
def test_two_workers_at_once_freeze_each_week_once():
    ou_days(*(W47.ends_on - timedelta(days=7 * back) for back in range(4)))
    ended = at_once(*[lambda: freezing.freeze_due(now=MONDAY)] * 2)
    assert all(isinstance(one, list) for one in ended), ended
    assert WeeklyReview.objects.count() == 4
    assert {row.events.count() for row in WeeklyReview.objects.all()} == {1}


@pytest.mark.django_db
def test_the_snapshot_has_scores_areas_ous_controls_movers_and_the_split():
    root, work, play = factories.root(), factories.ou(name="Work"), factories.ou(name="Play")
    before, day = W47.previous.ends_on, W47.ends_on
    below = factories.ou(parent=work, name="Below")
    for ou, old, new in ((root, 70, 80), (work, 60, 75), (play, 90, 85), (below, 60, 75)):
        factories.ou_day(ou=ou, day=before, score=old)
        factories.ou_day(ou=ou, day=day, score=new)
        points = Decimal(new - old)
        ScoreChange.objects.create(
            ou=ou,
            day=day,
            before=before,
            exits=0,
            posture=points,
            entries=0,
            exceptions=0,
            total=points,
            causes=[
                {"part": "posture", "cause": "improved" if points > 0 else "worsened",
                 "name": "S3.8", "points": str(points), "cells": 4},
            ],
        )  # fmt: skip
    factories.ou_day(ou=root, day=day, area="IDENTITY", score=66)
    for lost, control_id in ((9, "S3.8"), (12, "EC2.8")):
        control = factories.control(control_id=control_id)
        ControlDay.objects.create(
            control=control, day=before, severity="HIGH", is_counted=True,
            is_enabled=control_id == "S3.8",
        )  # fmt: skip
        for when, weight in ((before, 99), (day, lost), (day + timedelta(days=1), 50)):
            OuControlDay.objects.create(
                ou=root, control=control, day=when, passed=1, failed=2, excepted=0, unknown=0,
                accounts_failing=1, accounts=3, lost_weight=weight,
            )  # fmt: skip
    account = factories.account(ou=work)
    factories.account_day(account=account, day=day, score=96)
    found = snapshot_of(freeze())
    assert (found.score.managed, found.score.delta, found.score.letter) == (80, 10, "C")
    assert (found.change.total, found.change.before_score, found.change.after_score) == (10, 70, 80)
    # What an OU and one above it have in common is told once.
    assert [(one.label, one.posture) for one in found.movers.up] == [("Work", 15)]
    assert [(one.label, one.reason) for one in found.movers.down] == [("Play", "worsened: S3.8")]
    assert {one.area: one.score for one in found.areas}["IDENTITY"] == 66
    assert len(found.areas) == 7
    assert [(ou.label, ou.depth, ou.score) for ou in found.ous] == [
        ("Halden Group", 0, 80),
        ("Play", 1, 85),
        ("Work", 1, 75),
        ("Work / Below", 2, 75),
    ]
    assert [(one.control_id, one.lost_weight) for one in found.controls] == [
        ("EC2.8", 12),
        ("S3.8", 9),
    ]
    assert found.exceptions.disabled_controls == 1
    assert found.grades["A"] == 1
    assert len(found.practices) == 10


@pytest.mark.django_db
def test_due_dates_flow_and_exceptions_come_from_the_kpis():
    day = W47.ends_on
    ou_days(day)
    line = {"open": 9, "overdue": 3, "bands": [["up to 7 days", 3]], "due_14": 2}
    point("K2", day, 45, 50, details={"severities": {"CRITICAL": line}})
    point("K2", day, 18, 20, part="critical")
    point("K26", day, 4, 4, details={"tiers": [["3 days", 5, 4]]})
    point("K3", day, 2, details={"active": 7, "bands": [["up to 30 days", 7]]})
    for back, numbers in ((0, (5, 1, 7)), (7, (3, 0, 1))):
        point("K28", day - timedelta(days=back), 0)
        for part, number in zip(("opened", "reopened", "closed"), numbers, strict=True):
            point("K28", day - timedelta(days=back), number, part=part)
    found = snapshot_of(freeze())
    critical, high = found.sla.severities
    assert (critical.open, critical.overdue, critical.attainment) == (9, 3, 90)
    assert (high.open, high.attainment) == (None, None)
    assert [(tier.tier, tier.open, tier.overdue) for tier in found.sla.tiers] == [("3 days", 5, 4)]
    assert (found.exceptions.active, found.exceptions.expired) == (7, None)
    assert len(found.flow) == 13
    assert [(week.week, week.net) for week in found.flow[-3:]] == [
        ("W45", None),
        ("W46", 2),
        ("W47", -1),
    ]


def verdicts(**by_kpi):
    """The believable week with these verdicts, and FLAT for the other headlines."""
    found = review_pages.snapshot()
    for entry in found["kpis"]:
        entry["verdict"] = by_kpi.get(entry["kpi"], "FLAT")
    return snapshots.from_json(found)


@pytest.mark.parametrize(
    ("by_kpi", "said"),
    [
        ({}, "SAME"),
        ({"K2": "IMPROVING"}, "BETTER"),
        ({"K1": "IMPROVING", "K2": "WORSENING"}, "SAME"),
        ({"K1": "WORSENING"}, "WORSE"),
        ({"K1": "WORSENING", "K2": "IMPROVING", "K3": "IMPROVING"}, "SAME"),
        ({"K1": "IMPROVING", "K2": "WORSENING", "K3": "WORSENING"}, "SAME"),
        # No verdict of a KPI that is no headline decides anything.
        ({"K4": "WORSENING", "K5": "WORSENING"}, "SAME"),
        # A score without a chart is no good news, whatever else improves.
        ({"K1": "UNKNOWN", "K2": "IMPROVING"}, "UNKNOWN"),
        (dict.fromkeys(("K2", "K3", "K7", "K10", "K12", "K15"), "UNKNOWN"), "UNKNOWN"),
    ],
)
def test_the_answer_follows_the_control_charts(by_kpi, said):
    assert draft.answer(verdicts(**by_kpi)) == said


@pytest.mark.django_db
@pytest.mark.parametrize(("last", "said"), [(71.5, "SAME"), (60.0, "WORSE"), (85.0, "BETTER")])
def test_a_noisy_week_within_the_usual_range_changes_no_answer(last, said):
    """Fourteen weeks that go up and down by two points, and a last one."""
    headlines = ("K1", "K2", "K7", "K10", "K12", "K22")
    values = [*(70 + 2 * (back % 2) for back in range(13, -1, -1)), last]
    for back, value in enumerate(reversed(values)):
        day = W47.ends_on - timedelta(days=7 * back)
        ou_days(day, score=value)
        for kpi in headlines:
            point(kpi, day, Decimal(str(value)) if kpi == "K1" else 71)
    row = freeze()
    assert row.answer == said
    moved = {"SAME": "", "WORSE": " is worse than", "BETTER": " is better than"}[said]
    assert row.headline.startswith(f"The posture score is {last}")
    assert moved in row.headline


def test_the_sentence_tells_the_numbers_and_what_is_missing():
    found = verdicts(K2="IMPROVING", K3="IMPROVING", K12="WORSENING", K4="WORSENING")
    assert draft.headline(found) == (
        "The posture score is 72.4, 1.5 above that of a week ago; Fixed within the due date and"
        " Exception debt are better than in their first twelve weeks; Accounts without long-term"
        " credentials is worse than in its first twelve weeks; 4 of 10 headlines are off target."
    )
    first = replace(
        verdicts(),
        score=replace(found.score, delta=None),
        kpis=tuple(
            replace(entry, status="OFF_TARGET" if entry.kpi == "K1" else "NO_DATA")
            for entry in found.kpis
        ),
    )
    assert draft.headline(replace(first, kpis=first.kpis[:2])).endswith(
        "The posture score is 72.4; Fixed within the due date is better than in its first twelve"
        " weeks; 1 of 2 headlines is off target, 1 without data."
    )


def test_the_sentence_names_the_day_that_it_compares_with():
    found = verdicts()
    weeks_ago = replace(found, previous_day=found.data_day - timedelta(days=21))
    assert "1.5 above that of 1 November 2026;" in draft.headline(weeks_ago)
    same = replace(weeks_ago, score=replace(found.score, delta=Decimal("0.0")))
    assert "72.4, as 1 November 2026;" in draft.headline(same)
    a_week_ago = replace(found, previous_day=found.data_day - timedelta(days=7))
    assert "1.5 above that of a week ago;" in draft.headline(a_week_ago)


def test_a_week_of_which_too_little_was_checked_has_no_answer_and_no_comparison():
    found = verdicts(K1="WORSENING", K2="WORSENING")
    assert draft.answer(found) == "WORSE"
    blind = replace(found, score=replace(found.score, coverage=Decimal("79.9"), letter="NR"))
    assert draft.answer(blind) == "UNKNOWN"
    assert draft.headline(blind).startswith(
        "Only 79.9% of what counts was checked, so the posture score of 72.4 is not rated;"
    )


@pytest.mark.django_db
def test_the_data_are_no_fresher_than_what_was_read_of_the_findings():
    ou_days(W47.ends_on)
    read = datetime(2026, 11, 18, 7, tzinfo=UTC)
    for as_of, state in (
        (read - timedelta(days=3), "COMPLETE"),
        (read, "PARTIAL"),
        (read + timedelta(days=2), "FAILED"),
        (MONDAY, "COMPLETE"),
    ):
        factories.run(collection=factories.collection(as_of=as_of), state=state)
    KpiFill.objects.create(
        organization=factories.organization(),
        kpi="K1",
        day=W47.ends_on,
        formula_version=1,
        target_version=1,
        data_as_of=MONDAY - timedelta(hours=6),
    )
    assert freeze().data_as_of == read


def texts(notes, cause):
    return [note.text for note in notes if note.cause == cause]


def test_entries_and_exits_of_half_a_point_are_told_alone_or_together():
    found = verdicts()
    cause = found.change.causes[0]
    causes = tuple(
        replace(cause, part=part, cause="account joined", name=name, points=Decimal(points))
        for part, name, points in (
            ("entries", "large", "-0.9"),
            ("entries", "small-1", "0.3"),
            ("entries", "small-2", "0.25"),
            ("exits", "tiny", "0.1"),
        )
    )
    change = replace(found.change, entries=Decimal("-0.35"), exits=Decimal("0.1"), causes=causes)
    notes = draft.notes(replace(found, change=change), None, ())
    assert texts(notes, "entry") == [
        "Entry: account joined, large (36 cells): \N{MINUS SIGN}0.9 points.",
        "Other entries: small-1 (account joined), small-2 (account joined): +0.6 points together.",
    ]
    assert texts(notes, "exit") == []


def test_gates_that_began_ended_or_changed_are_told_and_their_numbers_are_not():
    now = verdicts()
    root, work, *_ = now.ous

    def with_reasons(first, second):
        return replace(
            now,
            ous=(
                replace(root, letter=first[0], reason=first),
                replace(work, letter=second[0], reason=second),
            ),
        )

    a, b = "C (score says A; overdue CRITICAL in 3 of 40 accounts)", "B"
    assert texts(draft.notes(with_reasons(a, b), with_reasons("A", b), ()), "gate") == [
        f"Root: rated {a}, a week ago A."
    ]
    other = "C (score says B; overdue CRITICAL in 9 of 41 accounts)"
    assert texts(draft.notes(with_reasons(other, b), with_reasons(a, b), ()), "gate") == []
    # A letter that follows the score is no gate.
    assert texts(draft.notes(with_reasons(a, "C"), with_reasons(a, b), ()), "gate") == []
    assert texts(draft.notes(with_reasons("A", b), with_reasons(a, b), ()), "gate") == [
        f"Root: rated A, a week ago {a}."
    ]


def test_another_target_or_formula_is_told():
    before = verdicts()
    now = replace(
        before,
        formula_versions={**before.formula_versions, "K2": 2},
        kpis=tuple(
            replace(entry, target=Decimal(97), target_text="at least 97%")
            if entry.kpi == "K7"
            else entry
            for entry in before.kpis
        ),
    )
    notes = draft.notes(now, before, ())
    assert texts(notes, "formula") == [
        "K2 Fixed within the due date: reckoned by version 2 of its formula, until now 1."
    ]
    (text,) = texts(notes, "target")
    assert text.startswith("K7 Invariant coverage: the target is now at least 97%; it was")
    assert draft.notes(before, before, ())[1:] == draft.notes(before, None, ())[1:]


@pytest.mark.django_db
def test_controls_that_were_released_or_switched_are_told():
    before, day = W47.previous.ends_on, W47.ends_on
    ou_days(before, day)

    def control(control_id, *states):
        row = factories.control(control_id=control_id)
        for when, is_enabled, is_counted in states:
            ControlDay.objects.create(
                control=row, day=when, severity="HIGH", is_enabled=is_enabled, is_counted=is_counted
            )

    control("A.1", (before, True, True))
    control("B.1", (before, True, True), (day, False, True))
    control("C.1", (before, False, True), (day, True, True))
    control("D.1", (day - timedelta(days=2), True, False))
    control("E.1", (before, True, False), (day, True, True))
    row = freeze()
    assert list(
        row.notes.filter(cause="control").order_by("pk").values_list("text", flat=True)
    ) == [
        "1 control disabled: B.1 (High).",
        "1 control enabled: C.1 (High).",
        "1 control released, shown and not yet scored: D.1 (High).",
        "1 control scored from now on: E.1 (High).",
    ]
    assert {note.on_day for note in row.notes.all()} == {day}


@pytest.mark.django_db
def test_the_first_controls_of_all_are_no_news():
    ou_days(W47.previous.ends_on, W47.ends_on)
    ControlDay.objects.create(
        control=factories.control(),
        day=W47.ends_on,
        severity="HIGH",
        is_enabled=True,
        is_counted=True,
    )
    assert not freeze().notes.exists()
