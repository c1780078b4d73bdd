"""An episode learns what flow is counted by: whose, of which control, how severe, due when.

The triggers keep it so, whoever writes: ingest by COPY, a sweep, a bulk action, new rules of due
dates. An episode is written seldom, so that they cost next to nothing; joining millions of findings
for each KPI of each day would cost more than all other KPIs together.
"""

import django.db.models.deletion
from django.db import migrations, models

_TRIGGERS = """
CREATE FUNCTION findings_episode_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found record;
BEGIN
    SELECT account_id, control_id, severity, status, due_at, sla_rule INTO found
        FROM findings_finding WHERE id = NEW.finding_id;
    NEW.account_id := found.account_id;
    NEW.control_id := found.control_id;
    NEW.severity := found.severity;
    NEW.sla_rule := COALESCE(NEW.sla_rule, '');
    IF NEW.closed_at IS NULL AND found.status = 'OPEN' THEN
        NEW.due_at := found.due_at;
        NEW.sla_rule := found.sla_rule;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER findings_episode_facts BEFORE INSERT OR UPDATE ON findings_episode
    FOR EACH ROW EXECUTE FUNCTION findings_episode_facts();

CREATE FUNCTION findings_finding_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What is written is of no matter: the other trigger reads the finding.
    UPDATE findings_episode SET severity = NEW.severity WHERE finding_id = NEW.id
        AND (closed_at IS NULL OR (OLD.severity, OLD.account_id, OLD.control_id)
            IS DISTINCT FROM (NEW.severity, NEW.account_id, NEW.control_id));
    RETURN NULL;
END $$;
CREATE TRIGGER findings_finding_facts
    AFTER UPDATE OF severity, account_id, control_id, status, due_at, sla_rule ON findings_finding
    FOR EACH ROW WHEN (
        (OLD.severity, OLD.account_id, OLD.control_id)
            IS DISTINCT FROM (NEW.severity, NEW.account_id, NEW.control_id)
        OR (NEW.status = 'OPEN' AND (OLD.status, OLD.due_at, OLD.sla_rule)
            IS DISTINCT FROM (NEW.status, NEW.due_at, NEW.sla_rule)))
    EXECUTE FUNCTION findings_finding_facts();
"""
_NO_TRIGGERS = """
DROP TRIGGER findings_finding_facts ON findings_finding;
DROP FUNCTION findings_finding_facts();
DROP TRIGGER findings_episode_facts ON findings_episode;
DROP FUNCTION findings_episode_facts();
"""
_FILL = """
UPDATE findings_episode e SET account_id = f.account_id, control_id = f.control_id,
    severity = f.severity, due_at = CASE WHEN e.closed_at IS NULL THEN f.due_at END,
    sla_rule = CASE WHEN e.closed_at IS NULL THEN f.sla_rule ELSE '' END
FROM findings_finding f WHERE f.id = e.finding_id
"""
_GRAVE = models.Q(("severity__in", ["CRITICAL", "HIGH"]))
_SEVERITIES = [
    ("CRITICAL", "Critical"),
    ("HIGH", "High"),
    ("MEDIUM", "Medium"),
    ("LOW", "Low"),
    ("INFORMATIONAL", "Informational"),
]


def _relation(to, **changes):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to=to,
        **changes,
    )


def _added(name, field):
    return migrations.AddField(model_name="episode", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0011_provisional_controls"),
        ("inventory", "0002_account_facts"),
    ]

    operations = [
        _added("lapsed_at", models.DateTimeField(null=True)),
        _added("resumed_at", models.DateTimeField(null=True)),
        _added("excepted_at", models.DateTimeField(null=True)),
        _added("account", _relation("inventory.account", null=True)),
        _added("control", _relation("findings.control", null=True)),
        _added("severity", models.CharField(choices=_SEVERITIES, max_length=13, null=True)),
        _added("due_at", models.DateTimeField(null=True)),
        _added("sla_rule", models.CharField(blank=True, default="", max_length=40)),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
        migrations.AlterField("episode", "account", _relation("inventory.account")),
        migrations.AlterField("episode", "control", _relation("findings.control")),
        migrations.AlterField(
            "episode", "severity", models.CharField(choices=_SEVERITIES, max_length=13)
        ),
        migrations.AlterField("episode", "sla_rule", models.CharField(blank=True, max_length=40)),
        migrations.RunSQL(_TRIGGERS, _NO_TRIGGERS),
        migrations.AddConstraint(
            "episode",
            models.CheckConstraint(
                condition=models.Q(("lapsed_at", None), ("resumed_at", None))
                | models.Q(("resumed_at__gte", models.F("lapsed_at"))),
                name="findings_episode_lapse",
            ),
        ),
        *(
            migrations.AddIndex(
                "episode", models.Index(fields=[f"{what}_at"], condition=_GRAVE, name=name)
            )
            for what, name in (
                ("opened", "findings_episode_opened"),
                ("closed", "findings_episode_closed"),
                ("due", "findings_episode_due"),
            )
        ),
        migrations.AddIndex(
            "episode",
            models.Index(
                fields=["resumed_at"],
                condition=_GRAVE & models.Q(("resumed_at__isnull", False)),
                name="findings_episode_resumed",
            ),
        ),
        migrations.AddIndex(
            "episode",
            models.Index(
                fields=["closed_at"],
                condition=models.Q(("sla_rule__startswith", "bod:"))
                | models.Q(("sla_rule", "no-fix")),
                name="findings_episode_tier",
            ),
        ),
    ]
