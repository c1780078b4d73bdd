"""Macie reads: the caller's session, the administrator's members, and automated discovery."""

from collections.abc import Mapping
from typing import Any

from sandbox.history.services import WITHOUT_MACIE
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.regional import check_region, is_administrator
from sandbox.server.world import Moment

PRINCIPAL = "macie.amazonaws.com"
_PAGE = 25


def check_macie(call: Call, moment: Moment) -> None:
    """Refuse a caller without Macie in this Region, as Macie does: with the error of a missing permission.

    :raises ApiError: AccessDeniedException
    :raises Failure: unavailable, in a Region that has no Macie (AWS has no endpoint there)
    """
    check_region(call, moment)
    if call.region in WITHOUT_MACIE:
        raise Failure("unavailable", "There is no Macie in this Region")
    state = moment.services(call.region).get(call.account_id)
    if state is None or not state.macie:
        raise ApiError("AccessDeniedException", "Macie is not enabled.", status=403)


def get_macie_session(call: Call, moment: Moment) -> Mapping[str, Any]:
    joined = moment.accounts[call.account_id].joined_at
    state = moment.services(call.region)[call.account_id]
    return {
        "createdAt": joined,
        "updatedAt": joined,
        "findingPublishingFrequency": "FIFTEEN_MINUTES",
        "serviceRole": f"arn:aws:iam::{call.account_id}:role/aws-service-role/{PRINCIPAL}/AWSServiceRoleForAmazonMacie",
        "status": "ENABLED" if state.macie == "Enabled" else "PAUSED",
    }


def list_members(call: Call, moment: Moment) -> Mapping[str, Any]:
    members = []
    if is_administrator(call, moment, PRINCIPAL):
        members = [
            {
                "accountId": account_id,
                "administratorAccountId": call.account_id,
                "masterAccountId": call.account_id,
                "arn": f"arn:aws:macie2:{call.region}:{call.account_id}:member/{account_id}",
                "email": moment.accounts[account_id].email,
                "relationshipStatus": state.macie,
                "invitedAt": moment.accounts[account_id].joined_at,
                "updatedAt": moment.accounts[account_id].joined_at,
                "tags": {},
            }
            for account_id, state in moment.services(call.region).items()
            if account_id != call.account_id and state.macie
        ]
    shown, token = call.page(moment, members, default=_PAGE, largest=_PAGE)
    return {"members": list(shown), "nextToken": token}


def get_automated_discovery_configuration(call: Call, moment: Moment) -> Mapping[str, Any]:
    states = moment.services(call.region).values()
    is_on = any(state.has_discovery for state in states)
    joined = moment.accounts[call.account_id].joined_at
    return {
        "autoEnableOrganizationMembers": "NEW" if is_on else "NONE",
        "classificationScopeId": "3f2a9c54e1b0",
        "sensitivityInspectionTemplateId": "b7d1408ac25f",
        "firstEnabledAt": joined,
        "lastUpdatedAt": joined,
        "status": "ENABLED" if is_on else "DISABLED",
    }


def list_automated_discovery_accounts(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params.get("accountIds")
    may_ask = is_administrator(call, moment, PRINCIPAL)
    items = [
        {"accountId": account_id, "status": "ENABLED" if state.has_discovery else "DISABLED"}
        for account_id, state in moment.services(call.region).items()
        if state.macie
        and (may_ask or account_id == call.account_id)
        and (not wanted or account_id in wanted)
    ]
    shown, token = call.page(moment, items, default=_PAGE, largest=_PAGE)
    return {"items": list(shown), "nextToken": token}


HANDLERS: dict[str, Handler] = {
    "GetMacieSession": get_macie_session,
    "ListMembers": list_members,
    "GetAutomatedDiscoveryConfiguration": get_automated_discovery_configuration,
    "ListAutomatedDiscoveryAccounts": list_automated_discovery_accounts,
}
