"""Trails as an account sees them: its own and the organisation's, in their home Region and as shadows elsewhere."""

from collections.abc import Mapping
from typing import Any

from sandbox.history import settings
from sandbox.history.settings import Trail
from sandbox.moments import seconds_of
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError
from sandbox.server.world import Moment


def _trails(call: Call, moment: Moment) -> tuple[Trail, ...]:
    plan = moment.plans[call.account_id]
    found = settings.trails(moment.org, plan, seconds_of(moment.now))
    return tuple(trail for trail in found if trail.reaches(call.region))


def _trail(call: Call, moment: Moment, name: str) -> Trail:
    """Find a trail by its ARN, or one of the account's own in this Region by its name.

    :raises ApiError: TrailNotFoundException
    """
    for trail in _trails(call, moment):
        is_own = trail.owner_id == call.account_id and trail.home_region == call.region
        if name == trail.arn or (is_own and name == trail.name):
            return trail
    raise ApiError(
        "TrailNotFoundException", f"Unknown trail: {name} for the user: {call.account_id}"
    )


def describe_trails(call: Call, moment: Moment) -> Mapping[str, Any]:
    with_shadows = call.params.get("includeShadowTrails", True)
    wanted = call.params.get("trailNameList") or ()
    shown = [
        trail
        for trail in _trails(call, moment)
        if (with_shadows or trail.home_region == call.region)
        and (not wanted or trail.arn in wanted or trail.name in wanted)
    ]
    return {
        "trailList": [
            {
                "Name": trail.name,
                "S3BucketName": f"{trail.name}-{trail.owner_id}",
                "IncludeGlobalServiceEvents": trail.is_multi_region,
                "IsMultiRegionTrail": trail.is_multi_region,
                "HomeRegion": trail.home_region,
                "TrailARN": trail.arn,
                "LogFileValidationEnabled": True,
                "HasCustomEventSelectors": trail.selects != "All",
                "HasInsightSelectors": False,
                "IsOrganizationTrail": trail.is_of_organization,
            }
            for trail in shown
        ]
    }


def get_trail_status(call: Call, moment: Moment) -> Mapping[str, Any]:
    return {"IsLogging": _trail(call, moment, call.params["Name"]).is_logging}


def get_event_selectors(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer with the older selectors, or for the organisation's trail with the advanced ones."""
    trail = _trail(call, moment, call.params["TrailName"])
    if not trail.is_of_organization:
        selector = {"ReadWriteType": trail.selects, "IncludeManagementEvents": True}
        return {"TrailARN": trail.arn, "EventSelectors": [{**selector, "DataResources": []}]}
    fields = [
        {"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "readOnly", "Equals": ["false"]},
    ]
    return {
        "TrailARN": trail.arn,
        "AdvancedEventSelectors": [{"Name": "Changes", "FieldSelectors": fields}],
    }


HANDLERS: dict[str, Handler] = {
    "DescribeTrails": describe_trails,
    "GetEventSelectors": get_event_selectors,
    "GetTrailStatus": get_trail_status,
}
