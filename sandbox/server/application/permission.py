"""May the caller do that: the read-only rule of the sandbox, and the published policies."""

from collections.abc import Mapping
from typing import Any

from sandbox import access
from sandbox.access import Permissions, Principal
from sandbox.server.calls import Call
from sandbox.server.errors import Failure


def authorise(call: Call, organization_id: str, permissions: Permissions | None) -> None:
    """Judge the call by the read-only rule of the sandbox and the published policies.

    :raises Failure: denied, with AWS's text
    """
    if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
        return
    action = access.action_of(call.service, call.operation)
    resource = resource_of(call.service, call.region, call.params, call.principal)
    if not access.is_read(call.service, call.operation):
        why = "because the sandbox organisation is read-only"
        raise Failure("denied", access.refusal(call.principal, action, resource, why))
    context = {
        "aws:resourceorgid": organization_id,
        "aws:principalorgid": organization_id,
        "aws:principalarn": call.principal.arn,
        "aws:requestedregion": call.region,
    }
    if call.params.get("ExternalId"):
        context["sts:externalid"] = str(call.params["ExternalId"])
    if permissions and not permissions.allow(call.principal, action, resource, context):
        raise Failure("denied", access.refusal(call.principal, action, resource))


def resource_of(service: str, region: str, params: Mapping[str, Any], principal: Principal) -> str:
    """Name the resource that a call is about, as far as policies tell resources apart."""
    if service == "sts":
        return str(params.get("RoleArn", "*"))
    if service == "securityhub":
        return f"arn:aws:securityhub:{region}:{principal.account_id}:hub/default"
    if service == "sqs":
        url, name = str(params.get("QueueUrl", "")), str(params.get("QueueName", ""))
        parts = url.rstrip("/").split("/")
        owner = parts[-2] if len(parts) > 1 else principal.account_id
        return f"arn:aws:sqs:{region}:{owner}:{name or parts[-1] or '*'}"
    return "*"
