"""A real Chromium on the real pages; skipped with a reason where there is none."""

import os
import shutil

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import sync_playwright

from tests.browser import demo, settling

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# No sandbox inside a container; nothing of the browser's own talks to the network.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]


def pytest_collection_modifyitems(items):
    if CHROMIUM is None:
        for item in items:
            if "tests/browser" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def chromium():
    # Playwright keeps an event loop in this thread, where Django would refuse to touch the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def assets():
    call_command("build_assets")


@pytest.fixture
def site(assets, transactional_db, live_server):
    """The served pages over a small organisation."""
    return demo.Site(live_server.url, demo.build())


@pytest.fixture
def open_page(chromium, site, client):
    """Function that opens a page as a signed-in person, and keeps what the console says."""
    contexts = []

    def open_page(path, *, user=None, width=1440, height=1000, **options):
        client.force_login(user or site.world["engineer"])
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site.url}]
        )
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        settling.watch(page)
        page.goto(site.url + path)
        settling.settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
