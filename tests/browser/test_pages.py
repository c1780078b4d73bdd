"""Every page in a real browser: accessible, silent, within its width, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "overview": lambda world: reverse("posture:overview"),
    "scorecards": lambda world: reverse("posture:scorecards"),
    "scorecard": lambda world: reverse("posture:scorecard", args=[world["workloads"].ou_id]),
    "accounts": lambda world: reverse("posture:accounts"),
    "account": lambda world: reverse("posture:account", args=[world["account"].account_id]),
    "coverage": lambda world: reverse("posture:coverage") + "?service=guardduty",
    "findings": lambda world: reverse("findings:list") + "?severity=CRITICAL&q=bucket",
    "finding": lambda world: reverse("findings:detail", args=[world["finding"].pk]),
    "controls": lambda world: reverse("findings:controls"),
    "control": lambda world: reverse("findings:control", args=["S3.0"]),
    "quarantine": lambda world: reverse("findings:quarantine"),
    "held findings": lambda world: reverse("findings:quarantine") + "?source=SECURITY_HUB",
    "sync": lambda world: reverse("posture:sync"),
    "tokens": lambda world: reverse("posture:tokens"),
    "rights": lambda world: reverse("posture:rights"),
}
# Of those who manage people.
PEOPLE_PAGES = {
    "people": lambda world: reverse("posture:people"),
    "nobody found": lambda world: reverse("posture:people") + "?q=nobody",
    "person": lambda world: reverse("posture:person", args=[world["member"].pk]),
    "service account": lambda world: reverse("posture:person", args=[world["service"].pk]),
    "service accounts": lambda world: reverse("posture:service_accounts"),
    "everybody's tokens": lambda world: reverse("posture:tokens") + "?of=all",
}
SCREENS = {
    "wide and light": {"width": 1440, "color_scheme": "light"},
    "phone and dark": {"width": 390, "height": 844, "color_scheme": "dark"},
}


def violations(page):
    # Of what passes axe need not tell every element.
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]


def too_wide(page):
    root = "document.documentElement"
    return page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_silent_and_within_its_width(name, open_page, site):
    for screen in SCREENS.values():
        page = open_page(PAGES[name](site.world), **screen)
        assert violations(page) == []
        assert too_wide(page) <= 0
        assert page.said == []


@pytest.mark.parametrize("name", PEOPLE_PAGES)
def test_a_page_about_people_is_accessible_silent_and_within_its_width(name, open_page, site):
    for screen in SCREENS.values():
        page = open_page(PEOPLE_PAGES[name](site.world), user=site.world["admin"], **screen)
        assert violations(page) == []
        assert too_wide(page) <= 0
        assert page.said == []


def test_the_page_of_who_may_not_read_findings_is_accessible(open_page, site):
    page = open_page(PAGES["findings"](site.world), user=site.world["stranger"])
    assert "Not allowed" in page.title()
    assert violations(page) == []


@pytest.mark.parametrize(
    ("who", "name"),
    [(who, name) for who in ("member", "stranger") for name in ("overview", "accounts", "sync")]
    + [("member", "findings")],
)
def test_a_page_with_little_to_show_is_accessible_too(name, who, open_page, site):
    page = open_page(PAGES[name](site.world), user=site.world[who])
    assert violations(page) == []
    assert page.said == []


def test_the_sign_in_page_is_accessible(chromium, site):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.url + reverse("account_login"))
    assert violations(page) == []
    context.close()
