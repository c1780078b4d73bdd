"""Who answers a call: one of our own handlers, or moto; and the answer as the service's protocol writes it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.server import (
    access_analyzer,
    account,
    cloud_trail,
    config,
    ec2,
    guardduty,
    iam,
    identity_center,
    inspector,
    macie,
    organizations,
    regional,
    s3_control,
    sts,
    xml_answers,
)
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import EC2, JSON, QUERY, REST_XML, Answer, ApiError
from sandbox.server.models import model_name_of
from sandbox.server.security_hub import hub, operations
from sandbox.server.world import Moment

Forward = Callable[[Call, str], Answer]
"""Hands a call to moto as the account with that id."""
OWN: dict[str, dict[str, Handler]] = {
    "access-analyzer": access_analyzer.HANDLERS,
    "account": account.HANDLERS,
    "cloudtrail": cloud_trail.HANDLERS,
    "config": config.HANDLERS,
    "ec2": ec2.HANDLERS,
    "guardduty": guardduty.HANDLERS,
    "inspector2": inspector.HANDLERS,
    "macie2": macie.HANDLERS,
    "organizations": organizations.HANDLERS,
    "s3": s3_control.HANDLERS,
    "securityhub": operations.HANDLERS,
    "sso": identity_center.HANDLERS,
}
# Of these we answer some operations ourselves, and moto the rest.
SHARED = frozenset({"cloudtrail", "config", "ec2", "iam", "s3"})
_GUARDS: dict[str, Callable[[Call, Moment], None]] = {
    "cloudtrail": regional.check_region,
    "config": regional.check_region,
    "ec2": regional.check_region,
    "guardduty": regional.check_region,
    "inspector2": regional.check_region,
    "macie2": macie.check_macie,
    "organizations": organizations.check_caller,
    "securityhub": hub.check_hub,
    "sso": identity_center.check_caller,
}


class Services:
    """Every AWS service that the sandbox answers for."""

    def __init__(self, roles: sts.Sts, forward: Forward) -> None:
        self._forward = forward
        self._handlers: dict[str, dict[str, Handler]] = {
            **OWN,
            "iam": {**iam.HANDLERS, **iam.Reports().handlers()},
            "sts": {
                "AssumeRole": roles.assume_role,
                "GetCallerIdentity": sts.get_caller_identity,
            },
        }

    def answer(self, call: Call, moment: Moment) -> Answer:
        """Answer a call that is allowed.

        :raises ApiError: for an operation that nobody here knows; and what a service itself refuses
        """
        handlers = self._handlers.get(call.service)
        if handlers is None:
            return self._forward(call, call.account_id)
        handler = handlers.get(call.operation)
        if handler is None and call.service in SHARED:
            return self._forward(call, call.account_id)
        if handler is None:
            raise ApiError(
                "UnknownOperationException",
                f"The sandbox does not answer {call.service}:{call.operation or 'this request'}",
            )
        guard = _GUARDS.get(call.service)
        if guard:
            guard(call, moment)
        answer = handler(call, moment)
        if isinstance(answer, Answer):
            return answer
        if call.protocol in (QUERY, EC2, REST_XML):
            model = model_name_of(call.service, call.wire)
            return xml_answers.render(model, call.protocol, call.operation, answer)
        return _json_answer(call.protocol, answer)


def _json_answer(protocol: str, document: Mapping[str, Any]) -> Answer:
    if protocol == JSON:
        text = json.dumps(_without_none(document), default=_epoch)
        return Answer(200, text.encode(), (("Content-Type", "application/x-amz-json-1.1"),))
    text = json.dumps(_without_none(document), default=_iso)
    return Answer(200, text.encode(), (("Content-Type", "application/json"),))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value


def _epoch(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"No JSON for {type(value).__name__}")


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"No JSON for {type(value).__name__}")
