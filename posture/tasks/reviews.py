"""Weekly reviews: frozen when their week is over."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture import actions
from posture.rollups import reviews


@shared_task(name="posture.freeze_reviews")
def freeze_reviews(**_: Any) -> list[str]:
    """Freeze every week that is over and has no review; returns their names."""
    if actions.is_history_under_way():
        return []
    return [str(review) for review in reviews.freeze_due(now=timezone.now())]
