"""What a bulk change of workflow is asked with."""

import re
from typing import Final

from django import forms
from django.http import QueryDict

from findings.queries.bulk import WORKFLOWS

MAX_SELECTED: Final = 500
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class SelectionForm:
    """Which findings a person chose: single ones by number, or all that match the list's filters."""

    def __init__(self, data: QueryDict) -> None:
        self.is_everything = data.get("all") == "1"
        found = (text for text in data.getlist("finding") if _NUMBER.fullmatch(text))
        self.ids = tuple(dict.fromkeys(int(text) for text in found))[:MAX_SELECTED]

    @property
    def is_empty(self) -> bool:
        return not (self.is_everything or self.ids)


class BulkForm(forms.Form):
    workflow = forms.ChoiceField(
        choices=[(choice.value, choice.label) for choice in WORKFLOWS],
        error_messages={"required": "Choose what the workflow status is to be."},
    )
    note = forms.CharField(
        required=False,
        max_length=512,
        error_messages={"max_length": "AWS takes notes of at most 512 characters."},
    )

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        return tuple(str(text) for texts in self.errors.values() for text in texts)
