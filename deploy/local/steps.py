"""Commands that run once and end: migrations, demo users, the first collection."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from deploy.local.commands import SEPARATOR
from deploy.local.processes import end_group, tail


class StepError(Exception):
    """A step failed; the text names it and shows its last lines."""


class StepCancelledError(Exception):
    """A step was stopped on request."""


class Steps:
    """Runs one command at a time; `cancel`, from any thread, ends the current one and bars the next."""

    def __init__(self, *, root: Path, log: Path) -> None:
        self._root = root
        self._log = log
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False

    def manage(self, *commands: str, environment: Mapping[str, str], is_shown: bool = False) -> str:
        """Run each of `commands` ("migrate --noinput") by manage.py and return what they said.

        That goes to the log, or straight to the terminal when `is_shown`; then the text is empty.

        :raises StepError: when one fails.
        :raises StepCancelledError: when `cancel` was called.
        """
        before = self._log.stat().st_size if self._log.exists() else 0
        words = f" {SEPARATOR} ".join(commands).split()
        program = [sys.executable, "-m", "deploy.local.commands"]
        code = self._wait([*program, *words], environment, is_shown=is_shown)
        if code != 0:
            said = "" if is_shown else f" The last lines of {self._log}:\n{tail(self._log)}"
            names = ", ".join(f"`manage.py {command}`" for command in commands)
            raise StepError(f"{names} failed with code {code}.{said}")
        return self._log.read_bytes()[before:].decode("utf-8", "replace")

    def _wait(self, command: list[str], environment: Mapping[str, str], *, is_shown: bool) -> int:
        with self._log.open("ab") as log:
            with self._guard:
                if self._is_cancelled:
                    raise StepCancelledError
                process = self._process = subprocess.Popen(  # noqa: S603 - our own manage.py
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=None if is_shown else log,
                    stderr=None if is_shown else log,
                    env=environment,
                    cwd=self._root,
                    start_new_session=True,
                )
            try:
                code = process.wait()
            finally:
                end_group(process)
        if self._is_cancelled:
            raise StepCancelledError
        return code

    def cancel(self) -> None:
        with self._guard:
            self._is_cancelled = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()
