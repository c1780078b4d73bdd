"""IAM Access Analyzer, with the V2 calls (the only ones that serve every analyzer type)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from findings.normalise import access_analyzer, batch, reader
from inventory.aws import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from findings.normalise.records import FindingRecord, Page
    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": (
        "access-analyzer:GetFinding",
        "access-analyzer:ListAnalyzers",
        "access-analyzer:ListFindings",
    ),
}

# The most that either list call gives on a page.
PAGE_SIZE = 100
EXTERNAL_TYPES = frozenset({"ACCOUNT", "ORGANIZATION"})


@dataclass(frozen=True, slots=True)
class AnalyzerRecord:
    """An analyzer; `type` such as ORGANIZATION or ORGANIZATION_UNUSED_ACCESS."""

    arn: str
    name: str
    type: str
    status: str
    status_reason: str
    region: str


def read_analyzers(client: Client) -> tuple[AnalyzerRecord, ...]:
    """Return the analyzers of the client's account and Region, whatever their status.

    An empty answer is no good news: nothing is analysed there. Only an ACTIVE one finds things.
    """
    found = client.items("list_analyzers", "analyzers", maxResults=PAGE_SIZE)
    records = (
        AnalyzerRecord(
            arn=raw["arn"],
            name=raw["name"],
            type=raw["type"],
            status=raw["status"],
            status_reason=raw.get("statusReason", {}).get("code", ""),
            region=client.region,
        )
        for raw in found
    )
    return tuple(sorted(records, key=lambda record: record.arn))


def read_findings(client: Client, *, analyzer: AnalyzerRecord) -> Iterator[Page]:
    """Yield pages of every finding of an analyzer, in no order, whatever its status.

    Whether a resource is public, and who may reach it, stands in the detail only: it is read
    (1 call a finding) for external access that still exists. The other types are told well
    enough by their type and resource, and are far more.
    """

    def parse(raw: Mapping[str, Any]) -> FindingRecord:
        return access_analyzer.parse(
            raw,
            analyzer_arn=analyzer.arn,
            analyzer_type=analyzer.type,
            region=analyzer.region,
            detail=_detail(client, analyzer, raw),
        )

    context = {
        "analyzer_arn": analyzer.arn,
        "analyzer_type": analyzer.type,
        "region": analyzer.region,
    }
    for answer in client.pages("list_findings_v2", analyzerArn=analyzer.arn, maxResults=PAGE_SIZE):
        entries = answer.get("findings")
        if entries is None and not answer.get("nextToken"):
            raise client.malformed("list_findings_v2", "The answer has no findings.")
        yield batch.page(entries or (), parse=parse, shape=reader.ACCESS_ANALYZER, context=context)


def _detail(
    client: Client, analyzer: AnalyzerRecord, raw: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    if analyzer.type not in EXTERNAL_TYPES or raw.get("status") == "RESOLVED" or raw.get("error"):
        return None
    try:
        pages = list(client.pages("get_finding_v2", analyzerArn=analyzer.arn, id=raw["id"]))
    except NotConfigured:
        # Gone since the list was made: the next read will not have it.
        return None
    rows = [row for page in pages for row in page.get("findingDetails", ())]
    return {"findingDetails": rows}
