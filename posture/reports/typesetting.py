"""The templates beside this file, typeset."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from inventory.reports import typesetting
from inventory.reports.typesetting import Unprintable, shown

__all__ = ["Unprintable", "pdf", "shown"]

_TEMPLATES: Final = Path(__file__).parent


def pdf(template: str, data: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The document `template` (a file beside this one) with the given data, as PDF.

    :raises Unprintable: when the template cannot be filled with this data.
    """
    return typesetting.pdf(_TEMPLATES / template, data, made_at=made_at)
