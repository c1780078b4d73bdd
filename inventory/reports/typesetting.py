"""From a template and its data to a tagged PDF, by Typst: one wheel, without system libraries."""

import importlib.util
import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

# PDF/UA-1: refuses a drawing without alternative text, and writes the tags that readers follow.
_STANDARD: Final = "ua-1"
_FONTS: Final = ("fontpkg_inter", "fontpkg_geist_mono")
# On paper nothing stands around a text that would end them: they are always left out.
_TURNING: Final = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)
_UNKNOWN: Final = "\N{WHITE SQUARE}"
# Control characters, and those that join, turn or hide what people read.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Unprintable(Exception):
    """A document that could not be typeset; the text names the place and what is wrong there."""


def pdf(template: Path, data: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The document `template`, a file of Typst, with the given data, as PDF.

    The same data gives the same bytes: the only date in it is `made_at`.

    :raises Unprintable: when the template cannot be filled with this data.
    """
    try:
        return _compiled(template, data, made_at=made_at)
    except typst.TypstError as error:
        # One sign that no font has would do: names and notes come from outside.
        legible = shown(data)
        if legible == data:
            raise Unprintable(f"{template.name}: {error}") from error
    try:
        return _compiled(template, legible, made_at=made_at)
    except typst.TypstError as error:
        raise Unprintable(f"{template.name}: {error}") from error


def _compiled(template: Path, data: Any, *, made_at: datetime) -> bytes:
    return bytes(
        typst.compile(
            str(template),
            root=str(template.parent),
            font_paths=list(_font_folders()),
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=[_STANDARD],
            sys_inputs={"data": json.dumps(data, ensure_ascii=False).translate(_TURNING)},
            timestamp=int(made_at.timestamp()),
        )
    )


# JSON of any shape.
def shown(value: Any) -> Any:
    """The same with texts that the fonts can show: unseen signs left out, unknown ones as a square."""
    if isinstance(value, str):
        return "".join(map(_sign, value))
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list | tuple) else value


def _sign(sign: str) -> str:
    if sign in "\n\t" or ord(sign) in _signs():
        return sign
    return "" if unicodedata.category(sign) in _UNSEEN else _UNKNOWN


@cache
def _signs() -> frozenset[int]:
    """What the fonts have, without what is there and cannot be seen."""
    found: set[int] = set()
    for folder in _font_folders():
        for path in (*Path(folder).rglob("*.ttf"), *Path(folder).rglob("*.otf")):
            with TTFont(path, lazy=True) as font:
                found |= set(font.getBestCmap())
    return frozenset(one for one in found if unicodedata.category(chr(one)) not in _UNSEEN)


@cache
def _font_folders() -> tuple[str, ...]:
    folders = []
    for name in _FONTS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:  # pragma: no cover - installed with the product
            raise Unprintable(f"the package {name} is not installed")
        folders.append(str(Path(spec.origin).parent))
    return tuple(folders)
