"""From a template and its data to a tagged PDF, by Typst: one wheel, without system libraries."""

import importlib.util
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

TEMPLATES: Final = Path(__file__).parent
# PDF/UA-1: refuses a drawing without alternative text, and writes the tags that readers follow.
_STANDARD: Final = "ua-1"
_FONTS: Final = ("fontpkg_inter", "fontpkg_geist_mono")


class Unprintable(Exception):
    """A document that could not be typeset; the text names the place and what is wrong there."""


def pdf(template: str, data: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The document `template` (a file beside this one) with the given data, as PDF.

    The same data gives the same bytes: the only date in it is `made_at`.

    :raises Unprintable: when the template cannot be filled with this data.
    """
    try:
        return bytes(
            typst.compile(
                str(TEMPLATES / template),
                root=str(TEMPLATES),
                font_paths=list(_font_folders()),
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=[_STANDARD],
                sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
                timestamp=int(made_at.timestamp()),
            )
        )
    except typst.TypstError as error:
        raise Unprintable(f"{template}: {error}") from error


@cache
def _font_folders() -> tuple[str, ...]:
    folders = []
    for name in _FONTS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:  # pragma: no cover - installed with the product
            raise Unprintable(f"the package {name} is not installed")
        folders.append(str(Path(spec.origin).parent))
    return tuple(folders)
