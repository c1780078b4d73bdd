"""What people do in a review, what is refused, and what publishing closes for good."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from inventory.models import Organization
from posture.actions import reviews as actions
from posture.actions.reviews import CannotPublish, Changed, Published, Refused
from posture.models import ReviewEvent, ReviewNote, WeeklyReview
from posture.queries import reviews as queries
from posture.queries.reviews import readiness
from tests import factories
from tests.fixtures import review_pages, reviews

pytestmark = pytest.mark.django_db

NOW = factories.NOW + timedelta(days=3)  # Monday, 23 November
TODAY = NOW.date()


@pytest.fixture
def chair():
    return reviews.chair()


@pytest.fixture
def row():
    return reviews.weekly_review()


def page(user, week="2026-W47", day=TODAY):
    return queries.review(user, week, day=day)


def events(row):
    return list(row.events.order_by("pk").values_list("what", "by"))


def with_actions(user, row):
    """An action for every headline that is off target."""
    for entry in page(user).snapshot.headline_kpis:
        if entry.is_off_target:
            actions.add_action(
                user,
                row,
                text=f"Mend {entry.name}",
                owner="Platform team",
                due_on=TODAY + timedelta(days=7),
                kpi=entry.kpi,
                now=NOW,
            )


@pytest.fixture
def ready():
    """A draft that nothing keeps from being published."""
    found = review_pages.snapshot()
    for line in found["kpis"]:
        line["status"] = "ON_TARGET"
    return reviews.weekly_review(snapshot=found)


def test_the_answer_is_written_and_recorded_with_what_it_was(chair, row):
    actions.write(
        chair, row, answer="BETTER", headline=" Better. ", narrative="We worked.", now=NOW
    )
    row.refresh_from_db()
    assert (row.answer, row.headline, row.narrative) == ("BETTER", "Better.", "We worked.")
    assert row.proposed_answer == "SAME"
    event = row.events.get()
    assert (event.what, event.by, event.at) == ("ANSWERED", "chair", NOW)
    assert event.details["answer"] == ["SAME", "BETTER"]
    assert page(chair).answer_check == "DISAGREES"


def test_writing_the_same_again_records_nothing(chair, row):
    for _ in range(2):
        actions.write(chair, row, answer="SAME", headline="As ever.", narrative="", now=NOW)
    assert len(events(row)) == 1


def test_two_who_write_at_once_do_not_overwrite_each_other_unawares(chair, row):
    seen = queries.seen(row)
    values = {"answer": "SAME", "narrative": "", "seen": seen, "now": NOW}
    actions.write(reviews.editor(), row, headline="Theirs.", **values)
    with pytest.raises(Changed, match="editor changed the answer at 12:00 UTC"):
        actions.write(chair, row, headline="Mine.", **values)
    row.refresh_from_db()
    assert row.headline == "Theirs."
    values["seen"] = queries.seen(row)
    assert actions.write(chair, row, headline="Mine.", **values).headline == "Mine."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"narrative": "word " * 151}, "151 words"),
        ({"answer": "FINE"}, "no answer"),
        ({"headline": "x" * 301}, "300 characters"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(chair, row, changes, said):
    values = {"answer": "SAME", "headline": "h", "narrative": "word " * 150} | changes
    with pytest.raises(Refused, match=said):
        actions.write(chair, row, **values, now=NOW)


@pytest.mark.parametrize(
    ("kpi", "claim", "check"),
    [
        ("K1", "IMPROVING", "AGREES"),
        ("K1", "WORSENING", "DISAGREES"),
        ("K1", "FLAT", "DISAGREES"),
        ("K18", "IMPROVING", "CANNOT_TELL"),
        ("", "", None),
    ],
)
def test_a_claim_is_held_against_the_control_chart(chair, row, kpi, claim, check):
    actions.annotate(chair, row, text="We think so.", kpi=kpi, claim=claim, now=NOW)
    found = page(chair)
    assert found.notes[0].check == check
    assert found.claim_check == check


def test_one_disagreement_is_not_hidden_by_claims_that_agree(chair, row):
    for kpi, claim in (("K1", "IMPROVING"), ("K2", "WORSENING"), ("K3", "IMPROVING")):
        actions.annotate(chair, row, text="So it is.", kpi=kpi, claim=claim, now=NOW)
    assert page(chair).claim_check == "DISAGREES"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "x", "kpi": "K31"}, "no KPI"),
        ({"text": "x", "claim": "IMPROVING"}, "needs a KPI"),
        ({"text": "x", "kpi": "K1", "claim": "SPLENDID"}, "no claim"),
    ],
)
def test_a_note_that_makes_no_sense_is_refused(chair, row, values, said):
    with pytest.raises(Refused, match=said):
        actions.annotate(chair, row, **values, now=NOW)
    assert not row.notes.exists()


def test_drafted_and_own_notes_can_be_removed_and_not_those_of_others(chair, row):
    drafted = ReviewNote.objects.create(review=row, cause="entry", text="An account joined.")
    own = actions.annotate(chair, row, text="Mine.", now=NOW)
    other = actions.annotate(reviews.editor(), row, text="Theirs.", now=NOW)
    actions.remove_note(chair, drafted, now=NOW)
    actions.remove_note(chair, own, now=NOW)
    with pytest.raises(Refused, match="editor wrote this note"):
        actions.remove_note(chair, other, now=NOW)
    assert list(row.notes.all()) == [other]
    assert ("NOTE_REMOVED", "chair") in events(row)
    with pytest.raises(ReviewNote.DoesNotExist):
        actions.remove_note(chair, own, now=NOW)


def test_a_changed_drafted_note_becomes_the_persons_own(chair, row):
    note = ReviewNote.objects.create(review=row, cause="entry", kpi="K1", text="Drafted.")
    actions.change_note(chair, note, text="Drafted.", kpi="K1", claim="IMPROVING", now=NOW)
    note.refresh_from_db()
    assert (note.claim, note.written_by) == ("IMPROVING", "")
    actions.change_note(chair, note, text="Mine.", kpi="K1", on_day=TODAY, now=NOW)
    note.refresh_from_db()
    assert (note.text, note.written_by, note.on_day) == ("Mine.", "chair", TODAY)
    assert row.events.get(details__has_key="text").details["text"] == [
        "Drafted.",
        "Mine.",
    ]


def test_there_are_three_questions_at_most(chair, row):
    asked = [actions.ask(chair, row, text=f"Q{n}?", decision_by="CISO", now=NOW) for n in range(3)]
    with pytest.raises(Refused, match="3 questions already"):
        actions.ask(chair, row, text="One more?", decision_by="CISO", now=NOW)
    actions.remove_question(chair, asked[0], now=NOW)
    actions.ask(chair, row, text="One more?", decision_by="CISO", now=NOW)
    actions.decide(chair, asked[1], decision="Yes, by Friday.", now=NOW)
    assert [q.decision for q in page(chair).questions] == ["Yes, by Friday.", "", ""]


def test_publishing_names_each_reason_with_its_remedy(chair, row):
    actions.write(chair, row, answer="SAME", headline="", narrative="", now=NOW)
    with pytest.raises(CannotPublish) as caught:
        actions.publish(chair, row, now=NOW)
    reasons = {(block.kpi, block.reason) for block in caught.value.reasons}
    assert ("", "The headline is empty: write one sentence, or take the proposed one.") in reasons
    off_target = {entry.kpi for entry in page(chair).snapshot.headline_kpis if entry.is_off_target}
    assert off_target
    assert {kpi for kpi, reason in reasons if "no action is open for it" in reason} == off_target
    row.refresh_from_db()
    assert row.state == "DRAFT"


def test_a_headline_without_an_owner_blocks_unless_one_has_been_named_since(chair, ready):
    found = page(chair)
    assert [entry.kpi for entry in found.snapshot.headline_kpis if not entry.owner] == ["K28"]
    (block,) = readiness.reasons(found, owners={})
    assert (block.kpi, "POSTURE_KPI_FILE" in block.reason) == ("K28", True)
    assert readiness.reasons(found, owners={"K28": "Head of engineering"}) == ()


def test_an_off_target_headline_with_an_action_does_not_block(chair, row):
    with_actions(chair, row)
    done = actions.publish(chair, row, now=NOW)
    assert (done.state, done.published_by, done.published_at) == ("PUBLISHED", "chair", NOW)
    assert page(chair).is_published
    assert queries.blocks(page(chair)) == ()


def test_an_open_action_carried_from_an_earlier_week_counts(chair, row):
    with_actions(chair, row)
    later = reviews.weekly_review(week=reviews.WEEK.next)
    actions.publish(chair, later, now=NOW)
    assert WeeklyReview.objects.get(pk=later.pk).state == "PUBLISHED"


def test_only_the_first_of_two_publishes(chair, ready):
    actions.publish(chair, ready, now=NOW)
    with pytest.raises(Published, match="2026-W47 is published"):
        actions.publish(reviews.chair(username="other"), ready, now=NOW)
    assert [what for what, _ in events(ready)] == ["PUBLISHED"]


def test_after_publishing_only_errata_are_added(chair, ready):
    with pytest.raises(Refused, match="is a draft"):
        actions.add_erratum(chair, ready, text="Wrong.", now=NOW)
    note = actions.annotate(chair, ready, text="Before.", now=NOW)
    question = actions.ask(chair, ready, text="Shall we?", decision_by="CISO", now=NOW)
    actions.publish(chair, ready, now=NOW)
    due_on = TODAY + timedelta(days=1)
    for change in (
        lambda: actions.write(chair, ready, answer="SAME", headline="h", narrative="", now=NOW),
        lambda: actions.annotate(chair, ready, text="After.", now=NOW),
        lambda: actions.change_note(chair, note, text="After.", now=NOW),
        lambda: actions.remove_note(chair, note, now=NOW),
        lambda: actions.ask(chair, ready, text="?", decision_by="CISO", now=NOW),
        lambda: actions.decide(chair, question, decision="No.", now=NOW),
        lambda: actions.remove_question(chair, question, now=NOW),
        lambda: actions.add_action(chair, ready, text="t", owner="o", due_on=due_on, now=NOW),
    ):
        with pytest.raises(Published, match="Add an erratum instead"):
            change()
    actions.add_erratum(chair, ready, text="It was 23, not 24.", now=NOW)
    found = page(chair)
    assert [(one.text, one.written_by) for one in found.errata] == [("It was 23, not 24.", "chair")]
    assert [note.row.text for note in found.notes] == ["Before."]


def test_an_action_is_carried_until_it_is_done_and_late_by_its_first_date(chair, row):
    due_on = TODAY + timedelta(days=2)
    action = actions.add_action(
        chair, row, text="Rotate keys", owner="Platform", due_on=due_on, now=NOW
    )
    later = reviews.weekly_review(week=reviews.WEEK.next)
    week = later.starts_on.strftime("%G-W%V")
    actions.move_due(chair, action, due_on=due_on + timedelta(days=20), reason="No hands", now=NOW)
    day = due_on + timedelta(days=1)
    (line,) = page(chair, week, day).actions_carried
    assert (line.week, line.state, line.due_on, line.first_due_on) == (
        "2026-W47",
        "late",
        due_on + timedelta(days=20),
        due_on,
    )
    assert [(move.before, move.after, move.reason, move.by) for move in line.moves] == [
        (due_on, due_on + timedelta(days=20), "No hands", "chair")
    ]
    (own,) = page(chair, "2026-W47", day).actions_new
    assert own.state == "late"
    actions.close_action(
        chair, action, outcome="DONE", note="Rotated.", now=NOW + timedelta(days=10)
    )
    (line,) = page(chair, week, day + timedelta(days=30)).actions_carried
    assert (line.state, line.closed_on) == ("done_late", TODAY + timedelta(days=10))
    third = reviews.weekly_review(week=reviews.WEEK.next.next.next)
    assert page(chair, third.starts_on.strftime("%G-W%V")).actions_carried == ()


def test_a_published_review_shows_its_actions_as_they_were(chair, ready):
    due_on = TODAY + timedelta(days=2)
    action = actions.add_action(chair, ready, text="t", owner="o", due_on=due_on, now=NOW)
    actions.publish(chair, ready, now=NOW)
    before = page(chair)
    after = NOW + timedelta(days=5)
    actions.move_due(chair, action, due_on=due_on + timedelta(days=9), now=after)
    actions.close_action(chair, action, outcome="DONE", now=after)
    assert page(chair, day=after.date()).actions_new == before.actions_new
    assert before.actions_new[0].state == "open"
    # The page of all actions, and every later review, show how it went on.
    (line,) = queries.actions(chair, day=after.date())
    assert (line.state, line.due_on) == ("done_late", due_on + timedelta(days=9))


def test_what_is_done_an_hour_after_publishing_changes_nothing_of_it(chair, ready):
    due_on = TODAY + timedelta(days=2)
    moved, closed = (
        actions.add_action(chair, ready, text=text, owner="o", due_on=due_on, now=NOW)
        for text in ("move", "close")
    )
    earlier = reviews.weekly_review(week=reviews.WEEK.previous)
    actions.publish(chair, ready, now=NOW)
    before = page(chair)
    soon = NOW + timedelta(hours=1)
    actions.move_due(chair, moved, due_on=due_on + timedelta(days=9), now=soon)
    actions.close_action(chair, closed, outcome="DONE", now=soon)
    # Decided late, in the draft of a week before: it is carried from here on, not in what is over.
    actions.add_action(chair, earlier, text="late", owner="o", due_on=due_on, now=soon)
    after = page(chair)
    assert (after.actions_new, after.actions_carried) == (before.actions_new, ())
    assert [line.state for line in after.actions_new] == ["open", "open"]


@pytest.mark.parametrize(
    ("zone", "hours", "closed_on", "state"),
    [
        # Friday evening is Saturday in UTC, and Saturday morning is Friday.
        ("America/Los_Angeles", 25, date(2026, 11, 27), "done"),
        ("Pacific/Auckland", 20, date(2026, 11, 28), "done_late"),
        ("UTC", 23, date(2026, 11, 27), "done"),
    ],
)
def test_an_action_is_done_on_a_day_of_the_calendar_of_the_organisation(
    chair, row, zone, hours, closed_on, state
):
    Organization.objects.update(time_zone=zone)
    friday = date(2026, 11, 27)
    action = actions.add_action(chair, row, text="t", owner="o", due_on=friday, now=NOW)
    at = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(hours=hours)
    actions.close_action(chair, action, outcome="DONE", now=at)
    (line,) = page(chair, day=at.date()).actions_new
    assert (line.closed_on, line.state) == (closed_on, state)


def test_a_date_that_was_moved_there_and_back_is_shown_as_it_was(chair, ready):
    due_on = TODAY + timedelta(days=2)
    action = actions.add_action(chair, ready, text="t", owner="o", due_on=due_on, now=NOW)
    actions.move_due(chair, action, due_on=due_on + timedelta(days=9), now=NOW)
    actions.publish(chair, ready, now=NOW + timedelta(hours=1))
    before = page(chair)
    actions.move_due(chair, action, due_on=due_on, now=NOW + timedelta(days=1))
    assert page(chair).actions_new == before.actions_new
    (line,) = queries.actions(chair, day=TODAY + timedelta(days=1))
    assert len(line.moves) == 2


def test_an_action_needs_an_owner_a_future_date_and_a_reason_to_be_dropped(chair, row):
    due_on = TODAY + timedelta(days=2)
    for values, said in (
        ({"owner": " "}, "owner is empty"),
        ({"due_on": TODAY - timedelta(days=1)}, "is over"),
        ({"kpi": "K99"}, "no KPI"),
    ):
        wanted = {"text": "t", "owner": "o", "due_on": due_on, "kpi": ""} | values
        with pytest.raises(Refused, match=said):
            actions.add_action(chair, row, **wanted, now=NOW)
    action = actions.add_action(chair, row, text="t", owner="o", due_on=due_on, now=NOW)
    with pytest.raises(Refused, match="already"):
        actions.move_due(chair, action, due_on=due_on, now=NOW)
    with pytest.raises(Refused, match="for a reason"):
        actions.close_action(chair, action, outcome="DROPPED", now=NOW)
    actions.close_action(chair, action, outcome="DROPPED", note="Not needed.", now=NOW)
    with pytest.raises(Refused, match="dropped already"):
        actions.close_action(chair, action, outcome="DONE", now=NOW)


def test_who_may_do_what(row):
    reader, editor = reviews.reader(), reviews.editor()
    auditor = factories.person(role="Auditor")
    due_on = date(2026, 12, 24)
    action = actions.add_action(editor, row, text="t", owner="o", due_on=due_on, now=NOW)
    for user in (reader, auditor):
        assert page(user) is not None
        for change in (
            lambda user=user: actions.annotate(user, row, text="x", now=NOW),
            lambda user=user: actions.move_due(user, action, due_on=due_on, now=NOW),
            lambda user=user: actions.close_action(user, action, outcome="DONE", now=NOW),
        ):
            with pytest.raises(PermissionDenied):
                change()
    with pytest.raises(PermissionDenied):
        actions.publish(editor, row, now=NOW)
    with pytest.raises(PermissionDenied):
        actions.add_erratum(editor, row, text="x", now=NOW)


@pytest.mark.parametrize(
    "person", [factories.stranger, lambda: factories.ou_reader(ou=factories.ou())]
)
def test_people_without_the_right_see_no_review_at_all(row, person):
    user = person()
    assert page(user) is None
    assert queries.reviews(user).rows == ()
    assert queries.actions(user, day=TODAY) == ()
    assert queries.newest_week(user) == ""


def test_every_change_is_recorded_with_who_and_when(chair, ready):
    note = actions.annotate(chair, ready, text="n", now=NOW)
    actions.remove_note(chair, note, now=NOW)
    question = actions.ask(chair, ready, text="q", decision_by="CISO", now=NOW)
    actions.decide(chair, question, decision="d", now=NOW)
    action = actions.add_action(
        chair, ready, text="t", owner="o", due_on=TODAY + timedelta(days=3), now=NOW
    )
    actions.publish(chair, ready, now=NOW)
    later = NOW + timedelta(days=1)
    editor = reviews.editor()
    actions.move_due(editor, action, due_on=TODAY + timedelta(days=8), now=later)
    actions.close_action(editor, action, outcome="DONE", now=later)
    actions.add_erratum(chair, ready, text="e", now=later)
    assert list(ready.events.order_by("pk").values_list("what", "by", "at")) == [
        ("NOTED", "chair", NOW),
        ("NOTE_REMOVED", "chair", NOW),
        ("ASKED", "chair", NOW),
        ("DECIDED", "chair", NOW),
        ("ACTION_ADDED", "chair", NOW),
        ("PUBLISHED", "chair", NOW),
        ("ACTION_MOVED", "editor", later),
        ("ACTION_CLOSED", "editor", later),
        ("CORRECTED", "chair", later),
    ]
    assert set(ReviewEvent.What.values) >= {what for what, _ in events(ready)}
