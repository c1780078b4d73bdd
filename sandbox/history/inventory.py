"""Accounts, policies, contacts and Regions of the organisation at a moment."""

import re
from collections.abc import Mapping
from datetime import timedelta

from sandbox import chance
from sandbox.model import (
    Account,
    AccountRegion,
    AlternateContact,
    DelegatedAdministrator,
    Org,
    Policy,
)
from sandbox.moments import DAY, NEVER, datetime_of, seconds_of_day
from sandbox.org import account_id_of, names, policies
from sandbox.org.accounts import AccountPlan
from sandbox.org.policies import EVERYWHERE, PolicyPlan

SERVICES = (
    "access-analyzer.amazonaws.com",
    "account.amazonaws.com",
    "config.amazonaws.com",
    "config-multiaccountsetup.amazonaws.com",
    "guardduty.amazonaws.com",
    "inspector2.amazonaws.com",
    "macie.amazonaws.com",
    "securityhub.amazonaws.com",
    "sso.amazonaws.com",
)
"""Services whose delegated administrator is the security account."""
TRUSTED = (
    *SERVICES,
    "backup.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "iam.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "ram.amazonaws.com",
)
_ACCOUNT = re.compile(r"\$\{ACCOUNT:([a-z0-9-]+)\}")
_DAY = re.compile(r"\$\{DAY:(-?\d+)\}")
_OPT_IN_OFF = ("af-south-1", "ap-east-1", "me-south-1")
"""Opt-in Regions that no account has enabled, listed so that a collector meets them."""


def paths_of(org: Org) -> dict[str, tuple[str, str]]:
    """Return (id, path) of every OU by its key, and of the root as "root"."""
    found = {ou.key: (unit.ou_id, unit.path) for ou, unit in zip(names.TREE, org.ous, strict=True)}
    found["root"] = (org.root_id, f"{org.organization_id}/{org.root_id}/")
    return found


def account_at(
    org: Org, plan: AccountPlan, paths: Mapping[str, tuple[str, str]], now: int
) -> Account:
    """Return the account as Organizations tells it at that moment."""
    parent_id, path = paths[plan.ou_at(now)]
    state, status = _state(plan, now)
    return Account(
        account_id=plan.account_id,
        arn=f"arn:aws:organizations::{org.management_account_id}:account/{org.organization_id}/{plan.account_id}",
        name=plan.name,
        email=f"aws+{plan.name}@halden.example",
        state=state,
        status=status,
        joined_method=plan.joined_method,
        joined_at=datetime_of(plan.joined_at),
        parent_id=parent_id,
        path=f"{path}{plan.account_id}/",
        tags=plan.tags if now >= plan.tagged_at else {},
    )


def _state(plan: AccountPlan, now: int) -> tuple[str, str]:
    """Return (State, Status): CLOSED exists in State only; Status says SUSPENDED for it."""
    if now >= plan.closed_at:
        return "CLOSED", "SUSPENDED"
    if now >= plan.pending_closure_at:
        return "PENDING_CLOSURE", "PENDING_CLOSURE"
    if now >= plan.suspended_at:
        return "SUSPENDED", "SUSPENDED"
    if plan.joined_method == "CREATED" and now < plan.joined_at + 600:
        return "PENDING_ACTIVATION", "ACTIVE"
    return "ACTIVE", "ACTIVE"


def policies_at(org: Org, plans: list[AccountPlan], now: int) -> tuple[Policy, ...]:
    """Return the policies that exist at that moment with their content and targets."""
    moment = now - seconds_of_day(org.anchor)
    return tuple(
        _policy(org, plan, plans, moment) for plan in policies.PLANS if plan.stands_at(moment)
    )


def policy_types_at(org: Org, now: int) -> tuple[str, ...]:
    """Return the policy types that are enabled on the root at that moment."""
    return policies.types_at(now - seconds_of_day(org.anchor))


def policy_id_of(org: Org, plan: PolicyPlan) -> str:
    """Return the id of a policy."""
    drawn = chance.letters(chance.seed_of(org.seed, "policy", plan.key), 8)
    return plan.managed_id or f"p-{drawn}"


def policy_arn_of(org: Org, plan: PolicyPlan) -> str:
    """Return the ARN of a policy, as error messages name it too."""
    owner = f"{org.management_account_id}:policy/{org.organization_id}"
    return f"arn:aws:organizations::{'aws:policy' if plan.managed_id else owner}/{plan.type.lower()}/{policy_id_of(org, plan)}"


def policy_content(org: Org, plan: PolicyPlan, moment: int) -> str:
    """Return what DescribePolicy gives for it; the moment is relative to the anchor day."""
    return _filled(org, policies.text_of(plan, moment))


def _policy(org: Org, plan: PolicyPlan, accounts: list[AccountPlan], moment: int) -> Policy:
    return Policy(
        policy_id=policy_id_of(org, plan),
        arn=policy_arn_of(org, plan),
        name=plan.name,
        description=plan.description,
        type=plan.type,
        aws_managed=bool(plan.managed_id),
        content=policy_content(org, plan, moment),
        target_ids=tuple(_targets(org, plan, accounts, moment)),
    )


def _filled(org: Org, content: str) -> str:
    content = (
        content.replace("${ORGANIZATION_ID}", org.organization_id)
        .replace("${MANAGEMENT_ACCOUNT}", org.management_account_id)
        .replace("${SECURITY_ACCOUNT}", org.security_account_id)
        .replace("${BACKUP_ACCOUNT}", account_id_of(org.seed, "backup-vault"))
    )
    content = _ACCOUNT.sub(lambda found: account_id_of(org.seed, found[1]), content)
    return _DAY.sub(lambda found: (org.anchor + timedelta(days=int(found[1]))).isoformat(), content)


def _targets(org: Org, plan: PolicyPlan, accounts: list[AccountPlan], moment: int) -> list[str]:
    # AWS detaches all policies of a type when somebody disables it.
    if plan.type not in policies.types_at(moment):
        return []
    live = {one.target for one in plan.attachments if one.covers(moment)}
    if EVERYWHERE in live:
        return [
            org.root_id,
            *(ou.ou_id for ou in org.ous),
            *(account.account_id for account in accounts),
        ]
    found = [org.root_id] if "root" in live else []
    found += [unit.ou_id for ou, unit in zip(names.TREE, org.ous, strict=True) if ou.key in live]
    found += [account.account_id for account in accounts if f"account:{account.key}" in live]
    return found


def delegated_administrators(org: Org) -> tuple[DelegatedAdministrator, ...]:
    """Return the security account as administrator of every service."""
    since = seconds_of_day(org.anchor) - 900 * DAY
    return tuple(
        DelegatedAdministrator(org.security_account_id, service, datetime_of(since + place * 977))
        for place, service in enumerate(SERVICES)
    )


def regions_of(org: Org, plan: AccountPlan) -> tuple[AccountRegion, ...]:
    """Return the Regions of an account. AWS lists more of them; these are the ones that the organisation minds."""
    listed = [AccountRegion(region, "ENABLED_BY_DEFAULT") for region in org.regions[:4]]
    listed.append(AccountRegion(org.regions[4], "ENABLED" if plan.opted_in else "DISABLED"))
    listed += [AccountRegion(region, "DISABLED") for region in _OPT_IN_OFF]
    return tuple(sorted(listed, key=lambda entry: entry.region))


def contacts_of(
    plan: AccountPlan, now: int, *, has_security: bool | None = None
) -> dict[str, AlternateContact]:
    """Return the alternate contacts that are set at that moment: the more careful the owners, the more of them.

    `has_security`: whether the security contact is among them; None draws it like the others.
    """
    found = {}
    for place, contact_type in enumerate(("BILLING", "OPERATIONS", "SECURITY")):
        seed = chance.seed_of(plan.seed, "contact", contact_type)
        missing = min(0.9, (0.3, 0.35, 0.38)[place] * plan.weakness)
        set_at = (
            plan.joined_at + int(chance.draw(seed, 1) * 20 * DAY)
            if chance.draw(seed, 0) >= missing
            else NEVER
        )
        is_set = set_at <= now
        if contact_type == "SECURITY" and has_security is not None:
            is_set = has_security
        if is_set:
            person = chance.pick(seed, 2, names.PEOPLE)
            found[contact_type] = AlternateContact(
                contact_type=contact_type,
                name=person,
                title=f"{contact_type.title()} contact, {plan.owner}",
                email=f"{person.lower().replace(' ', '.')}@halden.example",
                phone=f"+353 1 555 {1000 + seed % 9000}",
            )
    return found
