"""The weekly review as mail: who gets it, what stands in it, and what happens when it cannot go."""

import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as outbox
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from posture import reports
from posture.actions import mail, mailbox
from posture.kpis.weeks import Week
from posture.models import Delivery, MailboxMessage, Recipient, ReviewSchedule
from posture.queries import review_page
from posture.queries.reviews import page_of
from tests import factories
from tests.fixtures import reviews

NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
pytestmark = pytest.mark.django_db


class Broken(BaseEmailBackend):
    """A server that turns everything away."""

    def send_messages(self, email_messages):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


class Mistaken(BaseEmailBackend):
    """A bug, where a refusal was expected."""

    def send_messages(self, email_messages):
        raise KeyError("boundary")


@pytest.fixture
def manager():
    user = reviews.chair(username="manager")
    return reviews.permitted(user, "manage_recipients")


def recipient(manager, email="ciso@example.com", *, gets_pdf=False):
    return mail.add_recipient(
        manager, factories.organization(), email=email, name="", gets_pdf=gets_pdf
    )


def sent(row, *, now=NOW):
    return [mail.deliver(pk, now=now) for pk in mail.request_sending(row, by="marta")]


def test_a_mail_is_the_answer_and_ten_numbers_as_text_with_nothing_to_fetch(manager):
    recipient(manager)
    row = reviews.published_review(headline="Posture held at 72.4.")
    assert sent(row) == ["SENT"]
    (message,) = outbox.outbox
    view = review_page.view(page_of(row, day=row.ends_on))
    assert message.subject == view.subject
    html = message.alternatives[0].content
    assert len(view.headlines) == 10
    for kpi in view.headlines:
        assert f"{kpi.name}: {kpi.text}{kpi.suffix} ({kpi.status.word}" in message.body
        assert kpi.status.word in html
    assert "<img" not in html
    assert "src=" not in html
    assert reverse("posture:review", args=[view.week]) in message.body
    assert not message.attachments


def test_only_who_is_on_the_allow_list_gets_the_pdf(manager):
    recipient(manager, gets_pdf=True)
    recipient(manager, "board@example.com")
    assert sent(reviews.published_review()) == ["SENT", "SENT"]
    by_address = {message.to[0]: message for message in outbox.outbox}
    (name, content, kind) = by_address["ciso@example.com"].attachments[0]
    assert (name, kind) == ("cloud-security-2026-W47.pdf", "application/pdf")
    assert content.startswith(b"%PDF-")
    assert not by_address["board@example.com"].attachments


def test_names_of_resources_stay_behind_the_sign_in(manager):
    recipient(manager)
    text = "Bucket arn:aws:s3:::pay-prod of 447188201936 and i-0e8c25854b60ff919 were public."
    sent(reviews.published_review(headline=text))
    (message,) = outbox.outbox
    for body in (message.body, message.alternatives[0].content):
        assert "were public" in body
        for name in ("pay-prod", "447188201936", "0e8c25854b60ff919"):
            assert name not in body


def test_a_draft_is_never_mailed(manager):
    recipient(manager)
    assert mail.request_sending(reviews.weekly_review(), by="marta") == []


def test_nobody_gets_the_same_review_twice(manager):
    recipient(manager)
    row = reviews.published_review()
    assert sent(row) == ["SENT"]
    assert sent(row) == []
    recipient(manager, "late@example.com")
    assert sent(row) == ["SENT"]
    assert [message.to for message in outbox.outbox] == [["ciso@example.com"], ["late@example.com"]]


def test_what_could_not_be_sent_is_recorded_tried_again_and_then_given_up(manager, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    recipient(manager)
    row = reviews.published_review()
    assert sent(row) == ["WAITING"]
    delivery = Delivery.objects.get()
    assert "Connection unexpectedly closed" in delivery.error
    assert delivery.next_try_at == NOW + timedelta(minutes=5)
    assert mail.due(now=NOW) == []
    for _ in range(mail.MAX_ATTEMPTS - 1):
        now = Delivery.objects.get().next_try_at
        (pk,) = mail.due(now=now)
        mail.deliver(pk, now=now)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("FAILED", mail.MAX_ATTEMPTS)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert sent(row) == ["SENT"]


def test_what_nobody_expected_to_fail_is_recorded_and_given_up_too(manager, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Mistaken"
    recipient(manager)
    row = reviews.published_review()
    (pk,) = mail.request_sending(row, by="marta")
    for attempt in range(1, mail.MAX_ATTEMPTS + 1):
        with pytest.raises(KeyError):
            mail.deliver(pk, now=NOW)
        delivery = Delivery.objects.get()
        assert (delivery.attempts, delivery.error) == (attempt, "KeyError: 'boundary'")
    assert delivery.state == "FAILED"
    assert mail.deliver(pk, now=NOW) is None


def test_without_a_server_the_record_says_what_to_set(manager, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Nowhere"
    recipient(manager)
    sent(reviews.published_review())
    assert "POSTURE_EMAIL_HOST" in Delivery.objects.get().error


def test_an_address_has_to_be_one_and_the_right_is_asked_for(manager):
    with pytest.raises(ValidationError, match="no e-mail address"):
        recipient(manager, "not an address\nBcc: everybody@example.com")
    with pytest.raises(PermissionDenied):
        recipient(reviews.reader())
    assert not Recipient.objects.exists()


def test_the_demo_keeps_its_mail_in_the_database(manager, settings):
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    recipient(manager, gets_pdf=True)
    assert sent(reviews.published_review()) == ["SENT"]
    kept = MailboxMessage.objects.get()
    assert kept.recipients == ["ciso@example.com"]
    assert kept.attachments[0]["bytes"] > 10_000
    assert "<table" in kept.html


def test_a_header_with_a_line_break_is_refused_in_the_demo_too():
    message = EmailMultiAlternatives("one\ntwo", "text", "a@example.com", ["b@example.com"])
    with pytest.raises(ValueError, match="newlines"):
        mailbox.Mailbox().send_messages([message])


def test_the_page_says_who_gets_it_and_takes_nothing_that_is_wrong(client, manager):
    client.force_login(manager)
    reviews.published_review()
    page = reverse("posture:mailing")
    assert b"Nobody yet" in client.get(page).content
    add = reverse("posture:recipient_add")
    answer = client.post(add, {"email": "<b>x</b>"})
    assert answer.status_code == 422
    assert b"&lt;b&gt;" in answer.content
    assert client.post(add, {"email": "ciso@example.com", "gets_pdf": "1"}).status_code == 302
    row = Recipient.objects.get()
    assert row.gets_pdf
    assert b"ciso@example.com" in client.get(page).content
    client.post(reverse("posture:recipient_remove", args=[row.pk]))
    assert b"Nobody yet" in client.get(page).content
    bad = client.post(reverse("posture:review_schedule"), {"freeze_at": "25:99"})
    assert bad.status_code == 422
    good = {"freeze_at": "07:30"}
    assert client.post(reverse("posture:review_schedule"), good).status_code == 302
    schedule = ReviewSchedule.objects.get()
    assert (schedule.freeze_at.hour, schedule.mails_on_publishing) == (7, False)


def test_who_may_not_read_reviews_finds_neither_page_nor_pdf(client):
    row = reviews.published_review()
    client.force_login(factories.stranger())
    for name, args in (
        ("posture:mailing", []),
        ("posture:review_pdf", [str(row)]),
        ("posture:mailbox", []),
    ):
        assert client.get(reverse(name, args=args)).status_code == 404


def test_a_reader_gets_the_pdf(client):
    row = reviews.published_review()
    client.force_login(reviews.reader())
    answer = client.get(reverse("posture:review_pdf", args=[str(row)]))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_sending_by_hand_needs_a_published_review(client, manager):
    client.force_login(manager)
    row = reviews.weekly_review()
    answer = client.post(reverse("posture:review_send", args=[str(row)]), follow=True)
    assert b"publish the review first" in answer.content


def test_the_page_offers_to_send_what_can_be_sent(client, manager, settings):
    client.force_login(manager)
    page = reverse("posture:mailing")
    row = reviews.published_review(week=Week(2026, 46))
    reviews.weekly_review()
    assert b"to those who have not got it" not in client.get(page).content
    recipient(manager)
    assert b"Send 2026-W46 to those who have not got it" in client.get(page).content
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    (pk,) = mail.request_sending(row, by="marta")
    mail.deliver(pk, now=NOW)
    shown = client.get(page).content
    assert b"again at 11:05 UTC" in shown and b"Connection unexpectedly closed" in shown
    Delivery.objects.update(state=Delivery.State.FAILED, next_try_at=None)
    assert reverse("posture:review_send", args=["2026-W46"]).encode() in client.get(page).content


def test_the_mailbox_of_the_demo_shows_all_to_those_who_see_everything_and_to_others_their_own(
    client, settings
):
    mails = reverse("posture:mailbox")
    reader = reviews.reader()
    reader.email = "reader@example.org"
    reader.save()
    client.force_login(reader)
    assert client.get(mails).status_code == 404
    settings.POSTURE_DEMO = True
    assert b"No mail yet" in client.get(mails).content
    for subject, to in (("for the reader", reader.email), ("for the lead", "marta@example.org")):
        mailbox.Mailbox().send_messages([EmailMessage(subject, "text", "parapet@localhost", [to])])
    own = client.get(mails).content
    assert b"for the reader" in own and b"for the lead" not in own
    hidden = MailboxMessage.objects.get(subject="for the lead")
    assert client.get(reverse("posture:mailbox_message", args=[hidden.pk])).status_code == 404
    client.force_login(factories.security_engineer())
    everything = client.get(mails).content
    assert b"for the reader" in everything and b"for the lead" in everything


def test_resources_are_left_out_of_a_text():
    said = reports.without_resources("arn:aws:iam::123456789012:role/x and 123456789012, 12345")
    assert said == "[named in the review] and [named in the review], 12345"
