"""What the rules of exceptions left open: see ADR 20 and docs/exceptions.md."""

from django.db import migrations

# Whose right was used has a part as well; an emergency is not decided on after its hours, nor assessed
# anew once somebody has approved it; and who was away, and for how long, stays as it was said.
FORWARDS = """
CREATE OR REPLACE FUNCTION invariants_exception_approve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked invariants_exceptionrequest;
BEGIN
    -- Waits for a step that is under way.
    SELECT * INTO asked FROM invariants_exceptionrequest WHERE id = NEW.request_id FOR UPDATE;
    IF NEW.round <> asked.round OR (
        CASE WHEN NEW.seat = 'EMERGENCY' THEN
            asked.is_emergency AND asked.state IN ('SUBMITTED', 'TRIAGED')
        ELSE
            asked.state IN ('RISK_ASSESSED', 'EMERGENCY')
            AND NEW.seat = ANY (invariants_exception_seats(asked.residual_risk))
        END) IS NOT TRUE
    THEN
        PERFORM invariants_refuse('This approval is not waited for.');
    END IF;
    PERFORM invariants_exception_part(NEW.request_id, NEW.person_id, 'APPROVER');
    IF EXISTS (
        SELECT FROM invariants_exceptionpart WHERE request_id = NEW.request_id
            AND person_id = NEW.instead_of_id AND part <> 'APPROVER')
    THEN
        PERFORM invariants_refuse('Separation of duties: nobody approves instead of somebody who has'
            ' another part in the exception.');
    END IF;
    -- What one person may approve counts once: by themselves, or by whoever stands in for them.
    IF EXISTS (
        SELECT FROM invariants_exceptionapproval
        WHERE request_id = NEW.request_id AND round = NEW.round AND (
            person_id = NEW.instead_of_id OR instead_of_id IN (NEW.person_id, NEW.instead_of_id)))
    THEN
        PERFORM invariants_refuse('Separation of duties: the same person has approved this exception'
            ' already, themselves or through somebody who stood in for them.');
    END IF;
    IF NEW.instead_of_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM invariants_approverabsence a, inventory_organization o
        WHERE a.person_id = NEW.instead_of_id AND a.delegate_id = NEW.person_id AND a.ended_at IS NULL
            AND o.id = asked.organization_id
            AND (NEW.at AT TIME ZONE o.time_zone)::date BETWEEN a.since AND a.until)
    THEN
        PERFORM invariants_refuse('Nobody stands in for a person who has not left that to them.');
    END IF;
    -- It is their right that was used: they are an approver by that, and nothing else any more.
    IF NEW.instead_of_id IS NOT NULL THEN
        PERFORM invariants_exception_part(NEW.request_id, NEW.instead_of_id, 'APPROVER');
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_name_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    person bigint;
BEGIN
    PERFORM invariants_exception_part(NEW.id, NEW.requester_id, 'REQUESTER');
    IF NEW.assessor_id IS NOT NULL THEN
        PERFORM invariants_exception_part(NEW.id, NEW.assessor_id, 'ASSESSOR');
    END IF;
    IF NEW.implementer_id IS NOT NULL THEN
        PERFORM invariants_exception_part(NEW.id, NEW.implementer_id, 'IMPLEMENTER');
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- What a renewal takes over was put in place by somebody: they do not approve of it.
        FOR person IN
            WITH RECURSIVE line AS (
                SELECT r.id, r.renews_id, r.implementer_id FROM invariants_exceptionrequest r
                    WHERE r.id = NEW.renews_id
                UNION SELECT r.id, r.renews_id, r.implementer_id
                    FROM invariants_exceptionrequest r JOIN line ON line.renews_id = r.id
            )
            SELECT DISTINCT implementer_id FROM line WHERE implementer_id IS NOT NULL ORDER BY 1
        LOOP
            PERFORM invariants_exception_part(NEW.id, person, 'IMPLEMENTER');
        END LOOP;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION invariants_exception_in_emergency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'APPROVED' AND (NEW.approved_at < OLD.emergency_until) IS NOT TRUE THEN
        PERFORM invariants_refuse('An emergency whose hours are over cannot be approved any more.');
    END IF;
    IF ROW(OLD.inherent_risk, OLD.residual_risk) <> ROW(NEW.inherent_risk, NEW.residual_risk) AND EXISTS (
        SELECT FROM invariants_exceptionapproval
        WHERE request_id = NEW.id AND round = NEW.round AND seat <> 'EMERGENCY')
    THEN
        PERFORM invariants_refuse('The risk of an exception stays once somebody has approved it.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invariants_exceptionrequest_emergency
    BEFORE UPDATE ON invariants_exceptionrequest
    FOR EACH ROW WHEN (OLD.state = 'EMERGENCY') EXECUTE FUNCTION invariants_exception_in_emergency();

CREATE FUNCTION invariants_absence_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL
        OR to_jsonb(OLD) - 'ended_at' IS DISTINCT FROM to_jsonb(NEW) - 'ended_at'
    THEN
        PERFORM invariants_refuse('Who was away, and who approved meanwhile, is kept: an absence can only'
            ' be ended.');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invariants_approverabsence_kept BEFORE UPDATE OR DELETE ON invariants_approverabsence
    FOR EACH ROW EXECUTE FUNCTION invariants_absence_keep();
"""
BACKWARDS = """
DROP TRIGGER invariants_approverabsence_kept ON invariants_approverabsence;
DROP FUNCTION invariants_absence_keep();
DROP TRIGGER invariants_exceptionrequest_emergency ON invariants_exceptionrequest;
DROP FUNCTION invariants_exception_in_emergency();

CREATE OR REPLACE FUNCTION invariants_exception_name_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM invariants_exception_part(NEW.id, NEW.requester_id, 'REQUESTER');
    IF NEW.assessor_id IS NOT NULL THEN
        PERFORM invariants_exception_part(NEW.id, NEW.assessor_id, 'ASSESSOR');
    END IF;
    IF NEW.implementer_id IS NOT NULL THEN
        PERFORM invariants_exception_part(NEW.id, NEW.implementer_id, 'IMPLEMENTER');
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_approve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked invariants_exceptionrequest;
BEGIN
    -- Waits for a step that is under way.
    SELECT * INTO asked FROM invariants_exceptionrequest WHERE id = NEW.request_id FOR UPDATE;
    IF NEW.round <> asked.round OR (
        CASE WHEN NEW.seat = 'EMERGENCY' THEN
            asked.is_emergency AND asked.state IN ('SUBMITTED', 'TRIAGED')
        ELSE
            asked.state IN ('RISK_ASSESSED', 'EMERGENCY')
            AND NEW.seat = ANY (invariants_exception_seats(asked.residual_risk))
        END) IS NOT TRUE
    THEN
        PERFORM invariants_refuse('This approval is not waited for.');
    END IF;
    PERFORM invariants_exception_part(NEW.request_id, NEW.person_id, 'APPROVER');
    IF EXISTS (
        SELECT FROM invariants_exceptionpart WHERE request_id = NEW.request_id
            AND person_id = NEW.instead_of_id AND part <> 'APPROVER')
    THEN
        PERFORM invariants_refuse('Separation of duties: nobody approves instead of somebody who has'
            ' another part in the exception.');
    END IF;
    -- What one person may approve counts once: by themselves, or by whoever stands in for them.
    IF EXISTS (
        SELECT FROM invariants_exceptionapproval
        WHERE request_id = NEW.request_id AND round = NEW.round AND (
            person_id = NEW.instead_of_id OR instead_of_id IN (NEW.person_id, NEW.instead_of_id)))
    THEN
        PERFORM invariants_refuse('Separation of duties: the same person has approved this exception'
            ' already, themselves or through somebody who stood in for them.');
    END IF;
    IF NEW.instead_of_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM invariants_approverabsence a, inventory_organization o
        WHERE a.person_id = NEW.instead_of_id AND a.delegate_id = NEW.person_id AND a.ended_at IS NULL
            AND o.id = asked.organization_id
            AND (NEW.at AT TIME ZONE o.time_zone)::date BETWEEN a.since AND a.until)
    THEN
        PERFORM invariants_refuse('Nobody stands in for a person who has not left that to them.');
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("invariants", "0013_principal_tags")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
