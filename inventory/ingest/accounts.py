"""Accounts, the teams that own them, where they stand, and their Regions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from inventory.models import (
    Account,
    AccountFact,
    Organization,
    OrganizationalUnit,
    Placement,
    Team,
)
from inventory.sources.organizations import AccountRecord
from inventory.sources.regions import RegionRecord

BATCH = 500
OWNER_TAGS = ("owner", "team")
ENVIRONMENT_TAGS = ("environment", "env")
CRITICALITY = {"low": 1, "medium": 1, "high": 2, "critical": 3}


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


def store_accounts(
    organization: Organization,
    records: Sequence[AccountRecord],
    *,
    known_tags: Mapping[str, Mapping[str, str]],
    ous: Mapping[str, OrganizationalUnit],
    as_of: datetime,
) -> list[Account]:
    """Store the accounts; one whose tags could not be read keeps the tags it had."""
    old = {a.account_id: a for a in Account.objects.filter(organization=organization)}
    tags = {
        record.account_id: dict(
            known_tags.get(
                record.account_id,
                old[record.account_id].tags if record.account_id in old else {},
            )
        )
        for record in records
    }
    teams = _store_teams(tags.values())
    rows = []
    for record in sorted(records, key=lambda record: record.account_id):
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


def store_placements(accounts: Sequence[Account], *, as_of: datetime) -> None:
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
