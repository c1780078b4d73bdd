"""Texts that attack, carried out of the site: CSV, JSON, the API, PDF, mail and headers."""

import csv
import io
import itertools
import json
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.core import mail as outbox
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from findings.models import Finding
from posture import reports, tasks
from posture.actions import mail
from posture.models import Report
from posture.queries import review_page
from posture.queries.reviews import page_of
from posture.reports import typesetting
from tests import factories
from tests.browser.test_hostile_text import ROLES
from tests.fixtures import hostile, reviews
from tests.fixtures.hostile import ADDRESSES, EVIL, NAMES, PAYLOADS, collapsed, ou_of
from tests.guards import test_urls

FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
CSV = {
    "findings:export_csv": {},
    "posture:scorecard_children_csv": {"ou_id": "r-ab12"},
    "posture:kpi_accounts_csv": {"kpi_id": "K2"},
    "posture:review_csv": {"week": "2026-W47"},
    "posture:audit_csv": {},
}
JSON = {
    "findings:export_json": {},
    "posture:review_json": {"week": "2026-W47"},
    "api_findings": {},
}


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Made once for all tests here, none of which changes it."""
    patch = pytest.MonkeyPatch()
    with django_db_blocker.unblock(), transaction.atomic():
        patch.setattr("celery.current_app.send_task", lambda *args, **kwargs: None)
        patch.setattr("findings.tasks.import_file.delay_on_commit", lambda **kwargs: None)
        patch.setattr("django.conf.settings.POSTURE_WEBHOOK_HOSTS", ["hooks.example.com"])
        patch.setattr("django.conf.settings.POSTURE_UPLOAD_DIR", str(tmp_path_factory.mktemp("in")))
        client = Client()
        person = factories.person(role=ROLES, username="all-rights")
        found = hostile.build(client, person=person)
        review = reviews.weekly_review()
        hostile.write(client, review, now=found["now"])
        review.refresh_from_db()
        yield found | {"client": client, "review": review, "person": person}
        patch.undo()
        transaction.set_rollback(True)


@pytest.fixture
def client(world, db):
    return world["client"]


def cells(text):
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


@pytest.mark.parametrize("name", CSV)
def test_no_cell_of_a_csv_is_a_formula_and_every_text_is_whole(client, name):
    answer = client.get(reverse(name, kwargs=CSV[name]))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer["Content-Disposition"])
    found = cells(answer.getvalue().decode("utf-8-sig"))
    numbers = re.compile(r"-?\d+(\.\d+)?")
    assert [one for one in found if one.startswith(FORMULA) and not numbers.fullmatch(one)] == []
    if name in ("findings:export_csv", "posture:scorecard_children_csv"):
        for payload in ("formula", "plus", "minus", "at"):
            assert any(one.startswith(f"'{PAYLOADS[payload]}") for one in found), payload
        joined = "\n".join(found)
        assert [one for one in NAMES if PAYLOADS[one] not in joined] == []


@pytest.mark.parametrize("name", JSON)
def test_json_is_json_that_no_browser_takes_for_a_page(client, name):
    answer = client.get(reverse(name, kwargs=JSON[name]))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    assert answer["X-Content-Type-Options"] == "nosniff"
    text = answer.getvalue().decode()
    assert json.loads(text)
    if name == "findings:export_json":
        titles = {row["title"] for row in json.loads(text)}
        assert [one for one in NAMES if PAYLOADS[one] not in titles] == []


def test_an_address_that_is_no_link_is_none_anywhere(client):
    assert Finding.objects.filter(status="OPEN").count() >= 2 * len(NAMES)
    for path in (
        reverse("posture:scorecard", args=["r-ab12"]),
        reverse("findings:controls"),
        *(reverse("findings:control", args=[f"S3.{n + 1}"]) for n in range(len(ADDRESSES))),
        *(
            reverse("findings:detail", args=[pk])
            for pk in Finding.objects.values_list("pk", flat=True)
        ),
    ):
        page = client.get(path).content.decode()
        for link in re.findall(r'(?:href|src|action|hx-get|hx-post)="([^"]*)"', page):
            assert re.match(r"(/|#|\?|https?://|data:image/)", link), (path, link)
            assert not link.startswith("//"), (path, link)
            assert EVIL not in link.partition("?")[0], (path, link)


# Paper


def text_of(pdf):
    """What a reader shows, without white space: lines break where they like."""
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    return squeezed("".join(pages))


def squeezed(text):
    # Invisible signs leave no trace in a font.
    return re.sub(
        r"[\s\u200b\u200d\u00ad\ufeff\u202c\u202e\u2066\u2069\u2026]", "", collapsed(text)
    )


def held_by(pdf):
    """Names of what a PDF could do by itself."""
    return [word for word in (b"/JavaScript", b"/JS", b"/Launch", b"/OpenAction", b"/EmbeddedFile",
                              b"/SubmitForm", b"/URI") if word in pdf]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["script", "typst", "mutation", "template", "right to left", "other writing", "long"]
)
def test_a_scorecard_on_paper_shows_hostile_names_as_they_are(client, name):
    answer = client.post(reverse("posture:report_ask", args=[ou_of(name)]), {"format": "PDF"})
    assert answer.status_code == 302
    report = Report.objects.latest("pk")
    tasks.make_report(report_id=report.pk)
    report.refresh_from_db()
    assert report.state == "DONE", report.error
    pdf = bytes(report.content)
    assert held_by(pdf) == []
    assert squeezed(typesetting.shown(PAYLOADS[name]))[:15] in text_of(pdf)


def test_a_whole_organisation_on_paper_holds_every_name(client):
    client.post(reverse("posture:report_ask", args=["r-ab12"]), {"format": "PDF"})
    report = Report.objects.latest("pk")
    tasks.make_report(report_id=report.pk)
    report.refresh_from_db()
    assert report.state == "DONE", report.error
    assert held_by(bytes(report.content)) == []


def test_a_review_on_paper_shows_what_people_wrote_as_it_is(client):
    answer = client.get(reverse("posture:review_pdf", args=["2026-W47"]))
    assert answer.status_code == 200
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer["Content-Disposition"])
    assert held_by(answer.content) == []
    text = text_of(answer.content)
    for name in ("script", "typst", "mutation", "attribute"):
        assert squeezed(PAYLOADS[name])[:30] in text, name


def test_signs_that_no_font_has_are_squares_and_unseen_ones_nothing():
    assert typesetting.shown({"a": ["日x\x1b\u202e\u200b", 1, None, True]}) == {
        "a": ["\N{WHITE SQUARE}x", 1, None, True]
    }
    plain = "Zürich ≥ 95 %, +1 → “ok”\n\t\N{MINUS SIGN}"
    assert typesetting.shown(plain) == plain


# Mail


class Elements(HTMLParser):
    """Names of the elements of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.names, self.text, self.attributes = set(), "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


MAIL = {"html", "head", "meta", "title", "body", "p", "h1", "table", "caption", "thead", "tbody"} | {
    "tr", "th", "td", "a",
}  # fmt: skip


def test_a_mail_has_the_headers_that_we_wrote_and_no_element_of_a_text(world, client):
    review = world["review"]
    type(review).objects.filter(pk=review.pk).update(
        state="PUBLISHED", published_by="marta", published_at=datetime(2026, 11, 23, tzinfo=UTC)
    )
    review.refresh_from_db()
    for pk in mail.request_sending(review, by="marta"):
        assert mail.deliver(pk, now=world["now"]) == "SENT"
    (message,) = outbox.outbox
    sent = message_from_bytes(message.message().as_bytes(), policy=policy.default)
    assert set(sent.keys()) == {
        "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
        "Auto-Submitted", "X-Auto-Response-Suppress",
    }  # fmt: skip
    assert sent["To"] == "ciso@example.com"
    html = Elements(sent.get_body(("html",)).get_content())
    assert html.names <= MAIL
    assert {name for name, _ in html.attributes} <= {"style", "href", "lang", "charset", "name",
        "content", "scope", "role"}  # fmt: skip
    links = [value for name, value in html.attributes if name == "href"]
    assert links == [f"http://localhost:8000{reverse('posture:review', args=['2026-W47'])}"]
    assert collapsed(PAYLOADS["script"]) in collapsed(html.text)
    plain = sent.get_body(("plain",)).get_content()
    assert collapsed(PAYLOADS["script"]) in collapsed(plain)


def test_no_subject_of_a_mail_has_a_second_line(world, client):
    row = world["review"]
    for text in [*PAYLOADS.values(), hostile.TYPED, f"a\r\nBcc: b@{EVIL}"]:
        row.headline = row.narrative = text
        view = review_page.view(page_of(row, day=row.ends_on))
        people = {"to": "a@example.com", "sender": "b@example.com", "address": "https://x/"}
        message = reports.review_mail(view, **people, with_pdf=False, made_at=row.frozen_at)
        assert len(message.subject.splitlines()) == 1
        head = message.message().as_bytes().split(b"\n\n")[0]
        assert b"\nBcc:" not in head


# Headers


@pytest.mark.parametrize(
    "text", ["x\r\nSet-Cookie: a=b", "x%0d%0aSet-Cookie: a=b", "x\nLocation: //e"]
)
def test_nothing_typed_makes_a_header(client, text):
    for path in (
        reverse("findings:list"),
        reverse("posture:accounts"),
        reverse("account_login"),
        reverse("findings:export_csv"),
    ):
        answer = client.get(path, {"q": text, "next": text, "cursor": text})
        assert "a=b" not in str(answer.cookies)
        for name, value in answer.headers.items():
            assert "\n" not in value, name
            assert "\r" not in value, name


PARAMETERS = (
    *("q", "cursor", "as_of", "day", "ou", "team", "account", "control", "severity", "status"),
    *("sort", "state", "owner", "source", "reason", "since", "until", "part", "a", "b", "weeks"),
    *("edit", "compare", "service", "event", "who", "from", "to", "limit", "fields", "of", "role"),
)
NONSENSE = ("\0", "9" * 400, "2026-99-99", "\N{GRINNING FACE}'\"%_\\", "-1", "a=b&c[]=d;e")


@pytest.mark.parametrize("turn", [0, 3])
def test_no_nonsense_in_an_address_breaks_anything(client, turn):
    """Every page and resource, with some nonsense in every parameter that any of them has."""
    texts = itertools.islice(itertools.cycle(NONSENSE), turn, None)
    values = dict(zip(PARAMETERS, texts, strict=False))
    client.raise_request_exception = False
    broken = []
    for name in test_urls.NAMES:
        if name in test_urls.OPEN and name != "account_login":
            continue
        answer = client.get(test_urls.address(name), values)
        if answer.status_code >= 500:
            broken.append((name, answer.status_code))
    for text in NONSENSE:
        answer = client.get(f"/findings/controls/{quote(text)}/")
        if answer.status_code >= 500:
            broken.append((text, answer.status_code))
    client.raise_request_exception = True
    assert broken == []
