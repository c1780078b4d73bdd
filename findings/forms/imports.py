"""Files of findings that a person uploads."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

MAX_FILES = 20


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several; gives a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        given = data if isinstance(data, list) else [data]
        if len(given) > MAX_FILES:
            raise forms.ValidationError(
                f"These are {len(given)} files: upload at most {MAX_FILES} at once, or use "
                "manage.py import_findings."
            )
        return [super(FilesField, self).clean(one, initial) for one in given or [None]]


class ImportForm(forms.Form):
    file = FilesField(
        label="Files",
        max_length=1000,
        error_messages={
            "required": "Choose a file.",
            "empty": "This file is empty. Export the findings again.",
        },
    )
    analyzer_arn = forms.RegexField(
        r"^arn:[a-z-]+:access-analyzer:[a-z0-9-]*:\d{12}:analyzer/[\w.-]{1,255}$",
        label="ARN of the analyzer",
        required=False,
        max_length=400,
        error_messages={
            "invalid": (
                "This is no analyzer's ARN. It looks like "
                "arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/name"
            )
        },
        help_text="Only for exports of IAM Access Analyzer, which do not name it.",
    )

    def context(self) -> Mapping[str, str]:
        """What the files do not say themselves."""
        arn: str = self.cleaned_data["analyzer_arn"]
        return {"analyzer_arn": arn} if arn else {}
