"""Processes that stop when they are told to, and the finding of those that nobody told.

Every process started here carries RUN_DIR_MARK in its environment. A run that was killed cannot
clean up after itself; the next one finds what it left by that mark, however deep in the tree.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil  # type: ignore[import-untyped]

RUN_DIR_MARK = "PARAPET_RUN_DIR"
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05


class ServiceError(Exception):
    """A process did not start, or stopped by itself; the text says which and shows its last lines."""


@dataclass(frozen=True, slots=True)
class User:
    """The system user that a process runs as; `None` everywhere else means: as we are."""

    uid: int
    gid: int


@dataclass(slots=True)
class Service:
    """A running server; `url` is how to reach it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    is_ready: Callable[[], bool]
    stop_signal: signal.Signals = signal.SIGTERM
    _stopped: bool = field(default=False)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait_ready(self, seconds: float = 30.0) -> Self:
        """Return when the server answers.

        :raises ServiceError: when it ends, or does not answer within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while self.is_running():
            if self.is_ready():
                return self
            if time.monotonic() > deadline:
                raise ServiceError(self.report(f"does not answer after {seconds:.0f} s"))
            time.sleep(POLL_SECONDS)
        raise ServiceError(self.report(f"ended with code {self.process.returncode}"))

    def report(self, what: str) -> str:
        """A sentence on what happened, with the end of the log below it."""
        return f"{self.name} {what}. The last lines of {self.log}:\n{tail(self.log)}"

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask the server to stop, wait, and end its whole process group if it does not."""
        if self._stopped:
            return
        self._stopped = True
        if self.is_running():
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        end_group(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    run_dir: Path,
    environment: Mapping[str, str] | None = None,
    user: User | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C reaches only us, who stop it in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {}  # subprocess has no type for "these keyword arguments or none"
    if user is not None:
        options = {"user": user.uid, "group": user.gid, "extra_groups": []}
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - every caller passes a fixed program
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **(os.environ if environment is None else environment),
                RUN_DIR_MARK: str(run_dir),
            },
            cwd=cwd,
            start_new_session=True,
            **options,
        )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and of all that it started in its own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented; a missing log is said to be so."""
    if not log.is_file():
        return f"    (no file {log})"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text) or "    (empty)"


def end_marked(run_dir: Path, seconds: float = STOP_SECONDS) -> int:
    """End every process that carries the mark of `run_dir`, and return how many there were."""
    found = _marked(str(run_dir))
    for process in found:
        _signal(process, gentle=True)
    _, alive = psutil.wait_procs(found, timeout=seconds)
    for process in alive:
        _signal(process, gentle=False)
    psutil.wait_procs(alive, timeout=seconds)
    return len(found)


def _marked(run_dir: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if process.environ().get(RUN_DIR_MARK) == run_dir:
                found.append(process)
        except (psutil.Error, OSError):
            # It ended meanwhile, or belongs to somebody else and so was not started by us.
            continue
    return found


def _signal(process: psutil.Process, *, gentle: bool) -> None:
    try:
        if not gentle:
            process.kill()
        elif process.name().startswith("postgres"):
            # SIGTERM would let Postgres wait for its clients; SIGINT stops it cleanly at once.
            process.send_signal(signal.SIGINT)
        else:
            process.terminate()
    except psutil.Error:
        pass
