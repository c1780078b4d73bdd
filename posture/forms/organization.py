"""Filters of the account list and of the sync page, from a query string where anything may stand."""

from typing import Final

from django import forms
from django.http import QueryDict

from inventory.access import AnyUser
from inventory.models import CollectionRun, OrganizationalUnit
from posture.queries.accounts import AccountFilters

SORTS: Final = (
    ("score", "Lowest score first"),
    ("help", "Most to win first"),
    ("critical", "Most criticals first"),
    ("name", "By name"),
)


class AccountFilterForm(forms.Form):
    """Turns a query string into AccountFilters; what is wrong in it is left out."""

    q = forms.CharField(required=False, max_length=100)
    ou = forms.CharField(required=False, max_length=68)
    team = forms.SlugField(required=False, max_length=80)
    environment = forms.CharField(required=False, max_length=40)
    sort = forms.ChoiceField(choices=SORTS, required=False)
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user
        self.ou_path = ""

    def clean_ou(self) -> str:
        ou_id: str = self.cleaned_data["ou"]
        if ou_id:
            ou = OrganizationalUnit.objects.visible_to(self.user).filter(ou_id=ou_id).first()
            if ou is None:
                raise forms.ValidationError(
                    "There is no such organisational unit; the filter was left out."
                )
            self.ou_path = ou.path
        return ou_id

    def read(self) -> tuple[AccountFilters, str]:
        """The filters and the cursor of the page."""
        self.is_valid()
        values = self.cleaned_data
        filters = AccountFilters(
            q=values.get("q") or "",
            ou_path=self.ou_path,
            team=values.get("team") or "",
            environment=values.get("environment") or "",
            sort=values.get("sort") or "score",
        )
        return filters, values.get("cursor") or ""

    @property
    def messages(self) -> tuple[str, ...]:
        """What was wrong with the query string, in words."""
        return tuple(
            f"{name}: {message}" for name, texts in self.errors.items() for message in texts
        )


class ScopeFilterForm(forms.Form):
    """Which runs the sync page lists; wrong values are left out."""

    source = forms.ChoiceField(choices=CollectionRun.Source.choices, required=False)
    state = forms.ChoiceField(choices=CollectionRun.State.choices, required=False)

    def read(self) -> tuple[str, str]:
        """(source, state), each "" for all."""
        self.is_valid()
        return self.cleaned_data.get("source") or "", self.cleaned_data.get("state") or ""
