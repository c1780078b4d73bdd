"""GuardDuty reads: detectors of the caller, and the administrator's members."""

from collections.abc import Mapping
from typing import Any

from sandbox import chance
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError
from sandbox.server.regional import is_administrator
from sandbox.server.world import Moment

PRINCIPAL = "guardduty.amazonaws.com"
_PAGE = 50


def detector_id(account_id: str, region: str) -> str:
    """Give the id of the one detector that an account may have in a Region."""
    return chance.hexadecimal(chance.seed_of("detector", account_id, region), 32)


def _has_detector(call: Call, moment: Moment) -> bool:
    state = moment.services(call.region).get(call.account_id)
    return state is not None and state.guardduty != ""


def list_detectors(call: Call, moment: Moment) -> Mapping[str, Any]:
    found = [detector_id(call.account_id, call.region)] if _has_detector(call, moment) else []
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"detectorIds": list(shown), "nextToken": token}


def _check_detector(call: Call, moment: Moment) -> None:
    own = detector_id(call.account_id, call.region)
    if call.params["DetectorId"] != own or not _has_detector(call, moment):
        raise ApiError(
            "BadRequestException",
            "The request is rejected because the input detectorId is not owned by the current account.",
        )


def get_detector(call: Call, moment: Moment) -> Mapping[str, Any]:
    _check_detector(call, moment)
    state = moment.services(call.region)[call.account_id]
    joined = moment.accounts[call.account_id].joined_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "createdAt": joined,
        "updatedAt": joined,
        "findingPublishingFrequency": "FIFTEEN_MINUTES",
        "serviceRole": f"arn:aws:iam::{call.account_id}:role/aws-service-role/{PRINCIPAL}/AWSServiceRoleForAmazonGuardDuty",
        "status": "ENABLED" if state.guardduty == "Enabled" else "DISABLED",
        "tags": {},
    }


def list_members(call: Call, moment: Moment) -> Mapping[str, Any]:
    _check_detector(call, moment)
    members = []
    if is_administrator(call, moment, PRINCIPAL):
        members = [
            {
                "accountId": account_id,
                "detectorId": detector_id(account_id, call.region),
                "masterId": call.account_id,
                "administratorId": call.account_id,
                "email": moment.accounts[account_id].email,
                "relationshipStatus": state.guardduty,
                "updatedAt": moment.accounts[account_id].joined_at.strftime(
                    "%Y-%m-%dT%H:%M:%S.000Z"
                ),
            }
            for account_id, state in moment.services(call.region).items()
            if account_id != call.account_id and state.guardduty
        ]
    shown, token = call.page(moment, members, default=_PAGE, largest=_PAGE)
    return {"members": list(shown), "nextToken": token}


HANDLERS: dict[str, Handler] = {
    "ListDetectors": list_detectors,
    "GetDetector": get_detector,
    "ListMembers": list_members,
}
