"""SECURITY.md's table of threats, and docs/security.md, made from docs/threats.yaml and the tests.

`make security-docs` writes both; `make test` compares. A threat names the tests that prove its control:
one that does not exist is an error, and so is an arrow of the flow with a kind of threat left out.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import django
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
THREATS: Final = ROOT / "docs" / "threats.yaml"
MODEL: Final = ROOT / "SECURITY.md"
PROOF: Final = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- threats: made by `make security-docs` -->", "<!-- end of threats -->"
# STRIDE, in its order.
KINDS: Final = {
    "S": "spoofing",
    "T": "tampering",
    "R": "repudiation",
    "I": "information disclosure",
    "D": "denial of service",
    "E": "elevation of privilege",
}


class Untrue(Exception):
    """What is written does not hold; one sentence a line."""


@dataclass(frozen=True, slots=True)
class Threat:
    """`kinds` are letters of STRIDE; `tests` are ids such as tests/x/test_y.py::test_z."""

    key: str
    kinds: str
    threat: str
    control: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow of the flow; `without` says of each kind that has no threat why it has none."""

    name: str
    carries: str
    threats: tuple[Threat, ...]
    without: Mapping[str, str]


def arrows(path: Path = THREATS) -> list[Arrow]:
    """:raises Untrue: when a test that is named does not exist, or a kind is left out."""
    found = [_arrow(number, raw) for number, raw in enumerate(_raw(path), start=1)]
    problems = [problem for arrow in found for problem in _problems(arrow)]
    if problems:
        raise Untrue("\n".join(problems))
    return found


def _raw(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return rows


def _arrow(number: int, raw: Mapping[str, Any]) -> Arrow:
    threats = tuple(
        Threat(
            key=f"{number}.{index}",
            kinds=one["kinds"],
            threat=_sentence(one["threat"]),
            control=_sentence(one["control"]),
            tests=tuple(one["tests"]),
        )
        for index, one in enumerate(raw["threats"], start=1)
    )
    return Arrow(raw["arrow"], _sentence(raw["carries"]), threats, raw.get("without", {}))


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _problems(arrow: Arrow) -> Iterator[str]:
    named = "".join(threat.kinds for threat in arrow.threats) + "".join(arrow.without)
    for kind in KINDS:
        if kind not in named:
            yield f"{arrow.name}: nothing about {KINDS[kind]} ({kind})"
    for threat in arrow.threats:
        if not threat.tests:
            yield f"{arrow.name}, {threat.key}: no test proves it"
        for test in threat.tests:
            path, _, name = test.partition("::")
            if name not in tests_of(path):
                yield f"{arrow.name}, {threat.key}: there is no test {test}"


@cache
def tests_of(path: str) -> frozenset[str]:
    """Names of the test functions of a file, none where there is no such file."""
    file = ROOT / path
    if not file.is_file() or not path.startswith("tests/"):
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(name for name in names if name.startswith("test_"))


def said(test: str) -> str:
    """What a test shows, by its name: a sentence."""
    words = test.partition("::")[2].removeprefix("test_").replace("_", " ")
    return words[:1].upper() + words[1:]


# SECURITY.md


def model(found: Sequence[Arrow]) -> str:
    """The part of SECURITY.md between the marks."""
    lines: list[str] = []
    for number, arrow in enumerate(found, start=1):
        lines += [f"### {number}. {arrow.name}", "", f"{arrow.carries}", ""]
        lines += ["| | kind | threat | control | proved by |", "|---|---|---|---|---|"]
        for threat in arrow.threats:
            tests = "<br>".join(f"`{test}`" for test in threat.tests)
            kinds = ", ".join(KINDS[kind] for kind in threat.kinds)
            lines.append(
                f"| {threat.key} | {kinds} | {_cell(threat.threat)} | {_cell(threat.control)} | {tests} |"
            )
        lines.append("")
        for kind, why in arrow.without.items():
            lines += [f"No {KINDS[kind]}: {_sentence(why)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def with_model(text: str, part: str) -> str:
    """SECURITY.md with this part between the marks.

    :raises Untrue: when the marks are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Untrue(f"{MODEL.name} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{part}\n{END}{after}"


# docs/security.md


def proof(found: Sequence[Arrow]) -> str:
    return "\n".join([_head(found), _proofs(found), _headers(), _texts(), _checks(), _matrix()])


def _head(found: Sequence[Arrow]) -> str:
    tests = {test for arrow in found for threat in arrow.threats for test in threat.tests}
    threats = sum(len(arrow.threats) for arrow in found)
    return (
        "# Security, as the tests prove it\n\n"
        "Made by `make security-docs` from the tests and [threats.yaml](threats.yaml); `make test` "
        "compares. The threat\nmodel stands in [SECURITY.md](../SECURITY.md).\n\n"
        f"{len(found)} arrows of the flow, {threats} threats, {len(tests)} tests named; every one of "
        "them runs in `make test`.\n"
    )


def _proofs(found: Sequence[Arrow]) -> str:
    """Each named test once, by file, with the threats that it stands against."""
    against: dict[str, list[str]] = {}
    for arrow in found:
        for threat in arrow.threats:
            for test in threat.tests:
                against.setdefault(test, []).append(threat.key)
    lines = ["## What the tests show", "", "| test | in | against |", "|---|---|---|"]
    for test in sorted(against):
        path = test.partition("::")[0]
        lines.append(
            f"| {said(test)} | [{path.removeprefix('tests/')}](../{path}) | {', '.join(against[test])} |"
        )
    return "\n".join(lines) + "\n"


def _headers() -> str:
    from posture.views.headers import PERMISSIONS  # noqa: PLC0415  (needs Django)
    from tests.guards import test_headers  # noqa: PLC0415

    policy = "; ".join(f"{name} {value}" for name, value in test_headers.POLICY.items())
    known = {"Content-Security-Policy": policy, "Permissions-Policy": PERMISSIONS}
    rows = {name: value or known[name] for name, value in test_headers.ALWAYS.items()}
    rows["Cache-Control"] = (
        "private, no-store (answers of the API that have an ETag: private, no-cache; static files may "
        "be kept)"
    )
    rows |= {f"{name} (https)": value for name, value in test_headers.HTTPS.items()}
    lines = ["## Headers of every answer", "", "| header | value |", "|---|---|"]
    lines += [f"| {name} | `{value}` |" for name, value in rows.items()]
    kinds = ", ".join(test_headers.KINDS)
    return "\n".join([*lines, "", f"Held against: {kinds}; and against every address.", ""])


def _texts() -> str:
    from tests.fixtures import hostile  # noqa: PLC0415  (needs Django)

    lines = [
        "## Texts that attack",
        "",
        "Each stands in names of OUs, accounts, teams and policies, tags, titles, descriptions, resources,",
        "notes, reviews, views and tokens, taken in as AWS and people send them. Every page is opened with",
        "them in Chromium; exports, PDFs and mails are read.",
        "",
        "| text | |",
        "|---|---|",
    ]
    for name, text in hostile.PAYLOADS.items():
        shown = text.encode("unicode_escape").decode().replace("|", "\\|")
        lines.append(f"| {name} | `` {shown[:110]} `` |")
    addresses = ", ".join(hostile.ADDRESSES)
    return "\n".join([*lines, "", f"Addresses that are no link: {addresses}.", ""])


def _checks() -> str:
    """Ids of the system checks with the sentence of the function that has them."""
    lines = ["## Settings that are refused", "", "| check | |", "|---|---|"]
    rows: dict[str, str] = {}
    for path in sorted((ROOT / "posture" / "system_checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                first = _sentence(text.split("\n\n")[0])
                rows |= {f"posture.{one}": part for one, part in _ids(first)}
    lines += [f"| {name} | {_cell(rows[name])} |" for name in sorted(rows)]
    return "\n".join(lines) + "\n"


def _ids(text: str) -> Iterator[tuple[str, str]]:
    """("E015", "Links in mails ..."): each id, with the words up to the next one that has some."""
    parts = re.split(r"((?:[EW]\d{3}(?:, )?)+):? ", text)
    for ids, words in zip(parts[1::2], parts[2::2], strict=True):
        said_of = words.strip().rstrip(",")
        for one in re.findall(r"[EW]\d{3}", ids):
            yield one, said_of[:1].upper() + said_of[1:]


def _matrix() -> str:
    from tests.guards.matrix import table  # noqa: PLC0415  (needs Django)

    return (
        "## Who gets which answer\n\n"
        "The leak matrix (`tests/guards/test_matrix.py`) asks every address as everybody, whole and as a "
        "fragment,\nand looks through each answer for what the person may not see.\n\n"
        + table.render()
    )


# The command


def main(arguments: Sequence[str]) -> int:
    """0: written, or in step; 1: untrue, or out of step."""
    try:
        found = arrows()
        texts = {MODEL: with_model(MODEL.read_text(encoding="utf-8"), model(found))}
    except Untrue as error:
        sys.stderr.write(f"{error}\n")
        return 1
    texts[PROOF] = proof(found)
    stale = [path for path, text in texts.items() if not _is(path, text)]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.name} is out of step with the tests: make security-docs\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} written\n")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    django.setup()
    sys.exit(main(sys.argv[1:]))
