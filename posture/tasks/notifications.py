"""Telling people of exceptions: what happened is written out for each of them, and sent."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture import actions
from posture.actions import notifications

# Several times what a message may take; a request has a deadline of its own.
_SECONDS = 120
# What no worker has begun by then comes again with a later round, so that nothing piles up.
_ROUND = 60


@shared_task(name="posture.notify_due")
def notify_due(**_: Any) -> int | None:
    """What has no deliveries yet, and deliveries whose time has come or whose worker died."""
    if actions.is_history_under_way():
        return None
    sources = notifications.waiting()
    for pk in sources:
        notify_fan_out.apply_async(kwargs={"source_id": pk}, expires=_ROUND)
    deliveries = notifications.due(now=timezone.now())
    for pk in deliveries:
        notify_deliver.apply_async(kwargs={"delivery_id": pk}, expires=_ROUND)
    return len(sources) + len(deliveries)


@shared_task(name="posture.notify_late")
def notify_late(**_: Any) -> int | None:
    """Waits that are over their time."""
    if actions.is_history_under_way():
        return None
    return notifications.gather(now=timezone.now())


@shared_task(name="posture.notify_fan_out")
def notify_fan_out(*, source_id: int, **_: Any) -> int:
    return notifications.fan_out(source_id, now=timezone.now())


@shared_task(name="posture.notify_deliver", time_limit=_SECONDS, soft_time_limit=_SECONDS // 2)
def notify_deliver(*, delivery_id: int, **_: Any) -> str | None:
    return notifications.deliver(delivery_id, clock=timezone.now)


@shared_task(name="posture.notify_test", time_limit=_SECONDS, soft_time_limit=_SECONDS // 2)
def notify_test(*, channel_id: int, **_: Any) -> str:
    return notifications.send_test(channel_id, now=timezone.now())


@shared_task(name="posture.notify_retain")
def notify_retain(**_: Any) -> int:
    return notifications.retain(now=timezone.now())
