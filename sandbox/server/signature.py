"""AWS Signature Version 4, from the side of the service: who signed, and is the signature right?

Rules: IAM user guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_plus

from sandbox.server.models import Wire

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]+)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The credential scope and the rest of an Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def read_scope(authorization: str) -> Scope | None:
    """Read an Authorization header; None when there is none or it is no SigV4 header."""
    match = _HEADER.match(authorization)
    if match is None:
        return None
    return Scope(
        match["key"],
        match["date"],
        match["region"],
        match["service"],
        tuple(match["headers"].split(";")),
        match["signature"],
    )


def is_signed_by(scope: Scope, wire: Wire, secret: str) -> bool:
    """Compute the signature that this secret gives for the request, and compare."""
    canonical = "\n".join(
        (
            wire.method,
            _canonical_path(scope.service, wire.path),
            _canonical_query(wire.query),
            *(f"{name}:{_collapse(wire.headers.get(name, ''))}" for name in scope.signed_headers),
            "",
            ";".join(scope.signed_headers),
            wire.headers.get("x-amz-content-sha256") or hashlib.sha256(wire.body).hexdigest(),
        )
    )
    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            wire.headers.get("x-amz-date", ""),
            f"{scope.date}/{scope.region}/{scope.service}/aws4_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = _signing_key(secret, scope.date, scope.region, scope.service)
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, scope.signature)


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_path(service: str, path: str) -> str:
    # Every service but S3 signs the path encoded twice.
    return path if service == "s3" else quote(path or "/", safe="/~")


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [
        (quote(unquote_plus(name), safe="-_.~"), quote(unquote_plus(value), safe="-_.~"))
        for name, _, value in pairs
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _collapse(value: str) -> str:
    return " ".join(value.split())
