"""`make run` in a stand-in clone (tests/deploy/clone.py), with real Postgres and Valkey."""

import signal
import socket

import psutil  # type: ignore[import-untyped]
import pytest

from deploy.local import postgres, valkey
from deploy.local.console import Console
from deploy.local.environment import load
from deploy.local.ports import free_port
from deploy.local.reset import reset
from deploy.local.run import PortInUseError, check_port
from deploy.local.runlock import AlreadyRunningError
from tests.deploy.clone import RunningClone, make_clone

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(180)]
READY = "Parapet is ready"
EVERY_TIME = ["check --tag security", "migrate --noinput --skip-checks", "seed_demo --skip-checks"]


@pytest.fixture
def start(tmp_path):
    """Start runs in one stand-in clone; none of them outlives the test."""
    root = make_clone(tmp_path / "clone")
    port = free_port()
    runs = []

    def begin(**variables):
        runs.append(RunningClone(root, port, **variables))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.end()
        assert run.processes() == []


def test_a_run_prepares_collects_once_says_where_to_look_and_stops_leaving_nothing(start):
    first = start()
    first.wait_for(READY)
    password = load(first.root).kept["POSTURE_DEMO_PASSWORD"]
    assert f"with the password {password}\n    priya    Security engineer\n" in first.said()
    assert first.asked() == [
        "build_assets",
        "collectstatic --noinput --verbosity 0",
        *EVERY_TIME,
        "collect_history --weeks 26 --skip-checks",
    ]

    assert first.end(signal.SIGTERM) == 0
    assert first.processes() == []
    assert "Parapet is stopped." in first.said()
    assert not (first.root / "var" / "run.lock").exists()
    assert not (first.root / "var" / "postgres" / "postmaster.pid").exists()

    again = start()
    again.wait_for(READY)
    assert password in again.said()
    # Nothing that the static files are made from has changed.
    assert again.asked()[6:] == [*EVERY_TIME, "collect --wait --skip-checks"]
    assert again.end(signal.SIGINT) == 0


def test_a_second_run_says_who_runs_it_and_where_and_leaves_the_first_alone(start):
    first = start()
    first.wait_for(READY)
    second = start()
    assert second.process.wait(30) == 1
    assert f"already runs in this clone at {first.lock()['url']}" in second.said()
    assert f"(pid {first.process.pid})" in second.said()
    with pytest.raises(AlreadyRunningError):
        reset(first.root, Console())
    assert first.process.poll() is None
    assert first.end() == 0


def test_a_run_that_was_killed_is_cleared_away_by_the_next_with_its_data_kept(start):
    killed = start()
    killed.wait_for(READY)
    killed.end(signal.SIGKILL)
    assert any("worker.py" in command for command in killed.processes())
    stores = killed.settings()
    assert valkey.answers(stores["REDIS_URL"])
    assert postgres.answers(stores["DATABASE_URL"])

    after = start()
    after.wait_for(READY)
    assert "processes that an earlier run left behind" in after.said()
    assert after.asked()[-1] == "collect --wait --skip-checks"
    workers = [command for command in after.processes() if command.endswith("worker.py")]
    assert len(workers) == 1
    assert not valkey.answers(stores["REDIS_URL"])
    assert not postgres.answers(stores["DATABASE_URL"])
    assert after.end() == 0


def test_a_process_that_ends_by_itself_is_named_with_its_last_words_and_ends_the_run(start):
    run = start()
    run.wait_for(READY)
    for process in psutil.Process(run.process.pid).children(recursive=True):
        if process.cmdline()[-1:] == ["worker.py"]:
            process.kill()
    assert run.process.wait(60) == 1
    assert "worker is gone" in run.said()
    assert "worker has begun" in run.said()


def test_a_server_that_ends_by_itself_is_named_and_ends_the_run(start):
    run = start()
    run.wait_for(READY)
    for process in psutil.Process(run.process.pid).children():
        if "sandbox.server" in process.cmdline():
            process.kill()
    assert run.process.wait(60) == 1
    assert "sandbox AWS ended with code -9" in run.said()


def test_a_step_that_fails_is_named_and_ends_the_run(start):
    run = start(STANDIN_FAILS="migrate")
    assert run.process.wait(60) == 1
    assert "`manage.py migrate --noinput --skip-checks`" in run.said()
    assert "failed with code 1" in run.said()
    assert "cannot do that" in run.said()


@pytest.mark.parametrize("is_in_background", [False, True])
def test_a_run_can_be_stopped_while_it_starts(start, is_in_background):
    run = start(is_in_background=is_in_background)
    run.wait_for("PostgreSQL answers")
    assert run.end(signal.SIGINT) == 0


def test_a_port_in_use_is_named_with_the_remedy(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = start(POSTURE_PORT=str(port))
        assert run.process.wait(30) == 1
    assert f"Port {port} is in use (" in run.said()
    assert f"POSTURE_PORT={port + 1} make run" in run.said()


def test_a_free_port_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTURE_PORT", str(free_port()))
    check_port(load(tmp_path))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("POSTURE_PORT", str(other.getsockname()[1]))
        with pytest.raises(PortInUseError):
            check_port(load(tmp_path))


def test_reset_removes_the_data_of_a_clone_where_nothing_runs(start):
    run = start()
    run.wait_for(READY)
    assert run.end() == 0
    reset(run.root, Console())
    assert not (run.root / "var").exists()


def test_the_given_stores_are_used_instead_of_our_own(start):
    run = start(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert run.process.wait(60) == 1
    assert "No PostgreSQL answers at DATABASE_URL" in run.said()
    assert not (run.root / "var" / "postgres").exists()
