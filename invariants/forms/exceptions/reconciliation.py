"""Which differences a page shows, and what came of another look."""

from django import forms

from invariants.forms.filters import _choice, _Form
from invariants.models.exceptions import MismatchKind
from invariants.queries.exceptions.reconciliation import STANDINGS, Filters

_NOTE = 4000


class ReconciliationFilterForm(_Form):
    kind = _choice(list(MismatchKind.choices), "kind")
    invariant = forms.RegexField(
        r"^[a-z][a-z0-9-]{0,79}$",
        required=False,
        error_messages={"invalid": "There is no such invariant; all are shown."},
    )
    owner = forms.CharField(required=False, max_length=150)
    state = _choice(list(STANDINGS), "state")
    cursor = forms.CharField(required=False, max_length=400)

    def read(self) -> Filters:
        return Filters(
            kind=self.word("kind"),
            invariant=self.word("invariant"),
            owner=self.word("owner"),
            standing=self.word("state") or "open",
        )

    @property
    def cursor_text(self) -> str:
        return self.word("cursor")


class LookedAgainForm(forms.Form):
    note = forms.CharField(
        max_length=_NOTE,
        error_messages={"required": "Write what came of it, so that the others understand it."},
    )
    back = forms.CharField(required=False, max_length=10)

    @property
    def is_from_inbox(self) -> bool:
        return self.data.get("back") == "inbox"
