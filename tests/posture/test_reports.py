"""The weekly review as PDF."""

import io
import re
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from posture import reports
from posture.models import ReviewAction
from posture.queries import review_page
from posture.queries.reviews import page_of
from tests.fixtures import review_pages, reviews

MADE_AT = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def view(row=None):
    row = row or reviews.weekly_review()
    return review_page.view(page_of(row, day=row.ends_on))


def test_the_pdf_is_tagged_and_names_its_language_and_title():
    pdf = reports.review_pdf(view(), made_at=MADE_AT)
    assert pdf.startswith(b"%PDF-")
    for wanted in (b"/StructTreeRoot", b"/MarkInfo", b"/Lang", b"pdfuaid"):
        assert wanted in pdf
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 3


def test_a_week_of_many_words_and_actions_stays_on_three_pages():
    found = review_pages.snapshot()
    long = "The partner reads the curated lake until access grants have shipped to every Region"
    third = [[f"EX-{number:04d}", long] for number in range(1, 9)]
    found["exceptions"] |= {"zombies": 11, "unapproved": 12, "third_periods": third}
    row = reviews.weekly_review(
        narrative="word " * 150, headline="A headline. " * 12, snapshot=found
    )
    for number in range(12):
        due = row.ends_on
        ReviewAction.objects.create(
            organization=row.organization, review=row, text=f"Action {number} of many words here",
            owner="The head of " * (1 if number else 10) + "it", due_on=due, first_due_on=due,
            created_by="marta",
        )  # fmt: skip
        row.notes.create(text=f"Note {number} says what has happened in this week, and why.")
    for number in range(3):
        row.questions.create(text=f"Question {number} to the meeting?", decision_by="CISO")
    pdf = reports.review_pdf(view(row), made_at=MADE_AT)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 3


def test_what_is_wrong_about_exceptions_has_a_word_a_sign_and_a_name():
    found = review_pages.snapshot()
    third = [[f"EX-{number:04d}", f"The partner of {number}"] for number in range(1, 7)]
    found["exceptions"] |= {
        "expired": 3,
        "zombies": 1,
        "unapproved": 2,
        "not_in_place": 0,
        "third_periods": third,
    }
    pdf = reports.review_pdf(view(reviews.weekly_review(snapshot=found)), made_at=MADE_AT)
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) == 3
    text = " ".join(pages[1].extract_text().split())
    assert "■ 1 exception ended and still deployed" in text
    assert "■ 2 carve-outs that nobody approved" in text
    for words in (
        "Past their end 3 ▲ Watch",
        "Ended, and still deployed (zombies) 1 ■ Off target",
        "Deployed without approval 2 ■ Off target",
        "Approved, not in place 0 ✓ On target",
    ):
        assert words in text
    assert "EX-0001 The partner of 1" in text and "EX-0003" in text
    assert "EX-0004" not in text and "and 3 more on the page" in text


def test_what_nobody_counted_of_exceptions_is_no_data_and_no_good_news():
    text = " ".join(
        PdfReader(io.BytesIO(reports.review_pdf(view(), made_at=MADE_AT)))
        .pages[1]
        .extract_text()
        .split()
    )
    assert "Deployed without approval no data ? No data" in text


def test_the_same_week_is_the_same_file():
    shown = view()
    assert reports.review_pdf(shown, made_at=MADE_AT) == reports.review_pdf(shown, made_at=MADE_AT)


def test_a_week_without_data_is_a_pdf_too():
    empty = review_pages.snapshot() | {"data_day": None, "data_as_of": None, "change": None}
    empty |= {"kpis": [], "flow": [], "ous": [], "areas": [], "practices": [], "controls": []}
    empty["sla"] = {"severities": [], "tiers": []}
    empty["movers"] = {"up": [], "down": []}
    row = reviews.weekly_review(snapshot=empty)
    assert reports.review_pdf(view(row), made_at=MADE_AT).startswith(b"%PDF-")


def test_what_people_write_stays_text():
    hostile = '#panic("no") \\ [*] $x$ <a> @b `c` // "quotes" \u202e'
    row = reviews.weekly_review(headline=hostile, narrative=hostile)
    row.notes.create(text=hostile)
    row.questions.create(text=hostile, decision_by=hostile)
    assert reports.review_pdf(view(row), made_at=MADE_AT).startswith(b"%PDF-")
