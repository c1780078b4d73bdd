"""Which people a list shows, a service account, and an API token."""

from dataclasses import dataclass
from typing import Final

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict

from posture.policies import roles
from posture.policies import tokens as policies
from posture.queries.people import State

STATES: Final = (
    (State.ACTIVE, "Active"),
    (State.INACTIVE, "Switched off"),
    (State.SERVICE, "Service accounts"),
)
_LONGEST: Final = 100
DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Asked:
    """What narrows the list of people; "" is everything."""

    q: str
    role: str
    state: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.role or self.state)


def asked(query: QueryDict) -> Asked:
    """What is not known in the query is left out."""
    role, state = query.get("role", ""), query.get("state", "")
    return Asked(
        q=query.get("q", "").replace("\0", "").strip()[:_LONGEST],
        role=role if role in roles.ROLE_NAMES else "",
        state=state if state in set(State) else "",
    )


class ServiceForm(forms.Form):
    """An account for a program; what is wrong with the words, the action says."""

    username = forms.CharField(
        label="Name",
        help_text="Such as ticket-bridge. It stands wherever a person's name would.",
        max_length=150,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": "The name is empty: write one."},
    )
    purpose = forms.CharField(
        label="Purpose",
        help_text="What it is for, and whom to ask.",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": "The purpose is empty: say what the account is for."},
    )
    roles = forms.MultipleChoiceField(
        label="Roles",
        choices=[(name, name) for name in roles.ROLE_NAMES],
        required=False,
        error_messages={"invalid_choice": "%(value)s is no role: choose among those shown."},
    )


class TokenForm(forms.Form):
    """A token of `owner`, who is offered the rights that they have."""

    name = forms.CharField(
        label="Name",
        help_text="Where it is used: you will want to know which one to revoke.",
        max_length=80,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        error_messages={"required": "The name is empty: say where the token is used."},
    )
    days = forms.IntegerField(
        label="Good for so many days",
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "input", "min": "1", "inputmode": "numeric"}),
        error_messages={"required": "Every token expires: write a number of days."},
    )
    rights = forms.MultipleChoiceField(
        label="Rights",
        error_messages={
            "required": "A token without rights could do nothing: choose one at least.",
            "invalid_choice": "The right %(value)s cannot be given: choose among those shown.",
        },
    )

    def __init__(self, data: QueryDict | None = None, *, owner: User) -> None:
        super().__init__(data, initial={"days": min(DAYS, settings.POSTURE_TOKEN_MAX_DAYS)})
        self.offered = policies.rights_of(owner)
        most = settings.POSTURE_TOKEN_MAX_DAYS
        # The fields of this form are these classes, which the stubs of a form do not know.
        self.fields["rights"].choices = [(r.code, r.name) for r in self.offered]  # type: ignore[attr-defined]
        self.fields["days"].widget.attrs["max"] = str(most)
        self.fields["days"].help_text = f"{most} at most."

    @property
    def chosen(self) -> list[str]:
        """The codes that are ticked."""
        return self.data.getlist("rights") if isinstance(self.data, QueryDict) else []
