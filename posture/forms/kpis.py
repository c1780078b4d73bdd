"""Which OU and which day a page about KPIs shows."""

from datetime import date
from typing import Final

from django import forms
from django.http import QueryDict

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit

_WEEKS: Final = 26


class KpiFilterForm(forms.Form):
    """Turns a query string into an OU and a day; what is wrong in it is left out and said."""

    ou = forms.CharField(required=False, max_length=68)
    day = forms.DateField(
        required=False,
        error_messages={"invalid": "Write the day as 2026-11-20; today's figures are shown."},
    )
    weeks = forms.TypedChoiceField(
        required=False,
        coerce=int,
        choices=[(weeks, f"{weeks} weeks") for weeks in (13, 26, 52, 104)],
        error_messages={"invalid_choice": "Choose 13, 26, 52 or 104 weeks; 26 are shown."},
    )
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, user: AnyUser, today: date) -> None:
        super().__init__(data)
        self.user = user
        self.today = today
        self.found: OrganizationalUnit | None = None

    def clean_ou(self) -> str:
        ou_id: str = self.cleaned_data["ou"]
        if ou_id:
            visible = OrganizationalUnit.objects.visible_to(self.user).live()
            self.found = visible.select_related("organization").filter(ou_id=ou_id).first()
            if self.found is None:
                raise forms.ValidationError(
                    "There is no such organisational unit; the uppermost that you see is shown."
                )
        return ou_id

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day is not None and day > self.today:
            raise forms.ValidationError("That day is still to come; today's figures are shown.")
        return day

    def read(self) -> tuple[OrganizationalUnit | None, date]:
        """The OU, None for the uppermost; and the day."""
        self.is_valid()
        return self.found, self.cleaned_data.get("day") or self.today

    @property
    def weeks_shown(self) -> int:
        weeks: int = self.cleaned_data.get("weeks") or _WEEKS
        return weeks

    @property
    def cursor_text(self) -> str:
        return self.cleaned_data.get("cursor") or ""

    @property
    def messages(self) -> tuple[str, ...]:
        """What was wrong with the query string, in words."""
        return tuple(str(message) for texts in self.errors.values() for message in texts)
