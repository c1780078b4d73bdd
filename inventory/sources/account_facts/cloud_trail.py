"""Which trails log management events, reads and writes, in which Regions of an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus"),
    "member": (
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
    ),
}

READ, WRITE = "read", "write"
BOTH = frozenset({READ, WRITE})
_KINDS = {"All": BOTH, "ReadOnly": frozenset({READ}), "WriteOnly": frozenset({WRITE})}


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail as DescribeTrails tells it; without selectors of its own it logs all management events."""

    arn: str
    home_region: str
    is_multi_region: bool
    is_of_organization: bool
    has_selectors: bool


def read_trails(client: Client, *, with_shadows: bool) -> tuple[Trail, ...]:
    """Return the trails of the client's Region (1 call), with those of other Regions that reach it."""
    answer = client.call("describe_trails", includeShadowTrails=with_shadows)
    if "trailList" not in answer:
        raise client.malformed("describe_trails", "The answer has no trailList.")
    return tuple(
        Trail(
            arn=raw["TrailARN"],
            home_region=raw.get("HomeRegion") or client.region,
            is_multi_region=bool(raw.get("IsMultiRegionTrail")),
            is_of_organization=bool(raw.get("IsOrganizationTrail")),
            has_selectors=bool(raw.get("HasCustomEventSelectors")),
        )
        for raw in answer["trailList"]
    )


def is_logging(client: Client, trail: Trail) -> bool:
    """Say whether the trail is on (1 call, in the trail's home Region)."""
    return bool(client.call("get_trail_status", Name=trail.arn).get("IsLogging"))


def kinds_of(client: Client, trail: Trail) -> frozenset[str]:
    """Return which management events the trail logs now: none when it is off (1 or 2 calls)."""
    if not is_logging(client, trail):
        return frozenset()
    if not trail.has_selectors:
        return BOTH
    return selected(client.call("get_event_selectors", TrailName=trail.arn))


def selected(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return which management events selectors let through, of either kind of selectors."""
    kinds: frozenset[str] = frozenset()
    for raw in answer.get("EventSelectors") or ():
        # Absent means true (CloudTrail API reference, EventSelector).
        if raw.get("IncludeManagementEvents", True):
            kinds |= _KINDS.get(raw.get("ReadWriteType", "All"), frozenset())
    for raw in answer.get("AdvancedEventSelectors") or ():
        fields = {field["Field"]: field for field in raw.get("FieldSelectors", ())}
        if fields.get("eventCategory", {}).get("Equals") == ["Management"]:
            kinds |= _by_read_only(fields.get("readOnly"))
    return kinds


def _by_read_only(field: Mapping[str, Any] | None) -> frozenset[str]:
    if field is None:
        return BOTH
    wanted = {str(value).lower() for value in field.get("Equals") or ()}
    return frozenset({READ} if "true" in wanted else ()) | frozenset(
        {WRITE} if "false" in wanted else ()
    )
