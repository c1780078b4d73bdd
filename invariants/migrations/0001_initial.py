import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# What was recorded of an invariant's life stays: only who did it may be forgotten, with the account.
FORWARDS = """
CREATE FUNCTION invariants_refuse(reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', reason USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION invariants_keep_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM invariants_refuse('A move of an invariant is recorded for good: it cannot be deleted.');
    ELSIF NEW.by_id IS NOT NULL
        OR to_jsonb(OLD) - 'by_id' IS DISTINCT FROM to_jsonb(NEW) - 'by_id'
    THEN
        PERFORM invariants_refuse('A move of an invariant is recorded for good: it cannot be changed.');
    END IF;
    RETURN NEW;
END $$;

-- An empty table holds nothing that could be lost.
CREATE FUNCTION invariants_keep_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invariants_invariantmove) THEN
        PERFORM invariants_refuse('Moves of invariants are recorded for good: their table cannot be emptied.');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER invariants_invariantmove_kept BEFORE UPDATE OR DELETE ON invariants_invariantmove
    FOR EACH ROW EXECUTE FUNCTION invariants_keep_move();
CREATE TRIGGER invariants_invariantmove_not_emptied BEFORE TRUNCATE ON invariants_invariantmove
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_keep_moves();
"""
BACKWARDS = """
DROP TRIGGER invariants_invariantmove_not_emptied ON invariants_invariantmove;
DROP TRIGGER invariants_invariantmove_kept ON invariants_invariantmove;
DROP FUNCTION invariants_keep_moves();
DROP FUNCTION invariants_keep_move();
DROP FUNCTION invariants_refuse(text);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0003_facts_every"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Invariant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("TESTED", "tested"),
                            ("STAGED", "staged"),
                            ("ENFORCED", "enforced"),
                            ("RETIRED", "retired"),
                        ],
                        default="DRAFT",
                        max_length=8,
                    ),
                ),
                ("state_since", models.DateTimeField()),
                ("statement", models.TextField()),
                ("condition", models.TextField(blank=True)),
                ("why", models.TextField()),
                ("type", models.CharField(max_length=60)),
                ("type_name", models.CharField(max_length=80)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("CRITICAL", "Critical"),
                            ("HIGH", "High"),
                            ("MEDIUM", "Medium"),
                            ("LOW", "Low"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "area",
                    models.CharField(
                        choices=[
                            ("CULTURE", "Culture"),
                            ("ACCOUNT_MANAGEMENT", "Account management"),
                            ("IDENTITY", "Identity and access"),
                            ("DATA_PROTECTION", "Data protection"),
                            ("SECURE_DEPLOYMENT", "Secure deployment"),
                            ("MONITORING", "Monitoring and alerting"),
                            ("VULNERABILITY", "Vulnerability management and incident response"),
                        ],
                        max_length=20,
                    ),
                ),
                ("owner", models.CharField(max_length=120)),
                ("is_mandatory", models.BooleanField()),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.organization"
                    ),
                ),
            ],
            options={
                "permissions": [
                    (
                        "manage_invariants",
                        "Can move invariants through their life, but not into force",
                    ),
                    (
                        "enforce_invariants",
                        "Can say that an invariant is enforced, or is so no longer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvariantVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("declared", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("content", models.JSONField()),
                ("source", models.JSONField(default=dict)),
                ("reading", models.JSONField(default=dict)),
                ("loaded_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(null=True)),
                (
                    "invariant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="invariants.invariant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="InvariantMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("TESTED", "tested"),
                            ("STAGED", "staged"),
                            ("ENFORCED", "enforced"),
                            ("RETIRED", "retired"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("TESTED", "tested"),
                            ("STAGED", "staged"),
                            ("ENFORCED", "enforced"),
                            ("RETIRED", "retired"),
                        ],
                        max_length=8,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by_name", models.CharField(max_length=150)),
                ("why", models.TextField()),
                ("gates", models.JSONField(default=list)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moves",
                        to="invariants.invariant",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invariants.invariantversion",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="invariant",
            name="version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="invariants.invariantversion",
            ),
        ),
        migrations.CreateModel(
            name="OuCoverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("enforced", models.PositiveIntegerField(default=0)),
                ("carved_out", models.PositiveIntegerField(default=0)),
                ("excepted", models.PositiveIntegerField(default=0)),
                ("missing", models.PositiveIntegerField(default=0)),
                ("broken", models.PositiveIntegerField(default=0)),
                ("not_enforceable", models.PositiveIntegerField(default=0)),
                ("not_applicable", models.PositiveIntegerField(default=0)),
                ("unknown", models.PositiveIntegerField(default=0)),
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
        ),
        migrations.CreateModel(
            name="CatalogLoad",
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
                        choices=[("LOADED", "loaded"), ("REFUSED", "refused")], max_length=8
                    ),
                ),
                ("files", models.CharField(max_length=64)),
                ("problems", models.JSONField(default=list)),
                ("counts", models.JSONField(default=dict)),
                ("parameters", models.JSONField(default=dict)),
                ("own_parameters", models.JSONField(default=list)),
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
                        fields=["organization", "-id"], name="invariants_catalogload_newest"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("problems", []), ("state", "LOADED")),
                            models.Q(
                                ("state", "REFUSED"), models.Q(("problems", []), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="invariants_catalogload_refused_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CoverageRun",
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
                        choices=[
                            ("COMPLETE", "complete"),
                            ("PARTIAL", "partial"),
                            ("FAILED", "failed"),
                        ],
                        max_length=8,
                    ),
                ),
                ("why", models.TextField(blank=True)),
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
                        fields=["organization", "-at"], name="invariants_coveragerun_newest"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EffectivePolicyReading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("policy_type", models.CharField(max_length=60)),
                ("stack", models.CharField(max_length=64)),
                ("account_id", models.CharField(max_length=12)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("KNOWN", "known"),
                            ("DENIED", "denied"),
                            ("UNAVAILABLE", "not available"),
                        ],
                        max_length=12,
                    ),
                ),
                ("value", models.JSONField(default=dict)),
                ("why", models.CharField(blank=True, max_length=600)),
                ("as_of", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.organization"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "policy_type", "stack"),
                        name="invariants_effectivereading_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Drift",
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
                        choices=[
                            ("CONTENT", "Policy text changed"),
                            ("ATTACHMENT", "Attached elsewhere"),
                            ("MISSING_IN_AWS", "Missing in AWS"),
                            ("UNMANAGED", "Unmanaged policy"),
                            ("TYPE_DISABLED", "Policy type disabled"),
                            ("EFFECTIVE_VALUE", "Other value in force"),
                        ],
                        max_length=16,
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("policy_type", models.CharField(max_length=60)),
                ("policy_name", models.CharField(blank=True, max_length=128)),
                ("target_id", models.CharField(blank=True, max_length=68)),
                ("target_name", models.CharField(blank=True, max_length=300)),
                ("severity", models.CharField(max_length=16)),
                ("summary", models.CharField(max_length=600)),
                ("before", models.TextField(blank=True)),
                ("after", models.TextField(blank=True)),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("absent_at", models.DateTimeField(null=True)),
                ("changed_since", models.DateTimeField()),
                ("changed_by", models.CharField(blank=True, max_length=300)),
                ("changed_at", models.DateTimeField(null=True)),
                ("event_id", models.CharField(blank=True, max_length=64)),
                ("event_name", models.CharField(blank=True, max_length=64)),
                ("who_note", models.CharField(blank=True, max_length=500)),
                ("who_asked_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "open"), ("ACCEPTED", "accepted")],
                        default="OPEN",
                        max_length=8,
                    ),
                ),
                ("owner", models.CharField(blank=True, max_length=150)),
                ("note", models.TextField(blank=True)),
                ("decided_by_name", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_why", models.TextField(blank=True)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.organization"
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.orgpolicy",
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drifts",
                        to="invariants.invariant",
                    ),
                ),
            ],
            options={
                "permissions": [("manage_drift", "Can accept drift and say who looks after it")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["organization", "first_seen"],
                        name="invariants_drift_lasting",
                    ),
                    models.Index(fields=["invariant", "-first_seen"], name="invariants_drift_of"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("organization", "key"),
                        name="invariants_drift_one_lasting",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at", None),
                            ("ended_at__gte", models.F("first_seen")),
                            _connector="OR",
                        ),
                        name="invariants_drift_first_before_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ACCEPTED"), _negated=True),
                            models.Q(
                                ("decided_at__isnull", False),
                                models.Q(("decided_by_name", ""), _negated=True),
                                models.Q(("decided_why", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="invariants_drift_accepted_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CoverageDay",
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
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="inventory.account",
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
            options={
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        autosummarize=True,
                        fields=["day"],
                        name="invariants_coverageday_by_day",
                        pages_per_range=16,
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invariant", "account", "day"), name="invariants_coverageday_unique"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("invariant", "account"),
                        name="invariants_coverageday_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("until", None), ("until__gt", models.F("day")), _connector="OR"
                        ),
                        name="invariants_coverageday_day_before_until",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Coverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                ("since", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.account"
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
                (
                    "invariant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="invariants.invariant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invariant", "account"), name="invariants_coverage_unique"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="invariantversion",
            constraint=models.UniqueConstraint(
                fields=("invariant", "number"), name="invariants_invariantversion_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="invariantversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at", None)),
                fields=("invariant",),
                name="invariants_invariantversion_one_current",
            ),
        ),
        migrations.AddConstraint(
            model_name="invariantversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")),
                name="invariants_invariantversion_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="invariantversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("replaced_at", None),
                    ("replaced_at__gte", models.F("loaded_at")),
                    _connector="OR",
                ),
                name="invariants_invariantversion_loaded_before_replaced",
            ),
        ),
        migrations.AddConstraint(
            model_name="invariantmove",
            constraint=models.CheckConstraint(
                condition=models.Q(("before", models.F("after")), _negated=True),
                name="invariants_invariantmove_moves",
            ),
        ),
        migrations.AddConstraint(
            model_name="invariantmove",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("why", ""), _negated=True), models.Q(("by_name", ""), _negated=True)
                ),
                name="invariants_invariantmove_who_and_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="invariant",
            constraint=models.UniqueConstraint(
                fields=("organization", "key"), name="invariants_invariant_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="invariant",
            constraint=models.CheckConstraint(
                condition=models.Q(("key__regex", "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")),
                name="invariants_invariant_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="oucoverage",
            constraint=models.UniqueConstraint(
                fields=("invariant", "ou"), name="invariants_oucoverage_unique"
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
