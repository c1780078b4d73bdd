"""Collection of what accounts tell of themselves, account by account, and of what holds for all of them."""

from functools import cache
from typing import Any

from celery import shared_task
from django.utils import timezone

from inventory import actions, aws, ingest
from inventory.models import Account, AccountFact, CollectionRun, Organization
from inventory.sources import account_facts, regions
from inventory.tasks.runs import door, finish


@shared_task(name="inventory.collect_account_facts")
def collect_account_facts(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_facts, clock=timezone.now))


def _read_facts(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    organization: Organization = run.organization  # type: ignore[assignment]
    if run.account_id:
        answers = _of_account(run, organization, pulse)
    else:
        answers = _of_organization(organization)
    counts = ingest.store_readings(organization, answers.readings, as_of=run.collection.as_of)
    if answers.blocked:
        # The run is as refused as the account; what the hub told of it is stored all the same.
        raise answers.blocked
    return actions.Outcome(counts=counts, problems=tuple(answers.problems))


def _of_account(
    run: CollectionRun, organization: Organization, pulse: actions.Pulse
) -> account_facts.Answers:
    account = Account.objects.get(organization=organization, account_id=run.account_id)
    is_management = account.account_id == organization.management_account_id
    return account_facts.read_account(
        account.account_id,
        member=_way(account.account_id, pulse),
        hub=None if is_management else _way(None),
        regions=_regions_of(account, run),
        now=run.collection.as_of,
    )


def _of_organization(organization: Organization) -> account_facts.Answers:
    """Ask by the hub role; the management account, where IAM is not delegated to the hub's account."""
    management_id = organization.management_account_id
    answers = account_facts.read_organization(
        management_id, features=door().client("iam"), trails=_way(None)
    )
    if not any(isinstance(problem, aws.Denied) for problem in answers.problems):
        return answers
    if door().config.management_role_arn:
        features = door().management_client("iam")
    else:
        features = door().client("iam", account_id=management_id)
    return account_facts.read_organization(management_id, features=features, trails=_way(None))


def _way(account_id: str | None, pulse: actions.Pulse | None = None) -> account_facts.Way:
    """The clients of one role, made once each: an EC2 client takes 20 ms to make."""

    @cache
    def client(service: str, region: str | None) -> aws.Client:
        return door().client(service, account_id=account_id, region=region)

    def way(service: str, region: str | None = None) -> aws.Client:
        if pulse:
            # Asked for right before its calls, so this is a sign of life in each Region.
            pulse.beat({})
        return client(service, region or door().config.home_region)

    return way


def _regions_of(account: Account, run: CollectionRun) -> list[str]:
    """The enabled Regions as last told; of a new account as it tells them now, else the hub's."""
    known = _enabled(account)
    if known:
        return known
    try:
        found = regions.read_regions(door().client("account", account_id=account.account_id))
    except aws.SourceError:
        hub = Account.objects.filter(
            organization=account.organization_id, account_id=actions.hub_account_id()
        ).first()
        return (_enabled(hub) if hub else []) or [door().config.home_region]
    return ingest.store_regions(account, found, as_of=run.collection.as_of)


def _enabled(account: Account) -> list[str]:
    facts = AccountFact.objects.filter(
        account=account, key="region.status", value__in=["ENABLED", "ENABLED_BY_DEFAULT"]
    )
    return list(facts.order_by("region").values_list("region", flat=True))
