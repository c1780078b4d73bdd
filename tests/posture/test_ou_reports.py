"""Scorecards as files: of what the person who asks may see, for nobody else."""

import csv
from datetime import timedelta

import pytest
from django.urls import reverse

from posture.actions import reports as actions
from posture.models import Report
from posture.queries.accounts import AccountFilters, listing
from posture.queries.scorecard import scorecard
from tests import factories

NOW, DAY = factories.NOW, factories.DAY
pytestmark = pytest.mark.django_db


@pytest.fixture
def ou():
    ou = factories.ou(name="=Payments")
    for number in range(3):
        account = factories.account(ou=ou, name=f"+pay-{number}")
        factories.account_day(account=account, day=DAY)
    factories.ou_day(ou=ou, day=DAY)
    factories.rollup_state()
    return ou


def made(user, ou, kind):
    report = actions.ask_for_report(user, ou, day=DAY, kind=kind)
    assert actions.make_report(report.pk, now=NOW) == "DONE"
    report.refresh_from_db()
    return report


def test_the_csv_says_what_the_page_says_and_no_formula(ou):
    user = factories.security_engineer()
    report = made(user, ou, "csv")
    rows = list(csv.DictReader(bytes(report.content).decode().splitlines()))
    card = scorecard(user, ou.ou_id, day=DAY)
    whole = next(row for row in rows if row["kind"] == "ou")
    assert whole["score"] == str(card.standing.score)
    assert whole["name"] == "'=Payments"
    listed = listing(user, AccountFilters(ou_path=ou.path), cursor_text="", day=DAY).rows
    accounts = {row["id"]: row["score"] for row in rows if row["kind"] == "account"}
    assert accounts == {row.account_id: str(row.standing.score) for row in listed}
    assert (report.done, report.total) == (3, 3)


def test_the_pdf_is_tagged(ou):
    report = made(factories.security_engineer(), ou, "pdf")
    assert bytes(report.content).startswith(b"%PDF-")
    assert b"/StructTreeRoot" in bytes(report.content)


def test_a_report_is_made_once_and_of_what_its_owner_may_see(ou):
    stranger = factories.stranger()
    report = actions.ask_for_report(stranger, ou, day=DAY, kind="pdf")
    assert actions.make_report(report.pk, now=NOW) == "FAILED"
    assert "may not see" in Report.objects.get().error
    assert actions.make_report(report.pk, now=NOW) is None


def test_pages_ask_show_and_give_it_to_its_owner_only(client, ou, sent):
    user = factories.security_engineer()
    client.force_login(user)
    ask = reverse("posture:report_ask", args=[ou.ou_id])
    assert client.post(ask, {"format": "pdf"}).status_code == 302
    report = Report.objects.get()
    assert b"<progress" in client.get(reverse("posture:reports")).content
    fetch = reverse("posture:report_file", args=[report.pk])
    assert client.get(fetch).status_code == 404
    actions.make_report(report.pk, now=NOW + timedelta(seconds=1))
    answer = client.get(fetch)
    assert answer.content.startswith(b"%PDF-")
    assert report.ou.ou_id in answer["Content-Disposition"]
    client.force_login(factories.security_engineer(username="another"))
    assert client.get(fetch).status_code == 404
    assert b"No report yet" in client.get(reverse("posture:reports")).content


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "exe"},
        {"format": "pdf", "as_of": "soon"},
        {"format": "pdf", "as_of": "2999-01-01"},
    ],
)
def test_nonsense_is_answered_in_words(client, ou, wrong):
    client.force_login(factories.security_engineer())
    answer = client.post(reverse("posture:report_ask", args=[ou.ou_id]), wrong, follow=True)
    assert b"PDF or a CSV" in answer.content
    assert not Report.objects.exists()


def test_who_does_not_see_the_ou_cannot_ask(client, ou):
    client.force_login(factories.stranger())
    ask = reverse("posture:report_ask", args=[ou.ou_id])
    assert client.post(ask, {"format": "pdf"}).status_code == 404


def test_old_reports_go(ou):
    user = factories.security_engineer()
    for _ in range(actions.KEPT_PER_PERSON + 2):
        actions.ask_for_report(user, ou, day=DAY, kind="csv")
    assert Report.objects.count() == actions.KEPT_PER_PERSON
