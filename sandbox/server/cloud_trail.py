"""Trails as an account sees them: its own and the organisation's, in their home Region and as shadows elsewhere.

And the event history of the management account: what changed in AWS Organizations in the last 90 days.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.history import org_changes, settings
from sandbox.history.org_changes import Change
from sandbox.history.settings import Trail
from sandbox.moments import DAY, seconds_of
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


_HISTORY = 90 * DAY
_PAGE = 50
_ATTRIBUTES: dict[str, Callable[[Change], str]] = {
    "EventName": lambda change: change.name,
    "EventSource": lambda _: org_changes.SOURCE,
    "ReadOnly": lambda _: "false",
    "ResourceName": lambda change: change.subject[1],
    "ResourceType": lambda change: change.subject[0],
    "Username": org_changes.user_of,
}
"""EventId and AccessKeyId are attributes as well: no event here is looked for by them."""


def lookup_events(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer with the changes of the organisation, newest first: in us-east-1, to the management account.

    Source: CloudTrail API reference, LookupEvents: one attribute, 50 events a page, 90 days.
    """
    since, until = _asked_times(call, moment)
    wanted = _asked_attribute(call)
    is_here = (
        call.region == org_changes.REGION and call.account_id == moment.org.management_account_id
    )
    found = _changes(moment, since, until) if is_here else []
    found = [change for change in reversed(found) if wanted(change)]
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    events = [org_changes.lookup_event(moment.org, change) for change in shown]
    return {"Events": events, "NextToken": token}


def _changes(moment: Moment, since: int, until: int) -> list[Change]:
    """The changes of the organisation's own history, and those that somebody made while the sandbox runs."""
    merged = [change for change in moment.merged if since <= change.at < until]
    found = [*org_changes.changes(moment.org, since, until), *merged]
    return sorted(found, key=lambda change: change.at)


def _asked_times(call: Call, moment: Moment) -> tuple[int, int]:
    now = seconds_of(moment.now)
    since = _seconds(call.params.get("StartTime"), now - _HISTORY)
    until = _seconds(call.params.get("EndTime"), now)
    if since > until:
        text = "The start time must be before the end time."
        raise ApiError("InvalidTimeRangeException", text)
    return max(since, now - _HISTORY), min(until, now) + 1


def _seconds(asked: Any, default: int) -> int:
    if asked is None:
        return default
    if isinstance(asked, int | float):
        return int(asked)
    at = datetime.fromisoformat(str(asked))
    return seconds_of(at if at.tzinfo else at.replace(tzinfo=UTC))


def _asked_attribute(call: Call) -> Callable[[Change], bool]:
    asked = call.params.get("LookupAttributes") or []
    if not asked:
        return lambda _: True
    if len(asked) > 1:
        text = "You can specify at most one lookup attribute."
        raise ApiError("InvalidLookupAttributesException", text)
    key, value = asked[0].get("AttributeKey"), asked[0].get("AttributeValue")
    read = _ATTRIBUTES.get(str(key))
    return lambda change: read is not None and read(change) == value


HANDLERS: dict[str, Handler] = {
    "DescribeTrails": describe_trails,
    "GetEventSelectors": get_event_selectors,
    "GetTrailStatus": get_trail_status,
    "LookupEvents": lookup_events,
}
