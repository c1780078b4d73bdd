"""The database itself refuses to change what is frozen or published, whoever asks it to."""

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from posture.actions import reviews as actions
from posture.actions.reviews import Published
from posture.models import (
    Erratum,
    ReviewAction,
    ReviewEvent,
    ReviewNote,
    ReviewQuestion,
    WeeklyReview,
)
from tests import factories
from tests.fixtures import review_pages, reviews

NOW = factories.NOW + timedelta(days=3)
DUE = NOW.date() + timedelta(days=7)


def refused(change, match):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        change()


def rows(model=WeeklyReview):
    return model.objects.all()


def parts(row):
    """A note, a question and an action of a draft."""
    return (
        ReviewNote.objects.create(review=row, text="n"),
        ReviewQuestion.objects.create(review=row, text="q", decision_by="CISO"),
        action(row),
    )


def action(row, **changes):
    return ReviewAction.objects.create(
        organization=row.organization,
        review=row,
        text="t",
        owner="o",
        due_on=DUE,
        first_due_on=DUE,
        created_by="chair",
        **changes,
    )


def publish(row):
    rows().filter(pk=row.pk).update(state="PUBLISHED", published_at=NOW, published_by="marta")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"snapshot": {}},
        {"snapshot_hash": "0" * 64},
        {"iso_week": 1},
        {"iso_year": 2025},
        {"starts_on": "2026-01-01"},
        {"ends_on": "2026-01-01"},
        {"data_day": None},
        {"data_as_of": NOW},
        {"proposed_answer": "BETTER"},
        {"proposed_headline": "All is well."},
        {"frozen_at": NOW},
        {"organization": F("organization_id") + 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_numbers_of_a_draft_are_frozen(change):
    reviews.weekly_review()
    refused(lambda: rows().update(**change), "are frozen")


@pytest.mark.django_db
def test_the_words_of_a_draft_can_be_changed_and_its_parts_removed():
    row = reviews.weekly_review()
    rows().update(answer="BETTER", headline="h", narrative="n")
    for part in parts(row):
        part.save()
        part.delete()
    refused(row.delete, "cannot be deleted")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"narrative": "x"},
        {"headline": "x"},
        {"state": "DRAFT"},
        {"published_by": "x"},
        {"answer": "BETTER"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_of_a_published_review_can_be_changed(change):
    publish(reviews.weekly_review())
    refused(lambda: rows().update(**change), "published weekly review cannot be changed")
    refused(lambda: rows().delete(), "cannot be deleted")


@pytest.mark.django_db
def test_no_part_of_a_published_review_can_be_added_changed_moved_or_removed():
    row = reviews.weekly_review()
    note, question, _ = parts(row)
    publish(row)
    draft = reviews.weekly_review(week=reviews.WEEK.next)
    for part in (note, question):
        kept = type(part).objects.filter(pk=part.pk)
        refused(lambda kept=kept: kept.update(text="x"), "nothing in it can be changed")
        refused(lambda kept=kept: kept.update(review=draft), "nothing in it can be changed")
        refused(lambda part=part: part.delete(), "nothing in it can be changed")
    other = ReviewNote.objects.create(review=draft, text="n")
    refused(
        lambda: ReviewNote.objects.filter(pk=other.pk).update(review=row), "nothing in it can be"
    )
    refused(lambda: parts(row), "nothing in it can be changed")


@pytest.mark.django_db
def test_an_action_of_a_published_review_can_be_moved_and_closed_and_nothing_else():
    row = reviews.weekly_review()
    *_, own = parts(row)
    publish(row)
    kept = ReviewAction.objects.filter(pk=own.pk)
    kept.update(due_on=DUE + timedelta(days=1))
    kept.update(outcome="DONE", closed_on=DUE, closing_note="Done.")
    for change in ({"text": "x"}, {"owner": "x"}, {"kpi": "K1"}, {"created_by": "x"}):
        refused(lambda change=change: kept.update(**change), "only be moved or closed")
    refused(lambda: kept.update(first_due_on=NOW.date()), "first due date")
    refused(kept.delete, "cannot be deleted")
    refused(lambda: action(row), "add the action to a later one")


@pytest.mark.django_db
def test_a_closed_action_stays_as_it_was_closed():
    row = reviews.weekly_review()
    kept = ReviewAction.objects.filter(pk=action(row).pk)
    kept.update(outcome="DONE", closed_on=DUE, closing_note="Done.")
    publish(row)
    changes = ({"outcome": "", "closed_on": None}, {"closing_note": "x"}, {"outcome": "DROPPED"})
    for change in (*changes, {"closed_on": NOW.date()}, {"due_on": DUE + timedelta(days=9)}):
        refused(lambda change=change: kept.update(**change), "add another one")


@pytest.mark.django_db
def test_an_action_carried_into_a_published_review_is_kept_though_its_own_is_a_draft():
    draft = reviews.weekly_review(week=reviews.WEEK.previous)
    own, later = (
        ReviewAction.objects.filter(pk=action(draft, created_at=at).pk)
        for at in (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    )
    publish(reviews.weekly_review())
    for change in ({"text": "x"}, {"owner": "x"}):
        refused(lambda change=change: own.update(**change), "only be moved or closed")
    refused(own.delete, "cannot be deleted")
    before = NOW.date() - timedelta(days=2)
    refused(lambda: own.update(outcome="DONE", closed_on=before), "cannot have been closed")
    own.update(outcome="DONE", closed_on=NOW.date())
    # Added after the publication: it is on no published page.
    later.update(text="x")
    later.delete()


@pytest.mark.django_db
def test_the_first_date_of_an_action_never_changes_even_in_a_draft():
    row = reviews.weekly_review()
    action(row)
    refused(
        lambda: ReviewAction.objects.update(first_due_on=DUE + timedelta(days=1)), "first due date"
    )


@pytest.mark.django_db
def test_errata_and_the_record_are_only_added_to():
    row = reviews.weekly_review()
    refused(
        lambda: Erratum.objects.create(review=row, text="e", written_by="x"), "needs a published"
    )
    publish(row)
    erratum = Erratum.objects.create(review=row, text="e", written_by="x")
    refused(lambda: Erratum.objects.update(text="other"), "add another one")
    refused(erratum.delete, "add another one")
    event = ReviewEvent.objects.create(review=row, what="CORRECTED", by="x")
    refused(lambda: ReviewEvent.objects.update(by="y"), "cannot be changed")
    refused(event.delete, "cannot be changed")


@pytest.mark.django_db
@pytest.mark.parametrize("table", reviews.TABLES[:-1])
def test_a_table_with_something_in_it_cannot_be_emptied(table):
    row = reviews.weekly_review()
    parts(row)
    publish(row)
    Erratum.objects.create(review=row, text="e", written_by="x")
    ReviewEvent.objects.create(review=row, what="CORRECTED", by="x")

    def empty():
        with connection.cursor() as cursor:
            # What was only just written has checks to be made at the end.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"TRUNCATE {table} CASCADE")

    refused(empty, "cannot be emptied")


@pytest.mark.django_db(transaction=True)
def test_empty_tables_can_be_flushed():
    factories.organization()
    call_command("flush", interactive=False, verbosity=0)
    assert not WeeklyReview.objects.exists()


def at_once(*works):
    """Run each in a thread with a connection of its own; what each returned or raised."""
    gate = threading.Barrier(len(works))
    found = [None] * len(works)

    def run(place, work):
        try:
            gate.wait()
            found[place] = work()
        except Exception as error:  # noqa: BLE001 - handed to the test
            found[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("erasable_reviews")
def test_two_who_publish_at_once_publish_once():
    found = review_pages.snapshot()
    for line in found["kpis"]:
        line["status"] = "ON_TARGET"
    row = reviews.weekly_review(snapshot=found)
    chairs = [reviews.chair(username=name) for name in ("marta", "priya")]
    ended = at_once(*(lambda user=user: actions.publish(user, row, now=NOW) for user in chairs))
    assert sorted(type(one).__name__ for one in ended) == ["Published", "WeeklyReview"]
    assert next(one for one in ended if isinstance(one, Published))
    assert ReviewEvent.objects.filter(what="PUBLISHED").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("erasable_reviews")
def test_a_note_written_past_the_application_waits_for_a_publication_and_is_refused():
    row = reviews.weekly_review()
    is_published, may_end = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            publish(row)
            is_published.set()
            may_end.wait(timeout=60)

    def add():
        is_published.wait(timeout=60)
        # Ends the other transaction once this one waits for it.
        threading.Timer(0.2, may_end.set).start()
        ReviewNote.objects.create(review=row, text="late")

    ended = at_once(hold, add)
    assert ended[0] is None
    assert isinstance(ended[1], IntegrityError)
    assert not ReviewNote.objects.exists()
