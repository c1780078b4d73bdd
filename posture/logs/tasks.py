"""Tasks: each knows the request that started it, and who asked; each has one line when it ends."""

import logging
import logging.config
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from celery import Task
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.conf import settings

from posture.logs.origin import Actor, Origin, begin, current

# In the headers of a message, beside its arguments.
HEADER: Final = "parapet_origin"

logger = logging.getLogger("posture.tasks")


@dataclass(frozen=True, slots=True)
class _Running:
    scope: AbstractContextManager[Origin]
    started: float


_RUNNING: dict[str, _Running] = {}


def connect() -> None:
    before_task_publish.connect(_hand_down)
    task_prerun.connect(_begin)
    task_postrun.connect(_end)
    setup_logging.connect(_set_up)


def _set_up(**_: Any) -> None:
    """Celery asks who sets up logging: the settings have done it, and it keeps its hands off."""
    logging.config.dictConfig(settings.LOGGING)


def _hand_down(headers: dict[str, Any], **_: Any) -> None:
    origin = current()
    if not (origin.request_id or origin.task_id):
        return
    who = origin.with_actor().actor
    # A task of the schedule hands down no name: each is its own.
    named = who if who is not None and who.kind in {"PERSON", "SERVICE"} else None
    headers[HEADER] = {
        "request_id": origin.request_id,
        "address": origin.address,
        "actor": [named.kind, named.id, named.name, named.token] if named else None,
    }


def _begin(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    scope = begin(_origin(task_id, task.name, getattr(task.request, HEADER, None)))
    scope.__enter__()
    _RUNNING[task_id] = _Running(scope, time.perf_counter())


def _end(task_id: str, state: str | None = None, **_: Any) -> None:
    running = _RUNNING.pop(task_id, None)
    if running is None:
        return
    ms = round((time.perf_counter() - running.started) * 1000, 1)
    # Neither arguments nor what it returned: they may quote findings.
    logger.info("%s", state or "ended", extra={"state": state or "", "ms": ms})
    running.scope.__exit__(None, None, None)


def _origin(task_id: str, name: str, handed: Any) -> Origin:
    told = handed if isinstance(handed, dict) else {}
    words = told.get("actor")
    actor = Actor(*words) if isinstance(words, list | tuple) and len(words) == 4 else None
    return Origin(
        actor=actor or Actor("SYSTEM", name=name),
        request_id=str(told.get("request_id", "")),
        address=str(told.get("address", "")),
        task_id=task_id,
        task=name,
    )
