"""Writes what AWS Organizations told us: one pass, one transaction, keyed by AWS's own ids.

Running it again with the same records leaves every row as it is. Rows that a complete pass does
not name any more are marked gone, never deleted: findings and history hang on them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from inventory.models import (
    Account,
    AccountFact,
    DelegatedAdministrator,
    Organization,
    OrganizationalUnit,
    OrgPolicy,
    Placement,
    PolicyAttachment,
    Team,
)
from inventory.sources.organizations import (
    AccountRecord,
    AttachmentRecord,
    DelegatedAdministratorRecord,
    OrganizationRecord,
    OuRecord,
    PolicyRecord,
)
from inventory.sources.regions import RegionRecord

BATCH = 500
OWNER_TAGS = ("owner", "team")
ENVIRONMENT_TAGS = ("environment", "env")
CRITICALITY = {"low": 1, "medium": 1, "high": 2, "critical": 3}

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

    `tags` lacks an account whose tags could not be read; its old tags stay. `policies` carry
    their content; `policy_types_read` are the types whose listing is complete.
    """

    organization: OrganizationRecord
    ous: Sequence[OuRecord]
    accounts: Sequence[AccountRecord]
    tags: Mapping[str, Mapping[str, str]]
    policies: Sequence[PolicyRecord]
    attachments: Sequence[AttachmentRecord]
    administrators: Sequence[DelegatedAdministratorRecord]


@transaction.atomic
def store_inventory(inventory: Inventory, *, name: str, as_of: datetime) -> Organization:
    """Store the organisation as it is at `as_of`, and mark what is missing as gone."""
    organization = _store_organization(inventory.organization, name=name)
    ous = _store_ous(organization, inventory, as_of=as_of)
    accounts = _store_accounts(organization, inventory, ous=ous, as_of=as_of)
    _store_placements(accounts, as_of=as_of)
    policies = _store_policies(organization, inventory.policies, as_of=as_of)
    _store_attachments(policies, inventory.attachments, as_of=as_of)
    _store_administrators(organization, inventory.administrators)
    return organization


def store_regions(
    account: Account, regions: Iterable[RegionRecord], *, as_of: datetime
) -> list[str]:
    """Store which Regions the account has; returns the enabled ones, sorted."""
    rows = [
        AccountFact(
            account=account,
            region=record.region,
            key="region.status",
            value=record.status,
            state=AccountFact.State.KNOWN,
            as_of=as_of,
        )
        for record in sorted(regions, key=lambda record: record.region)
    ]
    AccountFact.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["account", "region", "key"],
        update_fields=["value", "state", "as_of"],
    )
    return [row.region for row in rows if row.value in {"ENABLED", "ENABLED_BY_DEFAULT"}]


def role_of(name: str, *, parent_role: str) -> str:
    """The role that an OU's name tells, else its parent's."""
    lowered = name.lower()
    for word, role in _ROLE_WORDS:
        if word in lowered:
            return role
    return parent_role


def canonical_hash(content: str) -> bytes:
    """Of a policy's meaning as JSON, so that the console's white space is no change (32 bytes)."""
    try:
        text = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"))
    except ValueError:
        text = content
    return hashlib.sha256(text.encode()).digest()


def _store_organization(record: OrganizationRecord, *, name: str) -> Organization:
    organization, _ = Organization.objects.update_or_create(
        org_id=record.org_id,
        defaults={
            "name": name,
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


def _store_accounts(
    organization: Organization,
    inventory: Inventory,
    *,
    ous: Mapping[str, OrganizationalUnit],
    as_of: datetime,
) -> list[Account]:
    old = {a.account_id: a for a in Account.objects.filter(organization=organization)}
    tags = {
        record.account_id: dict(
            inventory.tags.get(
                record.account_id,
                old[record.account_id].tags if record.account_id in old else {},
            )
        )
        for record in inventory.accounts
    }
    teams = _store_teams(tags.values())
    rows = []
    for record in sorted(inventory.accounts, key=lambda record: record.account_id):
        own = {key.lower(): value for key, value in tags[record.account_id].items()}
        rows.append(
            Account(
                organization=organization,
                account_id=record.account_id,
                arn=record.arn,
                name=record.name,
                email=record.email,
                state=record.state,
                joined_at=record.joined_at,
                joined_method=record.joined_method,
                ou=ous[record.parent_id],
                tags=tags[record.account_id],
                environment=_first(own, ENVIRONMENT_TAGS).lower()[:40],
                criticality=CRITICALITY.get(_first(own, ("criticality",)).lower(), 1),
                team=teams.get(_slug(_first(own, OWNER_TAGS))),
            )
        )
    columns = [
        "arn",
        "name",
        "email",
        "state",
        "joined_at",
        "joined_method",
        "ou",
        "tags",
        "environment",
        "criticality",
        "team",
        "gone_at",
    ]
    Account.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "account_id"],
        update_fields=columns,
    )
    live = Account.objects.filter(organization=organization, gone_at=None)
    live.exclude(account_id__in=tags).update(gone_at=as_of)
    return list(live.order_by("account_id"))


def _first(tags: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((tags[key] for key in keys if tags.get(key)), "")


def _slug(name: str) -> str:
    return name.strip().lower().replace(" ", "-")[:80]


def _store_teams(tags: Iterable[Mapping[str, str]]) -> dict[str, Team]:
    names = {_first({key.lower(): value for key, value in own.items()}, OWNER_TAGS) for own in tags}
    slugs = {_slug(name): name for name in sorted(names) if _slug(name)}
    Team.objects.bulk_create(
        [Team(slug=slug, name=name[:120]) for slug, name in sorted(slugs.items())],
        ignore_conflicts=True,
    )
    return {team.slug: team for team in Team.objects.filter(slug__in=slugs)}


def _store_placements(accounts: Sequence[Account], *, as_of: datetime) -> None:
    """Close the placement of an account that moved, and open the next; a day holds one placement."""
    day = as_of.date()
    current = {
        placement.account_id: placement
        for placement in Placement.objects.filter(account__in=accounts, until=None)
    }
    moved = [a for a in accounts if a.pk not in current or current[a.pk].ou_id != a.ou_id]
    to_open = []
    for account in moved:
        placement = current.get(account.pk)
        if placement and placement.since >= day:
            placement.ou_id = account.ou_id
            placement.save(update_fields=["ou"])
            continue
        if placement:
            placement.until = day
            placement.save(update_fields=["until"])
        to_open.append(Placement(account=account, ou_id=account.ou_id, since=day))
    Placement.objects.bulk_create(to_open, batch_size=BATCH)


def _store_policies(
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


def _store_attachments(
    policies: Mapping[str, OrgPolicy], records: Iterable[AttachmentRecord], *, as_of: datetime
) -> None:
    wanted = {
        (policies[r.policy_id].pk, r.target_id): r for r in records if r.policy_id in policies
    }
    current = PolicyAttachment.objects.filter(
        policy__organization__in={policy.organization_id for policy in policies.values()},
        until=None,
    )
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
