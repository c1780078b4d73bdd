"""Which security services are on: asked of their delegated administrators, one run a Region.

The run without a Region asks IAM Identity Center, which the organisation has once.
"""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.utils import timezone

from inventory import actions, aws, ingest
from inventory.models import CollectionRun, Organization
from inventory.queries import coverage
from inventory.sources import service_coverage
from inventory.sources.service_coverage import Answer, Service
from inventory.tasks.runs import door, finish


@shared_task(name="inventory.collect_service_coverage")
def collect_service_coverage(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_coverage, clock=timezone.now))


def _read_coverage(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    organization: Organization = run.organization  # type: ignore[assignment]
    services = service_coverage.SERVICES if run.region else (None,)
    counts: dict[str, int] = {}
    problems: list[aws.SourceError] = []
    for service in services:
        answer = (
            _ask(service, organization, run.region, pulse, counts)
            if service
            else _ask_identity_center(organization, pulse, counts)
        )
        if answer.problem is not None:
            problems.append(answer.problem)
        stored = ingest.store_readings(organization, answer.readings, as_of=run.collection.as_of)
        counts |= {name: counts.get(name, 0) + number for name, number in stored.items()}
    # What a refusal stops is more urgent than what somebody has not switched on.
    problems.sort(key=lambda problem: isinstance(problem, aws.NotConfigured))
    if problems and not counts.get("known"):
        raise problems[0]
    return actions.Outcome(counts=counts, problems=tuple(problems))


def _ask(
    service: Service,
    organization: Organization,
    region: str,
    pulse: actions.Pulse,
    counts: dict[str, int],
) -> Answer:
    """Ask the service's administrator, or for want of one the hub account, in one Region."""
    hub = actions.hub_account_id()
    administrator = coverage.administrators(organization, preferred=hub).get(service.principal, "")
    account_id = administrator or hub
    client = door().client(
        service.client, account_id=None if account_id == hub else account_id, region=region
    )
    if client.is_offered and coverage.is_region_off(organization, account_id, region):
        return Answer((), _region_off(service, account_id, region))
    answer = service_coverage.ask(
        service,
        client,
        accounts=coverage.accounts_in(organization, region),
        is_administrator=bool(administrator),
        beat=_beat(pulse, counts),
    )
    if administrator:
        return answer
    return Answer(answer.readings, _undelegated(service, hub, region))


def _ask_identity_center(
    organization: Organization, pulse: actions.Pulse, counts: dict[str, int]
) -> Answer:
    """Ask where Identity Center is delegated to, else the management account by the role that we have there."""
    hub = actions.hub_account_id()
    principal = service_coverage.IDENTITY_CENTER_PRINCIPAL
    administrator = coverage.administrators(organization, preferred=hub).get(principal, "")
    account_id = administrator or organization.management_account_id

    def in_region(region: str) -> aws.Client:
        if not administrator and door().config.management_role_arn:
            return door().management_client("sso-admin", region=region)
        other = None if account_id == hub else account_id
        return door().client("sso-admin", account_id=other, region=region)

    return service_coverage.ask_identity_center(
        in_region,
        region=organization.home_region or door().config.home_region,
        management_account_id=organization.management_account_id,
        accounts=coverage.active_accounts(organization),
        beat=_beat(pulse, counts),
    )


def _beat(pulse: actions.Pulse, counts: dict[str, int]) -> Callable[[int], None]:
    """Say how far the run is: what is stored, and what is read and not stored yet."""
    return lambda told: pulse.beat(counts | {"read": told})


def _undelegated(service: Service, hub: str, region: str) -> aws.NotConfigured:
    return aws.NotConfigured(
        f"No account is the delegated administrator of {service.name} ({service.principal}), so the "
        "hub account was asked, which knows of no other account. Register one in AWS Organizations "
        "(RegisterDelegatedAdministrator).",
        service=service.client,
        operation="ListDelegatedAdministrators",
        account_id=hub,
        region=region,
    )


def _region_off(service: Service, account_id: str, region: str) -> aws.NotConfigured:
    return aws.NotConfigured(
        f"The administrator of {service.name} does not have this Region, so nobody tells of the "
        f"accounts that use it. Enable {region} in account {account_id}.",
        service=service.client,
        operation="ListMembers",
        account_id=account_id,
        region=region,
    )
