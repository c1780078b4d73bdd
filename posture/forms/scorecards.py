"""Days and OUs from query strings of the scorecards, where anything may stand."""

from datetime import date, timedelta
from typing import Final

from django import forms
from django.http import QueryDict

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture.queries import days
from posture.queries.changes import Behind
from posture.scoring import Part

_WEEK: Final = timedelta(days=7)
_ISO: Final = ["%Y-%m-%d"]
CHILD_SORTS: Final = (
    ("name", "By name"),
    ("score", "Lowest score first"),
    ("delta", "Largest fall first"),
    ("coverage", "Lowest coverage first"),
    ("accounts", "Most accounts first"),
)


def _day_field(label: str) -> forms.DateField:
    wrong = "is not a day: write it as year-month-day, such as 2026-11-06."
    return forms.DateField(
        required=False, input_formats=_ISO, label=label, error_messages={"invalid": wrong}
    )


class AsOfForm(forms.Form):
    """Which day a page is asked for; today, which is not over, when none is named."""

    as_of = _day_field("As of")

    def __init__(self, data: QueryDict, *, today: date) -> None:
        super().__init__(data)
        self.today = today
        self.first: date | None = None
        self.shown: date | None = None

    def clean_as_of(self) -> date | None:
        asked: date | None = self.cleaned_data["as_of"]
        if asked is None or asked == self.today:
            return None
        if asked > self.today:
            raise forms.ValidationError(
                f"{_words(asked)} has not come yet. The newest day is today, {_words(self.today)}."
            )
        self.first = days.first_day()
        self.shown = days.rolled_up(day=asked)
        if self.first is None:
            raise forms.ValidationError("No day has been scored yet.")
        if self.shown is None:
            raise forms.ValidationError(
                f"{_words(asked)} is before the first data. Scores begin on {_words(self.first)}."
            )
        return asked

    @property
    def asked(self) -> date | None:
        """The day of the past that was asked for; None: today."""
        value: date | None = self.cleaned_data.get("as_of") if self.is_valid() else None
        return value

    @property
    def is_frozen(self) -> bool:
        return self.asked is not None

    @property
    def day(self) -> date:
        """The day whose figures are shown: the newest with a rollup up to the one asked for."""
        return self.shown if self.asked and self.shown else self.today

    @property
    def problem(self) -> str:
        """Why there is nothing to show as of that day, "" where there is."""
        texts = [str(text) for text in self.errors.get("as_of", ())]
        typed = str(self.data.get("as_of", ""))[:20]
        return " ".join(
            f"“{typed}” {text}" if text.startswith("is not") else text for text in texts
        )

    @property
    def query(self) -> str:
        """What a link needs to stay on that day, "" for today."""
        return f"as_of={self.asked.isoformat()}" if self.asked else ""


class ChildrenForm(forms.Form):
    """In which order the child OUs are; wrong values are left out."""

    sort = forms.ChoiceField(choices=CHILD_SORTS, required=False)

    @property
    def chosen(self) -> str:
        return (self.cleaned_data["sort"] if self.is_valid() else "") or "name"


class ChangeForm(forms.Form):
    """Between which days, and which part of the change; a week by default."""

    since = _day_field("From the end of")
    until = _day_field("To the end of")
    day = _day_field("To the end of")  # the same as `until`, as the reviews link
    part = forms.ChoiceField(choices=[(part, part) for part in Part], required=False)
    cause = forms.CharField(required=False, max_length=40)
    name = forms.CharField(required=False, max_length=100)
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, today: date) -> None:
        super().__init__(data)
        self.today = today

    def clean(self) -> None:
        """Both ends become days with a rollup: the newest up to those that were asked for."""
        values = self.cleaned_data
        until = values.get("until") or values.get("day") or self.today
        until = days.rolled_up(day=min(until, self.today))
        since = values.get("since")
        if until is not None:
            since = days.rolled_up(day=since if since else until - _WEEK)
        if until is None or since is None:
            raise forms.ValidationError(
                "There are no scores that are so old. Choose days between the first with data and today."
            )
        if since >= until:
            raise forms.ValidationError(
                f"The first day has to be before the second: scores are of {_words(since)} and"
                f" {_words(until)}."
            )
        values["since"], values["until"] = since, until

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(str(text) for texts in self.errors.values() for text in texts)

    @property
    def behind(self) -> Behind | None:
        """The cells that are asked for, None for the whole."""
        part = self.cleaned_data.get("part")
        if not part:
            return None
        values = self.cleaned_data
        return Behind(Part(part), values.get("cause") or "", values.get("name") or "")


class CompareForm(forms.Form):
    """Two OUs by id; what the person may not see is left out."""

    a = forms.CharField(required=False, max_length=68)
    b = forms.CharField(required=False, max_length=68)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user

    def _seen(self, name: str) -> str:
        ou_id: str = self.cleaned_data[name]
        seen = OrganizationalUnit.objects.visible_to(self.user)
        if ou_id and not seen.filter(ou_id=ou_id).exists():
            raise forms.ValidationError("There is no such organisational unit.")
        return ou_id

    def clean_a(self) -> str:
        return self._seen("a")

    def clean_b(self) -> str:
        return self._seen("b")

    @property
    def pair(self) -> tuple[str, str]:
        """The ids, each "" where none was chosen."""
        self.is_valid()
        return self.cleaned_data.get("a") or "", self.cleaned_data.get("b") or ""

    @property
    def problem(self) -> str:
        a, b = self.pair
        if self.errors:
            return "There is no such organisational unit. Choose two that you may see."
        return "Choose two different OUs." if a and a == b else ""


def _words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
