"""Who changed what in AWS Organizations, and when, as CloudTrail records it: told from the same plans as the policies.

Records stand in us-east-1 of the management account alone, where Organizations answers.
Source: "Logging AWS Organizations API calls with AWS CloudTrail", and the record contents of the CloudTrail user guide.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import chance
from sandbox.history.inventory import paths_of, policy_content, policy_id_of
from sandbox.model import Document, Org
from sandbox.moments import NEVER, datetime_of, seconds_of_day
from sandbox.org import account_id_of, policies
from sandbox.org.accounts import plans_at
from sandbox.org.policies import EVERYWHERE, PIPELINE, Attachment, PolicyPlan, Span

REGION = "us-east-1"
SOURCE = "organizations.amazonaws.com"
_CONSOLE_ROLE = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_OrgAdmin_4f0c1b7d93a25e68"
_PIPELINE_ROLE = "platform/Deployer"


@dataclass(frozen=True, slots=True)
class Change:
    """One call that changed the organisation."""

    at: int
    """Seconds since 1970."""
    name: str
    """The operation: UpdatePolicy, AttachPolicy, DetachPolicy, CreatePolicy, DeletePolicy, MoveAccount, …"""
    by: str
    """A person's name, or `PIPELINE`."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """As CloudTrail has them."""

    @property
    def subject(self) -> tuple[str, str]:
        """Return (type, name) of the resource that LookupEvents names."""
        if "policyId" in self.params:
            return "AWS::Organizations::Policy", self.params["policyId"]
        if account_id := self.params.get("accountId") or self.params.get("resourceId"):
            return "AWS::Organizations::Account", account_id
        return "AWS::Organizations::Root", self.params.get("rootId", "")


def changes(org: Org, since: int, until: int) -> list[Change]:
    """Return the changes from a moment on and before another, oldest first."""
    anchor = seconds_of_day(org.anchor)
    found = [
        change
        for change in (*_of_types(org, anchor), *_of_policies(org, anchor), *_moves(org, until))
        if since <= change.at < until
    ]
    return sorted(found, key=lambda change: (change.at, change.name, change.subject))


def record(org: Org, change: Change) -> Document:
    """Return the CloudTrail record of a change."""
    seed = chance.seed_of(org.seed, change.at, change.name, *change.subject)
    at = datetime_of(change.at).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.11",
        "userIdentity": _identity(org, change, seed, at),
        "eventTime": at,
        "eventSource": SOURCE,
        "eventName": change.name,
        "awsRegion": REGION,
        "sourceIPAddress": f"203.0.113.{10 + seed % 200}",
        "userAgent": "Mozilla/5.0" if change.by else "HashiCorp Terraform/1.13",
        "requestParameters": _request(change),
        "responseElements": _response(change),
        "requestID": chance.uuid_text(chance.mix(seed, 1)),
        "eventID": chance.uuid_text(chance.mix(seed, 2)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": org.management_account_id,
        "eventCategory": "Management",
        **({"sessionCredentialFromConsole": "true"} if change.by else {}),
    }


def lookup_event(org: Org, change: Change) -> Document:
    """Return the change as LookupEvents gives it; EventTime is an aware datetime."""
    whole = record(org, change)
    kind, name = change.subject
    return {
        "EventId": whole["eventID"],
        "EventName": change.name,
        "ReadOnly": "false",
        "EventTime": datetime_of(change.at),
        "EventSource": SOURCE,
        "Username": user_of(change),
        "Resources": [{"ResourceType": kind, "ResourceName": name}],
        "CloudTrailEvent": json.dumps(whole, separators=(",", ":")),
    }


def _request(change: Change) -> Document:
    hidden = {"policyId"} if change.name == "CreatePolicy" else set()
    return {name: value for name, value in change.params.items() if name not in hidden}


def _response(change: Change) -> Document | None:
    """Return the new policy's id, which its request cannot know."""
    if change.name != "CreatePolicy":
        return None
    return {"policy": {"policySummary": {"id": change.params["policyId"]}}}


def user_of(change: Change) -> str:
    """Return the name of the session: the person's address, or the pipeline's."""
    if change.by == PIPELINE:
        return "terraform"
    return f"{change.by.lower().replace(' ', '.')}@halden.example"


def _identity(org: Org, change: Change, seed: int, at: str) -> Document:
    role = _CONSOLE_ROLE if change.by else _PIPELINE_ROLE
    name = role.rpartition("/")[2]
    role_id = f"AROA{chance.hexadecimal(chance.seed_of(org.seed, role), 17).upper()}"
    account = org.management_account_id
    user = user_of(change)
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{user}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{user}",
        "accountId": account,
        "accessKeyId": f"ASIA{chance.hexadecimal(seed, 16).upper()}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": name,
            },
            "attributes": {"creationDate": at, "mfaAuthenticated": "false"},
        },
    }


def _of_types(org: Org, anchor: int) -> Iterator[Change]:
    for kind, spans in policies.TYPE_SPANS.items():
        params = {"rootId": org.root_id, "policyType": kind}
        for span in spans:
            if span.since > -NEVER:
                yield Change(anchor + span.since, "EnablePolicyType", span.by, params)
            if span.until < NEVER:
                yield Change(anchor + span.until, "DisablePolicyType", span.ended_by, params)


def _of_policies(org: Org, anchor: int) -> Iterator[Change]:
    for plan in policies.PLANS:
        policy_id = policy_id_of(org, plan)
        if plan.since > -NEVER:
            about = {"name": plan.name, "description": plan.description, "type": plan.type}
            text = policy_content(org, plan, plan.since)
            yield Change(
                anchor + plan.since,
                "CreatePolicy",
                plan.by,
                {**about, "content": text, "policyId": policy_id},
            )
        if plan.drifts_at < NEVER:
            text = policy_content(org, plan, plan.drifts_at)
            params = {"policyId": policy_id, "content": text}
            yield Change(anchor + plan.drifts_at, "UpdatePolicy", plan.drifted_by, params)
        yield from _of_carve_outs(org, plan, policy_id, anchor)
        for attachment in plan.attachments:
            yield from _of_attachment(org, plan, attachment, anchor)
        if plan.until < NEVER:
            params = {"policyId": policy_id}
            yield Change(anchor + plan.until, "DeletePolicy", plan.ended_by, params)


def _of_carve_outs(org: Org, plan: PolicyPlan, policy_id: str, anchor: int) -> Iterator[Change]:
    for one in policies.carve_outs_of(plan):
        for at, by in ((one.since, one.by), (one.until, one.ended_by)):
            if at < NEVER:
                params = {"policyId": policy_id, "content": policy_content(org, plan, at)}
                yield Change(anchor + at, "UpdatePolicy", by, params)


def _of_attachment(
    org: Org, plan: PolicyPlan, attachment: Attachment, anchor: int
) -> Iterator[Change]:
    if attachment.target == EVERYWHERE:
        return
    params = {"policyId": policy_id_of(org, plan), "targetId": _target_id(org, attachment.target)}
    if attachment.since > -NEVER:
        yield Change(anchor + attachment.since, "AttachPolicy", attachment.by, params)
    for span in policies.TYPE_SPANS[plan.type]:
        # What AWS detached with the type has to be attached again.
        if _comes_back(attachment, span):
            yield Change(anchor + span.since + 1, "AttachPolicy", span.by, params)
    if attachment.until < NEVER:
        yield Change(anchor + attachment.until, "DetachPolicy", attachment.ended_by, params)


def _comes_back(attachment: Attachment, span: Span) -> bool:
    return attachment.since < span.since < attachment.until


def _target_id(org: Org, target: str) -> str:
    if target.startswith("account:"):
        return account_id_of(org.seed, target.removeprefix("account:"))
    return paths_of(org)[target][0]


def _moves(org: Org, until: int) -> Iterator[Change]:
    ids = {key: found[0] for key, found in paths_of(org).items()}
    for plan in plans_at(org, until):
        for (_, source), (at, target) in zip(plan.moves, plan.moves[1:], strict=False):
            if source != target:
                params = {
                    "accountId": plan.account_id,
                    "sourceParentId": ids[source],
                    "destinationParentId": ids[target],
                }
                yield Change(at, "MoveAccount", PIPELINE, params)
