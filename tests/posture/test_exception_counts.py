"""How many exceptions there are is the same in the list, on every page, in the API, in K3 and in a week."""

import copy
import re
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse

from invariants.queries.exceptions import history, totals
from invariants.rollups import exceptions as rollup_of_exceptions
from posture import rollups
from posture.kpis.snapshots import ExceptionBlock
from posture.models import KpiAccountPoint, KpiPoint
from posture.queries.review_page.blocks import ExceptionsView
from posture.rollups import kpis
from posture.rollups.kpis.functions import k03
from posture.rollups.reviews import measures
from tests import factories
from tests.fixtures import exception_numbers
from tests.fixtures import kpis as kpi_rows
from tests.fixtures.exception_numbers import WANTED

pytestmark = pytest.mark.django_db
NUMBERS = (WANTED.active, WANTED.expiring, WANTED.expired, WANTED.zombies)


@pytest.fixture(scope="module")
def lived(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        made = exception_numbers.lived()
        kpi_rows.checked(made.account, made.control, passed=1)
        rollups.roll_up(now=made.now)
        rollup_of_exceptions.write(made.account.organization, now=made.now)
        made.filled = kpis.fill_day(made.now.date(), now=made.now)
        yield made
        transaction.set_rollback(True)


@pytest.fixture
def world(lived, db):
    return copy.deepcopy(lived)


@pytest.fixture
def engineer(client, world):
    reader = factories.person(role="Security engineer", username=f"e-{factories.number()}")
    with time_machine.travel(world.now, tick=False):
        client.force_login(reader)
        yield client


def linked(html, place=""):
    """The counts beside the links to their lists."""
    found = {
        code: re.search(rf'\?standing={code}{re.escape(place)}">(?:<[^>]*>)*(\d+)<', html)
        for code in totals.Standing
    }
    return tuple(int(found[code][1]) for code in totals.Standing)


class TestPagesAgree:
    def test_overview_scorecard_and_account_link_to_lists_of_as_many(self, engineer, world):
        ou, account = world.account.ou.ou_id, world.account.account_id
        pages = (
            (reverse("posture:overview"), ""),
            (reverse("posture:scorecard", args=[ou]), f"&amp;ou={ou}"),
            (reverse("posture:account", args=[account]), f"&amp;account={account}"),
        )
        for address, place in pages:
            html = engineer.get(address).content.decode()
            assert "ended and still deployed" in html, address
            assert linked(html, place) == NUMBERS, address
            for code, count in zip(totals.Standing, NUMBERS, strict=True):
                query = f"?standing={code}{place.replace('&amp;', '&')}"
                listed = engineer.get(reverse("exceptions:inbox") + query)
                assert len(listed.context["found"].page.rows) == count, query

    def test_so_do_the_api_and_its_list(self, engineer):
        told = engineer.get("/api/v1/exceptions/numbers/").json()
        assert tuple(told["counts"].values()) == NUMBERS
        numbers = {one["key"]: one["value"] for one in told["numbers"]}
        assert (numbers["active"], numbers["past_expiry"]) == ("2", "50.00")
        assert told["is_whole"] is True
        for code, count in zip(totals.Standing, NUMBERS, strict=True):
            listed = engineer.get(f"/api/v1/exceptions/?standing={code}").json()
            assert len(listed["results"]) == count, code

    def test_a_past_day_of_an_ou_has_the_counts_of_then(self, engineer, world):
        day = world.now.date()
        reader = factories.person(role="Security engineer", username="then")
        assert history.of_day(reader, world.account.ou.ou_id, day) == WANTED
        assert history.of_day(reader, world.account.ou.ou_id, day - timedelta(days=1)) is None


class TestK3:
    def point(self, part, ou=None):
        return KpiPoint.objects.get(kpi="K3", part=part, ou=ou or factories.root())

    def test_counts_the_register_beside_the_weight(self, world):
        assert not world.filled.failed
        for ou in (world.account.ou, factories.root()):
            assert self.point("expired", ou).numerator == WANTED.expired
            renewed = self.point("renewed", ou)
            assert (renewed.numerator, renewed.denominator) == (0, WANTED.active)
            assert self.point("oldest", ou).numerator == 0
        mine = KpiAccountPoint.objects.filter(kpi="K3", account=world.account)
        assert {row.part: row.numerator for row in mine}["expired"] == WANTED.expired

    def test_one_that_reaches_two_ous_counts_once_above_both(self, world):
        elsewhere = factories.ou(name="Elsewhere")
        other = factories.account(ou=elsewhere)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
            world.requests["zombie"].scope.create(
                kind="ACCOUNT", value=other.account_id, account=other
            )
            cursor.execute("SET session_replication_role = origin")
        rows = k03.of_ous(world.now.date(), organization=world.account.organization, now=world.now)
        expired = {row.ou_id: row.numerator for row in rows if row.part == "expired"}
        assert expired[elsewhere.pk] == 1
        assert expired[world.account.ou.pk] == expired[factories.root().pk] == WANTED.expired

    def test_tells_what_the_review_shows_and_a_day_that_is_over_keeps_it(self, world):
        wanted = {
            "active": 2,
            "expiring_30": 1,
            "expired": 2,
            "zombies": 1,
            "not_in_place": 1,
            "renewed_twice": 0,
            "bands": [["up to 30 days", 4]],
            "granted": [["LOW", 5]],
            "third_periods": [],
            "max_age_days": 0,
        }
        told = self.point("").details
        assert {key: told[key] for key in wanted} == wanted
        assert told["unapproved"] is None
        kpis.fill_day(world.now.date(), now=world.now + timedelta(days=1))
        assert self.point("").details == told
        assert self.point("expired").numerator == WANTED.expired


class TestTheWeek:
    def test_freezes_them(self, world):
        block = measures.exceptions(
            [_entry(KpiPoint.objects.get(kpi="K3", part="", ou=factories.root()).details)],
            load=None,
            disabled_controls=None,
        )
        shown = dict(ExceptionsView(block).facts)
        assert shown["In force"] == "2" and shown["Past their end"] == "2"
        assert shown["Ended, and still deployed (zombies)"] == "1"
        assert shown["Granted in the week"] == "5: 5 low"
        assert shown["Deployed without approval"] == "no data"
        assert ExceptionsView(block).alarms == ("1 exception ended and still deployed",)

    def test_a_week_of_before_has_no_data_on_what_nobody_counted(self):
        shown = dict(ExceptionsView(ExceptionBlock()).facts)
        assert set(shown.values()) == {"no data"}
        assert ExceptionsView(ExceptionBlock()).alarms == ()


def _entry(details):
    (entry,) = (one for one in measures.cards_alone() if one.kpi == "K3")
    return replace(entry, details=details)
