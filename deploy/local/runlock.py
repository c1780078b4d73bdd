"""One `make run` per clone."""

import fcntl
import json
import os
from pathlib import Path
from typing import TextIO


class AlreadyRunningError(Exception):
    """Another run holds the clone; the text says who, and where its pages are."""


class RunLock:
    """A lock on a file that the system takes back when its holder ends, however it ends.

    A POSIX record lock and not flock(): a forked child does not share it, so a supervisor that was
    killed does not go on holding it through children that outlived it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def acquire(self, **facts: str) -> None:
        """Take the lock and leave `facts` (like `url`) for whoever comes second.

        :raises AlreadyRunningError: when somebody else has it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            text = file.read()
            file.close()
            raise AlreadyRunningError(_who(text)) from error
        file.seek(0)
        file.truncate()
        json.dump({"pid": str(os.getpid())} | facts, file)
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _who(text: str) -> str:
    try:
        facts: dict[str, str] = json.loads(text)
    except ValueError:
        facts = {}
    where = f" at {facts['url']}" if "url" in facts else ""
    return (
        f"Parapet already runs in this clone{where} (pid {facts.get('pid', 'unknown')}). "
        "Open it there, or stop it first: Ctrl-C in its terminal, "
        f"or `kill {facts.get('pid', 'PID')}`."
    )
