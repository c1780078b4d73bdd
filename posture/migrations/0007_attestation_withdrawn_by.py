from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("posture", "0006_kpi_failures")]

    operations = [
        migrations.AddField(
            model_name="attestation",
            name="withdrawn_by",
            field=models.CharField(blank=True, default="", max_length=150),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="attestation",
            constraint=models.CheckConstraint(
                condition=models.Q(("withdrawn_by", ""), ("withdrawn_on", None))
                | models.Q(
                    ("withdrawn_on__isnull", False),
                    models.Q(("withdrawn_by", ""), _negated=True),
                ),
                name="posture_attestation_withdrawn_by",
            ),
        ),
    ]
