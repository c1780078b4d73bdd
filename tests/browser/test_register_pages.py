"""Steps of an invariant's life, and policies that are adopted, in a real browser."""

import json
import time
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from invariants.ingest import catalogue
from invariants.models import Invariant
from tests import factories
from tests.browser import demo
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures import invariant_pages

KEY = "mon-config"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NoTrailStops",
            "Effect": "Deny",
            "Action": "cloudtrail:StopLogging",
            "Resource": "*",
            "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/halden/Trail"]}},
        }
    ],
}


@pytest.fixture
def site(assets, transactional_db, live_server):
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    organization = factories.root().organization
    catalogue.load_catalogue(organization, folders=[], now=now)
    policy = factories.policy(
        target="r-ab12", target_kind="ROOT", name="trail-guard", content=json.dumps(POLICY)
    ).policy
    world = {"engineer": factories.security_engineer(), "policy": policy}
    yield demo.Site(live_server.url, world)
    invariant_pages.erase_moves()


def test_every_page_is_accessible_silent_and_within_its_width(open_page, site):
    for path in (
        reverse("invariants:move", args=[KEY]),
        reverse("invariants:adopt_list"),
        reverse("invariants:adopt", args=[site.world["policy"].policy_id]),
        reverse("invariants:export", args=["kms-delete", "terraform"]),
    ):
        for screen in SCREENS.values():
            page = open_page(path, **screen)
            assert violations(page) == [], (path, screen)
            assert too_wide(page) <= 0, (path, screen)
            # The browser itself tells of the answer 409.
            assert [said for said in page.said if "409" not in said] == [], (path, screen)
            page.context.close()


def test_a_step_is_taken_by_keyboard_and_what_is_missing_is_said(open_page, site):
    page = open_page(reverse("invariants:move", args=[KEY]))
    card = page.get_by_role("region", name="Say that it is tested")
    card.get_by_label("Why", exact=True).fill("Read and tried by two of us.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
    # What was written is still there.
    expect(card.get_by_label("Why", exact=True)).to_have_value("Read and tried by two of us.")
    card.get_by_label("Why replay is no obstacle").fill("Replay comes with the next release.")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{reverse('invariants:detail', args=[KEY])}")
    assert Invariant.objects.get(key=KEY).state == "TESTED"
    assert [said for said in page.said if "422" not in said] == []
