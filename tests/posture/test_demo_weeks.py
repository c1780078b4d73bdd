"""The demo's 26 weeks: a stranger makes each of their numbers again from the exported files alone."""

from itertools import pairwise

import pytest

from posture.models import (
    Erratum,
    KpiPoint,
    MailboxMessage,
    Report,
    ReviewQuestion,
    WeeklyReview,
)
from posture.queries import reviews
from tests import factories
from tests.fixtures import demo_past
from tests.posture import recompute

HEADLINES = {"K1", "K2", "K3", "K7", "K10", "K12", "K15", "K22", "K26", "K28"}
# Twice the greatest step of a week that the organisation's own story makes.
STEADY = 15


@pytest.mark.usefixtures("erasable_reviews")
def test_each_of_the_26_weeks_can_be_recomputed_from_its_file():
    with demo_past.people():
        demo_past.live()
    rows = list(WeeklyReview.objects.order_by("starts_on"))
    assert len(rows) == demo_past.WEEKS
    files = [exported(f"{row.iso_year}-W{row.iso_week:02}") for row in rows]
    for row, text in zip(rows, files, strict=True):
        recompute_week(row, text)
    recompute_history(files)
    known_and_steady()
    said_and_corrected(rows)
    the_newest_published_week_was_mailed(rows)


def exported(week):
    user = factories.security_engineer()
    page = reviews.review(user, week, day=demo_past.TODAY)
    return "".join(reviews.export_csv(user, page))


def recompute_week(row, text):
    found = recompute.check(text)
    assert found.differ == [], row
    # The file says what is frozen, and every number was looked at.
    told = {card["kpi"]: card for card in recompute.read(text)["headline"]}
    frozen = {entry["kpi"]: entry for entry in row.snapshot["kpis"] if entry["kpi"] in told}
    assert set(told) == set(frozen) == HEADLINES
    for kpi, entry in frozen.items():
        assert (told[kpi]["value"], told[kpi]["status"]) == (entry["value"] or "", entry["status"])
    assert found.compared["value"] >= 10
    # The first week has none before it.
    assert found.compared["split"] == (5 if row.snapshot["change"] else 0)


def recompute_history(files):
    found = recompute.check_across(files)
    assert found.differ == []
    assert found.compared["history"] > 1000
    charted = [recompute.check(text).compared for text in files[-13:]]
    assert all(counts["limits"] >= 10 for counts in charted)


def known_and_steady():
    """What hangs on account facts moves by what happened, never by what was not asked."""
    points = KpiPoint.objects.filter(ou__parent=None, part="", kpi__in=("K10", "K12", "K22"))
    shares = {}
    for point in points.order_by("kpi", "day"):
        assert point.covered >= point.expected * 9 / 10, point
        shares.setdefault(point.kpi, []).append(100 * point.numerator / point.denominator)
    for kpi, values in shares.items():
        assert len(values) == demo_past.WEEKS + 1
        steps = [abs(after - before) for before, after in pairwise(values)]
        assert max(steps) < STEADY, (kpi, values)


def said_and_corrected(rows):
    published = [row for row in rows if row.state == "PUBLISHED"]
    assert len(published) == demo_past.WEEKS - 1
    assert sum(bool(row.narrative) for row in published) >= 3
    assert ReviewQuestion.objects.exclude(decision="").exists()
    assert Erratum.objects.exists()
    user = factories.security_engineer()
    pages = [
        reviews.review(user, f"{row.iso_year}-W{row.iso_week:02}", day=demo_past.TODAY)
        for row in published
    ]
    checks = {note.check for page in pages for note in page.notes}
    assert {"AGREES", "DISAGREES"} <= checks


def the_newest_published_week_was_mailed(rows):
    newest = [row for row in rows if row.state == "PUBLISHED"][-1]
    mails = list(MailboxMessage.objects.all())
    assert {delivery.state for delivery in newest.deliveries.all()} == {"SENT"}
    assert len(mails) == newest.deliveries.count() == 3
    assert all(f"week {newest.iso_week}:" in mail.subject for mail in mails), mails[0].subject
    assert sorted(len(mail.attachments) for mail in mails) == [0, 1, 1]
    assert {(report.format, report.state) for report in Report.objects.all()} == {
        ("PDF", "DONE"),
        ("CSV", "DONE"),
    }
