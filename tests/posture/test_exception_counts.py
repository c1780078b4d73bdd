"""How many exceptions there are is the same in the list, on every page, in the API, in K3 and in a week."""

import copy
import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse

from invariants.models import ExceptionMismatch, ReconciliationRun
from invariants.queries.exceptions import history, numbers, totals
from invariants.queries.exceptions.numbers import DEFINITIONS, words
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

    def test_what_was_granted_in_the_week_and_is_over_was_granted_all_the_same(self, world):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
            closed = (
                "UPDATE invariants_exceptionrequest SET state = 'CLOSED', due_at = NULL,"
                " gone_seen_at = ended_at + interval '1 hour' WHERE id = %s"
            )
            cursor.execute(closed, [world.requests["ended"].pk])
            cursor.execute("SET session_replication_role = origin")

        def told(now):
            rows = k03.of_ous(now.date(), organization=world.account.organization, now=now)
            found = {row.ou_id: row.details for row in rows if row.part == "expired"}
            return found[factories.root().pk]

        assert told(world.now)["granted"] == [["LOW", 5]]
        assert told(world.now)["expired"] == WANTED.expired - 1
        assert told(world.now + timedelta(days=8))["granted"] == []

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


class TestTheSameValueEverywhere:
    """Every number of the process, wherever it is read, in one world where all of them are known."""

    @pytest.fixture
    def told(self, world):
        """The world with a comparison that found one carve-out that nobody approved."""
        organization = world.account.organization
        ReconciliationRun.objects.create(organization=organization, at=world.now, state="COMPLETE")
        ExceptionMismatch.objects.create(
            organization=organization, kind="NOT_APPROVED", key="k", severity="HIGH",
            owner_part="PLATFORM", owner="Platform", summary="s", remedy="r",
            first_seen=world.now, last_seen=world.now,
        )  # fmt: skip
        rollup_of_exceptions.write(organization, now=world.now)
        rows = k03.of_ous(world.now.date(), organization=organization, now=world.now)
        root = factories.root()
        (details,) = [row.details for row in rows if row.ou_id == root.pk and row.part == "expired"]
        reader = factories.person(role="Security engineer", username="reads-all")
        world.board = numbers.board(reader, organization, now=world.now)
        world.course = numbers.course(reader, organization, now=world.now)
        world.k3 = details
        return world

    def test_on_the_page_in_the_file_and_in_the_api(self, told, engineer):
        with time_machine.travel(told.now, tick=False):
            page = engineer.get(reverse("exceptions:numbers"))
            file = engineer.get(reverse("exceptions:numbers_csv")).getvalue().decode()
            answer = engineer.get("/api/v1/exceptions/numbers/").json()
        shown = {line.definition.key: line for card in page.context["cards"] for line in card.lines}
        rows = {row["key"]: row for row in csv.DictReader(io.StringIO(file.lstrip("\ufeff")))}
        api = {row["key"]: row for row in answer["numbers"]}
        assert set(shown) == set(rows) == set(api) == set(told.board.figures) == set(DEFINITIONS)
        html = " ".join(page.content.decode().split())
        for key, figure in told.board.figures.items():
            assert shown[key].text == words.text(figure), key
            assert f"<b>{words.text(figure)}</b>" in html, key
            in_file, in_api = rows[key]["value"], api[key]["value"]
            assert (in_file == "") == (in_api is None) == (figure.value is None), key
            if figure.exact is not None:
                assert Decimal(in_file) == Decimal(in_api) == figure.exact, key
            for name in ("part", "whole"):
                assert rows[key][name] == ("" if api[key][name] is None else str(api[key][name]))
                assert api[key][name] == getattr(figure, name), key

    def test_in_k3_in_the_week_and_at_the_end_of_the_lines(self, told):
        figures, k3 = told.board.figures, told.k3
        assert k3["active"] == figures["active"].part == told.board.counts.active
        assert k3["expired"] == figures["past_expiry"].part == told.board.counts.expired
        assert k3["zombies"] == told.board.counts.zombies
        assert k3["unapproved"] == told.board.unapproved == 1
        assert k3["zombies"] + k3["unapproved"] == figures["zombie_rate"].part == 2
        assert k3["not_in_place"] == figures["unimplemented"].part == 1
        assert k3["renewed_twice"] == figures["renewed_twice"].part
        assert k3["max_age_days"] == figures["age_oldest"].value
        assert Decimal(k3["median_age_days"]) == figures["age_median"].value
        assert k3["bands"] == [[name, count] for name, count, _ in told.board.bands if count]
        assert len(k3["third_periods"]) == len(told.board.third_periods)
        last = told.course.weeks[-1]
        assert (last.active, last.expired, last.zombies) == (
            k3["active"], k3["expired"], k3["zombies"],
        )  # fmt: skip
        assert last.zombie_rate == figures["zombie_rate"].value
        assert last.not_in_place_rate == figures["unimplemented"].value
        block = measures.exceptions([_entry(k3)], load=None, disabled_controls=None)
        week = dict(ExceptionsView(block).facts)
        assert week["In force"] == f"{figures['active'].part}"
        assert week["Past their end"] == f"{figures['past_expiry'].part}"
        assert week["Approved, not in place"] == f"{figures['unimplemented'].part}"
        assert week["Deployed without approval"] == f"{told.board.unapproved}"
        assert week["Renewed twice or more"] == f"{figures['renewed_twice'].part}"

    def test_a_breach_is_none_and_what_nobody_knows_is_no_zero(self, told):
        figures = told.board.figures
        assert figures["duty_breaches"].value == 0
        for key in ("compensated", "removal_median", "decision_p90"):
            assert figures[key].value is None or figures[key].whole, key
        assert figures["utilisation"].value is None
        assert words.text(figures["utilisation"]) == "unknown"


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
