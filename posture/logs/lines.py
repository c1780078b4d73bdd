"""How a line is written: JSON for machines, one readable line for `make run`.

Only known fields are written. What else a library hangs on a record (requests, headers, SQL) stays out.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from pythonjsonlogger.orjson import OrjsonFormatter

from posture.logs.origin import current
from posture.logs.requests import ORIGIN, route_of
from posture.logs.secrets import cover

# Of our own lines: requests and tasks.
_EXTRA: Final = ("method", "route", "status", "state", "ms")


class JsonLines(OrjsonFormatter):
    """One JSON object a line: time (UTC), level, logger, message, where it comes from, exception."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data |= fields(record)
        if exception := _exception(self, record):
            log_data["exception"] = exception


class ReadableLines(logging.Formatter):
    """For a person before a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        known = fields(record)
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        words = [time, f"{record.levelname:7}", record.name, known["message"]]
        words += [f"{name}={known[name]}" for name in _SHOWN if known.get(name) not in ("", None)]
        exception = _exception(self, record)
        return " ".join(words) + (f"\n{exception}" if exception else "")


_QUERY: Final = re.compile(r"\?\S+")
_SHOWN: Final = ("task", "ms", "actor", "request_id")


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What is written of a record, without its exception; empty ones are left out, but for the actor."""
    origin = getattr(record.__dict__.get("request"), ORIGIN, None) or current()
    who = origin.known_actor()
    known: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": cover(_message(record)),
        "organization": settings.POSTURE_ORGANIZATION_NAME,
        "request_id": origin.request_id,
        "task_id": origin.task_id,
        "task": origin.task,
        # The number of a user; their names are in the audit log.
        "actor": who.id or who.kind.lower(),
    }
    known |= {name: record.__dict__.get(name) for name in _EXTRA}
    return {name: value for name, value in known.items() if value not in ("", None)}


def _message(record: logging.LogRecord) -> str:
    """Its text, where Django names the path of a request with the name of its address instead."""
    if record.name.startswith("gunicorn"):
        return _QUERY.sub("?…", record.getMessage())
    request = record.__dict__.get("request")
    if not isinstance(request, HttpRequest) or not isinstance(record.args, tuple):
        return record.getMessage()
    route = route_of(request) or "(no such address)"
    words = tuple(
        route if word in (request.path, request.path_info) else word for word in record.args
    )
    return str(record.msg) % words if words else str(record.msg)


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The traceback: lines of code, no values but what the exception itself says."""
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    # Not the cached text of another handler, which has covered nothing.
    return cover(formatter.formatException(record.exc_info))
