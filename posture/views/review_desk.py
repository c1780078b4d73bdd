"""The forms on a review's page: which of them a person may open, and what is in them.

A form is in the page only when it was asked for (`?edit=note-12`): until then a link stands in its slot.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final

from django.urls import reverse

from inventory.access import AnyUser
from posture.forms.reviews import (
    ActionForm,
    AnswerForm,
    CloseForm,
    DecisionForm,
    ErratumForm,
    MoveForm,
    NoteForm,
    QuestionForm,
    ReviewForm,
)
from posture.kpis.weeks import Week
from posture.models import ReviewQuestion, WeeklyReview
from posture.queries import reviews
from posture.queries.review_page import ActionView, NoteView, ReviewView

NEW: Final = "new"
# The parts of the page that are replaced as one, by the id they have there.
SECTIONS: Final = {
    name: f"posture/_review_{name}.html"
    for name in ("answer", "notes", "questions", "actions", "errata", "publish")
}
# Of each kind of form: (link, icon, button, section).
_WORDS: Final = {
    "answer": ("Answer, headline and narrative", "pencil", "Save", "answer"),
    "note": ("Edit", "pencil", "Save", "notes"),
    "note-new": ("Add a note", "message-square-plus", "Add the note", "notes"),
    "question-new": ("Add a question", "circle-question-mark", "Add the question", "questions"),
    "decision": ("Decision", "pencil", "Save", "questions"),
    "action-new": ("Add an action", "plus", "Add the action", "actions"),
    "move": ("Move", "calendar-clock", "Move the date", "actions"),
    "close": ("Close", "check", "Close the action", "actions"),
    "erratum-new": ("Add an erratum", "pencil", "Add the erratum", "errata"),
}
_REMOVABLE: Final = frozenset({"note", "decision"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why nothing was saved in a section, and what the person had written: nothing gets lost."""

    section: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a form stands, or the link that opens it. `about` tells one link "Edit" from another.

    `is_kept`: a form that is open there stays as it is when the part of the page around it is
    replaced, for somebody may be writing in it.
    """

    kind: str
    key: str
    page: str
    url: str
    about: str = ""
    form: ReviewForm | None = None
    is_kept: bool = True
    is_focused: bool = False
    may_remove: bool = True

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.key}"

    @property
    def _words(self) -> tuple[str, str, str, str]:
        return _WORDS.get(self.name) or _WORDS[self.kind]

    @property
    def label(self) -> str:
        return self._words[0]

    @property
    def icon(self) -> str:
        return self._words[1]

    @property
    def button(self) -> str:
        return self._words[2]

    @property
    def section(self) -> str:
        """The id of what is replaced; the page of all actions is replaced as a whole."""
        return self._words[3] if self.page != reverse("posture:review_actions") else "board"

    @property
    def verb(self) -> str:
        """What the button tells the address that takes several."""
        return self.kind if self.kind in {"move", "close"} else "save"

    @property
    def back(self) -> str:
        """The week to come back to, "" for the page of all actions."""
        return "" if self.section == "board" else self.page.rstrip("/").rsplit("/", 1)[-1]

    @property
    def template(self) -> str:
        return f"posture/_review_form_{self.kind}.html"

    @property
    def is_removable(self) -> bool:
        return self.may_remove and self.kind in _REMOVABLE and self.key != NEW


@dataclass(frozen=True, slots=True)
class Line:
    """Something on the page with the slots of the forms that change it."""

    item: NoteView | ActionView | ReviewQuestion
    slots: tuple[Slot, ...] = ()

    @property
    def group(self) -> str:
        """Of an action, on the page of all actions: late, open or closed."""
        state = self.item.line.state if isinstance(self.item, ActionView) else ""
        return state if state in {"late", "open"} else "closed"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a request wants open, and what it sent: `name` such as "note-12"; `bound` has errors."""

    name: str = ""
    kpi: str = ""
    bound: ReviewForm | None = None
    # The form that was sent and saved: it closes, and the focus goes to its link.
    done: str = ""

    @property
    def sent(self) -> str:
        return self.bound.name if self.bound else self.done


@dataclass(frozen=True, slots=True)
class Desk:
    """Slots are None where the person may not write, or nobody may any more."""

    may_edit: bool
    may_publish: bool
    notes: tuple[Line, ...]
    questions: tuple[Line, ...]
    carried: tuple[Line, ...]
    new: tuple[Line, ...]
    answer: Slot | None = None
    note: Slot | None = None
    question: Slot | None = None
    action: Slot | None = None
    erratum: Slot | None = None
    conflict: Conflict | None = None

    def slot(self, name: str) -> Slot | None:
        single = (self.answer, self.note, self.question, self.action, self.erratum)
        lines = (*self.notes, *self.questions, *self.carried, *self.new)
        return _find([*single, *(slot for line in lines for slot in line.slots)], name)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the slots of a page; none at all where the person may not write."""

    page: str
    opened: Opened
    is_on: bool
    today: date
    week: str = ""

    def __call__(
        self, kind: str, key: str, url: str, make: Callable[[], ReviewForm], about: str = ""
    ) -> Slot | None:
        if not self.is_on:
            return None
        name = f"{kind}-{key}"
        form = self.opened.bound if self.opened.bound and self.opened.bound.name == name else None
        if form is None and self.opened.name == name:
            form = make()
            form.focus()
        is_sent = name == self.opened.sent
        return Slot(kind, key, self.page, url, about, form, not is_sent, is_sent and form is None)

    def new(self, kind: str, view: str, make: Callable[[], ReviewForm]) -> Slot | None:
        return self(kind, NEW, reverse(f"posture:{view}", args=[self.week]), make)


def review(user: AnyUser, week: str) -> WeeklyReview | None:
    """The review of a week such as "2026-W47", without its snapshot; None where there is none."""
    wanted = Week.read(week)
    if wanted is None:
        return None
    rows = WeeklyReview.objects.visible_to(user).defer("snapshot").order_by("pk")
    return rows.filter(iso_year=wanted.year, iso_week=wanted.week).first()


def desk(
    user: AnyUser,
    view: ReviewView,
    *,
    today: date,
    opened: Opened,
    conflict: Conflict | None = None,
) -> Desk:
    may_edit = user.has_perm("posture.edit_reviews")
    may_publish = user.has_perm("posture.publish_reviews")
    is_draft, person = not view.page.is_published, user.get_username()
    page = reverse("posture:review", args=[view.week])
    writing = _Maker(page, opened, may_edit and is_draft, today, view.week)
    correcting = _Maker(page, opened, may_publish and not is_draft, today, view.week)
    about = {"kpi": opened.kpi} if opened.kpi in view.kpis else {}
    return Desk(
        may_edit=may_edit and is_draft,
        may_publish=may_publish,
        notes=tuple(Line(one, _slots(_note_slot(one, writing, person))) for one in view.notes),
        questions=tuple(
            Line(row, _slots(_decision_slot(row, writing))) for row in view.page.questions
        ),
        carried=tuple(_action_line(one, writing) for one in view.carried),
        new=tuple(_action_line(one, writing) for one in view.new),
        answer=writing.new("answer", "review_answer", lambda: _answer_form(view.row)),
        note=writing.new("note", "review_notes", lambda: NoteForm(today=today)),
        question=writing.new("question", "review_questions", QuestionForm),
        action=writing.new(
            "action", "review_new_action", lambda: ActionForm(today=today, initial=about)
        ),
        erratum=correcting.new("erratum", "review_errata", ErratumForm),
        conflict=conflict,
    )


def board(
    user: AnyUser, views: Iterable[ActionView], *, today: date, opened: Opened
) -> tuple[Line, ...]:
    """The actions of all reviews, each with its slots if the person may write."""
    page = reverse("posture:review_actions")
    writing = _Maker(page, opened, user.has_perm("posture.edit_reviews"), today)
    return tuple(_action_line(view, writing) for view in views)


def find(lines: Iterable[Line], name: str) -> Slot | None:
    """The slot of that name among those of the lines."""
    return _find([slot for line in lines for slot in line.slots], name)


def _find(slots: Iterable[Slot | None], name: str) -> Slot | None:
    return next((slot for slot in slots if slot is not None and slot.name == name), None)


def _slots(*slots: Slot | None) -> tuple[Slot, ...]:
    return tuple(slot for slot in slots if slot is not None)


def _action_line(view: ActionView, writing: _Maker) -> Line:
    if not view.line.is_open:
        return Line(view)
    key, text = str(view.pk), view.line.text
    url = reverse("posture:review_action", args=[view.pk])
    due = {"due_on": view.line.due_on}
    move = writing(
        "move", key, url, lambda: MoveForm(key=key, today=writing.today, initial=due), text
    )
    return Line(view, _slots(move, writing("close", key, url, lambda: CloseForm(key=key), text)))


def _note_slot(note: NoteView, writing: _Maker, person: str) -> Slot | None:
    """What somebody else wrote can be changed, not removed."""
    row, key = note.row, str(note.pk)
    values = {name: getattr(row, name) for name in ("text", "kpi", "claim", "on_day")}
    url = reverse("posture:review_note", args=[writing.week, note.pk])
    make = partial(NoteForm, key=key, today=writing.today, initial=values)
    slot = writing("note", key, url, make, f"on {row.text}")
    return slot and replace(slot, may_remove=row.written_by in {"", person})


def _decision_slot(row: ReviewQuestion, writing: _Maker) -> Slot | None:
    key, values = str(row.pk), {"decision": row.decision}
    url = reverse("posture:review_question", args=[writing.week, row.pk])
    return writing(
        "decision", key, url, lambda: DecisionForm(key=key, initial=values), f"on {row.text}"
    )


def _answer_form(row: WeeklyReview) -> AnswerForm:
    values = {"answer": row.answer, "headline": row.headline, "narrative": row.narrative}
    return AnswerForm(initial=values | {"seen": reviews.seen(row)})
