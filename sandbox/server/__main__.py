"""The command line of the sandbox AWS."""

import argparse
import signal
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

from sandbox import org as organisation
from sandbox import server
from sandbox.access import PolicyError
from sandbox.server.listener import PortInUse


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.server", description=server.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--findings", type=int, help="default: about 75 an account")
    parser.add_argument(
        "--anchor", type=date.fromisoformat, help="install day, YYYY-MM-DD; default: today"
    )
    parser.add_argument(
        "--policy", type=Path, help="refuse what docs/iam-policy.json does not allow"
    )
    parser.add_argument("--verbose", action="store_true", help="one line a call on stderr")
    return parser


def main() -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    # Before anything slow, so that a stop while starting is a quiet stop too.
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    given = _parser().parse_args()
    anchor = given.anchor or server.today()
    org: Any = organisation.build(
        seed=given.seed, accounts=given.accounts, findings=given.findings, anchor=anchor
    )
    try:
        running = server.start(org, port=given.port, policy=given.policy, is_verbose=given.verbose)
    except (PortInUse, PolicyError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"sandbox AWS ready on {running.url}", flush=True)
    stop.wait()
    running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
