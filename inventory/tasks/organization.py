"""Collection of the inventory. A task claims its run, works, and sends the task named by `then`."""

from collections.abc import Iterable
from typing import Any, TypeVar

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from inventory import actions, aws, ingest
from inventory.models import Account, CollectionRun, Organization
from inventory.sources import organizations, regions
from inventory.tasks.runs import door, finish

Record = TypeVar("Record")


@shared_task(name="inventory.collect_organization")
def collect_organization(*, run_id: int, then: str, **_: Any) -> str | None:
    state = actions.perform(run_id, _read_organization, clock=timezone.now)
    return finish(then, run_id, state)


@shared_task(name="inventory.collect_regions")
def collect_regions(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_regions, clock=timezone.now))


def _read_organization(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    client = door().client("organizations")
    record = organizations.read_organization(client)
    counts: dict[str, int] = {}
    ous = _listed(organizations.read_ous(client, root_id=record.root_id), "ous", pulse, counts)
    found = organizations.read_accounts(client, root_id=record.root_id, ous=ous)
    accounts = _listed(found, "accounts", pulse, counts)
    policies: list[organizations.PolicyRecord] | None = None
    attachments: list[organizations.AttachmentRecord] = []
    unread: tuple[aws.SourceError, ...] = ()
    if run.is_full:
        policies, attachments, unread = _read_policies(client, record, pulse, counts)
    tags, problems = _read_tags(client, _to_tag(run, accounts), pulse, counts)
    inventory = ingest.Inventory(
        organization=record,
        ous=ous,
        accounts=accounts,
        tags=tags,
        policies=policies,
        attachments=attachments,
        administrators=list(organizations.read_delegated_administrators(client)),
    )
    organization = ingest.store_inventory(
        inventory,
        name=settings.POSTURE_ORGANIZATION_NAME,
        time_zone=settings.POSTURE_TIME_ZONE_OF_ORGANIZATION,
        as_of=run.collection.as_of,
    )
    CollectionRun.objects.filter(pk=run.pk).update(organization=organization)
    return actions.Outcome(counts=counts | {"tags": len(tags)}, problems=(*unread, *problems))


def _listed(
    records: Iterable[Record], name: str, pulse: actions.Pulse, counts: dict[str, int]
) -> list[Record]:
    """The records as a list; at AWS's rates a long one takes minutes, so it shows signs of life."""
    listed = []
    for record in records:
        listed.append(record)
        counts[name] = len(listed)
        pulse.beat(counts)
    return listed


def _read_policies(
    client: aws.Client,
    record: organizations.OrganizationRecord,
    pulse: actions.Pulse,
    counts: dict[str, int],
) -> tuple[
    list[organizations.PolicyRecord],
    list[organizations.AttachmentRecord],
    tuple[aws.SourceError, ...],
]:
    """Every policy with its targets. One whose text AWS does not give is kept with the text "", which
    means unknown: where it is attached nobody can say what is denied, and the rest goes on."""
    policies: list[organizations.PolicyRecord] = []
    attachments: list[organizations.AttachmentRecord] = []
    unread: list[aws.SourceError] = []
    for policy in organizations.read_policies(client, types=record.policy_types):
        try:
            read = organizations.read_policy_content(client, policy_id=policy.policy_id)
        except (aws.Denied, aws.Malformed) as error:
            read = policy
            unread.append(error)
        policies.append(read)
        attachments += organizations.read_attachments(client, policy_id=policy.policy_id)
        counts |= {"policies": len(policies), "attachments": len(attachments)}
        pulse.beat(counts)
    return policies, attachments, tuple(unread)


def _to_tag(
    run: CollectionRun, accounts: list[organizations.AccountRecord]
) -> list[organizations.AccountRecord]:
    """One call an account: a full pass asks for all, one in between for those that are new."""
    if run.is_full:
        return accounts
    known = set(Account.objects.values_list("account_id", flat=True))
    return [account for account in accounts if account.account_id not in known]


def _read_tags(
    client: aws.Client,
    accounts: list[organizations.AccountRecord],
    pulse: actions.Pulse,
    counts: dict[str, int],
) -> tuple[dict[str, dict[str, str]], tuple[aws.SourceError, ...]]:
    """The tags of every account; the first refusal ends the reading, and the old tags stay."""
    tags: dict[str, dict[str, str]] = {}
    for account in accounts:
        try:
            tags[account.account_id] = organizations.read_tags(
                client, account_id=account.account_id
            )
        except aws.SourceError as error:
            return tags, (error,)
        pulse.beat(counts | {"tags": len(tags)})
    return tags, ()


def _read_regions(run: CollectionRun, _: actions.Pulse) -> actions.Outcome:
    """The Regions of one account, by its own member role, or of the hub account.

    The hub's say where Access Analyzer is read; the others' what there is to cover.
    """
    found = regions.read_regions(door().client("account", account_id=run.account_id or None))
    organization: Organization = run.organization  # type: ignore[assignment]
    wanted = run.account_id or actions.hub_account_id()
    account = Account.objects.filter(organization=organization, account_id=wanted).first()
    if account is None:
        detail = f"The hub account {wanted or '(none)'} is not in the organisation."
        raise aws.NotConfigured(detail, service="account", operation="ListRegions")
    enabled = ingest.store_regions(account, found, as_of=run.collection.as_of)
    return actions.Outcome(counts={"regions": len(found), "enabled": len(enabled)})
