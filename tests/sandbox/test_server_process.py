"""`python -m sandbox.server` as `make run` starts it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import server
from sandbox.server.listener import PortInUse
from tests.sandbox.conftest import NOW, SETTINGS

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ROOT = Path(__file__).parents[2]


def spawn(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.server", "--anchor", "2026-09-01", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_silently(number):
    with spawn("--port", "0", "--findings", "200") as process:
        assert process.stdout.readline().startswith("sandbox AWS ready on http://127.0.0.1:")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with spawn("--port", str(port), "--findings", "0") as process:
            _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err == f"Port {port} on 127.0.0.1 is in use by another program\n"


def test_a_port_in_use_is_named_in_process_too(org, running):
    port = int(running.url.rpartition(":")[2])
    with pytest.raises(PortInUse, match=str(port)):
        server.start(org, port=port, now=NOW, settings=SETTINGS)


def test_a_policy_that_is_not_there_ends_the_start():
    with spawn("--port", "0", "--findings", "0", "--policy", "none.json") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "none.json" in err
