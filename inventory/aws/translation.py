"""Botocore's errors in our words: one table, read from top to bottom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from inventory.aws import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPIRED = re.compile(r"ExpiredToken|RequestExpired")

# First match wins. The codes come from the botocore service models and retry tables, and from
# the error lists of the Security Hub, Organizations, STS, EC2 and SQS API references.
CODES: tuple[tuple[re.Pattern[str], type[errors.SourceError]], ...] = (
    (EXPIRED, errors.Denied),
    (
        # Security Hub answers LimitExceededException for a throttle and for a quota alike.
        re.compile(
            r"Throttl|TooManyRequests|LimitExceeded|SlowDown|PriorRequestNotComplete"
            r"|TransactionInProgress|OverLimit"
        ),
        errors.Throttled,
    ),
    (
        re.compile(
            r"InvalidAccess(Exception)?$|OptInRequired|SubscriptionRequired|RegionDisabled"
            r"|OrganizationsNotInUse|NotEnabled|NotRegistered|NotFound"
            r"|NonExistentQueue|QueueDoesNotExist"
        ),
        errors.NotConfigured,
    ),
    (
        re.compile(
            r"AccessDenied|Unauthorized|AuthFailure|NotAuthorized|InvalidClientTokenId"
            r"|NotManagementOrDelegatedAdministrator"
            r"|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|MissingAuthenticationToken"
        ),
        errors.Denied,
    ),
    (
        re.compile(
            r"ServiceUnavailable|Internal(Server|Service)?(Error|Exception|Failure)|Timeout"
        ),
        errors.Unavailable,
    ),
)

# "User: arn:... is not authorized to perform: iam:GetUser on resource: ... with an explicit deny
# in a service control policy: arn:..."; Security Hub and EC2 put the action in the same place.
_PERMISSION = re.compile(r"not authorized to perform:? ([A-Za-z0-9-]+:[A-Za-z0-9*]+)")
_POLICY = re.compile(r"arn:aws[\w-]*:organizations::\d{12}:policy/[\w/-]+")

_UNAVAILABLE = (
    boto.HTTPClientError,  # endpoint, proxy, TLS, time-outs, closed connections
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
)
_NOT_CONFIGURED = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.NoRegionError,
    boto.UnknownServiceError,
    boto.InvalidRegionError,
)
_MALFORMED = (boto.ParamValidationError, boto.ValidationError, ResponseParserError)


def code_of(error: Exception) -> str:
    """Return AWS's error code, or "" for an error that is not AWS's."""
    return str(_answer(error).get("Code", ""))


def is_expired(error: Exception) -> bool:
    """Say whether fresh credentials would help."""
    return bool(EXPIRED.match(code_of(error)))


def translate(
    error: Exception,
    *,
    service: str,
    operation: str,
    action: str,
    account_id: str,
    region: str,
) -> errors.SourceError:
    """Return the SourceError that says what this error means.

    `action` is the IAM action of the call, named where a denial does not name one itself.
    """
    kind = _kind(error)
    detail = _detail(error)
    permission = ""
    if kind is errors.Denied and not is_expired(error):
        found = _PERMISSION.search(detail)
        permission = found[1] if found else action
    return kind(
        detail,
        service=service,
        operation=operation,
        account_id=account_id,
        region=region,
        permission=permission,
        code=code_of(error),
    )


def denying_policy(detail: str) -> str:
    """Return the ARN of the SCP or RCP that a denial names, or ""."""
    found = _POLICY.search(detail)
    return found[0] if found else ""


def _kind(error: Exception) -> type[errors.SourceError]:
    if isinstance(error, boto.ClientError):
        return _kind_of_answer(error)
    if isinstance(error, _UNAVAILABLE):
        return errors.Unavailable
    if isinstance(error, _NOT_CONFIGURED):
        return errors.NotConfigured
    if isinstance(error, _MALFORMED):
        return errors.Malformed
    return errors.Unavailable


def _kind_of_answer(error: boto.ClientError) -> type[errors.SourceError]:
    for pattern, kind in CODES:
        if pattern.search(code_of(error)):
            return kind
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= 500:
        return errors.Unavailable
    if status == 429:
        return errors.Throttled
    if status in {401, 403}:
        return errors.Denied
    return errors.Malformed


def _answer(error: Exception) -> Mapping[str, str]:
    if isinstance(error, boto.ClientError):
        # botocore's stubs make every key optional; AWS leaves out none of the two we read.
        return {key: str(value) for key, value in error.response.get("Error", {}).items()}
    return {}


def _detail(error: Exception) -> str:
    answer = _answer(error)
    if not answer:
        return _sentence(f"{type(error).__name__}: {error}")
    return _sentence(f"{answer.get('Code', '')}: {answer.get('Message', '')}".strip(": "))


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
