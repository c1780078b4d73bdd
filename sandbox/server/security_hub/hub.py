"""Security Hub's own state: hub, members, administrators and aggregators."""

from collections.abc import Mapping
from typing import Any

from sandbox.server.calls import Call
from sandbox.server.errors import ApiError, Failure
from sandbox.server.world import Moment

_NEEDS_NO_HUB = {"ListOrganizationAdminAccounts"}
_HUB_PRINCIPAL = "securityhub.amazonaws.com"


def check_hub(call: Call, moment: Moment) -> None:
    """Refuse a caller whose account has no hub in this Region, as each generation of the API spells it.

    :raises ApiError: InvalidAccessException, or ResourceNotFoundException for a V2 operation
    """
    if call.operation in _NEEDS_NO_HUB or moment.has_hub(call.account_id, call.region):
        return
    if call.operation.endswith("V2"):
        raise ApiError(
            "ResourceNotFoundException", "Security Hub is not enabled in this Region", status=404
        )
    raise ApiError(
        "InvalidAccessException",
        f"Account {call.account_id} is not subscribed to AWS Security Hub",
        status=401,
    )


def is_administrator(call: Call, moment: Moment) -> bool:
    """Tell whether the caller is the organisation's Security Hub administrator."""
    return call.account_id == moment.org.security_account_id


def _hub_arn(call: Call) -> str:
    return f"arn:aws:securityhub:{call.region}:{call.account_id}:hub/default"


def _subscribed_at(call: Call, moment: Moment) -> str:
    return moment.accounts[call.account_id].joined_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def describe_hub(call: Call, moment: Moment) -> Mapping[str, Any]:
    if call.params.get("HubArn", _hub_arn(call)) != _hub_arn(call):
        raise ApiError("ResourceNotFoundException", "The hub was not found", status=404)
    return {
        "HubArn": _hub_arn(call),
        "SubscribedAt": _subscribed_at(call, moment),
        "AutoEnableControls": True,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }


def describe_hub_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    return {
        "HubV2Arn": f"arn:aws:securityhub:{call.region}:{call.account_id}:hubv2/default",
        "SubscribedAt": _subscribed_at(call, moment),
    }


def list_finding_aggregators(call: Call, moment: Moment) -> Mapping[str, Any]:
    aggregator = moment.snapshot.aggregator
    has_one = is_administrator(call, moment) and call.region in _aggregated(moment)
    found = [{"FindingAggregatorArn": aggregator.arn}] if has_one else []
    shown, token = call.page(moment, found, default=100, largest=100)
    return {"FindingAggregators": list(shown), "NextToken": token}


def _aggregated(moment: Moment) -> set[str]:
    aggregator = moment.snapshot.aggregator
    return {aggregator.home_region, *aggregator.linked_regions}


def get_finding_aggregator(call: Call, moment: Moment) -> Mapping[str, Any]:
    aggregator = moment.snapshot.aggregator
    wanted = call.params.get("FindingAggregatorArn")
    if not is_administrator(call, moment) or wanted != aggregator.arn:
        raise ApiError(
            "ResourceNotFoundException", "The finding aggregator was not found", status=404
        )
    return {
        "FindingAggregatorArn": aggregator.arn,
        "FindingAggregationRegion": aggregator.home_region,
        "RegionLinkingMode": aggregator.linking_mode,
        "Regions": list(aggregator.linked_regions),
    }


def list_aggregators_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    aggregator = moment.snapshot.aggregator
    arn = aggregator.arn.replace(":finding-aggregator/", ":aggregatorv2/")
    found = [{"AggregatorV2Arn": arn}] if is_administrator(call, moment) else []
    shown, token = call.page(moment, found, default=100, largest=100)
    return {"AggregatorsV2": list(shown), "NextToken": token}


def list_members(call: Call, moment: Moment) -> Mapping[str, Any]:
    members: list[dict[str, Any]] = []
    if is_administrator(call, moment):
        members = [
            {
                "AccountId": account.account_id,
                "Email": account.email,
                "MasterId": call.account_id,
                "AdministratorId": call.account_id,
                "MemberStatus": "Enabled",
                "InvitedAt": account.joined_at,
                "UpdatedAt": account.joined_at,
            }
            for account in moment.snapshot.accounts
            if account.account_id != call.account_id
            and moment.has_hub(account.account_id, call.region)
        ]
    shown, token = call.page(moment, members, default=50, largest=50)
    return {"Members": list(shown), "NextToken": token}


def list_organization_admin_accounts(call: Call, moment: Moment) -> Mapping[str, Any]:
    if call.account_id not in (moment.org.management_account_id, moment.org.security_account_id):
        raise Failure("denied", "The account is not the organization management account")
    admins = [
        {"AccountId": item.account_id, "Status": "ENABLED"}
        for item in moment.snapshot.delegated_administrators
        if item.service_principal == _HUB_PRINCIPAL
    ]
    shown, token = call.page(moment, admins, default=10, largest=10)
    feature = call.params.get("Feature", "SecurityHub")
    return {"AdminAccounts": list(shown), "NextToken": token, "Feature": feature}
