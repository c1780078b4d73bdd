"""Inspector reads: the administrator's members, and what is scanned in each of them."""

from collections.abc import Mapping
from typing import Any

from sandbox.history.services import SCANS, ServiceState
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.regional import is_administrator
from sandbox.server.world import Moment

PRINCIPAL = "inspector2.amazonaws.com"
_PAGE = 50
_BATCH = 100


def list_members(call: Call, moment: Moment) -> Mapping[str, Any]:
    if not is_administrator(call, moment, PRINCIPAL):
        raise ApiError(
            "AccessDeniedException",
            "Invoking account is not the delegated administrator of Amazon Inspector.",
            status=403,
        )
    members = [
        {
            "accountId": account_id,
            "relationshipStatus": "ENABLED",
            "delegatedAdminAccountId": call.account_id,
            "updatedAt": moment.accounts[account_id].joined_at,
        }
        for account_id, state in moment.services(call.region).items()
        if account_id != call.account_id and state.scans
    ]
    shown, token = call.page(moment, members, default=_PAGE, largest=_PAGE)
    return {"members": list(shown), "nextToken": token}


def batch_get_account_status(call: Call, moment: Moment) -> Mapping[str, Any]:
    asked = call.params.get("accountIds") or [call.account_id]
    if len(asked) > _BATCH:
        raise Failure("invalid", f"accountIds must have 1 to {_BATCH} values")
    may_ask = is_administrator(call, moment, PRINCIPAL)
    states = moment.services(call.region)
    told = [
        account_id
        for account_id in asked
        if account_id == call.account_id
        or (may_ask and account_id in states and states[account_id].scans)
    ]
    return {
        "accounts": [_status(account_id, states.get(account_id)) for account_id in told],
        "failedAccounts": [_failed(account_id) for account_id in asked if account_id not in told],
    }


def _status(account_id: str, state: ServiceState | None) -> dict[str, Any]:
    scans = state.scans if state else frozenset()
    return {
        "accountId": account_id,
        "state": _state(is_on=bool(scans)),
        "resourceState": {scan: _state(is_on=scan in scans) for scan in SCANS},
    }


def _state(*, is_on: bool) -> dict[str, str]:
    # AWS fills both fields whatever the status; there is no code for "nothing went wrong".
    return {
        "status": "ENABLED" if is_on else "DISABLED",
        "errorCode": "ALREADY_ENABLED" if is_on else "RESOURCE_NOT_FOUND",
        "errorMessage": "Already enabled" if is_on else "Not enabled",
    }


def _failed(account_id: str) -> dict[str, Any]:
    return {
        "accountId": account_id,
        "errorCode": "ACCESS_DENIED",
        "errorMessage": "Invoking account does not have access to the account.",
    }


HANDLERS: dict[str, Handler] = {
    "ListMembers": list_members,
    "BatchGetAccountStatus": batch_get_account_status,
}
