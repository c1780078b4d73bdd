"""Works out what would change if a policy were attached or detached."""

from typing import Any

from celery import shared_task
from django.utils import timezone


# A hundred stacks take a second or two; whoever waits has long gone after this.
@shared_task(name="invariants.what_if", soft_time_limit=300, time_limit=330)
def answer_what_if(*, what_if_id: str, **_: Any) -> str | None:
    # It reads the catalogue, which takes a second to import: web processes, which only send the
    # message, are spared it.
    from invariants.evaluation import what_if  # noqa: PLC0415

    return what_if.answer(what_if_id, now=timezone.now())
