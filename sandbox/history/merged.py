"""What somebody changes in AWS Organizations while the sandbox runs, such as a pull request that is merged.

Each change is checked as the Organizations API checks it, stands in CloudTrail, and is laid over what the organisation's own
history has from its moment on. Source: Organizations API reference; "Quotas and service limits" of its user guide.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sandbox import chance
from sandbox.history.org_changes import Change
from sandbox.model import Account, Org, OrganizationalUnit, Policy, Snapshot
from sandbox.moments import seconds_of

_MOST_LETTERS = {"SERVICE_CONTROL_POLICY": 10_240, "RESOURCE_CONTROL_POLICY": 5_120}
_MOST_LETTERS_ELSE = 10_000
_MOST_ATTACHED = {"SERVICE_CONTROL_POLICY": 10, "RESOURCE_CONTROL_POLICY": 5}
_MOST_ATTACHED_ELSE = 10
_MOST_TAGS = 50


class Refused(Exception):
    """The Organizations API would refuse the change; `code` is the name of its error."""

    def __init__(self, code: str, words: str) -> None:
        self.code = code
        super().__init__(f"{code}: {words}")


def change_of(snapshot: Snapshot, operation: str, params: Mapping[str, Any], *, by: str) -> Change:
    """Return the change that a call to Organizations makes now; `params` as the API has them, `by` a person's name.

    :raises Refused: where AWS would refuse it.
    """
    check = _OPERATIONS.get(operation)
    if check is None:
        raise Refused("UnknownOperationException", f"The sandbox does not change by {operation}.")
    try:
        told = check(snapshot, params)
    except KeyError as error:
        raise Refused("InvalidInputException", f"You must specify {error.args[0]}.") from error
    return Change(seconds_of(snapshot.now), operation, by, told)


def apply(snapshot: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """Return the organisation with the changes that had been made by its moment, oldest first."""
    for change in changes:
        if change.at <= seconds_of(snapshot.now):
            snapshot = _APPLY[change.name](snapshot, change.params)
    return snapshot


def _policy(snapshot: Snapshot, policy_id: str) -> Policy:
    found = next((one for one in snapshot.policies if one.policy_id == policy_id), None)
    if found is None:
        raise Refused("PolicyNotFoundException", f"There is no policy {policy_id}.")
    return found


def _own_policy(snapshot: Snapshot, policy_id: str) -> Policy:
    found = _policy(snapshot, policy_id)
    if found.aws_managed:
        raise Refused("PolicyChangesNotAllowedException", "AWS keeps this policy.")
    return found


def _checked(policy_type: str, content: str) -> str:
    try:
        json.loads(content)
    except ValueError as error:
        raise Refused("MalformedPolicyDocumentException", f"It is not JSON: {error}.") from error
    most = _MOST_LETTERS.get(policy_type, _MOST_LETTERS_ELSE)
    if len(content.encode()) > most:
        raise Refused("ConstraintViolationException", f"It is longer than {most} letters.")
    return content


def _target(snapshot: Snapshot, target_id: str) -> str:
    nodes = {snapshot.org.root_id, *(ou.ou_id for ou in snapshot.ous)}
    if target_id not in nodes | {one.account_id for one in snapshot.accounts}:
        raise Refused("TargetNotFoundException", f"There is no target {target_id}.")
    return target_id


def _create(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    name, kind = str(params["Name"]), str(params["Type"])
    if any(one.name == name and one.type == kind for one in snapshot.policies):
        raise Refused("DuplicatePolicyException", f"There is a policy {name} already.")
    drawn = chance.letters(chance.seed_of(snapshot.org.seed, "policy", name), 8)
    return {
        "name": name,
        "description": str(params.get("Description", "")),
        "type": kind,
        "content": _checked(kind, str(params["Content"])),
        "policyId": f"p-{drawn}",
    }


def _update(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    policy = _own_policy(snapshot, str(params["PolicyId"]))
    content = _checked(policy.type, str(params["Content"]))
    return {"policyId": policy.policy_id, "content": content}


def _delete(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    policy = _own_policy(snapshot, str(params["PolicyId"]))
    if policy.target_ids:
        raise Refused("PolicyInUseException", "It is attached: detach it first.")
    return {"policyId": policy.policy_id}


def _attach(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    policy = _policy(snapshot, str(params["PolicyId"]))
    target = _target(snapshot, str(params["TargetId"]))
    if target in policy.target_ids:
        raise Refused("DuplicatePolicyAttachmentException", "It is attached there already.")
    if policy.type not in snapshot.enabled_policy_types:
        raise Refused("PolicyTypeNotEnabledException", f"{policy.type} is not enabled.")
    there = [one for one in snapshot.policies if one.type == policy.type]
    most = _MOST_ATTACHED.get(policy.type, _MOST_ATTACHED_ELSE)
    if sum(target in one.target_ids for one in there) >= most:
        raise Refused("ConstraintViolationException", f"{most} are attached there already.")
    return {"policyId": policy.policy_id, "targetId": target}


def _detach(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    policy = _policy(snapshot, str(params["PolicyId"]))
    target = _target(snapshot, str(params["TargetId"]))
    if target not in policy.target_ids:
        raise Refused("PolicyNotAttachedException", "It is not attached there.")
    return {"policyId": policy.policy_id, "targetId": target}


def _account(snapshot: Snapshot, account_id: str) -> Account:
    found = next((one for one in snapshot.accounts if one.account_id == account_id), None)
    if found is None:
        raise Refused("AccountNotFoundException", f"There is no account {account_id}.")
    return found


def _move(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    account = _account(snapshot, str(params["AccountId"]))
    source, target = str(params["SourceParentId"]), str(params["DestinationParentId"])
    if account.parent_id != source:
        raise Refused("SourceParentNotFoundException", f"It is not in {source}.")
    if target not in {snapshot.org.root_id, *(ou.ou_id for ou in snapshot.ous)}:
        raise Refused("DestinationParentNotFoundException", f"There is no parent {target}.")
    told = {"sourceParentId": source, "destinationParentId": target}
    return {"accountId": account.account_id, **told}


def _tag(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    account = _account(snapshot, str(params["ResourceId"]))
    tags = {str(one["Key"]): str(one["Value"]) for one in params["Tags"]}
    if len({**account.tags, **tags}) > _MOST_TAGS:
        raise Refused("ConstraintViolationException", f"It would have more than {_MOST_TAGS} tags.")
    told = [{"key": key, "value": value} for key, value in tags.items()]
    return {"resourceId": account.account_id, "tags": told}


def _untag(snapshot: Snapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    account = _account(snapshot, str(params["ResourceId"]))
    return {"resourceId": account.account_id, "tagKeys": [str(one) for one in params["TagKeys"]]}


_OPERATIONS: Mapping[str, Callable[[Snapshot, Mapping[str, Any]], dict[str, Any]]] = {
    "AttachPolicy": _attach,
    "CreatePolicy": _create,
    "DeletePolicy": _delete,
    "DetachPolicy": _detach,
    "MoveAccount": _move,
    "TagResource": _tag,
    "UntagResource": _untag,
    "UpdatePolicy": _update,
}


def _created(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    org, policy_id, kind = snapshot.org, told["policyId"], told["type"]
    arn = f"arn:aws:organizations::{org.management_account_id}:policy/{org.organization_id}"
    policy = Policy(
        policy_id=policy_id,
        arn=f"{arn}/{kind.lower()}/{policy_id}",
        name=told["name"],
        description=told["description"],
        type=kind,
        aws_managed=False,
        content=told["content"],
        target_ids=(),
    )
    return replace(snapshot, policies=(*snapshot.policies, policy))


def _with_policy(
    snapshot: Snapshot, policy_id: str, change: Callable[[Policy], Policy]
) -> Snapshot:
    policies = tuple(
        change(one) if one.policy_id == policy_id else one for one in snapshot.policies
    )
    return replace(snapshot, policies=policies)


def _updated(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    return _with_policy(
        snapshot, told["policyId"], lambda one: replace(one, content=told["content"])
    )


def _deleted(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    kept = tuple(one for one in snapshot.policies if one.policy_id != told["policyId"])
    return replace(snapshot, policies=kept)


def _attached(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    order = [snapshot.org.root_id, *(ou.ou_id for ou in snapshot.ous)]
    order += [one.account_id for one in snapshot.accounts]

    def attach(policy: Policy) -> Policy:
        targets = {*policy.target_ids, told["targetId"]}
        return replace(policy, target_ids=tuple(one for one in order if one in targets))

    return _with_policy(snapshot, told["policyId"], attach)


def _detached(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    def detach(policy: Policy) -> Policy:
        kept = tuple(one for one in policy.target_ids if one != told["targetId"])
        return replace(policy, target_ids=kept)

    return _with_policy(snapshot, told["policyId"], detach)


def _with_account(
    snapshot: Snapshot, account_id: str, change: Callable[[Account], Account]
) -> Snapshot:
    accounts = tuple(
        change(one) if one.account_id == account_id else one for one in snapshot.accounts
    )
    return replace(snapshot, accounts=accounts)


def _moved(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    target = told["destinationParentId"]
    path = _path_of(snapshot.org, snapshot.ous, target)

    def move(account: Account) -> Account:
        return replace(account, parent_id=target, path=f"{path}{account.account_id}/")

    return _with_account(snapshot, told["accountId"], move)


def _path_of(org: Org, ous: Sequence[OrganizationalUnit], parent_id: str) -> str:
    at_root = f"{org.organization_id}/{org.root_id}/"
    return next((ou.path for ou in ous if ou.ou_id == parent_id), at_root)


def _tagged(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    tags = {one["key"]: one["value"] for one in told["tags"]}
    return _with_account(
        snapshot, told["resourceId"], lambda one: replace(one, tags={**one.tags, **tags})
    )


def _untagged(snapshot: Snapshot, told: Mapping[str, Any]) -> Snapshot:
    gone = set(told["tagKeys"])

    def untag(account: Account) -> Account:
        return replace(account, tags={k: v for k, v in account.tags.items() if k not in gone})

    return _with_account(snapshot, told["resourceId"], untag)


_APPLY: Mapping[str, Callable[[Snapshot, Mapping[str, Any]], Snapshot]] = {
    "AttachPolicy": _attached,
    "CreatePolicy": _created,
    "DeletePolicy": _deleted,
    "DetachPolicy": _detached,
    "MoveAccount": _moved,
    "TagResource": _tagged,
    "UntagResource": _untagged,
    "UpdatePolicy": _updated,
}
