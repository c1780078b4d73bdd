"""`make licences`, `make sbom`, `make audit`."""

import argparse
import json
import sys
from collections.abc import Sequence

from deploy.supply_chain import licences, materials, vulnerabilities
from deploy.supply_chain.locks import ROOT, CouldNotLook


def _licences(*, is_check: bool) -> list[str]:
    found = licences.licences()
    problems = licences.licence_problems(found)
    text = licences.licence_list(found)
    if not is_check:
        licences.LIST.write_text(text, encoding="utf-8")
    elif not licences.LIST.is_file() or licences.LIST.read_text(encoding="utf-8") != text:
        problems.append("docs/licences.md is not in step with requirements.lock: make licences")
    return problems


def _sbom() -> list[str]:
    materials.SBOM.parent.mkdir(exist_ok=True)
    bom = materials.sbom()
    materials.SBOM.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{materials.SBOM.relative_to(ROOT)}: {len(bom['components'])} components.\n")
    return []


def _audit() -> list[str]:
    looked, found = vulnerabilities.audit()
    sys.stdout.write(f"{looked} packages looked up, {len(found)} known vulnerabilities.\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done and nothing wrong; 1: something is wrong; 2: it could not be looked up."""
    parser = argparse.ArgumentParser(prog="supply_chain", description=__doc__)
    parser.add_argument("what", choices=("licences", "sbom", "audit"))
    parser.add_argument("--check", action="store_true", help="licences: write nothing, compare")
    asked = parser.parse_args(arguments)
    try:
        if asked.what == "licences":
            problems = _licences(is_check=asked.check)
        else:
            problems = _sbom() if asked.what == "sbom" else _audit()
    except CouldNotLook as error:
        sys.stderr.write(f"{asked.what}: {error}\n")
        return 2
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
