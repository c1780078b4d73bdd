"""The processes of the Procfile, kept together by honcho: one ends, all end."""

import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import psutil  # type: ignore[import-untyped]
from honcho.environ import parse_procfile  # type: ignore[import-untyped]
from honcho.manager import Manager  # type: ignore[import-untyped]
from honcho.printer import Message  # type: ignore[import-untyped]

from deploy.local.console import Console

TAIL_LINES = 20
_STARTED = re.compile(r"^(?P<name>\S+) started \(pid=(?P<pid>\d+)\)$")
_STOPPED = re.compile(r"^(?P<name>\S+) stopped \(rc=(?P<code>-?\d+)\)$")
_NOTABLE = re.compile(r"(^|[\s\[])(WARNING|ERROR|CRITICAL)([\s:/\]]|$)|^Traceback ")
# What honcho returns after SIGINT and SIGTERM.
_ON_REQUEST = {130, 143}


def read_procfile(path: Path) -> dict[str, str]:
    """Command by process name, in the order of the file."""
    return dict(parse_procfile(path.read_text(encoding="utf-8")).processes)


class LogPrinter:
    """Writes each process's lines to its own log; the terminal gets warnings and errors only.

    honcho calls `write` from its main loop, for the first time after it has started every process.
    """

    width = 0

    def __init__(self, console: Console, logs: Path, on_started: Callable[[], None]) -> None:
        self._console = console
        self._logs = logs
        self._files: dict[str, TextIO] = {}
        self._tails: dict[str, deque[str]] = {}
        self._on_started = on_started
        self._has_started = False
        self.first_stopped: tuple[str, int] | None = None
        self.pids: dict[str, int] = {}
        self.is_ending = False

    def write(self, message: Message) -> None:
        if not self._has_started:
            self._has_started = True
            self._on_started()
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._line(message.name, line)

    def _line(self, name: str, line: str) -> None:
        self._file(name).write(line + "\n")
        self._tails.setdefault(name, deque(maxlen=TAIL_LINES)).append(line)
        if name == "system":
            self._note(line)
        elif _NOTABLE.search(line):
            self._console.say(f"  {name}: {line}")

    def _note(self, line: str) -> None:
        # "SIGTERM received", "sending SIGTERM to ...": written before the first signal goes out.
        self.is_ending = self.is_ending or line.startswith(("SIG", "sending SIG"))
        if started := _STARTED.match(line):
            self.pids[started["name"]] = int(started["pid"])
        elif (stopped := _STOPPED.match(line)) and self.first_stopped is None:
            self.first_stopped = (stopped["name"], int(stopped["code"]))

    def _file(self, name: str) -> TextIO:
        if name not in self._files:
            path = self._logs / f"{name}.log"
            self._files[name] = path.open("a", encoding="utf-8", buffering=1)
        return self._files[name]

    def tail(self, name: str) -> str:
        return "\n".join(f"    {line}" for line in self._tails.get(name, ()))

    def close(self) -> None:
        for file in self._files.values():
            file.close()


class Supervisor:
    """Runs commands until one of them ends, a signal comes, or `stop` is called."""

    def __init__(self, console: Console, logs: Path, on_started: Callable[[], None]) -> None:
        self._logs = logs
        self._printer = LogPrinter(console, logs, on_started)
        self._manager = Manager(printer=self._printer)
        self._is_stopping = threading.Event()

    def add(self, name: str, command: str, *, environment: Mapping[str, str], cwd: Path) -> None:
        # `exec`: the signal goes to the program itself, not to a shell around it.
        self._manager.add_process(name, f"exec {command}", env=dict(environment), cwd=str(cwd))

    def loop(self) -> str | None:
        """Start everything and block; return None after a stop on request, else what went wrong."""
        try:
            self._manager.loop()
        except KeyError:
            # honcho, told to stop before it learnt every process id; the caller ends the rest.
            if self._manager.returncode not in _ON_REQUEST:
                raise
        finally:
            self._printer.close()
        if self._is_stopping.is_set() or self._manager.returncode in _ON_REQUEST:
            return None
        name, code = self._printer.first_stopped or ("a process", self._manager.returncode)
        return self._report(name, f"ended by itself with code {code}")

    def fallen(self) -> str | None:
        """What to tell about a process that ended while others hold its output open; else None.

        honcho learns of an end from the end of the output. A killed process whose own children live
        on would not be missed.
        """
        for name, pid in dict(self._printer.pids).items():
            try:
                is_gone = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            except psutil.NoSuchProcess:
                is_gone = True
            # Asked after the look, so that an end that was wanted is never taken for a fall.
            if is_gone and not self._printer.is_ending:
                return self._report(name, "is gone")
        return None

    def _report(self, name: str, what: str) -> str:
        log = self._logs / f"{name}.log"
        return f"{name} {what}. The last lines of {log}:\n{self._printer.tail(name)}"

    def stop(self) -> None:
        """End every process; callable from another thread once `on_started` was called."""
        self._is_stopping.set()
        self._manager.terminate()
