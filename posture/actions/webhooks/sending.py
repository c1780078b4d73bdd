"""Sending: claimed by one worker, tried again with growing gaps, given up visibly.

A claim is written before the request and its end after it, so a worker that dies in between leaves a
claim that is taken over: what it sent comes a second time, with the same id.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.db import transaction

from posture import outgoing
from posture.actions.webhooks import signing, standing
from posture.models import Webhook, WebhookDelivery
from posture.policies import sealing
from posture.policies import webhooks as policies
from posture.queries.webhooks import told

logger = logging.getLogger(__name__)

State = WebhookDelivery.State
MAX_ATTEMPTS: Final = 9
# 1, 3, 9 and 27 minutes, then 81, 4 hours, and 12 hours: two days in all.
_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=12)
# A receiver that says how long it wants to be left alone is believed so far.
_LONGEST_REST: Final = timedelta(days=1)
# Several times what a request can take.
LOST_AFTER: Final = timedelta(minutes=3)
_AT_ONCE: Final = 200
_ERROR: Final = 500
_NEVER_ENDED: Final = "Every attempt ended with its worker: its log has the details."


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`error` is "" where it arrived. `is_final`: trying again would be of no use."""

    error: str
    status: int | None = None
    is_final: bool = False
    is_gone: bool = False
    rest: timedelta | None = None


def rules() -> outgoing.Rules:
    return outgoing.Rules(settings.POSTURE_WEBHOOK_HOSTS, settings.POSTURE_WEBHOOK_NETWORKS)


def due(*, now: datetime) -> list[int]:
    """Deliveries whose time has come, and those that a dead worker left; the oldest first."""
    rows = WebhookDelivery.objects.due(now=now, lost_before=now - LOST_AFTER)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])


def deliver(pk: int, *, clock: Callable[[], datetime]) -> str | None:
    """Send one delivery; returns its state, None where somebody else has it or it is not due."""
    delivery = _claim(pk, now=clock())
    if delivery is None:
        return None
    outcome = _send(delivery, now=clock())
    return _end(delivery, outcome, now=clock())


@transaction.atomic
def _claim(pk: int, *, now: datetime) -> WebhookDelivery | None:
    rows = WebhookDelivery.objects.due(now=now, lost_before=now - LOST_AFTER).filter(pk=pk)
    related = rows.select_related("webhook__owner__profile", "event")
    delivery = related.select_for_update(skip_locked=True, of=("self",)).first()
    if delivery is None:
        return None
    if delivery.attempts >= MAX_ATTEMPTS:
        # Claimed so often, and no attempt has ever ended.
        delivery.state, delivery.ended_at, delivery.error = State.GIVEN_UP, now, _NEVER_ENDED
        delivery.save(update_fields=["state", "ended_at", "error"])
        return None
    delivery.state, delivery.claimed_at = State.SENDING, now
    delivery.attempts += 1
    delivery.save(update_fields=["state", "claimed_at", "attempts"])
    return delivery


def _send(delivery: WebhookDelivery, *, now: datetime) -> _Outcome:
    webhook = delivery.webhook
    if why := _why_not(delivery):
        return _Outcome(why, is_final=True)
    body = delivery.body.encode()
    try:
        good = standing.secrets_of(webhook, now=now)
        headers = signing.headers(good, event_id=delivery.event.event_id, body=body, now=now)
        allowed = rules()
        target = outgoing.read_target(sealing.unseal(webhook.address), allowed)
        answer = outgoing.post(target, body, headers, rules=allowed)
    except (outgoing.Refused, outgoing.Unreachable, sealing.Unreadable) as error:
        return _Outcome(str(error))
    return _judge(answer)


def _why_not(delivery: WebhookDelivery) -> str:
    """Why it is not to be sent any more; "" where it is."""
    webhook = delivery.webhook
    is_test = delivery.event.type == policies.TEST
    if not webhook.is_active and not is_test:
        return "The webhook is switched off. Switch it on, then replay."
    if not policies.may_be_told(webhook.owner, delivery.event.type):
        return f"{webhook.owner.get_username()} has no longer the right to be told of this."
    if told.scope_key(webhook.owner) != delivery.scope:
        return f"What {webhook.owner.get_username()} may see has changed since this was written."
    return ""


def _judge(answer: outgoing.Answer) -> _Outcome:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return _Outcome("", status)
    try:
        said = f"It answered {status} {HTTPStatus(status).phrase}."
    except ValueError:
        said = f"It answered {status}."
    if status == HTTPStatus.GONE:
        return _Outcome(said, status, is_final=True, is_gone=True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _Outcome(
            f"{said} Redirects are not followed: use the address that it leads to.", status
        )
    rest = timedelta(seconds=answer.retry_after) if answer.retry_after else None
    return _Outcome(said, status, rest=rest)


@transaction.atomic
def _end(delivery: WebhookDelivery, outcome: _Outcome, *, now: datetime) -> str | None:
    """Write down how it went, unless it was taken for lost and somebody else has it."""
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=State.SENDING, attempts=delivery.attempts
    )
    is_last = outcome.is_final or delivery.attempts >= MAX_ATTEMPTS
    state = State.DELIVERED if not outcome.error else State.GIVEN_UP if is_last else State.WAITING
    wait = _wait(delivery.attempts, outcome.rest)
    written = mine.update(
        state=state,
        status_code=outcome.status,
        error=outcome.error[:_ERROR],
        next_try_at=now + wait if state == State.WAITING else None,
        ended_at=None if state == State.WAITING else now,
    )
    if not written:
        return None
    _note_health(delivery.webhook, outcome, now=now)
    if outcome.error:
        logger.warning("webhook %s: delivery %s %s", delivery.webhook_id, delivery.pk, state.label)
    return str(state)


def _note_health(webhook: Webhook, outcome: _Outcome, *, now: datetime) -> None:
    if not outcome.error:
        standing.arrived(webhook)
    elif outcome.is_gone:
        standing.switch_off_by_itself(webhook, "It answered 410 Gone.", now=now)
    elif not outcome.is_final:
        standing.failed(webhook, now=now)


def _wait(attempts: int, rest: timedelta | None) -> timedelta:
    """Three times as long each time, a fifth more or less, so that not all come back at once."""
    wait: timedelta = min(_FIRST_WAIT * 3 ** (attempts - 1), _LONGEST_WAIT)
    jitter = 0.8 + secrets.randbelow(401) / 1000
    return max(wait * jitter, min(rest or timedelta(), _LONGEST_REST))
