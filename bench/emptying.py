"""Emptying a database of a bench, which the audit log refuses everywhere else."""

import psycopg


def allow(address: str) -> None:
    """Let `manage.py flush` empty this database: switch off what keeps the audit log's tables whole."""
    with psycopg.connect(address, autocommit=True) as connection:
        for table in ("posture_auditentry", "posture_auditcut"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_not_emptied")
