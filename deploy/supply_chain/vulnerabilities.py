"""Known vulnerabilities, of every package or not at all."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deploy.supply_chain.locks import EVERYTHING, CouldNotLook, locked, program


def audit() -> tuple[int, list[str]]:
    """How many packages were looked up, and a sentence for each known vulnerability.

    :raises CouldNotLook: when the service does not know or answer for a single package.
    """
    report = _audited()
    rows: list[dict[str, Any]] = report.get("dependencies", [])
    skipped = [row for row in rows if "skip_reason" in row]
    wanted = locked(EVERYTHING)
    missing = sorted(set(wanted) - {row["name"] for row in rows})
    if skipped or missing:
        raise CouldNotLook(_not_looked(skipped, missing, len(wanted)))
    return len(rows), [
        f"{row['name']} {row['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'none'}"
        for row in rows
        for one in row["vulns"]
    ]


def _not_looked(skipped: Sequence[dict[str, Any]], missing: Iterable[str], wanted: int) -> str:
    names = [row["name"] for row in skipped] + list(missing)
    why = skipped[0]["skip_reason"] if skipped else "the service left them out"
    return (
        f"{len(names)} of {wanted} packages could not be looked up, so nothing is known of them "
        f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}). {why}. Name a service of "
        "vulnerabilities that can be reached: PIP_AUDIT_VULNERABILITY_SERVICE=osv and "
        "PIP_AUDIT_OSV_URL=https://..., or run it where pypi.org can be."
    )


def _audited() -> dict[str, Any]:
    """What pip-audit says of the locks. It ends with 1 when it found something, as with any error."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "audit.json"
        command = [program("pip-audit"), "--requirement", str(EVERYTHING), "--disable-pip"]
        options = ["--require-hashes", "--progress-spinner", "off", "--format", "json"]
        done = subprocess.run(  # noqa: S603 - a fixed program
            [*command, *options, "--output", str(output)],
            capture_output=True,
            text=True,
            check=False,
        )
        if not output.is_file():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CouldNotLook(f"pip-audit could not look: {last[:500]}")
        answer: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return answer
