"""BatchUpdateFindingsV2: status, severity and comment of findings, by either of their two names."""

from collections.abc import Mapping
from typing import Any

from sandbox.model import Document
from sandbox.server.calls import Call
from sandbox.server.errors import Failure
from sandbox.server.security_hub.edits import Edit
from sandbox.server.security_hub.findings import edit_of, note, scope_of
from sandbox.server.security_hub.findings_v2 import ocsf_of
from sandbox.server.world import Moment

_MOST = 100
_LONGEST_COMMENT = 512
_WORKFLOWS = {1: "NEW", 2: "NOTIFIED", 3: "SUPPRESSED", 4: "RESOLVED"}
_SEVERITIES = {
    1: ("INFORMATIONAL", 0),
    2: ("LOW", 1),
    3: ("MEDIUM", 40),
    4: ("HIGH", 70),
    5: ("CRITICAL", 90),
}


def batch_update_findings_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer the operation. The time of modification stays, as with the older operation."""
    named = _named(call)
    _check(call)
    scope = scope_of(call, moment).items()
    processed: list[Document] = []
    unprocessed: list[Document] = []
    edits: list[Edit] = []
    for name in named:
        row = _row(name, moment)
        finding = None if row is None else moment.findings.rows[row].document
        if row is None or finding is None or any(finding.get(key) != value for key, value in scope):
            refusal = {
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": "Finding not found",
            }
            unprocessed.append({**name, **refusal})
        else:
            processed.append({**name, "MetadataUid": ocsf_of(moment, row)["metadata"]["uid"]})
            edits.append(edit_of(finding, _fields(call, finding, moment)))
    call.keep(edits)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _named(call: Call) -> list[Document]:
    uids = call.params.get("MetadataUids") or []
    identifiers = call.params.get("FindingIdentifiers") or []
    if bool(uids) == bool(identifiers):
        raise Failure("invalid", "Give either MetadataUids or FindingIdentifiers")
    if len(uids) + len(identifiers) > _MOST:
        raise Failure("invalid", f"At most {_MOST} findings can be updated at once")
    by_uid = [{"MetadataUid": uid} for uid in uids]
    return by_uid or [{"FindingIdentifier": identifier} for identifier in identifiers]


def _row(name: Document, moment: Moment) -> int | None:
    if "MetadataUid" in name:
        return moment.findings.by_metadata_uid.get(name["MetadataUid"])
    identifier = name["FindingIdentifier"]
    product_arn = identifier["MetadataProductUid"].replace(":productv2/", ":product/")
    row = moment.findings.by_key.get((identifier["FindingInfoUid"], product_arn))
    if row is None:
        return None
    account_id = moment.findings.rows[row].document["AwsAccountId"]
    return row if account_id == identifier["CloudAccountUid"] else None


def _check(call: Call) -> None:
    status_id, severity_id = call.params.get("StatusId"), call.params.get("SeverityId")
    comment = call.params.get("Comment")
    if status_id is None and severity_id is None and comment is None:
        raise Failure("invalid", "Give at least one of Comment, SeverityId and StatusId")
    if status_id is not None and status_id not in _WORKFLOWS:
        raise Failure("invalid", f"The sandbox knows no StatusId {status_id}")
    if severity_id is not None and severity_id not in _SEVERITIES:
        raise Failure("invalid", f"The sandbox knows no SeverityId {severity_id}")
    if comment is not None and len(comment) > _LONGEST_COMMENT:
        raise Failure("invalid", f"Comment may have at most {_LONGEST_COMMENT} characters")


def _fields(call: Call, finding: Document, moment: Moment) -> Document:
    fields: Document = {}
    if call.params.get("StatusId") is not None:
        fields["Workflow"] = {"Status": _WORKFLOWS[call.params["StatusId"]]}
    if call.params.get("SeverityId") is not None:
        label, normalized = _SEVERITIES[call.params["SeverityId"]]
        given = {"Label": label, "Normalized": normalized}
        fields["Severity"] = {**finding.get("Severity", {}), **given}
    if call.params.get("Comment"):
        given = {"Text": call.params["Comment"], "UpdatedBy": call.principal.arn}
        fields["Note"] = note(given, moment)
    return fields
