"""Which invariants, OUs and accounts a page shows, from a query string in which anything may stand."""

from typing import Final

from django import forms
from django.http import QueryDict

from findings.models import Area
from invariants.models import Coverage, Invariant
from invariants.queries import history, listing
from invariants.queries.listing import Filters
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit

TABS: Final = (
    ("overview", "Overview"),
    ("policy", "Policy"),
    ("coverage", "Coverage"),
    ("violations", "Violations"),
    ("denials", "Denials"),
    ("exceptions", "Exceptions"),
    ("history", "History"),
)
DEPTHS: Final = (1, 2, 3)


class _Form(forms.Form):
    """What is wrong in a query string is left out, and said."""

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(str(message) for texts in self.errors.values() for message in texts)

    def word(self, name: str) -> str:
        """The value, "" where it is missing or wrong."""
        return str(self.cleaned_data.get(name) or "") if self.is_valid() or self.errors else ""


def _choice(choices: list[tuple[str, str]], what: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        required=False,
        choices=choices,
        error_messages={"invalid_choice": f"There is no such {what}; all are shown."},
    )


class InvariantFilterForm(_Form):
    """The filters of the list and of the matrix."""

    q = forms.CharField(required=False, max_length=100)
    area = _choice(list(Area.choices), "area")
    type = forms.RegexField(
        r"^[A-Z0-9_]{1,60}$",
        required=False,
        error_messages={"invalid": "There is no such type; all are shown."},
    )
    state = _choice(list(Invariant.State.choices), "state")
    coverage = _choice(list(listing.COVERAGE.items()), "coverage")
    mandatory = forms.BooleanField(required=False)

    def read(self) -> Filters:
        return Filters(
            q=self.word("q"),
            area=self.word("area"),
            type=self.word("type"),
            state=self.word("state"),
            coverage=self.word("coverage"),
            is_mandatory=bool(self.word("mandatory")),
        )


class _OfOu(_Form):
    ou = forms.CharField(required=False, max_length=68)

    def __init__(self, data: QueryDict, *, user: AnyUser) -> None:
        super().__init__(data)
        self.user = user
        self.found: OrganizationalUnit | None = None

    def clean_ou(self) -> str:
        ou_id: str = self.cleaned_data["ou"]
        if ou_id:
            visible = OrganizationalUnit.objects.visible_to(self.user).live()
            self.found = visible.filter(ou_id=ou_id).first()
            if self.found is None:
                raise forms.ValidationError("There is no such organisational unit; all are shown.")
        return ou_id


class MatrixForm(_OfOu):
    """Which OU the columns are below of, and how many levels of them; with the filters of the list."""

    depth = forms.TypedChoiceField(
        required=False,
        coerce=int,
        choices=[(depth, str(depth)) for depth in DEPTHS],
        error_messages={"invalid_choice": "One to three levels can be shown; one is."},
    )

    def read(self) -> tuple[OrganizationalUnit | None, int]:
        depth = self.word("depth")
        return self.found, int(depth) if depth else 1


class AccountsForm(_OfOu):
    """Which accounts of an invariant: by OU with all below it, and by state."""

    state = forms.MultipleChoiceField(
        required=False,
        choices=Coverage.State.choices,
        error_messages={"invalid_choice": "There is no such state; all are shown."},
    )
    cursor = forms.CharField(required=False, max_length=400)

    def read(self) -> tuple[OrganizationalUnit | None, tuple[str, ...]]:
        self.is_valid()
        return self.found, tuple(self.cleaned_data.get("state") or ())

    @property
    def cursor_text(self) -> str:
        return self.word("cursor")


class DetailForm(_Form):
    """Which part of an invariant's page, and of the history, which two versions are compared."""

    tab = forms.ChoiceField(required=False, choices=TABS)
    version = forms.IntegerField(required=False, min_value=1, max_value=history.MOST_VERSIONS)
    against = forms.IntegerField(required=False, min_value=1, max_value=history.MOST_VERSIONS)

    @property
    def shown(self) -> str:
        return self.word("tab") or "overview"

    @property
    def versions(self) -> tuple[int | None, int | None]:
        """The newer and the older; None where the page chooses."""
        self.is_valid()
        return self.cleaned_data.get("version"), self.cleaned_data.get("against")
