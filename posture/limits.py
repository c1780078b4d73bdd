"""How long the database works on one statement of a process: a page is not worth what a rollup is.

Commands (migrations, back-filling) have no limit.
"""

from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# A transaction that waits for its own process holds rows that others want: a slow download of an
# export may, for minutes; a task waits for a mail server in one.
_IDLE_SECONDS: Final = 300


def of_web() -> None:
    """From now on, each new connection of this process ends a statement that no page may take."""
    _on_each_connection(settings.POSTURE_WEB_STATEMENT_SECONDS)


def of_tasks(**_: Any) -> None:
    """From now on, each new connection of this process ends a statement that no task may take."""
    _on_each_connection(settings.POSTURE_TASK_STATEMENT_SECONDS)


def set_on(connection: BaseDatabaseWrapper, *, statement_seconds: int) -> None:
    """Tell the database so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false)",
            [f"{statement_seconds}s", f"{_IDLE_SECONDS}s"],
        )


def _on_each_connection(statement_seconds: int) -> None:
    def limit(connection: BaseDatabaseWrapper, **_: Any) -> None:
        set_on(connection, statement_seconds=statement_seconds)

    connection_created.connect(limit, weak=False, dispatch_uid="posture.limits")
