"""The search field: plain words, and `severity:critical` for people who would rather type than click."""

import re
from typing import Final

from django.http import QueryDict

from findings.forms import known

# Words that people type for the parameters of the page.
_NAMES: Final = {
    "severity": "severity",
    "status": "status",
    "workflow": "workflow",
    "area": "area",
    "control": "control",
    "product": "product",
    "account": "account",
    "environment": "environment",
    "env": "environment",
    "ou": "ou",
    "team": "team",
    "region": "region",
    "type": "type",
    "age": "age",
    "sla": "sla",
    "due": "sla",
    "exposure": "exposure",
    "excepted": "excepted",
}
_TOKEN: Final = re.compile(
    rf"""(?<!\S)({"|".join(_NAMES)}):("[^"]*"|[^\s"]*)(?=\s|$)""", re.IGNORECASE
)


def plain(q: str) -> str:
    """The words to search for: `q` without its `name:value` parts, complete or not."""
    return " ".join(_TOKEN.sub(" ", q).split())


def spelled_out(query: QueryDict) -> QueryDict | None:
    """The query with the `name:value` parts of its words as parameters; None if there is none.

    The last part counts only when a space follows it: somebody may still be typing.
    """
    q = query.get("q", "")[:200]
    found = list(_TOKEN.finditer(q))
    if found and found[-1].end() == len(q):
        found.pop()
    if not found:
        return None
    changed = query.copy()
    rest = q
    for match in reversed(found):
        rest = rest[: match.start()] + rest[match.end() :]
    for match in found:
        name = _NAMES[match.group(1).casefold()]
        for value in match.group(2).strip('"').split(","):
            _choose(changed, name, value.strip())
    changed["q"] = " ".join(rest.split())
    if not changed["q"]:
        del changed["q"]
    return changed


def _choose(query: QueryDict, name: str, value: str) -> None:
    """Adds a value to a parameter, and takes the place of the one OU that there can be."""
    if not value:
        return
    value = value.upper() if name == "workflow" else known.value_of(name, value)
    if name == "ou":
        query["ou"] = value
    elif value not in query.getlist(name):
        query.appendlist(name, value)
