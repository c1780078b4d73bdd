"""Policies of every type, and what they are attached to."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from inventory.models import EnabledPolicyType, Organization, OrgPolicy, PolicyAttachment
from inventory.sources.organizations import AttachmentRecord, PolicyRecord

BATCH = 500


def canonical_hash(content: str) -> bytes:
    """Of a policy's meaning as JSON, so that the console's white space is no change (32 bytes)."""
    try:
        text = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"))
    except ValueError:
        text = content
    return hashlib.sha256(text.encode()).digest()


def store_policies(
    organization: Organization, records: Iterable[PolicyRecord], *, as_of: datetime
) -> dict[str, OrgPolicy]:
    old = {p.policy_id: p for p in OrgPolicy.objects.filter(organization=organization)}
    rows = []
    for record in sorted(records, key=lambda record: record.policy_id):
        digest = canonical_hash(record.content)
        known = old.get(record.policy_id)
        is_same = known is not None and bytes(known.content_hash) == digest
        rows.append(
            OrgPolicy(
                organization=organization,
                policy_id=record.policy_id,
                arn=record.arn,
                name=record.name,
                description=record.description,
                type=record.type,
                is_aws_managed=record.is_aws_managed,
                content=record.content,
                content_hash=digest,
                changed_at=known.changed_at if known is not None and is_same else as_of,
            )
        )
    OrgPolicy.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "policy_id"],
        update_fields=[
            "arn",
            "name",
            "description",
            "type",
            "is_aws_managed",
            "content",
            "content_hash",
            "changed_at",
            "gone_at",
        ],
    )
    live = OrgPolicy.objects.filter(organization=organization, gone_at=None)
    live.exclude(policy_id__in=[row.policy_id for row in rows]).update(gone_at=as_of)
    return {policy.policy_id: policy for policy in live}


def store_enabled_types(
    organization: Organization, types: Iterable[str], *, as_of: datetime
) -> None:
    """Note which policy types began or ceased to be enabled on the root."""
    wanted = set(types)
    current = EnabledPolicyType.objects.filter(organization=organization, until=None)
    known = {row.type: row.pk for row in current}
    ended = [pk for name, pk in known.items() if name not in wanted]
    # One that began and ended within one moment was never on.
    current.filter(pk__in=ended, since__gte=as_of).delete()
    current.filter(pk__in=ended).update(until=as_of)
    EnabledPolicyType.objects.bulk_create(
        EnabledPolicyType(organization=organization, type=name, since=as_of)
        for name in sorted(wanted - set(known))
    )


def store_attachments(
    organization: Organization,
    policies: Mapping[str, OrgPolicy],
    records: Iterable[AttachmentRecord],
    *,
    as_of: datetime,
) -> None:
    """Open and close attachments so that the open ones are the records'."""
    wanted = {
        (policies[r.policy_id].pk, r.target_id): r for r in records if r.policy_id in policies
    }
    current = PolicyAttachment.objects.filter(policy__organization=organization, until=None)
    open_now = {(a.policy_id, a.target_id): a for a in current}
    ended = [row.pk for key, row in open_now.items() if key not in wanted]
    # An attachment that began and ended within one moment was never there.
    PolicyAttachment.objects.filter(pk__in=ended, since__gte=as_of).delete()
    PolicyAttachment.objects.filter(pk__in=ended).update(until=as_of)
    PolicyAttachment.objects.bulk_create(
        [
            PolicyAttachment(
                policy_id=key[0],
                target_id=record.target_id,
                target_kind=record.target_kind,
                since=as_of,
            )
            for key, record in sorted(wanted.items())
            if key not in open_now
        ],
        batch_size=BATCH,
    )
