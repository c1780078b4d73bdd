"""How one is told, and a new channel."""

from collections.abc import Mapping
from typing import Final

from django import forms
from django.conf import settings
from django.http import QueryDict

from posture.models.notifications import ChannelService, Mode, Rhythm
from posture.outgoing import chat
from posture.policies import notifications as policies

_INPUT: Final = {"class": "input", "autocomplete": "off"}
_TIME: Final = _INPUT | {"type": "time", "class": "input fit"}
_NO_TIME: Final = "That is no time of day: write it like 22:00."


class HoursForm(forms.Form):
    """Quiet hours and the digest; the action says whether they make sense."""

    time_zone = forms.CharField(
        label="Time zone",
        required=False,
        max_length=64,
        help_text="Such as Europe/Berlin; empty for that of the organisation.",
        widget=forms.TextInput(attrs=_INPUT | {"list": "zones"}),
    )
    quiet_from = forms.TimeField(
        label="Quiet from",
        required=False,
        widget=forms.TimeInput(attrs=_TIME, format="%H:%M"),
        error_messages={"invalid": _NO_TIME},
    )
    quiet_until = forms.TimeField(
        label="Quiet until",
        required=False,
        widget=forms.TimeInput(attrs=_TIME, format="%H:%M"),
        error_messages={"invalid": _NO_TIME},
    )
    digest = forms.ChoiceField(
        label="The digest comes",
        choices=Rhythm.choices,
        widget=forms.Select(attrs={"class": "input"}),
    )
    digest_at = forms.TimeField(
        label="at",
        widget=forms.TimeInput(attrs=_TIME, format="%H:%M"),
        error_messages={"invalid": _NO_TIME, "required": "Say when the digest comes."},
    )


class ChannelForm(forms.Form):
    """What is wrong with the words, the action says."""

    name = forms.CharField(
        label="Name",
        help_text="Such as My Slack, or #cloud-exceptions.",
        max_length=80,
        widget=forms.TextInput(attrs=_INPUT),
        error_messages={"required": "The name is empty: say what you call it."},
    )
    service = forms.ChoiceField(
        label="Service",
        choices=ChannelService.choices,
        widget=forms.Select(attrs={"class": "input"}),
    )
    address = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.TextInput(attrs=_INPUT | {"inputmode": "url"}),
        error_messages={"required": "The address is empty: take it from the service."},
    )
    is_room = forms.BooleanField(label="A room of several people", required=False)
    kinds = forms.MultipleChoiceField(
        label="The room is told",
        required=False,
        choices=[(code, policies.BY_CODE[code].name) for code in policies.FOR_ROOMS],
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        hosts = ", ".join(settings.POSTURE_WEBHOOK_HOSTS)
        self.fields[
            "address"
        ].help_text = f"As the service shows it, at {hosts}. It is kept sealed, never shown again."
        self.examples = [
            (label, chat.SERVICES[value].example) for value, label in ChannelService.choices
        ]
        self.offered = [(code, policies.BY_CODE[code]) for code in policies.FOR_ROOMS]

    @property
    def chosen(self) -> list[str]:
        """The codes that are ticked."""
        return self.data.getlist("kinds") if isinstance(self.data, QueryDict) else []


def read_choices(
    typed: QueryDict, fields: Mapping[str, tuple[str, int | None]]
) -> dict[tuple[str, int | None], Mode]:
    """What was chosen of the table, by kind and channel; a field that is no mode is left out."""
    said = {name: str(typed.get(name, "")) for name in fields}
    return {fields[name]: Mode(mode) for name, mode in said.items() if mode in Mode.values}
