"""Denials and candidates in a real browser: accessible, silent, narrowed without leaving, on a phone."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import Denial, DenialServes
from invariants.rollups import violations as rollup
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import too_wide, violations
from tests.fixtures import invariant_pages
from tests.invariants import counted, trails

# Where to put pictures of the pages; "" makes none.
PICTURES = os.environ.get("DENIAL_PICTURES", "")
LIGHT, DARK = {"width": 1440}, {"width": 390, "height": 844, "color_scheme": "dark"}
OTHERS = {"width": 390, "height": 844}, {"width": 1440, "color_scheme": "dark"}
ACTIONS = ("iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile")
ROLES = ("Developer", "DataEngineer", "CostSaver")


@pytest.fixture
def site(assets, transactional_db, live_server):
    """Twenty days of denials, violations and candidates, up to today."""
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    factories.root()
    factories.rollup_state(day=now.date(), as_of=now)
    account = factories.account(name="payments-api")
    one = invariant_pages.invariant(
        "iam-no-users",
        type="SERVICE_CONTROL_POLICY",
        type_name="Service control policy",
        state="ENFORCED",
        statement="Nobody creates IAM users or access keys, unless the platform does.",
        condition="unless the platform does",
        record={"detects": {"security_hub": ["IAM.3", "IAM.5"]}},
    )
    factories.policy(target="r-ab12", policy_id="p-a1b2c3d4", name="deny-iam-users")
    for back in range(20):
        counted.taken(*denied(account, now=now, back=back), now=now)
    for row in Denial.objects.all():
        DenialServes.objects.create(
            denial=row, invariant=one, statement_id="IamNoUsers", is_certain=True
        )
    unknown = trails.policy_arn("p-99998888")
    counted.taken(
        trails.denied("s3:PutObject", arn=unknown, at=now),
        trails.denied("ec2:RunInstances", arn="", account=account.account_id, at=now),
        now=now,
    )
    prevented(one, account, now=now)
    engineer = factories.security_engineer()
    yield demo.Site(live_server.url, {"engineer": engineer, "invariant": one})
    invariant_pages.erase_moves()


def denied(account, *, now, back):
    return [
        trails.denied(
            ACTIONS[number % 3],
            role=ROLES[(back + number) % 3],
            account=account.account_id,
            at=now - timedelta(days=back, minutes=number),
        )
        for number in range(1 + back * 7 % 11)
    ]


def prevented(one, account, *, now):
    counted.covered(one, account, since=now - timedelta(days=30))
    control = factories.control(
        control_id="IAM.3", title="IAM users' access keys should be rotated", area="IDENTITY"
    )
    other = factories.control(control_id="S3.1", title="S3 buckets should block public access")
    for number in range(4):
        opened_at = now - timedelta(days=20 * number + 2)
        factories.finding(account=account, control=control, opened_at=opened_at)
        factories.finding(account=factories.account(), control=control, opened_at=opened_at)
        factories.finding(account=account, control=other, opened_at=opened_at)
    factories.count_findings(now=now)
    rollup.rebuild(factories.organization(), now=now)


def paths():
    detail = reverse("invariants:detail", args=["iam-no-users"])
    return {
        "denials": reverse("invariants:denials"),
        "narrowed": reverse("invariants:denials") + "?days=7&principal=nobody",
        "candidates": reverse("invariants:candidates"),
        "of-invariant": detail + "?tab=denials",
        "violations": detail + "?tab=violations",
    }


def test_every_page_is_accessible_silent_and_within_its_width(open_page, site):
    for name, path in paths().items():
        screens = (LIGHT, DARK, *OTHERS) if name == "denials" else (LIGHT, DARK)
        for number, screen in enumerate(screens):
            page = open_page(path, **screen)
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{number}.png", full_page=True)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            assert page.said == [], (path, screen)
            page.context.close()


def test_the_list_is_narrowed_in_place_and_back_undoes_it(open_page, site):
    page = open_page(reverse("invariants:denials"))
    expect(page.locator("#results")).to_contain_text("role/DataEngineer")
    page.fill("#principal", "costsaver")
    page.wait_for_url("**principal=costsaver**")
    expect(page.locator("#results")).not_to_contain_text("role/DataEngineer")
    expect(page.locator("#results")).to_contain_text("role/CostSaver")
    page.go_back()
    expect(page.locator("#results")).to_contain_text("role/DataEngineer")
    page.get_by_text("Show as table").first.click()
    expect(page.get_by_role("region", name="Requests denied by day, as a table")).to_be_visible()
    assert page.said == []


def test_without_a_feed_the_page_says_how_to_set_one_up(open_page, site):
    counted.forget()
    page = open_page(reverse("invariants:denials"))
    expect(page.locator("main")).to_contain_text("Denied requests are not recorded here.")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "empty.png", full_page=True)
    assert violations(page) == []
