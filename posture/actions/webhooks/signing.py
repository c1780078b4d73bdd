"""Signatures as standardwebhooks.com has them: HMAC-SHA256 over "id.timestamp.body".

Twelve lines of the standard library: the reference package brings an HTTP client and a date parser
along, and the tests hold these against that specification's own example.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, *, event_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the signature in base64. `timestamp`: seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(
    all_secrets: Iterable[str], *, event_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a request; one signature for each secret that is good now, newest first."""
    timestamp = int(now.timestamp())
    signatures = [
        signature(secret, event_id=event_id, timestamp=timestamp, body=body)
        for secret in all_secrets
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
