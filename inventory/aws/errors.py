"""What can go wrong at the AWS door, as one family that every source raises.

A source never answers "nothing" when it means "I could not look": a caller that sees an
empty answer may rely on it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class SourceError(Exception):
    """An AWS call that gave no usable answer.

    `permission` is the missing IAM action, or "" where no permission is the matter; `code` is AWS's
    error code, or "" where the error is not AWS's.
    """

    remedy: ClassVar[str] = "See the detail."

    def __init__(  # noqa: PLR0913 - what AWS said, and of which call
        self,
        detail: str,
        *,
        service: str,
        operation: str,
        account_id: str = "",
        region: str = "",
        permission: str = "",
        code: str = "",
    ) -> None:
        self.detail = detail
        self.service = service
        self.operation = operation
        self.account_id = account_id
        self.region = region
        self.permission = permission
        self.code = code
        super().__init__(detail)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the trip between Celery processes, keyword arguments and all."""
        return _rebuild, (type(self), self.detail, self.where())

    def where(self) -> dict[str, str]:
        """Return service, operation, account, Region, permission and code by name."""
        names = ("service", "operation", "account_id", "region", "permission", "code")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        account = self.account_id or "the hub account"
        place = f"{self.service}:{self.operation} in {account}, {self.region or 'no Region'}"
        remedy = self.remedy
        if self.permission:
            remedy = f"Allow {self.permission} to the role that was used. {remedy}"
        return f"{place}: {self.detail} {remedy}".strip()


def _rebuild(kind: type[SourceError], detail: str, where: dict[str, str]) -> SourceError:
    return kind(detail, **where)


class Denied(SourceError):
    """AWS refused: a missing permission, a role's trust, or a policy of the organisation."""

    remedy = "Compare the role with docs/iam-policy.json, and look for an SCP that denies it."


class Throttled(SourceError):
    """AWS, or our own share of its rates, had no room left after waiting."""

    remedy = "It is tried again later; lower POSTURE_AWS_RATE_PERCENT if it keeps coming."


class Unavailable(SourceError):
    """No answer, a cut answer or a 5xx."""

    remedy = "It is tried again later; check the network path if it keeps coming."


class NotConfigured(SourceError):
    """The service is not enabled in this account and Region, or a role is not set."""

    remedy = "Enable the service there, or set the missing value."


class Malformed(SourceError):
    """AWS refused our request as invalid, or answered with something that cannot be read."""

    remedy = "This needs a fix in the code: report it with this message."
