"""Uploading a file in a real browser, and watching what comes of it without doing anything."""

import json

import pytest
from celery import current_app
from django.urls import reverse
from playwright.sync_api import expect

from findings import tasks
from findings.models import FileImport
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures.findings import asff

PAGE = reverse("findings:import_list")


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, settings, tmp_path):
    """The test itself is the worker."""
    settings.POSTURE_UPLOAD_DIR = str(tmp_path)
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)
    monkeypatch.setattr(tasks.import_file, "delay_on_commit", lambda **kwargs: None)


def test_a_file_is_uploaded_followed_and_its_errors_are_read(open_page, site):
    page = open_page(PAGE)
    expect(page.locator(".empty")).to_contain_text("Nothing has been imported yet")
    account = site.world["account"].account_id
    content = json.dumps([asff(Id=str(number), AwsAccountId=account) for number in range(3)])
    files = [
        {"name": name, "mimeType": "application/json", "buffer": text.encode()}
        for name, text in (("whole.json", content), ("<b>cut.json", content[:-9]))
    ]
    page.get_by_label("Files").set_input_files(files)
    page.get_by_role("button", name="Import").click()
    rows = page.locator("#imports li")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="whole.json")).to_contain_text("waiting")
    for row in FileImport.objects.order_by("pk"):
        tasks.import_file(import_id=row.pk)
    whole, cut = rows.filter(has_text="whole.json"), rows.filter(has_text="<b>cut.json")
    expect(whole).to_contain_text("3 findings · 3 new")
    expect(cut).to_contain_text("2 findings · 2 unchanged")
    expect(cut).to_contain_text("the file ends within the finding that begins here")
    # Nothing is asked for any more once all files have ended.
    assert page.locator("#imports[hx-trigger]").count() == 0
    assert page.said == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_is_accessible_and_within_its_width(screen, open_page, site):
    organization = site.world["account"].organization
    now = site.world["now"]
    states = {
        "COMPLETE": {"shape": "asff", "counts": {"new": 1200, "closed": 3}, "finished_at": now},
        "RUNNING": {"bytes_read": 300, "counts": {"new": 300}},
        "PENDING": {},
        "REFUSED": {"error": "Byte 1,234: the file ends within the finding that begins here."},
    }
    for number, (state, values) in enumerate(states.items()):
        FileImport.objects.create(
            organization=organization,
            name=f"a-{'long' * 60}-name-{number}.json",
            size=1000,
            state=state,
            requested_by="priya",
            created_at=now,
            reasons=[{"reason": "x" * 200, "findings": 3, "example": "y" * 300}],
            **values,
        )
    page = open_page(PAGE, **SCREENS[screen])
    assert violations(page) == []
    assert too_wide(page) <= 0
    assert page.said == []


def test_somebody_who_may_not_import_gets_a_page_that_says_so(open_page, site):
    page = open_page(PAGE, user=site.world["member"])
    expect(page.locator("main")).to_contain_text("You may not import findings")
    assert violations(page) == []
