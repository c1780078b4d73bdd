"""Gunicorn's settings; GUNICORN_CMD_ARGS and WEB_CONCURRENCY override them as gunicorn documents."""

import os
import socket
import struct
from pathlib import Path
from typing import Any

from gunicorn.workers import gthread  # type: ignore[import-untyped]

# Seconds that a client may be silent: before its request, while no thread is its own, and within it.
BEFORE, WITHIN = 0.2, 30


class PatientWorker(gthread.ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Threads that wait for no client for ever: one that falls silent within its request is let go."""

    def enqueue_req(self, conn: Any) -> None:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", WITHIN, 0))
        super().enqueue_req(conn)


# Five seconds by default, in which a few connections that say nothing take all threads.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = BEFORE

bind = f"{os.environ.get('POSTURE_BIND', '127.0.0.1')}:{os.environ.get('POSTURE_PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = PatientWorker
threads = 4
# The code is loaded once and shared; no connection is opened before the fork.
preload_app = True
timeout = 60
graceful_timeout = 4
# Heartbeat files on a disk can block a worker; shared memory can't.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's own advice
# A file in the home folder that nothing here uses.
control_socket_disable = True
