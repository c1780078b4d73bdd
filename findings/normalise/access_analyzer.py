"""IAM Access Analyzer (V2 findings) to FindingRecord."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from findings.normalise import fields, fingerprint, resources
from findings.normalise.records import FindingRecord, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCT = "access-analyzer"
PUBLIC = "public"

# Access Analyzer rates nothing: these are our defaults, by type of finding.
SEVERITIES = {
    "ExternalAccess": "HIGH",
    PUBLIC: "CRITICAL",
    "InternalAccess": "MEDIUM",
    "UnusedIAMRole": "MEDIUM",
    "UnusedIAMUserAccessKey": "HIGH",
    "UnusedIAMUserPassword": "HIGH",
    "UnusedPermission": "LOW",
}

TITLES = {
    "ExternalAccess": "{what} can be reached from outside the zone of trust",
    PUBLIC: "{what} is public",
    "InternalAccess": "{what} can be reached from within the organisation",
    "UnusedIAMRole": "{what} is not used",
    "UnusedIAMUserAccessKey": "{what} has an access key that is not used",
    "UnusedIAMUserPassword": "{what} has a password that is not used",
    "UnusedPermission": "{what} has permissions that are not used",
}

# status of the finding: (compliance, workflow, record state). Archived means that somebody, or
# an archive rule, accepted the access: it still is there. Resolved means that it is gone.
STATES = {
    "ACTIVE": ("FAILED", "NEW", "ACTIVE"),
    "ARCHIVED": ("FAILED", "SUPPRESSED", "ACTIVE"),
    "RESOLVED": ("", "RESOLVED", "ARCHIVED"),
}

_ANALYZER = re.compile(r"arn:[^:]*:access-analyzer[^:]*:[^:]+:\d{12}:analyzer/.")
# What an event has besides the finding.
_OF_EVENTS = frozenset({"accountId", "findingId", "isDeleted", "previousStatus", "version"})
_EXTERNAL = ("action", "condition", "isPublic", "principal")

REMEDIATION_URL = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-findings-remediate.html"
)


def parse(
    summary: Mapping[str, Any],
    *,
    analyzer_arn: str,
    analyzer_type: str,
    region: str,
    detail: Mapping[str, Any] | None = None,
) -> FindingRecord:
    """Return one finding as a record; its product ARN is the analyzer's.

    `summary` is an entry of ListFindingsV2, `detail` the answer of GetFindingV2: without it
    `is_public` is None, and external access is rated as not public.

    :raises Unreadable: a field that we cannot do without is missing or makes no sense
    """
    kind = _kind(summary)
    is_public = _is_public(kind, detail)
    rated_as = PUBLIC if is_public else kind
    resource = fields.text(summary, "resource")
    resource_type = fields.text(summary, "resourceType")
    account_id = _account(summary, resource)
    compliance, workflow, record_state = _state(summary)
    created_at = _moment(summary, "createdAt")
    payload = _payload({**summary, "analyzerType": analyzer_type, **_details(detail)})
    what = f"{resource_type} {resource.rpartition(':')[2] or account_id}".strip()
    return FindingRecord(
        finding_id=fields.needed(summary, "id"),
        product_arn=analyzer_arn,
        product=PRODUCT,
        account_id=account_id,
        region=region,
        control_id=f"AccessAnalyzer.{kind}",
        generator_id=analyzer_type,
        title=TITLES[rated_as].format(what=what),
        description=_description(summary, detail),
        severity=SEVERITIES[rated_as],
        compliance=compliance,
        workflow=workflow,
        record_state=record_state,
        resource_id=resource or f"AWS::::Account:{account_id}",
        resource_type=resources.asff_type(resource_type) or resources.ACCOUNT_TYPE,
        resource_region=fields.region_in(resource),
        resource_count=1,
        standards=(),
        first_observed_at=created_at,
        created_at=created_at,
        updated_at=_moment(summary, "updatedAt"),
        remediation_url=REMEDIATION_URL,
        is_public=is_public,
        note="",
        payload=payload,
        content_hash=fingerprint.of(payload),
    )


def parse_exported(raw: Mapping[str, Any], context: Mapping[str, str]) -> FindingRecord:
    """Return one finding of a file or an event: an entry of ListFindingsV2 or ListFindings, the
    answer of GetFindingV2 or GetFinding, or the `detail` of an EventBridge event.

    None of them names the analyzer, so `context` has to: `analyzer_arn`, and, if known,
    `analyzer_type` and `region` (else the ARN's).

    :raises Unreadable: as `parse`, and where nothing names the analyzer
    """
    analyzer_arn = context.get("analyzer_arn") or fields.text(raw, "analyzerArn")
    if not _ANALYZER.match(analyzer_arn):
        remedy = (
            "Name the analyzer that the file comes from, such as "
            "arn:aws:access-analyzer:eu-west-1:123456789012:analyzer/name"
        )
        raise Unreadable("analyzerArn", f"{fields.quoted(analyzer_arn)} is no analyzer", remedy)
    summary = _as_listed(raw)
    return parse(
        summary,
        analyzer_arn=analyzer_arn,
        analyzer_type=context.get("analyzer_type") or fields.text(raw, "analyzerType"),
        region=context.get("region") or fields.region_in(analyzer_arn),
        detail=_detail_in(summary),
    )


def _as_listed(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the fields of an event the names that ListFindingsV2 has for them."""
    listed = {key: value for key, value in raw.items() if key not in _OF_EVENTS}
    listed.setdefault("id", raw.get("findingId"))
    # An internal finding's account is that of the principal: only the resource's owner counts.
    if raw.get("findingType") != "InternalAccess" or not fields.account_in(
        fields.text(raw, "resource")
    ):
        listed.setdefault("resourceOwnerAccount", raw.get("accountId"))
    if raw.get("isDeleted") is True:
        listed["status"] = "RESOLVED"
    return listed


def _detail_in(summary: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The details of GetFindingV2; of one that has none, what it says of external access itself."""
    if isinstance(summary.get("findingDetails"), list):
        return summary
    if "isPublic" in summary:
        own = {name: summary[name] for name in _EXTERNAL if name in summary}
        return {"findingDetails": [{"externalAccessDetails": own}]}
    return None


def _kind(summary: Mapping[str, Any]) -> str:
    # ListFindingsV2 leaves the type out for the oldest external findings.
    kind = fields.text(summary, "findingType") or "ExternalAccess"
    if kind not in TITLES or kind == PUBLIC:
        remedy = f"Known are: {', '.join(sorted(set(TITLES) - {PUBLIC}))}"
        raise Unreadable("findingType", f"{fields.quoted(kind)} is not known", remedy)
    return kind


def _account(summary: Mapping[str, Any], resource: str) -> str:
    owner = fields.text(summary, "resourceOwnerAccount")
    account_id = owner if fields.is_account_id(owner) else fields.account_in(resource)
    if not account_id:
        remedy = "It should be the 12 digits of the account that owns the resource"
        raise Unreadable("resourceOwnerAccount", f"{fields.quoted(owner)} is no account", remedy)
    return account_id


def _state(summary: Mapping[str, Any]) -> tuple[str, str, str]:
    status = fields.needed(summary, "status")
    if status not in STATES:
        remedy = f"Known are: {', '.join(sorted(STATES))}"
        raise Unreadable("status", f"{fields.quoted(status)} is not known", remedy)
    compliance, workflow, record_state = STATES[status]
    if compliance and fields.text(summary, "error"):
        # The analyzer could not read the resource: neither a failure nor a pass.
        compliance = "NOT_AVAILABLE"
    return compliance, workflow, record_state


def _moment(summary: Mapping[str, Any], name: str) -> datetime:
    found = fields.moment(summary, name)
    if found is None:
        raise Unreadable(name, "is missing", "Access Analyzer always sets it")
    return found


def _details(detail: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"findingDetails": detail["findingDetails"]} if detail else {}


def _external(detail: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    rows = fields.rows(detail or {}, "findingDetails")
    return [found for row in rows if (found := fields.mapping(row, "externalAccessDetails"))]


def _is_public(kind: str, detail: Mapping[str, Any] | None) -> bool | None:
    if kind != "ExternalAccess":
        return None
    said = [row["isPublic"] for row in _external(detail) if isinstance(row.get("isPublic"), bool)]
    return any(said) if said else None


def _description(summary: Mapping[str, Any], detail: Mapping[str, Any] | None) -> str:
    error = fields.text(summary, "error")
    if error:
        return f"Access Analyzer could not analyse the resource: {error}."
    grants = [_grant(row) for row in _external(detail)]
    return " ".join(grants) or f"Found on {fields.text(summary, 'resource') or 'the account'}."


def _grant(row: Mapping[str, Any]) -> str:
    named = fields.mapping(row, "principal")
    principals = ", ".join(f"{kind} {fields.text(named, kind)}" for kind in sorted(named))
    actions = ", ".join(fields.texts(row, "action"))
    return f"{principals or 'Somebody outside'} may do {actions or 'something'}."


def _payload(raw: dict[str, Any]) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = _plain(raw)
    except RecursionError as e:
        raise Unreadable("finding", "is nested too deep", "Send what Access Analyzer gives") from e
    return plain


def _plain(value: Any) -> Any:
    """Return botocore's answer as JSON has it: times as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
