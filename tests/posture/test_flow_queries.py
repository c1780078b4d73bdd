"""Weeks of flow and the stock of what is open, as the pages and the review read them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from posture.models import KpiAccountPoint, KpiPoint
from posture.queries import flow
from tests import factories
from tests.fixtures.episodes import DAY, account, episode, fill

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def world():
    """A team's account and another, two weeks of them filled."""
    team = factories.team()
    place = factories.ou(name="Shop")
    mine = account(ou=place, team=team)
    other = account(ou=place)
    high = factories.control(severity="HIGH")
    for row in (mine, other):
        factories.account_day(account=row, day=DAY - WEEK)
    episode(account=mine, control=high, opened=10, closed=2, due=3)
    episode(account=mine, control=high, opened=5, due=-10)
    episode(account=other, control=high, opened=4, due=1)
    for day in (DAY - WEEK, DAY):
        fill("K28", day=day)
    fill("K2")
    return team, place


def told(weeks):
    return [(week.week, week.opened, week.reopened, week.closed, week.net) for week in weeks]


def test_weeks_are_those_of_k28_and_a_week_without_points_is_no_data(world):
    _, place = world
    weeks = flow.flow(place, day=DAY, weeks=3)

    assert told(weeks) == [
        ("W45", None, None, None, None),
        ("W46", 1, 0, 0, 1),
        ("W47", 2, 0, 1, 1),
    ]
    assert weeks[2].day == DAY
    assert [week.backlog for week in weeks] == [None, 1, 2]
    assert flow.flow(factories.root(), day=DAY, weeks=3) == weeks


def test_a_week_that_nobody_watched_is_no_data(world):
    _, place = world
    KpiPoint.objects.filter(day=DAY, part="opened").update(covered=0)

    assert told(flow.flow(place, day=DAY, weeks=1)) == [("W47", None, 0, 1, None)]


def test_a_person_reads_the_flow_of_what_the_person_sees(world):
    team, place = world
    member = factories.team_member(team=team)

    assert told(flow.flow_visible_to(member, place, day=DAY, weeks=2)) == [
        ("W46", 1, 0, 0, 1),
        ("W47", 1, 0, 1, 0),
    ]
    reader = factories.ou_reader(ou=place)
    whole = flow.flow(place, day=DAY, weeks=2)
    assert flow.flow_visible_to(reader, place, day=DAY, weeks=2) == whole
    nothing = flow.flow_visible_to(factories.stranger(), place, day=DAY, weeks=2)
    assert {week.net for week in nothing} == {None}


def test_the_cost_does_not_hang_on_the_length_of_history(world, django_assert_num_queries):
    _, place = world
    KpiAccountPoint.objects.all().delete()
    with django_assert_num_queries(1):
        flow.flow(place, day=DAY, weeks=13)


def test_the_stock_of_a_day_with_its_attainment(world):
    team, place = world
    found = flow.sla(place, day=DAY)

    critical, high = found.severities
    assert (critical.open, critical.attainment) == (0, None)
    assert (high.open, high.overdue, high.due_14, high.attainment) == (2, 1, 1, Decimal("0.0"))
    assert high.bands[0] == ("up to 7 days", 1)
    assert found.day == DAY
    assert flow.sla(place, day=DAY + WEEK) == flow.Sla(None)
    assert flow.sla_visible_to(factories.ou_reader(ou=place), place, day=DAY) == found
    assert flow.sla_visible_to(factories.team_member(team=team), place, day=DAY).day is None


def test_tiers_come_from_k26(world):
    _, place = world
    fill("K26")

    assert [tier.tier for tier in flow.sla(factories.root(), day=DAY).tiers] == []
    KpiPoint.objects.filter(kpi="K26", ou=place, part="").update(
        details={"tiers": [["3 days", 4, 1]]}
    )
    assert flow.sla(place, day=DAY).tiers == (flow.TierStock("3 days", 4, 1),)
