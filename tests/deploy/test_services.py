"""Real servers from their wheels."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.local import postgres, valkey
from deploy.local.ports import free_port
from deploy.local.postgres import ensure_database
from deploy.local.processes import ServiceError, end_marked, spawn
from deploy.local.services import ephemeral, start_postgres, sweep_ephemeral

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(120)]
REPOSITORY = Path(__file__).resolve().parent.parent.parent
RUN = [sys.executable, "-m", "deploy.local.services", "--run", "--"]


def start(data_dir, run_dir, password="a password"):
    return start_postgres(
        data_dir,
        port=free_port(),
        password=password,
        log=run_dir / "postgres.log",
        run_dir=run_dir,
        is_ephemeral=True,
    )


def test_ephemeral_servers_answer_and_leave_nothing():
    with ephemeral() as servers:
        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("parapet",)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        assert servers.run_dir.is_dir()
    assert not servers.run_dir.exists()
    assert end_marked(servers.run_dir) == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(servers.database_url)


def test_the_servers_ask_for_their_password():
    with ephemeral() as servers:
        without = servers.redis_url.partition("@")[2]
        with (
            redis.Redis.from_url(f"redis://{without}") as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()
        host = servers.database_url.partition("@")[2]
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(f"postgresql://parapet:wrong@{host}")


def test_a_command_gets_the_addresses_and_its_exit_code_is_passed_on():
    command = ["sh", "-c", 'test -n "$DATABASE_URL" && test -n "$REDIS_URL" && exit 7']
    assert subprocess.run([*RUN, *command], cwd=REPOSITORY, check=False).returncode == 7


def test_servers_of_a_killed_command_are_swept_by_the_next():
    script = 'echo "$PARAPET_RUN_DIR $DATABASE_URL $REDIS_URL"; sleep 600'
    with subprocess.Popen(
        [*RUN, "sh", "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder, database_url, redis_url = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert Path(folder).is_dir()
    sweep_ephemeral()
    assert not Path(folder).exists()
    assert not postgres.answers(database_url)
    assert not valkey.answers(redis_url)


def test_postgres_keeps_its_data_from_start_to_start(tmp_path):
    with start(tmp_path / "data", tmp_path).wait_ready() as server:
        url = ensure_database(server.url, "kept")
        assert ensure_database(server.url, "kept") == url
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE seen (day date)")
    assert not server.is_running()
    with (
        start(tmp_path / "data", tmp_path).wait_ready() as server,
        psycopg.connect(ensure_database(server.url, "kept")) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (0,)


def test_postgres_recovers_from_a_kill_that_left_its_pid_file(tmp_path):
    server = start(tmp_path / "data", tmp_path).wait_ready()
    server.process.kill()
    server.process.wait()
    assert (tmp_path / "data" / "postmaster.pid").exists()
    end_marked(tmp_path)
    with (
        start(tmp_path / "data", tmp_path).wait_ready() as again,
        psycopg.connect(again.url) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_forgotten_password_is_explained(tmp_path):
    with start(tmp_path / "data", tmp_path).wait_ready():
        pass
    with (
        start(tmp_path / "data", tmp_path, password="another") as server,
        pytest.raises(ServiceError, match="make reset"),
    ):
        server.wait_ready()


def test_data_of_another_version_is_explained(tmp_path):
    with start(tmp_path / "data", tmp_path).wait_ready():
        pass
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 9"):
        start(tmp_path / "data", tmp_path)


def test_a_server_that_cannot_start_shows_its_log(tmp_path):
    with start(tmp_path / "data", tmp_path).wait_ready():
        pass
    (tmp_path / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with (
        start(tmp_path / "data", tmp_path) as broken,
        pytest.raises(ServiceError, match="no_such_setting"),
    ):
        broken.wait_ready()


def test_ending_marked_processes_reaches_children_and_spares_others(tmp_path):
    log = tmp_path / "log"
    tree = spawn(["sh", "-c", "sleep 600 & echo begun; wait"], log=log, run_dir=tmp_path / "ours")
    other = spawn(["sleep", "600"], log=tmp_path / "quiet", run_dir=tmp_path / "other")
    try:
        while "begun" not in log.read_text():
            time.sleep(0.02)
        assert end_marked(tmp_path / "ours") == 2
        tree.wait(10)
        assert other.poll() is None
    finally:
        end_marked(tmp_path / "other")
        other.wait(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_runs_postgres_as_somebody_else(tmp_path):
    with start(tmp_path / "data", tmp_path).wait_ready() as server:
        assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0
