"""Drift in a real browser: accessible, silent, by keyboard, on a phone."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import Drift, DriftRun
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import invariant_pages
from tests.invariants.drift.pictures import USERS

LIGHT, DARK = {"width": 1440}, {"width": 390, "height": 844, "color_scheme": "dark"}
ACTIONS = '"iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"'
EDITED = json.loads(json.dumps(USERS).replace(ACTIONS, '"iam:CreateUser"'))


@pytest.fixture
def site(assets, transactional_db, live_server):
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    factories.root()
    factories.rollup_state(day=now.date(), as_of=now)
    organization = factories.organization()
    one = invariant_pages.invariant("iam-no-users", state="ENFORCED")
    policy = factories.policy(target="r-ab12", policy_id="p-users", name="deny-iam-users").policy
    values = {
        "organization": organization,
        "policy_type": "SERVICE_CONTROL_POLICY",
        "first_seen": now - timedelta(days=9),
        "last_seen": now,
        "changed_since": now - timedelta(days=9),
    }
    Drift.objects.create(
        kind="CONTENT",
        key="1" * 64,
        severity="CRITICAL",
        invariant=one,
        policy=policy,
        policy_name=policy.name,
        summary="deny-iam-users is not what iam-no-users demands: 1 statement changed.",
        before=json.dumps(USERS, indent=2),
        after=json.dumps(EDITED, indent=2),
        restore={"content": json.dumps(USERS)},
        changed_by="luca.ferrante@halden.example as AWSReservedSSO_OrgAdmin_4f0c1b7d93a25e68",
        changed_at=now - timedelta(days=10),
        event_name="UpdatePolicy",
        event_id="e0c7d4f4-e9f2-4777-ae84-f9fff8874f38",
        **values,
    )
    Drift.objects.create(
        kind="UNMANAGED",
        key="2" * 64,
        severity="LOW",
        summary="tmp-vendor-migration belongs to no invariant. It is attached nowhere.",
        policy_name="tmp-vendor-migration",
        after=json.dumps(EDITED, indent=2),
        who_note="CloudTrail keeps 90 days of events, and this was there before.",
        **values,
    )
    DriftRun.objects.create(
        organization=organization, at=now, state="COMPLETE", counts={"classes": {"CUSTOMER": 9}}
    )
    yield demo.Site(live_server.url, {"engineer": factories.security_engineer()})
    invariant_pages.erase_moves()


def entry(kind="CONTENT"):
    return reverse("invariants:drift_entry", args=[Drift.objects.get(kind=kind).pk])


def test_every_page_is_accessible_silent_and_within_its_width(open_page, site):
    inbox = reverse("invariants:drift")
    for path in (inbox, f"{inbox}?state=ended", entry(), entry("UNMANAGED")):
        for screen in (LIGHT, DARK):
            page = open_page(path, **screen)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_a_drift_is_read_by_keyboard_and_closed_again(open_page, site):
    page = open_page(reverse("invariants:drift"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("2 lines removed, 0 added")
    expect(drawer).to_contain_text("luca.ferrante@halden.example as AWSReservedSSO_OrgAdmin")
    expect(page.locator("#drawer [data-drawer-close]")).to_be_focused()
    assert page.url.endswith(entry())
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(drawer).to_be_empty()
    assert page.url.endswith(reverse("invariants:drift"))
    expect(page.locator("[data-rows] a.t").first).to_be_focused()
    assert page.said == []


def test_accepting_without_a_reason_says_so_and_with_one_empties_the_inbox(open_page, site):
    page = open_page(entry())
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.locator(".errors")).to_contain_text("Nothing says why: write the reason.")
    page.get_by_label("Why it is right").fill("The vendor needs it until March.")
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.locator("main")).to_contain_text("The vendor needs it until March.")
    page.goto(site.url + reverse("invariants:drift"))
    expect(page.locator("#results")).not_to_contain_text("deny-iam-users is not what")
    page.get_by_label("State").select_option("accepted")
    expect(page.locator("#results")).to_contain_text("deny-iam-users is not what")
    # The browser itself says that the form came back.
    assert [said for said in page.said if "422" not in said] == []
