"""What would change, in a real browser: asked by keyboard, answered while one waits, on a phone, on paper."""

import time
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.evaluation import coverage as evaluation
from invariants.evaluation import what_if
from invariants.models import WhatIf
from inventory.models import Organization
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import coverage

FORM = "/invariants/what-if/"
SCREENS = (
    {"width": 1440, "color_scheme": "light"},
    {"width": 390, "height": 844, "color_scheme": "dark"},
)
NO_KMS = (
    '{"Version": "2012-10-17", "Statement": [{"Sid": "NoKeys", "Effect": "Deny",'
    ' "Action": "kms:*", "Resource": "*"}]}'
)


@pytest.fixture
def site(assets, transactional_db, live_server, monkeypatch):
    """Three accounts below Workloads and Sandbox, and the catalogue; the test is the worker."""
    monkeypatch.setattr("invariants.tasks.answer_what_if.delay_on_commit", lambda **kwargs: None)
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    root = factories.root()
    places = [factories.ou(name="Workloads"), factories.ou(name="Sandbox", role="SANDBOX")]
    accounts = [
        factories.account(ou=ou, name=name)
        for ou, name in zip(
            (places[0], places[0], places[1]), ("shop", "till", "toys"), strict=True
        )
    ]
    for ou in (root, *places):
        factories.ou_day(ou=ou, day=now.date())
    for account in accounts:
        factories.account_day(account=account, day=now.date())
    coverage.catalogue(now=now)
    coverage.full_access(
        root.ou_id, *(ou.ou_id for ou in places), *(one.account_id for one in accounts)
    )
    coverage.of_invariant("acct-leave-org", root.ou_id)
    coverage.in_force("acct-leave-org", "kms-delete", "ec2-serial")
    coverage.reading(now)
    evaluation.run(Organization.objects.get(), now=now)
    world = {"engineer": factories.security_engineer(), "now": now, "accounts": accounts}
    return demo.Site(live_server.url, world | {"workloads": places[0]})


def asked(page, target, *, text=NO_KMS):
    page.get_by_role("radio", name="A text JSON that is nowhere yet").check()
    page.get_by_label("Type", exact=True).select_option("SERVICE_CONTROL_POLICY")
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("combobox", name="Where").fill(target)
    page.get_by_role("button", name="Ask").click()


def test_a_question_is_asked_waited_for_and_answered(open_page, site):
    page = open_page(FORM)
    assert not page.get_by_label("Text", exact=True).is_visible()
    asked(page, "Workloads")
    page.wait_for_url("**/invariants/what-if/*-*/")
    expect(page.locator("#answer")).to_contain_text("Waiting.")
    row = WhatIf.objects.get()
    assert what_if.answer(str(row.pk), now=site.world["now"]) == "DONE"
    # By polling alone.
    expect(page.locator("#sum-title")).to_be_visible()
    expect(page.locator("#answer")).to_contain_text("2 accounts would lose something")
    page.locator("details.who summary").first.click()
    expect(page.locator("details[open]").first).to_contain_text("shop")
    assert page.said == []


def test_what_is_wrong_stands_beside_the_field_and_what_was_written_stays(open_page, site):
    page = open_page(FORM)
    asked(page, "Nowhere")
    expect(page.get_by_role("alert")).to_contain_text("There is no root, OU or account “Nowhere”")
    assert page.get_by_role("combobox", name="Where").get_attribute("aria-invalid") == "true"
    assert "NoKeys" in page.get_by_label("Text", exact=True).input_value()
    asked(page, "Workloads", text="{")
    expect(page.get_by_role("alert")).to_contain_text("no JSON at line 1")
    assert WhatIf.objects.count() == 0


def test_it_can_be_asked_without_a_mouse(open_page, site):
    page = open_page(FORM)
    page.get_by_role("radio", name="An invariant").focus()
    page.keyboard.press("Tab")
    page.get_by_label("Invariant", exact=True).select_option("acct-leave-org")
    page.get_by_role("combobox", name="Where").focus()
    page.keyboard.type("Sandbox")
    page.keyboard.press("Enter")
    page.wait_for_url("**/invariants/what-if/*-*/")
    assert WhatIf.objects.get().target_name == "Sandbox"


def test_the_pages_are_accessible_silent_and_within_their_width(open_page, site):
    page = open_page(FORM)
    asked(page, "Workloads")
    page.wait_for_url("**/invariants/what-if/*-*/")
    row = WhatIf.objects.get()
    what_if.answer(str(row.pk), now=site.world["now"])
    paths = (
        FORM,
        reverse("invariants:what_if_result", args=[row.pk]),
        reverse("posture:account", args=[site.world["accounts"][0].account_id]),
        reverse("posture:scorecard", args=[site.world["workloads"].ou_id]),
        reverse("posture:overview"),
    )
    for path in paths:
        for screen in SCREENS:
            page = open_page(path, **screen)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_on_paper_the_answer_is_whole_and_the_buttons_are_gone(open_page, site):
    page = open_page(FORM)
    asked(page, "Workloads")
    page.wait_for_url("**/invariants/what-if/*-*/")
    what_if.answer(str(WhatIf.objects.get().pk), now=site.world["now"])
    expect(page.locator("#sum-title")).to_be_visible()
    page.emulate_media(media="print")
    assert not page.get_by_role("link", name="Ask again").is_visible()
    assert page.locator(".code").evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")
