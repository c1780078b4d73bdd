"""Which denials and candidates a page shows, from a query string in which anything may stand."""

from django import forms
from django.http import QueryDict

from findings.models import Area
from invariants.models import DeniedBy
from invariants.queries import denials
from invariants.queries.denials import Filters


class _Form(forms.Form):
    """What is wrong in a query string is left out, and said."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.is_valid()

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(str(message) for texts in self.errors.values() for message in texts)

    def word(self, name: str) -> str:
        """The value, "" where it is missing or wrong."""
        return str(self.cleaned_data.get(name) or "")


def _choice(choices: list[tuple[str, str]], what: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        required=False,
        choices=choices,
        error_messages={"invalid_choice": f"There is no such {what}; all are shown."},
    )


def _text(pattern: str, what: str) -> forms.RegexField:
    return forms.RegexField(
        pattern, required=False, error_messages={"invalid": f"That is no {what}; it is left out."}
    )


class DenialFilterForm(_Form):
    invariant = _text(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "id of an invariant")
    policy = _text(r"^p-[0-9a-zA-Z_]{1,128}$", "id of a policy")
    type = _choice(list(DeniedBy.choices), "kind of policy")
    account = _text(r"^\d{12}$", "account id (12 digits)")
    principal = forms.CharField(required=False, max_length=200)
    action = forms.CharField(required=False, max_length=200)
    untied = forms.BooleanField(required=False)
    days = _choice([(str(days), str(days)) for days in denials.WINDOWS], "number of days")

    def read(self) -> Filters:
        return Filters(
            invariant=self.word("invariant"),
            policy=self.word("policy"),
            type=self.word("type"),
            account=self.word("account"),
            principal=self.word("principal"),
            action=self.word("action"),
            has_none=bool(self.word("untied")),
            days=int(self.word("days") or denials.SHOWN_DAYS),
        )


class CandidateFilterForm(_Form):
    area = _choice(list(Area.choices), "area")
    without = forms.BooleanField(required=False)
