"""Facts about one account that no score is made of: where it was, and which policies reach it."""

from dataclasses import dataclass
from datetime import date, datetime

from inventory.access import AnyUser
from inventory.models import (
    Account,
    OrganizationalUnit,
    Placement,
    PolicyAttachment,
    Team,
)
from inventory.models.accounts import AccountQuerySet

# Permission filters never apply to the management account; neither do declarative policies' guards.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
_NOT_IN_MANAGEMENT = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


@dataclass(frozen=True, slots=True)
class PlacementLine:
    """`until` is exclusive; None is now."""

    ou_label: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """`applies` is False where AWS exempts the account: SCPs and RCPs in the management account."""

    policy_id: str
    name: str
    type: str
    target: str
    target_kind: str
    is_aws_managed: bool
    since: datetime
    applies: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What the account list can be narrowed to: (value, label)."""

    teams: tuple[tuple[str, str], ...]
    environments: tuple[tuple[str, str], ...]


def visible(user: AnyUser) -> AccountQuerySet:
    """Accounts that the person sees, with what their page names."""
    return Account.objects.visible_to(user).select_related("ou__organization", "team")


def placements(account: Account) -> tuple[PlacementLine, ...]:
    """Where the account was, newest first. One query."""
    rows = Placement.objects.filter(account=account).select_related("ou").order_by("-since")
    return tuple(PlacementLine(row.ou.label or "Root", row.since, row.until) for row in rows)


def policies(account: Account) -> tuple[PolicyLine, ...]:
    """Policies attached to the root, to each OU on the way and to the account. Two queries."""
    way = [*account.ou.path.strip("/").split("/"), account.account_id]
    rows = (
        PolicyAttachment.objects.filter(
            target_id__in=way, until=None, policy__organization=account.organization_id
        )
        .select_related("policy")
        .order_by("policy__type", "policy__name", "pk")
    )
    names = dict(OrganizationalUnit.objects.filter(ou_id__in=way).values_list("ou_id", "name"))
    is_management = account.ou.organization.management_account_id == account.account_id
    lines = [
        PolicyLine(
            policy_id=row.policy.policy_id,
            name=row.policy.name,
            type=row.policy.type,
            target=names.get(row.target_id, "this account"),
            target_kind=row.target_kind,
            is_aws_managed=row.policy.is_aws_managed,
            since=row.since,
            applies=not (is_management and row.policy.type in _NOT_IN_MANAGEMENT),
        )
        for row in sorted(rows, key=lambda row: way.index(row.target_id))
    ]
    return tuple(sorted(lines, key=lambda line: line.type))


def choices(user: AnyUser) -> Choices:
    """Teams and environments among the accounts that the person sees. Two queries."""
    mine = Account.objects.visible_to(user).live()
    teams = Team.objects.filter(pk__in=mine.values("team_id")).order_by("name", "pk")
    environments = mine.exclude(environment="").values_list("environment", flat=True)
    return Choices(
        teams=tuple((team.slug, team.name) for team in teams),
        environments=tuple(
            (name, name) for name in environments.distinct().order_by("environment")
        ),
    )
