"""What a touched cell was, so that sums over cells can be moved instead of summed anew."""

import django.contrib.postgres.fields
from django.db import migrations, models

# What was touched before says nothing of what it was: all rows of the day are written once.
_WRITE_ALL = """
UPDATE posture_rollupstate SET inventory = ''
WHERE EXISTS (SELECT 1 FROM posture_touchedcell)
"""


class Migration(migrations.Migration):
    dependencies = [("posture", "0011_one_index_of_kpi_points")]

    operations = [
        migrations.AddField(
            model_name="touchedcell",
            name="was",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), null=True, size=None
            ),
        ),
        migrations.RunSQL(_WRITE_ALL, migrations.RunSQL.noop),
    ]
