"""What is locked, and programs that say more of it."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ROOT / "requirements.lock"
EVERYTHING: Final = ROOT / "requirements-dev.lock"


class CouldNotLook(Exception):
    """Something is not known; the text says what, and what to do."""


def locked(path: Path) -> dict[str, str]:
    """Exact versions by name, as the lock has them for this system and Python; with markers, the installed."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)==([^\s;]+)( ;)?", line):
            name, version, has_marker = match.groups()
            installed = _installed(name)
            if not has_marker or installed == version:
                found[name] = version
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def run(command: Sequence[str]) -> str:
    """:raises CouldNotLook: with the last line of what it said."""
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(  # noqa: S603 - a fixed program
        command, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CouldNotLook(f"{Path(command[0]).name} failed: {last}")
    return done.stdout
