"""Rows for tests, made by functions with defaults: say only what the test is about."""

import functools
import hashlib
import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User

from findings import clocks, rollups
from findings.models import (
    Control,
    Episode,
    Finding,
    FindingPayload,
    QuarantinedFinding,
)
from findings.rollups import texts
from inventory.models import (
    Account,
    Collection,
    CollectionRun,
    Organization,
    OrganizationalUnit,
    OrgPolicy,
    OuAccess,
    Placement,
    PolicyAttachment,
    Team,
    TeamMembership,
)
from posture.models import AccountDay, Cell, OuControl, OuDay, RollupState

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = NOW.date()
PASSWORD = "a-long-test-password"

_numbers = itertools.count(1)


def number() -> int:
    """A number that no row has had yet."""
    return next(_numbers)


def organization(**changes: Any) -> Organization:
    """The one organisation: the same row on every call."""
    values = {
        "name": "Halden Group",
        "arn": "arn:aws:organizations::100000000001:organization/o-halden0001",
        "management_account_id": "100000000001",
        "root_id": "r-ab12",
        "home_region": "eu-west-1",
    }
    row, _ = Organization.objects.get_or_create(org_id="o-halden0001", defaults=values | changes)
    return row


def root(**changes: Any) -> OrganizationalUnit:
    """The root: the same row on every call."""
    values = {"name": "Root", "path": "r-ab12/", "depth": 0}
    row, _ = OrganizationalUnit.objects.get_or_create(
        organization=organization(), ou_id="r-ab12", defaults=values | changes
    )
    return row


def ou(
    *, parent: OrganizationalUnit | None = None, name: str = "Workloads", role: str = "WORKLOADS"
) -> OrganizationalUnit:
    parent = parent or root()
    ou_id = f"ou-ab12-{number():08d}"
    return OrganizationalUnit.objects.create(
        organization=parent.organization,
        ou_id=ou_id,
        name=name,
        parent=parent,
        path=f"{parent.path}{ou_id}/",
        label=f"{parent.label} / {name}" if parent.label else name,
        depth=parent.depth + 1,
        role=role,
    )


def team(*, slug: str = "") -> Team:
    slug = slug or f"team-{number()}"
    return Team.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ")})[0]


def account(*, ou: OrganizationalUnit | None = None, **changes: Any) -> Account:
    place = ou or root()
    count = number()
    values: dict[str, Any] = {
        "account_id": f"{300_000_000_000 + count}",
        "name": f"account-{count}",
        "state": "ACTIVE",
        "joined_at": NOW - timedelta(days=400),
        "joined_method": "CREATED",
        "environment": "production",
        "tags": {"owner": "payments"},
    }
    row = Account.objects.create(organization=place.organization, ou=place, **(values | changes))
    Placement.objects.create(account=row, ou=place, since=DAY - timedelta(days=400))
    return row


def control(**changes: Any) -> Control:
    values: dict[str, Any] = {
        "control_id": f"S3.{number()}",
        "title": "S3 buckets should block public access",
        "severity": "HIGH",
        "area": "DATA_PROTECTION",
        "remediation_url": "https://docs.aws.amazon.com/console/securityhub/S3.8/remediation",
    }
    return Control.objects.create(organization=organization(), **(values | changes))


def finding(*, account: Account, control: Control, payload: Any = None, **changes: Any) -> Finding:
    """An open finding (with its episode) unless `status` says otherwise."""
    count = number()
    values: dict[str, Any] = {
        "finding_id": f"arn:aws:securityhub:eu-west-1:{account.account_id}:finding/{count}",
        "product_arn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "product": "securityhub",
        "region": "eu-west-1",
        "title": control.title,
        "severity": control.severity,
        "status": "OPEN",
        "compliance": "FAILED",
        "workflow": "NEW",
        "record_state": "ACTIVE",
        "resource_id": f"arn:aws:s3:::bucket-{count}",
        "resource_type": "AwsS3Bucket",
        "created_at": NOW - timedelta(days=10),
        "updated_at": NOW - timedelta(hours=2),
        "first_observed_at": NOW - timedelta(days=10),
    } | changes
    values.setdefault("opened_at", NOW - timedelta(days=9) if values["status"] == "OPEN" else None)
    clock = clocks.load().clock_of(severity=values["severity"], is_public=values.get("is_public"))
    opened_at = values["opened_at"]
    due = clocks.due_at(clock, opened_at=opened_at, fix_seen_at=None) if opened_at else None
    values.setdefault("due_at", due)
    row = Finding.objects.create(
        organization=account.organization,
        key=hashlib.blake2b(values["finding_id"].encode(), digest_size=16).digest(),
        content_hash=bytes(16),
        account=account,
        control=control,
        **values,
    )
    FindingPayload.objects.create(
        finding=row, payload=payload or {"Id": row.finding_id, "Title": row.title}
    )
    if row.opened_at:
        Episode.objects.create(finding=row, opened_at=row.opened_at)
    return row


def count_findings(*, now: datetime = NOW) -> None:
    """Count all findings, as rollups would have done one by one."""
    rollups.rebuild_counts(now=now)


def write_words() -> None:
    """Let all findings be found by their words, as rollups would have done."""
    texts.rebuild(now=NOW)


def _amounts(score: float | None, *, coverage: float, weight: int) -> dict[str, Decimal]:
    if score is None:
        return {"coverage_n": Decimal(0), "coverage_d": Decimal(weight)}
    passed = Decimal(str(score)) * weight / 100
    return {
        "managed_n": passed,
        "managed_d": Decimal(weight),
        "raw_n": passed,
        "raw_d": Decimal(weight),
        "coverage_n": Decimal(str(coverage)) * weight / 100,
        "coverage_d": Decimal(weight),
        "exception_d": Decimal(weight),
    }


def ou_day(
    *,
    ou: OrganizationalUnit,
    day: date = DAY,
    score: float | None = 80,
    coverage: float = 100,
    weight: int = 1000,
    area: str = "",
    **changes: Any,
) -> OuDay:
    values: dict[str, Any] = {"accounts": 3, "accounts_evaluated": 3, "accounts_total": 3}
    values["failed"] = 10
    values |= _amounts(score, coverage=coverage, weight=weight) | changes
    return OuDay.objects.create(ou=ou, day=day, area=area, **values)


def account_day(
    *,
    account: Account,
    day: date = DAY,
    score: float | None = 80,
    coverage: float = 100,
    weight: int = 100,
    area: str = "",
    **changes: Any,
) -> AccountDay:
    values = {"failed": 5} | _amounts(score, coverage=coverage, weight=weight) | changes
    return AccountDay.objects.create(account=account, ou=account.ou, day=day, area=area, **values)


def ou_control(*, ou: OrganizationalUnit, control: Control, **changes: Any) -> OuControl:
    values: dict[str, Any] = {
        "passed": 4,
        "failed": 6,
        "excepted": 0,
        "unknown": 0,
        "accounts_failing": 2,
        "accounts": 3,
        "lost_weight": Decimal(12),
        "overdue": 1,
    }
    return OuControl.objects.create(ou=ou, control=control, **(values | changes))


def cell(*, account: Account, control: Control, passed: int = 3, failed: int = 1) -> Cell:
    return Cell.objects.create(
        account=account, control=control, passed=passed, failed=failed, excepted=0, unknown=0
    )


def collection(**changes: Any) -> Collection:
    values: dict[str, Any] = {
        "as_of": NOW - timedelta(minutes=14),
        "state": "COMPLETE",
        "stage": "DONE",
        "started_at": NOW - timedelta(minutes=16),
        "finished_at": NOW - timedelta(minutes=14),
    }
    return Collection.objects.create(**(values | changes))


def run(*, collection: Collection, **changes: Any) -> CollectionRun:
    values: dict[str, Any] = {
        "organization": organization(),
        "source": "SECURITY_HUB",
        "state": "COMPLETE",
        "counts": {"findings": 1200},
        "queued_at": collection.started_at,
        "started_at": collection.started_at,
        "finished_at": collection.finished_at,
    }
    return CollectionRun.objects.create(collection=collection, **(values | changes))


def rollup_state(*, day: date = DAY, as_of: datetime = NOW - timedelta(minutes=13)) -> RollupState:
    return RollupState.objects.update_or_create(
        name="scores", defaults={"day": day, "as_of": as_of}
    )[0]


def policy(*, target: str, target_kind: str = "OU", **changes: Any) -> PolicyAttachment:
    count = number()
    values: dict[str, Any] = {
        "policy_id": f"p-{count:08d}",
        "name": "deny-leaving",
        "type": "SERVICE_CONTROL_POLICY",
        "changed_at": NOW - timedelta(days=100),
    }
    row = OrgPolicy.objects.create(organization=organization(), **(values | changes))
    return PolicyAttachment.objects.create(
        policy=row, target_id=target, target_kind=target_kind, since=NOW - timedelta(days=90)
    )


def quarantined(**changes: Any) -> QuarantinedFinding:
    values: dict[str, Any] = {
        "source": "SECURITY_HUB",
        "source_id": f"broken-{number()}",
        "reason": "UpdatedAt is missing",
        "payload": {},
        "first_seen_at": NOW - timedelta(days=1),
    }
    return QuarantinedFinding.objects.create(organization=organization(), **(values | changes))


# Slow on purpose, and the same for every user.
_hashed = functools.cache(make_password)


# Marks a password as unusable; any text may follow the sign.
_NO_PASSWORD = "!of the identity provider"


def _user(username: str) -> User:
    """Somebody whom an identity provider signs in: there is no password here."""
    return User.objects.get_or_create(
        username=username,
        defaults={
            "first_name": username.replace("-", " ").title(),
            "password": _NO_PASSWORD,
        },
    )[0]


def local_person(*, username: str = "sam", **changes: Any) -> User:
    """Signs in here with PASSWORD, and has no second factor yet."""
    values = {"first_name": username.title(), "password": _hashed(PASSWORD)} | changes
    return User.objects.get_or_create(username=username, defaults=values)[0]


def person(
    *,
    role: str | Sequence[str],
    username: str = "",
    team: Team | None = None,
    ou: OrganizationalUnit | None = None,
) -> User:
    """Somebody with the rights of the role, or of several (see posture.policies.roles); () has none.

    :param team: sees its accounts. :param ou: sees it, and everything below it.
    """
    roles = (role,) if isinstance(role, str) else tuple(role)
    user = _user(username or "-".join([*roles, "person"]).lower().replace(" ", "-"))
    for name in roles:
        user.groups.add(Group.objects.get(name=name))
    if team is not None:
        TeamMembership.objects.get_or_create(team=team, user=user)
    if ou is not None:
        OuAccess.objects.get_or_create(ou=ou, user=user)
    return user


def security_engineer(*, username: str = "security-engineer") -> User:
    """Sees everything; may collect, triage, import, attest, and write in reviews."""
    return person(role="Security engineer", username=username)


def team_member(*, team: Team, username: str = "team-member") -> User:
    """Sees the accounts of one team and their findings, and may attest for them."""
    return person(role="Team member", username=username, team=team)


def ou_reader(*, ou: OrganizationalUnit, username: str = "ou-reader") -> User:
    """Sees one OU and everything below it, with the rights of a team member."""
    return person(role="Team member", username=username, ou=ou)


def stranger(*, username: str = "stranger") -> User:
    """Signed in, and sees nothing and may do nothing."""
    return person(role=(), username=username)
