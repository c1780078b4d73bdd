import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0003_facts_every"),
        ("invariants", "0005_what_if"),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("until", models.DateField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("OWN", "the organisation's own"),
                            ("KEPT_BY_AWS", "kept by AWS or AWS Control Tower"),
                        ],
                        max_length=12,
                    ),
                ),
                ("is_as_code", models.BooleanField()),
                ("is_known", models.BooleanField()),
                (
                    "policy",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.orgpolicy",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("policy", "day"), name="invariants_policyday_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("until", None), ("until__gt", models.F("day")), _connector="OR"
                        ),
                        name="invariants_policyday_day_before_until",
                    ),
                ],
            },
        ),
    ]
