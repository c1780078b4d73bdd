"""What people write into a weekly review."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django import forms
from django.http import QueryDict

from posture.kpis.registry import registry
from posture.models import ReviewAction, ReviewNote, WeeklyReview

NARRATIVE_WORDS: Final = 150
_LONG, _TEXT, _SHORT, _NAME = 2000, 500, 300, 150


def _area(rows: int, **attributes: str) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "input", "rows": rows, **attributes})


def _line(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", **attributes})


def _choice() -> forms.Select:
    return forms.Select(attrs={"class": "input"})


def _day() -> forms.DateInput:
    # The format that browsers want of a date field, whatever they show.
    return forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d")


def _kpis() -> list[tuple[str, str]]:
    return [("", "none"), *((kpi.id, f"{kpi.id} {kpi.name}") for kpi in registry().values())]


class ReviewForm(forms.Form):
    """A form of a review page. `key` makes the ids of its fields unique among the forms there."""

    def __init__(self, data: Any = None, *, key: str = "new", **options: Any) -> None:
        super().__init__(data, auto_id=f"{self.kind}-{key}-%s", label_suffix="", **options)
        self.key = key
        if self.is_bound:
            self.full_clean()
            self._focus_first_error()

    kind = "review"

    @property
    def name(self) -> str:
        """Of the slot in which it stands."""
        return f"{self.kind}-{self.key}"

    def focus(self) -> None:
        """So that whoever opened the form can begin to write."""
        first = next(field for field in self.fields.values() if not field.widget.is_hidden)
        first.widget.attrs["autofocus"] = True

    def _focus_first_error(self) -> None:
        """So that the part of the page that replaces the form begins where something is to do."""
        for name in self.fields:
            if name in self.errors:
                self.fields[name].widget.attrs["autofocus"] = True
                return

    def renew(self, **values: str) -> None:
        """Other values for fields that the person does not see."""
        self.data = (
            {**self.data.dict(), **values} if isinstance(self.data, QueryDict) else self.data
        )

    def written(self) -> str:
        """What the person wrote, so that it can be kept when it cannot be saved."""
        names = [name for name, field in self.fields.items() if not field.widget.is_hidden]
        said = [
            (self.fields[name].label or name.capitalize(), self[name].value()) for name in names
        ]
        return "\n".join(f"{label}: {value}" for label, value in said if value)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the form as a whole."""
        return [str(one) for one in self.non_field_errors()]


class AnswerForm(ReviewForm):
    """The chair's answer. `seen` tells which text the person had before them when they began."""

    kind = "answer"

    answer = forms.ChoiceField(choices=WeeklyReview.Answer.choices, widget=_choice())
    headline = forms.CharField(
        max_length=_SHORT, widget=_area(2), help_text="One sentence that carries the answer."
    )
    narrative = forms.CharField(
        required=False,
        max_length=4000,
        widget=_area(7),
        help_text="What happened, why, and what comes next.",
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())

    words_allowed = NARRATIVE_WORDS

    @property
    def words(self) -> int:
        return len(str(self["narrative"].value() or "").split())

    def clean_narrative(self) -> str:
        text: str = self.cleaned_data["narrative"]
        words = len(text.split())
        if words > NARRATIVE_WORDS:
            raise forms.ValidationError(
                f"The narrative has {words} words; at most {NARRATIVE_WORDS} fit the page. "
                f"Shorten it by {words - NARRATIVE_WORDS}."
            )
        return text


class NoteForm(ReviewForm):
    kind = "note"

    text = forms.CharField(max_length=_TEXT, widget=_area(2), label="Note")
    kpi = forms.ChoiceField(choices=_kpis, required=False, widget=_choice(), label="KPI")
    claim = forms.ChoiceField(
        choices=ReviewNote.Claim.choices,
        required=False,
        widget=_choice(),
        help_text="Checked at once against the KPI's control chart.",
    )
    on_day = forms.DateField(required=False, widget=_day(), label="Day")

    def __init__(self, data: Any = None, *, today: date, **options: Any) -> None:
        self.today = today
        super().__init__(data, **options)

    def clean_on_day(self) -> date | None:
        day: date | None = self.cleaned_data["on_day"]
        if day is not None and day > self.today:
            raise forms.ValidationError(
                f"{day:%-d %b %Y} is still to come: a note tells what has happened."
            )
        return day

    def clean(self) -> None:
        if self.cleaned_data.get("claim") and not self.cleaned_data.get("kpi"):
            self.add_error("kpi", "A claim is about a KPI: choose which, or claim nothing.")


class QuestionForm(ReviewForm):
    kind = "question"

    text = forms.CharField(max_length=_TEXT, widget=_area(2), label="Question")
    decision_by = forms.CharField(max_length=_NAME, widget=_line(), label="Decided by")
    due_on = forms.DateField(required=False, widget=_day(), label="By when")


class DecisionForm(ReviewForm):
    kind = "decision"

    decision = forms.CharField(max_length=_TEXT, widget=_area(2))


class ActionForm(ReviewForm):
    kind = "action"

    text = forms.CharField(max_length=_TEXT, widget=_area(2), label="Action")
    owner = forms.CharField(max_length=_NAME, widget=_line(autocomplete="off"))
    due_on = forms.DateField(widget=_day(), label="Due")
    kpi = forms.ChoiceField(choices=_kpis, required=False, widget=_choice(), label="KPI")

    def __init__(self, data: Any = None, *, today: date, **options: Any) -> None:
        self.today = today
        super().__init__(data, **options)

    def clean_due_on(self) -> date:
        return _not_past(self.cleaned_data["due_on"], self.today)


class MoveForm(ReviewForm):
    kind = "move"

    due_on = forms.DateField(widget=_day(), label="New date")
    reason = forms.CharField(max_length=_SHORT, widget=_line(), label="Why")

    def __init__(self, data: Any = None, *, today: date, **options: Any) -> None:
        self.today = today
        super().__init__(data, **options)

    def clean_due_on(self) -> date:
        return _not_past(self.cleaned_data["due_on"], self.today)


class CloseForm(ReviewForm):
    kind = "close"

    outcome = forms.ChoiceField(
        choices=[choice for choice in ReviewAction.Outcome.choices if choice[0]], widget=_choice()
    )
    note = forms.CharField(required=False, max_length=_TEXT, widget=_area(2), label="What was done")

    def clean(self) -> None:
        is_dropped = self.cleaned_data.get("outcome") == ReviewAction.Outcome.DROPPED
        if is_dropped and not self.cleaned_data.get("note"):
            self.add_error("note", "Say why the action was dropped.")


class ErratumForm(ReviewForm):
    kind = "erratum"

    text = forms.CharField(
        max_length=_TEXT, widget=_area(3), label="What is wrong, and what is right"
    )


class ActionFilterForm(forms.Form):
    """Which actions the page lists; wrong values are left out."""

    STATES = (("late", "Late"), ("open", "Open"), ("closed", "Closed"))

    state = forms.ChoiceField(choices=STATES, required=False)
    owner = forms.CharField(required=False, max_length=_NAME)

    def read(self) -> tuple[str, str]:
        """(state, owner), each "" for all."""
        self.is_valid()
        values = self.cleaned_data
        return values.get("state") or "", values.get("owner") or ""


def _not_past(day: date, today: date) -> date:
    if day < today:
        raise forms.ValidationError(f"{day:%-d %b %Y} is over: choose a day from today on.")
    return day


def owners(names: Iterable[str]) -> list[str]:
    """Each owner once, in alphabetical order."""
    return sorted(set(names), key=str.casefold)
