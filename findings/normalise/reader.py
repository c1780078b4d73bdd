"""Any finding to FindingRecord, whatever its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import access_analyzer, asff, ocsf
from findings.normalise.records import FindingRecord, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ASFF = "asff"
OCSF = "ocsf"
ACCESS_ANALYZER = "access_analyzer"
SHAPES = (ASFF, OCSF, ACCESS_ANALYZER)

_OF_ASFF = frozenset({"SchemaVersion", "ProductArn", "GeneratorId", "AwsAccountId"})
_OF_OCSF = frozenset({"class_uid", "finding_info", "type_uid"})
_OF_ANALYZER = frozenset({"analyzedAt", "findingType", "isPublic", "resourceOwnerAccount"})

_REMEDY = "Send ASFF, OCSF or Access Analyzer JSON, one finding in each object"


def shape_of(raw: object) -> str:
    """Return the format of a finding: asff, ocsf or access_analyzer.

    :raises Unreadable: it is none of them
    """
    if not isinstance(raw, dict):
        raise Unreadable("finding", f"is {_kind(raw)}, not an object", _REMEDY)
    if not _OF_ASFF.isdisjoint(raw):
        return ASFF
    if not _OF_OCSF.isdisjoint(raw):
        return OCSF
    if not _OF_ANALYZER.isdisjoint(raw):
        return ACCESS_ANALYZER
    raise Unreadable("finding", "has the fields of no format that is known", _REMEDY)


def read(
    raw: Mapping[str, Any], *, shape: str = "", context: Mapping[str, str] | None = None
) -> FindingRecord:
    """Return a finding as a record; `shape` "" = to be recognised.

    `context` is what the payload does not say itself: for Access Analyzer `analyzer_arn`, and, if
    known, `analyzer_type` and `region`.

    :raises Unreadable: it is in no known format, or lacks what we cannot do without
    """
    found = shape_of(raw) if shape not in SHAPES else shape
    if not isinstance(raw, dict):
        raise Unreadable("finding", f"is {_kind(raw)}, not an object", _REMEDY)
    if found == OCSF:
        return ocsf.parse(raw)
    if found == ACCESS_ANALYZER:
        return access_analyzer.parse_exported(raw, context or {})
    return asff.parse(raw)


def is_bare(document: Mapping[str, Any]) -> bool:
    """Say whether a document is one finding for sure, for it has no key that may hold findings."""
    return not (
        "detail" in document
        or "findings" in document
        or "Findings" in document
        or "finding" in document
    )


def entries(
    document: object, context: Mapping[str, str] | None = None
) -> Iterator[tuple[Any, Mapping[str, str]]]:
    """Yield each finding of a document with the context to read it in.

    A document is a finding, a list of them, either spelling of `{"Findings": [...]}`, the answer of
    GetFinding (`{"finding": {...}}`), or an EventBridge event: of Security Hub (V1 and V2, several
    findings in one), or of Access Analyzer, whose analyzer only the envelope names.
    """
    known = context or {}
    if isinstance(document, list):
        for item in document:
            yield from entries(item, known)
        return
    if not isinstance(document, dict):
        yield document, known
        return
    detail = document.get("detail")
    if "detail-type" in document and isinstance(detail, dict):
        yield from entries(detail, {**known, **_envelope(document)})
        return
    for name in ("findings", "Findings"):
        if isinstance(document.get(name), list):
            yield from entries(document[name], known)
            return
    yield (document["finding"] if isinstance(document.get("finding"), dict) else document), known


def _envelope(event: Mapping[str, Any]) -> Mapping[str, str]:
    named = event.get("resources")
    arns = [arn for arn in named if isinstance(arn, str)] if isinstance(named, list) else []
    return {"analyzer_arn": arns[0]} if arns and ":analyzer/" in arns[0] else {}


def _kind(raw: object) -> str:
    names = {"list": "a list", "str": "a text", "NoneType": "nothing", "bool": "true or false"}
    return names.get(type(raw).__name__, "a number")
