import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0002_account_facts"),
        ("posture", "0007_attestation_withdrawn_by"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountCoverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("service", models.CharField(max_length=20)),
                ("expected", models.PositiveSmallIntegerField()),
                ("on", models.PositiveSmallIntegerField()),
                ("told", models.PositiveSmallIntegerField()),
                ("denied", models.PositiveSmallIntegerField()),
                ("gaps", models.JSONField(default=list)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.account",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["service", "account"], name="posture_accountcoverage_unique"
                    )
                ],
            },
        ),
    ]
