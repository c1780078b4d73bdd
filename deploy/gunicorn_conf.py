"""Gunicorn's settings; GUNICORN_CMD_ARGS and WEB_CONCURRENCY override them as gunicorn documents."""

import os
from pathlib import Path

bind = f"{os.environ.get('POSTURE_BIND', '127.0.0.1')}:{os.environ.get('POSTURE_PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 4
# The code is loaded once and shared; no connection is opened before the fork.
preload_app = True
timeout = 60
graceful_timeout = 4
# Heartbeat files on a disk can block a worker; shared memory can't.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's own advice
# A file in the home folder that nothing here uses.
control_socket_disable = True
