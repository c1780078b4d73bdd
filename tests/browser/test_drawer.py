"""The finding beside the list, and the quarantine: what people click, and what they then see."""

import re
from datetime import timedelta

from django.urls import reverse
from playwright.sync_api import expect

from findings.models import QuarantinedFinding, UpkeepRun


def test_people_go_through_findings_without_leaving_the_drawer(open_page, site):
    page = open_page(reverse("findings:list"))
    rows = page.locator("tbody a.t")
    rows.first.click()
    heading = page.locator("#drawer h2")
    expect(heading).to_have_text(rows.first.inner_text())
    following = page.get_by_role("button", name="Next finding")
    previous = page.get_by_role("button", name="Previous finding")
    expect(previous).to_be_disabled()
    last = rows.count() - 1
    for at in range(1, last + 1):
        following.click()
        expect(page).to_have_url(re.compile(rows.nth(at).get_attribute("href").partition("?")[0]))
        expect(page.locator("tbody tr.cur")).to_have_count(1)
    expect(following).to_be_disabled()
    previous.click()
    expect(page).to_have_url(re.compile(rows.nth(last - 1).get_attribute("href").partition("?")[0]))
    expect(previous).to_be_focused()
    title = rows.nth(last).inner_text()
    page.go_back()
    # Back reads the finding anew, as a page of its own.
    expect(page.locator("h1")).to_contain_text(" in ")
    expect(page.locator("h2").first).to_have_text(title)
    assert page.said == []


def test_a_finding_that_is_not_in_the_list_has_no_neighbours(open_page, site):
    page = open_page(reverse("findings:list"))
    page.locator("tbody a.t").first.click()
    expect(page.locator("#drawer h2")).to_be_visible()
    page.get_by_role("link", name="Open as a page").click()
    expect(page.locator("h1")).to_contain_text(" in ")
    expect(page.locator("[data-row-step]")).to_have_count(0)
    assert page.said == []


def test_trying_again_is_followed_to_its_end_and_the_list_reads_itself_again(
    open_page, site, without_worker
):
    now = site.world["now"]
    page = open_page(reverse("findings:quarantine"))
    expect(page.locator("#quarantine-body")).to_contain_text("UpdatedAt is missing")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#retry")).to_contain_text("waiting for a worker")
    run = UpkeepRun.objects.get()
    QuarantinedFinding.objects.all().delete()
    ended = now + timedelta(seconds=1)
    UpkeepRun.objects.claim(run.pk, now=now).end(
        UpkeepRun.State.COMPLETE, now=ended, counts={"new": 1}
    )
    expect(page.locator(".toast")).to_have_text("Read again: 1 new")
    expect(page.locator("#retry")).to_contain_text("Read again: 1 new")
    expect(page.locator("#quarantine-body")).to_contain_text("Nothing is in quarantine")
    assert page.said == []
