"""Invariants as files for other tools, and policies of AWS as drafts of invariants.

Imports the catalogue with its exports, which takes a second: views import this where they need it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from invariants import exports, imports
from invariants.catalog import BOUNDARY
from invariants.exports import Document, NotExportable
from invariants.imports import TO_WRITE, Draft, NotImportable
from invariants.models import Invariant, InvariantVersion
from invariants.queries.catalogue import record_of
from inventory.models import Organization, OrganizationalUnit, OrgPolicy, PolicyAttachment

__all__ = [
    "FORMS",
    "File",
    "NotExportable",
    "NotImportable",
    "draft_of",
    "export",
    "pack",
    "to_write",
]

_Write = Callable[[Sequence[Document]], str]


@dataclass(frozen=True, slots=True)
class File:
    """A text file to be downloaded: its name, media type and text."""

    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class _Form:
    ending: str
    media_type: str
    write: _Write


def _plain(documents: Sequence[Document]) -> str:
    """Each policy with its name, type and targets."""
    told = [
        {
            "name": document.name,
            "description": document.description,
            "type": document.type,
            "targets": list(document.targets),
            "policy": json.loads(document.content),
        }
        for document in documents
    ]
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


FORMS: Final[Mapping[str, _Form]] = {
    "policy.json": _Form("json", "application/json", _plain),
    "terraform": _Form("tf", "text/plain; charset=utf-8", exports.terraform),
    "cloudformation": _Form("template.json", "application/json", exports.cloudformation),
}


def export(invariant: Invariant, form: str) -> File:
    """One invariant in one of FORMS; as `policy.json` it is the policy alone, as AWS takes it.

    :raises NotExportable: while the policy has example values, or the form cannot hold its type.
    """
    version = InvariantVersion.objects.get(invariant=invariant, replaced_at=None)
    record, chosen = record_of(version), FORMS[form]
    name = f"{invariant.key}.{chosen.ending}"
    if form != "policy.json":
        return File(name, chosen.media_type, chosen.write([_document(version)]))
    if record.type != BOUNDARY or version.source["examples"]:
        _document(version)
    return File(name, chosen.media_type, exports.policy_json(record, indent=2))


def pack(organization: Organization, form: str) -> File:
    """All enforced invariants in as few policies as AWS's limits allow. Boundaries are no policies of an
    organisation, and are left out.

    :raises NotExportable: naming every one whose policy has example values; or where none is enforced.
    """
    enforced = InvariantVersion.objects.filter(
        replaced_at=None,
        invariant__in=Invariant.objects.live().filter(
            organization=organization, state=Invariant.State.ENFORCED
        ),
    ).exclude(invariant__type=BOUNDARY)
    documents, refused = [], []
    for version in enforced.select_related("invariant").order_by("invariant__key"):
        try:
            documents.append(_document(version))
        except NotExportable as error:
            refused.append(str(error))
    if refused:
        raise NotExportable("; ".join(refused))
    if not documents:
        raise NotExportable("No invariant is enforced yet: there is nothing to pack")
    chosen = FORMS[form]
    return File(
        f"invariants.{chosen.ending}", chosen.media_type, chosen.write(exports.pack(documents))
    )


def _document(version: InvariantVersion) -> Document:
    return exports.document(record_of(version), left_as_examples=version.source["examples"])


def draft_of(policy: OrgPolicy) -> Draft:
    """The policy as it stands in AWS, as a catalogue file that a person has to finish.

    :raises NotImportable: where its text could not be read, or is no policy.
    """
    if not policy.content:
        raise NotImportable(f"{policy.name}: its text could not be read from AWS")
    attached = PolicyAttachment.objects.filter(policy=policy, until=None).order_by("pk")
    labels = dict(
        OrganizationalUnit.objects.filter(organization=policy.organization_id).values_list(
            "ou_id", "label"
        )
    )
    taken = Invariant.objects.filter(organization=policy.organization_id)
    return imports.from_attached(
        name=policy.name,
        description=policy.description,
        policy_type=policy.type,
        content=policy.content,
        attachments=list(_attachments(attached, labels)),
        taken=list(taken.order_by("key").values_list("key", flat=True)),
    )


def _attachments(
    rows: Iterable[PolicyAttachment], labels: Mapping[str, str]
) -> Iterable[imports.Attachment]:
    for row in rows:
        if row.target_kind == PolicyAttachment.Target.ROOT:
            yield imports.Attachment(is_root=True)
        elif row.target_kind == PolicyAttachment.Target.ACCOUNT:
            yield imports.Attachment(account_id=row.target_id)
        else:
            path = labels.get(row.target_id, "").replace(" / ", "/")
            yield imports.Attachment(ou=path or row.target_id)


def to_write(draft: Draft) -> tuple[str, ...]:
    """What only a person knows of a draft: the fields that say so, in the order of the file."""
    return tuple(name for name, value in draft.data.items() if TO_WRITE in json.dumps(value))
