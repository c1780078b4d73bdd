"""The page of reconciliation in a real browser: accessible, within its width, by filters and keyboard."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import ExceptionMismatch, ReconciliationRun
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import exception_pages, invariant_pages
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import WHY

SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {"width": 390, "height": 844, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
# A folder for pictures of what is walked.
PICTURES = os.environ.get("PICTURES", "")
URL = "/exceptions/reconciliation/"


@pytest.fixture
def site(assets, transactional_db, live_server):
    factories.root()
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    factories.rollup_state(day=now.date(), as_of=now)
    world = worlds.build()
    world.now = now - timedelta(hours=30)
    one = invariant_pages.invariant("s3-bpa", state="ENFORCED")
    planted(world, one)
    yield demo.Site(
        live_server.url, world.people | {"world": world, "engineer": world.people["lead"]}
    )
    exception_pages.erase_exceptions()
    invariant_pages.erase_moves()


def planted(world, invariant):
    today = world.now.date()
    days = {"starts_on": today, "asked_until": today + timedelta(days=55)}
    ended = world.active(title="Audit vendor copies snapshots", **days)
    moved = world.active(title="Partner reads the archive", **days)
    common = {
        "organization": world.account.organization,
        "severity": "HIGH",
        "policy_name": "scp-data-perimeter",
        "condition_key": "aws:PrincipalArn",
        "first_seen": world.now - timedelta(days=4),
        "last_seen": world.now,
    }
    rows = [
        (
            "ZOMBIE",
            ended,
            None,
            "Rosa Lind",
            "IMPLEMENTER",
            "{} is over, and what it let through is still deployed.",
        ),
        (
            "NOT_APPROVED",
            None,
            None,
            "Cloud Security",
            "INVARIANT_OWNER",
            (
                "A principal is let through: arn:aws:iam::*:role/AuditVendorReadOnlySnapshots, "
                "by aws:PrincipalArn. No exception was ever asked for."
            ),
        ),
        (
            "NOT_APPROVED",
            None,
            world.account,
            "Cloud Security",
            "INVARIANT_OWNER",
            "A tag is let through by aws:PrincipalTag/exempt. No exception was ever asked for.",
        ),
        (
            "NOT_DEPLOYED",
            ended,
            None,
            "Platform team",
            "PLATFORM",
            "{} is approved, and nobody has begun to put it in place.",
        ),
        (
            "RE_REVIEW",
            moved,
            world.account,
            "security lead",
            "APPROVER",
            "1 account in or out of the scope of {} moved to another OU.",
        ),
    ]
    for number, (kind, exception, account, owner, part, summary) in enumerate(rows):
        ExceptionMismatch.objects.create(
            **common,
            kind=kind,
            cause="OU_MOVE" if kind == "RE_REVIEW" else "",
            key=f"{number:064d}",
            exception=exception,
            invariant=invariant,
            account=account,
            accounts=1 if account else 37,
            value="" if kind == "RE_REVIEW" else "arn:aws:iam::*:role/AuditVendorReadOnlySnapshots",
            owner=owner,
            owner_part=part,
            summary=summary.format(exception.ref if exception else ""),
            remedy="Take the carve-out out of the policy; the next collection closes the exception.",
            due_at=world.now + timedelta(hours=20 * number),
            evidence={"sid": "DataPerimeter", "accounts": ["111111111111", "222222222222"]},
        )
    ReconciliationRun.objects.create(
        organization=world.account.organization,
        at=world.now,
        state="COMPLETE",
        counts={"carve_outs": 14, "approved": 12},
    )


def test_it_is_accessible_silent_and_within_its_width(open_page, site):
    detail = reverse(
        "exceptions:detail", args=[ExceptionMismatch.objects.get(kind="ZOMBIE").exception.ref]
    )
    item = reverse("exceptions:item", args=[ExceptionMismatch.objects.get(kind="RE_REVIEW").pk])
    for name, path, who in (
        ("inbox", "/exceptions/?tab=all", "lead"),
        ("item", item, "lead"),
        ("all", URL, "lead"),
        ("team", URL, "colleague"),
        ("none", f"{URL}?kind=ZOMBIE&invariant=other", "lead"),
        ("of-one", detail, "lead"),
    ):
        for screen in SCREENS if PICTURES else (SCREENS[0], SCREENS[3]):
            page = open_page(path, user=site.world[who], **screen)
            if PICTURES:
                place = f"{PICTURES}/{name}-{screen['width']}-{screen['color_scheme']}.png"
                page.screenshot(path=place, full_page=True)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_a_filter_narrows_and_another_look_ends_it(open_page, site):
    page = open_page(URL)
    rows = page.locator("#results .mismatch")
    expect(rows).to_have_count(5)
    page.get_by_label("Kind").select_option("RE_REVIEW")
    expect(rows).to_have_count(1)
    page.get_by_text("I have looked at it again").click()
    page.get_by_label("What came of it").fill(WHY)
    page.get_by_role("button", name="It is still right").click()
    expect(page.locator("#results-title")).to_have_text("4 open")
    page.get_by_label("State").select_option("ended")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(WHY)
    assert page.said == []


def test_the_inbox_has_its_lines_and_another_look_is_taken_there(open_page, site):
    page = open_page("/exceptions/", user=site.world["ciso"])
    tab = page.locator("#ex-list .seg [aria-current=true]")
    expect(tab).to_have_text("To decide 1")
    line = page.locator("[data-rows] li", has_text="moved to another OU")
    expect(line).to_contain_text("security lead")
    line.get_by_role("link").click()
    pane = page.locator("#exception")
    expect(pane.get_by_role("heading", level=1)).to_have_text("To be looked at again")
    expect(line.get_by_role("link")).to_have_attribute("aria-current", "true")
    pane.get_by_text("I have looked at it again").click()
    pane.get_by_label("What came of it").fill(WHY)
    pane.get_by_role("button", name="It is still right").click()
    page.wait_for_url("**/exceptions/")
    # Nothing waits any more: what is left is for others.
    expect(tab).to_have_text("All")
    expect(page.locator("[data-rows] li.diff")).to_have_count(4)
    # The popover stays open, and the list behind it is narrowed.
    page.locator("#ex-list summary").click()
    page.get_by_label("Risk").select_option("LOW")
    expect(page.locator("#ex-rows")).to_contain_text("low risk")
    expect(page.get_by_label("Risk")).to_be_visible()
    assert page.said == []
