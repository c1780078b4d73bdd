"""A stand-in for a clone: the real `make run` machinery around programs that are small and quick.

Postgres and Valkey are the real ones. manage.py writes down what it was asked; the sandbox and web
answer their health checks; the worker sleeps in a child of a child.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from dotenv import dotenv_values

REPOSITORY = Path(__file__).resolve().parent.parent.parent
START = "import sys; from pathlib import Path; from deploy.local.run import main; sys.exit(main(Path(sys.argv[1])))"

MANAGE = """
import os, sys
from pathlib import Path
with Path("var/asked").open("a") as asked:
    asked.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "collectstatic":
    Path("staticfiles").mkdir(exist_ok=True)
    Path("staticfiles/staticfiles.json").touch()
if sys.argv[1] == "seed_demo":
    print("priya    Security engineer")
if sys.argv[1] == os.environ.get("STANDIN_FAILS"):
    sys.exit("cannot do that")
"""
ANSWERING = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"hub_role_arn": "arn:hub", "management_role_arn": "arn:management",
            "home_region": "eu-west-1", "organization_name": "Acme",
            "event_queue_url": "http://127.0.0.1/1/parapet-findings", "write_back_role_arn": "arn:write"})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *words):
        pass
port = sys.argv[sys.argv.index("--port") + 1] if "--port" in sys.argv else os.environ["POSTURE_PORT"]
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""
PROCFILE = """\
web: python web.py
worker: python worker.py
events: sleep 600
beat: sleep 600
"""
WORKER = """
import subprocess
print("worker has begun", flush=True)
subprocess.run(["sh", "-c", "sleep 600 & wait"])
"""


def make_clone(root: Path) -> Path:
    (root / "sandbox").mkdir(parents=True)
    (root / "var").mkdir()
    (root / "manage.py").write_text(MANAGE)
    (root / "web.py").write_text(ANSWERING)
    (root / "worker.py").write_text(WORKER)
    (root / "sandbox" / "__init__.py").touch()
    (root / "sandbox" / "server.py").write_text(ANSWERING)
    (root / "Procfile").write_text(PROCFILE)
    return root


# What a shell does to a command that a script starts by `make run &`.
IN_BACKGROUND = ("sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh")


class RunningClone:
    """One `make run` in a clone, as a process of its own."""

    def __init__(
        self, root: Path, port: int, *, is_in_background: bool = False, **variables: str
    ) -> None:
        self.root = root
        self.output = root / f"output-{time.monotonic_ns()}"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("POSTURE_", "AWS_", "PARAPET_"))
            and name not in {"DATABASE_URL", "REDIS_URL"}
        }
        environment |= {"POSTURE_PORT": str(port), "PYTHONPATH": str(REPOSITORY)} | variables
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [
                    *(IN_BACKGROUND if is_in_background else ()),
                    sys.executable,
                    "-c",
                    START,
                    str(root),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def processes(self) -> list[str]:
        """Command lines of everything alive that was started for this clone."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get("PARAPET_RUN_DIR") == str(self.root / "var")
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if (is_ours or str(self.root) in command) and process.pid != self.process.pid:
                found.append(command)
        return found

    def asked(self) -> list[str]:
        return (self.root / "var" / "asked").read_text().splitlines()

    def settings(self) -> dict[str, str]:
        """What the run wrote into var/local.env."""
        values = dotenv_values(self.root / "var" / "local.env")
        return {name: value for name, value in values.items() if value is not None}

    def lock(self) -> dict[str, str]:
        facts: dict[str, str] = json.loads((self.root / "var" / "run.lock").read_text())
        return facts
