"""The pages of the weekly review: what they show, to whom, and that nothing that was written is lost."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from posture.actions import reviews as actions
from posture.kpis.weeks import Week
from posture.models import Erratum, ReviewAction, ReviewNote, ReviewQuestion
from tests import factories
from tests.fixtures import review_pages, reviews

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

NOW = factories.NOW + timedelta(days=3)  # Monday, 23 November
TODAY = NOW.date()
PAGE = "/reviews/2026-W47/"
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def row():
    return reviews.weekly_review()


@pytest.fixture
def reader(client):
    client.force_login(reviews.reader())
    return client


@pytest.fixture
def editor(client):
    client.force_login(reviews.editor())
    return client


@pytest.fixture
def chair(client):
    client.force_login(reviews.chair())
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def note(row, **changes):
    values = {"text": "Novalytics joined", "written_by": "priya"} | changes
    return ReviewNote.objects.create(review=row, **values)


def question(row, **changes):
    values = {"text": "Who owns key rotation?", "decision_by": "CISO"} | changes
    return ReviewQuestion.objects.create(review=row, **values)


def action(row, **changes):
    values = {
        "text": "Rotate the keys",
        "owner": "Platform team",
        "due_on": TODAY + timedelta(days=7),
        "created_by": "marta",
    } | changes
    values.setdefault("first_due_on", values["due_on"])
    return ReviewAction.objects.create(organization=row.organization, review=row, **values)


def answered(client, **changes):
    """The answer's form as the page has it, with changes."""
    seen = re.search(
        r'name="seen" value="(\w+)"', client.get(f"{PAGE}?edit=answer-new").content.decode()
    )[1]
    values = {"answer": "SAME", "headline": "Nothing moved.", "narrative": "", "seen": seen}
    return values | changes


class TestTheArchive:
    def test_it_lists_the_newest_week_first_with_its_answer(self, reader, row):
        reviews.published_review(
            week=Week(2026, 46), headline="A quiet week.", proposed_answer="WORSE"
        )
        shown = text(reader.get("/reviews/"))
        assert shown.index("2026-W47") < shown.index("2026-W46")
        assert "A quiet week." in shown and "Worse" in shown and "9\N{EN DASH}15 Nov 2026" in shown
        assert "Published" in shown and "Draft" in shown
        assert "4 of ten headlines" in shown

    def test_it_is_paged(self, reader):
        week = Week(2026, 47)
        for _ in range(27):
            reviews.weekly_review(week=week)
            week = week.previous
        first = reader.get("/reviews/").content.decode()
        assert first.count('class="t"') == 26
        older = re.search(r'rel="next" href="(\?[^"]+)"', first)[1]
        assert reader.get(f"/reviews/{older}").content.decode().count('class="t"') == 1

    def test_before_the_first_freeze_it_says_when_that_will_be(self, reader):
        factories.organization()
        shown = text(reader.get("/reviews/"))
        assert "No week has been frozen yet" in shown
        assert "Monday, 30 November 2026, 06:00 UTC" in shown

    def test_who_may_not_read_learns_whom_to_ask(self, client, row):
        client.force_login(factories.stranger())
        shown = text(client.get("/reviews/"))
        assert "You see no weekly review" in shown and "2026-W47" not in shown


class TestAWeek:
    def test_it_shows_ten_headlines_with_status_in_words_and_owner(self, reader, row):
        shown = text(reader.get(PAGE))
        for name in ("Posture score", "Public exposure", "Exception debt", "Net flow"):
            assert name in shown
        assert "Off target" in shown and "On target" in shown and "Watch" in shown
        assert "Security engineering" in shown and "no owner" in shown
        assert "16\N{EN DASH}22 Nov 2026" in shown and "coverage 98.4%" in shown
        assert "formulas v1, targets v1" in shown and "412 accounts · 3 OUs" in shown

    def test_it_shows_all_parts_of_the_page(self, reader, row):
        question(row)
        shown = text(reader.get(PAGE))
        for part in (
            "Who owns key rotation?",
            "account joined: novalytics-prod",
            "Workloads / Production",
            "Vulnerabilities by deadline",
            "Suppressed without approval",
            "No long-term credentials",
            "S3.8",
            "All 30 KPIs",
            "Agenda",
        ):
            assert part in shown
        assert "worst" not in shown.lower()

    def test_a_cause_leads_to_its_cells_and_an_ou_to_its_scorecard_of_that_day(self, reader, row):
        page = reader.get(PAGE).content.decode()
        days = "since=2026-11-15&amp;until=2026-11-22"
        part = "part=entries&amp;cause=account%20joined&amp;name=novalytics-prod"
        assert f'href="/scorecards/r-ab12/change/?{days}&amp;{part}"' in page
        assert 'href="/scorecards/ou-ab12-00000004/?as_of=2026-11-22"' in page

    def test_a_week_without_data_says_so_and_shows_no_zero(self, reader):
        reviews.weekly_review(snapshot=review_pages.empty_snapshot())
        shown = text(reader.get(PAGE))
        assert "no data in this week" in shown and "coverage no data" in shown
        assert "There is no earlier day to compare with" in shown
        assert "No data on exceptions in this week" in shown
        assert shown.count("No data") >= 30 and "0.0" not in shown

    def test_what_is_known_beside_exceptions_is_told_without_a_register(self, reader):
        found = review_pages.snapshot()
        found["exceptions"] |= {"active": None, "expired": None, "expiring_30": None, "bands": []}
        reviews.weekly_review(snapshot=found)
        shown = text(reader.get(PAGE))
        assert "No data on exceptions in this week" in shown and "In force no data" in shown
        assert "Suppressed without approval 7" in shown and "Controls switched off 4" in shown

    def test_blocks_say_what_they_find(self, reader, row):
        shown = text(reader.get(PAGE))
        assert "4 vulnerabilities are past their deadline, 1 in the tier of 3 days" in shown
        assert "14 exceptions in force, 3 of them over 90 days" in shown
        assert "Culture is lowest at 60.0" in shown

    def test_an_ou_stands_below_its_parent_without_the_names_of_those_above(self, reader):
        found = review_pages.snapshot()
        (root, *_), line = found["ous"], found["ous"][-1]
        labels = ((1, "Workloads"), (2, "Workloads / Production"), (1, "Media / Production"))
        found["ous"] = [root, *(line | {"depth": deep, "label": name} for deep, name in labels)]
        reviews.weekly_review(snapshot=found)
        page = reader.get(PAGE).content.decode()
        names = re.findall(r'<span class="ind(\d)"><a[^>]*>([^<]*)</a>', page)
        assert names[1:] == [("1", "Workloads"), ("2", "Production"), ("1", "Media / Production")]

    def test_no_exception_is_no_missing_data(self, reader):
        found = review_pages.snapshot()
        found["exceptions"] |= {"active": 0, "expired": 0, "load": "0.0", "bands": []}
        reviews.weekly_review(snapshot=found)
        shown = text(reader.get(PAGE))
        assert "No exception was in force." in shown and "Controls switched off 4" in shown

    def test_strangers_and_unknown_weeks_get_nothing(self, client, row):
        client.force_login(factories.stranger())
        assert client.get(PAGE).status_code == 404
        client.force_login(reviews.reader())
        for week in ("2026-W46", "2026-W99", "0000-W00", "9999-W53"):
            assert client.get(f"/reviews/{week}/").status_code == 404

    def test_the_weeks_around_it_can_be_reached(self, reader, row):
        for week in (Week(2026, 46), Week(2026, 48)):
            reviews.published_review(week=week)
        page = reader.get(PAGE).content.decode()
        assert 'href="/reviews/2026-W46/" aria-label="Previous week"' in page
        assert 'href="/reviews/2026-W48/" aria-label="Next week"' in page

    def test_the_headlines_can_be_laid_beside_those_of_another_week(self, reader, row):
        week = Week(2026, 46)
        found = review_pages.snapshot(week=week.name, starts_on=week.starts_on)
        headline = next(line for line in found["kpis"] if line["kpi"] == "K15")
        headline |= {"value": "31", "status": "WATCH", "target": "5", "target_text": "≤ 5"}
        reviews.published_review(week=week, snapshot=found)
        shown = text(reader.get(f"{PAGE}?compare=2026-W46"))
        compared = shown[shown.index("Beside 2026-W46") :]
        assert re.search(
            r"Public exposure 31 23 down 8 , better Watch Off target ≤ 0, was ≤ 5", compared
        )

    @pytest.mark.parametrize("other", ["2026-W45", "nonsense", "2026-W47", "<b>"])
    def test_a_week_that_cannot_be_compared_with_is_left_out(self, reader, row, other):
        response = reader.get(PAGE, {"compare": other})
        assert response.status_code == 200 and "Beside" not in text(response)

    def test_hostile_text_stays_text(self, chair):
        row = reviews.weekly_review(headline=HOSTILE, narrative=HOSTILE)
        note(row, text=HOSTILE, written_by=HOSTILE, kpi="K1", claim="FLAT")
        question(row, text=HOSTILE, decision_by=HOSTILE, decision=HOSTILE)
        action(row, text=HOSTILE, owner=HOSTILE)
        for path in (PAGE, "/reviews/", "/reviews/actions/"):
            page = chair.get(path).content.decode()
            assert "<script>alert" not in page and "&lt;script&gt;alert" in page

    def test_it_reads_nothing_but_the_review(self, reader, row):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            reader.get(PAGE)
        read = " ".join(query["sql"] for query in queries)
        for table in (
            "findings_",
            "posture_ouday",
            "posture_accountday",
            "posture_kpi",
            "posture_cell",
        ):
            assert table not in read

    def test_its_cost_does_not_grow_with_what_is_in_it(self, chair, row):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert chair.get(PAGE).status_code == 200
            return len(queries)

        note(row)
        action(row)
        before = cost()
        for number in range(20):
            note(row, text=f"Note {number}", kpi="K2", claim="FLAT")
            action(row, text=f"Action {number}")
        for number in range(20):
            reviews.published_review(week=Week(2026, 10 + number))
        assert cost() <= before <= 18


class TestWhoMayWrite:
    def test_readers_see_no_form(self, reader, row):
        note(row)
        action(row)
        page = reader.get(PAGE).content.decode()
        assert "?edit=" not in page and "Publish" not in page
        assert "?edit=" not in reader.get("/reviews/actions/").content.decode()
        page = reader.get(f"{PAGE}?edit=note-new").content.decode()
        assert 'method="post" action="/reviews/' not in page
        assert reader.get(f"{PAGE}?edit=note-new", headers=HTMX).status_code == 404

    @pytest.mark.parametrize(
        "path", ["answer/", "notes/", "notes/1/", "questions/", "questions/1/", "actions/", "publish/", "errata/"]
    )  # fmt: skip
    def test_readers_are_refused(self, reader, row, path):
        assert reader.post(PAGE + path, {"text": "x"}).status_code == 403

    def test_editors_write_but_do_not_publish(self, editor, row):
        page = editor.get(PAGE).content.decode()
        assert "Add a note" in page and ">Publish<" not in page.replace("\n", "")
        assert editor.post(f"{PAGE}publish/").status_code == 403
        assert editor.post(f"{PAGE}errata/", {"text": "x"}).status_code == 403

    def test_nobody_writes_in_what_is_published(self, chair):
        row = reviews.published_review()
        page = chair.get(PAGE).content.decode()
        slots = set(re.findall(r'id="edit-([^"]+)"', page))
        assert slots == {"erratum-new"} and row.state == "PUBLISHED"

    def test_writing_in_a_week_that_is_not_there_is_a_404(self, chair):
        assert chair.post(f"{PAGE}notes/", {"text": "x"}).status_code == 404
        assert chair.post("/reviews/actions/77/", {"do": "move"}).status_code == 404


class TestForms:
    def test_a_form_is_in_the_page_only_when_it_was_asked_for(self, editor, row):
        mine = note(row, text="Mine")
        page = editor.get(PAGE).content.decode()
        assert f'href="{PAGE}?edit=note-{mine.pk}#notes"' in page and 'name="text"' not in page
        page = editor.get(f"{PAGE}?edit=note-{mine.pk}").content.decode()
        assert page.count('name="text"') == 1 and "<html" in page

    def test_htmx_gets_the_form_alone_and_the_way_back(self, editor, row):
        part = editor.get(f"{PAGE}?edit=action-new&for=K12", headers=HTMX).content.decode()
        assert part.startswith('<div class="edit noprint" id="edit-action-new">')
        assert re.search(r'<option value="K12" selected>', part) and "autofocus" in part
        back = editor.get(f"{PAGE}?edit=action-new&close=1", headers=HTMX).content.decode()
        assert "<form" not in back and "autofocus" in back

    def test_other_forms_that_are_open_stay_when_one_is_saved(self, editor, row):
        mine, other = note(row, written_by="editor"), note(row)
        sent = {"do": "save", "text": "New text"}
        part = editor.post(f"{PAGE}notes/{mine.pk}/", sent, headers=HTMX).content.decode()
        kept = set(re.findall(r'id="edit-([^"]+)" hx-preserve="true"', part))
        assert kept == {f"note-{other.pk}", "note-new"}

    @pytest.mark.parametrize("name", ["note-999", "move-1", "nonsense", ""])
    def test_a_form_that_is_not_there_is_a_404(self, editor, row, name):
        assert editor.get(PAGE, {"edit": name}, headers=HTMX).status_code == 404
        assert editor.get("/reviews/actions/", {"edit": name}, headers=HTMX).status_code == 404
        assert editor.get(PAGE, {"edit": name}).status_code == 200


class TestTheAnswer:
    def test_it_is_saved_and_shown(self, editor, row):
        sent = answered(editor, answer="BETTER", headline="It is better.", narrative="We fixed it.")
        response = editor.post(f"{PAGE}answer/", sent)
        assert response.status_code == 302 and response["Location"] == f"{PAGE}#answer"
        shown = text(editor.get(PAGE))
        assert "It is better." in shown and "We fixed it." in shown

    def test_an_answer_that_the_metrics_do_not_bear_out_is_printed(self, reader):
        reviews.weekly_review(answer="BETTER", proposed_answer="SAME")
        shown = text(reader.get(PAGE))
        assert "metrics DISAGREE" in shown
        assert "The answer is better; the metrics say same." in shown

    def test_htmx_gets_its_part_and_those_that_change_with_it(self, editor, row):
        sent = answered(editor, headline="It is better.")
        response = editor.post(f"{PAGE}answer/", sent, headers=HTMX)
        part = response.content.decode()
        assert response.status_code == 200 and '"toast"' in response["HX-Trigger"]
        assert part.startswith("<header") and part.count('id="check"') == 1
        for beside in ("narrative", "agenda", "publish"):
            assert re.search(rf'id="{beside}"[^>]* hx-swap-oob="true"', part)
        assert "<html" not in part and 'id="notes"' not in part

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_a_narrative_that_is_too_long_is_counted_and_kept(self, editor, row, headers):
        words = " ".join(["word"] * 163)
        response = editor.post(f"{PAGE}answer/", answered(editor, narrative=words), headers=headers)
        assert response.status_code == 422
        assert "The narrative has 163 words" in text(response)
        assert "Shorten it by 13." in text(response) and words in response.content.decode()
        assert ("<html" in response.content.decode()) is not bool(headers)

    def test_150_words_are_not_too_long(self, editor, row):
        sent = answered(editor, narrative=" ".join(["word"] * 150))
        assert editor.post(f"{PAGE}answer/", sent).status_code == 302

    def test_two_people_do_not_overwrite_each_other_unawares(self, editor, row):
        mine = answered(editor, headline="Mine.")
        actions.write(
            reviews.chair(), row, answer="WORSE", headline="Theirs.", narrative="", now=NOW
        )
        response = editor.post(f"{PAGE}answer/", mine, headers=HTMX)
        part = response.content.decode()
        assert response.status_code == 422 and "chair changed the answer" in text(response)
        assert "Theirs.</h1>" in part and "Mine.</textarea>" in part
        again = mine | {"seen": re.search(r'name="seen" value="(\w+)"', part)[1]}
        assert editor.post(f"{PAGE}answer/", again).status_code == 302
        row.refresh_from_db()
        assert row.headline == "Mine."


class TestNotes:
    def test_a_claim_is_checked_at_once(self, editor, row):
        sent = {
            "text": "Keys get better",
            "kpi": "K12",
            "claim": "IMPROVING",
            "on_day": "2026-11-19",
        }
        response = editor.post(f"{PAGE}notes/", sent, headers=HTMX)
        shown = text(response)
        assert "Said to be improving; the control chart says worsening." in shown
        assert "Thu 19 Nov." in shown
        # Beside the answer, too: a disagreement is never hidden.
        assert "K12 Accounts without long-term credentials: said to be improving" in shown

    def test_too_few_weeks_cannot_tell(self, reader, row):
        note(row, kpi="K6", claim="FLAT")
        assert "there are too few weeks for the control chart to tell" in text(reader.get(PAGE))

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_a_claim_about_nothing_is_asked_about(self, editor, row, headers):
        sent = {"text": "It gets better", "claim": "IMPROVING"}
        response = editor.post(f"{PAGE}notes/", sent, headers=headers)
        assert response.status_code == 422
        assert "A claim is about a KPI" in text(response) and "It gets better" in text(response)
        assert not ReviewNote.objects.exists()

    @pytest.mark.parametrize(
        "sent", [{"text": ""}, {"text": " "}, {"text": "x", "kpi": "K99"}, {"text": "x", "on_day": "soon"},
                 {"text": "x" * 501}, {"text": "x", "kpi": "K1", "claim": "GREAT"}]
    )  # fmt: skip
    def test_what_cannot_be_is_refused(self, editor, row, sent):
        assert editor.post(f"{PAGE}notes/", sent).status_code == 422
        assert not ReviewNote.objects.exists()

    def test_they_are_changed_and_removed(self, editor, row):
        mine = note(row, text="Typo", written_by="")
        editor.post(
            f"{PAGE}notes/{mine.pk}/", {"do": "save", "text": "Right", "on_day": "2026-11-20"}
        )
        mine.refresh_from_db()
        assert (mine.text, mine.on_day, mine.written_by) == ("Right", date(2026, 11, 20), "editor")
        response = editor.post(f"{PAGE}notes/{mine.pk}/", {"do": "remove"}, headers=HTMX)
        assert response.status_code == 200 and "Right" not in text(response)

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_a_note_that_was_removed_meanwhile_does_not_take_the_text_with_it(
        self, editor, row, headers
    ):
        gone = note(row)
        gone.delete()
        sent = {"do": "save", "text": "My long text", "kpi": "K1"}
        response = editor.post(f"{PAGE}notes/{gone.id or 999}/", sent, headers=headers)
        assert response.status_code == 422
        assert "Somebody removed it while you were writing" in text(response)
        assert "My long text" in response.content.decode()

    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_a_review_that_was_published_meanwhile_keeps_the_text(self, editor, headers):
        reviews.published_review()
        response = editor.post(f"{PAGE}notes/", {"text": "My long text"}, headers=headers)
        assert response.status_code == 422
        assert "is published and cannot be changed" in text(response)
        assert "My long text" in response.content.decode() and not ReviewNote.objects.exists()

    def test_those_of_others_stay(self, editor, row):
        theirs = note(row, written_by="marta")
        response = editor.post(f"{PAGE}notes/{theirs.pk}/", {"do": "remove"})
        assert response.status_code == 422 and "marta wrote this note" in text(response)
        # The form offers what can be done, and no more.
        opened = editor.get(f"{PAGE}?edit=note-{theirs.pk}", headers=HTMX).content.decode()
        assert ">Save<" in opened and ">Remove<" not in opened
        mine = note(row, written_by="editor")
        opened = editor.get(f"{PAGE}?edit=note-{mine.pk}", headers=HTMX).content.decode()
        assert ">Remove<" in opened

    @pytest.mark.parametrize("path", ["notes/", "notes/{}/"])
    def test_of_a_day_that_has_not_come_nothing_can_be_told(self, editor, row, path):
        mine = note(row, written_by="editor")
        sent = {"do": "save", "text": "It will be", "on_day": f"{TODAY + timedelta(days=1)}"}
        response = editor.post(PAGE + path.format(mine.pk), sent, headers=HTMX)
        assert response.status_code == 422
        assert "24 Nov 2026 is still to come" in text(response) and "It will be" in text(response)
        sent["on_day"] = f"{TODAY}"
        assert editor.post(PAGE + path.format(mine.pk), sent, headers=HTMX).status_code == 200

    def test_a_note_of_another_week_is_out_of_reach(self, editor, row):
        other = note(reviews.weekly_review(week=Week(2026, 46)))
        response = editor.post(f"{PAGE}notes/{other.pk}/", {"do": "remove"})
        assert response.status_code == 422 and ReviewNote.objects.filter(pk=other.pk).exists()


class TestQuestions:
    def test_they_are_asked_decided_and_removed(self, editor, row):
        sent = {"text": "Who owns key rotation?", "decision_by": "CISO", "due_on": "2026-11-30"}
        assert editor.post(f"{PAGE}questions/", sent).status_code == 302
        pk = ReviewQuestion.objects.get().pk
        editor.post(f"{PAGE}questions/{pk}/", {"do": "save", "decision": "Platform team"})
        shown = text(editor.get(PAGE))
        assert "CISO decides by 30 Nov 2026" in shown and "Decided: Platform team" in shown
        editor.post(f"{PAGE}questions/{pk}/", {"do": "remove"})
        assert not ReviewQuestion.objects.exists()

    def test_a_fourth_one_is_too_many(self, editor, row):
        for number in range(3):
            question(row, text=f"Question {number}")
        response = editor.post(f"{PAGE}questions/", {"text": "One more", "decision_by": "CISO"})
        assert response.status_code == 422 and "One more" in response.content.decode()
        assert "There are 3 questions already" in text(response)


class TestActions:
    def test_they_are_added_with_owner_and_date(self, editor, row):
        sent = {"text": "Rotate", "owner": "Platform team", "due_on": "2026-12-04", "kpi": "K12"}
        response = editor.post(f"{PAGE}actions/", sent, headers=HTMX)
        assert "K12 Rotate Platform team · due 4 Dec 2026" in text(response)
        # What it unblocks is told at once.
        assert "K12 Accounts without long-term credentials is off target" not in text(response)

    def test_a_link_from_what_blocks_opens_the_form_for_that_kpi(self, editor, row):
        page = editor.get(PAGE).content.decode()
        assert 'href="?edit=action-new&amp;for=K12#actions"' in page
        page = editor.get(f"{PAGE}?edit=action-new&for=K12").content.decode()
        assert re.search(r'<option value="K12" selected>', page)

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"owner": ""}, "This field is required"),
            ({"due_on": "2026-11-22"}, "22 Nov 2026 is over"),
            ({"kpi": "K99"}, "Select a valid choice"),
        ],
    )
    def test_what_cannot_be_is_refused(self, editor, row, sent, said):
        full = {"text": "Rotate", "owner": "Platform team", "due_on": "2026-12-04"} | sent
        response = editor.post(f"{PAGE}actions/", full)
        assert response.status_code == 422 and said in text(response)

    def test_a_moved_date_keeps_the_first_one_and_who_moved_it(self, editor, row):
        mine = action(row, due_on=date(2026, 12, 1))
        sent = {"do": "move", "due_on": "2026-12-15", "reason": "Waiting for the vendor"}
        response = editor.post(f"/reviews/actions/{mine.pk}/", sent | {"back": "2026-W47"})
        assert response["Location"] == f"{PAGE}#actions"
        assert "due 15 Dec 2026, first 1 Dec" in text(editor.get(PAGE))
        shown = text(editor.get("/reviews/actions/"))
        assert "moved from 1 Dec to 15 Dec 2026 by editor: Waiting for the vendor" in shown

    def test_they_are_closed_from_the_page_of_all(self, editor, row):
        mine = action(row)
        sent = {"do": "close", "outcome": "DONE", "note": "Rotated all", "back": ""}
        response = editor.post(f"/reviews/actions/{mine.pk}/", sent, headers=HTMX)
        assert response.status_code == 200 and 'id="board"' in response.content.decode()
        assert "Rotated all" in text(response) and "Done" in text(response)

    def test_one_is_dropped_for_a_reason_only(self, editor, row):
        mine = action(row)
        sent = {"do": "close", "outcome": "DROPPED", "note": "", "back": "2026-W47"}
        response = editor.post(f"/reviews/actions/{mine.pk}/", sent)
        assert response.status_code == 422 and "Say why the action was dropped" in text(response)

    def test_closing_what_somebody_closed_says_so_and_keeps_the_text(self, editor, row):
        mine = action(row, outcome="DONE", closed_on=TODAY)
        sent = {"do": "close", "outcome": "DONE", "note": "What I did", "back": ""}
        response = editor.post(f"/reviews/actions/{mine.pk}/", sent)
        assert response.status_code == 422
        assert "It is done already" in text(response) and "What I did" in response.content.decode()

    def test_the_page_of_all_tells_late_from_open_and_filters(self, reader, row):
        action(row, text="Late one", due_on=TODAY - timedelta(days=3), owner="Ada")
        action(row, text="Open one", owner="Bob")
        action(row, text="Done one", outcome="DONE", closed_on=TODAY, owner="Ada")
        shown = text(reader.get("/reviews/actions/"))
        assert shown.index("Late one") < shown.index("Open one") < shown.index("Done one")
        late = text(reader.get("/reviews/actions/?state=late"))
        assert "Late one" in late and "Open one" not in late
        ada = text(reader.get("/reviews/actions/?owner=Ada"))
        assert "Late one" in ada and "Done one" in ada and "Open one" not in ada
        assert "No such action" in text(reader.get("/reviews/actions/?owner=Nobody"))

    def test_nothing_decided_is_said_so(self, reader, client):
        assert "Nothing has been decided yet" in text(reader.get("/reviews/actions/"))
        client.force_login(factories.stranger())
        assert "You see no weekly review" in text(client.get("/reviews/actions/"))


class TestPublishing:
    def ready(self):
        found = review_pages.snapshot()
        for line in found["kpis"]:
            line |= {"status": "ON_TARGET", "owner": line["owner"] or "Head of engineering"}
        return reviews.weekly_review(snapshot=found)

    def test_what_blocks_it_is_listed_and_nothing_is_published(self, chair, row):
        response = chair.post(f"{PAGE}publish/")
        shown = text(response)
        assert response.status_code == 422 and "Nothing was saved." in shown
        assert "K15 Public exposure is off target and no action is open for it" in shown
        row.refresh_from_db()
        assert row.state == "DRAFT"

    def test_it_is_published_by_its_chair(self, chair):
        row = self.ready()
        assert "Ready to publish" in text(chair.get(PAGE))
        response = chair.post(f"{PAGE}publish/", follow=True)
        assert "The review of 2026-W47 is published." in text(response)
        assert "Published by chair, 23 Nov 2026, 12:00 UTC" in text(response)
        row.refresh_from_db()
        assert row.state == "PUBLISHED"

    def test_the_second_to_publish_is_told(self, chair):
        reviews.published_review()
        response = chair.post(f"{PAGE}publish/")
        assert response.status_code == 422
        assert "is published and cannot be changed" in text(response)

    def test_errata_stand_beside_what_was_published(self, chair):
        reviews.published_review()
        response = chair.post(f"{PAGE}errata/", {"text": "K2 was 91.0"}, headers=HTMX)
        assert response.status_code == 200 and "K2 was 91.0 chair, 23 Nov 2026" in text(response)
        assert chair.post(f"{PAGE}errata/", {"text": ""}).status_code == 422
        assert Erratum.objects.count() == 1

    def test_a_draft_needs_no_erratum(self, chair, row):
        response = chair.post(f"{PAGE}errata/", {"text": "K2 was 91.0"})
        assert response.status_code == 422 and not Erratum.objects.exists()
