"""The outbox: what happened to exceptions, noted in the transaction in which it happened."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models.signals import post_save

from invariants.actions.exceptions.signals import happened
from invariants.models import ApproverAbsence, ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import WhoKind
from inventory.models import Organization
from posture import actions
from posture.actions import webhooks
from posture.models import NotificationEvent
from posture.policies import notifications as policies
from posture.policies import webhooks as webhook_policies
from posture.policies.notifications import Trigger

_BATCH: Final = 500


def connect() -> None:
    """Hear of every event of an exception, and of every absence."""
    happened.connect(_hear, dispatch_uid="posture.notifications")
    post_save.connect(_hear_absence, sender=ApproverAbsence, dispatch_uid="posture.notifications")


def _hear(request: ExceptionRequest, event: ExceptionEvent, **_: Any) -> None:
    note(request, event)


def _hear_absence(instance: ApproverAbsence, created: bool, **_: Any) -> None:
    organization = Organization.objects.order_by("pk").first()
    if not created or organization is None or actions.is_history_under_way():
        return
    NotificationEvent.objects.create(
        organization=organization,
        key=f"absence:{instance.pk}",
        trigger=Trigger.ABSENCE,
        absence=instance,
        actor_id=instance.person_id,
        at=instance.said_at,
    )


def note(request: ExceptionRequest, event: ExceptionEvent) -> NotificationEvent | None:
    """Put an event of a record into the outbox, and announce it to webhooks; nothing is sent here.

    None where nobody is told of such events, or the past of a demonstration is being played. Two
    queries, and two more where somebody is told.
    """
    code = webhook_policies.of_exception(event.verb, event.state_before, event.state_after)
    if (event.verb not in policies.TOLD and code is None) or actions.is_history_under_way():
        return None
    if code is not None:
        told = {"exception": request.pk, "event": event.pk}
        webhooks.announce(code, told, organization=request.organization, now=event.at)
    if event.verb not in policies.TOLD:
        return None
    is_person = event.who_kind == WhoKind.PERSON
    return NotificationEvent.objects.create(
        organization_id=request.organization_id,
        key=f"event:{event.pk}",
        trigger=event.verb,
        request=request,
        event=event,
        state=event.state_after,
        actor_id=int(event.who_id) if is_person else None,
        at=event.at,
    )


@transaction.atomic
def gather(*, now: datetime) -> int:
    """Note the waits that are over their time, which no event tells of: each once, however often this runs.

    Returns how many are new. Three queries.
    """
    late = ExceptionRequest.objects.not_over().filter(due_at__lte=now)
    rows = [
        NotificationEvent(
            organization_id=request.organization_id,
            key=f"overdue:{request.pk}:{request.state}:{request.due_at:%Y%m%d%H%M%S}",
            trigger=Trigger.OVERDUE,
            request=request,
            state=request.state,
            at=now,
        )
        for request in late.order_by("pk")
    ]
    told = NotificationEvent.objects.filter(key__in=[row.key for row in rows])
    known = set(told.values_list("organization_id", "key"))
    new = [row for row in rows if (row.organization_id, row.key) not in known]
    # Another worker may have come first: then its row stands.
    NotificationEvent.objects.bulk_create(new, batch_size=_BATCH, ignore_conflicts=True)
    return len(new)
