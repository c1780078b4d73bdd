"""What is frozen stays so: not by the programs' good will, but because the database refuses."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# Each refusal has the code of a broken constraint, so that it arrives as an IntegrityError.
FORWARDS = """
CREATE FUNCTION posture_refuse(reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', reason USING ERRCODE = 'restrict_violation';
END $$;

-- FOR SHARE waits for a publication under way, and makes a later one wait for this change.
CREATE FUNCTION posture_is_published(review bigint) RETURNS boolean LANGUAGE sql AS $$
    SELECT state = 'PUBLISHED' FROM posture_weeklyreview WHERE id = review FOR SHARE
$$;

CREATE FUNCTION posture_keep_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM posture_refuse('A weekly review is frozen: it cannot be deleted.');
    ELSIF OLD.state = 'PUBLISHED' THEN
        PERFORM posture_refuse('A published weekly review cannot be changed: add an erratum.');
    ELSIF ROW(OLD.id, OLD.organization_id, OLD.iso_year, OLD.iso_week, OLD.starts_on, OLD.ends_on,
            OLD.data_day, OLD.data_as_of, OLD.snapshot::text, OLD.snapshot_hash,
            OLD.proposed_answer, OLD.proposed_headline, OLD.frozen_at)
        IS DISTINCT FROM
        ROW(NEW.id, NEW.organization_id, NEW.iso_year, NEW.iso_week, NEW.starts_on, NEW.ends_on,
            NEW.data_day, NEW.data_as_of, NEW.snapshot::text, NEW.snapshot_hash,
            NEW.proposed_answer, NEW.proposed_headline, NEW.frozen_at)
    THEN
        PERFORM posture_refuse('The numbers of a weekly review are frozen: they cannot be changed.');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION posture_keep_part_of_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND posture_is_published(OLD.review_id)
        OR TG_OP <> 'DELETE' AND posture_is_published(NEW.review_id)
    THEN
        PERFORM posture_refuse('The weekly review is published: nothing in it can be changed.');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION posture_keep_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.first_due_on <> NEW.first_due_on THEN
            PERFORM posture_refuse('The first due date of an action never changes.');
        ELSIF posture_is_published(OLD.review_id)
            AND ROW(OLD.id, OLD.organization_id, OLD.review_id, OLD.kpi, OLD.text, OLD.owner,
                OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            ROW(NEW.id, NEW.organization_id, NEW.review_id, NEW.kpi, NEW.text, NEW.owner,
                NEW.created_by, NEW.created_at)
        THEN
            PERFORM posture_refuse(
                'An action of a published weekly review can only be moved or closed.');
        END IF;
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        IF posture_is_published(OLD.review_id) THEN
            PERFORM posture_refuse('An action of a published weekly review cannot be deleted.');
        END IF;
        RETURN OLD;
    END IF;
    IF posture_is_published(NEW.review_id) THEN
        PERFORM posture_refuse('The weekly review is published: add the action to a later one.');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION posture_keep_erratum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM posture_refuse('An erratum cannot be changed: add another one.');
    ELSIF NOT posture_is_published(NEW.review_id) THEN
        PERFORM posture_refuse('An erratum needs a published weekly review: change the draft.');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION posture_keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM posture_refuse('What was recorded of a weekly review cannot be changed.');
    RETURN NULL;
END $$;

-- An empty table holds nothing that could be lost.
CREATE FUNCTION posture_keep_table() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has_rows boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO has_rows;
    IF has_rows THEN
        PERFORM posture_refuse('Weekly reviews are frozen: their tables cannot be emptied.');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER posture_weeklyreview_kept BEFORE UPDATE OR DELETE ON posture_weeklyreview
    FOR EACH ROW EXECUTE FUNCTION posture_keep_review();
CREATE TRIGGER posture_reviewnote_kept BEFORE INSERT OR UPDATE OR DELETE ON posture_reviewnote
    FOR EACH ROW EXECUTE FUNCTION posture_keep_part_of_review();
CREATE TRIGGER posture_reviewquestion_kept
    BEFORE INSERT OR UPDATE OR DELETE ON posture_reviewquestion
    FOR EACH ROW EXECUTE FUNCTION posture_keep_part_of_review();
CREATE TRIGGER posture_reviewaction_kept BEFORE INSERT OR UPDATE OR DELETE ON posture_reviewaction
    FOR EACH ROW EXECUTE FUNCTION posture_keep_action();
CREATE TRIGGER posture_erratum_kept BEFORE INSERT OR UPDATE OR DELETE ON posture_erratum
    FOR EACH ROW EXECUTE FUNCTION posture_keep_erratum();
CREATE TRIGGER posture_reviewevent_kept BEFORE UPDATE OR DELETE ON posture_reviewevent
    FOR EACH ROW EXECUTE FUNCTION posture_keep_event();
"""
TABLES = (
    "posture_weeklyreview",
    "posture_reviewnote",
    "posture_reviewquestion",
    "posture_reviewaction",
    "posture_erratum",
    "posture_reviewevent",
)
FORWARDS += "".join(
    f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION posture_keep_table();\n"
    for table in TABLES
)
BACKWARDS = (
    "".join(
        f"DROP TRIGGER {table}_kept ON {table}; DROP TRIGGER {table}_not_emptied ON {table};\n"
        for table in TABLES
    )
    + """
DROP FUNCTION posture_keep_table();
DROP FUNCTION posture_keep_event();
DROP FUNCTION posture_keep_erratum();
DROP FUNCTION posture_keep_action();
DROP FUNCTION posture_keep_part_of_review();
DROP FUNCTION posture_keep_review();
DROP FUNCTION posture_is_published(bigint);
DROP FUNCTION posture_refuse(text);
"""
)


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0003_kpis_and_reviews"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReviewEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("FROZEN", "froze the week"),
                            ("ANSWERED", "changed the answer"),
                            ("NOTED", "added a note"),
                            ("NOTE_CHANGED", "changed a note"),
                            ("NOTE_REMOVED", "removed a note"),
                            ("ASKED", "added a question"),
                            ("DECIDED", "answered a question"),
                            ("QUESTION_REMOVED", "removed a question"),
                            ("ACTION_ADDED", "added an action"),
                            ("ACTION_MOVED", "moved the date of an action"),
                            ("ACTION_CLOSED", "closed an action"),
                            ("PUBLISHED", "published"),
                            ("CORRECTED", "added an erratum"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("details", models.JSONField(default=dict)),
                ("by", models.CharField(blank=True, max_length=150)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "action",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="posture.reviewaction",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="posture.weeklyreview",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
