"""The weekly review as PDF."""

import re
from datetime import UTC, datetime

import pytest

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
    row = reviews.weekly_review(narrative="word " * 150, headline="A headline. " * 12)
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
