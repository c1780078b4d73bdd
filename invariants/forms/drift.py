"""Which drift a page shows, and what people say of one."""

from typing import Final

from django import forms

from invariants.actions.drift import OWNER, TEXT
from invariants.forms.filters import _choice, _Form
from invariants.models import Drift
from invariants.queries.drift import AGES, STANDINGS, Filters

_AGES: Final = [(code, label) for code, (label, _) in AGES.items()]


class DriftFilterForm(_Form):
    """The filters of the inbox."""

    kind = _choice(list(Drift.Kind.choices), "kind")
    invariant = forms.RegexField(
        r"^[a-z][a-z0-9-]{0,79}$",
        required=False,
        error_messages={"invalid": "There is no such invariant; all are shown."},
    )
    state = _choice(list(STANDINGS), "state")
    age = _choice(_AGES, "age")
    cursor = forms.CharField(required=False, max_length=400)

    def read(self) -> Filters:
        return Filters(
            kind=self.word("kind"),
            invariant=self.word("invariant"),
            standing=self.word("state") or "open",
            age=self.word("age"),
        )

    @property
    def cursor_text(self) -> str:
        return self.word("cursor")


class AcceptForm(forms.Form):
    why = forms.CharField(
        label="Why it is right",
        max_length=TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Nothing says why: write the reason."},
    )
    seen = forms.DateTimeField(widget=forms.HiddenInput)


class AssignForm(forms.Form):
    owner = forms.CharField(label="Owner", max_length=OWNER, required=False)
    note = forms.CharField(
        label="Note", max_length=TEXT, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
