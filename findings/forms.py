"""Filters from a query string, where anything may stand."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from findings.models import Area, Finding, Severity
from findings.queries.filters import Filters
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit

MAX_CHOSEN = 40
ORDERS = (("worst", "Worst first"), ("newest", "Newest first"))
_BAD_CHOICE = {
    "invalid_choice": "%(value)s is not one of the values to filter by; it was left out."
}


class Words(forms.Field):
    """The same parameter any number of times, each a short word."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[str, ...]:  # whatever the query string holds
        words = tuple(dict.fromkeys(str(word)[:64] for word in value or () if word))
        if len(words) > MAX_CHOSEN or any("\0" in word for word in words):
            raise forms.ValidationError("These values cannot be filtered by; they were left out.")
        return words


class FilterForm(forms.Form):
    """Turns a query string into Filters; what is wrong in it is named and left out."""

    severity = forms.MultipleChoiceField(
        choices=Severity.choices, required=False, error_messages=_BAD_CHOICE
    )
    status = forms.MultipleChoiceField(
        choices=Finding.Status.choices, required=False, error_messages=_BAD_CHOICE
    )
    area = forms.MultipleChoiceField(
        choices=Area.choices, required=False, error_messages=_BAD_CHOICE
    )
    product = Words(required=False)
    region = Words(required=False)
    control = forms.CharField(required=False, max_length=80)
    account = forms.RegexField(
        r"^\d{12}$",
        required=False,
        error_messages={"invalid": "An account id has 12 digits; this filter was left out."},
    )
    ou = forms.CharField(required=False, max_length=68)
    q = forms.CharField(required=False, max_length=200)
    overdue = forms.BooleanField(required=False)
    sort = forms.ChoiceField(
        choices=ORDERS,
        required=False,
        error_messages=_BAD_CHOICE,
    )
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user
        self.ou_row: OrganizationalUnit | None = None

    def clean_ou(self) -> str:
        ou_id: str = self.cleaned_data["ou"]
        if ou_id:
            visible = OrganizationalUnit.objects.visible_to(self.user)
            self.ou_row = visible.filter(ou_id=ou_id).first()
            if self.ou_row is None:
                raise forms.ValidationError(
                    "There is no such organisational unit; the filter was left out."
                )
        return ou_id

    def read(self) -> tuple[Filters, Mapping[str, Any]]:
        """The filters, and the valid values by parameter. Wrong ones are in `messages`."""
        self.is_valid()
        values = self.cleaned_data
        filters = Filters(
            severities=tuple(values.get("severity") or ()),
            statuses=tuple(values.get("status") or ("OPEN",)),
            areas=tuple(values.get("area") or ()),
            products=values.get("product") or (),
            regions=values.get("region") or (),
            ou_path=self.ou_row.path if self.ou_row else "",
            account_id=values.get("account") or "",
            control_id=values.get("control") or "",
            q=values.get("q") or "",
            is_overdue=bool(values.get("overdue")),
        )
        return filters, values

    @property
    def messages(self) -> tuple[str, ...]:
        """What was wrong with the query string, in words."""
        return tuple(
            f"{name}: {message}" for name, texts in self.errors.items() for message in texts
        )
