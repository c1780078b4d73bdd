"""The inbox of exceptions and a request in a real browser: by keyboard, accessible, on a phone."""

import os
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import expect

from invariants.actions import exceptions as actions
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ScopeKind
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import exception_pages, invariant_pages
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.test_at_once import until_blocked
from tests.invariants.exceptions.world import WHY

SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 1440, "color_scheme": "dark"},
    {"width": 390, "height": 844, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
# A folder for pictures of what is walked, to be looked at beside the mock-ups.
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def site(assets, transactional_db, live_server):
    factories.root()
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    factories.rollup_state(day=now.date(), as_of=now)
    world = worlds.build()
    world.now = now - timedelta(hours=30)
    named = {
        "requester": ("Dan", "Kessler"),
        "lead": ("Priya", "Raman"),
        "owner": ("Lena", "Okafor"),
    }
    for name, (first, last) in named.items():
        person = world.people[name]
        person.first_name, person.last_name = first, last
        person.save()
    one = invariant_pages.invariant("s3-bpa", state="ENFORCED")
    people = world.people | {"world": world, "engineer": world.people["lead"]}
    planted(world, one)
    yield demo.Site(live_server.url, people)
    exception_pages.erase_exceptions()
    invariant_pages.erase_moves()


def planted(world, invariant):
    """Two that wait for the lead, one emergency, and one zombie."""
    today = world.now.date()
    days = {"starts_on": today, "asked_until": today + timedelta(days=55)}
    done = world.approved(title="Partner reads the archive", target=invariant, **days)
    assert done.state == "APPROVED"
    request = world.drafted(
        title="Partner read access for the curated data lake",
        target=invariant,
        data_classification="Confidential",
        ticket="https://tickets.example.com/DATA-4417",
        **days,
    )
    lines = [
        actions.Line(ScopeKind.ACCOUNT, world.account.account_id),
        actions.Line(ScopeKind.REGION, "eu-central-1"),
        actions.Line(ScopeKind.PRINCIPAL, "arn:aws:iam::903317420058:role/AcmeMetricsReader"),
        actions.Line(ScopeKind.ACTION, "s3:GetObject"),
        actions.Line(ScopeKind.PATTERN, "arn:aws:s3:::meridian-lake-curated-eu/partner/*"),
    ]
    by = world.by("requester")
    actions.set_scope(by, request.pk, lines, now=world.now)
    plan = [("Access Grants are built", today + timedelta(days=20))]
    actions.set_milestones(by, request.pk, plan, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    actions.triage(world.by("assessor"), request.pk, note="One role.", now=world.later(hours=1))
    risk = actions.RiskView(worlds.Risk.HIGH, worlds.Risk.MEDIUM, "Reads alone, of one prefix.")
    actions.assess(world.by("assessor"), request.pk, risk, now=world.later(hours=2))
    actions.comment(
        world.by("assessor"),
        request.pk,
        f"@{world.people['lead'].username} the prefix has 1,204 objects.",
        now=world.later(hours=1),
    )
    world.assessed(title="EMR on IMDSv1 until migration", **days)
    world.submitted(title="Failover cannot assume its role", is_emergency=True, **days)
    zombie = world.active(title="Audit vendor copies snapshots", **days)
    actions.revoke(world.by("lead"), zombie.pk, why=WHY, now=world.later(hours=1))
    world.looked_at = world.later(hours=1)
    world.looked(zombie, True)
    world.now = world.now.replace(microsecond=0)


def ref_of(title):
    return ExceptionRequest.objects.get(title__startswith=title).ref


def detail_of(title, **query):
    return reverse("exceptions:detail", args=[ref_of(title)], query=query)


def pictured(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def test_every_page_is_accessible_silent_and_within_its_width(open_page, site):
    walked = {
        "inbox": (reverse("exceptions:inbox"), "lead"),
        "detail": (detail_of("Partner read access"), "lead"),
        "less": (detail_of("Partner read access", decide="less"), "lead"),
        "asked": (detail_of("Partner read access"), "requester"),
        "emergency": (detail_of("Failover"), "assessor"),
        "zombie": (detail_of("Audit vendor"), "implementer"),
        "absence": (reverse("exceptions:absence"), "lead"),
        "similar": (
            reverse("exceptions:similar", args=[ref_of("Partner read access")]),
            "lead",
        ),
    }
    for name, (path, who) in walked.items():
        for screen in SCREENS if PICTURES else (SCREENS[0], SCREENS[3]):
            page = open_page(path, user=site.world[who], **screen)
            pictured(page, f"{name}-{screen['width']}-{screen['color_scheme']}")
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_a_request_is_reached_approved_and_rejected_by_keyboard(open_page, site):
    page = open_page(reverse("exceptions:inbox"))
    pane = page.locator("#exception")
    expect(pane.locator("h1")).to_be_visible()
    expect(page.locator("[data-rows] a.t").first).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page).to_have_url(re_of(page.locator("[data-rows] a.t").nth(1)))
    titles = page.locator("[data-rows] a.t b").all_inner_texts()
    expect(pane.locator("h1")).to_have_text(titles[1])
    page.keyboard.press("k")
    expect(pane.locator("h1")).to_have_text(titles[0])
    page.goto(site.url + detail_of("EMR on IMDSv1"))
    page.keyboard.press("r")
    expect(pane.get_by_label("Reject")).to_be_checked()
    page.keyboard.type("no")
    pane.get_by_role("button", name="Reject", exact=True).click()
    expect(pane.locator("#refused")).to_contain_text("Write why")
    expect(pane.locator("#refused")).to_be_focused()
    expect(pane.get_by_label("Comment optional").or_(pane.locator("#ex-comment"))).to_have_value(
        "no"
    )
    expect(pane.get_by_label("Reject")).to_be_checked()
    pane.locator("h1").click()
    page.keyboard.press("a")
    page.keyboard.press("Control+a")
    page.keyboard.type("Fine until the migration.")
    pane.get_by_role("button", name="Approve until").click()
    expect(page.locator("#exception")).to_contain_text("Whose turn it is")
    assert ExceptionRequest.objects.get(title__startswith="EMR").state == "APPROVED"
    # The browser itself says that the form came back.
    assert [said for said in page.said if "422" not in said] == []


def test_of_two_who_decide_at_once_the_second_is_told_by_whom_and_keeps_their_words(
    open_page, site, client
):
    second = factories.person(role="Security lead", username="omar.haas")
    second.first_name, second.last_name = "Omar", "Haas"
    second.save()
    request = ExceptionRequest.objects.get(title__startswith="EMR on IMDSv1")
    first = open_page(detail_of("EMR on IMDSv1", decide="approve"), user=site.world["lead"])
    # A session of their own: the first stays signed in.
    client.cookies.clear()
    other = open_page(detail_of("EMR on IMDSv1", decide="reject"), user=second)
    other.locator("#ex-comment").fill("No: the migration is late already.")
    with transaction.atomic():
        ExceptionRequest.objects.select_for_update().get(pk=request.pk)
        first.locator("#exception").get_by_role("button", name="Approve until").click()
        until_blocked(1)
        other.locator("#exception").get_by_role("button", name="Reject", exact=True).click()
        until_blocked(2)
    expect(first.locator("#exception")).to_contain_text("Whose turn it is")
    told = other.locator("#meanwhile")
    expect(told).to_contain_text("Somebody was faster; what you sent was not done.")
    expect(told).to_contain_text("Priya Raman approved")
    expect(told).to_contain_text("You had written: “No: the migration is late already.”")
    assert violations(other) == []
    pictured(other, "meanwhile")
    request.refresh_from_db()
    assert (request.state, request.approvals.count()) == ("APPROVED", 1)
    assert first.said == [] and [said for said in other.said if "422" not in said] == []


@pytest.mark.parametrize("area", ["#ex-text", "#ex-comment"])
def test_words_are_back_after_a_sign_in_in_between(open_page, site, area):
    page = open_page(detail_of("EMR on IMDSv1", decide="reject"))
    page.locator(area).fill("The migration is late already.")
    session = [one for one in page.context.cookies() if one["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    page.locator(f"form:has({area}) button[type=submit]").click()
    page.wait_for_url(re.compile("/sign-in/"))
    page.context.add_cookies(session)
    page.evaluate("location.assign(new URLSearchParams(location.search).get('next'))")
    expect(page.locator(area)).to_have_value("The migration is late already.")
    page.locator(f"form:has({area}) button[type=submit]").click()
    expect(page.locator("#exception")).to_contain_text("The migration is late already.")
    kept = "Object.keys(sessionStorage).filter((key) => key.startsWith('said:'))"
    assert page.evaluate(kept) == []


def re_of(link):
    return link.page.evaluate("link => link.href", link.element_handle())


def test_on_a_phone_a_request_is_a_page_of_its_own(open_page, site):
    page = open_page(reverse("exceptions:inbox"), width=390, height=844)
    expect(page.locator("#exception")).to_be_hidden()
    page.get_by_role("link", name="EMR on IMDSv1").click()
    expect(page.locator("#exception h1")).to_have_text("EMR on IMDSv1 until migration")
    expect(page.locator("#ex-list")).to_be_hidden()
    page.get_by_role("link", name="All requests").click()
    expect(page.locator("#ex-list")).to_be_visible()


def test_people_are_offered_behind_an_at_sign(open_page, site):
    page = open_page(detail_of("Partner read access"), user=site.world["requester"])
    text = page.locator("#ex-text")
    text.click()
    assessor = site.world["assessor"]
    page.keyboard.type(f"Thank you @{assessor.username[:6]}")
    expect(page.get_by_role("option", name=assessor.get_full_name())).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(text).to_have_value(f"Thank you @{assessor.username} ")
    assert violations(page) == []
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".mention").last).to_have_text(f"@{assessor.username}")
    assert page.said == []
