"""The matrix as a table in Markdown, for docs/security.md: who gets what answer from which address."""

import re
from collections.abc import Iterator

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

from posture.policies import roles
from tests.guards.matrix import ROWS
from tests.guards.matrix.row import OPEN, Row

_HEAD = ("Address", "Method", "Right", *(role.name for role in roles.ROLES))
_LAST = ("No role", "No session", "Out of scope")
_NAMES = {right.code: right.name for right in roles.RIGHTS}


def render() -> str:
    """One line for each way of asking for each address; a cell is the status of the answer.

    Where several answers are right (a form may be accepted or sent back) the first stands here.
    """
    addresses = dict(_addresses(get_resolver()))
    lines = [_line(_HEAD + _LAST), _line(["---"] * len(_HEAD + _LAST))]
    # Those that are tried as some people only say no more of the address.
    rows = [row for row in ROWS if not row.people]
    for row in sorted(rows, key=lambda row: (addresses[row.name], row.verb)):
        line = _line(_cells(row, addresses[row.name]))
        if line not in lines:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _cells(row: Row, address: str) -> list[str]:
    needed = ", ".join(_NAMES[code] for code in row.rights) or (
        "everybody" if row.door == OPEN else "signed in"
    )
    held = [*(role.rights for role in roles.ROLES), frozenset[str]()]
    answers = [_first(row.allowed if row.rights_in(some) else row.refused) for some in held]
    hidden = str(row.hidden) if row.of else "-"
    return [f"`{address}`", row.verb, needed, *answers, _first(row.at_the_door()), hidden]


def _first(status: int | tuple[int, ...]) -> str:
    return str(status if isinstance(status, int) else status[0])


def _addresses(
    resolver: URLResolver, space: str = "", before: str = ""
) -> Iterator[tuple[str, str]]:
    """The name of each address, and how it looks: /people/<pk>/."""
    for entry in resolver.url_patterns:
        path = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            plain = re.sub(r"<\w+:(\w+)>", r"<\1>", simplify_regex(path.replace("/^", "/")))
            yield f"{space}{entry.name}", plain
        else:
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _addresses(entry, inner, path)


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
