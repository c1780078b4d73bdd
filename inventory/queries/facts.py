"""What is known of one account besides its findings, what is not, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from inventory.access import AnyUser
from inventory.facts import Fact
from inventory.models import Account, AccountFact

REGION_STATUS = "region.status"
_ENABLED = ("ENABLED", "ENABLED_BY_DEFAULT")
NOT_ASKED = "NOT_ASKED"
_UNKNOWN = {
    AccountFact.State.DENIED: "denied",
    AccountFact.State.UNAVAILABLE: "not told",
    NOT_ASKED: "not asked yet",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How a fact is shown: `good` and `bad` are the words for True and False."""

    label: str
    good: str = "on"
    bad: str = "off"


_OF_ACCOUNT: Final[Mapping[str, Mapping[Fact, Wording]]] = {
    "Root user and account": {
        Fact.ROOT_ACCESS_KEYS: Wording("Root access keys"),
        Fact.ROOT_MFA: Wording("Root MFA"),
        Fact.ROOT_PASSWORD: Wording("Root password", "set", "none"),
        Fact.S3_BLOCK_PUBLIC_ACCESS: Wording("S3 public access block"),
        Fact.CONTACT_SECURITY: Wording("Security contact", "set", "not set"),
        Fact.CONTACT_OPERATIONS: Wording("Operations contact", "set", "not set"),
        Fact.CONTACT_BILLING: Wording("Billing contact", "set", "not set"),
    },
    "Users and roles": {
        Fact.IAM_USERS: Wording("IAM users"),
        Fact.IAM_PASSWORDS: Wording("… with a console password"),
        Fact.IAM_PASSWORDS_WITH_MFA: Wording("… and with MFA"),
        Fact.IAM_ACCESS_KEYS: Wording("Active access keys"),
        Fact.IAM_ACCESS_KEYS_OLD: Wording("… not rotated for 90 days"),
        Fact.IAM_ROLES: Wording("IAM roles"),
        Fact.ASSIGNED_PERMISSION_SETS: Wording("Permission sets assigned"),
    },
}
_OF_ORGANIZATION: Final[Mapping[str, Mapping[Fact, Wording]]] = {
    "Organisation": {
        Fact.ROOT_CENTRAL: Wording("Central root credentials"),
        Fact.ROOT_SESSIONS: Wording("Central root sessions"),
        Fact.ORGANIZATION_TRAIL: Wording("Organisation trail"),
        Fact.IDENTITY_CENTER: Wording("Identity Center"),
        Fact.PERMISSION_SETS: Wording("Permission sets"),
    },
}
_OF_REGION: Final[Mapping[Fact, Wording]] = {
    Fact.CLOUDTRAIL: Wording("CloudTrail"),
    Fact.CONFIG_RECORDER: Wording("Config"),
    Fact.GUARDDUTY: Wording("GuardDuty"),
    Fact.SECURITY_HUB: Wording("Security Hub"),
    Fact.INSPECTOR_EC2: Wording("Inspector EC2"),
    Fact.INSPECTOR_ECR: Wording("Inspector ECR"),
    Fact.INSPECTOR_LAMBDA: Wording("Inspector Lambda"),
    Fact.MACIE: Wording("Macie"),
    Fact.MACIE_DISCOVERY: Wording("Macie discovery"),
    Fact.EBS_ENCRYPTION: Wording("EBS encryption"),
    Fact.IMDS_V2_DEFAULT: Wording("IMDSv2 default", "required", "optional"),
    Fact.VPC_BLOCK_PUBLIC_ACCESS: Wording("VPC block"),
    Fact.SNAPSHOT_BLOCK_PUBLIC_ACCESS: Wording("Snapshot block"),
}
# Of these, the fewer the better; of the other numbers nothing is good or bad.
_BETTER_NONE = (Fact.ROOT_ACCESS_KEYS, Fact.IAM_ACCESS_KEYS_OLD)
_MODES_OFF = ("off", "unblocked")


@dataclass(frozen=True, slots=True)
class FactLine:
    """One fact in words. `is_good` is None where it is neither, or where nothing is known."""

    label: str
    text: str
    state: str
    is_good: bool | None
    missing_permission: str
    as_of: datetime | None

    @property
    def is_known(self) -> bool:
        return self.state == AccountFact.State.KNOWN


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts of the whole account that belong together."""

    title: str
    lines: tuple[FactLine, ...]


@dataclass(frozen=True, slots=True)
class RegionLine:
    """The facts of one Region, in the order of the columns."""

    region: str
    lines: tuple[FactLine, ...]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """`as_of` is of the oldest known fact; `missing` are the IAM actions that were refused.

    `columns` are the labels of the facts of a Region. `not_asked` counts the facts that nobody has
    asked for yet.
    """

    groups: tuple[FactGroup, ...]
    columns: tuple[str, ...]
    regions: tuple[RegionLine, ...]
    missing: tuple[str, ...]
    not_asked: int
    as_of: datetime | None

    @property
    def lines(self) -> tuple[FactLine, ...]:
        return tuple(line for group in self.groups for line in group.lines)

    @property
    def is_empty(self) -> bool:
        return self.as_of is None and not self.missing


def facts(user: AnyUser, account: Account) -> AccountSettings:
    """What the account's settings are, in its enabled Regions too. One query; reads `account.ou`."""
    mine = Account.objects.visible_to(user).filter(pk=account.pk)
    rows = {
        (row.key, row.region): row
        for row in AccountFact.objects.filter(account__in=mine.values("pk"))
    }
    organization = account.ou.organization
    wanted = dict(_OF_ACCOUNT)
    if account.account_id == organization.management_account_id:
        wanted |= _OF_ORGANIZATION
    groups = tuple(
        FactGroup(title, tuple(_line(rows.get((f, "")), f, words) for f, words in of.items()))
        for title, of in wanted.items()
    )
    regions = tuple(
        RegionLine(
            region,
            tuple(
                _line(rows.get((fact, region)), fact, words) for fact, words in _OF_REGION.items()
            ),
        )
        for region in _regions(rows)
    )
    shown = [line for group in groups for line in group.lines]
    shown += [line for region in regions for line in region.lines]
    known = [line.as_of for line in shown if line.is_known and line.as_of]
    return AccountSettings(
        groups=groups,
        columns=tuple(words.label for words in _OF_REGION.values()),
        regions=regions,
        missing=tuple(sorted({line.missing_permission for line in shown} - {""})),
        not_asked=sum(line.state == NOT_ASKED for line in shown),
        as_of=min(known, default=None),
    )


def _regions(rows: Mapping[tuple[str, str], AccountFact]) -> list[str]:
    """The enabled Regions; where nobody told which these are, those that something is known of."""
    told = {region for key, region in rows if key == REGION_STATUS}
    if told:
        return sorted(r for r in told if rows[REGION_STATUS, r].value in _ENABLED)
    return sorted({region for _, region in rows if region})


def _line(row: AccountFact | None, fact: Fact, words: Wording) -> FactLine:
    state = row.state if row else NOT_ASKED
    if row is None or state != AccountFact.State.KNOWN:
        permission = row.missing_permission if row else ""
        as_of = row.as_of if row else None
        return FactLine(words.label, _UNKNOWN[state], state, None, permission, as_of)
    text, is_good = _worded(fact, row.value, words)
    return FactLine(words.label, text, state, is_good, "", row.as_of)


def _worded(fact: Fact, value: object, words: Wording) -> tuple[str, bool | None]:
    if isinstance(value, dict):
        on = sum(bool(one) for one in value.values())
        return f"{on} of {len(value)} on", on == len(value)
    if isinstance(value, bool):
        # A root password is neither: where root users are managed centrally there is none.
        is_good = None if fact == Fact.ROOT_PASSWORD else value
        return (words.good if value else words.bad), is_good
    if isinstance(value, int):
        return (str(value) if value else "none"), value == 0 if fact in _BETTER_NONE else None
    return str(value), value not in _MODES_OFF
