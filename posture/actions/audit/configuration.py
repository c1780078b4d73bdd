"""The settings of the installation, in the audit log when they are others than before."""

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from posture.actions.audit.entries import record
from posture.models import AuditEntry

EVENT: Final = "settings_changed"
_SECRET: Final = re.compile(r"PASSWORD|SECRET|KEYS?$|EXTERNAL_ID|TOKEN$")
_FILES: Final = ("POSTURE_CLOCKS_FILE", "POSTURE_KPI_FILE")


def note_changes(*, now: datetime) -> bool:
    """Write down which settings are others than at the last look; whether any was.

    Of secrets only whether they are set; of files with rules what they hold, as a SHA-256.
    """
    current = _current()
    last = AuditEntry.objects.filter(event=EVENT).order_by("-pk").first()
    before: dict[str, str] = last.details["settings"] if last else {}
    names = sorted({*before, *current})
    changed = {
        name: [before.get(name), current.get(name)]
        for name in names
        if before.get(name) != current.get(name)
    }
    if not changed:
        return False
    # The first look finds everything new: it is what later ones are compared with.
    details = {"settings": current} | ({"changed": changed} if last else {})
    record(EVENT, actor=None, subject=", ".join(changed) if last else "", details=details, now=now)
    return True


def _current() -> dict[str, str]:
    names = [name for name in dir(settings) if name.startswith("POSTURE_")]
    values = {name: _shown(name, getattr(settings, name)) for name in names}
    for name in _FILES:
        if path := getattr(settings, name):
            values[f"{name}, its contents"] = _digest(Path(path))
    for folder in settings.POSTURE_CATALOG_FOLDERS:
        values[f"POSTURE_CATALOG_FOLDERS, {folder}"] = _digest_of_folder(Path(folder))
    return values


def _shown(name: str, value: object) -> str:
    if _SECRET.search(name):
        return "set" if value else ""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def _digest_of_folder(folder: Path) -> str:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        return "holds no *.yaml file"
    told = "\n".join(f"{file.name} {_digest(file)}" for file in files)
    return f"SHA-256 {hashlib.sha256(told.encode()).hexdigest()}"


def _digest(path: Path) -> str:
    try:
        return f"SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError as e:
        return f"cannot be read: {e.strerror}"
