"""The pages about invariants in a real browser: accessible, silent, by keyboard, on a phone."""

import re
import time
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import invariant_pages

SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {"width": 390, "height": 844, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
KEY = "dp-identity"


@pytest.fixture
def site(assets, transactional_db, live_server):
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    yield demo.Site(live_server.url, invariant_pages.world(at=now))
    invariant_pages.erase_moves()


def paths():
    detail = reverse("invariants:detail", args=[KEY])
    return [
        detail,
        reverse("invariants:list"),
        reverse("invariants:matrix") + "?depth=3",
        reverse("invariants:accounts", args=[KEY]) + "?state=MISSING&state=BROKEN",
        detail + "?tab=policy",
        detail + "?tab=history",
        detail + "?tab=coverage",
    ]


def screens(place):
    """The drawing on each; of the others the first three wide and narrow, the rest one of both in turn."""
    if place == 0:
        return SCREENS
    pair = (SCREENS[place % 2], SCREENS[3 - place % 2])
    return pair if place < 4 else pair[place % 2 : place % 2 + 1]


def test_every_page_is_accessible_silent_and_within_its_width(open_page, site):
    account = site.world["accounts"]["novalytics"].account_id
    of_account = reverse("invariants:account", args=[KEY, account])
    for place, path in enumerate([*paths(), of_account]):
        for screen in screens(place):
            page = open_page(path, **screen)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_filters_parts_and_drawing_work_without_a_mouse(open_page, site):
    page = open_page(reverse("invariants:list"))
    page.get_by_label("Coverage").select_option(label="Broken somewhere")
    expect(page.locator("#results-title")).to_contain_text("1 of 3 invariants")
    expect(page).to_have_url(re.compile("coverage=broken"))
    page.keyboard.press("j")
    expect(page.locator("[data-rows] a.t")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("No one outside the organisation")
    page.get_by_role("navigation", name="Parts of the page").get_by_role(
        "link", name="Policy"
    ).press("Enter")
    expect(page.get_by_role("region", name="Policy as JSON")).to_contain_text("S3OrgPerimeter")
    expect(page).to_have_url(re.compile("tab=policy"))
    page.go_back()
    cell = page.get_by_role("link", name="Right in Data & Analytics: 1 account broken")
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_contain_text("acq-novalytics")
    expect(page.get_by_label("Broken")).to_be_checked()
    assert page.said == []
