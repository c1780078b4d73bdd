"""The sandbox AWS: an endpoint on loopback that real boto3 clients talk to through AWS_ENDPOINT_URL.

`python -m sandbox.server --port P` runs it; `start` runs it in a thread of this process, for tests.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from sandbox.access import (
    ANALYST_ROLE,
    HUB_ROLE,
    MEMBER_ROLE,
    WRITE_ROLE,
    Permissions,
    Settings,
)
from sandbox.faults import Faults
from sandbox.model import Org
from sandbox.server.application import Application
from sandbox.server.listener import Listener
from sandbox.server.stats import Stats
from sandbox.server.world import World


def _real_time() -> datetime:
    # The sandbox is a program of its own, and this its only look at the clock.
    return datetime.now(UTC)


def today() -> date:
    """Give the present day in UTC."""
    return _real_time().date()


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox AWS that answers. Also a context manager that stops it."""

    url: str
    org: Org
    settings: Settings
    application: Application
    listener: Listener
    thread: threading.Thread

    @property
    def faults(self) -> Faults:
        """Rules that spoil calls: `running.faults.add(Rule("deny", service="securityhub"))`."""
        return self.application.faults

    @property
    def stats(self) -> Stats:
        """Calls so far: `running.stats.calls["securityhub.GetFindings"]`."""
        return self.application.stats

    @property
    def world(self) -> World:
        """The versions of the organisation; `running.world.moment().snapshot` is what callers see now."""
        return self.application.world

    def clock(self, now: datetime | None) -> None:
        """Move the organisation to a moment, or let it follow real time (None)."""
        self.world.set_clock(now)

    @property
    def hub_role_arn(self) -> str:
        return f"arn:aws:iam::{self.org.security_account_id}:role/{HUB_ROLE}"

    @property
    def write_back_role_arn(self) -> str:
        return f"arn:aws:iam::{self.org.security_account_id}:role/{WRITE_ROLE}"

    @property
    def analyst_role_arn(self) -> str:
        """Name the role of somebody who works in the AWS console."""
        return f"arn:aws:iam::{self.org.security_account_id}:role/{ANALYST_ROLE}"

    @property
    def event_queue_url(self) -> str:
        return self.application.events.url(self.url)

    def member_role_arn(self, account_id: str) -> str:
        """Name the read role of an account."""
        return f"arn:aws:iam::{account_id}:role/{MEMBER_ROLE}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point boto3 here with the base credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.settings.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.settings.secret_access_key,
            "AWS_DEFAULT_REGION": self.org.home_region,
        }

    def stop(self) -> None:
        """Stop listening and end all connections; harmless when repeated."""
        if self.thread.is_alive():
            self.listener.close()
            self.thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    org: Org,
    *,
    port: int = 0,
    policy: Path | Mapping[str, Any] | None = None,
    now: datetime | None = None,
    settings: Settings | None = None,
    is_verbose: bool = False,
) -> Running:
    """Start a sandbox AWS in a thread of this process.

    Port 0 takes any free one. `policy` is docs/iam-policy.json or its content; None allows every read. `now` fixes the
    organisation's clock (aware); None follows real time. `settings` defaults to the environment's (SANDBOX_*).

    :raises sandbox.server.listener.PortInUse: when the port is taken
    :raises sandbox.access.PolicyError: when the policy cannot be used
    """
    permissions = (
        None if policy is None else Permissions.load(policy, organization_id=org.organization_id)
    )
    settings = settings or Settings.from_environment()
    world = World(org, now=now, real_time=_real_time)
    application = Application(world, settings, permissions, real_time=_real_time)
    listener = Listener(port, application, is_verbose=is_verbose)
    world.moment()
    application.moto.load_in_background(then=application.events.make)
    thread = threading.Thread(
        target=listener.serve_forever, args=(0.05,), name="sandbox", daemon=True
    )
    thread.start()
    return Running(listener.url, org, settings, application, listener, thread)
