"""AWS Organizations reads. Page sizes, callers and errors as in the Organizations API reference."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.model import Account, OrganizationalUnit, Policy
from sandbox.server.calls import Call, Handler
from sandbox.server.effective import effective_content
from sandbox.server.errors import ApiError, Failure
from sandbox.server.models import model_of
from sandbox.server.world import Moment

_PAGE = 20
_OPEN_TO_MEMBERS = {"DescribeOrganization"}


def check_caller(call: Call, moment: Moment) -> None:
    """Let in the management account, delegated administrators and the account of the delegation policy.

    :raises ApiError: AccessDeniedException for any other account
    """
    insiders = {moment.org.management_account_id, moment.org.security_account_id}
    if call.account_id in insiders or call.account_id in moment.services_of:
        return
    if call.operation not in _OPEN_TO_MEMBERS:
        raise ApiError(
            "AccessDeniedException", "You don't have permissions to access this resource."
        )


def _paged(call: Call, moment: Moment, name: str, items: list[Any]) -> dict[str, Any]:
    shown, token = call.page(moment, items, default=_PAGE, largest=_PAGE)
    return {name: list(shown), "NextToken": token}


def _account(account: Account) -> dict[str, Any]:
    return {
        "Id": account.account_id,
        "Arn": account.arn,
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.state,
        "Paths": [account.path],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.joined_at,
    }


def _ou(ou: OrganizationalUnit) -> dict[str, Any]:
    return {"Id": ou.ou_id, "Arn": ou.arn, "Name": ou.name, "Path": ou.path}


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "Id": policy.policy_id,
        "Arn": policy.arn,
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.aws_managed,
    }


def _policy_types(moment: Moment) -> list[dict[str, str]]:
    return [{"Type": name, "Status": "ENABLED"} for name in moment.snapshot.enabled_policy_types]


def describe_organization(call: Call, moment: Moment) -> Mapping[str, Any]:
    org = moment.org
    management = moment.accounts[org.management_account_id]
    return {
        "Organization": {
            "Id": org.organization_id,
            "Arn": org.arn,
            "FeatureSet": "ALL",
            "MasterAccountArn": management.arn,
            "MasterAccountId": management.account_id,
            "MasterAccountEmail": management.email,
            # AWS keeps this list stale: it names SCPs alone, whatever is enabled on the root.
            "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
        }
    }


def list_roots(call: Call, moment: Moment) -> Mapping[str, Any]:
    org = moment.org
    root = {"Id": org.root_id, "Arn": org.root_arn, "Name": "Root"}
    return _paged(call, moment, "Roots", [{**root, "PolicyTypes": _policy_types(moment)}])


def list_accounts(call: Call, moment: Moment) -> Mapping[str, Any]:
    shown, token = call.page(moment, moment.snapshot.accounts, default=_PAGE, largest=_PAGE)
    return {"Accounts": [_account(account) for account in shown], "NextToken": token}


def _check_parent(call: Call, moment: Moment) -> str:
    parent_id = str(call.params.get("ParentId", ""))
    if parent_id != moment.org.root_id and parent_id not in moment.ous:
        raise ApiError("ParentNotFoundException", "You specified a parent that doesn't exist.")
    return parent_id


def list_accounts_for_parent(call: Call, moment: Moment) -> Mapping[str, Any]:
    accounts = moment.accounts_of.get(_check_parent(call, moment), [])
    return _paged(call, moment, "Accounts", [_account(account) for account in accounts])


def list_ous_for_parent(call: Call, moment: Moment) -> Mapping[str, Any]:
    ous = moment.ous_of.get(_check_parent(call, moment), [])
    return _paged(call, moment, "OrganizationalUnits", [_ou(ou) for ou in ous])


def list_parents(call: Call, moment: Moment) -> Mapping[str, Any]:
    child_id = str(call.params.get("ChildId", ""))
    child = moment.accounts.get(child_id) or moment.ous.get(child_id)
    if child is None:
        raise ApiError("ChildNotFoundException", "You specified a child that doesn't exist.")
    kind = "ROOT" if child.parent_id == moment.org.root_id else "ORGANIZATIONAL_UNIT"
    return _paged(call, moment, "Parents", [{"Id": child.parent_id, "Type": kind}])


def list_children(call: Call, moment: Moment) -> Mapping[str, Any]:
    parent_id = _check_parent(call, moment)
    kind = call.params.get("ChildType")
    if kind == "ACCOUNT":
        ids = [account.account_id for account in moment.accounts_of.get(parent_id, [])]
    elif kind == "ORGANIZATIONAL_UNIT":
        ids = [ou.ou_id for ou in moment.ous_of.get(parent_id, [])]
    else:
        raise Failure("invalid", "Invalid ChildType", Reason="INVALID_ENUM")
    return _paged(call, moment, "Children", [{"Id": child, "Type": kind} for child in ids])


def describe_organizational_unit(call: Call, moment: Moment) -> Mapping[str, Any]:
    ou = moment.ous.get(str(call.params.get("OrganizationalUnitId", "")))
    if ou is None:
        raise ApiError(
            "OrganizationalUnitNotFoundException",
            "You specified an organizational unit that doesn't exist.",
        )
    return {"OrganizationalUnit": _ou(ou)}


def _found_account(call: Call, moment: Moment) -> Account:
    account = moment.accounts.get(str(call.params.get("AccountId", "")))
    if account is None:
        raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")
    return account


def describe_account(call: Call, moment: Moment) -> Mapping[str, Any]:
    return {"Account": _account(_found_account(call, moment))}


def _filter_type(call: Call) -> str:
    shape = model_of("organizations").shape_for("PolicyType")
    kind = str(call.params.get("Filter", ""))
    if kind not in shape.metadata["enum"]:
        raise Failure("invalid", f"Invalid policy type {kind}", Reason="INVALID_ENUM_POLICY_TYPE")
    return kind


def list_policies(call: Call, moment: Moment) -> Mapping[str, Any]:
    kind = _filter_type(call)
    found = [policy for policy in moment.snapshot.policies if policy.type == kind]
    return _paged(call, moment, "Policies", [_policy(policy) for policy in found])


def _found_policy(call: Call, moment: Moment) -> Policy:
    policy = moment.policies.get(str(call.params.get("PolicyId", "")))
    if policy is None:
        raise ApiError("PolicyNotFoundException", "You specified a policy that doesn't exist.")
    return policy


def _target(moment: Moment, target_id: str) -> dict[str, str]:
    if target_id == moment.org.root_id:
        return {"TargetId": target_id, "Arn": moment.org.root_arn, "Name": "Root", "Type": "ROOT"}
    account = moment.accounts.get(target_id)
    if account:
        return {"TargetId": target_id, "Arn": account.arn, "Name": account.name, "Type": "ACCOUNT"}
    ou = moment.ous[target_id]
    return {"TargetId": target_id, "Arn": ou.arn, "Name": ou.name, "Type": "ORGANIZATIONAL_UNIT"}


def list_targets_for_policy(call: Call, moment: Moment) -> Mapping[str, Any]:
    policy = _found_policy(call, moment)
    shown, token = call.page(moment, policy.target_ids, default=_PAGE, largest=_PAGE)
    return {"Targets": [_target(moment, target) for target in shown], "NextToken": token}


def _target_not_found() -> ApiError:
    return ApiError("TargetNotFoundException", "You specified a target that doesn't exist.")


def list_policies_for_target(call: Call, moment: Moment) -> Mapping[str, Any]:
    kind = _filter_type(call)
    target_id = str(call.params.get("TargetId", ""))
    if not moment.path_to(target_id):
        raise _target_not_found()
    attached = [policy for policy in moment.policies_of.get(target_id, []) if policy.type == kind]
    return _paged(call, moment, "Policies", [_policy(policy) for policy in attached])


def describe_policy(call: Call, moment: Moment) -> Mapping[str, Any]:
    policy = _found_policy(call, moment)
    return {"Policy": {"PolicySummary": _policy(policy), "Content": policy.content}}


def describe_effective_policy(call: Call, moment: Moment) -> Mapping[str, Any]:
    kind = str(call.params.get("PolicyType", ""))
    shape = model_of("organizations").shape_for("EffectivePolicyType")
    # SCPs and RCPs have no effective policy in this API.
    if kind not in shape.metadata["enum"]:
        raise Failure("invalid", f"Invalid policy type {kind}", Reason="INVALID_ENUM_POLICY_TYPE")
    target_id = str(call.params.get("TargetId") or call.account_id)
    path = moment.path_to(target_id)
    if not path:
        raise _target_not_found()
    policies = [
        policy
        for node in path
        for policy in moment.policies_of.get(node, [])
        if policy.type == kind
    ]
    if not policies:
        raise ApiError(
            "EffectivePolicyNotFoundException",
            "If you ran this action on the management account, this policy type is not enabled.",
        )
    return {
        "EffectivePolicy": {
            "PolicyContent": effective_content([policy.content for policy in policies]),
            "LastUpdatedTimestamp": moment.now,
            "TargetId": target_id,
            "PolicyType": kind,
        }
    }


def list_tags_for_resource(call: Call, moment: Moment) -> Mapping[str, Any]:
    resource_id = str(call.params.get("ResourceId", ""))
    account = moment.accounts.get(resource_id)
    if account is None and resource_id not in moment.policies and not moment.path_to(resource_id):
        raise _target_not_found()
    tags = account.tags if account else {}
    return _paged(call, moment, "Tags", [{"Key": key, "Value": tags[key]} for key in tags])


def list_delegated_administrators(call: Call, moment: Moment) -> Mapping[str, Any]:
    service = call.params.get("ServicePrincipal")
    since: dict[str, datetime] = {}
    for item in moment.snapshot.delegated_administrators:
        if not service or item.service_principal == service:
            earliest = since.get(item.account_id, item.enabled_at)
            since[item.account_id] = min(earliest, item.enabled_at)
    administrators = []
    for account_id, enabled_at in since.items():
        account = _account(moment.accounts[account_id])
        del account["Paths"]
        administrators.append({**account, "DelegationEnabledDate": enabled_at})
    return _paged(call, moment, "DelegatedAdministrators", administrators)


def list_delegated_services_for_account(call: Call, moment: Moment) -> Mapping[str, Any]:
    account = _found_account(call, moment)
    services = [
        {"ServicePrincipal": item.service_principal, "DelegationEnabledDate": item.enabled_at}
        for item in moment.snapshot.delegated_administrators
        if item.account_id == account.account_id
    ]
    if not services:
        raise ApiError(
            "AccountNotRegisteredException",
            "The account is not a delegated administrator for any service.",
        )
    return _paged(call, moment, "DelegatedServices", services)


def list_service_access(call: Call, moment: Moment) -> Mapping[str, Any]:
    joined = moment.accounts[moment.org.management_account_id].joined_at
    principals = [
        {"ServicePrincipal": name, "DateEnabled": joined}
        for name in moment.snapshot.service_access_principals
    ]
    return _paged(call, moment, "EnabledServicePrincipals", principals)


HANDLERS: dict[str, Handler] = {
    "DescribeOrganization": describe_organization,
    "ListRoots": list_roots,
    "ListAccounts": list_accounts,
    "ListAccountsForParent": list_accounts_for_parent,
    "ListOrganizationalUnitsForParent": list_ous_for_parent,
    "ListParents": list_parents,
    "ListChildren": list_children,
    "DescribeOrganizationalUnit": describe_organizational_unit,
    "DescribeAccount": describe_account,
    "ListPolicies": list_policies,
    "ListTargetsForPolicy": list_targets_for_policy,
    "ListPoliciesForTarget": list_policies_for_target,
    "DescribePolicy": describe_policy,
    "DescribeEffectivePolicy": describe_effective_policy,
    "ListTagsForResource": list_tags_for_resource,
    "ListDelegatedAdministrators": list_delegated_administrators,
    "ListDelegatedServicesForAccount": list_delegated_services_for_account,
    "ListAWSServiceAccessForOrganization": list_service_access,
}
