from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invariants", "0014_exceptions_left_open")]

    operations = [
        migrations.AddField(
            model_name="drift",
            name="exceptions",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="drift",
            name="is_explained",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="drift",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_explained", False))
                | models.Q(("exceptions", []), _negated=True),
                name="invariants_drift_explained_by_some",
            ),
        ),
    ]
