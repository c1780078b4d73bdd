"""The page of the API in a real browser, under the policy of the site."""

import pytest

from tests.browser.test_pages import violations

# What is in Swagger UI's own markup, and nowhere in ours.
THEIRS = {
    *("heading-order", "nested-interactive", "target-size", "landmark-main-is-top-level"),
    *("landmark-no-duplicate-main", "landmark-unique"),
}
SMALL = {"width": 390, "height": 844}
_DARK = "document.documentElement.classList.contains('dark-mode')"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_api_can_be_read_and_tried_out(open_page, scheme):
    page = open_page("/api/v1/docs/", color_scheme=scheme)
    page.wait_for_selector(".opblock-summary-path")
    assert page.locator(".opblock-summary-path").count() == 54
    assert {rule for rule, _ in violations(page)} <= THEIRS
    page.locator("#operations-Organisation-list_accounts .opblock-summary-control").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table .response")
    assert "payments-api" in page.locator(".live-responses-table").inner_text()
    assert page.evaluate(_DARK) is (scheme == "dark")
    assert page.said == []


def test_it_fits_a_narrow_screen_and_follows_the_choice_of_theme(open_page):
    page = open_page("/api/v1/docs/", **SMALL)
    page.wait_for_selector(".opblock-summary-path")
    page.locator("#operations-KPIs-list_kpi_points .opblock-summary-control").click()
    page.wait_for_selector(".parameters")
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    for theme in ("light", "dark"):
        page.locator("[data-theme-switch]").click()
        page.wait_for_function(f"{_DARK} === {str(theme == 'dark').lower()}")
    assert page.said == []
