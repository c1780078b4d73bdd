"""Drift: what AWS says is in force before it is compared, the comparison, and who changed it after."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from invariants.evaluation import drift
from invariants.evaluation.drift import reading, values
from invariants.ingest import changers, effective_policies
from invariants.ingest.effective_policies import Question
from invariants.sources import organization_changes
from invariants.sources.effective_policies import read_effective_policy
from invariants.sources.organization_changes import ChangeRecord
from inventory import actions, aws
from inventory.models import Collection, CollectionRun, Organization
from inventory.tasks.runs import door, finish

logger = logging.getLogger(__name__)

# An answer holds while the policies are the same; once a day it is asked all the same.
_FRESH: Final = timedelta(days=1)


@shared_task(name="invariants.collect_effective_policies")
def collect_effective_policies(*, run_id: int, then: str, **_: Any) -> str | None:
    return finish(then, run_id, actions.perform(run_id, _read_effective, clock=timezone.now))


@shared_task(name="invariants.find_who_changed")
def find_who_changed(**_: Any) -> int:
    """Ask who made what drifts; only what is new and of which nobody was asked is looked up."""
    return sum(
        _name_changers(organization, now=timezone.now())
        for organization in Organization.objects.order_by("pk")
    )


def compare_drift(collection: Collection, *, now: datetime) -> dict[int, drift.Result]:
    """Compare the catalogue with AWS, for each organisation by its key; what opened and what ended.

    Called by the collection, after coverage. A fault leaves all drift as it was; the inbox says so.
    """
    found = {}
    for organization in Organization.objects.order_by("pk"):
        try:
            result = drift.of_collection(organization, collection, now=now)
        except Exception:
            logger.exception("the comparison with the catalogue failed for %s", organization)
            drift.note_fault(organization, now=now)
            continue
        if result is not None:
            found[organization.pk] = result
    return found


def _read_effective(run: CollectionRun, pulse: actions.Pulse) -> actions.Outcome:
    organization: Organization = run.organization  # type: ignore[assignment]
    picture = reading.read(organization)
    types = {one.type for one in picture.demands if one.is_active and one.settings}
    questions = [
        Question(stack.type, stack.digest, stack.accounts[0].id)
        for stack in values.stacks(picture)
        if stack.type in types
    ]
    as_of = run.collection.as_of
    every = run.collection.facts_every or _FRESH
    due = effective_policies.to_ask(organization, questions, fresh_since=as_of - every)
    client = door().client("organizations")

    def read(policy_type: str, account_id: str) -> dict[str, Any]:
        pulse.beat({"due": len(due)})
        return read_effective_policy(client, policy_type=policy_type, account_id=account_id)

    told, problems = effective_policies.store_answers(organization, due, read=read, as_of=as_of)
    refused = next((one for one in problems if isinstance(one, aws.Denied)), None)
    if refused is not None:
        raise _optional(refused)
    return actions.Outcome(counts={"stacks": len(questions), "told": told}, problems=problems)


def _optional(refused: aws.SourceError) -> aws.NotConfigured:
    """Without the permission our own reading of the policies counts: nothing is missing but the proof."""
    detail = (
        "AWS does not tell which values are in force, so that they are worked out from the policies that "
        f"were read. {refused.detail}"
    )
    return aws.NotConfigured(detail, **refused.where())


def _name_changers(organization: Organization, *, now: datetime) -> int:
    rows = changers.waiting(organization)
    if not rows:
        return 0

    def ask(name: str, since: datetime, until: datetime) -> Iterable[ChangeRecord]:
        client = _trail_client(organization)
        return organization_changes.read_changes(client, name=name, since=since, until=until)

    return changers.name_changers(organization, rows, ask=ask, now=now)


def _trail_client(organization: Organization) -> aws.Client:
    """The management account's event history: only there stands what Organizations did.

    :raises NotConfigured: without a role there
    """
    region = organization_changes.REGION
    is_hub = actions.hub_account_id() == organization.management_account_id
    if is_hub and not door().config.management_role_arn:
        return door().client("cloudtrail", region=region)
    return door().management_client("cloudtrail", region=region)
