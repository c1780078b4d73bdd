"""KPIs and attestations in a real browser: every drawing, choosing an OU and a day, attesting."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from playwright.sync_api import expect

from inventory.models import Account
from posture.models import Attestation
from tests import factories
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures import kpi_points
from tests.fixtures.kpis import attestation

# Cohort and ages, heat, survival; and one that has never been filled.
DRAWN = ("K2", "K22", "K27", "K30")


@pytest.fixture
def measured(site):
    """13 weeks of KPIs for the root and two OUs."""
    world = site.world
    ous = [factories.root(), world["workloads"], world["production"]]
    kpi_points.organization_of_kpis(ous, list(Account.objects.all()), day=world["now"].date())
    world["engineer"].user_permissions.add(Permission.objects.get(codename="attest"))
    return site


def test_every_page_is_accessible_silent_and_within_its_width(open_page, measured):
    now = measured.world["now"]
    for days in (200, 20, -1):
        attestation(
            "RUNBOOK",
            account=measured.world["account"],
            attested_on=now.date() - timedelta(days=100),
            expires_on=now.date() + timedelta(days=days),
        )
    paths = [
        reverse("posture:kpis"),
        reverse("posture:attestations"),
        *(reverse("posture:kpi", args=[kpi_id]) for kpi_id in DRAWN),
    ]
    for index, path in enumerate(paths):
        page = open_page(path, **list(SCREENS.values())[index % 2])
        assert violations(page) == [], path
        assert too_wide(page) <= 0, path
        assert page.said == [], path


def test_tooltips_follow_the_pointer_and_stay_away_from_paper(open_page, measured):
    page = open_page(reverse("posture:kpi", args=["K28"]), width=1100)
    tip = page.locator("figure .tip").nth(3)
    expect(tip).to_have_css("opacity", "0")
    page.locator("figure .hit").nth(3).locator(".hot").hover()
    expect(tip).to_have_css("opacity", "1")
    page.emulate_media(media="print")
    expect(tip).to_be_hidden()
    expect(page.locator("figure .fig-s").first).to_be_visible()
    expect(page.locator("figure text.lab").first).to_be_visible()
    assert page.said == []


def test_an_ou_and_a_day_are_chosen_without_leaving_the_page(open_page, measured):
    page = open_page(reverse("posture:kpis"))
    page.get_by_label("Organisational unit").select_option(label="Workloads")
    expect(page.locator(".lede")).to_contain_text("Workloads")
    day = (measured.world["now"] - timedelta(days=14)).date().isoformat()
    page.get_by_label("As of day").fill(day)
    page.get_by_label("As of day").dispatch_event("change")
    expect(page.locator(".lede")).to_contain_text("as of")
    expect(page).to_have_url(re.compile(f"day={day}"))
    page.locator(".tile").first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/kpis/K1/\?ou=ou-.*&day={day}"))
    expect(page.locator("h1")).to_have_text("Posture score")
    page.get_by_role("link", name="52 weeks").click()
    expect(page).to_have_url(re.compile("weeks=52"))
    assert page.said == []


def test_somebody_attests_is_corrected_and_takes_it_back(open_page, measured):
    page = open_page(reverse("posture:attestations"))
    form = page.locator("#attest")
    form.get_by_label("What is attested").select_option("RUNBOOK")
    form.get_by_label(re.compile("^Account")).fill("1234")
    form.get_by_label("Statement").fill("Walked through")
    form.get_by_label("Who vouches").fill("Dana Fields")
    form.get_by_role("button", name="Attest").click()
    expect(form.get_by_text("You see no account 1234")).to_be_visible()
    expect(form.get_by_label(re.compile("^Account"))).to_be_focused()
    expect(form.get_by_label("Statement")).to_have_value("Walked through")
    assert violations(page) == []
    form.get_by_label(re.compile("^Account")).fill(measured.world["account"].account_id)
    form.get_by_role("button", name="Attest").click()
    expect(page.locator(".toast")).to_contain_text("Attested")
    expect(page.locator("#results")).to_contain_text("Dana Fields")
    page.locator("#results summary", has_text="Withdraw").click()
    page.get_by_role("button", name="Withdraw “").click()
    expect(page.locator("#results")).to_contain_text("withdrawn on")
    assert Attestation.objects.get().withdrawn_on is not None
    # The refusal is the only thing that the browser says of the answer 422.
    assert all("422" in text for text in page.said)
