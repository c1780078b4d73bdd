from typing import Any

from django import forms


class SavedViewForm(forms.Form):
    """The name of a view and whether others see it; the query string that it stands for."""

    name = forms.CharField(
        max_length=80,
        label="Name",
        error_messages={
            "required": "Give the view a name.",
            "max_length": "The name of a view has at most 80 characters.",
        },
    )
    is_shared = forms.BooleanField(required=False)
    query = forms.CharField(required=False, max_length=4000, strip=False)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        return " ".join(name.split())

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        return tuple(str(text) for texts in self.errors.values() for text in texts)

    def read(self) -> dict[str, Any]:
        """name, is_shared and query; call it when the form is valid."""
        return dict(self.cleaned_data)
