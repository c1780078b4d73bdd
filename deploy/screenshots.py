"""`make screenshots`: pictures of a running demo's pages, in screenshots/ and for the README.

Each page is taken light, dark, and as narrow as a phone. Needs Chromium on the machine and `make run`
beside it.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from playwright.sync_api import Browser, Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "screenshots"
README_PICTURE = ROOT / "docs" / "images" / "overview.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
USER = "priya"
# Name, address of a list or page, and for a detail page what the address of its first link starts with.
PAGES = (
    ("overview", "/", None),
    ("scorecards", "/scorecards/", None),
    ("scorecard", "/scorecards/", "/scorecards/"),
    ("accounts", "/accounts/", None),
    ("account", "/accounts/", "/accounts/"),
    ("findings", "/findings/", None),
    ("finding", "/findings/", "/findings/"),
    ("sync", "/sync/", None),
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at; width and height in CSS pixels."""

    name: str
    width: int
    height: int
    is_dark: bool = False


LOOKS = (
    Look("light", 1440, 900),
    Look("dark", 1440, 900, is_dark=True),
    Look("phone", 390, 844),
)


class NoDemoError(Exception):
    """Something that the pictures need is not there; the text says what."""


def take(browser: Browser, base_url: str, password: str, look: Look) -> list[Path]:
    """Sign in and take every page of PAGES in one look."""
    context = browser.new_context(
        base_url=base_url,
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.is_dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/sign-in/")
    page.fill("[name=login]", USER)
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    taken = []
    for name, address, below in PAGES:
        page.goto(address)
        if below is not None:
            page.goto(first_link(page, below))
        page.wait_for_load_state("networkidle")
        path = FOLDER / f"{name}-{look.name}.png"
        page.screenshot(path=path, full_page=True)
        taken.append(path)
    context.close()
    return taken


def first_link(page: Page, below: str) -> str:
    """The address of the first link of the page's content to something below an address.

    :raises NoDemoError: when there is none.
    """
    addresses: list[str] = page.locator(f"main a[href^='{below}']").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    for address in addresses:
        rest = address.partition("?")[0].removeprefix(below)
        if rest:
            return address
    raise NoDemoError(f"{page.url} has no link to anything below {below}.")


def main() -> int:
    values = dotenv_values(ROOT / "var" / "local.env")
    base_url, password = values.get("POSTURE_BASE_URL"), values.get("POSTURE_DEMO_PASSWORD")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        if not (ROOT / "var" / "run.lock").is_file() or not base_url or not password:
            raise NoDemoError("No demo runs here: start it by `make run` in another terminal.")
        if executable is None:
            raise NoDemoError(f"None of these is installed: {', '.join(BROWSERS)}.")
        FOLDER.mkdir(exist_ok=True)
        with sync_playwright() as playwright:
            # No browser sandbox: it is only ever pointed at our own pages, and containers have none.
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            for look in LOOKS:
                for path in take(browser, base_url, password, look):
                    sys.stdout.write(f"{path.relative_to(ROOT)}\n")
            browser.close()
    except (NoDemoError, Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(FOLDER / "overview-light.png", README_PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
