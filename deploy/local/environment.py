"""What `make run` finds in the environment, decides, and hands to every process that it starts.

`var/local.env` keeps what is generated (passwords, ports), so that `manage.py` commands work beside
a running demo. A name that a person sets, in the process environment or in `.env`, is left alone.
"""

import base64
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

from deploy.local.ports import LOOPBACK
from deploy.local.processes import RUN_DIR_MARK

AwsKind = Literal["sandbox", "real"]
DEFAULT_PORT = 8000
# Generated once, kept until `make reset`.
KEPT_SECRETS = (
    "POSTURE_SECRET_KEY",
    "POSTURE_DEMO_PASSWORD",
    "PARAPET_POSTGRES_PASSWORD",
    "PARAPET_VALKEY_PASSWORD",
    "SANDBOX_SECRET_ACCESS_KEY",
    "SANDBOX_EXTERNAL_ID",
)
HEADER = """\
# Written by `make run`, removed by `make reset`. Put your own settings into .env instead.
"""


class SettingError(Exception):
    """A variable has a value that cannot be used; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one clone."""

    root: Path

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def local_env(self) -> Path:
        return self.var / "local.env"

    @property
    def lock(self) -> Path:
        return self.var / "run.lock"


@dataclass(slots=True)
class Environment:
    """The settings of one run: what a person gave, what we keep, and what we add for the processes."""

    paths: Paths
    given: Mapping[str, str]
    kept: dict[str, str]
    added: dict[str, str] = field(default_factory=dict)

    @property
    def aws(self) -> AwsKind:
        """Which AWS is collected: POSTURE_AWS says so (sandbox or real).

        Unset, it is the real one as soon as POSTURE_HUB_ROLE_ARN names a role to assume.

        :raises SettingError: when it says something else.
        """
        word = self.given.get("POSTURE_AWS", "")
        if word == "sandbox" or (not word and not self.given.get("POSTURE_HUB_ROLE_ARN")):
            return "sandbox"
        if word in ("", "real"):
            return "real"
        raise SettingError(f"POSTURE_AWS is {word!r}. Use sandbox or real, or leave it out.")

    @property
    def port(self) -> int:
        """Where the pages are.

        :raises SettingError: when POSTURE_PORT is no port.
        """
        word = self.given.get("POSTURE_PORT") or str(DEFAULT_PORT)
        if not word.isdecimal() or not 0 < int(word) < 65536:
            raise SettingError(f"POSTURE_PORT is {word!r}. Use a port number like {DEFAULT_PORT}.")
        return int(word)

    @property
    def bind(self) -> str:
        return self.given.get("POSTURE_BIND") or LOOPBACK

    @property
    def url(self) -> str:
        return self.given.get("POSTURE_BASE_URL") or f"http://localhost:{self.port}"

    @property
    def database_name(self) -> str:
        """The invented organisation and a real one never share a database."""
        return "parapet_demo" if self.aws == "sandbox" else "parapet"

    @property
    def has_event_queue(self) -> bool:
        """Whether there is a queue to read: the sandbox's own, or one that is set."""
        return self.aws == "sandbox" or self.is_given("POSTURE_EVENT_QUEUE_URL")

    def is_given(self, name: str) -> bool:
        return bool(self.given.get(name) or self.given.get(f"{name}_FILE"))

    def secret(self, name: str) -> str:
        """A value that a person gave as NAME, or as NAME_FILE.

        :raises SettingError: when the file cannot be read.
        """
        if self.given.get(name):
            return self.given[name]
        file = self.given.get(f"{name}_FILE", "")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingError(
                f"{name}_FILE names {file!r}, which cannot be read: {error}"
            ) from error

    def add(self, values: Mapping[str, str], *, is_forced: bool = False) -> None:
        """Set values for the processes; a name that a person gave stays theirs unless forced."""
        self.added |= {
            name: value for name, value in values.items() if is_forced or not self.is_given(name)
        }

    def for_processes(self) -> dict[str, str]:
        """The whole environment of a process that we start, with the mark by which it is found."""
        base = dict(os.environ)
        if self.aws == "sandbox":
            # No profile, Region or endpoint of a real account may reach the invented one.
            base = {k: v for k, v in base.items() if not k.startswith("AWS_")}
            base |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        no_proxy = [word for word in (base.get("NO_PROXY"), LOOPBACK, "localhost") if word]
        return (
            base
            | self.added
            | {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{base.get('PATH', os.defpath)}",
                "NO_PROXY": ",".join(no_proxy),
                "PYTHONUNBUFFERED": "1",
                # Checked once before anything starts; the worker need not do it again.
                "CELERY_SKIP_CHECKS": "1",
                RUN_DIR_MARK: str(self.paths.var),
            }
        )

    def save(self) -> None:
        """Write var/local.env, readable by its owner alone."""
        lines = [f"{name}='{value}'\n" for name, value in sorted((self.kept | self.added).items())]
        target = self.paths.local_env
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(HEADER + "".join(lines), encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(target)


def load(root: Path) -> Environment:
    """Read `.env` and `var/local.env`, and make the secrets that are not there yet.

    :raises SettingError: when POSTURE_AWS or POSTURE_PORT cannot be used.
    """
    paths = Paths(root)
    given = _values(root / ".env") | dict(os.environ)
    before = _values(paths.local_env)
    kept = {name: before.get(name) or secrets.token_urlsafe(40) for name in KEPT_SECRETS}
    # Short enough to type, and made of no letters that look alike.
    kept["POSTURE_DEMO_PASSWORD"] = before.get("POSTURE_DEMO_PASSWORD") or _typable_password()
    kept["POSTURE_SEALING_KEYS"] = before.get("POSTURE_SEALING_KEYS") or _sealing_key()
    kept["SANDBOX_ACCESS_KEY_ID"] = before.get("SANDBOX_ACCESS_KEY_ID") or _access_key_id()
    # The day on which the invented organisation's past ends.
    kept["PARAPET_ANCHOR"] = before.get("PARAPET_ANCHOR") or time.strftime(
        "%Y-%m-%d", time.gmtime()
    )
    environment = Environment(paths=paths, given=given, kept=kept)
    for name in ("POSTURE_SECRET_KEY", "POSTURE_SEALING_KEYS"):
        environment.add({name: kept[name]})
    environment.add({"POSTURE_BASE_URL": environment.url})
    # Lines for whoever looks into var/logs.
    environment.add({"POSTURE_LOG_FORMAT": "text"})
    environment.add(
        {"POSTURE_PORT": str(environment.port), "POSTURE_BIND": environment.bind}, is_forced=True
    )
    if environment.aws == "sandbox":
        environment.add(_demo(kept), is_forced=True)
        # The invented organisation has invariants and parameters of its own.
        folder = root / "sandbox" / "data" / "catalog"
        environment.add({"POSTURE_CATALOG_FOLDERS": str(folder)}, is_forced=True)
    return environment


def _demo(kept: Mapping[str, str]) -> dict[str, str]:
    return {
        "POSTURE_DEMO": "1",
        "POSTURE_DEMO_PASSWORD": kept["POSTURE_DEMO_PASSWORD"],
        "POSTURE_DEBUG": "0",
        "AWS_ACCESS_KEY_ID": kept["SANDBOX_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": kept["SANDBOX_SECRET_ACCESS_KEY"],
        "POSTURE_EXTERNAL_ID": kept["SANDBOX_EXTERNAL_ID"],
        # Everybody who reads the terminal is somebody in the demo: a second factor would protect nothing.
        "POSTURE_LOCAL_SECOND_FACTOR": "0",
        # What is done in the demo is done to the invented organisation alone.
        "POSTURE_WRITE_BACK": "1",
        # The invented organisation has no limits worth waiting for.
        "POSTURE_AWS_RATE_PERCENT": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _sealing_key() -> str:
    """32 bytes, as `manage.py reseal --new-key` writes them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _access_key_id() -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "AKIA" + "".join(secrets.choice(letters) for _ in range(16))


def _typable_password() -> str:
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _values(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {name: value for name, value in dotenv_values(path).items() if value is not None}
