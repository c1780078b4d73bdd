"""The weekly review in a real browser: accessible, silent, editable in place, and one sheet of paper."""

import pytest

from posture.kpis.weeks import Week
from posture.models import ReviewAction, ReviewNote, ReviewQuestion
from tests.browser.demo import Site
from tests.browser.test_pages import SCREENS, too_wide, violations
from tests.fixtures import reviews

PAGE = "/reviews/2026-W47/"
# What A4 landscape leaves between its margins (11 and 9 mm), in CSS pixels.
SHEET = {"width": 1039, "height": 726}
# The browser itself reports every answer with an error status.
REFUSED = "Failed to load resource: the server responded with a status of 422"


@pytest.fixture
def site(assets, erasable_reviews, live_server):
    """A week with something in each of its parts, and the week before it, published."""
    before = reviews.weekly_review(week=Week(2026, 46))
    draft = reviews.weekly_review(answer="BETTER", narrative="word " * 150)
    for number, day in enumerate((None, "2026-11-18", "2026-11-20")):
        ReviewNote.objects.create(
            review=draft, text=f"Note {number}", kpi="K12", claim="IMPROVING", on_day=day
        )
        ReviewQuestion.objects.create(
            review=draft, text=f"Question {number}?", decision_by="CISO", decision="Yes."
        )
    for review, due, outcome in ((before, "2026-11-18", ""), (draft, "2099-12-01", "")):
        ReviewAction.objects.create(
            organization=draft.organization,
            review=review,
            text="Rotate the keys",
            owner="Platform team",
            due_on=due,
            first_due_on=due,
            outcome=outcome,
            created_by="marta",
        )
    return Site(live_server.url, {"engineer": reviews.chair(), "draft": draft})


def said(page):
    return [line for line in page.said if not line.startswith(REFUSED)]


@pytest.mark.parametrize("screen", SCREENS)
def test_a_week_is_accessible_silent_and_within_its_width(open_page, site, screen):
    path = f"{PAGE}?compare=2026-W46"
    page = open_page(f"{path}&edit=action-new" if "phone" in screen else path, **SCREENS[screen])
    assert violations(page) == []
    assert too_wide(page) <= 0
    assert page.said == []


@pytest.mark.parametrize("path", ["/reviews/", "/reviews/actions/"])
def test_a_list_is_accessible_silent_and_within_its_width(open_page, site, path):
    page = open_page(path, **SCREENS["phone and dark"])
    assert violations(page) == []
    assert too_wide(page) <= 0
    assert page.said == []


def test_a_note_is_written_in_place_and_its_claim_is_checked(open_page, site):
    page = open_page(PAGE)
    page.click("text=Add a note")
    page.fill("#note-new-text", "Keys get better")
    page.select_option("#note-new-claim", "IMPROVING")
    page.click("text=Add the note")
    page.wait_for_selector("#note-new-kpi_error")
    # Nothing typed is lost, and the field that is asked about has the focus.
    assert page.input_value("#note-new-text") == "Keys get better"
    assert page.evaluate("document.activeElement.id") == "note-new-kpi"
    # Another form in the same part is open, and stays so.
    page.click("#notes .ann a >> nth=0")
    page.fill("#notes .ann textarea", "Not saved yet")
    page.select_option("#note-new-kpi", "K15")
    page.click("text=Add the note")
    page.wait_for_selector("text=Keys get better chair")
    assert page.locator("#notes .claim").count() == 4
    assert page.input_value("#notes .ann textarea") == "Not saved yet"
    assert said(page) == []


def test_words_are_counted_while_they_are_written(open_page, site):
    page = open_page(PAGE)
    page.click("#edit-answer-new a")
    page.wait_for_selector("[data-words]")
    assert page.inner_text("[data-words]") == "150"
    page.fill("#answer-new-narrative", "three short words")
    assert page.inner_text("[data-words]") == "3"


def test_the_week_is_one_sheet_of_paper(open_page, site):
    page = open_page(PAGE, **SHEET)
    page.emulate_media(media="print")
    height = page.evaluate("document.querySelector('.sheet').getBoundingClientRect().height")
    assert height <= SHEET["height"]
    assert not page.is_visible(".edit") and not page.is_visible("#publish")
