"""What a person says with a step; what is missing the guards of the step say."""

from typing import Any, Final

from django import forms

from invariants.actions.exceptions import Line
from invariants.actions.exceptions.desk import LESS, Words
from invariants.models.exceptions import Risk, ScopeKind, Verb

_LONGEST: Final = 4000
DECISIONS: Final = {
    "approve": Verb.APPROVE.value,
    "less": LESS,
    "changes": Verb.REQUEST_CHANGES.value,
    "reject": Verb.REJECT.value,
    "grant": Verb.GRANT.value,
    "triage": Verb.TRIAGE.value,
}


class StepForm(forms.Form):
    """All that any step may need. `seen`: number of the last event that the page showed; `drop`: lines
    of the scope, as "KIND value"."""

    decision = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in DECISIONS],
        error_messages={"invalid_choice": "Choose what you decide."},
    )
    comment = forms.CharField(required=False, max_length=_LONGEST)
    until = forms.DateField(
        required=False,
        error_messages={"invalid": "Give the last day as a date, such as 2027-01-15."},
    )
    inherent = forms.ChoiceField(required=False, choices=[("", ""), *Risk.choices])
    residual = forms.ChoiceField(required=False, choices=[("", ""), *Risk.choices])
    link = forms.CharField(required=False, max_length=500)
    drop = forms.MultipleChoiceField(required=False)
    seen = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def __init__(self, data: Any = None, *, lines: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(data, **more)
        self.fields["drop"].choices = [(line, line) for line in lines]  # type: ignore[attr-defined]

    @property
    def words(self) -> Words:
        given = self.cleaned_data
        return Words(
            comment=given["comment"],
            until=given["until"],
            inherent=given["inherent"],
            residual=given["residual"],
            link=given["link"],
            drop=tuple(_line(text) for text in given["drop"]),
        )

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(str(message) for texts in self.errors.values() for message in texts)


def _line(text: str) -> Line:
    kind, _, value = text.partition(" ")
    return Line(ScopeKind(kind), value)
