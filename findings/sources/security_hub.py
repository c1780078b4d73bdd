"""AWS Security Hub CSPM: findings, controls, standards and the home Region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from findings.normalise import asff, batch
from findings.normalise.controls import standard_of
from inventory.aws import Denied, Throttled, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from findings.normalise.records import FindingRecord, Page
    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": (
        "securityhub:BatchGetSecurityControls",
        "securityhub:DescribeStandards",
        "securityhub:GetEnabledStandards",
        "securityhub:GetFindingAggregator",
        "securityhub:GetFindings",
        "securityhub:ListFindingAggregators",
        "securityhub:ListSecurityControlDefinitions",
    ),
}

# The most that each of these calls gives or takes at once.
PAGE_SIZE = 100
# The most values that a filter takes.
VALUES = 20
# A date filter with a start must have an end too: one that no finding reaches.
END_OF_TIME = "2999-12-31T23:59:59.999Z"
NO_AGGREGATOR = "NONE"


@dataclass(frozen=True, slots=True)
class HubRecord:
    """Where findings come together.

    `mode` is AWS's RegionLinkingMode, or NONE without an aggregator: then `home_region` is the
    client's own Region and each Region has to be read by itself.
    """

    home_region: str
    linked_regions: tuple[str, ...]
    mode: str


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A security control; `status` is ENABLED or DISABLED, `severity` AWS's rating.

    `standards` are the ids of the enabled standards that have it.
    """

    control_id: str
    title: str
    description: str
    severity: str
    remediation_url: str
    status: str
    disabled_reason: str
    parameters: Mapping[str, Any]
    standards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandardRecord:
    """A standard; `subscription_arn` is "" and `status` DISABLED where it is not enabled."""

    arn: str
    subscription_arn: str
    name: str
    status: str

    @property
    def standard_id(self) -> str:
        """Return the id that findings and controls use: `standards/<name>/v/<version>`."""
        return standard_of(self.arn)


def read_findings(
    client: Client, *, updated_since: datetime | None, region: str | None = None
) -> Iterator[Page]:
    """Yield pages of up to 100 findings, oldest update first; None = everything that AWS keeps.

    ACTIVE and ARCHIVED findings alike: without a filter on RecordState AWS gives both. A change
    of workflow or note does not touch UpdatedAt: `read_decided` sees what this does not. `region`
    is for a hub without an aggregator. The filters are applied to the answers once more; what
    cannot be read is in `rejected` and is never filtered out.
    """
    since = updated_since.astimezone(UTC) if updated_since else None
    filters: dict[str, Any] = {}
    if since:
        filters["UpdatedAt"] = [{"Start": instant(since), "End": END_OF_TIME}]
    if region:
        filters["Region"] = [{"Value": region, "Comparison": "EQUALS"}]

    def is_wanted(record: FindingRecord) -> bool:
        return (since is None or record.updated_at >= since) and region in {None, record.region}

    for answer in client.pages(
        "get_findings",
        MaxResults=PAGE_SIZE,
        SortCriteria=[{"Field": "UpdatedAt", "SortOrder": "asc"}],
        **({"Filters": filters} if filters else {}),
    ):
        yield batch.page(_entries(client, answer), parse=asff.parse, is_wanted=is_wanted)


def read_decided(client: Client, *, region: str | None = None) -> Iterator[Page]:
    """Yield the active findings whose workflow somebody has set: SUPPRESSED, NOTIFIED or RESOLVED.

    AWS sets RESOLVED itself for each PASSED control finding, which is most of them and no news, so
    those are left out; NOT_EQUALS lets findings without Compliance through.
    """
    passed = {"Value": "PASSED", "Comparison": "NOT_EQUALS"}
    for more in (
        {"WorkflowStatus": [_equals("SUPPRESSED"), _equals("NOTIFIED")]},
        {"WorkflowStatus": [_equals("RESOLVED")], "ComplianceStatus": [passed]},
    ):
        filters = {"RecordState": [_equals("ACTIVE")], **more}
        if region:
            filters["Region"] = [_equals(region)]
        yield from _asked(client, filters)


def read_by_id(client: Client, finding_ids: Sequence[str]) -> Iterator[Page]:
    """Yield the findings with these ids, wherever AWS still has them (1 call for 20 ids)."""
    for start in range(0, len(finding_ids), VALUES):
        asked = finding_ids[start : start + VALUES]
        yield from _asked(client, {"Id": [_equals(finding_id) for finding_id in asked]})


def read_home(client: Client) -> HubRecord:
    """Return the home Region and what is linked to it (2 calls)."""
    for found in client.items("list_finding_aggregators", "FindingAggregators"):
        arn = found["FindingAggregatorArn"]
        raw = client.call("get_finding_aggregator", FindingAggregatorArn=arn)
        return HubRecord(
            home_region=raw["FindingAggregationRegion"],
            linked_regions=tuple(sorted(raw.get("Regions", ()))),
            mode=raw["RegionLinkingMode"],
        )
    return HubRecord(home_region=client.region, linked_regions=(), mode=NO_AGGREGATOR)


def read_controls(client: Client) -> Iterator[ControlRecord]:
    """Yield every control, by id.

    Calls: 1 a 100 controls, the same again for each enabled standard, and 1 a 100 for status.
    """
    standards = _standards_by_control(client)
    known = {raw["SecurityControlId"]: raw for raw in _definitions(client)}
    asked = [i for i, raw in known.items() if raw.get("CurrentRegionAvailability") != "UNAVAILABLE"]
    states = dict(_states(client, asked))
    for control_id, raw in sorted(known.items()):
        state = states.get(control_id, {"LastUpdateReason": "Not available in this Region."})
        status = state.get("SecurityControlStatus", "DISABLED")
        yield ControlRecord(
            control_id=control_id,
            title=raw["Title"],
            description=raw["Description"],
            severity=state.get("SeverityRating") or raw["SeverityRating"],
            remediation_url=raw["RemediationUrl"],
            status=status,
            disabled_reason="" if status == "ENABLED" else state.get("LastUpdateReason", ""),
            parameters=state.get("Parameters", {}),
            standards=tuple(sorted(standards.get(control_id, ()))),
        )


def read_standards(client: Client) -> tuple[StandardRecord, ...]:
    """Return every standard, by name; those that are not enabled are DISABLED."""
    enabled = {
        raw["StandardsArn"]: raw
        for raw in client.items(
            "get_enabled_standards", "StandardsSubscriptions", MaxResults=PAGE_SIZE
        )
    }
    records = []
    for raw in client.items("describe_standards", "Standards", MaxResults=PAGE_SIZE):
        subscription = enabled.get(raw["StandardsArn"], {})
        records.append(
            StandardRecord(
                arn=raw["StandardsArn"],
                subscription_arn=subscription.get("StandardsSubscriptionArn", ""),
                name=raw["Name"],
                status=subscription.get("StandardsStatus", "DISABLED"),
            )
        )
    return tuple(sorted(records, key=lambda record: (record.name, record.arn)))


def instant(moment: datetime) -> str:
    """Write a moment (UTC) as the filters of both APIs want it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _equals(value: str) -> dict[str, str]:
    return {"Value": value, "Comparison": "EQUALS"}


def _asked(client: Client, filters: Mapping[str, Any]) -> Iterator[Page]:
    for answer in client.pages("get_findings", MaxResults=PAGE_SIZE, Filters=dict(filters)):
        yield batch.page(_entries(client, answer), parse=asff.parse)


def _entries(client: Client, answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    entries = answer.get("Findings")
    if entries is None and not answer.get("NextToken"):
        raise client.malformed("get_findings", "The answer has no Findings.")
    return entries or ()


def _definitions(client: Client, **params: str) -> Iterator[Mapping[str, Any]]:
    return client.items(
        "list_security_control_definitions",
        "SecurityControlDefinitions",
        MaxResults=PAGE_SIZE,
        **params,
    )


def _standards_by_control(client: Client) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for standard in read_standards(client):
        if standard.subscription_arn:
            for raw in _definitions(client, StandardsArn=standard.arn):
                found.setdefault(raw["SecurityControlId"], set()).add(standard.standard_id)
    return found


def _states(client: Client, control_ids: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for start in range(0, len(control_ids), PAGE_SIZE):
        asked = control_ids[start : start + PAGE_SIZE]
        answer = client.call("batch_get_security_controls", SecurityControlIds=asked)
        for raw in answer.get("SecurityControls", ()):
            yield raw["SecurityControlId"], raw
        for raw in answer.get("UnprocessedIds", ()):
            yield raw["SecurityControlId"], _unprocessed(client, raw)


def _unprocessed(client: Client, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state of a control that is not there; raise where we were not told."""
    code, reason = raw.get("ErrorCode", ""), raw.get("ErrorReason", "")
    if code in {"NOT_FOUND", "RESOURCE_NOT_FOUND", "INVALID_INPUT"}:
        return {"LastUpdateReason": reason or "Not available in this Region."}
    kinds = {"ACCESS_DENIED": Denied, "LIMIT_EXCEEDED": Throttled}
    detail = f"{raw['SecurityControlId']}: {code} {reason}".strip()
    raise kinds.get(code, Unavailable)(detail, **client.place("BatchGetSecurityControls"))
