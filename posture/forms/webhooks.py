"""A new webhook, and what of it to send again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict

from posture.policies import webhooks as policies
from posture.policies.webhooks import EventType

_INPUT: Final = {"class": "input", "autocomplete": "off"}


class WebhookForm(forms.Form):
    """What is wrong with the words, the action says."""

    name = forms.CharField(
        label="Name",
        help_text="Who is told, such as Ticket bridge.",
        max_length=80,
        widget=forms.TextInput(attrs=_INPUT),
        error_messages={"required": "The name is empty: say who is told."},
    )
    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.TextInput(attrs=_INPUT | {"type": "url", "inputmode": "url"}),
        error_messages={
            "required": "The address is empty: write one such as https://hooks.example.com/parapet."
        },
    )
    owner = forms.TypedChoiceField(
        label="Told what this account may see",
        coerce=int,
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={
            "required": "Choose whose view of the organisation is sent.",
            "invalid_choice": "That account cannot be chosen: choose among those shown.",
        },
    )
    events = forms.MultipleChoiceField(
        label="Events",
        error_messages={
            "required": "It would be told of nothing: choose one event at least.",
            "invalid_choice": "The event %(value)s cannot be chosen: choose among those shown.",
        },
    )

    def __init__(self, data: QueryDict | None = None, *, owners: Sequence[User]) -> None:
        super().__init__(data, initial={"owner": owners[0].pk})
        self.owners = {owner.pk: owner for owner in owners}
        codes = {one.code for owner in owners for one in policies.events_of(owner)}
        self.offered: tuple[EventType, ...] = tuple(e for e in policies.EVENTS if e.code in codes)
        # The fields of this form are these classes, which the stubs of a form do not know.
        self.fields["events"].choices = [(e.code, e.name) for e in self.offered]  # type: ignore[attr-defined]
        self.fields["owner"].choices = [  # type: ignore[attr-defined]
            (owner.pk, owner.get_username() if place else f"{owner.get_username()} (you)")
            for place, owner in enumerate(owners)
        ]
        hosts = ", ".join(settings.POSTURE_WEBHOOK_HOSTS)
        self.fields["url"].help_text = f"https, at {hosts}. It is kept sealed, never shown again."

    @property
    def chosen(self) -> list[str]:
        """The codes that are ticked."""
        return self.data.getlist("events") if isinstance(self.data, QueryDict) else []


class ReplayForm(forms.Form):
    """How far back: a day, a week, or all that is kept."""

    since = forms.ChoiceField(choices=[("day", "a day"), ("week", "a week"), ("all", "all kept")])

    def moment(self, *, now: datetime) -> datetime | None:
        """None: all that is kept."""
        days = {"day": 1, "week": 7}.get(self.cleaned_data["since"])
        return now - timedelta(days=days) if days else None
