"""The audit log: who may read it sees all of it."""

from posture.actions import audit
from posture.models import AuditEntry
from posture.policies import roles
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import Row


def furnish(world):
    audit.record("webhook_tested", actor=None, subject="siem", details={}, now=NOW)
    world.thing("audit_entry", all=AuditEntry.objects.latest("pk").pk, none=2**40)


ROWS: tuple[Row, ...] = (
    Row(
        "posture:audit",
        right=roles.READ_AUDIT,
        query=("", "?q=webhook", "?since=2026-01-01", "?q=boardroom", "?q=kernelrot"),
        targets=("results",),
    ),
    Row("posture:audit_entry", of="audit_entry", right=roles.READ_AUDIT, targets=()),
    Row("posture:audit_csv", right=roles.READ_AUDIT, targets=()),
    Row("posture:audit_ndjson", right=roles.READ_AUDIT, targets=()),
)
