"""What somebody vouches for, and which of it the list shows."""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.http import QueryDict

from inventory import access
from inventory.models import Account, Team
from posture.models import Attestation
from posture.queries.attestations import State

_YEAR: Final = timedelta(days=365)
STATES: Final = (
    (State.VALID, "Valid"),
    (State.EXPIRING, "Expiring within 30 days"),
    (State.EXPIRED, "Expired"),
    (State.WITHDRAWN, "Withdrawn"),
)


def _line(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", **attributes})


def _day() -> forms.DateInput:
    # The format that browsers want of a date field, whatever they show.
    return forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d")


def _day_field(label: str, help_text: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        help_text=help_text,
        widget=_day(),
        error_messages={
            "required": f"{label} is empty: choose a day.",
            "invalid": f"{label} should be a day such as 2026-11-20.",
        },
    )


class AttestationForm(forms.Form):
    """An attestation about one account, all accounts of a team, or (neither) the organisation.

    :param user: chooses among what that person sees.
    """

    subject = forms.ChoiceField(
        label="What is attested",
        choices=[("", "choose"), *Attestation.Subject.choices],
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"required": "Choose what is attested."},
    )
    team = forms.ModelChoiceField(
        label="Team",
        help_text="All of its accounts.",
        queryset=Team.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="no team",
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "You are in no such team: choose one of the list."},
    )
    account_id = forms.CharField(
        label="Account",
        required=False,
        max_length=14,
        help_text="One only: its 12 digits.",
        widget=_line(inputmode="numeric", autocomplete="off", placeholder="1234 5678 9012"),
    )
    statement = forms.CharField(
        label="Statement",
        help_text="What was done, with what result. It stands here for everybody who sees the accounts.",
        widget=forms.Textarea(attrs={"class": "input", "rows": 4, "maxlength": 2000}),
        error_messages={"required": "The statement is empty: write what was done."},
    )
    evidence_url = forms.CharField(
        label="Evidence",
        required=False,
        help_text="An address that begins with https://, of a record or a ticket.",
        widget=_line(type="url", maxlength="500"),
    )
    owner = forms.CharField(
        label="Who vouches",
        help_text="Name and role of the person, not of who types it in.",
        widget=_line(maxlength="150", autocomplete="name"),
        error_messages={"required": "Nobody vouches: write a name."},
    )
    attested_on = _day_field("Done on", "The day of the exercise, test or review.")
    expires_on = _day_field("Expires on", "A year after it was done at most.")

    def __init__(self, data: QueryDict | None = None, *, user: Any, today: date) -> None:
        defaults = {"attested_on": today, "expires_on": today + _YEAR}
        super().__init__(data, initial=defaults, label_suffix="")
        self.user = user
        scope = access.scope_of(user)
        self.sees_everything = scope.everything
        teams = Team.objects.order_by("name", "pk")
        chosen = teams if scope.everything else teams.filter(pk__in=scope.team_ids)
        self.fields["team"].queryset = chosen  # type: ignore[attr-defined]
        if self.is_bound:
            self.full_clean()
            self._focus_first_error()

    def clean_account_id(self) -> Account | None:
        """The account, None when none is named."""
        written: str = self.cleaned_data["account_id"].replace(" ", "").replace("-", "")
        if not written:
            return None
        found = Account.objects.visible_to(self.user).filter(account_id=written[:12]).first()
        if found is None or len(written) != 12:
            raise forms.ValidationError(
                f"You see no account {written}: write the 12 digits of one of yours."
            )
        return found

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_named = values.get("team") or values.get("account_id")
        if values.get("team") and values.get("account_id"):
            self.add_error("account_id", "Name a team or an account, not both: leave one empty.")
        elif not (is_named or self.sees_everything or {"team", "account_id"} & set(self.errors)):
            self.add_error(
                "team",
                "Choose a team or an account: only people who see the whole organisation can vouch for it.",
            )
        return values

    def refuse(self, field: str, text: str) -> None:
        """What the action refused, at the input that it is about."""
        names = {"account": "account_id"}
        name = names.get(field, field)
        self.add_error(name if name in self.fields else None, text)
        self._focus_first_error()

    def _focus_first_error(self) -> None:
        for name, field in self.fields.items():
            if name in self.errors:
                field.widget.attrs["autofocus"] = True
                return


class AttestationFilterForm(forms.Form):
    """Which attestations the list shows; wrong values are left out."""

    state = forms.ChoiceField(choices=STATES, required=False)
    subject = forms.ChoiceField(choices=Attestation.Subject.choices, required=False)
    cursor = forms.CharField(max_length=400, required=False)

    def read(self) -> tuple[str, str, str]:
        """(subject, state, cursor), each "" for all or the first page."""
        self.is_valid()
        values = self.cleaned_data
        return values.get("subject") or "", values.get("state") or "", values.get("cursor") or ""
