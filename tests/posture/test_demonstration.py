"""What the people of the demo organisation do, so that its attested KPIs show something."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from posture.actions import mail
from posture.management import demonstration
from posture.models import Attestation, KpiPoint, Recipient, ReviewAction, WeeklyReview
from posture.rollups import kpis
from posture.rollups.reviews import freeze_due
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

WEEKS = 6


@pytest.fixture
def demo(settings):
    settings.POSTURE_DEMO = True
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:9"
    settings.POSTURE_DEMO_PASSWORD = "a-password-of-the-tests"
    # The real one is slow on purpose, and this is not about passwords.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("seed_demo", verbosity=0)


def moments():
    """A day of each week, oldest first; the last is today."""
    return [NOW - timedelta(days=7 * week) for week in range(WEEKS, -1, -1)]


@pytest.fixture
def told(demo):
    """Six weeks of a small organisation, lived as the demo's history is."""
    accounts = [factories.account(account_id=f"4000000000{number:02}") for number in range(12)]
    for moment in moments():
        for row in accounts:
            factories.account_day(account=row, day=moment.date())
        factories.ou_day(ou=factories.root(), day=moment.date())
        freeze_due(now=moment)
        demonstration.live(factories.organization(), now=moment, is_past=moment < NOW)
    return accounts


@pytest.mark.usefixtures("told")
def test_everybody_attests_something_and_never_what_is_to_come():
    rows = Attestation.objects.filter(account__isnull=False)

    assert set(rows.values_list("subject", flat=True)) == set(Attestation.Subject.values) - {
        "IDENTITY_MFA"
    }
    assert not rows.filter(attested_on__gt=DAY).exists()
    early, late = (
        Attestation.objects.valid_on(day).count() for day in (DAY - timedelta(days=42), DAY)
    )
    assert 12 < early < late < 12 * 8


@pytest.mark.usefixtures("told")
def test_past_reviews_are_published_with_actions_that_are_mostly_done_in_time():
    reviews = WeeklyReview.objects.order_by("starts_on")

    assert [review.state for review in reviews] == ["PUBLISHED"] * (WEEKS - 1) + ["DRAFT"]
    actions = ReviewAction.objects.all()
    assert actions.count() >= WEEKS - 1
    assert actions.filter(outcome="DONE").exists()
    assert all(row.closed_on is None or row.closed_on <= DAY for row in actions)
    kpis.fill("K6", DAY, now=NOW)
    due, held = (KpiPoint.objects.get(kpi="K6", day=DAY, part=part) for part in ("", "held"))
    assert 0 < due.numerator <= due.denominator
    # Of the four weeks before the newest, which is a draft.
    assert held.numerator == 4

    # Living again changes nothing, once its mail is on its way.
    organization = factories.organization()
    newest = WeeklyReview.objects.filter(state="PUBLISHED").latest("starts_on")
    assert len(mail.request_sending(newest, by="marta")) == 3
    before = (
        Attestation.objects.count(),
        list(ReviewAction.objects.order_by("pk").values()),
        WeeklyReview.objects.filter(state="PUBLISHED").count(),
    )

    assert demonstration.live(organization, now=NOW, is_past=False) == 0
    call_command("seed_demo", verbosity=0)

    assert before[1:] == (
        list(ReviewAction.objects.order_by("pk").values()),
        WeeklyReview.objects.filter(state="PUBLISHED").count(),
    )


@pytest.mark.usefixtures("told")
def test_who_was_taken_off_the_list_of_recipients_stays_off():
    assert Recipient.objects.filter(is_active=True).count() == 3
    Recipient.objects.update(is_active=False)

    demonstration.live(factories.organization(), now=NOW, is_past=False)

    assert not Recipient.objects.filter(is_active=True).exists()


@pytest.mark.usefixtures("demo")
def test_without_accounts_nobody_says_anything():
    assert demonstration.live(factories.organization(), now=NOW, is_past=True) == 0
