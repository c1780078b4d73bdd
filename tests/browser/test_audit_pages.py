"""The audit log in a real browser: accessible, silent, within its width, light and dark."""

import pytest
from django.urls import reverse

from posture import logs
from posture.actions import audit
from posture.models import AuditEntry, Recipient
from tests import factories
from tests.browser.test_pages import SCREENS, too_wide, violations

LONG = "A statement without an end, and_with_a_word_that_has_no_place_to_break_" * 2


@pytest.fixture
def entry(site):
    """An entry with before and after, by a person with a token; and entries of every kind beside it."""
    lead = factories.person(role="Security lead", username="lena")
    who = logs.Actor("PERSON", str(lead.pk), "lena", "12 ticket bridge")
    organization = factories.organization()
    with logs.begin(
        logs.Origin(actor=who, request_id="7f3a" * 8, address="2001:db8:85a3::8a2e:370:7334")
    ):
        row = Recipient.objects.create(
            organization=organization, email="cio@example.org", name="Ingrid", added_by="lena"
        )
        row.name, row.gets_pdf = LONG, True
        row.save()
    changed = AuditEntry.objects.latest("pk")
    audit.record(
        "sign_in_failed", actor=None, subject="an unknown name", details={}, now=factories.NOW
    )
    with logs.begin(logs.Origin(actor=logs.Actor("DATABASE", name="parapet"))):
        row.delete()
    return changed


def pages(entry):
    return {
        "log": reverse("posture:audit"),
        "search": reverse("posture:audit") + "?q=recipient&who=lena",
        "nothing": reverse("posture:audit") + "?q=nothingatall",
        "wrong": reverse("posture:audit") + "?since=2026-02-03&until=2026-02-01",
        "entry": reverse("posture:audit_entry", args=[entry.pk]),
    }


def test_the_audit_log_is_accessible_silent_and_within_its_width(entry, open_page):
    auditor = factories.person(role="Auditor")
    for name, path in pages(entry).items():
        for screen, options in SCREENS.items():
            page = open_page(path, user=auditor, **options)
            assert violations(page) == [], (name, screen)
            assert too_wide(page) <= 0, (name, screen)
            assert page.said == []


def test_a_filter_narrows_the_list_in_place(entry, open_page):
    page = open_page(reverse("posture:audit"), user=factories.person(role="Auditor"))
    page.get_by_label("Event").select_option("recipient_changed")
    page.wait_for_url("**event=recipient_changed*")
    page.get_by_role("heading", name="Entries that match").wait_for()
    assert page.locator("tbody tr").count() == 1
    page.locator("tbody a").click()
    page.get_by_role("heading", name="Before and after").wait_for()
