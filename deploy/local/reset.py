"""`make reset`: throw away everything under var/."""

import shutil
import sys
from pathlib import Path

from deploy.local.console import Console
from deploy.local.environment import Paths
from deploy.local.processes import end_marked
from deploy.local.run import ROOT
from deploy.local.runlock import AlreadyRunningError, RunLock


def reset(root: Path, console: Console) -> None:
    """Remove the data of the clone.

    :raises AlreadyRunningError: when Parapet runs in it.
    """
    paths = Paths(root)
    if not paths.var.exists():
        console.say("Nothing to reset: there is no var/.")
        return
    lock = RunLock(paths.lock)
    lock.acquire()
    end_marked(paths.var)
    shutil.rmtree(paths.var)
    lock.release()
    console.say("Removed var/: database, settings and logs. `make run` starts afresh.")


def main() -> int:
    console = Console()
    try:
        reset(ROOT, console)
    except AlreadyRunningError as error:
        console.say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
