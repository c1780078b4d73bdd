import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_enabled_policy_types"),
        ("invariants", "0003_denials"),
    ]

    operations = [
        migrations.AddField(
            model_name="drift",
            name="restore",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="DriftRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("COMPLETE", "complete"), ("SKIPPED", "not compared")],
                        max_length=8,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=600)),
                ("counts", models.JSONField(default=dict)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.organization"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["organization", "-at", "-id"], name="invariants_driftrun_newest"
                    )
                ],
            },
        ),
    ]
