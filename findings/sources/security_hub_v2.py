"""AWS Security Hub's V2 API: findings in OCSF, for an installation that reads them instead of V1's.

Controls, standards and the home Region are Security Hub CSPM's, whichever API the findings come by.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from findings.normalise import batch, ocsf, reader
from findings.sources.security_hub import END_OF_TIME, PAGE_SIZE, VALUES, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from findings.normalise.records import FindingRecord, Page
    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": ("securityhub:GetFindings",)}

_MODIFIED = "finding_info.modified_time_dt"
_KEPT_OPEN = ("In Progress", "Suppressed")


def read_findings(
    client: Client, *, updated_since: datetime | None, region: str | None = None
) -> Iterator[Page]:
    """Yield pages of up to 100 findings, oldest change first; None = everything that AWS keeps.

    As with V1, what people set (status, severity, comment) does not move the time of modification.
    """
    since = updated_since.astimezone(UTC) if updated_since else None
    composites: list[dict[str, Any]] = []
    if since:
        within = {"Start": instant(since), "End": END_OF_TIME}
        composites.append({"DateFilters": [{"FieldName": _MODIFIED, "Filter": within}]})
    composites += _in_region(region)

    def is_wanted(record: FindingRecord) -> bool:
        return (since is None or record.updated_at >= since) and region in {None, record.region}

    for answer in client.pages(
        "get_findings_v2",
        MaxResults=PAGE_SIZE,
        SortCriteria=[{"Field": _MODIFIED, "SortOrder": "asc"}],
        **_filters(composites),
    ):
        yield batch.page(
            _entries(client, answer), parse=ocsf.parse, shape=reader.OCSF, is_wanted=is_wanted
        )


def read_decided(client: Client, *, region: str | None = None) -> Iterator[Page]:
    """Yield the findings whose status somebody has set: see the same of V1."""
    decided: dict[str, Any] = {
        "Operator": "OR",
        "StringFilters": [_equals("status", status) for status in _KEPT_OPEN],
        "NestedCompositeFilters": [
            {
                "Operator": "AND",
                "StringFilters": [
                    _equals("status", "Resolved"),
                    _equals("compliance.status", "Pass", "NOT_EQUALS"),
                ],
            }
        ],
    }
    yield from _asked(client, [decided, *_in_region(region)])


def read_by_id(client: Client, finding_ids: Sequence[str]) -> Iterator[Page]:
    """Yield the findings with these ids, wherever AWS still has them (1 call for 20 ids)."""
    for start in range(0, len(finding_ids), VALUES):
        asked = finding_ids[start : start + VALUES]
        ids = [_equals("finding_info.uid", finding_id) for finding_id in asked]
        yield from _asked(client, [{"Operator": "OR", "StringFilters": ids}])


def _asked(client: Client, composites: Sequence[dict[str, Any]]) -> Iterator[Page]:
    for answer in client.pages("get_findings_v2", MaxResults=PAGE_SIZE, **_filters(composites)):
        yield batch.page(_entries(client, answer), parse=ocsf.parse, shape=reader.OCSF)


def _filters(composites: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if not composites:
        return {}
    return {"Filters": {"CompositeFilters": list(composites), "CompositeOperator": "AND"}}


def _in_region(region: str | None) -> list[dict[str, Any]]:
    return [{"StringFilters": [_equals("cloud.region", region)]}] if region else []


def _equals(name: str, value: str, comparison: str = "EQUALS") -> dict[str, Any]:
    return {"FieldName": name, "Filter": {"Value": value, "Comparison": comparison}}


def _entries(client: Client, answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    entries = answer.get("Findings")
    if entries is None and not answer.get("NextToken"):
        raise client.malformed("get_findings_v2", "The answer has no Findings.")
    return entries or ()
