"""Who stands in for an approver, and from when until when."""

from collections.abc import Sequence
from typing import Any

from django import forms


class AbsenceForm(forms.Form):
    delegate = forms.TypedChoiceField(
        label="Who decides meanwhile",
        coerce=int,
        error_messages={
            "required": "Say who decides meanwhile.",
            "invalid_choice": "Choose somebody from the list.",
        },
    )
    since = forms.DateField(label="First day", error_messages={"required": "Give the first day."})
    until = forms.DateField(label="Last day", error_messages={"required": "Give the last day."})

    def __init__(
        self, data: Any = None, *, people: Sequence[tuple[int, str]] = (), **more: Any
    ) -> None:
        super().__init__(data, **more)
        self.fields["delegate"].choices = list(people)  # type: ignore[attr-defined]
