"""TCP ports: which are free, and who has the one we want."""

import errno
import socket

import psutil  # type: ignore[import-untyped]

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port on loopback that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now.

    :raises OSError: when the reason is not that somebody else has the port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: connections of a server that ended just now are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def holder(port: int) -> str:
    """Who listens on the port ("python3, pid 4711"), or "another program" where the system won't say."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            is_ours = connection.laddr and connection.laddr.port == port
            if is_ours and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, pid {connection.pid}"
    except (psutil.Error, OSError):
        pass
    return "another program"
