"""Checks that the audit log is whole: nothing altered, removed, inserted or moved."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from posture.queries.audit import chain


class Command(BaseCommand):
    help = (
        "Walk the audit log and name the first entry that is not as it was written, or is missing. "
        "Ends with 1 where something is wrong. An anchor that was kept elsewhere also finds a log that "
        "was cut off at its end, or written anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor",
            action="store_true",
            help="print the newest entry as SEQ:HASH, to keep elsewhere",
        )
        parser.add_argument(
            "--expect",
            action="append",
            metavar="SEQ:HASH",
            help="an anchor that has to be in the log",
        )
        parser.add_argument(
            "--since",
            metavar="SEQ:HASH",
            help="walk only what follows this anchor, which is checked too",
        )
        parser.add_argument("--file", type=Path, help="check an exported file (NDJSON) instead")

    def handle(
        self,
        *,
        anchor: bool,
        expect: list[str] | None,
        since: str | None,
        file: Path | None,
        **_: Any,
    ) -> None:
        try:
            known = chain.read_anchor(since) if since else None
            expected = [chain.read_anchor(text) for text in expect or []]
        except chain.BadAnchor as e:
            raise CommandError(str(e)) from e
        if file is not None:
            self._verify_file(file, expected)
            return
        self._verify(known, expected)
        if anchor:
            self.stdout.write(str(chain.head()))

    def _verify(self, since: chain.Anchor | None, expected: list[chain.Anchor]) -> None:
        for each in expected[1:]:
            if broken := chain.verify(since=each).broken:
                raise CommandError(f"The audit log is broken: {broken}.")
        verdict = chain.verify(since=since, expect=expected[0] if expected else None)
        if verdict.broken:
            raise CommandError(f"The audit log is broken: {verdict.broken}.")
        self.stderr.write(f"The audit log is whole: {verdict.entries} entries.")

    def _verify_file(self, file: Path, expected: list[chain.Anchor]) -> None:
        left, count = set(expected), 0
        try:
            with file.open(encoding="utf-8", newline="\n") as lines:
                for found, broken in chain.verify_lines(lines):
                    if broken:
                        raise CommandError(f"{file} is broken: {broken}.")
                    left.discard(found)
                    count += 1
        except (OSError, UnicodeDecodeError) as e:
            raise CommandError(f"{file} cannot be read: {e}") from e
        if left:
            raise CommandError(f"{file} does not hold entry {min(left, key=lambda a: a.seq)}.")
        self.stderr.write(f"{file} is whole: {count} entries.")
