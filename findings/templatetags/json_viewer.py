"""{% load json_viewer %}: JSON in the code viewer, one numbered line each."""

import json
import re
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

LINES_SHOWN = 2000
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b')


@register.filter
def json_text(value: Any) -> str:  # AWS's JSON: any shape
    """The JSON as people read it, keys in AWS's order."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def json_lines(value: Any) -> SafeString:
    """Lines of the viewer. Everything that is not ours is escaped, token by token."""
    lines = json_text(value).splitlines()
    shown: list[str] = [f'<span class="l">{_painted(line)}</span>' for line in lines[:LINES_SHOWN]]
    if len(lines) > LINES_SHOWN:
        shown.append(f'<span class="skip-l">{len(lines) - LINES_SHOWN:,} more lines</span>')
    return mark_safe("".join(shown))  # noqa: S308  (every piece went through escape)


@register.filter
def json_line(line: str) -> SafeString:
    """One line of JSON that has been cut into lines already, painted as the viewer paints it."""
    return mark_safe(_painted(line))  # noqa: S308  (every piece went through escape)


def _painted(line: str) -> str:
    parts: list[str] = []
    end = 0
    for match in _TOKEN.finditer(line):
        parts.append(escape(line[end : match.start()]))
        text, colon, word = match.groups()
        kind = "w" if word else "k" if colon else "s"
        parts.append(f'<span class="{kind}">{escape(text or word)}</span>{escape(colon or "")}')
        end = match.end()
    return "".join([*parts, escape(line[end:])])
