"""The findings explorer as people use it: by clicks, by keys, in bulk, on a phone."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from findings.models import BulkAction, Finding
from tests import factories
from tests.browser import settling
from tests.browser.test_pages import too_wide, violations

LIST = "/findings/"
WORST = "Critical, public, in production, past due"


@pytest.fixture
def worst(site):
    """The one finding that everybody looks for."""
    now = site.world["now"]
    control = factories.control(severity="CRITICAL", title="Anybody can read the backups")
    found = factories.finding(
        account=site.world["account"],
        control=control,
        is_public=True,
        opened_at=now - timedelta(days=40),
    )
    factories.count_findings()
    return found


def said(page):
    """What the console says, but that a request gave way to a newer one."""
    return [text for text in page.said if not re.match("htmx:(afterRequest|sendAbort)", text)]


def ids(page):
    return page.locator("tbody input[name=finding]").evaluate_all(
        "boxes => boxes.map(b => b.value)"
    )


def test_the_worst_is_found_in_three_clicks(open_page, site, worst):
    page = open_page(reverse("posture:overview"))
    page.locator("nav[aria-label=Main]").get_by_role("link", name="Findings").click()
    page.get_by_role("link", name=WORST).click()
    expect(page.locator(".cnt")).to_contain_text("1 open finding")
    page.locator("tbody a.t").click()
    expect(page.locator("#drawer h2")).to_have_text(worst.title)
    assert said(page) == []


def test_the_same_is_found_with_facets_that_are_open_from_the_start(open_page, site, worst):
    page = open_page(LIST)
    facets = page.locator(".facets")
    for label in ("Critical", "Public", "production", "Past due"):
        facets.get_by_label(re.compile(rf"^{label}\b")).check()
        expect(facets.get_by_label(re.compile(rf"^{label}\b"))).to_be_checked()
        settling.settle(page)
    expect(page.locator(".cnt")).to_contain_text("1 open finding")
    assert ids(page) == [str(worst.pk)]
    page.go_back()
    expect(facets.get_by_label(re.compile("^Past due"))).not_to_be_checked()
    assert said(page) == []


def test_a_closed_facet_loads_its_choices_and_stays_open(open_page, site):
    page = open_page(LIST)
    facet = page.locator("[data-facet=account]")
    facet.locator("summary").click()
    facet.locator("input[type=search]").press_sequentially("payments")
    expect(facet.locator("label")).to_have_count(1)
    facet.get_by_label(re.compile("payments-api")).check()
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
    expect(page.locator(".chip")).to_contain_text("account")
    expect(page.locator("[data-facet=account]")).to_have_attribute("open", "")
    page.locator("[data-facet=region] summary").click()
    page.locator(".facets").get_by_label("Critical").check()
    expect(page.locator(".cnt")).to_contain_text("1 open finding")
    expect(page.locator("[data-facet=region]")).to_have_attribute("open", "")
    assert said(page) == []


# A person types as soon as there is a field; htmx listens to it a moment later.
TYPE_AS_SOON_AS_IT_IS_THERE = """() => new MutationObserver((_, observer) => {
  const field = document.querySelector("[data-facet=account] input[type=search]");
  if (!field) return;
  observer.disconnect();
  field.focus();
  document.execCommand("insertText", false, "payments");
}).observe(document, { childList: true, subtree: true })"""
# The last letters come while the answer is on its way, and between it and htmx.
TYPE_ON = """() => {
  const type = (text) => document.execCommand("insertText", false, text);
  const once = { capture: true, once: true };
  window.addEventListener("htmx:beforeSwap", () => type("ing li"), once);
  window.addEventListener("htmx:afterSwap", () => queueMicrotask(() => type("ke")), once);
}"""


def test_what_is_typed_before_a_facet_listens_is_searched(open_page, site):
    page = open_page(LIST)
    page.evaluate(TYPE_AS_SOON_AS_IT_IS_THERE)
    facet = page.locator("[data-facet=account]")
    facet.locator("summary").click()
    expect(facet.locator("label")).to_have_count(1)
    expect(facet.locator("input[type=search]")).to_have_value("payments")
    assert said(page) == []


def test_what_is_typed_while_the_list_is_read_is_searched_as_well(open_page, site):
    page = open_page(LIST)
    page.locator("#q").focus()
    page.evaluate(TYPE_ON)
    page.keyboard.insert_text("noth")
    expect(page).to_have_url(re.compile(r"q=nothing\+like$"))
    expect(page.locator("#q")).to_have_value("nothing like")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.insert_text(" it")
    expect(page).to_have_url(re.compile(r"q=nothing\+like\+it$"))
    expect(page.locator(".cnt")).to_contain_text("0 open findings")
    assert said(page) == []


def test_filters_are_typed_and_columns_are_chosen(open_page, site):
    page = open_page(LIST)
    page.locator("#q").press_sequentially("severity:critical")
    page.keyboard.press("Enter")
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
    expect(page).to_have_url(re.compile(r"/findings/\?severity=CRITICAL$"))
    expect(page.locator("#q")).to_have_value("")
    page.locator("summary[aria-label=Columns]").click()
    page.get_by_label("Region", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("thead")).to_contain_text("Region")
    page.reload()
    expect(page.locator("thead")).to_contain_text("Region")
    assert said(page) == []


def pasted(page):
    """What was copied, as a person finds it: a page of ours may not read it (Permissions-Policy)."""
    page.evaluate(
        "() => { const area = document.createElement('textarea'); area.id = 'pasted';"
        " document.body.append(area); area.focus(); }"
    )
    page.keyboard.press("ControlOrMeta+v")
    text = page.locator("#pasted").input_value()
    page.evaluate("() => document.querySelector('#pasted').remove()")
    return text


def test_rows_are_walked_chosen_and_opened_by_keys(open_page, site):
    page = open_page(LIST)
    page.context.grant_permissions(["clipboard-write"])
    for key in ("j", "j", "x", "J", "J"):
        page.keyboard.press(key)
    expect(page.locator("[data-selected]")).to_have_text("2 selected")
    page.locator("tbody .cb").nth(4).click()
    page.locator("tbody .cb").nth(7).click(modifiers=["Shift"])
    expect(page.locator("[data-selected]")).to_have_text("6 selected")
    page.locator("[data-copy-ids]").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    copied = pasted(page).split("\n")
    chosen = [int(pk) for index, pk in enumerate(ids(page)) if index in (1, 2, 4, 5, 6, 7)]
    assert set(copied) == set(
        Finding.objects.filter(pk__in=chosen).values_list("finding_id", flat=True)
    )
    page.locator("[data-clear]").click()
    expect(page.locator(".bulk")).to_be_hidden()
    page.locator("tbody a.t").nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_be_visible()
    expect(page.locator("tbody tr").nth(2)).to_have_class(re.compile("cur"))
    assert said(page) == []


def test_a_bulk_change_is_confirmed_followed_and_undone(open_page, site, settings, without_worker):
    settings.POSTURE_WRITE_BACK = True
    page = open_page(LIST + "?severity=CRITICAL")
    page.locator("[data-select-page]").check()
    expect(page.locator("[data-selected]")).to_have_text("3 selected")
    page.keyboard.press("w")
    expect(page.locator("h1")).to_have_text("Set the workflow of 3 findings")
    assert violations(page) == []
    page.get_by_label(re.compile("^Suppressed")).check()
    page.get_by_label("Note").fill("known and accepted")
    page.get_by_role("button", name=re.compile("^Write to")).click()
    expect(page.locator("#progress")).to_contain_text("0 of 3 sent")
    action = BulkAction.objects.get()
    action.items.update(state="DONE")
    Finding.objects.filter(bulkitem__action=action).update(workflow="SUPPRESSED")
    action.done, action.state, action.finished_at = 3, "COMPLETE", site.world["now"]
    action.save()
    expect(page.locator(".toast")).to_contain_text("3 set to Suppressed")
    assert violations(page) == []
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("h1")).to_have_text("Undo: 3 findings as before")
    assert BulkAction.objects.get(undoes=action).total == 3
    assert said(page) == []


def test_a_view_is_saved_opened_and_seen_by_others(open_page, site):
    page = open_page(LIST + "?severity=LOW")
    page.locator(".pop summary", has_text="Views").click()
    page.get_by_label("Name of the view").fill("Small <b>things</b>")
    page.get_by_label("Share with everybody").check()
    assert violations(page) == []
    page.get_by_role("button", name="Save view").click()
    expect(page.locator(".toast")).to_contain_text("Saved as “Small <b>things</b>”")
    other = open_page("/findings/views/", user=site.world["member"])
    assert violations(other) == []
    other.get_by_role("link", name="Small <b>things</b>").click()
    expect(other).to_have_url(re.compile(r"\?severity=LOW$"))
    assert said(page) == said(other) == []


def test_on_a_phone_the_facets_are_a_sheet(open_page, site):
    page = open_page(LIST, width=390, height=844)
    page.locator(".facets-btn summary").click()
    page.locator(".facets").get_by_label("Critical").check()
    expect(page.locator(".cnt")).to_contain_text("3 open findings")
    expect(page.locator(".facets")).to_be_visible()
    assert violations(page) == [] and too_wide(page) <= 0
    page.get_by_role("button", name="Show 3 findings").click()
    expect(page.locator(".facets")).to_be_hidden()
    page.locator("tbody .cb").first.click()
    expect(page.locator(".bulk")).to_be_visible()
    assert violations(page) == [] and too_wide(page) <= 0
    assert said(page) == []
