"""The pages of notifications in a real browser: kept by a press, accessible, on a phone."""

import os
import time as clock
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from posture.actions import notifications
from posture.models import (
    NotificationChannel,
    NotificationChoice,
    NotificationDelivery,
    NotificationSettings,
)
from posture.policies import sealing
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import exception_pages
from tests.invariants.exceptions import world as worlds

PAGES = ("/notifications/", "/notifications/deliveries/", "/notifications/stop/mention/")
SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {"width": 390, "height": 844, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
# A folder for pictures of what is walked.
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def site(assets, transactional_db, live_server, settings):
    settings.POSTURE_WEBHOOK_HOSTS = ["hooks.slack.com"]
    factories.root()
    now = datetime.fromtimestamp(clock.time(), tz=UTC)
    factories.rollup_state(day=now.date(), as_of=now)
    world = worlds.build()
    world.now = now
    for name, person in world.people.items():
        person.email = f"{name}@example.com"
        person.save()
    lead = world.people["lead"]
    NotificationChannel.objects.create(
        owner=lead,
        name="My Slack",
        service="SLACK",
        address=sealing.seal("https://hooks.slack.com/services/T/B/x"),
        host="hooks.slack.com",
        created_at=now,
        tested_at=now,
    )
    room = NotificationChannel.objects.create(
        owner=lead,
        name="#cloud-exceptions",
        service="SLACK",
        address=sealing.seal("https://hooks.slack.com/services/T/B/y"),
        host="hooks.slack.com",
        is_room=True,
        kinds=["WAIT", "ZOMBIE"],
        created_at=now,
        tested_at=now,
        test_error="hooks.slack.com did not answer in time",
    )
    world.submitted()
    settings.EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
    _send_mail_alone(now)
    NotificationDelivery.objects.filter(channel=room).update(
        state="GIVEN_UP",
        attempts=8,
        error="hooks.slack.com did not answer in time",
        next_try_at=None,
        ended_at=now,
    )
    yield demo.Site(live_server.url, world.people | {"engineer": lead})
    exception_pages.erase_exceptions()


def _send_mail_alone(now):
    """Nothing leaves the machine: what goes to Slack waits."""
    for pk in notifications.waiting():
        notifications.fan_out(pk, now=now)
    for pk in NotificationDelivery.objects.filter(channel=None).values_list("pk", flat=True):
        notifications.deliver(pk, clock=lambda: now)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_and_no_wider_than_the_screen(open_page, path):
    for place, screen in enumerate(SCREENS):
        page = open_page(path, **screen)
        assert violations(page) == []
        assert too_wide(page) <= 0
        if PICTURES:
            name = path.strip("/").replace("/", "-")
            page.screenshot(path=f"{PICTURES}/{name}-{place}.png", full_page=True)


def test_choices_and_hours_are_kept_by_a_press(open_page, site):
    page = open_page("/notifications/")
    page.get_by_label("Comments and evidence, by mail").select_option("OFF")
    page.get_by_label("You are next, by My Slack").select_option("OFF")
    page.locator("form").filter(has=page.get_by_label("You are next, by mail")).get_by_role(
        "button", name="Keep"
    ).click()
    expect(page.get_by_text("It is kept: from now on you are told like this.")).to_be_visible()
    expect(page.get_by_label("Comments and evidence, by mail")).to_have_value("OFF")
    kept = NotificationChoice.objects.filter(user=site.world["lead"], mode="OFF")
    assert set(kept.values_list("kind", "channel__name")) == {
        ("COMMENT", None),
        ("WAIT", "My Slack"),
    }
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet until").fill("07:00")
    page.get_by_label("Quiet until").press("Enter")
    expect(page.get_by_text("Your hours are kept.")).to_be_visible()
    assert NotificationSettings.objects.get().time_zone == "Europe/Berlin"


def test_the_way_there_is_in_the_menu_of_ones_name(open_page):
    page = open_page("/")
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("link", name="Your notifications").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your notifications")
