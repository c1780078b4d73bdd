"""python -m invariants.catalog check [FOLDER ...]   load, lint and probe, with an organisation's folders
python -m invariants.catalog schema               the JSON schema of a file, for editors
python -m invariants.catalog list                 the shipped invariants as a page (docs/invariants.md)
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from invariants.catalog.loading import load
from invariants.catalog.problems import CatalogueError
from invariants.catalog.records import Invariant
from invariants.catalog.review import review
from invariants.catalog.schema import file_schema
from invariants.catalog.vocabulary import Area, type_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 where all is well, 1 where something is to be mended."""
    parser = argparse.ArgumentParser(prog="python -m invariants.catalog")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="load, lint and probe")
    check.add_argument("folders", nargs="*", type=Path, help="an organisation's own folders")
    commands.add_parser("schema", help="write the JSON schema of a file")
    commands.add_parser("list", help="write the shipped invariants as a page")
    found = parser.parse_args(arguments)
    if found.command == "check":
        return _check(found.folders)
    sys.stdout.write(schema_text() if found.command == "schema" else list_text())
    return 0


def schema_text() -> str:
    """What docs/catalogue.schema.json holds."""
    return json.dumps(file_schema(), indent=2, ensure_ascii=False) + "\n"


def list_text() -> str:
    """What docs/invariants.md holds."""
    catalogue = load()
    lines = [_LIST_HEAD.format(count=len(catalogue))]
    for area in Area:
        lines.append(f"\n## {area.value.replace('_', ' ').capitalize()}\n\n{_TABLE_HEAD}")
        lines.extend(_row(invariant) for invariant in catalogue if invariant.area is area)
    return "\n".join(lines) + "\n"


_LIST_HEAD: Final = """\
# The invariants that come with Parapet

{count} of them, written by `python -m invariants.catalog list`. How to write one: [catalogue.md](catalogue.md)."""
_TABLE_HEAD: Final = "| id | statement | policy | severity | noticed by |\n|---|---|---|---|---|"


def _row(invariant: Invariant) -> str:
    noticed = [*invariant.detects.security_hub, *invariant.detects.access_analyzer]
    file = f"../invariants/catalog/{invariant.id}.yaml"
    cells = (
        f"[`{invariant.id}`]({file})",
        invariant.statement.sentence,
        type_name(invariant.type),
        invariant.severity.value.lower(),
        ", ".join(noticed) or "none",
    )
    return f"| {' | '.join(cells)} |"


def _check(folders: Sequence[Path]) -> int:
    try:
        catalogue = load(*folders)
    except CatalogueError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    remarks = review(catalogue)
    sys.stdout.writelines(f"{remark}\n" for remark in remarks)
    serious = sum(remark.is_serious for remark in remarks)
    sys.stdout.write(f"{len(catalogue)} invariants, {serious} to mend\n")
    return 1 if serious else 0


if __name__ == "__main__":
    sys.exit(main())
