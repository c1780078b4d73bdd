"""What people do on the pages: drill down, filter, open a finding, watch a collection."""

import re

from django.urls import reverse
from playwright.sync_api import expect

from inventory.models import Collection
from tests import factories


def test_people_drill_down_the_tree_and_come_back(open_page, site):
    workloads, production = site.world["workloads"], site.world["production"]
    page = open_page(reverse("posture:scorecard", args=[workloads.ou_id]))
    page.locator("#children td a, #children th a", has_text="Production").first.click()
    expect(page.locator("h1")).to_have_text("Production")
    expect(page).to_have_url(re.compile(f"{production.ou_id}/$"))
    expect(page).to_have_title("Production scorecard · Parapet")
    expect(page.locator("#crumbs [aria-current]")).to_have_text("Production")
    assert page.locator("main").count() == 1
    page.go_back()
    expect(page.locator("h1")).to_have_text("Workloads")
    expect(page.locator("nav[aria-label=Main]")).to_be_visible()
    assert page.said == []


def test_filters_change_the_rows_the_total_and_the_address(open_page, site):
    page = open_page(reverse("findings:list"))
    expect(page.locator(".cnt")).to_contain_text("9 open findings")
    page.get_by_label("Critical").check()
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
    expect(page).to_have_url(re.compile(r"severity=CRITICAL"))
    expect(page.get_by_label("Critical")).to_be_checked()
    page.locator("#q").fill("nothing like it")
    expect(page.locator(".empty")).to_contain_text("No finding matches")
    page.reload()
    expect(page.locator("#q")).to_have_value("nothing like it")
    page.locator(".chip", has_text="contains").click()
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
    assert page.said == []


def test_a_finding_opens_beside_the_list_and_closes_by_key(open_page, site):
    page = open_page(reverse("findings:list") + "?severity=CRITICAL")
    row = page.locator("tbody a.t").first
    row.click()
    expect(page.locator("#drawer h2")).to_have_text("Buckets should block public access")
    expect(page).to_have_url(re.compile(r"/findings/\d+/\?severity=CRITICAL$"))
    expect(page.locator("#drawer [data-drawer-close]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_empty()
    expect(page).to_have_url(re.compile(r"/findings/\?severity=CRITICAL$"))
    expect(row).to_be_focused()
    assert page.said == []


def test_the_address_of_an_open_finding_is_a_page_of_its_own(open_page, site):
    page = open_page(reverse("findings:list"))
    page.locator("tbody a.t").first.click()
    expect(page.locator("#drawer h2")).to_be_visible()
    page.reload()
    expect(page.locator("h1")).to_contain_text("S3.0 in")
    page.get_by_role("link", name="Back to the list").click()
    expect(page.locator(".cnt")).to_contain_text("9 open findings")


def test_accounts_are_searched_while_people_type(open_page, site):
    page = open_page(reverse("posture:accounts"))
    page.locator("#q").press_sequentially("pay")
    expect(page.locator("#results h2")).to_have_text("1 account")
    expect(page).to_have_url(re.compile("q=pay"))
    expect(page.locator("#q")).to_be_focused()
    assert page.said == []


def test_a_running_collection_is_followed_to_its_end(open_page, site):
    now = site.world["now"]
    running = factories.collection(
        state="RUNNING", stage="FINDINGS", started_at=now, finished_at=None
    )
    run = factories.run(collection=running, state="RUNNING", finished_at=None)
    page = open_page(reverse("posture:sync"))
    expect(page.locator("#progress")).to_contain_text("0 of 1 scopes")
    run.state, run.finished_at = "COMPLETE", now
    run.save()
    expect(page.locator("#progress")).to_contain_text("1 of 1 scopes")
    Collection.objects.filter(pk=running.pk).update(state="COMPLETE", stage="DONE", finished_at=now)
    expect(page.locator("#progress")).to_contain_text("No collection is running")
    # The rest of the page has read itself again.
    expect(page.locator("tbody tr", has_text="just now").first).to_contain_text("complete")
    assert page.said == []


def test_the_findings_list_works_without_scripts(open_page, site):
    page = open_page(reverse("findings:list"), java_script_enabled=False)
    page.get_by_label("Critical").check()
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
