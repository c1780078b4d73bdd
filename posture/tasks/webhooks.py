"""Webhooks: what happened is written out for each, and sent."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture import actions
from posture.actions import invariant_news, webhooks

# Several times what a request may take; it has a deadline of its own.
_SECONDS = 60
# What no worker has begun by then comes again with a later round, so that nothing piles up.
_ROUND = 60


@shared_task(name="posture.webhooks_due")
def webhooks_due(**_: Any) -> int:
    """Events that have no deliveries yet, and deliveries whose time has come or whose worker died."""
    events = webhooks.waiting()
    for pk in events:
        webhook_fan_out.apply_async(kwargs={"event_id": pk}, expires=_ROUND)
    deliveries = webhooks.due(now=timezone.now())
    for pk in deliveries:
        webhook_deliver.apply_async(kwargs={"delivery_id": pk}, expires=_ROUND)
    return len(events) + len(deliveries)


@shared_task(name="posture.webhooks_findings")
def webhooks_findings(**_: Any) -> int | None:
    """What findings did since the last time, as one event of each kind, and each step of an invariant."""
    if actions.is_history_under_way():
        return None
    now = timezone.now()
    return webhooks.gather_findings(now=now) + invariant_news.gather_moves(now=now)


@shared_task(name="posture.webhook_fan_out")
def webhook_fan_out(*, event_id: int, **_: Any) -> int:
    written = webhooks.fan_out(event_id, now=timezone.now())
    for pk in written:
        webhook_deliver.delay(delivery_id=pk)
    return len(written)


@shared_task(name="posture.webhook_deliver", time_limit=_SECONDS, soft_time_limit=_SECONDS // 2)
def webhook_deliver(*, delivery_id: int, **_: Any) -> str | None:
    return webhooks.deliver(delivery_id, clock=timezone.now)


@shared_task(name="posture.webhooks_retain")
def webhooks_retain(**_: Any) -> int:
    return webhooks.retain(now=timezone.now())
