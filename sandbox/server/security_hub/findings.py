"""GetFindings and BatchUpdateFindings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.model import Document
from sandbox.server import paging
from sandbox.server.calls import Call
from sandbox.server.errors import Answer, Failure
from sandbox.server.models import model_of
from sandbox.server.security_hub.comparisons import BadFilter
from sandbox.server.security_hub.edits import Edit, key_of
from sandbox.server.security_hub.hub import is_administrator
from sandbox.server.world import Moment

MAX_PAGE = 100
_MAX_IDENTIFIERS = 100
# Severity.Label to Severity.Normalized: API reference, Severity.
_NORMALIZED = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
_LABEL_FROM = ((90, "CRITICAL"), (70, "HIGH"), (40, "MEDIUM"), (1, "LOW"), (0, "INFORMATIONAL"))


def scope_of(call: Call, moment: Moment) -> dict[str, str]:
    """What the caller may see: the administrator all accounts, the aggregation Region all Regions, else its own."""
    scope = {}
    if not is_administrator(call, moment):
        scope["AwsAccountId"] = call.account_id
    aggregates = is_administrator(call, moment) and (
        call.region == moment.snapshot.aggregator.home_region
    )
    if not aggregates:
        scope["Region"] = call.region
    return scope


def get_findings(call: Call, moment: Moment) -> Answer:
    size = paging.page_size(call.params, default=MAX_PAGE, largest=MAX_PAGE)
    offset = call.offset()
    try:
        result = _result(call, moment)
    except BadFilter as error:
        raise Failure("invalid", f"Invalid filter: {error}") from error
    shown, end = paging.cut(result, offset, size, empty=call.is_page_empty)
    token = None
    if end is not None:
        number = call.token.result if call.token else moment.findings.keep(result)
        token = call.next_token(moment, end, number)
    return page_answer("Findings", moment.findings.page_text(shown), token)


def _result(call: Call, moment: Moment) -> Sequence[int]:
    kept = moment.findings.kept(call.token.result) if call.token else None
    if kept is not None:
        return kept
    filters = call.params.get("Filters") or {}
    criteria = call.params.get("SortCriteria") or []
    return moment.findings.query(filters, criteria, moment.now, scope_of(call, moment))


def page_answer(name: str, items: bytes, token: str | None) -> Answer:
    """Wrap joined JSON texts as one page."""
    tail = b"]}" if token is None else b'],"NextToken":' + json.dumps(token).encode() + b"}"
    head = b'{"' + name.encode() + b'":['
    return Answer(200, head + items + tail, (("Content-Type", "application/json"),))


def batch_update_findings(call: Call, moment: Moment) -> Mapping[str, Any]:
    identifiers = call.params["FindingIdentifiers"]
    if not 1 <= len(identifiers) <= _MAX_IDENTIFIERS:
        raise Failure("invalid", f"FindingIdentifiers must have 1 to {_MAX_IDENTIFIERS} items")
    _check_enums(call)
    scope = scope_of(call, moment).items()
    processed: list[Document] = []
    unprocessed: list[Document] = []
    edits: list[Edit] = []
    for identifier in identifiers:
        key = (str(identifier.get("Id")), str(identifier.get("ProductArn")))
        number = moment.findings.by_key.get(key)
        finding = None if number is None else moment.findings.rows[number].document
        if finding is None or any(finding.get(name) != value for name, value in scope):
            unprocessed.append(_not_found(identifier))
        else:
            processed.append(identifier)
            edits.append(_edit(call, finding, moment))
    call.keep(edits)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _not_found(identifier: Document) -> Document:
    return {
        "FindingIdentifier": identifier,
        "ErrorCode": "FindingNotFound",
        "ErrorMessage": "Finding not found",
    }


def _check_enums(call: Call) -> None:
    model = model_of("securityhub")
    given = {
        "WorkflowStatus": (call.params.get("Workflow") or {}).get("Status"),
        "SeverityLabel": (call.params.get("Severity") or {}).get("Label"),
        "VerificationState": call.params.get("VerificationState"),
    }
    for name, value in given.items():
        if value is not None and value not in model.shape_for(name).metadata["enum"]:
            raise Failure("invalid", f"Invalid {name}: {value}")


def _edit(call: Call, finding: Document, moment: Moment) -> Edit:
    """Collect what the call sets. UpdatedAt stays: it is the provider's."""
    taken = ("Confidence", "Criticality", "RelatedFindings", "Types", "UserDefinedFields")
    fields = {name: call.params[name] for name in taken if call.params.get(name) is not None}
    if call.params.get("VerificationState"):
        fields["VerificationState"] = call.params["VerificationState"]
    if call.params.get("Workflow"):
        fields["Workflow"] = {"Status": call.params["Workflow"]["Status"]}
    if call.params.get("Note"):
        fields["Note"] = note(call.params["Note"], moment)
    if call.params.get("Severity"):
        fields["Severity"] = {**finding.get("Severity", {}), **_severity(call.params["Severity"])}
    return edit_of(finding, fields)


def edit_of(finding: Document, fields: Document) -> Edit:
    """Lay out a change of these fields of a finding."""
    compliance = finding.get("Compliance", {}).get("Status", "")
    return Edit(key_of(finding), fields, compliance, finding.get("RecordState", ""))


def note(given: Document, moment: Moment) -> Document:
    """Write a note with the time at which it was taken."""
    return {**given, "UpdatedAt": moment.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")}


def _severity(given: Document) -> Document:
    if given.get("Label"):
        return {**given, "Normalized": _NORMALIZED[given["Label"]]}
    if given.get("Normalized") is not None:
        label = next(name for least, name in _LABEL_FROM if given["Normalized"] >= least)
        return {**given, "Label": label}
    return given
