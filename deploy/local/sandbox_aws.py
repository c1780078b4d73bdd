"""The sandbox AWS as a service of `make run`: an invented organisation on loopback."""

import http.client
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import LOOPBACK
from deploy.local.processes import Service, ServiceError, spawn

COMMAND = (sys.executable, "-m", "sandbox.server")
# The environment's names of what the sandbox tells about itself.
FACTS = {
    "POSTURE_HUB_ROLE_ARN": "hub_role_arn",
    "POSTURE_MANAGEMENT_ROLE_ARN": "management_role_arn",
    "POSTURE_HOME_REGION": "home_region",
    "POSTURE_ORGANIZATION_NAME": "organization_name",
    "POSTURE_EVENT_QUEUE_URL": "event_queue_url",
    "POSTURE_WRITE_BACK_ROLE_ARN": "write_back_role_arn",
}


def start_sandbox(
    root: Path, *, port: int, anchor: str, log: Path, run_dir: Path, environment: Mapping[str, str]
) -> Service:
    """Start the sandbox with the past of its organisation ending on `anchor` (YYYY-MM-DD).

    It takes SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY and SANDBOX_EXTERNAL_ID from `environment`.
    """
    process = spawn(
        [*COMMAND, "--port", str(port), "--anchor", anchor, "--policy", "docs/iam-policy.json"],
        log=log,
        run_dir=run_dir,
        environment=environment,
        cwd=root,
    )
    return Service(
        name="sandbox AWS",
        url=f"http://{LOOPBACK}:{port}",
        process=process,
        log=log,
        is_ready=lambda: _health(port) is not None,
    )


def facts(service: Service) -> dict[str, str]:
    """The variables that point Parapet at the organisation of a ready sandbox.

    :raises ServiceError: when the sandbox leaves one out.
    """
    health = _health(int(service.url.rpartition(":")[2])) or {}
    missing = [key for key in FACTS.values() if not health.get(key)]
    if missing:
        raise ServiceError(service.report(f"does not tell its {', '.join(missing)}"))
    return {name: str(health[key]) for name, key in FACTS.items()}


def _health(port: int) -> dict[str, object] | None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/_sandbox/health")
        answer = connection.getresponse()
        body = answer.read()
        return dict(json.loads(body)) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
