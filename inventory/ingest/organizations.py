"""The organisation, its tree and its delegated administrators."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from inventory.ingest.accounts import store_accounts, store_placements
from inventory.ingest.policies import (
    store_attachments,
    store_enabled_types,
    store_policies,
)
from inventory.models import DelegatedAdministrator, Organization, OrganizationalUnit
from inventory.sources.organizations import (
    AccountRecord,
    AttachmentRecord,
    DelegatedAdministratorRecord,
    OrganizationRecord,
    OuRecord,
    PolicyRecord,
)

# A word in an OU's name -> its role; a child without a word of its own has its parent's role.
_ROLE_WORDS = (
    ("suspend", "SUSPENDED"),
    ("quarantine", "SUSPENDED"),
    ("exception", "EXCEPTIONS"),
    ("onboard", "ONBOARDING"),
    ("nursery", "NURSERY"),
    ("staging ou", "POLICY_STAGING"),
    ("policy", "POLICY_STAGING"),
    ("sandbox", "SANDBOX"),
    ("security", "SECURITY"),
    ("audit", "SECURITY"),
    ("infrastructure", "INFRASTRUCTURE"),
    ("platform services", "INFRASTRUCTURE"),
    ("workload", "WORKLOADS"),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """A whole organisation as read in one pass.

    `tags` lacks an account whose tags were not read; its old tags stay. `policies` carry their
    content; None means that this pass did not read policies and attachments.
    """

    organization: OrganizationRecord
    ous: Sequence[OuRecord]
    accounts: Sequence[AccountRecord]
    tags: Mapping[str, Mapping[str, str]]
    policies: Sequence[PolicyRecord] | None
    attachments: Sequence[AttachmentRecord]
    administrators: Sequence[DelegatedAdministratorRecord]


@transaction.atomic
def store_inventory(
    inventory: Inventory, *, name: str, time_zone: str = "UTC", as_of: datetime
) -> Organization:
    """Store the organisation as it is at `as_of`, and mark what is missing as gone."""
    organization = _store_organization(inventory.organization, name=name, time_zone=time_zone)
    store_enabled_types(organization, inventory.organization.policy_types, as_of=as_of)
    ous = _store_ous(organization, inventory, as_of=as_of)
    accounts = store_accounts(
        organization, inventory.accounts, known_tags=inventory.tags, ous=ous, as_of=as_of
    )
    store_placements(accounts, as_of=as_of)
    if inventory.policies is not None:
        policies = store_policies(organization, inventory.policies, as_of=as_of)
        store_attachments(organization, policies, inventory.attachments, as_of=as_of)
    _store_administrators(organization, inventory.administrators)
    return organization


def role_of(name: str, *, parent_role: str) -> str:
    """The role that an OU's name tells, else its parent's."""
    lowered = name.lower()
    for word, role in _ROLE_WORDS:
        if word in lowered:
            return role
    return parent_role


def _store_organization(record: OrganizationRecord, *, name: str, time_zone: str) -> Organization:
    organization, _ = Organization.objects.update_or_create(
        org_id=record.org_id,
        defaults={
            "name": name,
            "time_zone": time_zone,
            "arn": record.arn,
            "management_account_id": record.management_account_id,
            "root_id": record.root_id,
            "enabled_policy_types": sorted(record.policy_types),
        },
    )
    return organization


def _store_ous(
    organization: Organization, inventory: Inventory, *, as_of: datetime
) -> dict[str, OrganizationalUnit]:
    """Parents before children, level by level, because a row needs its parent's key and path."""
    root = inventory.organization
    stored: dict[str, OrganizationalUnit] = {}
    known = {ou.ou_id: ou for ou in OrganizationalUnit.objects.filter(organization=organization)}
    children: dict[str, list[OuRecord]] = {}
    for record in inventory.ous:
        children.setdefault(record.parent_id, []).append(record)
    level = [OuRecord(ou_id=root.root_id, arn=root.root_arn, name=root.root_name, parent_id="")]
    while level:
        for record in sorted(level, key=lambda record: record.ou_id):
            row = known.get(record.ou_id) or OrganizationalUnit(
                organization=organization, ou_id=record.ou_id
            )
            _fill_ou(row, record, parent=stored.get(record.parent_id))
            row.save()
            stored[record.ou_id] = row
        level = [child for record in level for child in children.get(record.ou_id, [])]
    gone = OrganizationalUnit.objects.filter(organization=organization, gone_at=None)
    gone.exclude(ou_id__in=stored).update(gone_at=as_of)
    return stored


def _fill_ou(
    row: OrganizationalUnit, record: OuRecord, *, parent: OrganizationalUnit | None
) -> None:
    row.arn, row.name, row.parent, row.gone_at = record.arn, record.name, parent, None
    row.path = f"{parent.path if parent else ''}{record.ou_id}/"
    row.depth = parent.depth + 1 if parent else 0
    above = parent.label if parent else ""
    row.label = "" if parent is None else f"{above} / {record.name}" if above else record.name
    row.role = (
        role_of(record.name, parent_role=parent.role) if parent else OrganizationalUnit.Role.OTHER
    )


def _store_administrators(
    organization: Organization, records: Iterable[DelegatedAdministratorRecord]
) -> None:
    wanted = {(record.account_id, record.service_principal) for record in records}
    current = DelegatedAdministrator.objects.filter(organization=organization)
    known = {(row.account_id, row.service_principal): row.pk for row in current}
    current.filter(pk__in=[pk for key, pk in known.items() if key not in wanted]).delete()
    DelegatedAdministrator.objects.bulk_create(
        [
            DelegatedAdministrator(
                organization=organization, account_id=account_id, service_principal=service
            )
            for account_id, service in sorted(wanted - set(known))
        ]
    )
