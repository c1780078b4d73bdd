"""What happens to exceptions, and who approves instead of whom, is in the audit log."""

from django.db import migrations

WATCH = """
SELECT posture_audit_watch(
    'invariants_exceptionevent',
    ARRAY['exception_event', '', ''],
    '(SELECT format(''EX-%s'', lpad(number::text, greatest(4, length(number::text)), ''0''))
        FROM invariants_exceptionrequest WHERE id = ($1).request_id)',
    keep => ARRAY['verb', 'state_before', 'state_after', 'note', 'via', 'who_name', 'before', 'after']
);
SELECT posture_audit_watch(
    'invariants_approverabsence',
    ARRAY['absence_added', 'absence_changed', 'absence_removed'],
    '($1).person_name',
    keep => ARRAY['person_name', 'delegate_name', 'since', 'until', 'ended_at']
);
"""
UNWATCH = """
SELECT posture_audit_unwatch('invariants_approverabsence');
SELECT posture_audit_unwatch('invariants_exceptionevent');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0024_audited_invariants"),
        ("invariants", "0008_exceptions"),
    ]

    operations = [migrations.RunSQL(WATCH, UNWATCH)]
