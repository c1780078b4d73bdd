"""Takes files of findings in: ASFF, OCSF and Access Analyzer JSON, packed or not."""

import sys
import time
from argparse import BooleanOptionalAction
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from kombu.exceptions import OperationalError

from findings.actions import imports
from findings.ingest import files
from findings.models import FileImport
from inventory.models import Organization

STDIN = "-"
COUNTED = ("new", "changed", "unchanged", "closed", "quarantined")
ON_TERMINAL_EVERY = 0.2
ELSEWHERE_EVERY = 30.0


class Progress:
    """How far a file is: on a terminal one line that changes, elsewhere a line once in a while."""

    def __init__(self, name: str, size: int, out: TextIO, *, is_terminal: bool) -> None:
        self._name, self._size, self._out = name, size, out
        self._is_terminal = is_terminal
        self._every = ON_TERMINAL_EVERY if is_terminal else ELSEWHERE_EVERY
        self._started = self._shown = time.monotonic()

    def __call__(self, counts: Mapping[str, int], bytes_read: int) -> None:
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        findings = read(counts)
        share = f", {100 * bytes_read // self._size}%" if self._size else ""
        text = (
            f"{self._name}: {bytes_read / 1e6:,.1f} MB{share}, {findings:,} findings, "
            f"{findings / (now - self._started):,.0f} a second"
        )
        self._out.write(f"\r\033[K{text}" if self._is_terminal else f"{text}\n")
        self._out.flush()

    def clear(self) -> None:
        if self._is_terminal:
            self._out.write("\r\033[K")
            self._out.flush()


class Command(BaseCommand):
    help = (
        "Import files of findings: ASFF, OCSF or Access Analyzer JSON, as one object, a list, an "
        "envelope or one object a line, gzip or not. Importing a file again is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file; - is standard input")
        parser.add_argument("--organization", default="", help="its id (o-...), if there are many")
        parser.add_argument(
            "--analyzer-arn", default="", help="of the analyzer that an export comes from"
        )
        parser.add_argument(
            "--progress", action=BooleanOptionalAction, default=True, help="say how far it is"
        )
        parser.add_argument(
            "--no-rollup", action="store_true", help="leave the counts to the next rollup"
        )

    def handle(self, **options: Any) -> None:
        organization = organization_of(options["organization"])
        context = {"analyzer_arn": options["analyzer_arn"]} if options["analyzer_arn"] else {}
        done: list[FileImport] = []
        refused = 0
        for name in options["files"]:
            row = self._import(name, organization, context, has_progress=options["progress"])
            refused += row is None or row.state != FileImport.State.COMPLETE
            done += [row] if row else []
        if len(options["files"]) > 1:
            counts = sum((Counter(row.counts) for row in done), Counter())
            self.stdout.write(f"In all: {sentence(counts)}")
        if done and not options["no_rollup"]:
            self._roll_up()
        if refused:
            files = f"{len(options['files'])} file{'s' if len(options['files']) > 1 else ''}"
            raise CommandError(f"{refused} of {files} could not be read to the end.")

    def _import(
        self, name: str, organization: Organization, context: dict[str, str], *, has_progress: bool
    ) -> FileImport | None:
        try:
            stream, size = opened(name)
        except OSError as e:
            self.stderr.write(f"{name}: cannot be opened: {e.strerror}.")
            return None
        title = "standard input" if name == STDIN else Path(name).name
        given = imports.GivenFile(title, size, context=context)
        row = imports.begin(organization, given, by="manage.py", now=timezone.now())
        is_terminal = bool(getattr(self.stderr, "isatty", bool)())
        progress = Progress(title, size, sys.stderr, is_terminal=is_terminal)
        watch = {"watch": progress} if has_progress else {}
        ended = files.perform(row.pk, clock=timezone.now, stream=stream, **watch)
        if has_progress:
            progress.clear()
        if ended is None:
            raise CommandError(f"{title}: another process took the import {row.pk}.")
        self._say(ended)
        return ended

    def _say(self, row: FileImport) -> None:
        self.stdout.write(f"{row.name}: {row.get_state_display()}. {sentence(row.counts)}")
        for reason in row.reasons:
            self.stdout.write(f"  {reason['findings']:,} x {reason['reason']}")
            self.stdout.write(f"      such as {reason['example']}")
        if row.error:
            self.stderr.write(f"{row.name}: {row.error}")

    def _roll_up(self) -> None:
        try:
            current_app.send_task("posture.roll_up")
        except OperationalError as e:
            self.stderr.write(
                f"The broker cannot be reached ({e}): the pages count the new findings at the next "
                "rollup, within the hour."
            )


def organization_of(org_id: str) -> Organization:
    """The organisation with this id, or the only one.

    :raises CommandError: there is none, or one has to be chosen
    """
    known = list(Organization.objects.order_by("pk"))
    chosen = [row for row in known if row.org_id == org_id] if org_id else known
    if not known:
        raise CommandError(
            "No organisation is known yet, so no account either. Collect first: manage.py collect"
        )
    if len(chosen) != 1:
        ids = ", ".join(row.org_id for row in known)
        raise CommandError(f"Choose the organisation with --organization, one of: {ids}")
    return chosen[0]


def opened(name: str) -> tuple[BinaryIO, int]:
    """The file and its size in bytes, 0 for a pipe.

    :raises OSError: it cannot be opened
    """
    if name == STDIN:
        return sys.stdin.buffer, 0
    stream = Path(name).open("rb")  # noqa: SIM115 - closed by whoever reads it
    return stream, Path(name).stat().st_size


def read(counts: Mapping[str, int]) -> int:
    """How many findings have been read."""
    return sum(counts.get(name, 0) for name in ("new", "changed", "unchanged", "quarantined"))


def sentence(counts: Mapping[str, int]) -> str:
    """What came of a file, in words."""
    parts = ", ".join(f"{counts.get(name, 0):,} {name}" for name in COUNTED)
    return f"{read(counts):,} findings: {parts}"
