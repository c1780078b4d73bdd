"""Denied requests as people see them: by which invariant, on whom, since when, and what is not known."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from findings.models import QueueFeed
from invariants.ingest import denials as taking
from invariants.models import Denial, DenialServes, TrailFeed
from invariants.queries import denials, recording
from invariants.queries.denials import Filters
from tests import factories as make
from tests.fixtures import invariant_pages as rows
from tests.invariants import counted, trails

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
NOW = make.NOW
TODAY = NOW.date()
HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(db):
    return make.security_engineer()


@pytest.fixture
def world(db):
    """Two accounts, of which a team has one, and an invariant that denied in both."""
    team = make.team()
    mine = make.account(account_id="300000000001", team=team, name="payments-api")
    other = make.account(account_id="300000000002", name="retail-shop")
    policy = make.policy(target="r-ab12", policy_id="p-a1b2c3d4", name="deny-iam-users").policy
    one = rows.invariant("iam-no-users", type="SERVICE_CONTROL_POLICY")
    for days, role, account in (
        (0, "Dev", mine),
        (0, "Dev", mine),
        (9, "Ops", mine),
        (1, "Dev", other),
    ):
        counted.taken(
            trails.record(
                role=role, account=account.account_id, at=trails.AT - timedelta(days=days)
            )
        )
    for row in Denial.objects.all():
        DenialServes.objects.create(
            denial=row, invariant=one, statement_id="NoUsers", is_certain=True
        )
    return {"team": team, "mine": mine, "other": other, "policy": policy, "invariant": one}


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def get(client, query="", **headers):
    return client.get(reverse("invariants:denials") + query, headers=headers)


class TestOneInvariant:
    def test_how_often_on_whom_and_since_when(self, world, engineer):
        found = denials.of_invariant(engineer, world["invariant"], today=TODAY)
        assert (found.last_7, found.pairs_7, found.total) == (3, 2, 4)
        assert found.since == trails.AT - timedelta(days=9)
        assert [
            (row.principal_short, row.account_name, row.action, row.denied) for row in found.rows
        ] == [
            ("role/Dev", "payments-api", "iam:CreateUser", 2),
            ("role/Dev", "retail-shop", "iam:CreateUser", 1),
            ("role/Ops", "payments-api", "iam:CreateUser", 1),
        ]
        assert denials.last_7_by_invariant(engineer, today=TODAY) == {world["invariant"].pk: 3}

    def test_a_team_sees_the_denials_of_its_own_accounts(self, world):
        member = make.team_member(team=world["team"])
        found = denials.of_invariant(member, world["invariant"], today=TODAY)
        assert (found.last_7, len(found.rows)) == (2, 2)
        assert denials.last_7_by_invariant(member, today=TODAY) == {world["invariant"].pk: 2}
        assert {row.policy_name for row in found.rows} == {""}
        assert denials.last_7_by_invariant(make.stranger(), today=TODAY) == {}

    def test_the_days_before_the_first_event_are_not_recorded(self, world, engineer):
        found = denials.of_invariant(engineer, world["invariant"], today=TODAY)
        counts = [day.count for day in found.days]
        assert counts[:18] == [None] * 18
        assert counts[18:] == [1, 0, 0, 0, 0, 0, 0, 0, 1, 2]

    def test_without_a_feed_nothing_is_known(self, engineer):
        one = rows.invariant()
        found = denials.of_invariant(engineer, one, today=TODAY)
        assert (found.last_7, found.pairs_7, found.total) == (None, None, None)
        assert denials.last_7_by_invariant(engineer, today=TODAY) is None

    def test_a_feed_that_ended_long_ago_knows_nothing_of_this_week(self, world, engineer):
        later = TODAY + timedelta(days=20)
        assert denials.last_7_by_invariant(engineer, today=later) is None
        assert denials.of_invariant(engineer, world["invariant"], today=later).last_7 is None

    def test_its_page_shows_them(self, world, engineer, client):
        client.force_login(engineer)
        shown = text(
            client.get(reverse("invariants:detail", args=["iam-no-users"]) + "?tab=denials")
        )
        assert "role/Dev" in shown
        assert "iam:CreateUser" in shown
        assert "3 last 7 days" in shown


class TestHowFarItReaches:
    def feed(self, **changes):
        counted.taken(trails.record(at=NOW - timedelta(days=5)), kind=TrailFeed.Kind.QUEUE)
        values = {
            "organization": make.organization(),
            "queue_url": "https://sqs.example/1/q",
            "heartbeat_at": NOW,
            "last_message_at": NOW - timedelta(days=5),
        }
        QueueFeed.objects.create(**(values | changes))

    def test_a_queue_that_is_read_and_empty_says_that_nothing_was_denied(self, engineer):
        self.feed()
        known = recording.recorded()
        assert (known.since, known.until) == (TODAY - timedelta(days=5), TODAY)
        found = denials.denials(engineer, Filters(days=7), today=TODAY)
        assert [day.count for day in found.days] == [None, 1, 0, 0, 0, 0, 0]
        assert known.is_behind(TODAY) is False

    @pytest.mark.parametrize("state", ["DENIED", "FAILED"])
    def test_one_that_cannot_be_read_says_nothing(self, state):
        self.feed(state=state)
        known = recording.recorded()
        assert known.until == TODAY - timedelta(days=5)
        assert known.is_behind(TODAY)

    def test_files_reach_as_far_as_their_last_event(self, client, engineer):
        counted.taken(trails.record(at=NOW - timedelta(days=5)))
        client.force_login(engineer)
        shown = text(get(client))
        assert "Recorded up to 15 Nov 2026 only." in shown
        assert "import_trail" in shown


class TestThePage:
    def test_without_a_feed_it_says_how_to_set_one_up(self, client, engineer):
        make.organization()
        client.force_login(engineer)
        shown = text(get(client))
        assert "Denied requests are not recorded here." in shown
        assert "denied-requests.yaml" in shown
        assert " 0 requests" not in shown

    def test_by_invariant_by_day_and_by_principal(self, world, client, engineer):
        client.force_login(engineer)
        shown = text(get(client))
        assert "4 requests denied" in shown
        assert "3 distinct pairs of principal and action" in shown
        assert "role/Ops" in shown
        assert "deny-iam-users" in shown
        assert "Show as table" in shown

    def test_a_policy_that_is_tied_to_nothing_is_shown_by_its_id(self, client, engineer):
        counted.taken(
            trails.denied("s3:GetObject", arn=trails.policy_arn("p-unknown1")),
            trails.denied("s3:PutObject", arn=""),
        )
        client.force_login(engineer)
        shown = text(get(client))
        assert "Unknown policy" in shown
        assert "p-unknown1" in shown
        assert "Policy not named in the message" in shown
        assert "not in the inventory" in shown

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 3),
            ("?days=7", 2),
            ("?account=300000000002", 1),
            ("?principal=ops", 1),
            ("?action=createuser", 3),
            ("?action=delete", 0),
            ("?invariant=iam-no-users", 3),
            ("?invariant=other-one", 0),
            ("?policy=p-a1b2c3d4", 3),
            ("?policy=p-00000000", 0),
            ("?type=RESOURCE_CONTROL_POLICY", 0),
            ("?untied=1", 0),
            ("?type=x&days=x&account=x&policy=%00&invariant=A", 3),
        ],
    )
    def test_is_narrowed_by_its_address(self, world, client, engineer, query, count):
        client.force_login(engineer)
        response = get(client, query)
        assert len(response.context["found"].rows.rows) == count

    def test_a_team_cannot_ask_by_policy_and_sees_no_name_of_one(self, world, client):
        client.force_login(make.team_member(team=world["team"]))
        shown = text(get(client))
        assert "3 requests denied" in shown
        assert "retail-shop" not in shown
        assert "deny-iam-users" not in shown
        assert "p-a1b2c3d4" not in shown
        assert get(client, "?policy=p-a1b2c3d4").context["found"].rows.rows == ()
        assert get(client, "?account=300000000002").context["found"].rows.rows == ()

    def test_a_stranger_sees_none(self, world, client):
        client.force_login(make.stranger())
        shown = text(get(client))
        assert "role/" not in shown

    def test_a_fragment_is_the_results_alone(self, world, client, engineer):
        client.force_login(engineer)
        content = get(client, **HTMX).content.decode()
        assert content.lstrip().startswith('<div class="stackv" id="results">')

    def test_pages_follow_each_other_without_a_row_twice(self, client, engineer):
        for number in range(7):
            counted.taken(trails.record(role=f"R{number}", at=trails.AT - timedelta(hours=number)))
        filters, seen, cursor = Filters(), [], ""
        while True:
            page = denials.page(engineer, filters, today=TODAY, cursor_text=cursor, size=3)
            seen += [row.principal_short for row in page.rows]
            cursor = page.next_cursor
            if not cursor:
                break
        assert seen == [f"role/R{number}" for number in range(7)]

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_costs_the_same_for_many_denials(self, world, client, engineer, headers):
        client.force_login(engineer)
        get(client, **headers)
        with CaptureQueriesContext(connection) as few:
            get(client, **headers)
        for number in range(20):
            counted.taken(trails.record(role=f"R{number}"))
        with CaptureQueriesContext(connection) as many:
            get(client, **headers)
        assert len(many) == len(few)

    def test_others_beyond_the_limit_are_one_row_and_no_pair(self, client, engineer, monkeypatch):
        monkeypatch.setattr(taking, "LIMIT", 1)
        counted.taken(*(trails.record(role=f"R{number}") for number in range(3)))
        client.force_login(engineer)
        shown = text(get(client))
        assert "3 requests denied" in shown
        assert "1 distinct pair of principal and action" in shown
        assert "others" in shown
