"""From what happened to what is to be sent: first an event, then a delivery for each webhook.

An event is written in the transaction of what it tells, and its deliveries in one transaction that
ends it: whoever dies in between loses nothing and doubles nothing.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from inventory.models import Account, Organization
from posture.models import FindingNews, Webhook, WebhookDelivery, WebhookEvent
from posture.policies import webhooks as policies
from posture.queries.webhooks import told


def announce(
    event: str, payload: dict[str, Any], *, organization: Organization, now: datetime
) -> WebhookEvent | None:
    """Note in the caller's transaction that something happened; nothing is sent here.

    :param event: a code of posture.policies.webhooks.
    :param payload: JSON by which posture.queries.webhooks finds what to tell; it never leaves the house.
    :returns: None where no active webhook asks for such events.
    :raises KeyError: for an event that is not in the table.
    """
    code = policies.BY_CODE[event].code
    return WebhookEvent.objects.announce(code, payload, organization=organization, now=now)


@transaction.atomic
def gather_findings(*, now: datetime) -> int:
    """Make one event of all that findings did since the last time, for each kind of it.

    Returns how many events. What nobody asks for any more is forgotten.
    """
    with connection.cursor() as cursor:
        # One at a time, so that a batch is not told in two halves.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('posture.gather_findings'))")
    return sum(
        _gather(organization, kind, now=now)
        for organization in Organization.objects.order_by("pk")
        for kind in policies.FINDINGS
    )


def waiting(*, most: int = 200) -> list[int]:
    """Events that have no deliveries yet, the oldest first."""
    rows = WebhookEvent.objects.filter(fanned_out_at=None).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:most])


@transaction.atomic
def fan_out(event_pk: int, *, now: datetime) -> list[int]:
    """Write the deliveries of one event; returns their keys, none where somebody else does it or has."""
    rows = WebhookEvent.objects.filter(pk=event_pk, fanned_out_at=None)
    related = rows.select_related("organization")
    event = related.select_for_update(skip_locked=True, of=("self",)).first()
    if event is None:
        return []
    asked = Webhook.objects.told_of(event.type).filter(organization=event.organization)
    written = [
        write_for(webhook, event, webhook.owner, now=now)
        for webhook in asked.select_related("owner__profile").order_by("pk")
    ]
    FindingNews.objects.filter(event=event).delete()
    event.fanned_out_at = now
    event.save(update_fields=["fanned_out_at"])
    return [one.pk for one in written if one is not None]


@transaction.atomic
def write_for(
    webhook: Webhook, event: WebhookEvent, owner: User, *, now: datetime
) -> WebhookDelivery | None:
    """What the webhook is to be sent of the event; None where its owner is not to be told."""
    body = told.message(event, owner)
    if body is None:
        return None
    return WebhookDelivery.objects.create(
        webhook=webhook,
        event=event,
        body=body,
        scope=told.scope_key(owner),
        next_try_at=now,
        created_at=now,
    )


def _gather(organization: Organization, kind: str, *, now: datetime) -> int:
    accounts = Account.objects.filter(organization=organization)
    waiting = FindingNews.objects.filter(
        kind=kind, event=None, account_id__in=accounts.values("pk")
    )
    if not waiting.exists():
        return 0
    event = announce(kind, {}, organization=organization, now=now)
    if event is None:
        waiting.delete()
        return 0
    # What is written from now on is not seen here, and has no event yet: it comes with the next.
    waiting.update(event=event)
    return 1
