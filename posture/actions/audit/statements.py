"""Telling the database who changes a watched table: its triggers write that into the audit log.

It is told with each such statement and holds for the transaction. Set once a request, it would be undone
by a rollback to a savepoint, and outlive the request on a connection that is kept.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import orjson
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from posture import logs
from posture.policies.audit import WATCHED

_TABLES: Final = "|".join(WATCHED)
_PLAIN: Final = re.compile(
    rf'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+(?:ONLY\s+)?"?(?:{_TABLES})\b',
    re.IGNORECASE,
)
_NESTED: Final = re.compile(
    rf'\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?(?:{_TABLES})\b', re.IGNORECASE
)
_TELL: Final = "SELECT set_config('parapet.origin', %s, true)"

Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]


def connect() -> None:
    connection_created.connect(_wrap)


def _wrap(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if tell not in connection.execute_wrappers:
        connection.execute_wrappers.append(tell)


def tell(execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run a statement; where it writes into a watched table, say first who does."""
    if not changes_watched(sql):
        return execute(sql, params, many, context)
    connection: BaseDatabaseWrapper = context["connection"]
    if connection.in_atomic_block:
        _say(connection)
        return execute(sql, params, many, context)
    with transaction.atomic(using=connection.alias):
        _say(connection)
        return execute(sql, params, many, context)


def changes_watched(sql: Any) -> bool:
    """Whether the statement (text, or of psycopg.sql) may write into a watched table."""
    text = sql if isinstance(sql, str) else sql.as_string(None)
    if text[:7].lstrip()[:4].upper() == "WITH":
        return _NESTED.search(text) is not None
    return _PLAIN.match(text) is not None


def _say(connection: BaseDatabaseWrapper) -> None:
    origin = logs.current().with_actor()
    who = origin.actor or logs.actor_of(None)
    told = {
        "kind": who.kind,
        "id": who.id,
        "name": who.name,
        "token": who.token,
        "address": origin.address or None,
        "request_id": origin.request_id,
        "task_id": origin.task_id,
        "task": origin.task,
    }
    # Below Django's cursor: no query of the page's, and its errors are translated all the same.
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(_TELL, [orjson.dumps(told).decode()])
