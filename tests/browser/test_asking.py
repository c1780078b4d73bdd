"""Asking for an exception in a real browser: in two minutes, and without losing a word."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import ExceptionRequest
from invariants.queries.exceptions import entry
from tests import factories
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import exception_pages

SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
# What somebody sees to fill in, what they have to type, and the clicks from the page of the finding
# until it is sent: this is what two minutes are made of.
FIELDS_SEEN = ("justification", "reason", "lasts", "remediation_plan", "ticket", "business_owner")
TYPED = {
    "What must work?": "The partner reads the export bucket every night.",
    "When is it no longer needed?": "The partner moves in January.",
}
CLICKS = 3
STORED = "Object.keys(sessionStorage).filter((key) => key.startsWith('draft:')).length"


@pytest.fixture
def member(site):
    """Somebody of the team, whose owner of systems is Noor Haddad."""
    factories.person(role="System owner", username="noor-haddad", team=site.world["account"].team)
    yield site.world["member"]
    # What the database refuses to empty.
    exception_pages.erase_exceptions()


def fields_seen(page):
    """The names of fields that are there before somebody opens “More”, in their order."""
    return page.evaluate(
        """() => [...new Set([...document.querySelectorAll('#ask input, #ask textarea, #ask select')]
        .filter((one) => one.type !== 'hidden' && one.checkVisibility()).map((one) => one.name))]"""
    )


def wait_until(page, is_so, *, steps=60):
    """What a browser brings about in its own time."""
    for _ in range(steps):
        if is_so():
            return
        page.wait_for_timeout(100)
    assert is_so()


def ask_for(page, site):
    """The form, by the button on the page of a finding."""
    page.get_by_role("link", name="Request an exception").click()
    expect(page.get_by_role("heading", name="Request an exception")).to_be_visible()


def test_two_minutes_from_a_finding_to_sent(open_page, site, member):
    page = open_page(reverse("findings:detail", args=[site.world["finding"].pk]), user=member)
    clicks = []
    page.expose_function("clicked", lambda name: clicks.append(name))
    page.add_init_script(
        "document.addEventListener('click', (e) => clicked(e.target.tagName), true)"
    )
    page.reload()
    ask_for(page, site)
    assert ExceptionRequest.objects.count() == 0, "opening a form asks for nothing"
    assert tuple(fields_seen(page)) == FIELDS_SEEN
    for label, text in TYPED.items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Why not otherwise?").select_option("VENDOR")
    page.get_by_role("button", name="Send request").click()
    page.wait_for_url(re.compile(r"/exceptions/EX-[0-9]{4}/$"))
    # The reason is chosen in a list, which is a click as well.
    assert len([name for name in clicks if name != "HTML"]) + 1 == CLICKS
    request = ExceptionRequest.objects.get()
    assert request.state == "SUBMITTED"
    assert request.requester_id == member.pk
    assert request.business_owner == "Noor Haddad"
    assert timedelta(0) < entry.filled_in(request) < timedelta(minutes=2)


def test_it_is_kept_while_one_types_and_found_again(open_page, site, member):
    page = open_page(f"/exceptions/new/?finding={site.world['finding'].pk}", user=member)
    page.get_by_label("What must work?").fill("The nightly export.")
    expect(page.locator("#ask-kept")).to_contain_text("Kept as EX-")
    expect(page).to_have_url(re.compile(r"/exceptions/EX-[0-9]{4}/edit/$"))
    # A length is chosen: the next save tells what it comes to, and what is typed meanwhile stays.
    page.get_by_role("radio", name=re.compile("7 days")).check()
    page.get_by_label("Ticket").fill("DATA-4417")
    expect(page.locator("#ask-kept")).to_contain_text("Kept as EX-")
    expect(page.locator("#ask-seen [name=seen]")).not_to_have_value("0")
    wait_until(page, lambda: ExceptionRequest.objects.get().ticket == "DATA-4417")
    # The tab forgets what the server has.
    wait_until(page, lambda: page.evaluate(STORED) == 0)
    draft = ExceptionRequest.objects.get()
    assert (draft.justification, draft.ticket) == ("The nightly export.", "DATA-4417")
    assert (draft.asked_until - draft.starts_on).days == 6
    page.goto(f"{site.url}/exceptions/mine/")
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_label("What must work?")).to_have_value("The nightly export.")
    assert page.said == []


def test_a_session_that_ends_loses_nothing(open_page, site, member, client):
    page = open_page(f"/exceptions/new/?finding={site.world['finding'].pk}", user=member)
    client.logout()
    page.get_by_label("What must work?").fill("Typed after the session was over.")
    page.wait_for_url("**/sign-in/**")
    # Signed in again, in the same tab.
    client.force_login(member)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}]
    )
    page.goto(f"{site.url}/exceptions/new/?finding={site.world['finding'].pk}")
    expect(page.get_by_label("What must work?")).to_have_value("Typed after the session was over.")
    expect(page.locator("#ask-kept")).to_contain_text("Kept as EX-")
    assert ExceptionRequest.objects.get().justification == "Typed after the session was over."


def test_two_windows_do_not_overwrite_each_other(open_page, site, member):
    first = open_page(f"/exceptions/new/?finding={site.world['finding'].pk}", user=member)
    first.get_by_label("What must work?").fill("First.")
    expect(first).to_have_url(re.compile(r"/edit/$"))
    second = first.context.new_page()
    second.goto(first.url)
    second.get_by_label("What must work?").fill("Second.")
    expect(second.locator("#ask-kept")).to_contain_text(" UTC")
    first.get_by_label("Ticket").fill("DATA-1")
    expect(first.locator("#ask-kept")).to_contain_text("written in another window")
    expect(first.get_by_label("What must work?")).to_have_value("First.")
    assert ExceptionRequest.objects.get().justification == "Second."
    first.get_by_role("button", name="Keep what stands here").click()
    expect(first.locator("#ask-kept")).to_contain_text(" UTC")
    assert ExceptionRequest.objects.get().justification == "First."


def test_what_is_missing_is_said_beside_its_field_and_nothing_is_lost(open_page, site, member):
    page = open_page(f"/exceptions/new/?finding={site.world['finding'].pk}", user=member)
    page.get_by_label("What must work?").fill("The nightly export.")
    page.get_by_text("More: title").click()
    page.get_by_label("Who needs it?").fill("arn:aws:iam::300000000001:role/*")
    page.get_by_role("button", name="Send request").click()
    expect(page.locator("#ask-errors")).to_be_focused()
    expect(page.locator("#ask-errors")).to_contain_text("has a wildcard")
    expect(page.locator("#id_reason-notes")).to_contain_text("Choose why")
    expect(page.get_by_label("What must work?")).to_have_value("The nightly export.")
    expect(page.get_by_label("Who needs it?")).to_have_value("arn:aws:iam::300000000001:role/*")
    assert violations(page) == []
    # Whoever types on is not taken to what was missing by each time that it is kept.
    page.get_by_label("What must work?").fill("The nightly export, at two.")
    expect(page.locator("#ask-kept")).to_contain_text("UTC")
    expect(page.get_by_label("What must work?")).to_be_focused()


def test_the_pages_are_accessible_silent_and_within_their_width(open_page, site, member):
    page = open_page(f"/exceptions/new/?finding={site.world['finding'].pk}", user=member)
    page.get_by_label("What must work?").fill("The nightly export.")
    expect(page).to_have_url(re.compile(r"/edit/$"))
    paths = (
        f"/exceptions/new/?finding={site.world['finding'].pk}",
        "/exceptions/new/?control=S3.1",
        "/exceptions/new/",
        "/exceptions/mine/",
        page.url.removeprefix(site.url),
    )
    for path in paths:
        for screen in SCREENS:
            page = open_page(path, user=member, **screen)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()
