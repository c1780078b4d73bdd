"""The page of the numbers, its file, and that every place that counts exceptions counts the same."""

import copy
import csv
import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse

from invariants.actions import exceptions as actions
from invariants.models import (
    Denial,
    DenialDay,
    DenialServes,
    ExceptionDay,
    ExceptionMeasure,
    ExceptionRequest,
    TrailFeed,
)
from invariants.queries.exceptions import history, numbers, totals
from invariants.rollups import exceptions as rollups
from inventory.models import OrganizationalUnit
from tests import factories
from tests.fixtures import exception_numbers, invariant_pages
from tests.invariants.exceptions import world as worlds

pytestmark = pytest.mark.django_db
ALL = list(totals.Standing)


@pytest.fixture(scope="module")
def lived(django_db_setup, django_db_blocker):
    """Lived once for all tests here, each of which is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield exception_numbers.lived()
        transaction.set_rollback(True)


@pytest.fixture
def world(lived, db):
    return copy.deepcopy(lived)


@pytest.fixture
def reader(world):
    return factories.person(role="Security engineer", username=f"reader-{factories.number()}")


@pytest.fixture
def page(client, world, reader):
    with time_machine.travel(world.now, tick=False):
        client.force_login(reader)

    def get(name="numbers", query=""):
        with time_machine.travel(world.now, tick=False):
            return client.get(reverse(f"exceptions:{name}") + query)

    return get


def root():
    return OrganizationalUnit.objects.get(depth=0)


def unguarded(statement, values):
    """Changes what no action changes, past the triggers that refuse it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def board(world, user):
    return numbers.board(user, world.account.organization, now=world.now)


class TestCounts:
    def test_each_standing_has_those_that_it_says(self, world, reader):
        seen = ExceptionRequest.objects.visible_to(reader)
        found = {
            code: {one.pk for one in totals.narrow(seen, code, today=worlds.TODAY)} for code in ALL
        }
        pks = {name: one.pk for name, one in world.requests.items()}
        assert found == {
            "active": {pks["active"], pks["expiring"]},
            "expiring": {pks["expiring"]},
            "expired": {pks["ended"], pks["zombie"]},
            "zombie": {pks["zombie"]},
        }
        assert {one.pk for one in seen.in_force()} == found["active"]

    def test_what_is_over_by_the_calendar_counts_as_past_its_end_before_the_clock_comes_round(
        self, world, reader
    ):
        today = worlds.TODAY + timedelta(days=21)
        assert totals.counts(reader, today=today) == totals.Counts(1, 0, 3, 1)

    def test_page_list_account_ou_and_rollup_count_the_same(self, world, reader):
        rollups.write(world.account.organization, now=world.now)
        wanted = totals.Counts(active=2, expiring=1, expired=2, zombies=1)
        today = worlds.TODAY
        assert totals.counts(reader, today=today) == wanted
        assert totals.counts(reader, today=today, account=world.account) == wanted
        assert totals.counts(reader, today=today, ou=world.account.ou) == wanted
        assert board(world, reader).counts == wanted
        for ou in (world.account.ou, root()):
            day = history.at(ou, world.now.date())
            assert totals.Counts(day.active, day.expiring, day.expired, day.zombies) == wanted

    def test_elsewhere_there_are_none(self, world, reader):
        other = factories.account(ou=factories.ou(name="Elsewhere"))
        assert totals.counts(reader, today=worlds.TODAY, account=other).is_empty
        assert totals.counts(reader, today=worlds.TODAY, ou=other.ou).is_empty
        rollups.write(world.account.organization, now=world.now)
        assert history.at(other.ou, world.now.date()).active == 0

    def test_an_exception_of_an_ou_reaches_what_is_below_it(self, world, reader):
        below = factories.ou(name="Below", parent=world.account.ou)
        account = factories.account(ou=below)
        unguarded(
            "UPDATE invariants_exceptionscope SET kind = 'OU', value = %s, account_id = NULL, ou_id = %s "
            "WHERE request_id = %s",
            [world.account.ou.ou_id, world.account.ou.pk, world.requests["active"].pk],
        )
        today = worlds.TODAY
        assert totals.counts(reader, today=today, account=account).active == 1
        assert totals.counts(reader, today=today, ou=below).active == 1
        rollups.write(world.account.organization, now=world.now)
        assert history.at(below, world.now.date()).active == 1
        assert history.at(root(), world.now.date()).active == 2

    def test_who_sees_one_team_counts_what_they_see(self, world):
        stranger = factories.person(role="Team member", username=f"s-{factories.number()}")
        assert totals.counts(stranger, today=worlds.TODAY).is_empty
        assert board(world, stranger).is_empty
        colleague = world.people["colleague"]
        assert totals.counts(colleague, today=worlds.TODAY).active == 2
        assert not board(world, colleague).is_whole


class TestDays:
    def test_a_day_that_is_over_stays_as_it_was(self, world):
        organization = world.account.organization
        rollups.write(organization, now=world.now)
        before = history.at(root(), world.now.date())
        actions.revoke(
            world.by("lead"), world.requests["active"].pk, why=worlds.WHY, now=world.later(days=1)
        )
        rollups.write(organization, now=world.now)
        assert history.at(root(), before.day).active == 2
        assert history.at(root(), world.now.date()).active == 1

    def test_a_row_is_written_where_something_changed_and_once_a_week(self, world):
        organization = world.account.organization
        rollups.write(organization, now=world.now)
        rows = ExceptionDay.objects.filter(ou=root())
        for days in (1, 2, 6):
            rollups.write(organization, now=world.now + timedelta(days=days))
        assert rows.count() == 1
        rollups.write(organization, now=world.now + timedelta(days=7))
        assert rows.count() == 2

    def test_a_gap_is_no_data(self, world, reader):
        rollups.write(world.account.organization, now=world.now)
        until = world.now.date() + timedelta(days=14)
        weeks = history.weeks(reader, root(), until=until, count=4)
        assert [week.active for week in weeks] == [None, 2, 2, None]

    def test_only_who_sees_the_ou_sees_its_days(self, world):
        rollups.write(world.account.organization, now=world.now)
        weeks = history.weeks(world.people["colleague"], root(), until=world.now.date(), count=1)
        assert weeks[0].active is None


class TestMeasures:
    def test_every_exception_in_force_is_measured_and_no_other(self, world):
        rollups.write(world.account.organization, now=world.now)
        found = set(ExceptionMeasure.objects.values_list("request_id", flat=True))
        assert found == {world.requests["active"].pk, world.requests["expiring"].pk}

    def test_a_control_that_compensates_is_looked_up(self, world):
        request = world.requests["active"]
        unguarded(
            "UPDATE invariants_exceptionrequest SET compensating = %s WHERE id = %s",
            ["CloudTrail.1 logs every read.", request.pk],
        )
        control = factories.control(control_id="CloudTrail.1")

        def is_compensated():
            rollups.write(world.account.organization, now=world.now)
            return ExceptionMeasure.objects.get(pk=request.pk).is_compensated

        assert is_compensated() is None
        finding = factories.finding(control=control, account=world.account, status="PASSED")
        assert is_compensated() is True
        finding.status, finding.opened_at = "OPEN", world.now
        finding.save()
        assert is_compensated() is False

    def test_whose_use_of_a_tag_is_recorded_by_nothing_is_unknown(self, world):
        invariant = invariant_pages.invariant()
        organization = world.account.organization
        request = world.active(target=invariant, mechanism="TAG")
        since = world.now - timedelta(days=40)
        TrailFeed.objects.create(
            organization=organization, kind="QUEUE", first_event_at=since,
            last_event_at=world.now, taken_at=world.now,
        )  # fmt: skip

        def measured():
            rollups.write(organization, now=world.now)
            found = ExceptionMeasure.objects.get(pk=request.pk)
            return found.recorded_from is not None, found.used_on, found.pairs

        line = "INSERT INTO invariants_exceptionscope (request_id, kind, value) VALUES (%s, %s, %s)"
        unguarded(line, [request.pk, "PRINCIPAL_TAG", "team=lake"])
        # Nobody was refused at all, so nobody with the tag was; how many carry it is not known.
        assert measured() == (True, None, None)
        denial = Denial.objects.create(
            organization=organization, policy_type=invariant.type, is_explicit=True,
            account=world.account, aws_account_id=world.account.account_id,
            principal="arn:aws:iam::1:role/a", action="s3:PutBucketPolicy",
            first_at=world.now, last_at=world.now,
        )  # fmt: skip
        DenialDay.objects.create(denial=denial, day=world.now.date(), count=7)
        DenialServes.objects.create(denial=denial, invariant=invariant, is_certain=True)
        assert measured() == (False, None, None)
        unguarded("DELETE FROM invariants_exceptionscope WHERE kind = %s", ["PRINCIPAL_TAG"])
        assert measured() == (True, world.now.date(), 1)


class TestThePage:
    def test_shows_the_counts_and_the_zombie_in_red(self, page):
        response = page()
        assert response.status_code == 200
        shown = text(response)
        assert "1 exception has ended and is still deployed" in shown
        assert "What is deployed without an approval is not known." in shown
        html = response.content.decode()
        for code, count in (("active", 2), ("expiring", 1), ("expired", 2), ("zombie", 1)):
            tile = re.search(rf'\?standing={code}">[^<]+</a></dt><dd class="v">(\d+)</dd>', html)
            assert int(tile[1]) == count, code

    def test_whom_none_reaches_is_told_what_to_do(self, client, world):
        stranger = factories.person(role="Team member", username=f"s-{factories.number()}")
        with time_machine.travel(world.now, tick=False):
            client.force_login(stranger)
            shown = text(client.get(reverse("exceptions:numbers")))
        assert "No exception reaches what you see" in shown and "Ask for an exception" in shown

    def test_has_the_lines_of_the_ou_that_one_chooses(self, page, world):
        ou = world.account.ou
        for weeks in (0, 1):
            rollups.write(world.account.organization, now=world.now - timedelta(days=7 * weeks))
        response = page(query=f"?ou={ou.ou_id}")
        course = response.context["course"]
        assert (course.place.ou_id, course.is_root) == (ou.ou_id, False)
        assert course.weeks[-1].active == 2
        assert f'<option value="{ou.ou_id}" selected>' in response.content.decode()
        shown = text(response)
        assert "is known of the whole organisation alone" in shown
        assert "the tiles above are of this moment, 24 Nov 2026" in shown
        assert "Zombie rate" not in [line.title for line in response.context["trends"]]
        # Without a choice, and for what one does not see, it is the highest.
        for query in ("", "?ou=ou-none-00000000"):
            found = page(query=query).context["course"]
            assert found.is_root and found.place.ou_id == root().ou_id

    def test_who_sees_one_ou_has_its_lines_and_a_team_has_none(self, client, world):
        ou = world.account.ou
        rollups.write(world.account.organization, now=world.now)
        rollups.write(world.account.organization, now=world.now - timedelta(days=7))
        reader = factories.person(role="Team member", username=f"ou-{factories.number()}", ou=ou)
        with time_machine.travel(world.now, tick=False):
            client.force_login(reader)
            found = client.get(reverse("exceptions:numbers"), {"ou": root().ou_id})
            assert [one.ou_id for one in found.context["course"].places] == [ou.ou_id]
            assert found.context["course"].weeks[-1].active == 2
            assert len(found.context["trends"]) == 3
            client.force_login(world.people["colleague"])
            team = client.get(reverse("exceptions:numbers"))
        assert "you see no OU whole" in text(team) and team.context["trends"] == ()

    def test_costs_the_same_for_one_exception_and_many(
        self, page, world, django_assert_num_queries, django_assert_max_num_queries
    ):
        page()
        with django_assert_max_num_queries(60) as few:
            page()
        world.active()
        world.active()
        with django_assert_num_queries(len(few)):
            page()

    def test_the_file_has_every_number_with_what_it_means(self, page):
        response = page("numbers_csv")
        rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
        assert [row["key"] for row in rows] == list(numbers.DEFINITIONS)
        active = rows[0]
        assert (active["value"], active["unit"]) == ("2", "COUNT")
        assert all(row["meaning"] and row["source"] for row in rows)


class TestDuties:
    def test_nobody_has_two_parts(self, world, reader):
        assert board(world, reader).breaches == ()

    @pytest.mark.parametrize("place", ["approval", "event", "record"])
    def test_a_breach_that_went_round_the_guards_is_found(self, world, reader, page, place):
        """Whatever keeps the rule is switched off first: the count must not depend on it."""
        request, person = world.requests["active"], world.people["requester"]
        statements = {
            "approval": "UPDATE invariants_exceptionapproval SET person_id = %s WHERE request_id = %s",
            "event": "UPDATE invariants_exceptionevent SET who_id = %s::text "
            "WHERE verb = 'ASSESS' AND request_id = %s",
            "record": "UPDATE invariants_exceptionrequest SET implementer_id = %s WHERE id = %s",
        }
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                "ALTER TABLE invariants_exceptionrequest "
                "DROP CONSTRAINT invariants_exception_duties_are_separate"
            )
        unguarded(statements[place], [person.pk, request.pk])
        (found,) = board(world, reader).breaches
        assert (found.ref, found.person_id) == (request.ref, person.pk)
        assert "REQUESTER" in found.parts and len(found.parts) == 2
        assert board(world, reader).figures["duty_breaches"].value == 1
        assert "1 record on which one person has two parts:" in text(page())
