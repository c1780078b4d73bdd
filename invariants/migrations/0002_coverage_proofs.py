import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Coverage has no row yet: what it says is moved to the proofs before anything is written."""

    dependencies = [
        ("invariants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CoverageProof",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ENFORCED", "enforced"),
                            ("CARVED_OUT", "enforced with carve-out"),
                            ("EXCEPTED", "excepted"),
                            ("MISSING", "missing"),
                            ("BROKEN", "broken"),
                            ("NOT_ENFORCEABLE", "not enforceable"),
                            ("NOT_APPLICABLE", "not applicable"),
                            ("UNKNOWN", "unknown"),
                        ],
                        max_length=15,
                    ),
                ),
                ("reason", models.TextField()),
                ("level", models.CharField(blank=True, max_length=68)),
                ("evidence", models.JSONField(default=dict)),
                (
                    "invariant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="invariants.invariant",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="inventory.orgpolicy",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invariant", "digest"), name="invariants_coverageproof_unique"
                    )
                ],
            },
        ),
        migrations.RemoveField(model_name="coverage", name="evidence"),
        migrations.RemoveField(model_name="coverage", name="level"),
        migrations.RemoveField(model_name="coverage", name="policy"),
        migrations.RemoveField(model_name="coverage", name="reason"),
        migrations.AddField(
            model_name="coverage",
            name="proof",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.RESTRICT,
                to="invariants.coverageproof",
            ),
        ),
        migrations.CreateModel(
            name="Rollout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_date", models.DateField()),
                ("by_name", models.CharField(max_length=150)),
                ("why", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "invariant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="invariants.invariant",
                    ),
                ),
                (
                    "ou",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.organizationalunit",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invariant", "ou"), name="invariants_rollout_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("why", ""), _negated=True)
                        & models.Q(("by_name", ""), _negated=True),
                        name="invariants_rollout_who_and_why",
                    ),
                ],
            },
        ),
    ]
