"""Security Hub's findings changed by us: workflow and note, nothing else, and only where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {"write_back": ("securityhub:BatchUpdateFindings",)}

# The most that one call takes.
BATCH = 100
# OCSF's status_id for Workflow.Status.
_STATUS_IDS = {"NEW": 1, "NOTIFIED": 2, "SUPPRESSED": 3, "RESOLVED": 4}
_SILENT = "AWS named it neither as processed nor as unprocessed."


@dataclass(frozen=True, slots=True)
class Identifier:
    """A finding as AWS wants it named; `metadata_uid` is what the V2 API knows it by, "" unknown."""

    finding_id: str
    product_arn: str
    metadata_uid: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What AWS has taken, and what not with its reason (ErrorCode: ErrorMessage)."""

    processed: frozenset[Identifier]
    unprocessed: Mapping[Identifier, str]


def update(
    client: Client,
    identifiers: Sequence[Identifier],
    *,
    workflow: str,
    note: str,
    by: str,
    api: str = "v1",
) -> Written:
    """Set Workflow.Status, and the note unless it is "", of up to BATCH findings; 1 call.

    AWS answers before it has done it, and does it within minutes. `by` stands in the note.

    :raises ValueError: more than BATCH findings, or a workflow that AWS does not have
    :raises SourceError: any of the family; nothing is known to be written then
    """
    if len(identifiers) > BATCH or workflow not in _STATUS_IDS:
        raise ValueError(f"{len(identifiers)} findings to {workflow!r}: at most {BATCH}, and known")
    if not identifiers:
        return Written(frozenset(), {})
    if api == "v2":
        return _update_v2(client, identifiers, workflow=workflow, note=note)
    params: dict[str, Any] = {"Note": {"Text": note, "UpdatedBy": by}} if note else {}
    answer = client.call(
        "batch_update_findings",
        FindingIdentifiers=[
            {"Id": identifier.finding_id, "ProductArn": identifier.product_arn}
            for identifier in identifiers
        ],
        Workflow={"Status": workflow},
        **params,
    )
    known = {(one.finding_id, one.product_arn): one for one in identifiers}
    return _written(
        identifiers,
        [known.get((raw["Id"], raw["ProductArn"])) for raw in answer["ProcessedFindings"]],
        {
            known.get((raw["FindingIdentifier"]["Id"], raw["FindingIdentifier"]["ProductArn"])): raw
            for raw in answer["UnprocessedFindings"]
        },
    )


def _update_v2(
    client: Client, identifiers: Sequence[Identifier], *, workflow: str, note: str
) -> Written:
    known = {one.metadata_uid: one for one in identifiers}
    answer = client.call(
        "batch_update_findings_v2",
        MetadataUids=list(known),
        StatusId=_STATUS_IDS[workflow],
        **({"Comment": note} if note else {}),
    )
    return _written(
        identifiers,
        [known.get(raw.get("MetadataUid", "")) for raw in answer["ProcessedFindings"]],
        {known.get(raw.get("MetadataUid", "")): raw for raw in answer["UnprocessedFindings"]},
    )


def _written(
    identifiers: Sequence[Identifier],
    processed: Sequence[Identifier | None],
    refused: Mapping[Identifier | None, Mapping[str, Any]],
) -> Written:
    done = frozenset(one for one in processed if one is not None)
    return Written(
        processed=done,
        unprocessed={
            one: _reason(refused[one]) if one in refused else _SILENT
            for one in identifiers
            if one not in done
        },
    )


def _reason(raw: Mapping[str, Any]) -> str:
    return f"{raw.get('ErrorCode', '')}: {raw.get('ErrorMessage', '')}".strip(": ")
