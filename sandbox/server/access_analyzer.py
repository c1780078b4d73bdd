"""IAM Access Analyzer reads. The security account holds the organisation's analyzers; no other account has any."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.model import Analyzer, AnalyzerFinding, Document
from sandbox.server.calls import Call, Handler
from sandbox.server.errors import ApiError, Failure
from sandbox.server.security_hub.fields import values_at
from sandbox.server.world import Moment

_PAGE = 100
_DETAIL_KEYS = ("isPublic", "principal", "condition", "action", "accessType", "serviceNamespace")
_MAX_VALUES = 20


def _analyzers(call: Call, moment: Moment) -> list[Analyzer]:
    if call.account_id != moment.org.security_account_id:
        return []
    return [item for item in moment.snapshot.analyzers if item.region == call.region]


def _not_found(kind: str, resource: str) -> ApiError:
    return ApiError(
        "ResourceNotFoundException",
        f"{kind} {resource} not found.",
        status=404,
        resourceId=resource,
        resourceType=kind,
    )


def _analyzer(analyzer: Analyzer) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if analyzer.unused_access_age_days is not None:
        age = {"unusedAccessAge": analyzer.unused_access_age_days}
        configuration = {"configuration": {"unusedAccess": age}}
    return {
        "arn": analyzer.arn,
        "name": analyzer.name,
        "type": analyzer.type,
        "createdAt": analyzer.created_at,
        "lastResourceAnalyzed": analyzer.last_resource_analyzed or None,
        "lastResourceAnalyzedAt": analyzer.last_resource_analyzed_at,
        "tags": {},
        "status": analyzer.status,
        **configuration,
    }


def list_analyzers(call: Call, moment: Moment) -> Mapping[str, Any]:
    kind = call.params.get("type")
    found = [item for item in _analyzers(call, moment) if kind in (None, item.type)]
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"analyzers": [_analyzer(item) for item in shown], "nextToken": token}


def _named(call: Call, moment: Moment) -> Analyzer:
    name = call.params["analyzerName"]
    for analyzer in _analyzers(call, moment):
        if analyzer.name == name:
            return analyzer
    raise _not_found("Analyzer", name)


def get_analyzer(call: Call, moment: Moment) -> Mapping[str, Any]:
    return {"analyzer": _analyzer(_named(call, moment))}


def list_archive_rules(call: Call, moment: Moment) -> Mapping[str, Any]:
    _named(call, moment)
    return {"archiveRules": []}


def _findings(call: Call, moment: Moment) -> list[AnalyzerFinding]:
    arn = call.params["analyzerArn"]
    if all(item.arn != arn for item in _analyzers(call, moment)):
        raise _not_found("Analyzer", arn)
    return moment.analyzer_findings.get(arn, [])


def list_findings_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    found = _findings(call, moment)
    for key, criterion in (call.params.get("filter") or {}).items():
        _check_criterion(key, criterion, found)
        found = [item for item in found if _matches(item, key, criterion)]
    sort = call.params.get("sort")
    if sort:
        found = _sorted(found, sort)
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"findings": [item.summary for item in shown], "nextToken": token}


def _check_criterion(key: str, criterion: Document, found: list[AnalyzerFinding]) -> None:
    known = {name for item in found for name in item.summary} | {"error", "id", "status"}
    if key.partition(".")[0] not in (*known, *_DETAIL_KEYS) and found:
        raise Failure("invalid", f"Unknown filter key {key}")
    for name in ("eq", "neq", "contains"):
        values = criterion.get(name)
        if values is not None and not 1 <= len(values) <= _MAX_VALUES:
            raise Failure("invalid", f"Filter {key}: {name} must have 1 to {_MAX_VALUES} values")


def _texts(item: AnalyzerFinding, key: str) -> list[str]:
    path = tuple(key.split("."))
    if path[0] in _DETAIL_KEYS:
        details = [one for detail in item.detail["findingDetails"] for one in detail.values()]
        values = list(values_at(details, path))
    else:
        values = list(values_at(item.summary, path))
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _matches(item: AnalyzerFinding, key: str, criterion: Document) -> bool:
    texts = _texts(item, key)
    if criterion.get("exists") is not None and bool(texts) != criterion["exists"]:
        return False
    if criterion.get("eq") and not any(text in criterion["eq"] for text in texts):
        return False
    if criterion.get("neq") and any(text in criterion["neq"] for text in texts):
        return False
    wanted = criterion.get("contains")
    return not wanted or any(part in text for text in texts for part in wanted)


def _sorted(found: list[AnalyzerFinding], sort: Document) -> list[AnalyzerFinding]:
    name = sort.get("attributeName", "updatedAt")
    reverse = sort.get("orderBy", "ASC") == "DESC"
    return sorted(found, key=lambda item: str(item.summary.get(name, "")), reverse=reverse)


def get_finding_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    for item in _findings(call, moment):
        if item.finding_id == call.params["id"]:
            details = item.detail["findingDetails"]
            shown, token = call.page(moment, details, default=_PAGE, largest=_PAGE)
            return {**item.detail, "findingDetails": list(shown), "nextToken": token}
    raise _not_found("Finding", call.params["id"])


def get_findings_statistics(call: Call, moment: Moment) -> Mapping[str, Any]:
    found = _findings(call, moment)
    kind = moment.analyzers[call.params["analyzerArn"]].type
    by_status = Counter(item.summary["status"] for item in found)
    totals = {
        "totalActiveFindings": by_status["ACTIVE"],
        "totalArchivedFindings": by_status["ARCHIVED"],
        "totalResolvedFindings": by_status["RESOLVED"],
    }
    active = [item for item in found if item.summary["status"] == "ACTIVE"]
    if kind.endswith("UNUSED_ACCESS"):
        statistics = {"unusedAccessFindingsStatistics": {**_unused(active), **totals}}
    elif kind.endswith("INTERNAL_ACCESS"):
        by_type = _internal(found)
        statistics = {
            "internalAccessFindingsStatistics": {"resourceTypeStatistics": by_type, **totals}
        }
    else:
        by_type = _external(active)
        statistics = {
            "externalAccessFindingsStatistics": {"resourceTypeStatistics": by_type, **totals}
        }
    updated: datetime = moment.now
    return {"findingsStatistics": [statistics], "lastUpdatedAt": updated}


def _unused(active: list[AnalyzerFinding]) -> dict[str, Any]:
    kinds = Counter(item.summary["findingType"] for item in active)
    accounts: dict[str, Counter[str]] = {}
    for item in active:
        kind = item.summary["findingType"]
        accounts.setdefault(item.summary["resourceOwnerAccount"], Counter())[kind] += 1
    top = sorted(accounts.items(), key=lambda pair: (-pair[1].total(), pair[0]))[:10]
    return {
        "unusedAccessTypeStatistics": [
            {"unusedAccessType": kind, "total": total} for kind, total in sorted(kinds.items())
        ],
        "topAccounts": [
            {"account": account, "numberOfActiveFindings": kinds.total(), "details": dict(kinds)}
            for account, kinds in top
        ],
    }


def _internal(found: list[AnalyzerFinding]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for item in found:
        of_type = counts.setdefault(item.summary["resourceType"], {})
        name = f"total{item.summary['status'].capitalize()}Findings"
        of_type[name] = of_type.get(name, 0) + 1
    return counts


def _external(active: list[AnalyzerFinding]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for item in active:
        empty = {"totalActivePublic": 0, "totalActiveCrossAccount": 0, "totalActiveErrors": 0}
        of_type = counts.setdefault(item.summary["resourceType"], empty)
        if item.summary.get("error"):
            of_type["totalActiveErrors"] += 1
        elif "true" in _texts(item, "isPublic"):
            of_type["totalActivePublic"] += 1
        else:
            of_type["totalActiveCrossAccount"] += 1
    return counts


HANDLERS: dict[str, Handler] = {
    "ListAnalyzers": list_analyzers,
    "GetAnalyzer": get_analyzer,
    "ListArchiveRules": list_archive_rules,
    "ListFindingsV2": list_findings_v2,
    "GetFindingV2": get_finding_v2,
    "GetFindingsStatistics": get_findings_statistics,
}
