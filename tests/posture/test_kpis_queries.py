"""What the KPIs of an OU show: numbers, weeks, control charts, and what they are made of."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from posture import kpis
from posture.kpis import Status, Verdict
from posture.models import KpiAccountPoint, KpiFill, KpiPoint
from posture.queries import kpis as queries
from posture.queries.kpis import made_of
from tests import factories
from tests.factories import DAY

pytestmark = pytest.mark.django_db

A_WEEK = timedelta(days=7)


def point(kpi="K10", numerator=0, denominator=100, *, part="", ou=None, **changes):
    values = {"day": DAY, "covered": denominator, "expected": denominator, "details": {}} | changes
    return KpiPoint.objects.create(
        ou=ou or factories.root(),
        kpi=kpi,
        part=part,
        numerator=Decimal(numerator),
        denominator=Decimal(denominator),
        **values,
    )


def line(kpi="K10", *, day=DAY, ou=None):
    return next(
        one for one in queries.lines_of(ou or factories.root(), day=day) if one.kpi.id == kpi
    )


def kpi_fill(kpi, **changes):
    values = {"day": DAY, "formula_version": 1, "target_version": 1, "data_as_of": factories.NOW}
    return KpiFill.objects.create(
        organization=factories.organization(), kpi=kpi, **(values | changes)
    )


def weekly(values, kpi="K10", *, until=DAY):
    """A point a week, the last one on `until`; None is a week without one."""
    for back, value in enumerate(reversed(values)):
        if value is not None:
            point(kpi, value, day=until - back * A_WEEK)


class TestLines:
    def test_all_thirty_without_any_data(self):
        shown = queries.lines(factories.security_engineer(), factories.root(), day=DAY)
        assert [one.kpi.id for one in shown] == list(kpis.registry())
        for one in shown:
            assert (one.value, one.previous, one.delta, one.coverage) == (None, None, None, None)
            assert (one.status, one.verdict) == (Status.NO_DATA, Verdict.UNKNOWN)
            assert one.data_day is None
            assert {part.status for part in one.parts} <= {Status.NO_DATA}

    def test_a_value_with_its_parts_and_coverage(self):
        point(numerator=97, covered=98, expected=100)
        point(part="mfa", numerator=30, denominator=40)
        found = line()
        assert found.value == Decimal("97.0")
        assert (found.numerator, found.denominator) == (97, 100)
        assert found.coverage == Decimal("98.0")
        assert found.status is Status.OFF_TARGET
        mfa = next(one for one in found.parts if one.part.id == "mfa")
        assert (mfa.value, mfa.status) == (Decimal("75.0"), Status.NO_TARGET)

    def test_coverage_is_100_only_where_nothing_is_missing(self):
        point(numerator=1, denominator=5000, covered=4999, expected=5000)
        assert line().coverage == Decimal("99.9")

    def test_previous_is_a_week_or_more_before(self):
        point(numerator=90, day=DAY - timedelta(days=1))
        point(numerator=80, day=DAY - timedelta(days=7))
        point(numerator=70, day=DAY - timedelta(days=8))
        found = line()
        assert (found.value, found.previous, found.delta) == (90, 70, 20)
        assert found.data_day == DAY - timedelta(days=1)
        assert found.previous_day == DAY - timedelta(days=8)

    def test_a_value_of_more_than_13_weeks_ago_is_no_value(self):
        point(numerator=90, day=DAY - 13 * A_WEEK)
        assert line().value is None
        point(numerator=90, day=DAY - 13 * A_WEEK + timedelta(days=1))
        assert line().value == 90

    def test_nothing_after_the_day_is_seen(self):
        point(numerator=90, day=DAY)
        point(numerator=50, day=DAY + timedelta(days=1))
        assert line().value == 90

    def test_thirteen_weeks_with_gaps(self):
        weekly([80, None, 82])
        point(numerator=81, day=DAY - timedelta(days=3))
        weeks = line().weeks
        assert [value for _, value in weeks] == [None] * 10 + [80, None, 82]
        assert (weeks[-1][0], weeks[-3][0], len(weeks)) == ("W47", "W45", 13)

    def test_parts_with_a_target_decide_with_it(self):
        point("K17", 99, 100)
        assert line("K17").status is Status.ON_TARGET
        point("K17", 2, 1, part="expiring")
        assert line("K17").status is Status.OFF_TARGET

    def test_without_a_target_of_its_own_the_parts_decide(self):
        point("K2", 99, 100)
        assert line("K2").status is Status.NO_TARGET
        point("K2", 93, 100, part="critical")
        point("K2", 95, 100, part="high")
        assert line("K2").status is Status.WATCH

    def test_a_part_is_of_the_day_of_its_kpi_or_has_no_data(self):
        point("K2", 90, 100, day=DAY - 2 * A_WEEK)
        point("K2", 0, 40, part="critical", day=DAY - 2 * A_WEEK)
        point("K2", 99, 100, day=DAY - A_WEEK)
        point("K2", 99, 100)
        point("K2", 98, 100, part="high")
        critical, high, *_ = line("K2").parts
        assert (critical.value, critical.status) == (None, Status.NO_DATA)
        assert (high.value, high.delta) == (98, None)
        assert line("K2").status is Status.ON_TARGET

    def test_a_kpi_that_was_filled_since_and_found_nothing_has_no_data(self):
        point("K21", 3, 1, day=DAY - timedelta(days=2))
        assert line("K21").value == 3
        fill = kpi_fill("K21", day=DAY - timedelta(days=1), error="timed out")
        assert line("K21").value == 3
        KpiFill.objects.filter(pk=fill.pk).update(error="")
        assert (line("K21").value, line("K21").status) == (None, Status.NO_DATA)
        assert line("K21", day=DAY - timedelta(days=2)).value == 3

    def test_well_kept_lines_do_not_make_up_for_too_few(self):
        point("K30", 3, 3)
        point("K30", 40, 40, part="inspector")
        assert line("K30").status is Status.TOO_FEW

    @pytest.mark.parametrize(
        ("kpi_id", "number", "covered", "expected"),
        [
            ("K15", 0, 80, "ON_TARGET"),
            ("K15", 0, 79, "TOO_FEW"),
            ("K15", 50, 10, "OFF_TARGET"),
            ("K22", 100, 79, "TOO_FEW"),
            ("K22", 10, 79, "OFF_TARGET"),
        ],
    )
    def test_where_little_was_looked_at_nothing_is_on_target_but_what_misses_does(
        self, kpi_id, number, covered, expected
    ):
        point(kpi_id, number, 100, covered=covered, expected=100)
        assert line(kpi_id).status == expected

    @pytest.mark.parametrize(
        ("overdue", "expected"), [(0, "ON_TARGET"), (3, "TOO_FEW"), (30, "TOO_FEW")]
    )
    def test_too_few_that_miss_their_target_are_not_said_to_be_on_target(self, overdue, expected):
        point("K26", overdue, 0, covered=1, expected=1)
        point("K26", 0, 0, part="three_days", covered=1, expected=1)
        point("K26", min(overdue, 10), 10, part="fourteen_days")
        assert line("K26").status == expected

    @pytest.mark.parametrize(
        ("capped", "uncapped", "expected"),
        [("A", "A", "ON_TARGET"), ("B", "A", "ON_TARGET"), ("C", "A", "OFF_TARGET")],
    )
    def test_a_gate_worse_than_b_takes_the_score_off_its_target(self, capped, uncapped, expected):
        point("K1", 95, 100, details={"capped": capped, "uncapped": uncapped})
        assert line("K1").status == expected

    def test_the_details_come_along(self):
        point("K1", 95, 100, details={"grades": {"A": 3}})
        assert line("K1").details == {"grades": {"A": 3}}

    def test_somebody_who_does_not_see_the_ou_gets_nothing(self):
        production = factories.ou(name="Production")
        point(numerator=1, ou=production)
        reader = factories.ou_reader(ou=production)
        assert queries.lines(reader, factories.root(), day=DAY) == ()
        assert queries.lines(factories.stranger(), production, day=DAY) == ()
        assert queries.line(factories.stranger(), "K10", production, day=DAY) is None
        assert queries.line(reader, "K31", production, day=DAY) is None
        assert queries.line(reader, "K10", production, day=DAY).value == 1
        assert len(queries.lines(reader, production, day=DAY)) == 30

    def test_it_takes_two_queries_however_long_the_history(self, django_assert_num_queries):
        for back in range(60):
            point(numerator=back, day=DAY - back * A_WEEK)
        root = factories.root()
        with django_assert_num_queries(2):
            queries.lines_of(root, day=DAY)


class TestControlChart:
    STEADY = (50, 52, 50, 52, 50, 52, 50, 52, 50, 52, 50, 52)

    def test_a_jump_is_a_signal_at_its_place_in_the_weeks(self):
        weekly([*self.STEADY, 70])
        found = line()
        assert found.xmr.mean == 51
        assert found.xmr.signals == (12,)
        assert found.verdict is Verdict.IMPROVING
        assert found.earlier == ()

    def test_eleven_weeks_are_too_few(self):
        weekly(self.STEADY[1:])
        assert line().xmr is None
        assert line().verdict is Verdict.UNKNOWN

    def test_the_limits_are_those_of_the_first_weeks(self):
        """However long ago that is: limits that follow the numbers would never signal."""
        weekly([*self.STEADY, *[60] * 40])
        found = line()
        assert found.xmr.mean == 51
        assert found.xmr.signals == tuple(range(13))
        assert [value for _, value in found.weeks] == [60] * 13

    def test_the_weeks_that_are_not_read_are_said(self):
        weekly([*self.STEADY, *[60] * 40])
        earlier = line().earlier
        assert len(earlier) == 21
        assert earlier[0] == (DAY - 51 * A_WEEK, 50)
        assert [value for _, value in earlier] == [*self.STEADY, *[60] * 8, None]
        assert earlier[-1] == (None, None)

    def test_the_chart_of_all_weeks_is_whole_while_there_are_few(self):
        weekly([*self.STEADY, *[60] * 20])
        found = line()
        assert [value for _, value in found.earlier] == [*self.STEADY, *[60] * 7]
        assert (None, None) not in found.earlier

    def test_history_goes_as_far_as_it_is_asked(self):
        weekly([*self.STEADY, *[60] * 40])
        KpiFill.objects.bulk_create(
            KpiFill(
                organization=factories.organization(),
                kpi="K10",
                day=DAY - back * A_WEEK,
                formula_version=1,
                target_version=2 if back < 5 else 1,
                data_as_of=factories.NOW,
            )
            for back in range(10)
        )
        user = factories.security_engineer()
        found = queries.history(user, "K10", factories.root(), since=DAY - 51 * A_WEEK, until=DAY)
        assert [week.value for week in found.weeks] == [*self.STEADY, *[60] * 40]
        assert found.xmr.mean == 51
        assert found.xmr.signals == tuple(range(11, 52))
        assert found.since == DAY - 51 * A_WEEK
        assert [(one.day, one.target_version) for one in found.changes] == [(DAY - 4 * A_WEEK, 2)]
        few = queries.history(user, "K10", factories.root(), since=DAY - A_WEEK, until=DAY)
        assert [week.label for week in few.weeks] == ["W46", "W47"]
        assert few.xmr.mean == 51

    def test_history_is_for_those_who_see_the_ou(self):
        since = DAY - A_WEEK
        stranger = factories.stranger()
        assert queries.history(stranger, "K10", factories.root(), since=since, until=DAY) is None


def account_point(account, numerator, denominator, *, kpi="K12", part="", **changes):
    values = {"day": DAY, "ou": account.ou, "covered": 1, "expected": 1} | changes
    return KpiAccountPoint.objects.create(
        account=account,
        kpi=kpi,
        part=part,
        numerator=Decimal(numerator),
        denominator=Decimal(denominator),
        **values,
    )


class TestMadeOf:
    @pytest.fixture
    def accounts(self):
        production = factories.ou(name="Production")
        team = factories.team(slug="payments")
        bright = factories.account(ou=production, name="bright")
        dim = factories.account(ou=production, name="dim", team=team)
        outside = factories.account(name="outside")
        for account, numerator in ((bright, 1), (dim, 0), (outside, 0)):
            account_point(account, numerator, 1)
            account_point(account, 5, 1, part="credentials")
        point("K12", 1, 3)
        point("K15", 12, 1)
        return bright, dim, outside

    def names(self, page):
        return [row.name for row in page.rows]

    def test_those_that_cost_it_most_come_first(self, accounts):
        user = factories.security_engineer()
        page = queries.accounts_of(user, "K12", accounts[0].ou, day=DAY)
        assert self.names(page) == ["dim", "bright"]
        row = page.rows[0]
        assert (row.value, row.team, row.ou_label) == (0, "payments", "Production")
        assert {part.part.id: part.value for part in row.parts} == {"credentials": 5, "stale": None}

    def test_where_less_is_better_the_most_come_first(self, accounts):
        for account, number in zip(accounts, (3, 0, 9), strict=True):
            account_point(account, number, 1, kpi="K15")
        user = factories.security_engineer()
        page = queries.accounts_of(user, "K15", factories.root(), day=DAY)
        assert self.names(page) == ["outside", "bright", "dim"]
        assert [row.value for row in page.rows] == [9, 3, 0]

    def test_page_by_page(self, accounts, monkeypatch):
        monkeypatch.setattr(made_of, "PAGE_SIZE", 2)
        user, root = factories.security_engineer(), factories.root()
        first = queries.accounts_of(user, "K12", root, day=DAY)
        second = queries.accounts_of(user, "K12", root, day=DAY, cursor_text=first.next_cursor)
        assert self.names(first) == ["dim", "outside"]
        assert self.names(second) == ["bright"]
        assert not second.next_cursor
        back = queries.accounts_of(user, "K12", root, day=DAY, cursor_text=second.previous_cursor)
        assert self.names(back) == ["dim", "outside"]

    def test_by_where_the_account_was_on_the_day(self, accounts):
        bright = accounts[0]
        production = bright.ou
        bright.ou = factories.ou(name="Sandbox")
        bright.save()
        user = factories.security_engineer()
        assert "bright" in self.names(queries.accounts_of(user, "K12", production, day=DAY))

    def test_only_what_the_person_may_see(self, accounts):
        dim = accounts[1]
        member = factories.team_member(team=dim.team)
        page = queries.accounts_of(member, "K12", factories.root(), day=DAY)
        assert self.names(page) == ["dim"]
        stranger = factories.stranger()
        assert not queries.accounts_of(stranger, "K12", factories.root(), day=DAY).rows

    def test_the_newest_day_up_to_the_one_that_is_asked(self, accounts):
        user = factories.security_engineer()
        later = queries.accounts_of(user, "K12", factories.root(), day=DAY + A_WEEK)
        assert len(later.rows) == 3
        assert not queries.accounts_of(user, "K12", factories.root(), day=DAY - A_WEEK).rows
        assert not queries.accounts_of(user, "K31", factories.root(), day=DAY).rows

    def test_an_older_day_is_not_listed_once_there_is_nothing_left_to_tell(self, accounts):
        account_point(accounts[0], 3, 1, kpi="K15")
        point("K15", 0, 1, day=DAY + timedelta(days=1))
        user, root = factories.security_engineer(), factories.root()
        assert self.names(queries.accounts_of(user, "K15", root, day=DAY)) == ["bright"]
        later = queries.accounts_of(user, "K15", root, day=DAY + timedelta(days=1))
        assert not later.rows

    def test_the_same_queries_for_one_account_and_for_many(self, accounts):
        user, root = factories.security_engineer(), factories.root()
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                queries.accounts_of(user, "K12", root, day=DAY)
            counts.append(len(captured))
            for _ in range(5):
                account_point(factories.account(), 0, 1)
        assert counts[0] >= counts[1]

    def test_the_ous_right_below(self, accounts):
        production = accounts[0].ou
        inner = factories.ou(parent=production, name="Inner")
        sandbox = factories.ou(name="Sandbox")
        point("K12", 50, ou=production)
        point("K12", 60, ou=production, day=DAY - A_WEEK)
        point("K12", 70, ou=inner)
        found = queries.ous_of(factories.security_engineer(), "K12", factories.root(), day=DAY)
        assert [(one.name, one.value, one.delta) for one in found] == [
            ("Production", 50, -10),
            ("Sandbox", None, None),
        ]
        assert [one.status for one in found] == [Status.OFF_TARGET, Status.NO_DATA]
        reader = factories.ou_reader(ou=sandbox)
        assert [one.name for one in queries.ous_of(reader, "K12", factories.root(), day=DAY)] == [
            "Sandbox"
        ]
        assert queries.ous_of(reader, "K31", factories.root(), day=DAY) == ()
