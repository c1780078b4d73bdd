"""The archive, the page, the files and the API of the reviews: one set of numbers, whoever asks."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Organization
from posture import env, tasks
from posture.actions.collection import HISTORY
from posture.kpis import claims, snapshots
from posture.kpis.weeks import Week
from posture.models import KpiPoint, ReviewNote, ReviewSchedule, RollupState, WeeklyReview
from posture.queries import kpis as kpi_queries
from posture.queries import reviews as queries
from tests import factories
from tests.fixtures import review_pages, reviews
from tests.fixtures.reviews import WEEK

pytestmark = pytest.mark.django_db
NOW = factories.NOW + timedelta(days=3)
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


def weeks_back(number):
    """So many reviews, the oldest first."""
    week, found = WEEK, []
    for _ in range(number):
        found.append(week)
        week = week.previous
    return [reviews.weekly_review(week=one) for one in reversed(found)]


def test_the_archive_lists_the_newest_week_first_page_by_page():
    weeks_back(7)
    user = reviews.reader()
    first = queries.reviews(user, size=4)
    assert [line.week for line in first.rows] == ["2026-W47", "2026-W46", "2026-W45", "2026-W44"]
    rest = queries.reviews(user, cursor_text=first.next_cursor, size=4)
    assert [line.week for line in rest.rows] == ["2026-W43", "2026-W42", "2026-W41"]
    assert (rest.next_cursor, bool(rest.previous_cursor)) == ("", True)
    assert queries.newest_week(user) == "2026-W47"
    assert queries.newest_week(user, is_published=True) == ""
    reviews.published_review(week=Week(2026, 30))
    assert queries.newest_week(user, is_published=True) == "2026-W30"


def test_a_line_of_the_archive_has_the_numbers_of_its_snapshot():
    found = review_pages.snapshot() | {"headlines": {"OFF_TARGET": 4, "NO_DATA": 1}}
    reviews.weekly_review(snapshot=found)
    (line,) = queries.reviews(reviews.reader()).rows
    assert (str(line.score), line.letter, str(line.delta)) == ("72.4", "C", "1.5")
    assert (line.off_target, line.no_data) == (4, 1)
    assert not line.is_published


def test_a_line_of_a_week_without_data_says_so():
    reviews.weekly_review(snapshot=review_pages.empty_snapshot())
    (line,) = queries.reviews(reviews.reader()).rows
    assert (line.score, line.letter, line.data_day) == (None, "NR", None)


def test_the_archive_and_a_page_cost_the_same_however_long_the_history():
    user = reviews.reader()
    queries.newest_week(user)

    def cost():
        with CaptureQueriesContext(
            connection,
        ) as caught:
            queries.reviews(user)
            queries.review(user, "2026-W47", day=TODAY)
        return len(caught)

    weeks_back(1)
    alone = cost()
    week = WEEK
    for _ in range(59):
        week = week.previous
        reviews.weekly_review(week=week)
    assert cost() <= alone
    assert alone <= 11


def test_the_neighbours_of_a_week_skip_gaps_and_the_picker_has_the_newest():
    for week in (WEEK, WEEK.previous.previous, WEEK.previous.previous.previous):
        reviews.weekly_review(week=week)
    user = reviews.reader()
    found = queries.review(user, "2026-W45", day=TODAY)
    assert (found.previous_week, found.next_week) == ("2026-W44", "2026-W47")
    assert found.weeks == ("2026-W47", "2026-W45", "2026-W44")
    first = queries.review(user, "2026-W44", day=TODAY)
    assert (first.previous_week, first.next_week) == ("", "2026-W45")
    newest = queries.review(user, "2026-W47", day=TODAY)
    assert (newest.previous_week, newest.next_week) == ("2026-W45", "")


@pytest.mark.parametrize("week", ["2026-W48", "2026-W54", "2025-W53", "2026-W00", "47", ""])
def test_there_is_no_page_of_a_week_without_review(week):
    reviews.weekly_review()
    assert queries.review(reviews.reader(), week, day=TODAY) is None


def test_the_next_freeze_is_next_monday_by_the_schedule():
    user = reviews.reader()
    assert queries.next_freeze(user, now=NOW) is None
    organization = factories.organization(time_zone="America/Los_Angeles")
    assert queries.next_freeze(user, now=NOW).isoformat() == "2026-11-23T14:00:00+00:00"
    later = NOW + timedelta(hours=3)
    assert queries.next_freeze(user, now=later).isoformat() == "2026-11-30T14:00:00+00:00"
    ReviewSchedule.objects.create(organization=organization, freeze_at="09:30")
    assert queries.next_freeze(user, now=NOW).isoformat() == "2026-11-23T17:30:00+00:00"
    assert queries.next_freeze(factories.stranger(), now=NOW) is None


@pytest.mark.parametrize(
    ("answer", "proposed", "check"),
    [
        ("BETTER", "BETTER", "AGREES"),
        ("BETTER", "SAME", "DISAGREES"),
        ("BETTER", "UNKNOWN", "CANNOT_TELL"),
        ("UNKNOWN", "UNKNOWN", "CANNOT_TELL"),
        ("UNKNOWN", "WORSE", "DISAGREES"),
    ],
)
def test_the_answer_is_held_against_the_one_that_the_metrics_propose(answer, proposed, check):
    assert claims.check_answer(answer, proposed) == check


def lines_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_holds_no_formula_and_numbers_stay_numbers():
    row = reviews.weekly_review(headline="=HYPERLINK(1)", narrative="fine", answer="WORSE")
    for text in ("@SUM(A1)", "+1", "\t=1", "\uff0d1", "plain"):
        ReviewNote.objects.create(review=row, text=text)
    user = reviews.reader()
    page = queries.review(user, "2026-W47", day=TODAY)
    lines = lines_of("".join(queries.export_csv(user, page)))
    assert [line["text"] for line in lines if line["record"] == "note"] == [
        "'@SUM(A1)",
        "'+1",
        "'\t=1",
        "'\uff0d1",
        "plain",
    ]
    (headline,) = [line for line in lines if line["name"] == "headline"]
    assert headline["text"] == "'=HYPERLINK(1)"
    (entries,) = [line for line in lines if (line["record"], line["part"]) == ("change", "entries")]
    assert entries["value"] == "-0.9"


@pytest.mark.parametrize("name", ["posture:review_csv", "posture:review_json", "api_review"])
def test_who_gets_the_files_and_the_api(client, name):
    reviews.weekly_review()
    address = reverse(name, args=["2026-W47"])
    assert client.get(address).status_code == (401 if name == "api_review" else 302)
    without_right = 403 if name == "api_review" else 404
    for user, status in (
        (factories.stranger(), without_right),
        (factories.ou_reader(ou=factories.ou()), without_right),
        (factories.team_member(team=factories.team()), without_right),
        (reviews.reader(), 200),
        (factories.security_engineer(), 200),
    ):
        client.force_login(user)
        assert client.get(address).status_code == status
    assert client.get(reverse(name, args=["2026-W46"])).status_code == 404
    assert client.post(address).status_code == 405


def test_page_file_and_api_have_the_same_numbers(client):
    row = reviews.weekly_review()
    client.force_login(reviews.reader())
    stored = WeeklyReview.objects.get(pk=row.pk)
    file = client.get(reverse("posture:review_json", args=["2026-W47"]))
    assert file["Content-Disposition"] == 'attachment; filename="review-2026-W47.json"'
    found = json.loads(file.getvalue())
    assert found == client.get("/api/v1/reviews/2026-W47/").json()
    assert found["snapshot"] == stored.snapshot
    assert snapshots.fingerprint(found["snapshot"]) == found["snapshot_sha256"]
    answer = client.get(reverse("posture:review_csv", args=["2026-W47"]))
    assert answer["Content-Disposition"] == 'attachment; filename="review-2026-W47.csv"'
    by_kpi = {
        line["kpi"]: line
        for line in lines_of(answer.getvalue().decode())
        if line["record"] in ("headline", "kpi")
    }
    assert len(by_kpi) == 30
    for entry in stored.snapshot["kpis"]:
        assert by_kpi[entry["kpi"]]["value"] == (entry["value"] or "")
        assert by_kpi[entry["kpi"]]["status"] == entry["status"]
    (line,) = client.get("/api/v1/reviews/").json()["results"]
    assert (line["week"], line["score"]) == ("2026-W47", stored.snapshot["score"]["managed"])


def test_the_api_pages_through_the_archive(client):
    weeks_back(27)
    client.force_login(reviews.reader())
    first = client.get("/api/v1/reviews/", {"limit": 26}).json()
    assert [line["week"] for line in first["results"]][::25] == ["2026-W47", "2026-W22"]
    rest = client.get("/api/v1/reviews/", {"cursor": first["next"], "limit": 26}).json()
    assert [line["week"] for line in rest["results"]] == ["2026-W21"]
    client.force_login(factories.stranger())
    assert client.get("/api/v1/reviews/").status_code == 403


def test_the_api_of_kpis_tells_what_the_page_tells_of_an_ou_that_the_person_sees(client):
    ou = factories.ou()
    account = factories.account(ou=ou)
    factories.account_day(account=account, day=TODAY)
    for row, numerator in ((factories.root(), 90), (ou, 50)):
        KpiPoint.objects.create(
            ou=row,
            kpi="K12",
            day=TODAY,
            numerator=numerator,
            denominator=100,
            covered=9,
            expected=10,
        )
    user = factories.ou_reader(ou=ou)
    client.force_login(user)
    found = client.get("/api/v1/kpis/").json()
    assert found == client.get("/api/v1/kpis/", {"ou": ou.ou_id}).json()
    assert (found["ou"], found["day"], len(found["results"])) == (ou.ou_id, TODAY.isoformat(), 30)
    by_id = {line["kpi"]: line for line in found["results"]}
    line = kpi_queries.line(user, "K12", ou, day=TODAY)
    assert (by_id["K12"]["value"], by_id["K12"]["status"]) == (str(line.value), str(line.status))
    assert by_id["K12"]["value"] == "50.0"
    assert (by_id["K1"]["value"], by_id["K1"]["status"]) == (None, "NO_DATA")
    client.force_login(factories.security_engineer())
    whole = {line["kpi"]: line for line in client.get("/api/v1/kpis/").json()["results"]}
    assert (whole["K12"]["value"], whole["K12"]["coverage"]) == ("90.0", "90.0")
    assert client.get("/api/v1/kpis/", {"ou": "ou-ab12-99999999"}).status_code == 404
    assert client.get("/api/v1/kpis/", {"ou": "ou-none"}).status_code == 400


def test_the_task_freezes_what_is_due_and_nothing_while_a_past_is_collected():
    factories.ou_day(ou=factories.root(), day=WEEK.ends_on)
    past = RollupState.objects.create(name=HISTORY, day=TODAY, as_of=NOW)
    assert tasks.freeze_reviews() == []
    past.delete()
    assert tasks.freeze_reviews() == ["2026-W47"]
    assert tasks.freeze_reviews() == []


def test_the_command_says_what_it_froze(capsys):
    factories.ou_day(ou=factories.root(), day=WEEK.ends_on)
    call_command("freeze_reviews")
    assert capsys.readouterr().out.startswith("2026-W47 (2026-11-22): The posture score is 80.0;")
    call_command("freeze_reviews")
    assert capsys.readouterr().out == "Every week that is over has its review.\n"
    RollupState.objects.create(name=HISTORY, day=TODAY, as_of=NOW)
    with pytest.raises(CommandError, match="wait for its end"):
        call_command("freeze_reviews")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Zurich", "Europe/Zurich"),
        ("Mars/Base", "UTC"),
        ("../etc/passwd", "UTC"),
        ("Europe", "UTC"),
    ],
)
def test_the_time_zone_is_taken_by_its_name(monkeypatch, text, zone):
    monkeypatch.setattr(env, "problems", [])
    monkeypatch.setenv("POSTURE_TIME_ZONE_OF_ORGANIZATION", text)
    assert env.time_zone("POSTURE_TIME_ZONE_OF_ORGANIZATION") == zone
    assert [one.name for one in env.problems] == (
        [] if zone == text else ["POSTURE_TIME_ZONE_OF_ORGANIZATION"]
    )
    assert Organization._meta.get_field("time_zone").default == "UTC"


def test_a_question_of_the_day_is_no_business_of_a_frozen_week():
    reviews.weekly_review()
    user = reviews.reader()
    pages = [
        queries.review(user, "2026-W47", day=date(2026, 11, 23) + timedelta(days=n))
        for n in (0, 400)
    ]
    assert pages[0].snapshot == pages[1].snapshot
