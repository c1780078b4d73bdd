"""What the accounts have set at a moment: root user, IAM users, public access blocks, defaults of EC2, recorders, trails.

It is told from the same checks as the findings of Security Hub, so that both say the same of an account: a key of the root
user exists where IAM.4 fails, a trail is missing where CloudTrail.1 fails. Where no finding is reported (a Region without
resources) the check that might be there is judged in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox import chance
from sandbox.findings import resources
from sandbox.history import root_user
from sandbox.history.account_checks import fails, status_of
from sandbox.history.checks import Check, Status
from sandbox.history.world import World, world_of
from sandbox.model import Org
from sandbox.moments import DAY, HOUR, seconds_of_day
from sandbox.org.accounts import AccountPlan

ORGANIZATION_TRAIL = "halden-organisation"
S3_SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_OLD_KEY = 90 * DAY


@dataclass(frozen=True, slots=True)
class User:
    """One IAM user. Moments are seconds since 1970; `keys` has the last rotation of each active key."""

    name: str
    created_at: int
    has_password: bool
    has_mfa: bool
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """One trail of CloudTrail; `selects` is All, WriteOnly or ReadOnly (its management events)."""

    name: str
    owner_id: str
    home_region: str
    is_multi_region: bool
    is_of_organization: bool
    is_logging: bool
    selects: str

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudtrail:{self.home_region}:{self.owner_id}:trail/{self.name}"

    def reaches(self, region: str) -> bool:
        """Return whether it shows in a Region, as itself or as a shadow."""
        return self.is_multi_region or region == self.home_region


def root_summary(org: Org, plan: AccountPlan, now: int) -> Mapping[str, int]:
    """Return what GetAccountSummary says of the root user; the oldest accounts leave the password out."""
    is_removed = root_user.removed_at(org, plan) <= now
    has_mfa = not is_removed and not fails(org, plan, "IAM.9", org.home_region, now)
    summary = {
        "AccountAccessKeysPresent": int(fails(org, plan, "IAM.4", org.home_region, now)),
        "AccountMFAEnabled": int(has_mfa),
        "AccountSigningCertificatesPresent": 0,
    }
    if plan.joined_method == "INVITED" and chance.draw(plan.seed, 70) < 0.3:
        return summary
    return summary | {"AccountPasswordPresent": int(not is_removed)}


def has_security_contact(org: Org, plan: AccountPlan, now: int) -> bool:
    """Return whether a security contact is set: Account.1."""
    return not fails(org, plan, "Account.1", org.home_region, now)


def root_features(org: Org, now: int) -> tuple[str, ...]:
    """Return which features of central root management are on."""
    anchor = seconds_of_day(org.anchor)
    features = (
        ("RootCredentialsManagement", root_user.MANAGED_SINCE),
        ("RootSessions", root_user.SESSIONS_SINCE),
    )
    return tuple(name for name, since in features if anchor + since <= now)


def users(org: Org, plan: AccountPlan, now: int) -> tuple[User, ...]:
    """Return the IAM users of an account, whose keys and passwords are as IAM.3, IAM.5 and IAM.19 say."""
    world = world_of(org)
    checks: dict[int, dict[str, Check]] = {}
    for check in world.checks_of(plan):
        if check.slot and check.slot.resource_type == "AwsIamUser":
            checks.setdefault(check.slot.seed, {})[check.control.control_id] = check
    found = (_user(world, own, now) for own in checks.values())
    return tuple(user for user in found if user is not None)


def _user(world: World, checks: Mapping[str, Check], now: int) -> User | None:
    check = checks["IAM.3"]
    keys, password, mfa = (
        status_of(world, checks[one], now) for one in ("IAM.3", "IAM.5", "IAM.19")
    )
    if keys is None or check.slot is None:
        return None
    generation = check.slot.generation_at(now)
    seed = chance.mix(check.slot.seed, 900 + generation)
    resource_id = resources.identifier("AwsIamUser", check.place, seed)
    has_mfa = not (password and password.fails) and not (mfa and mfa.fails)
    rotated = _rotations(seed, keys, now)
    return User(
        name=resource_id.rpartition("/")[2],
        created_at=min((check.slot.birth(generation), *rotated)),
        has_password=bool(password and password.fails) or (has_mfa and chance.draw(seed, 51) < 0.5),
        has_mfa=has_mfa,
        keys=rotated,
    )


def _rotations(seed: int, status: Status, now: int) -> tuple[int, ...]:
    """Return when the active keys were rotated last: one that fails was due when it began to."""
    recent = now - 3 * DAY - (now - seed) % (80 * DAY)
    if status.fails:
        return (min(status.since, now) - _OLD_KEY - HOUR,)
    if chance.draw(seed, 52) < 0.35:
        return ()
    return (recent, recent - 2 * DAY) if chance.draw(seed, 53) < 0.1 else (recent,)


def roles(org: Org, plan: AccountPlan, now: int) -> int:
    """Return how many IAM roles an account has, with a few that AWS's services made for themselves."""
    slots = {
        check.slot.seed
        for check in world_of(org).checks_of(plan)
        if check.slot and check.slot.resource_type == "AwsIamRole" and check.slot.opens_at <= now
    }
    return len(slots) + 6 + plan.seed % 5


def s3_block(org: Org, plan: AccountPlan, now: int) -> Mapping[str, bool] | None:
    """Return the public access block of an account, None where nobody ever set it."""
    if not fails(org, plan, "S3.1", org.home_region, now):
        return dict.fromkeys(S3_SETTINGS, True)
    if chance.draw(plan.seed, 71) < 0.6:
        return None
    return {name: place < 2 for place, name in enumerate(S3_SETTINGS)}


def is_ebs_encrypted(org: Org, plan: AccountPlan, region: str, now: int) -> bool:
    """Return whether new volumes are encrypted: EC2.7."""
    return not fails(org, plan, "EC2.7", region, now)


def is_imds_v2_default(org: Org, plan: AccountPlan, region: str, now: int) -> bool:
    """Return whether new instances want IMDSv2: only where no instance or launch template is without it."""
    return not (fails(org, plan, "EC2.8", region, now) or fails(org, plan, "EC2.170", region, now))


def vpc_block(org: Org, plan: AccountPlan, region: str, now: int) -> str:
    """Return the mode of VPC block public access: EC2.172."""
    if fails(org, plan, "EC2.172", region, now):
        return "off"
    is_strict = chance.draw(chance.seed_of(plan.seed, region), 72) < 0.2
    return "block-bidirectional" if is_strict else "block-ingress"


def snapshot_block(org: Org, plan: AccountPlan, region: str, now: int) -> str:
    """Return the mode of the block of public snapshots: EC2.182, which AWS released within the story."""
    if fails(org, plan, "EC2.182", region, now):
        return "unblocked"
    is_strict = chance.draw(chance.seed_of(plan.seed, region), 73) < 0.7
    return "block-all-sharing" if is_strict else "block-new-sharing"


def is_recording(org: Org, plan: AccountPlan, region: str, now: int) -> bool | None:
    """Return whether AWS Config records: Config.1. None where there is no recorder."""
    if not fails(org, plan, "Config.1", region, now):
        return True
    return None if chance.draw(chance.seed_of(plan.seed, region), 74) < 0.4 else False


def trails(org: Org, plan: AccountPlan, now: int) -> tuple[Trail, ...]:
    """Return the trails that an account sees: its own, as CloudTrail.1 says, and the organisation's.

    The organisation's records writes alone, so that it does not make up for an account's own.
    """
    shared = Trail(
        ORGANIZATION_TRAIL,
        org.management_account_id,
        org.home_region,
        True,
        True,
        True,
        "WriteOnly",
    )
    own = _own_trail(org, plan, now)
    return (own, shared) if own else (shared,)


def _own_trail(org: Org, plan: AccountPlan, now: int) -> Trail | None:
    def trail(*, everywhere: bool = True, is_on: bool = True, selects: str = "All") -> Trail:
        name = f"{plan.name}-trail"
        return Trail(name, plan.account_id, org.home_region, everywhere, False, is_on, selects)

    if not fails(org, plan, "CloudTrail.1", org.home_region, now):
        return trail()
    draw = chance.draw(plan.seed, 75)
    if draw < 0.35:
        return trail(is_on=False)
    if draw < 0.6:
        return trail(selects="WriteOnly")
    return trail(everywhere=False) if draw < 0.8 else None
