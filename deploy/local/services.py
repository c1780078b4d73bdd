"""The servers that the product needs, started from wheels.

    python -m deploy.local.services --run -- COMMAND [ARGUMENT ...]

starts an empty PostgreSQL and Valkey in a temporary folder, runs COMMAND with DATABASE_URL and
REDIS_URL set, stops both, removes the folder, and ends with COMMAND's exit code.
"""

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.postgres import ensure_database, start_postgres
from deploy.local.processes import RUN_DIR_MARK, Service, ServiceError, end_marked
from deploy.local.runlock import AlreadyRunningError, RunLock
from deploy.local.valkey import start_valkey

__all__ = ["Ephemeral", "Service", "ServiceError", "ephemeral", "start_postgres", "start_valkey"]

EPHEMERAL_PREFIX = "parapet-services-"


@dataclass(frozen=True, slots=True)
class Ephemeral:
    database_url: str
    redis_url: str
    run_dir: Path


@contextmanager
def ephemeral() -> Iterator[Ephemeral]:
    """Empty servers for the time of the block; nothing of them is left after it.

    :raises ServiceError: when one does not start.
    """
    sweep_ephemeral()
    run_dir = Path(tempfile.mkdtemp(prefix=EPHEMERAL_PREFIX))
    lock = RunLock(run_dir / "lock")
    lock.acquire()
    try:
        with ExitStack() as stack:
            password = secrets.token_urlsafe(24)
            valkey = stack.enter_context(
                start_valkey(
                    run_dir / "valkey",
                    port=free_port(),
                    password=password,
                    log=run_dir / "valkey.log",
                    run_dir=run_dir,
                )
            )
            postgres = stack.enter_context(
                start_postgres(
                    run_dir / "postgres",
                    port=free_port(),
                    password=password,
                    log=run_dir / "postgres.log",
                    run_dir=run_dir,
                    is_ephemeral=True,
                )
            )
            url = ensure_database(postgres.wait_ready().url, "parapet")
            yield Ephemeral(url, valkey.wait_ready().url, run_dir)
    finally:
        end_marked(run_dir)
        lock.release()
        shutil.rmtree(run_dir, ignore_errors=True)


def sweep_ephemeral() -> int:
    """End and remove what killed runs left in the temporary folder; return how many runs that was."""
    swept = 0
    for run_dir in Path(tempfile.gettempdir()).glob(f"{EPHEMERAL_PREFIX}*"):
        lock = RunLock(run_dir / "lock")
        # Without a lock file its owner may be about to make one.
        if not lock.path.is_file():
            continue
        try:
            lock.acquire()
        except (AlreadyRunningError, OSError):
            continue
        end_marked(run_dir)
        lock.release()
        shutil.rmtree(run_dir, ignore_errors=True)
        swept += 1
    return swept


def run(command: list[str]) -> int:
    """Run `command` between starting and stopping the servers; return its exit code."""
    # SIGINT as well: what a shell starts in the background would ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with ephemeral() as servers:
        environment = os.environ | {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            RUN_DIR_MARK: str(servers.run_dir),
            # A demo that runs in the same clone, or a person's .env, must not reach the tests.
            "POSTURE_IGNORE_ENV_FILES": "1",
            "POSTURE_SECRET_KEY": secrets.token_urlsafe(50),
        }
        with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - the caller's own
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()
                raise


def _stop(signal_number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.services", description=__doc__)
    parser.add_argument("--run", action="store_true", required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        return run(arguments.command)
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
