"""Sign-in: what is over is forgotten."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture.actions.sign_in import upkeep


@shared_task(name="posture.sign_in_retain")
def sign_in_retain(**_: Any) -> dict[str, int]:
    return upkeep.forget_ended(now=timezone.now())
