"""The text of a policy for the viewer, with what the linter says beside the lines that it is about."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# A list of texts stays on one line up to so many characters.
_WIDTH: Final = 96
# The database keeps the members of an object by the length of their names; people read them so.
_MEMBERS: Final = (
    "Version",
    "Id",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Statement",
)
# As invariants.engine writes paths: $.Statement[0].Action, and ["aws:tag/x"] for any other name.
_PLAIN: Final = re.compile(r"[A-Za-z@][\w@:/.-]{0,80}")
_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Lint:
    """What a rule says of a line; `waived` is why it is broken on purpose, "" where it is not."""

    rule: str
    severity: str
    path: str
    message: str
    fix: str
    page: str
    waived: str
    line: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the policy, and the places of what begins in it."""

    number: int
    text: str
    remarks: tuple[Lint, ...]

    @property
    def mark(self) -> str:
        """The class of the line: the gravest of what is said of it, and not waived."""
        severities = {remark.severity for remark in self.remarks if not remark.waived}
        return next(
            (one.lower() for one in ("ERROR", "WARNING", "NOTICE") if one in severities), ""
        )


@dataclass(frozen=True, slots=True)
class PolicyText:
    """`plain` is what is copied: the same text without anything beside it."""

    lines: tuple[Line, ...]
    remarks: tuple[Lint, ...]
    plain: str

    @property
    def open(self) -> tuple[Lint, ...]:
        """What is not broken on purpose."""
        return tuple(remark for remark in self.remarks if not remark.waived)

    @property
    def said(self) -> str:
        """How much there is to mend: "2 remarks"."""
        return f"{len(self.open)} remark{'' if len(self.open) == 1 else 's'} of the linter"


def policy_text(policy: Any, found: Sequence[Mapping[str, Any]]) -> PolicyText:
    """The lines of a policy, and what the linter found in it, gravest first as it came."""
    printed = list(_printed(policy, "$", "", "", ""))
    starts = {path: number for number, (path, _) in reversed(list(enumerate(printed, start=1)))}
    remarks = tuple(_lint(one, starts) for one in found)
    by_line: dict[int, list[Lint]] = defaultdict(list)
    for remark in remarks:
        by_line[remark.line].append(remark)
    lines = tuple(
        Line(number, text, tuple(by_line[number]))
        for number, (_, text) in enumerate(printed, start=1)
    )
    return PolicyText(lines, remarks, "\n".join(line.text for line in lines))


def text_lines(value: Any) -> list[str]:
    """JSON of any shape as the viewer prints it, without anything beside it."""
    return [text for _, text in _printed(value, "$", "", "", "")]


def _lint(one: Mapping[str, Any], starts: Mapping[str, int]) -> Lint:
    texts = (str(one.get(name) or "") for name in ("rule", "severity", "path", "message"))
    rule, severity, path, message = texts
    return Lint(
        rule=rule,
        severity=severity,
        path=path,
        message=message,
        fix=str(one.get("fix") or ""),
        page=str(one.get("page") or ""),
        waived=str(one.get("waived") or ""),
        line=_line_of(path, starts),
    )


def _line_of(path: str, starts: Mapping[str, int]) -> int:
    """The line where it begins; of what stands within one line, that line."""
    while path and path not in starts:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return starts[path] if path else 1


def _printed(
    value: Any, path: str, indent: str, before: str, after: str
) -> Iterator[tuple[str, str]]:
    """Lines with the path of what begins in each: JSON, short lists of texts on one line."""
    if isinstance(value, Mapping) and value:
        yield path, f"{indent}{before}{{"
        yield from _members(value, path, f"{indent}  ")
        yield "", f"{indent}}}{after}"
    elif isinstance(value, list) and value and not _is_short(value, indent, before):
        yield path, f"{indent}{before}["
        for place, one in enumerate(value):
            comma = "," if place + 1 < len(value) else ""
            yield from _printed(one, f"{path}[{place}]", f"{indent}  ", "", comma)
        yield "", f"{indent}]{after}"
    else:
        yield path, f"{indent}{before}{_json(value)}{after}"


def _members(value: Mapping[str, Any], path: str, indent: str) -> Iterator[tuple[str, str]]:
    members = sorted(value.items(), key=lambda member: _place_of(member[0]))
    for place, (name, one) in enumerate(members, start=1):
        comma = "," if place < len(value) else ""
        yield from _printed(one, _within(path, name), indent, f"{_json(name)}: ", comma)


def _place_of(name: str) -> tuple[int, str]:
    return (_MEMBERS.index(name), "") if name in _MEMBERS else (len(_MEMBERS), name)


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if _PLAIN.fullmatch(name) else f"{path}[{json.dumps(name[:_NAME])}]"


def _is_short(value: list[Any], indent: str, before: str) -> bool:
    is_flat = not any(isinstance(one, list | Mapping) for one in value)
    return is_flat and len(indent) + len(before) + len(_json(value)) <= _WIDTH


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
