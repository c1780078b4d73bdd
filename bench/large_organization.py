"""Collects 60 accounts, then 1,000 accounts with 200,000 findings, through the sandbox and a worker.

Claims, each a ratio taken in one run:
- the collector is faster than the 300 findings a second that AWS lets through (3 calls of 100);
- collecting the same again costs no more than collecting it first;
- the overview and a scorecard at 1,000 accounts cost at most 1.5 times those at 60 accounts.

    make bench, or: python -m deploy.local.services --run -- python bench/large_organization.py
"""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import emptying  # noqa: E402
from bench.measure import Claim, median_seconds, report  # noqa: E402
from sandbox import org, server  # noqa: E402
from sandbox.access import Settings  # noqa: E402

AWS_FINDINGS_A_SECOND = 300
SIZES = {"small": (60, None), "large": (1_000, 200_000)}
KEYS = Settings("AKIABENCHBENCHBENCH0", "a-secret-of-the-bench-00000000000000001", "external-3")
QUEUES = "collect,ingest,rollup,mail"


def environment(running: server.Running) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "posture.settings",
        "POSTURE_IGNORE_ENV_FILES": "1",
        "POSTURE_SECRET_KEY": "a key that only the bench has, of fifty characters and more",
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": KEYS.access_key_id,
        "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POSTURE_HUB_ROLE_ARN": running.hub_role_arn,
        "POSTURE_EXTERNAL_ID": KEYS.external_id,
        "POSTURE_HOME_REGION": running.org.home_region,
        "POSTURE_AWS_RATE_PERCENT": "0",
        "POSTURE_ALLOWED_HOSTS": "testserver,localhost",
    }


def manage(variables: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=variables, check=True)


def collect(accounts: int, findings: int | None) -> dict[str, float]:
    """Collect twice into empty tables; seconds of both, findings, and the pages' seconds."""
    organization = org.build(accounts=accounts, findings=findings, anchor=date(2026, 11, 1))
    with server.start(
        organization, policy=ROOT / "docs" / "iam-policy.json", settings=KEYS
    ) as running:
        variables = environment(running)
        manage(variables, "build_assets")
        manage(variables, "collectstatic", "--noinput", "-v0")
        manage(variables, "migrate", "-v0")
        emptying.allow(variables["DATABASE_URL"])
        manage(variables, "flush", "--noinput", "-v0")
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "posture", "worker", "-Q", QUEUES, "-c", "2"],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            seconds = [timed(variables) for _ in range(2)]
        finally:
            os.killpg(worker.pid, signal.SIGTERM)
            worker.wait()
        return {"first": seconds[0], "again": seconds[1]} | pages(variables)


def timed(variables: dict[str, str]) -> float:
    start = time.perf_counter()
    manage(variables, "collect", "--full", "--wait")
    return time.perf_counter() - start


def pages(variables: dict[str, str]) -> dict[str, float]:
    """Median seconds of the pages in this process, signed in, by Django's own client."""
    os.environ |= variables
    import django  # noqa: PLC0415 - after the environment

    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from findings.models import Finding  # noqa: PLC0415
    from inventory.models import OrganizationalUnit  # noqa: PLC0415

    user = User.objects.create_superuser("bench")
    client = Client()
    client.force_login(user)
    ou_id = OrganizationalUnit.objects.filter(name="Production").values_list("ou_id", flat=True)[0]
    addresses = {
        "overview": "/",
        "scorecard": f"/scorecards/{ou_id}/",
        "findings_list": "/findings/",
    }
    found: dict[str, float] = {"findings": Finding.objects.count()}
    for name, address in addresses.items():
        status = client.get(address).status_code
        if status != 200:
            raise SystemExit(f"{address} answered {status}")
        found[name] = median_seconds(lambda address=address: client.get(address))  # type: ignore[misc]
    return found


def main() -> int:
    found = {name: collect(*size) for name, size in SIZES.items()}
    small, large = found["small"], found["large"]
    rate = large["findings"] / large["first"]
    claims = [
        Claim("findings a second / AWS's limit", rate / AWS_FINDINGS_A_SECOND, 1.0, is_floor=True),
        Claim("collecting again / first", large["again"] / large["first"], 1.0),
    ]
    claims += [
        Claim(f"{page} at 1,000 / at 60 accounts", large[page] / small[page], 1.5)
        for page in ("overview", "scorecard")
    ]
    return report("large_organization", claims, **found)


if __name__ == "__main__":
    sys.exit(main())
