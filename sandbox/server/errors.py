"""How each AWS service spells an error, and how it goes over the wire."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

QUERY, EC2, JSON, REST_JSON, REST_XML = "query", "ec2", "json", "rest-json", "rest-xml"

PROTOCOLS = {
    "access-analyzer": REST_JSON,
    "account": REST_JSON,
    "cloudtrail": JSON,
    "config": JSON,
    "ec2": EC2,
    "guardduty": REST_JSON,
    "iam": QUERY,
    "inspector2": REST_JSON,
    "macie2": REST_JSON,
    "organizations": JSON,
    "s3": REST_XML,
    "securityhub": REST_JSON,
    "sqs": JSON,
    "sso": JSON,
    "sts": QUERY,
}
"""By signing name. Any other service is told from its request (see `sandbox.server.models.protocol_of`)."""

# Per failure: code and HTTP status by protocol, then by service where a service has a spelling of its own.
# Sources: "Common errors" of each API reference, and the error shapes of botocore's service models.
_BY_PROTOCOL: dict[str, dict[str, tuple[str, int]]] = {
    "unknown_key": {
        QUERY: ("InvalidClientTokenId", 403),
        EC2: ("AuthFailure", 401),
        JSON: ("UnrecognizedClientException", 400),
        REST_JSON: ("UnrecognizedClientException", 403),
        REST_XML: ("InvalidAccessKeyId", 403),
    },
    "missing_key": {
        QUERY: ("MissingAuthenticationToken", 403),
        EC2: ("AuthFailure", 401),
        JSON: ("MissingAuthenticationTokenException", 400),
        REST_JSON: ("MissingAuthenticationTokenException", 403),
        REST_XML: ("AccessDenied", 403),
    },
    "bad_signature": {
        QUERY: ("SignatureDoesNotMatch", 403),
        EC2: ("AuthFailure", 401),
        JSON: ("InvalidSignatureException", 400),
        REST_JSON: ("InvalidSignatureException", 403),
        REST_XML: ("SignatureDoesNotMatch", 403),
    },
    "expired": {
        QUERY: ("ExpiredToken", 403),
        EC2: ("RequestExpired", 400),
        JSON: ("ExpiredTokenException", 400),
        REST_JSON: ("ExpiredTokenException", 403),
        REST_XML: ("ExpiredToken", 400),
    },
    "denied": {
        QUERY: ("AccessDenied", 403),
        EC2: ("UnauthorizedOperation", 403),
        JSON: ("AccessDeniedException", 400),
        REST_JSON: ("AccessDeniedException", 403),
        REST_XML: ("AccessDenied", 403),
    },
    "throttled": {
        QUERY: ("Throttling", 400),
        EC2: ("RequestLimitExceeded", 503),
        JSON: ("ThrottlingException", 400),
        REST_JSON: ("ThrottlingException", 429),
        REST_XML: ("SlowDown", 503),
    },
    "internal": {
        QUERY: ("InternalFailure", 500),
        EC2: ("InternalError", 500),
        JSON: ("InternalFailure", 500),
        REST_JSON: ("InternalServerException", 500),
        REST_XML: ("InternalError", 500),
    },
    "unavailable": {
        QUERY: ("ServiceUnavailable", 503),
        EC2: ("Unavailable", 503),
        JSON: ("ServiceUnavailable", 503),
        REST_JSON: ("ServiceUnavailable", 503),
        REST_XML: ("ServiceUnavailable", 503),
    },
    "invalid": {
        QUERY: ("ValidationError", 400),
        EC2: ("InvalidParameterValue", 400),
        JSON: ("ValidationException", 400),
        REST_JSON: ("ValidationException", 400),
        REST_XML: ("InvalidRequest", 400),
    },
}
_BY_SERVICE: dict[tuple[str, str], tuple[str, int]] = {
    ("throttled", "organizations"): ("TooManyRequestsException", 400),
    ("throttled", "securityhub"): ("LimitExceededException", 429),
    ("throttled", "account"): ("TooManyRequestsException", 429),
    ("internal", "guardduty"): ("InternalServerErrorException", 500),
    ("internal", "organizations"): ("ServiceException", 500),
    ("internal", "securityhub"): ("InternalException", 500),
    ("internal", "sso"): ("InternalServerException", 500),
    ("invalid", "guardduty"): ("BadRequestException", 400),
    ("invalid", "organizations"): ("InvalidInputException", 400),
    ("invalid", "securityhub"): ("InvalidInputException", 400),
    ("unknown_key", "sqs"): ("InvalidClientTokenId", 403),
}
# Services that spell the text of an error with a small letter.
_LOWER_CASE = frozenset({"access-analyzer", "account", "guardduty", "inspector2", "macie2"})
# Security Hub's V2 operations have error shapes of their own, spelled as in newer services.
_V2: dict[str, tuple[str, int]] = {
    "throttled": ("ThrottlingException", 429),
    "internal": ("InternalServerException", 500),
    "invalid": ("ValidationException", 400),
}

MESSAGES = {
    "unknown_key": "The security token included in the request is invalid.",
    "missing_key": "Missing Authentication Token",
    "bad_signature": (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    ),
    "expired": "The security token included in the request is expired",
    "throttled": "Rate exceeded",
    "internal": "The service had an internal failure. Try again.",
    "unavailable": "The service is unavailable at present. Try again.",
}


class Failure(Exception):
    """An answer that is an error of a kind which every service has, spelled later as the service does.

    `kind` is one of: unknown_key, missing_key, bad_signature, expired, denied, throttled, internal, unavailable, invalid.
    """

    def __init__(self, kind: str, message: str = "", **members: Any) -> None:
        super().__init__(message or MESSAGES.get(kind, kind))
        self.kind = kind
        self.message = message or MESSAGES.get(kind, kind)
        self.members = members


class ApiError(Exception):
    """An error of one service, with the code that the service's model declares."""

    def __init__(self, code: str, message: str, *, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    code: str = ""
    """The error code; empty on success."""
    chunks: tuple[bytes, ...] = field(default=())
    """More body, sent after `body`."""


def spelled(failure: Failure, service: str, protocol: str, operation: str = "") -> ApiError:
    """Give a failure the code and status that this service uses."""
    code, status = _BY_SERVICE.get((failure.kind, service)) or _BY_PROTOCOL[failure.kind][protocol]
    if service == "securityhub" and operation.endswith("V2"):
        code, status = _V2.get(failure.kind, (code, status))
    return ApiError(code, failure.message, status=status, **failure.members)


def render(error: ApiError, service: str, protocol: str) -> Answer:
    """Write an error as the protocol does."""
    request_id = str(uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    if protocol in (QUERY, EC2, REST_XML):
        body = _xml(error, protocol, request_id)
        headers.append(("Content-Type", "text/xml"))
    else:
        body = _json(error, service, protocol)
        if protocol == REST_JSON:
            headers += [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code)]
        else:
            headers.append(("Content-Type", "application/x-amz-json-1.1"))
    return Answer(error.status, body, tuple(headers), code=error.code)


def _json(error: ApiError, service: str, protocol: str) -> bytes:
    message_key = "message" if service in _LOWER_CASE else "Message"
    document: dict[str, Any] = {message_key: error.message, **error.members}
    if protocol == JSON:
        document = {"__type": error.code, **document}
    elif service == "securityhub":
        document["Code"] = error.code
    return json.dumps(document).encode()


def _xml(error: ApiError, protocol: str, request_id: str) -> bytes:
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == EC2:
        text = (
            f"<Response><Errors><Error>{inner}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    elif protocol == REST_XML:
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        side = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{side}</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
