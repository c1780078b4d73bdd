"""What a published week says of its actions stays so, also of those carried into it from a draft."""

from django.db import migrations

# An action stands on the page of its own review and of every later one while it is open. Once one of
# them is published, only its progress goes on: moved, and closed once, no earlier than that day.
FORWARDS = """
CREATE FUNCTION posture_shown_on(review bigint, since timestamptz) RETURNS date
LANGUAGE sql AS $$
    SELECT (max(w.published_at) AT TIME ZONE 'UTC')::date
    FROM posture_weeklyreview own JOIN posture_weeklyreview w
        ON w.organization_id = own.organization_id AND w.starts_on >= own.starts_on
    WHERE own.id = review AND w.state = 'PUBLISHED'
        AND (w.id = own.id OR w.published_at >= since)
$$;

CREATE OR REPLACE FUNCTION posture_keep_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown_on date;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF posture_is_published(NEW.review_id) THEN
            PERFORM posture_refuse('The weekly review is published: add the action to a later one.');
        END IF;
        RETURN NEW;
    END IF;
    -- Waits for a publication of its own review that is under way.
    PERFORM posture_is_published(OLD.review_id);
    shown_on := posture_shown_on(OLD.review_id, OLD.created_at);
    IF TG_OP = 'DELETE' THEN
        IF shown_on IS NOT NULL THEN
            PERFORM posture_refuse('An action of a published weekly review cannot be deleted.');
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.first_due_on <> NEW.first_due_on THEN
        PERFORM posture_refuse('The first due date of an action never changes.');
    ELSIF OLD.outcome <> '' AND ROW(OLD.outcome, OLD.closed_on, OLD.closing_note, OLD.due_on)
        IS DISTINCT FROM ROW(NEW.outcome, NEW.closed_on, NEW.closing_note, NEW.due_on)
    THEN
        PERFORM posture_refuse('A closed action stays as it was closed: add another one.');
    ELSIF shown_on IS NOT NULL THEN
        IF ROW(OLD.id, OLD.organization_id, OLD.review_id, OLD.kpi, OLD.text, OLD.owner,
                OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            ROW(NEW.id, NEW.organization_id, NEW.review_id, NEW.kpi, NEW.text, NEW.owner,
                NEW.created_by, NEW.created_at)
        THEN
            PERFORM posture_refuse(
                'An action of a published weekly review can only be moved or closed.');
        -- Its day is one of the organisation's calendar, which may be a day behind.
        ELSIF OLD.closed_on IS NULL AND NEW.closed_on < shown_on - 1 THEN
            PERFORM posture_refuse('An action that a published weekly review shows as open cannot'
                ' have been closed before.');
        END IF;
    END IF;
    RETURN NEW;
END $$;
"""
BACKWARDS = """
CREATE OR REPLACE FUNCTION posture_keep_action() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP FUNCTION posture_shown_on(bigint, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0009_unchecked_kpi_points"),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
