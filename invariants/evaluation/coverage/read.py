"""The world of an organisation from the inventory, and whether what was read of it can be trusted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from invariants.evaluation.coverage.world import (
    ACCOUNT,
    OU,
    ROOT,
    Attachment,
    Node,
    PolicyText,
    World,
)
from inventory.models import (
    Account,
    CollectionRun,
    Organization,
    OrganizationalUnit,
    OrgPolicy,
    PolicyAttachment,
)

# As long as a score believes a check that nobody has repeated.
STALE_AFTER: Final = timedelta(hours=72)


_STORED: Final = (CollectionRun.State.COMPLETE, CollectionRun.State.PARTIAL)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether the last reading of all policies was whole; `why` says what keeps it from being so.

    `is_stale`: the last whole one is so old that nothing it proved counts any more. `read_at`: as of when
    the last whole one is, None where there was none.
    """

    is_whole: bool
    is_stale: bool
    why: str = ""
    read_at: datetime | None = None


def world(organization: Organization) -> World:
    """The live tree, accounts and policies, and what is attached now. Four queries."""
    ous = OrganizationalUnit.objects.live().filter(organization=organization)
    nodes = {
        ou_id: Node(ou_id, name, OU if parent else ROOT, parent, role)
        for ou_id, name, parent, role in ous.values_list("ou_id", "name", "parent__ou_id", "role")
    }
    accounts = Account.objects.live().filter(organization=organization).order_by("account_id")
    for account_id, name, ou_id, role, state in accounts.values_list(
        "account_id", "name", "ou__ou_id", "ou__role", "state"
    ):
        nodes[account_id] = Node(account_id, name, ACCOUNT, ou_id, role, state)
    policies = OrgPolicy.objects.filter(organization=organization, gone_at=None)
    attached = PolicyAttachment.objects.filter(
        policy__organization=organization, policy__gone_at=None, until=None
    )
    return World(
        org_id=organization.org_id,
        root_id=organization.root_id,
        management_account_id=organization.management_account_id,
        enabled_types=frozenset(map(str, organization.enabled_policy_types)),
        nodes=nodes,
        policies={policy.policy_id: _text(policy) for policy in policies},
        attachments=tuple(
            Attachment(policy_id, target_id)
            for policy_id, target_id in attached.order_by("since", "pk").values_list(
                "policy__policy_id", "target_id"
            )
            if target_id in nodes
        ),
    )


def freshness(organization: Organization, *, now: datetime) -> Freshness:
    """How the policies were last read as a whole. Two queries.

    A run that was not to read them says nothing of them; one that broke off leaves what was known before.
    One that is PARTIAL has stored the tree, every policy and every attachment: what it lacks are tags of
    accounts, and texts of single policies, which make unknown what is under them.
    """
    runs = CollectionRun.objects.filter(
        Q(organization=organization) | Q(organization=None),
        source=CollectionRun.Source.ORGANIZATIONS,
        is_full=True,
        collection__as_of__lte=now,
    ).exclude(state__in=[CollectionRun.State.PENDING, CollectionRun.State.RUNNING])
    last = runs.order_by("-collection__as_of", "-pk").first()
    whole = runs.filter(state__in=_STORED)
    read_at = (
        whole.order_by("-collection__as_of", "-pk")
        .values_list("collection__as_of", flat=True)
        .first()
    )
    if last is None or read_at is None:
        return Freshness(
            False, True, "The policies of the organisation were never read as a whole."
        )
    is_stale = read_at < now - STALE_AFTER
    if last.state not in _STORED:
        why = (
            f"The last reading of the organisation is {last.get_state_display()}; the last whole one is "
            f"of {read_at:%Y-%m-%d %H:%M} UTC."
        )
        return Freshness(False, is_stale, why, read_at)
    why = f"The policies were last read at {read_at:%Y-%m-%d %H:%M} UTC." if is_stale else ""
    return Freshness(not is_stale, is_stale, why, read_at)


def _text(policy: OrgPolicy) -> PolicyText:
    return PolicyText(
        id=policy.policy_id,
        name=policy.name,
        type=policy.type,
        content=policy.content or None,
        pk=policy.pk,
        is_aws_managed=policy.is_aws_managed,
    )
