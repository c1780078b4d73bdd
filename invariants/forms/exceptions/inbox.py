"""Which exceptions the inbox shows, and which of them are taken up at once."""

from typing import Final

from django import forms
from django.http import QueryDict

from invariants.forms.filters import _choice, _Form
from invariants.models import ExceptionRequest, Invariant
from invariants.models.exceptions import Risk
from invariants.queries.exceptions.inbox import TABS
from invariants.queries.exceptions.inbox_items import Filters
from invariants.queries.exceptions.totals import Standing
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit

_NO_PLACE: Final = "There is no such {what}; all are shown."
_MOST: Final = 2000


class InboxForm(_Form):
    """The filters of the inbox, from a query string in which anything may stand."""

    tab = _choice(list(TABS), "list")
    q = forms.CharField(required=False, max_length=100)
    state = _choice(list(ExceptionRequest.State.choices), "state")
    risk = _choice(list(Risk.choices), "risk")
    standing = _choice(list(Standing.choices), "standing")
    invariant = forms.CharField(required=False, max_length=80)
    account = forms.RegexField(
        r"^[0-9]{12}$", required=False, error_messages={"invalid": _NO_PLACE.format(what="account")}
    )
    ou = forms.CharField(required=False, max_length=68)
    cursor = forms.CharField(required=False, max_length=400)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user

    def clean_invariant(self) -> Invariant | None:
        key = self.cleaned_data["invariant"]
        seen = Invariant.objects.visible_to(self.user).live()
        row = seen.filter(key=key).order_by("pk").first()
        self._is_there(row, key, "invariant")
        return row

    def clean_account(self) -> Account | None:
        key = self.cleaned_data["account"]
        seen = Account.objects.visible_to(self.user).filter(account_id=key)
        row = seen.select_related("ou").order_by("pk").first()
        self._is_there(row, key, "account")
        return row

    def clean_ou(self) -> OrganizationalUnit | None:
        key = self.cleaned_data["ou"]
        seen = OrganizationalUnit.objects.visible_to(self.user).filter(ou_id=key)
        row = seen.order_by("pk").first()
        self._is_there(row, key, "organisational unit")
        return row

    def _is_there(self, row: object, key: str, what: str) -> None:
        if key and row is None:
            raise forms.ValidationError(_NO_PLACE.format(what=what))

    def read(self) -> Filters:
        self.is_valid()
        given = self.cleaned_data
        return Filters(
            tab=self.word("tab"),
            q=self.word("q"),
            state=self.word("state"),
            risk=self.word("risk"),
            standing=self.word("standing"),
            invariant=given.get("invariant"),
            account=given.get("account"),
            ou=given.get("ou"),
        )

    @property
    def cursor_text(self) -> str:
        return self.word("cursor")


class BulkForm(forms.Form):
    """Which are taken up at once; `sure` once it was confirmed."""

    note = forms.CharField(required=False, max_length=_MOST)
    sure = forms.BooleanField(required=False)
