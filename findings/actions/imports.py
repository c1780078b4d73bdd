"""The life of an imported file, but for its reading: asked for, given up, forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from findings.models import FileImport
from inventory.models import Organization

State = FileImport.State
# An upload that no import names any more is what a page that broke off left behind.
KEEP_STRAY_UPLOADS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that somebody wants imported.

    `size` is in bytes, 0 if nobody knows; `stored_as` its name in the folder of the uploads, "" for
    a file that stays where it is; `context` what it does not say itself (`analyzer_arn`).
    """

    name: str
    size: int
    stored_as: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def begin(organization: Organization, file: GivenFile, *, by: str, now: datetime) -> FileImport:
    """Ask for the import of a file."""
    # Names come from file systems and browsers, and may hold what Postgres does not.
    plain = file.name.encode("utf-8", "replace").decode().replace("\0", "")
    return FileImport.objects.create(
        organization=organization,
        name=plain[:255],
        size=file.size,
        stored_as=file.stored_as,
        requested_by=by,
        context=dict(file.context),
        created_at=now,
        heartbeat_at=now,
    )


def rescue(*, now: datetime, silent_for: timedelta) -> list[FileImport]:
    """Give up the workers that have been silent; returns the uploads to be read again.

    A file that the command was reading is gone with the command.
    """
    silent = FileImport.objects.unfinished().filter(heartbeat_at__lt=now - silent_for)
    silent.filter(stored_as="").update(
        state=State.FAILED,
        finished_at=now,
        error="The command ended before the file did. Run it again: that is harmless.",
    )
    rescued = []
    for row in silent.exclude(stored_as=""):
        same = FileImport.objects.filter(pk=row.pk, heartbeat_at=row.heartbeat_at)
        if same.update(state=State.PENDING, heartbeat_at=now):
            rescued.append(row)
    return rescued


def remove_strays(*, now: datetime) -> int:
    """Delete uploads that no unfinished import names; returns how many."""
    folder = Path(settings.POSTURE_UPLOAD_DIR)
    if not folder.is_dir():
        return 0
    wanted = set(FileImport.objects.unfinished().values_list("stored_as", flat=True))
    oldest = (now - KEEP_STRAY_UPLOADS).timestamp()
    strays = [
        path
        for path in folder.iterdir()
        if path.name not in wanted and path.is_file() and path.stat().st_mtime < oldest
    ]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)
