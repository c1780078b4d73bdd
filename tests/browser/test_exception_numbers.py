"""The numbers of exceptions in a real browser: accessible, in both themes, on a phone, with their tables."""

import os
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import ExceptionDay
from invariants.rollups import exceptions as rollups
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import exception_numbers, exception_pages, invariant_pages

SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {"width": 390, "height": 844, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def site(assets, transactional_db, live_server):
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    factories.rollup_state(day=now.date(), as_of=now)
    invariant = invariant_pages.invariant("s3-bpa", state="ENFORCED")
    world = exception_numbers.lived(now=now - timedelta(hours=3), target=invariant)
    rollups.write(world.account.organization, now=now)
    for week in range(1, 20):
        for row in ExceptionDay.objects.filter(day=now.date()):
            row.pk, row.day = None, now.date() - timedelta(days=7 * week)
            row.active += week % 4
            row.save()
    engineer = factories.person(role="Security engineer", username="engineer-of-numbers")
    yield demo.Site(live_server.url, {"engineer": engineer})
    exception_pages.erase_exceptions()
    invariant_pages.erase_moves()


def test_the_page_is_accessible_and_fits_and_its_numbers_lead_to_their_lists(open_page, site):
    engineer, path = site.world["engineer"], reverse("exceptions:numbers")
    for screen in SCREENS if PICTURES else (SCREENS[0], SCREENS[3]):
        page = open_page(path, user=engineer, **screen)
        expect(page.get_by_role("heading", name="Exceptions in numbers")).to_be_visible()
        if PICTURES:
            name = f"{PICTURES}/numbers-{screen['width']}-{screen['color_scheme']}.png"
            page.screenshot(path=name, full_page=True)
        assert violations(page) == [], screen
        assert too_wide(page) <= 0, screen
        assert page.said == [], screen
        page.context.close()
    page = open_page(path, user=engineer)
    chosen = page.get_by_label("Organisational unit")
    name = chosen.locator("option").nth(1).inner_text()
    titles = page.locator("#trends h3")
    expect(titles).to_have_count(3)
    chosen.focus()
    chosen.select_option(index=1)
    expect(page.locator("#trends .hint").first).to_have_text(name)
    expect(page).to_have_url(re.compile(r"\?ou=ou-"))
    expect(page.get_by_label("Organisational unit")).to_be_focused()
    assert violations(page) == []
    page.locator("summary", has_text="Zombie rate").click()
    expect(page.get_by_text("without a live approval")).to_be_visible()
    page.get_by_role("link", name="Zombies", exact=True).click()
    expect(page).to_have_url(site.url + reverse("exceptions:inbox") + "?standing=zombie")
    expect(page.locator("[data-rows] a.t")).to_have_count(exception_numbers.WANTED.zombies)
