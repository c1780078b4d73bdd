"""`make run`: from a fresh clone to pages in a browser, and back to nothing on Ctrl-C.

Order: servers (started together), static files, migrations, demo users, then web, worker, beat and
(where there is a queue) the consumer of events under a supervisor, then the first collection while they run.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from deploy.healthcheck import web_answers
from deploy.local import environment as environments
from deploy.local.assets import Stamp
from deploy.local.backing import Backing
from deploy.local.commands import PROMPT
from deploy.local.console import Console
from deploy.local.environment import Environment, SettingError
from deploy.local.ports import LOOPBACK, holder, is_free
from deploy.local.processes import ServiceError, end_marked
from deploy.local.runlock import AlreadyRunningError, RunLock
from deploy.local.steps import StepCancelledError, StepError, Steps
from deploy.local.supervisor import Supervisor, read_procfile

ROOT = Path(__file__).resolve().parent.parent.parent
HISTORY_WEEKS = 26
SEED = "seed_demo --skip-checks"
WATCH_SECONDS = 0.5
WEB_SECONDS = 60.0
WILDCARD = "0.0.0.0"  # noqa: S104 - compared with, not bound to


class PortInUseError(Exception):
    """Another program has the port of the pages; the text names it and the remedy."""


class Run:
    """One run, from its servers to its end."""

    def __init__(self, environment: Environment, console: Console) -> None:
        self._environment = environment
        self._paths = environment.paths
        self._console = console
        self._start = time.monotonic()
        self._failure: str | None = None
        self._users = ""
        self._ended = threading.Event()
        self._backing = Backing(environment, console)
        self._steps = Steps(root=self._paths.root, log=self._paths.logs / "setup.log")

    def __call__(self) -> None:
        """Block until somebody stops the run.

        :raises ServiceError: when a server or a supervised process fails.
        :raises StepError: when a step fails.
        """
        # Before anything is made with the generated passwords.
        self._environment.save()
        try:
            with self._console.step("servers started"):
                self._backing.start()
            self._prepare()
            self._supervise()
        finally:
            ignore_signals()
            self._console.say("  stopping ...")
            self._steps.cancel()
            self._backing.stop()
        if self._failure:
            raise ServiceError(self._failure)

    def _prepare(self) -> None:
        stamp = Stamp(self._paths.root, self._paths.var / "static.stamp")
        if not stamp.is_current():
            with self._console.step("fonts, icons and static files"):
                self._manage("build_assets", "collectstatic --noinput --verbosity 0")
            stamp.renew()
        self._backing.wait_stores()
        # The security checks say which setting is missing or wrong, before it can do harm.
        commands = ["check --tag security", "migrate --noinput --skip-checks"]
        if self._environment.aws == "sandbox":
            commands.append(SEED)
        with self._console.step("database and users"):
            self._users = self._manage(*commands).rpartition(f"{PROMPT}{SEED}\n")[2]
        self._backing.wait_sandbox()
        self._environment.save()

    def _supervise(self) -> None:
        after = threading.Thread(target=self._after_start, name="after-start")
        supervisor = self._supervisor = Supervisor(self._console, self._paths.logs, after.start)
        for name, command in read_procfile(self._paths.root / "Procfile").items():
            if name == "events" and not self._environment.has_event_queue:
                continue
            variables = self._environment.for_processes()
            supervisor.add(name, command, environment=variables, cwd=self._paths.root)
        try:
            fallen = supervisor.loop()
            self._failure = self._failure or fallen
        finally:
            self._ended.set()
            self._steps.cancel()
            if after.ident is not None:
                after.join()

    def _after_start(self) -> None:
        """Wait for the pages, collect, say where to look, and watch the servers; runs in a thread."""
        try:
            # The worker takes up the collection as soon as it is there.
            self._collect()
            with self._console.step("pages answer"):
                self._wait_web()
            self._welcome()
            self._watch()
        except StepCancelledError:
            pass
        except (StepError, ServiceError) as error:
            self._fail(self._backing.fallen() or str(error))

    def _fail(self, why: str) -> None:
        if not self._ended.is_set():
            self._failure = why
            self._supervisor.stop()

    def _wait_web(self) -> None:
        host = LOOPBACK if self._environment.bind == WILDCARD else self._environment.bind
        deadline = time.monotonic() + WEB_SECONDS
        while not web_answers(self._environment.url, port=self._environment.port, host=host):
            if self._ended.wait(0.1):
                raise StepCancelledError
            if time.monotonic() > deadline:
                log = self._paths.logs / "web.log"
                raise ServiceError(f"The pages do not answer. What web said is in {log}.")

    def _collect(self) -> None:
        if self._environment.aws == "real":
            self._manage("collect --skip-checks")
            self._console.say("  collecting from AWS in the background: see Sync status")
            return
        marker = self._paths.var / "collected"
        if marker.is_file():
            with self._console.step("collected"):
                self._manage("collect --wait --skip-checks")
            return
        with self._console.step(f"collected the past {HISTORY_WEEKS} weeks"):
            self._manage(f"collect_history --weeks {HISTORY_WEEKS} --skip-checks", is_shown=True)
        marker.touch()

    def _welcome(self) -> None:
        say, environment = self._console.say, self._environment
        say(f"\nParapet is ready after {time.monotonic() - self._start:.0f} s: {environment.url}\n")
        if environment.aws == "sandbox":
            password = environment.kept["POSTURE_DEMO_PASSWORD"]
            say(f"  Sign in as one of these, with the password {password}")
            for line in self._users.splitlines():
                say(f"    {line}")
            say(
                "  Open first: the overview, then the OU with the lowest score, then a failing control."
            )
            say("  The organisation is invented. Your own: .env.example, docs/operating.md.")
        else:
            say("  The first user: .venv/bin/python manage.py create_administrator NAME")
        say(f"  Settings are in {self._paths.local_env}, logs in {self._paths.logs}.")
        say("\nCtrl-C stops everything. The data stays for the next `make run`.")

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            if why := self._backing.fallen() or self._supervisor.fallen():
                self._fail(why)
                return

    def _manage(self, *commands: str, is_shown: bool = False) -> str:
        environment = self._environment.for_processes()
        return self._steps.manage(*commands, environment=environment, is_shown=is_shown)


def check_port(environment: Environment) -> None:
    """:raises PortInUseError: when the pages cannot have their port."""
    port = environment.port
    if not is_free(port, environment.bind):
        raise PortInUseError(
            f"Port {port} is in use ({holder(port)}). "
            f"Stop that, or take another: POSTURE_PORT={port + 1} make run"
        )


def ignore_signals() -> None:
    """Stopping takes seconds and is not to be interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def run(environment: Environment, console: Console) -> None:
    """Hold the clone's lock and run; nothing is left running at the end, however it ends."""
    lock = RunLock(environment.paths.lock)
    lock.acquire(url=environment.url)
    try:
        if left := end_marked(environment.paths.var):
            console.say(f"  ended {left} processes that an earlier run left behind")
        check_port(environment)
        rotate_logs(environment.paths.logs)
        Run(environment, console)()
    finally:
        ignore_signals()
        end_marked(environment.paths.var)
        lock.release()


def rotate_logs(logs: Path) -> None:
    """Start each log afresh, keeping the one of the run before as NAME.log.1."""
    logs.mkdir(parents=True, exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))


def main(root: Path = ROOT) -> int:
    console = Console()
    # Until the supervisor listens itself, every polite signal ends the run like Ctrl-C does; SIGINT
    # as well, which a shell lets what it starts in the background (`make run &`) ignore.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        run(environments.load(root), console)
    except KeyboardInterrupt:
        pass
    except (SettingError, AlreadyRunningError, PortInUseError) as error:
        console.say(str(error))
        return 1
    except (ServiceError, StepError) as error:
        console.say(f"\nParapet stopped: {error}")
        return 1
    console.say("Parapet is stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
