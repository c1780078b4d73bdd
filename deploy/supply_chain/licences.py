"""Which licences there are, and which may be."""

import json
import re
from typing import Final

from deploy.supply_chain.locks import EVERYTHING, PRODUCT, ROOT, locked, program, run
from deploy.supply_chain.scripts import SCRIPTS

LIST: Final = ROOT / "docs" / "licences.md"
# May be passed on with a work under the Apache License 2.0, each under its own terms.
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "LGPL-3.0-only",  # psycopg: used as it is, and can be exchanged
        "MIT",
        "MIT-0",
        "MPL-2.0",  # by file; none of them is changed
        "OFL-1.1",  # fonts
        "PSF-2.0",
        "Zlib",
    }
)
# Tools of tests and of `make run`, which are not passed on.
ALLOWED_FOR_TOOLS: Final = ALLOWED | {"GPL-3.0-only"}
# What older packages call them.
_NAMES: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "GPL-3.0": "GPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Whose packages say it wrongly or not at all; read in the files that they bring.
_READ: Final = {
    "axe-playwright-python": "MIT AND MPL-2.0",
    "pytest-timeout": "MIT",
    "qrcode": "BSD-3-Clause",
}
_WORD: Final = re.compile(r"\s*(?:;|\bAND\b|\bOR\b|[()])\s*")


def licences() -> dict[str, str]:
    """The licence of each installed package, as SPDX writes it.

    :raises CouldNotLook: when pip-licenses does not answer.
    """
    said = run([program("pip-licenses"), "--format=json", "--with-system"])
    rows: list[dict[str, str]] = json.loads(said)
    named = {re.sub(r"[-_.]+", "-", row["Name"]).lower(): row["License"] for row in rows}
    return {name: _READ.get(name) or spdx(licence) for name, licence in named.items()}


def spdx(text: str) -> str:
    """The same in SPDX's words; what has none stays as it is."""
    if ";" in text:
        return " AND ".join(sorted({spdx(part.strip()) for part in text.split(";")}))
    return _NAMES.get(text.strip(), text.strip()).replace("BSD 3-Clause", "BSD-3-Clause")


def refused(licence: str, allowed: frozenset[str]) -> list[str]:
    """The licences in an expression that are not allowed; of a choice, one that is allowed is enough."""
    problems: list[str] = []
    for part in re.split(r"\s+AND\s+(?![^(]*\))", licence):
        choices = [word for word in _WORD.split(part) if word]
        if not any(word in allowed for word in choices):
            problems.extend(choices or [licence])
    return problems


def licence_problems(found: dict[str, str]) -> list[str]:
    """A sentence for each package whose licence is not on the list, or not known."""
    product = locked(PRODUCT)
    problems = []
    for name in sorted(locked(EVERYTHING)):
        allowed = ALLOWED if name in product else ALLOWED_FOR_TOOLS
        if name not in found:
            problems.append(f"{name}: not installed, so its licence could not be looked up")
        elif words := refused(found[name], allowed):
            problems.append(f"{name}: {' and '.join(words)} is not on the list of allowed licences")
    problems += [f"{one.name}: {one.licence}" for one in SCRIPTS if one.licence not in ALLOWED]
    return problems


def licence_list(found: dict[str, str]) -> str:
    """docs/licences.md: what is passed on. Without versions, which the lock has."""
    names = sorted(locked(PRODUCT))
    lines = [
        "# Licences",
        "",
        "Made by `make licences` from `requirements.lock`; `make test` compares. Parapet itself is under",
        "the [Apache License 2.0](../LICENSE). Allowed beside it: "
        + ", ".join(sorted(ALLOWED))
        + ".",
        "Packages for other systems or versions of Python than the one this was made on may be missing.",
        "",
        "| package | licence |",
        "|---|---|",
        *(f"| {name} | {found.get(name, 'not installed')} |" for name in names),
        "",
        "JavaScript in these packages that pages load:",
        "",
        "| package | comes with | licence |",
        "|---|---|---|",
        *(f"| {one.name} | {one.package} | {one.licence} |" for one in SCRIPTS),
    ]
    return "\n".join(lines) + "\n"
