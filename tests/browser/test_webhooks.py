"""The webhook pages in a real browser: by keyboard, on a narrow screen, in the dark."""

from django.utils import timezone

from posture.actions import webhooks
from posture.models import Webhook
from tests import factories
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures.receivers import pump, webhook


def test_a_webhook_is_added_tested_and_watched_by_keyboard(open_page, site, receiver):
    lead = factories.person(role="Security lead", username="lena")
    page = open_page("/webhooks/", user=lead, width=390, height=844)
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("Ticket bridge")
    page.keyboard.press("Tab")
    page.keyboard.type(receiver.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.get_by_text("The webhook is added").wait_for()
    row = Webhook.objects.get()
    assert (row.name, row.events) == ("Ticket bridge", ["findings.opened"])
    # A worker is at it: the list of deliveries looks again by itself.
    webhooks.send_test(lead, row.pk, now=timezone.now())
    page.get_by_role("link", name="Ticket bridge").press("Enter")
    page.get_by_role("heading", name="Deliveries").wait_for()
    assert page.get_by_text("waiting", exact=True).is_visible()
    assert pump(now=timezone.now()) == ["DELIVERED"]
    page.get_by_text("answered 204").wait_for(timeout=10_000)
    assert page.said == []


def test_the_pages_are_accessible_silent_and_within_their_width(open_page, site, receiver):
    lead, now = factories.person(role="Security lead", username="lena"), timezone.now()
    row, _ = webhook(
        receiver, events=["findings.opened"], owner=lead, name="Ticket bridge", now=now
    )
    receiver.status = 410
    webhooks.send_test(lead, row.pk, now=now)
    pump(now=now)
    for screen in SCREENS.values():
        for path in ("/webhooks/", f"/webhooks/{row.pk}/"):
            page = open_page(path, user=lead, **screen)
            assert violations(page) == []
            assert too_wide(page) <= 0
            assert page.said == []
