import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.runlock import AlreadyRunningError, RunLock

REPOSITORY = Path(__file__).resolve().parent.parent.parent
HOLD = """
import os, sys, time
from pathlib import Path
from deploy.local.runlock import RunLock
lock = RunLock(Path(sys.argv[1]))
lock.acquire(url="http://localhost:8000")
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock, with a forked child that inherits its open files."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        os.killpg(process.pid, 9)


def test_the_second_learns_who_has_the_lock_and_where_to_go(tmp_path, holder):
    with pytest.raises(AlreadyRunningError, match=rf"http://localhost:8000 \(pid {holder.pid}\)"):
        RunLock(tmp_path / "lock").acquire()


def test_a_killed_holder_loses_the_lock_even_while_its_child_lives(tmp_path, holder):
    holder.kill()
    holder.wait()
    lock = RunLock(tmp_path / "lock")
    deadline = time.monotonic() + 10
    while True:
        try:
            lock.acquire()
            break
        except AlreadyRunningError:
            assert time.monotonic() < deadline
    lock.release()
    assert not lock.path.exists()
