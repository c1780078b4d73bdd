"""`python -m deploy.healthcheck web|worker|events|beat`: exit 0 when that process of this container works."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

BEAT_SCHEDULE = Path("var")
# Beat wakes at least every minute for its rescue entry, and saves what it did every 3 minutes.
BEAT_SILENT_SECONDS = 600


def web_answers(base_url: str, *, port: int, host: str = "127.0.0.1") -> bool:
    """Ask /healthz/ as a proxy in front of us would, so that host and scheme checks pass."""
    base = urlsplit(base_url)
    request = urllib.request.Request(
        f"http://{host}:{port}/healthz/",
        headers={"Host": base.netloc, "X-Forwarded-Proto": base.scheme},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def web() -> bool:
    base_url = os.environ.get("POSTURE_BASE_URL") or "http://localhost:8000"
    return web_answers(base_url, port=int(os.environ.get("POSTURE_PORT", "8000")))


def worker() -> bool:
    """Ask the worker of this host, and no other, through the broker."""
    command = ["celery", "-A", "posture", "inspect", "ping", "--timeout", "5"]
    answer = subprocess.run(  # noqa: S603 - a fixed program
        [*command, "--destination", f"celery@{socket.gethostname()}"],
        capture_output=True,
        check=False,
    )
    return answer.returncode == 0


def events() -> bool:
    """Whether the consumer of events has given a sign of life lately; it writes them into Postgres."""
    command = [sys.executable, "manage.py", "consume_events", "--check", "--skip-checks"]
    answer = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed
    return answer.returncode == 0


def beat() -> bool:
    """Whether beat wrote its schedule lately; it answers no questions."""
    saved = [path.stat().st_mtime for path in BEAT_SCHEDULE.glob("beat-schedule*")]
    return bool(saved) and time.time() - max(saved) < BEAT_SILENT_SECONDS


CHECKS = {"web": web, "worker": worker, "events": events, "beat": beat}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    return 0 if CHECKS[sys.argv[1]]() else 1


if __name__ == "__main__":
    sys.exit(main())
