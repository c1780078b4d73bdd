"""Counts what files of trails say of denied requests, and of changes of the organisation's policies."""

import sys
import time
from argparse import BooleanOptionalAction
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from invariants.ingest import trail, trail_files
from invariants.rollups import serving
from invariants.sources.trail_files import files_in
from inventory.models import Organization

ON_TERMINAL_EVERY = 0.2
ELSEWHERE_EVERY = 30.0
WORDS = {
    "denials": "denied by policies of the organisation or boundaries",
    "named": "name the policy",
    "unnamed": "do not",
    "others": "denied by other policies, or in a service's own words",
    "changes": "changes of the organisation's policies",
    "twice": "counted before",
    "old": "older than what is kept",
    "unreadable": "could not be read",
}


class Progress:
    """How far it is: on a terminal one line that changes, elsewhere a line once in a while."""

    def __init__(self, files: int, out: TextIO, *, is_terminal: bool) -> None:
        self._files, self._out, self._is_terminal = files, out, is_terminal
        self._every = ON_TERMINAL_EVERY if is_terminal else ELSEWHERE_EVERY
        self._shown = time.monotonic()
        self.done = self.events = 0

    def __call__(self, counts: Mapping[str, int]) -> None:
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        events = self.events + counts.get("events", 0)
        text = f"{self.done:,} of {self._files:,} files, {events:,} events"
        self._out.write(f"\r\033[K{text}" if self._is_terminal else f"{text}\n")
        self._out.flush()

    def clear(self) -> None:
        if self._is_terminal:
            self._out.write("\r\033[K")
            self._out.flush()


class Command(BaseCommand):
    help = (
        "Import files of trails, as CloudTrail writes them into its bucket, packed or not: single "
        "files or whole folders. Denied requests are counted by policy, account, principal, action "
        "and day. Importing a file again is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="FILE", help="a file or a folder")
        parser.add_argument("--organization", default="", help="its id (o-...), if there are many")
        parser.add_argument(
            "--progress", action=BooleanOptionalAction, default=True, help="say how far it is"
        )

    def handle(self, **options: Any) -> None:
        organization = organization_of(options["organization"])
        paths, skipped = self._files(options["paths"])
        is_terminal = bool(getattr(self.stderr, "isatty", bool)())
        progress = Progress(len(paths), sys.stderr, is_terminal=is_terminal)
        progress_of = progress if options["progress"] else _silent
        counts: Counter[str] = Counter()
        refused = 0
        for path in paths:
            found = self._take(path, organization, progress_of)
            counts.update(found.counts)
            refused += bool(found.refusal)
            progress.done, progress.events = progress.done + 1, counts["events"]
        if options["progress"]:
            progress.clear()
        serving.tie(organization, now=timezone.now())
        self._say(counts, files=len(paths), skipped=skipped)
        if refused:
            raise CommandError(f"{refused} of {len(paths)} files could not be read to the end.")

    def _files(self, names: list[str]) -> tuple[list[Path], int]:
        paths: list[Path] = []
        skipped = 0
        for name in names:
            try:
                found = files_in(Path(name))
            except FileNotFoundError as e:
                raise CommandError(f"{name}: there is no such file or folder.") from e
            paths += found.paths
            skipped += found.skipped
        if not paths:
            raise CommandError(
                "There is no file of a trail in there: their names end in .json or .json.gz."
            )
        return paths, skipped

    def _take(self, path: Path, organization: Organization, watch: Any) -> trail_files.FileTaken:
        try:
            with path.open("rb") as stream:
                found = trail_files.take_file(
                    stream,
                    organization=organization,
                    keep_days=settings.POSTURE_KEEP_DENIAL_DAYS,
                    now=timezone.now(),
                    watch=watch,
                )
        except OSError as e:
            reason = f"It cannot be read: {e.strerror}."
            found = trail_files.FileTaken({}, reason)
        for problem in found.problems:
            self.stderr.write(f"{path}: {problem}")
        if found.refusal:
            self.stderr.write(f"{path}: {found.refusal}")
        return found

    def _say(self, counts: Mapping[str, int], *, files: int, skipped: int) -> None:
        beside = f", {skipped:,} without calls left out" if skipped else ""
        events = counts.get("events", 0)
        self.stdout.write(f"{files:,} files{beside}: {events:,} events")
        for name in trail.COUNTED:
            if name in WORDS and counts.get(name):
                self.stdout.write(f"  {counts[name]:,} {WORDS[name]}")
        if counts.get("old"):
            self.stdout.write(
                f"  Days are kept for {settings.POSTURE_KEEP_DENIAL_DAYS} days "
                "(POSTURE_KEEP_DENIAL_DAYS)."
            )


def _silent(_: Mapping[str, int]) -> None:
    pass


def organization_of(org_id: str) -> Organization:
    """The organisation with this id, or the only one.

    :raises CommandError: there is none, or one has to be chosen
    """
    known = list(Organization.objects.order_by("pk"))
    chosen = [row for row in known if row.org_id == org_id] if org_id else known
    if not known:
        raise CommandError("No organisation is known yet. Collect first: manage.py collect")
    if len(chosen) != 1:
        ids = ", ".join(row.org_id for row in known)
        raise CommandError(f"Choose the organisation with --organization, one of: {ids}")
    return chosen[0]
