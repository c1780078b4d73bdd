"""The pages about KPIs: what they say, to whom, and of which day."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse

from posture import kpis
from posture.kpis.statistics import Xmr
from posture.queries.kpi_pages import signals
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures import episodes, kpi_points
from tests.fixtures.kpi_points import account_point, point, weekly
from tests.fixtures.kpis import region

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def tree(db):
    """Workloads with Payments below it, and an account of the team payments in that."""
    team = factories.team(slug="payments")
    workloads = factories.ou(name="Workloads")
    payments = factories.ou(parent=workloads, name="Payments OU")
    return {
        "workloads": workloads,
        "payments": payments,
        "team": team,
        "mine": factories.account(ou=payments, team=team, name="payments-api"),
        "foreign": factories.account(ou=workloads, name="foreign-account"),
    }


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def get(client, name, *args, query="", headers=None):
    return client.get(reverse(name, args=args) + query, headers=headers or {})


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


class TestTheList:
    def test_has_all_thirty_grouped_by_area_with_the_headline_ten_on_top(self, engineer, tree):
        point("K10", 37, 40)
        response = get(engineer, "posture:kpis")
        content, shown = response.content.decode(), text(response)
        for card in kpis.registry().values():
            assert f'href="{reverse("posture:kpi", args=[card.id])}"' in content
        assert "The headline ten" in shown and "Identity and access" in shown
        assert content.count('class="tile"') == 10

    def test_shows_value_target_status_change_and_history_of_the_chosen_ou(self, engineer, tree):
        weekly("K10", [90, 95], ou=tree["payments"])
        point("K10", 100)
        response = get(engineer, "posture:kpis", query=f"?ou={tree['payments'].ou_id}")
        shown = text(response)
        assert "95.0 %" in shown and "up 5.0 pt , better" in shown
        assert "Off target" in shown
        assert (
            "90.0% in W46, 95.0% in W47; 11 of 13 weeks without data" in response.content.decode()
        )

    def test_says_why_a_number_is_missing(self, engineer, tree):
        point("K10", 0, 0, covered=0, expected=40)
        shown = text(get(engineer, "posture:kpis"))
        assert "Nothing of what it is made from was known on 20 Nov 2026." in shown
        assert "No day has been filled for this OU yet" in shown

    def test_before_the_first_fill_it_says_so_and_where_to_look(self, engineer, tree):
        response = get(engineer, "posture:kpis")
        assert "No KPI has been filled for Halden Group" in text(response)
        assert reverse("posture:sync") in response.content.decode()
        assert "The headline ten" not in text(response)

    def test_shows_an_earlier_day_as_it_was(self, engineer, tree):
        weekly("K10", [80, 90])
        day = DAY - timedelta(days=7)
        shown = text(get(engineer, "posture:kpis", query=f"?day={day.isoformat()}"))
        assert "80.0 %" in shown and "90.0 %" not in shown
        assert "as of 13 Nov 2026" in shown

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("?day=yesterday", "Write the day as 2026-11-20"),
            ("?day=2026-12-24", "That day is still to come"),
            ("?ou=ou-ab12-00000000", "There is no such organisational unit"),
        ],
    )
    def test_names_what_was_wrong_with_the_address(self, engineer, tree, query, words):
        assert words in text(get(engineer, "posture:kpis", query=query))

    def test_begins_with_the_uppermost_ou_that_the_person_sees(self, client, tree):
        point("K10", 99)
        point("K10", 50, ou=tree["payments"])
        client.force_login(factories.ou_reader(ou=tree["payments"]))
        shown = text(get(client, "posture:kpis"))
        assert "50.0 %" in shown and "99.0" not in shown
        query = f"?ou={tree['workloads'].ou_id}"
        assert "There is no such organisational unit" in text(
            get(client, "posture:kpis", query=query)
        )

    @pytest.mark.parametrize("who", ["team_member", "stranger"])
    def test_shows_no_number_to_people_who_see_no_ou(self, client, tree, who):
        point("K10", 99)
        user = (
            factories.stranger() if who == "stranger" else factories.team_member(team=tree["team"])
        )
        client.force_login(user)
        shown = text(get(client, "posture:kpis"))
        assert "You see single accounts" in shown and "99.0" not in shown

    def test_a_fragment_is_the_page_without_its_frame(self, engineer, tree):
        content = get(engineer, "posture:kpis", headers=HTMX).content.decode()
        assert "<html" not in content and "<h1>KPIs</h1>" in content

    def test_costs_the_same_however_long_the_history(
        self, engineer, tree, django_assert_max_num_queries
    ):
        weekly("K10", [90.0] * 60)
        get(engineer, "posture:kpis")
        with django_assert_max_num_queries(14):
            get(engineer, "posture:kpis")


class TestAPage:
    def test_shows_the_definition_and_what_nobody_agreed_on(self, engineer, tree):
        point("K10", 37, 40)
        shown = text(get(engineer, "posture:kpi", "K10"))
        card = kpis.registry()["K10"]
        for words in (card.name, card.question, card.owner, card.target_text):
            assert words in shown
        assert "not agreed yet" in shown and "formula 1, target 1" in shown

    def test_shows_who_agreed_when_they_did(self, engineer, tree, settings, tmp_path):
        agreed = tmp_path / "agreed.yaml"
        agreed.write_text(
            "target_version: 2\nkpis:\n  K10: {agreed_by: CISO, agreed_on: 2026-10-01, next_review: 2027-04-01}\n"
        )
        settings.POSTURE_KPI_FILE = str(agreed)
        shown = text(get(engineer, "posture:kpi", "K10"))
        assert "CISO, 1 Oct 2026" in shown and "1 Apr 2027" in shown
        assert "not agreed yet" not in shown

    @pytest.mark.parametrize("kpi_id", ["K10", "K27"])
    def test_shows_the_source_that_fills_it(self, engineer, tree, kpi_id):
        response = get(engineer, "posture:kpi", kpi_id)
        path, source = kpis.source_of(kpis.registry()[kpi_id])
        assert path in response.content.decode()
        shown = re.search(r"<pre.*?<code>(.*?)</code>", response.content.decode(), re.DOTALL)[1]
        lines = re.findall(r'<span class="l">(.*?)\n</span>', shown, re.DOTALL)
        assert len(lines) == len(source.splitlines())

    def test_draws_the_history_with_limits_signals_and_changes_of_the_card(self, engineer, tree):
        scores = [91.0, 90.4, 91.6, 91.2, 90.8, 91.9, 91.1, 90.6, 91.4, 91.0, 91.7, 91.3, 87.9]
        weekly("K1", scores)
        for age in (14, 7, 0):
            kpi_points.fill("K1", DAY - timedelta(days=age), target=2 if age < 14 else 1)
        response = get(engineer, "posture:kpi", "K1")
        shown = text(response)
        assert "outside its usual range of 89.4 to 92.9" in shown
        assert "W47: below the lower limit" in shown
        assert "formula 1, target 2" in response.content.decode()
        assert "worsening" in shown
        assert "History reaches back to 28 Aug 2026" in shown

    def test_a_gap_in_the_history_stays_a_gap(self, engineer, tree):
        weekly("K1", [90.0, None, 91.0])
        assert "1 without data" in text(get(engineer, "posture:kpi", "K1"))

    def test_lists_the_ous_below_worst_first_and_those_without_data_last(self, engineer, tree):
        security = factories.ou(name="Security OU")
        factories.ou(name="Empty OU")
        point("K10", 60)
        point("K10", 90, ou=tree["workloads"])
        point("K10", 30, ou=security)
        shown = text(get(engineer, "posture:kpi", "K10"))
        table = shown[shown.index("OUs it is made of") :]
        assert table.index("Security OU") < table.index("Workloads") < table.index("Empty OU")
        assert "30 of 100" in table

    def test_lists_the_accounts_and_pages_them_by_key(self, engineer, tree, monkeypatch):
        monkeypatch.setattr("posture.queries.kpis.made_of.PAGE_SIZE", 2)
        point("K10", 60)
        for kept, name in enumerate(["third", "second", "first"]):
            account_point("K10", factories.account(name=f"{name}-account"), 9 - 3 * (2 - kept))
        first = get(engineer, "posture:kpi", "K10")
        assert "Next" in text(first)
        following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1]
        headers = HTMX | {"HX-Target": "kpi-accounts"}
        second = engineer.get(following.replace("&amp;", "&"), headers=headers)
        told = text(first)[text(first).index("Accounts it is made of") :]
        assert told.index("third-account") < told.index("second-account")
        assert "first-account" in text(second) and "third-account" not in text(second)
        assert "<h1>" not in second.content.decode()

    def test_a_team_member_sees_what_their_own_accounts_bring(self, client, tree):
        point("K10", 99)
        account_point("K10", tree["mine"], 4)
        account_point("K10", tree["foreign"], 7)
        client.force_login(factories.team_member(team=tree["team"]))
        shown = text(get(client, "posture:kpi", "K10"))
        assert "Your accounts" in shown and "payments-api" in shown and "4 of 10" in shown
        assert "foreign-account" not in shown and "99.0" not in shown

    def test_says_why_there_is_no_data_and_what_to_do(self, engineer, tree):
        point("K10", 0, 0, covered=0, expected=40)
        response = get(engineer, "posture:kpi", "K10")
        assert "No data. Nothing of what it is made from was known" in text(response)
        assert kpis.registry()["K10"].missing_data[:40] in text(response)

    def test_names_its_counter_metric_with_its_number(self, engineer, tree):
        point("K3", 4.2)
        shown = text(get(engineer, "posture:kpi", "K2"))
        assert kpis.registry()["K3"].name in shown and "4.2%" in shown

    def test_of_a_kpi_that_does_not_exist_there_is_none(self, engineer):
        assert engineer.get("/kpis/K31/").status_code == 404
        assert engineer.get("/kpis/K0/").status_code == 404

    @pytest.mark.parametrize("kpi_id", [f"K{number}" for number in range(1, 31)])
    def test_every_kpi_has_a_page_before_and_after_its_first_fill(self, engineer, kpi_id):
        assert get(engineer, "posture:kpi", kpi_id).status_code == 200
        card = kpis.registry()[kpi_id]
        for part in ("", *(part.id for part in card.parts)):
            details = kpi_points.DETAILS.get(kpi_id, {})
            point(kpi_id, 40, part=part, details=details if not part else {})
        assert "40" in text(get(engineer, "posture:kpi", kpi_id))

    def test_costs_the_same_however_long_the_history(
        self, engineer, tree, django_assert_max_num_queries
    ):
        weekly("K28", [90.0] * 60)
        get(engineer, "posture:kpi", "K28")
        with django_assert_max_num_queries(24):
            get(engineer, "posture:kpi", "K28")


class TestDrawings:
    @pytest.mark.parametrize(
        ("kpi_id", "titles"),
        [
            ("K1", ["30 of 41 accounts have grade A or B"]),
            (
                "K2",
                [
                    "Critical and high findings: 72.7% in time of those due in W47",
                    "Past their due date: 18 open, most of them up to 7 days late (10)",
                ],
            ),
            ("K22", ["Detection coverage: lowest is Config in Sandbox, 0%"]),
            (
                "K27",
                [
                    "Critical findings: 70.0% still open 7 days after opening",
                    "High findings: 50.0% still open 30 days after opening",
                ],
            ),
            ("K28", ["Backlog: 46 open, most of them 7 to 30 days old (22)"]),
        ],
    )
    def test_states_the_finding_of_the_stored_details(self, engineer, tree, kpi_id, titles):
        point(kpi_id, 40, details=kpi_points.DETAILS[kpi_id])
        shown = text(get(engineer, "posture:kpi", kpi_id))
        for title in titles:
            assert title in shown

    def test_the_flow_comes_from_the_newest_point_of_each_week(self, engineer, tree):
        for age, (opened, closed) in enumerate([(12, 5), (3, 9)]):
            day = DAY - timedelta(days=7 * age)
            point("K28", opened - closed, 0, day=day)
            parts = {"opened": opened, "reopened": 0, "closed": closed, "backlog": 30 - 6 * age}
            for part, count in parts.items():
                point("K28", count, 0, part=part, day=day)
        shown = text(get(engineer, "posture:kpi", "K28"))
        assert "Cumulative flow: the pile grew from 24 to 30 since W46" in shown
        assert "14 closed in 2 weeks up to W47, 30 open at its end" in shown
        assert "7 more opened than closed in W47" in shown
        assert "11 of 13 weeks without data" in shown

    def test_without_details_each_says_no_data(self, engineer, tree):
        for kpi_id in kpi_points.DETAILS:
            point(kpi_id, 40)
            assert ": no data" in text(get(engineer, "posture:kpi", kpi_id))


def test_what_the_fill_writes_is_what_the_pages_draw(engineer, tree):
    account = episodes.account(ou=tree["workloads"], name="filled")
    control = factories.control(severity="CRITICAL")
    for opened, closed in [(3, None), (20, 18), (40, None)]:
        episodes.episode(account=account, control=control, opened=opened, closed=closed)
    region(account, "eu-west-1")
    for service in ("cloudtrail.trail", "config.recorder", "guardduty.detector", "securityhub.hub"):
        episodes.fact(account, service, value=service != "guardduty.detector", as_of=NOW)
    for kpi_id in kpi_points.DETAILS:
        # What is known of the present alone is filled on the day itself.
        episodes.fill(kpi_id, now=NOW if kpi_id == "K22" else episodes.NIGHT)
    drawn = {
        "K1": "Grade Accounts Share",
        "K2": "Past their due date:",
        "K22": "Detection coverage: lowest is GuardDuty in Workloads, 0%",
        "K27": "days after opening, when they are due",
        "K28": "Backlog: 2 open, most of them",
    }
    for kpi_id, words in drawn.items():
        shown = text(get(engineer, "posture:kpi", kpi_id))
        assert words in shown, kpi_id
        assert "Past their due date: no data" not in shown
    assert "1 more opened than closed in W47" in text(get(engineer, "posture:kpi", "K28"))


class TestTheCsv:
    @pytest.fixture(autouse=True)
    def filled(self, tree):
        point("K10", 18, 30)

    def read(self, client, query=""):
        response = get(client, "posture:kpi_accounts_csv", "K10", query=query)
        return list(csv.DictReader(io.StringIO(response.getvalue().decode())))

    def test_adds_up_to_the_number_of_the_page(self, engineer, tree, monkeypatch):
        monkeypatch.setattr("posture.queries.kpis.made_of.PAGE_SIZE", 2)
        for kept in (3, 5, 10):
            account_point("K10", factories.account(ou=tree["workloads"]), kept)
        rows = [row for row in self.read(engineer) if row["part"] == ""]
        assert sum(Decimal(row["numerator"]) for row in rows) == 18
        assert sum(Decimal(row["denominator"]) for row in rows) == 30
        assert rows[0]["value"] == "30.0"

    def test_takes_a_name_for_no_formula_and_leaves_missing_data_empty(self, engineer, tree):
        account_point("K10", factories.account(name="=cmd()"), 0, 0, covered=0)
        row = self.read(engineer)[0]
        assert row["account"] == "'=cmd()" and row["value"] == ""

    def test_holds_only_what_the_person_may_see(self, client, tree):
        account_point("K10", tree["mine"], 4)
        account_point("K10", tree["foreign"], 7)
        client.force_login(factories.team_member(team=tree["team"]))
        assert {row["account"] for row in self.read(client)} == {"payments-api"}


class TestSignals:
    def xmr(self, *signals_at):
        return Xmr(
            Decimal(91), Decimal(1), Decimal(89), Decimal(93), signals_at, None, False, False
        )

    def weeks(self, *values):
        return [(f"W{index}", None if v is None else Decimal(v)) for index, v in enumerate(values)]

    def test_a_value_beyond_a_limit_stands_for_itself(self):
        told = signals.explain(self.weeks(91, 88, 94), self.xmr(1, 2))
        assert [line[:22] for line in told] == ["W1: below the lower li", "W2: above the upper li"]

    def test_a_run_is_told_once(self):
        told = signals.explain(self.weeks(*[92] * 9), self.xmr(*range(9)))
        assert told == ("W0 to W8: 9 weeks in a row above the mean, so the level has moved.",)

    def test_fewer_weeks_near_a_limit_may_be_a_move(self):
        told = signals.explain(self.weeks(91, 90, 90, 90), self.xmr(1, 2, 3))
        assert told[0].startswith("W1 to W3: weeks close together below the mean")

    def test_without_limits_there_is_nothing_to_tell(self):
        assert signals.explain(self.weeks(91), None) == ()
