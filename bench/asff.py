"""Findings of Security Hub as AWS sends them, 3 to 4 KB each, any number of them."""

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sandbox.findings.control_checks import ControlFace, Verdict, finding, identify  # noqa: E402
from sandbox.findings.resources import Place, resource  # noqa: E402

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
ACCOUNTS = 1_000
CONTROLS = 250
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2")
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "MEDIUM", "LOW")
_TYPES = ("AwsS3Bucket", "AwsEc2Instance", "AwsEc2SecurityGroup", "AwsLambdaFunction", "AwsIamUser")


def account_id(number: int) -> str:
    return f"{200_000_000_000 + number % ACCOUNTS}"


def control_id(number: int) -> str:
    return f"S3.{number % CONTROLS + 1}"


def _face(number: int) -> ControlFace:
    control = control_id(number)
    words = " ".join(
        hashlib.sha256(control.encode()).hexdigest()[i : i + 7] for i in range(0, 63, 7)
    )
    return ControlFace(
        control_id=control,
        title=f"Resources should satisfy the requirement {words[:40]}",
        description=f"This control checks whether {words}. " * 4,
        severity=_SEVERITIES[number % len(_SEVERITIES)],
        remediation_url=f"https://docs.aws.amazon.com/console/securityhub/{control}/remediation",
        standards=[
            {"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"},
            {"StandardsId": "standards/cis-aws-foundations-benchmark/v/3.0.0"},
            {"StandardsId": "standards/nist-800-53/v/5.0.0"},
        ],
        requirements=[f"NIST.800-53.r5 AC-{n}({n % 7})" for n in range(3, 28)],
    )


_FACES = [_face(number) for number in range(CONTROLS)]


def documents(count: int, *, start: int = 0) -> Iterator[dict[str, Any]]:
    """Yield findings `start` up to `start + count`: the same ones for the same numbers.

    One in three fails.
    """
    now = int(NOW.timestamp())
    for number in range(start, start + count):
        face = _FACES[number % CONTROLS]
        account = account_id(number // CONTROLS)
        name = f"account-{account[-4:]}"
        place = Place(account, name, REGIONS[number % 4], "payments", "production")
        seed = int.from_bytes(hashlib.blake2b(str(number).encode(), digest_size=8).digest(), "big")
        created = now - 86_400 * (seed % 300 + 1)
        identity = identify(face, place, [resource(_TYPES[number % 5], place, seed)], seed, created)
        fails = seed % 3 == 0
        verdict = Verdict(
            compliance="FAILED" if fails else "PASSED",
            workflow="NEW" if fails else "RESOLVED",
            is_archived=False,
            since=created,
            updated_at=now - seed % 40_000,
        )
        document = finding(face, identity, verdict)
        # Instances and roles of real accounts have such details; some hundred bytes.
        document["Resources"][0]["Details"] = {
            "Other": {
                f"detail{n}": hashlib.md5(f"{seed}{n}".encode(), usedforsecurity=False).hexdigest()
                for n in range(18)
            }
        }
        yield document


def lines(count: int, *, start: int = 0) -> Iterator[bytes]:
    """Yield the same, one JSON text a line."""
    for document in documents(count, start=start):
        yield json.dumps(document).encode() + b"\n"


def later(document: dict[str, Any], by: timedelta) -> dict[str, Any]:
    """Return a finding as it is when it has been checked again."""
    at = (datetime.fromisoformat(document["UpdatedAt"]) + by).isoformat()
    return document | {"UpdatedAt": at, "LastObservedAt": at, "ProcessedAt": at}
