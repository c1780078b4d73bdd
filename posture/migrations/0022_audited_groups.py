"""What the groups of the identity provider give is in the audit log."""

from django.db import migrations

WATCH = """
SELECT posture_audit_watch(
    'posture_groupmapping',
    ARRAY['group_mapping_added', 'group_mapping_changed', 'group_mapping_removed'],
    '($1)."group"',
    keep => ARRAY['added_by'],
    extra => $watch$jsonb_strip_nulls(jsonb_build_object(
        'role', (SELECT name FROM auth_group WHERE id = ($1).role_id),
        'team', (SELECT slug FROM inventory_team WHERE id = ($1).team_id)))$watch$
)
"""


class Migration(migrations.Migration):
    dependencies = [("posture", "0021_sealed_second_factors")]

    operations = [
        migrations.RunSQL(WATCH, "SELECT posture_audit_unwatch('posture_groupmapping')"),
    ]
