import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invariants", "0002_coverage_proofs"),
    ]

    operations = [
        migrations.CreateModel(
            name="PreventionCount",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="inventory.organization",
                    ),
                ),
                ("at", models.DateTimeField(null=True)),
                ("serving_digest", models.CharField(blank=True, max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="Denial",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "policy_type",
                    models.CharField(
                        choices=[
                            ("SERVICE_CONTROL_POLICY", "service control policy"),
                            ("RESOURCE_CONTROL_POLICY", "resource control policy"),
                            ("PERMISSIONS_BOUNDARY", "permissions boundary"),
                        ],
                        max_length=60,
                    ),
                ),
                ("policy_arn", models.CharField(blank=True, max_length=700)),
                ("is_explicit", models.BooleanField()),
                ("aws_account_id", models.CharField(blank=True, max_length=12)),
                ("principal", models.CharField(blank=True, max_length=600)),
                ("action", models.CharField(blank=True, max_length=260)),
                ("region", models.CharField(blank=True, max_length=32)),
                ("resource", models.CharField(blank=True, max_length=400)),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("served_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.account",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.organization",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="inventory.orgpolicy",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DenialDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("count", models.PositiveIntegerField()),
                (
                    "denial",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="invariants.denial",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DenialServes",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("statement_id", models.CharField(blank=True, max_length=64)),
                ("is_certain", models.BooleanField()),
                (
                    "denial",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="serves",
                        to="invariants.denial",
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="invariants.invariant"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="InvariantControl",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("control_key", models.CharField(max_length=120)),
                (
                    "stops",
                    models.CharField(
                        choices=[
                            ("FINDING", "the finding"),
                            ("RISK", "the risk; the finding stays until the resource is mended"),
                        ],
                        max_length=7,
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="controls",
                        to="invariants.invariant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OrgChangeEvent",
            fields=[
                ("event_id", models.UUIDField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("name", models.CharField(max_length=40)),
                ("policy_id", models.CharField(blank=True, max_length=130)),
                ("policy_type", models.CharField(blank=True, max_length=60)),
                ("target_id", models.CharField(blank=True, max_length=68)),
                ("by_arn", models.CharField(blank=True, max_length=2048)),
                ("by_name", models.CharField(blank=True, max_length=256)),
                ("source_ip", models.CharField(blank=True, max_length=128)),
                ("content", models.TextField(blank=True)),
                (
                    "source",
                    models.CharField(
                        choices=[("QUEUE", "event queue"), ("FILES", "trail files")], max_length=5
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Recurrence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("open", models.PositiveIntegerField(default=0)),
                ("opened", models.PositiveIntegerField(default=0)),
                ("reopened", models.PositiveIntegerField(default=0)),
                ("is_prevented", models.BooleanField(default=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.account",
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="findings.control"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TakenEvent",
            fields=[
                ("event_id", models.UUIDField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="invariants_takenevent_by_day")],
            },
        ),
        migrations.CreateModel(
            name="TrailFeed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("QUEUE", "event queue"), ("FILES", "trail files")], max_length=5
                    ),
                ),
                ("counts", models.JSONField(default=dict)),
                ("first_event_at", models.DateTimeField()),
                ("last_event_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Violation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stops_finding", models.BooleanField(default=True)),
                ("open", models.PositiveIntegerField()),
                ("from_before", models.PositiveIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.account"
                    ),
                ),
                (
                    "control",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="findings.control"
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="invariants.invariant",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="denial",
            index=models.Index(
                fields=["organization", "-last_at", "-id"], name="invariants_denial_newest"
            ),
        ),
        migrations.AddIndex(
            model_name="denial",
            index=models.Index(
                condition=models.Q(("served_at", None)),
                fields=["id"],
                name="invariants_denial_untied",
            ),
        ),
        migrations.AddConstraint(
            model_name="denial",
            constraint=models.UniqueConstraint(
                fields=(
                    "organization",
                    "policy_arn",
                    "policy_type",
                    "is_explicit",
                    "aws_account_id",
                    "principal",
                    "action",
                ),
                name="invariants_denial_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="denial",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_at__gte", models.F("first_at"))),
                name="invariants_denial_first_before_last",
            ),
        ),
        migrations.AddConstraint(
            model_name="denial",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_explicit", True), ("policy_arn", ""), _connector="OR"),
                name="invariants_denial_only_a_deny_is_named",
            ),
        ),
        migrations.AddIndex(
            model_name="denialday",
            index=models.Index(fields=["day"], name="invariants_denialday_by_day"),
        ),
        migrations.AddConstraint(
            model_name="denialday",
            constraint=models.UniqueConstraint(
                fields=("denial", "day"), name="invariants_denialday_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="denialday",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gte", 1)), name="invariants_denialday_counts"
            ),
        ),
        migrations.AddConstraint(
            model_name="denialserves",
            constraint=models.UniqueConstraint(
                fields=("denial", "invariant"), name="invariants_denialserves_unique"
            ),
        ),
        migrations.AddIndex(
            model_name="invariantcontrol",
            index=models.Index(fields=["control_key"], name="invariants_control_key"),
        ),
        migrations.AddConstraint(
            model_name="invariantcontrol",
            constraint=models.UniqueConstraint(
                fields=("invariant", "control_key"), name="invariants_invariantcontrol_unique"
            ),
        ),
        migrations.AddIndex(
            model_name="orgchangeevent",
            index=models.Index(fields=["organization", "at"], name="invariants_orgchange_by_time"),
        ),
        migrations.AddConstraint(
            model_name="recurrence",
            constraint=models.UniqueConstraint(
                fields=("account", "control"), name="invariants_recurrence_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="trailfeed",
            constraint=models.UniqueConstraint(
                fields=("organization", "kind"), name="invariants_trailfeed_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="trailfeed",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_event_at__gte", models.F("first_event_at"))),
                name="invariants_trailfeed_first_before_last",
            ),
        ),
        migrations.AddConstraint(
            model_name="violation",
            constraint=models.UniqueConstraint(
                fields=("invariant", "account", "control"), name="invariants_violation_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="violation",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_before__lte", models.F("open")), ("open__gte", 1)),
                name="invariants_violation_counts",
            ),
        ),
    ]
