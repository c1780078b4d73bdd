"""Where else than by mail somebody is told is in the audit log, without the address, which is a secret."""

from django.db import migrations

WATCH = """
SELECT posture_audit_watch(
    'posture_notificationchannel',
    ARRAY['channel_added', 'channel_changed', 'channel_removed'],
    '($1).name',
    keep => ARRAY['name', 'service', 'host', 'is_room', 'kinds']
);
"""
UNWATCH = "SELECT posture_audit_unwatch('posture_notificationchannel');"


class Migration(migrations.Migration):
    dependencies = [("posture", "0026_notifications")]

    operations = [migrations.RunSQL(WATCH, UNWATCH)]
