"""Filters from a query string, where anything may stand."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.db.models import Q
from django.http import QueryDict

from findings.forms import words
from findings.forms.known import KNOWN
from findings.models import Sla
from findings.queries.filters import Filters
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit

MAX_CHOSEN: Final = 40
ORDERS: Final = (
    ("worst", "Worst first"),
    ("due", "Due soonest"),
    ("newest", "Newest first"),
    ("oldest", "Oldest first"),
)
# Parameters of the query string, which are the names of the facets, and what they fill in Filters.
PARAMETERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "severity": "severities",
        "status": "statuses",
        "workflow": "workflows",
        "area": "areas",
        "control": "controls",
        "product": "products",
        "account": "accounts",
        "environment": "environments",
        "ou": "ou_path",
        "team": "teams",
        "region": "regions",
        "type": "resource_types",
        "age": "ages",
        "sla": "slas",
        "exposure": "exposures",
        "excepted": "excepted",
    }
)
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)


class Words(forms.Field):
    """The same parameter any number of times, each a short word."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[str, ...]:  # whatever the query string holds
        found = tuple(dict.fromkeys(str(word)[:130] for word in value or () if word))
        if len(found) > MAX_CHOSEN or any("\0" in word for word in found):
            raise forms.ValidationError("These values cannot be filtered by; they were left out.")
        return found


class FilterForm(forms.Form):
    """Turns a query string into Filters; what is wrong in it is named and left out."""

    severity = Words(required=False)
    status = Words(required=False)
    workflow = Words(required=False)
    area = Words(required=False)
    control = Words(required=False)
    product = Words(required=False)
    account = Words(required=False)
    environment = Words(required=False)
    ou = forms.CharField(required=False, max_length=128)
    team = Words(required=False)
    region = Words(required=False)
    type = Words(required=False)
    age = Words(required=False)
    sla = Words(required=False)
    exposure = Words(required=False)
    excepted = Words(required=False)
    # What links said before there was a facet of due dates.
    overdue = forms.BooleanField(required=False)
    q = forms.CharField(required=False, max_length=200)
    sort = forms.ChoiceField(
        choices=ORDERS,
        required=False,
        error_messages={"invalid_choice": "There is no such order; the list has its usual one."},
    )
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user
        self.ou_row: OrganizationalUnit | None = None

    def clean_ou(self) -> str:
        """An OU by its id, or by its name where only one has it."""
        text: str = self.cleaned_data["ou"]
        if text:
            visible = OrganizationalUnit.objects.visible_to(self.user)
            named = visible.filter(Q(ou_id=text) | Q(name__iexact=text) | Q(label__iexact=text))
            found = named[:2]
            if len(found) != 1:
                raise forms.ValidationError(
                    "There is no such organisational unit; the filter was left out."
                )
            self.ou_row = found[0]
        return text

    def clean(self) -> dict[str, Any]:
        """Takes single wrong values away, so that the others of their facet still count."""
        values = dict(self.cleaned_data)
        if values.pop("overdue", False):
            values["sla"] = tuple(dict.fromkeys((*values.get("sla", ()), Sla.OVERDUE.value)))
        for name, known in KNOWN.items():
            values[name] = self._sorted_out(name, values.get(name) or (), known)
        accounts = values.get("account") or ()
        if any(not _ACCOUNT_ID.fullmatch(word) for word in accounts):
            self.add_error("account", "An account id has 12 digits; what has not was left out.")
        values["account"] = tuple(word for word in accounts if _ACCOUNT_ID.fullmatch(word))
        return values

    def _sorted_out(
        self, name: str, chosen: tuple[str, ...], known: Mapping[str, str]
    ) -> tuple[str, ...]:
        for word in chosen:
            if word not in known:
                self.add_error(
                    name, f"{word} is not one of the values to filter by; it was left out."
                )
        return tuple(word for word in chosen if word in known)

    def read(self) -> tuple[Filters, Mapping[str, Any]]:
        """The filters, and the valid values by parameter. Wrong ones are in `messages`."""
        self.is_valid()
        values = self.cleaned_data
        chosen = {
            field: values.get(name) or ()
            for name, field in PARAMETERS.items()
            if name not in ("ou", "status")
        }
        filters = Filters(
            **chosen,
            statuses=values.get("status") or ("OPEN",),
            ou_path=self.ou_row.path if self.ou_row else "",
            q=words.plain(values.get("q") or ""),
        )
        return filters, values

    @property
    def messages(self) -> tuple[str, ...]:
        """What was wrong with the query string, in words."""
        return tuple(
            f"{name}: {message}" for name, texts in self.errors.items() for message in texts
        )
