"""Finding records as normalise makes them, with defaults."""

import itertools
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from findings.normalise.records import FindingRecord

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
_numbers = itertools.count(1)
# What a check refreshes without any change: not part of the hash.
_CLOCKS = {"updated_at", "first_observed_at", "payload", "content_hash"}


def record(**changes: Any) -> FindingRecord:
    """A FAILED, HIGH finding of S3.8 in eu-west-1, updated an hour before NOW."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "finding_id": f"arn:aws:securityhub:eu-west-1:1:security-control/S3.8/finding/{number}",
        "product_arn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "product": "securityhub",
        "account_id": "200000000001",
        "region": "eu-west-1",
        "control_id": "S3.8",
        "generator_id": "security-control/S3.8",
        "title": "S3 general purpose buckets should block public access",
        "description": "",
        "severity": "HIGH",
        "compliance": "FAILED",
        "workflow": "NEW",
        "record_state": "ACTIVE",
        "resource_id": f"arn:aws:s3:::bucket-{number}",
        "resource_type": "AwsS3Bucket",
        "resource_region": "eu-west-1",
        "resource_count": 1,
        "standards": (),
        "first_observed_at": None,
        "created_at": NOW - timedelta(days=30),
        "updated_at": NOW - timedelta(hours=1),
        "remediation_url": "",
        "is_public": None,
        "note": "",
        "payload": {"Id": number},
    }
    values |= changes
    stable = repr(sorted((k, v) for k, v in values.items() if k not in _CLOCKS))
    values.setdefault("content_hash", blake2b(stable.encode(), digest_size=16).digest())
    return FindingRecord(**values)
