"""Notes which findings open, close or change their workflow, for the webhooks that are told of it.

By triggers, whoever writes: ingest by COPY, a sweep, a bulk action. While no active webhook asks, a
change costs one look at a table of a few rows, and nothing is written.

What is stored anew is noted once for a cell and statement, so that the first collection of a million
findings writes some thousands of rows. What changes is noted one by one.
"""

from django.db import migrations

_TRIGGERS = """
CREATE FUNCTION posture_finding_asked_for(kind text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM posture_webhook WHERE is_active AND events @> ARRAY[kind::varchar])
$$;

CREATE FUNCTION posture_findings_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF posture_finding_asked_for('findings.opened') THEN
        INSERT INTO posture_findingnews (kind, account_id, control_id, severity, count, finding_ids)
            SELECT 'findings.opened', account_id, control_id, severity, count(*),
                (array_agg(id ORDER BY id))[1:5]
            FROM stored WHERE status = 'OPEN' GROUP BY account_id, control_id, severity;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posture_findings_stored AFTER INSERT ON findings_finding
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION posture_findings_stored();

CREATE FUNCTION posture_finding_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kinds text[] := '{}';
BEGIN
    IF NEW.status = 'OPEN' AND OLD.status <> 'OPEN' THEN
        kinds := kinds || 'findings.opened'::text;
    -- What has become unknown is not closed.
    ELSIF OLD.status = 'OPEN' AND NEW.status IN ('PASSED', 'CLOSED') THEN
        kinds := kinds || 'findings.closed'::text;
    END IF;
    IF NEW.workflow <> OLD.workflow THEN
        kinds := kinds || 'findings.workflow_changed'::text;
    END IF;
    INSERT INTO posture_findingnews (kind, account_id, control_id, severity, count, finding_ids)
        SELECT kind, NEW.account_id, NEW.control_id, NEW.severity, 1, ARRAY[NEW.id]
        FROM unnest(kinds) AS kind WHERE posture_finding_asked_for(kind);
    RETURN NULL;
END $$;
CREATE TRIGGER posture_finding_changed AFTER UPDATE OF status, workflow ON findings_finding
    FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.workflow IS DISTINCT FROM NEW.workflow)
    EXECUTE FUNCTION posture_finding_changed();
"""
_NO_TRIGGERS = """
DROP TRIGGER posture_finding_changed ON findings_finding;
DROP FUNCTION posture_finding_changed();
DROP TRIGGER posture_findings_stored ON findings_finding;
DROP FUNCTION posture_findings_stored();
DROP FUNCTION posture_finding_asked_for(text);
"""


class Migration(migrations.Migration):
    dependencies = [("posture", "0019_webhooks"), ("findings", "0016_people")]

    operations = [migrations.RunSQL(_TRIGGERS, _NO_TRIGGERS)]
