import django.contrib.postgres.fields
from django.db import migrations, models

# Most payloads are just long enough to be compressed, which lz4 does in a fraction of pglz's time.
# A server that was built without it keeps pglz.
COMPRESS = """
DO $$ BEGIN
    ALTER TABLE findings_findingpayload ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("findings", "0004_triage")]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="history",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="finding",
            name="observed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="workflow_set_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="fix_seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(COMPRESS, migrations.RunSQL.noop),
    ]
