"""The rules of exceptions that the database keeps, closed where they could be got around: see ADR 20."""

from django.db import migrations, models
from django.db.models.functions import Now

# An event says what its step says, and names who has the part; nobody's right to approve counts twice;
# what was asked from, and how grave that is, stays; nothing lasts longer than was agreed to.
FORWARDS = """
CREATE FUNCTION invariants_exception_taken()
RETURNS TABLE (before text, verb text, after text, who text) LANGUAGE sql IMMUTABLE AS $$
    VALUES ('ACTIVE', 'EXPIRE', 'EXPIRED', 'CLOCK'),
        ('ACTIVE', 'LOSE', 'IMPLEMENTING', 'COLLECTION'),
        ('ACTIVE', 'REVOKE', 'REVOKED', 'PERSON'),
        ('ACTIVE', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('ACTIVE', 'WARN', 'EXPIRING', 'CLOCK'),
        ('APPROVED', 'EXPIRE', 'EXPIRED', 'CLOCK'),
        ('APPROVED', 'FIND', 'ACTIVE', 'COLLECTION'),
        ('APPROVED', 'IMPLEMENT', 'IMPLEMENTING', 'PERSON'),
        ('APPROVED', 'LOSE', 'APPROVED', 'COLLECTION'),
        ('APPROVED', 'REVOKE', 'REVOKED', 'PERSON'),
        ('APPROVED', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('CHANGES_REQUESTED', 'SUBMIT', 'SUBMITTED', 'PERSON'),
        ('CHANGES_REQUESTED', 'WITHDRAW', 'WITHDRAWN', 'PERSON'),
        ('CLOSING', 'CLOSE', 'CLOSED', 'COLLECTION'),
        ('CLOSING', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('DRAFT', 'SUBMIT', 'SUBMITTED', 'PERSON'),
        ('DRAFT', 'WITHDRAW', 'WITHDRAWN', 'PERSON'),
        ('EMERGENCY', 'APPROVE', 'APPROVED', 'PERSON'),
        ('EMERGENCY', 'ASSESS', 'EMERGENCY', 'PERSON'),
        ('EMERGENCY', 'EXPIRE', 'EXPIRED', 'CLOCK'),
        ('EMERGENCY', 'FIND', 'EMERGENCY', 'COLLECTION'),
        ('EMERGENCY', 'IMPLEMENT', 'EMERGENCY', 'PERSON'),
        ('EMERGENCY', 'LOSE', 'EMERGENCY', 'COLLECTION'),
        ('EMERGENCY', 'REVOKE', 'REVOKED', 'PERSON'),
        ('EXPIRED', 'CLOSE', 'CLOSED', 'COLLECTION'),
        ('EXPIRED', 'REMOVE', 'CLOSING', 'PERSON'),
        ('EXPIRED', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('EXPIRING', 'EXPIRE', 'EXPIRED', 'CLOCK'),
        ('EXPIRING', 'LOSE', 'IMPLEMENTING', 'COLLECTION'),
        ('EXPIRING', 'REVOKE', 'REVOKED', 'PERSON'),
        ('EXPIRING', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('IMPLEMENTING', 'EXPIRE', 'EXPIRED', 'CLOCK'),
        ('IMPLEMENTING', 'FIND', 'ACTIVE', 'COLLECTION'),
        ('IMPLEMENTING', 'IMPLEMENT', 'IMPLEMENTING', 'PERSON'),
        ('IMPLEMENTING', 'LOSE', 'IMPLEMENTING', 'COLLECTION'),
        ('IMPLEMENTING', 'REVOKE', 'REVOKED', 'PERSON'),
        ('IMPLEMENTING', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('REVOKED', 'CLOSE', 'CLOSED', 'COLLECTION'),
        ('REVOKED', 'REMOVE', 'CLOSING', 'PERSON'),
        ('REVOKED', 'SUPERSEDE', 'RENEWED', 'COLLECTION'),
        ('RISK_ASSESSED', 'APPROVE', 'APPROVED', 'PERSON'),
        ('RISK_ASSESSED', 'REJECT', 'REJECTED', 'PERSON'),
        ('RISK_ASSESSED', 'REQUEST_CHANGES', 'CHANGES_REQUESTED', 'PERSON'),
        ('RISK_ASSESSED', 'WITHDRAW', 'WITHDRAWN', 'PERSON'),
        ('SUBMITTED', 'GRANT', 'EMERGENCY', 'PERSON'),
        ('SUBMITTED', 'REJECT', 'REJECTED', 'PERSON'),
        ('SUBMITTED', 'REQUEST_CHANGES', 'CHANGES_REQUESTED', 'PERSON'),
        ('SUBMITTED', 'TRIAGE', 'TRIAGED', 'PERSON'),
        ('SUBMITTED', 'WITHDRAW', 'WITHDRAWN', 'PERSON'),
        ('TRIAGED', 'ASSESS', 'RISK_ASSESSED', 'PERSON'),
        ('TRIAGED', 'GRANT', 'EMERGENCY', 'PERSON'),
        ('TRIAGED', 'REJECT', 'REJECTED', 'PERSON'),
        ('TRIAGED', 'REQUEST_CHANGES', 'CHANGES_REQUESTED', 'PERSON'),
        ('TRIAGED', 'WITHDRAW', 'WITHDRAWN', 'PERSON')
$$;

-- What is no step of the table moves no state; one of several approvals moves none either.
CREATE FUNCTION invariants_exception_may_tell(was text, did text, became text, kind text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN was = '' THEN (did, became, kind) = ('DRAFT', 'DRAFT', 'PERSON')
        WHEN EXISTS (
            SELECT FROM invariants_exception_taken() t
            WHERE (t.before, t.verb, t.after, t.who) = (was, did, became, kind)) THEN TRUE
        WHEN did = 'APPROVE' THEN
            was = became AND kind = 'PERSON' AND was IN ('RISK_ASSESSED', 'EMERGENCY')
        ELSE did <> 'DRAFT' AND was = became
            AND NOT EXISTS (SELECT FROM invariants_exception_taken() t WHERE t.verb = did) END
$$;

-- Days by the version of the clocks; none for a version or a risk that is not known.
CREATE FUNCTION invariants_exception_longest(version integer, risk text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN version = 1 THEN CASE risk
        WHEN 'LOW' THEN 365 WHEN 'MEDIUM' THEN 180 WHEN 'HIGH' THEN 90 WHEN 'CRITICAL' THEN 30 END END
$$;

CREATE OR REPLACE FUNCTION invariants_exception_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- What is decided and done; all else is what was asked for.
    decided text[] := ARRAY[
        'state', 'state_since', 'triaged_at', 'inherent_risk', 'residual_risk', 'risk_note',
        'assessor_id', 'assessor_name', 'approved_at', 'until', 'granted_at', 'emergency_until',
        'implementer_id', 'implementer_name', 'pull_request', 'removal_pull_request', 'looked_at',
        'verified_at', 'seen_at', 'found', 'ended_at', 'end_reason', 'gone_seen_at', 'due_at', 'clocks_version',
        'review_on'];
    taken text[];
    agreed date;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM invariants_refuse('An exception is kept for good: withdraw it instead.');
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'DRAFT' OR NEW.residual_risk <> '' OR NEW.until IS NOT NULL
            OR NEW.approved_at IS NOT NULL OR NEW.granted_at IS NOT NULL
            OR NEW.verified_at IS NOT NULL OR NEW.implementer_id IS NOT NULL
        THEN
            PERFORM invariants_refuse('An exception begins as a draft.');
        END IF;
        RETURN NEW;
    END IF;
    IF ROW(OLD.id, OLD.organization_id, OLD.number, OLD.requester_id, OLD.created_at, OLD.renews_id,
            OLD.renewal, OLD.target_kind, OLD.invariant_id, OLD.control_id, OLD.finding_key,
            OLD.severity, OLD.clocks_version)
        IS DISTINCT FROM
        ROW(NEW.id, NEW.organization_id, NEW.number, NEW.requester_id, NEW.created_at, NEW.renews_id,
            NEW.renewal, NEW.target_kind, NEW.invariant_id, NEW.control_id, NEW.finding_key,
            NEW.severity, NEW.clocks_version)
    THEN
        PERFORM invariants_refuse('Who asked for an exception, from what and when, and how grave that is,'
            ' cannot be changed.');
    END IF;
    IF (OLD.approved_at IS NOT NULL AND NEW.approved_at IS DISTINCT FROM OLD.approved_at)
        OR (OLD.granted_at IS NOT NULL AND NEW.granted_at IS DISTINCT FROM OLD.granted_at)
        OR (OLD.emergency_until IS NOT NULL AND NEW.emergency_until IS DISTINCT FROM OLD.emergency_until)
        OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
        OR (OLD.until IS NOT NULL AND NEW.until IS NULL)
    THEN
        PERFORM invariants_refuse('When an exception was approved, granted and ended cannot be changed.');
    END IF;
    IF OLD.state <> NEW.state AND NOT EXISTS (
        SELECT FROM invariants_exception_steps() s WHERE (s.before, s.after) = (OLD.state, NEW.state))
    THEN
        PERFORM invariants_refuse(format(
            'There is no step of an exception from %s to %s.', OLD.state, NEW.state));
    END IF;
    IF OLD.state NOT IN ('DRAFT', 'CHANGES_REQUESTED')
        AND to_jsonb(OLD) - decided IS DISTINCT FROM to_jsonb(NEW) - decided
    THEN
        PERFORM invariants_refuse('What was asked for can only be changed in a draft, or when changes'
            ' are requested.');
    END IF;
    IF NEW.until > OLD.until AND NOT (OLD.state = 'EMERGENCY' AND NEW.state = 'APPROVED') THEN
        PERFORM invariants_refuse('An exception can only be made shorter: ask for a renewal.');
    END IF;
    IF ROW(OLD.inherent_risk, OLD.residual_risk) <> ROW(NEW.inherent_risk, NEW.residual_risk)
        AND NOT (OLD.state = 'TRIAGED' AND NEW.state = 'RISK_ASSESSED')
        AND NOT (OLD.state = 'EMERGENCY' AND NEW.state = 'EMERGENCY')
        AND NOT (NEW.state = 'SUBMITTED' AND NEW.residual_risk = '')
    THEN
        PERFORM invariants_refuse('The risk of an exception is set by its assessment alone.');
    END IF;
    IF NEW.state <> OLD.state AND NEW.state IN ('APPROVED', 'EMERGENCY') THEN
        SELECT coalesce(array_agg(seat::text), '{}') INTO taken FROM invariants_exceptionapproval
            WHERE request_id = NEW.id AND round = NEW.round;
        IF NEW.state = 'APPROVED' AND NOT coalesce(
            invariants_exception_seats(NEW.residual_risk) <@ taken, FALSE)
        THEN
            PERFORM invariants_refuse('Not every approval that the risk needs is there.');
        ELSIF NEW.state = 'EMERGENCY' AND NOT 'EMERGENCY' = ANY (taken) THEN
            PERFORM invariants_refuse('Nobody has granted the emergency.');
        END IF;
    END IF;
    IF NEW.state = 'APPROVED' AND NEW.state <> OLD.state THEN
        SELECT min(until) INTO agreed FROM invariants_exceptionapproval
            WHERE request_id = NEW.id AND round = NEW.round AND seat <> 'EMERGENCY';
        IF (NEW.until <= agreed AND NEW.until - NEW.starts_on < least(
            invariants_exception_longest(NEW.clocks_version, NEW.severity),
            invariants_exception_longest(NEW.clocks_version, NEW.residual_risk))) IS NOT TRUE
        THEN
            PERFORM invariants_refuse('An exception lasts no longer than every approver agreed to, and'
                ' than the graver of its severity and its risk allows.');
        END IF;
    END IF;
    IF NEW.emergency_until > NEW.granted_at + interval '72 hours' THEN
        PERFORM invariants_refuse('An emergency lasts 72 hours at most.');
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- What a collection or the clock repeats without anything having happened.
    silent text[] := ARRAY['looked_at', 'seen_at', 'found', 'due_at', 'review_on'];
    was text := '';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(OLD) - silent IS NOT DISTINCT FROM to_jsonb(NEW) - silent THEN
            RETURN NULL;
        END IF;
        was := OLD.state;
    END IF;
    IF NOT EXISTS (
        SELECT FROM invariants_exceptionevent WHERE request_id = NEW.id
            AND transaction_id = txid_current() AND transaction_at = transaction_timestamp()
            AND state_before = was AND state_after = NEW.state)
    THEN
        PERFORM invariants_refuse(format(
            'No event tells of the change of exception %s from %s to %s.', NEW.number, was, NEW.state));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_event_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
    asked invariants_exceptionrequest;
    is_theirs boolean;
BEGIN
    SELECT number, state_after INTO last FROM invariants_exceptionevent
        WHERE request_id = NEW.request_id ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1
        OR NEW.state_before <> coalesce(last.state_after, '')
    THEN
        PERFORM invariants_refuse('An event of an exception goes on where the last one ended.');
    END IF;
    SELECT * INTO asked FROM invariants_exceptionrequest WHERE id = NEW.request_id;
    IF NOT invariants_exception_may_tell(NEW.state_before, NEW.verb, NEW.state_after, NEW.who_kind) THEN
        PERFORM invariants_refuse(format('%s is no step from %s to %s that the %s takes.',
            NEW.verb, NEW.state_before, NEW.state_after, lower(NEW.who_kind)));
    END IF;
    IF NEW.who_kind = 'PERSON' THEN
        is_theirs := CASE
            WHEN NEW.verb IN ('DRAFT', 'SAVE', 'SUBMIT', 'WITHDRAW', 'RENEW')
                THEN NEW.who_id = asked.requester_id::text
            WHEN NEW.verb IN ('TRIAGE', 'REJECT', 'REQUEST_CHANGES')
                THEN NEW.who_id <> asked.requester_id::text
            WHEN NEW.verb = 'ASSESS' THEN NEW.who_id = asked.assessor_id::text
            WHEN NEW.verb = 'IMPLEMENT' THEN NEW.who_id = asked.implementer_id::text
            WHEN NEW.verb IN ('APPROVE', 'GRANT') THEN EXISTS (
                SELECT FROM invariants_exceptionapproval a WHERE a.request_id = NEW.request_id
                    AND a.round = asked.round AND a.person_id::text = NEW.who_id
                    AND (a.seat = 'EMERGENCY') = (NEW.verb = 'GRANT'))
            ELSE TRUE END;
        IF is_theirs IS NOT TRUE THEN
            PERFORM invariants_refuse(format(
                'An event of an exception names who did it: %s was not done by person %s.',
                NEW.verb, NEW.who_id));
        END IF;
    END IF;
    NEW.transaction_id := txid_current();
    NEW.transaction_at := transaction_timestamp();
    RETURN NEW;
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

CREATE OR REPLACE FUNCTION invariants_exception_keep_scope() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_state text;
BEGIN
    SELECT state INTO its_state FROM invariants_exceptionrequest
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.request_id ELSE OLD.request_id END FOR UPDATE;
    IF its_state IN ('DRAFT', 'CHANGES_REQUESTED')
        AND (TG_OP <> 'UPDATE' OR OLD.request_id = NEW.request_id)
    THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    -- Only narrower: a line goes where another of its kind stays, for without any the kind is no limit.
    IF TG_OP = 'DELETE' AND its_state IN ('RISK_ASSESSED', 'EMERGENCY', 'APPROVED', 'IMPLEMENTING', 'ACTIVE', 'EXPIRING')
        AND EXISTS (
            SELECT FROM invariants_exceptionscope
            WHERE request_id = OLD.request_id AND id <> OLD.id
                AND invariants_exception_scope_group(kind) = invariants_exception_scope_group(OLD.kind))
    THEN
        RETURN OLD;
    END IF;
    PERFORM invariants_refuse('The scope of an exception can only be narrowed once it was submitted.');
    RETURN NULL;
END $$;

-- The plan is part of what was asked for: later a step of it is only finished.
CREATE FUNCTION invariants_exception_keep_milestone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_state text;
BEGIN
    SELECT state INTO its_state FROM invariants_exceptionrequest
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.request_id ELSE OLD.request_id END;
    IF its_state NOT IN ('DRAFT', 'CHANGES_REQUESTED') AND (
        TG_OP <> 'UPDATE' OR OLD.done_on IS NOT NULL
        OR to_jsonb(OLD) - 'done_on' IS DISTINCT FROM to_jsonb(NEW) - 'done_on')
    THEN
        PERFORM invariants_refuse('The plan of an exception stays once it was submitted.');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invariants_exceptionmilestone_kept
    BEFORE INSERT OR UPDATE OR DELETE ON invariants_exceptionmilestone
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_milestone();
CREATE TRIGGER invariants_exceptionmilestone_not_emptied BEFORE TRUNCATE ON invariants_exceptionmilestone
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
"""
BACKWARDS = """
DROP TRIGGER invariants_exceptionmilestone_kept ON invariants_exceptionmilestone;
DROP TRIGGER invariants_exceptionmilestone_not_emptied ON invariants_exceptionmilestone;
DROP FUNCTION invariants_exception_keep_milestone();

CREATE OR REPLACE FUNCTION invariants_exception_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- What is decided and done; all else is what was asked for.
    decided text[] := ARRAY[
        'state', 'state_since', 'triaged_at', 'inherent_risk', 'residual_risk', 'risk_note',
        'assessor_id', 'assessor_name', 'approved_at', 'until', 'granted_at', 'emergency_until',
        'implementer_id', 'implementer_name', 'pull_request', 'removal_pull_request', 'looked_at',
        'verified_at', 'seen_at', 'found', 'ended_at', 'end_reason', 'gone_seen_at', 'due_at', 'clocks_version',
        'review_on'];
    taken text[];
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM invariants_refuse('An exception is kept for good: withdraw it instead.');
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'DRAFT' OR NEW.residual_risk <> '' OR NEW.until IS NOT NULL
            OR NEW.approved_at IS NOT NULL OR NEW.granted_at IS NOT NULL
            OR NEW.verified_at IS NOT NULL OR NEW.implementer_id IS NOT NULL
        THEN
            PERFORM invariants_refuse('An exception begins as a draft.');
        END IF;
        RETURN NEW;
    END IF;
    IF ROW(OLD.id, OLD.organization_id, OLD.number, OLD.requester_id, OLD.created_at, OLD.renews_id,
            OLD.renewal)
        IS DISTINCT FROM
        ROW(NEW.id, NEW.organization_id, NEW.number, NEW.requester_id, NEW.created_at, NEW.renews_id,
            NEW.renewal)
    THEN
        PERFORM invariants_refuse('Who asked for an exception, and when, cannot be changed.');
    END IF;
    IF OLD.state <> NEW.state AND NOT EXISTS (
        SELECT FROM invariants_exception_steps() s WHERE (s.before, s.after) = (OLD.state, NEW.state))
    THEN
        PERFORM invariants_refuse(format(
            'There is no step of an exception from %s to %s.', OLD.state, NEW.state));
    END IF;
    IF OLD.state NOT IN ('DRAFT', 'CHANGES_REQUESTED')
        AND to_jsonb(OLD) - decided IS DISTINCT FROM to_jsonb(NEW) - decided
    THEN
        PERFORM invariants_refuse('What was asked for can only be changed in a draft, or when changes'
            ' are requested.');
    END IF;
    IF NEW.until > OLD.until AND NOT (OLD.state = 'EMERGENCY' AND NEW.state = 'APPROVED') THEN
        PERFORM invariants_refuse('An exception can only be made shorter: ask for a renewal.');
    END IF;
    IF ROW(OLD.inherent_risk, OLD.residual_risk) <> ROW(NEW.inherent_risk, NEW.residual_risk)
        AND NOT (OLD.state = 'TRIAGED' AND NEW.state = 'RISK_ASSESSED')
        AND NOT (OLD.state = 'EMERGENCY' AND NEW.state = 'EMERGENCY')
        AND NOT (NEW.state = 'SUBMITTED' AND NEW.residual_risk = '')
    THEN
        PERFORM invariants_refuse('The risk of an exception is set by its assessment alone.');
    END IF;
    IF NEW.state <> OLD.state AND NEW.state IN ('APPROVED', 'EMERGENCY') THEN
        SELECT coalesce(array_agg(seat::text), '{}') INTO taken FROM invariants_exceptionapproval
            WHERE request_id = NEW.id AND round = NEW.round;
        IF NEW.state = 'APPROVED' AND NOT coalesce(
            invariants_exception_seats(NEW.residual_risk) <@ taken, FALSE)
        THEN
            PERFORM invariants_refuse('Not every approval that the risk needs is there.');
        ELSIF NEW.state = 'EMERGENCY' AND NOT 'EMERGENCY' = ANY (taken) THEN
            PERFORM invariants_refuse('Nobody has granted the emergency.');
        END IF;
    END IF;
    IF NEW.emergency_until > NEW.granted_at + interval '72 hours' THEN
        PERFORM invariants_refuse('An emergency lasts 72 hours at most.');
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- What a collection or the clock repeats without anything having happened.
    silent text[] := ARRAY['looked_at', 'seen_at', 'found', 'due_at', 'review_on'];
    was text := '';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(OLD) - silent IS NOT DISTINCT FROM to_jsonb(NEW) - silent THEN
            RETURN NULL;
        END IF;
        was := OLD.state;
    END IF;
    IF NOT EXISTS (
        SELECT FROM invariants_exceptionevent WHERE request_id = NEW.id
            AND transaction_id = txid_current() AND state_before = was AND state_after = NEW.state)
    THEN
        PERFORM invariants_refuse(format(
            'No event tells of the change of exception %s from %s to %s.', NEW.number, was, NEW.state));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_event_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT number, state_after INTO last FROM invariants_exceptionevent
        WHERE request_id = NEW.request_id ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1
        OR NEW.state_before <> coalesce(last.state_after, '')
    THEN
        PERFORM invariants_refuse('An event of an exception goes on where the last one ended.');
    END IF;
    NEW.transaction_id := txid_current();
    RETURN NEW;
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
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION invariants_exception_keep_scope() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_state text;
BEGIN
    SELECT state INTO its_state FROM invariants_exceptionrequest
        WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.request_id ELSE OLD.request_id END FOR UPDATE;
    IF its_state IN ('DRAFT', 'CHANGES_REQUESTED')
        AND (TG_OP <> 'UPDATE' OR OLD.request_id = NEW.request_id)
    THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    -- Only narrower: a line goes where another of its kind stays, for without any the kind is no limit.
    IF TG_OP = 'DELETE' AND its_state IN ('EMERGENCY', 'APPROVED', 'IMPLEMENTING', 'ACTIVE', 'EXPIRING')
        AND EXISTS (
            SELECT FROM invariants_exceptionscope
            WHERE request_id = OLD.request_id AND id <> OLD.id
                AND invariants_exception_scope_group(kind) = invariants_exception_scope_group(OLD.kind))
    THEN
        RETURN OLD;
    END IF;
    PERFORM invariants_refuse('The scope of an exception can only be narrowed once it was submitted.');
    RETURN NULL;
END $$;

DROP FUNCTION invariants_exception_longest(integer, text);
DROP FUNCTION invariants_exception_may_tell(text, text, text, text);
DROP FUNCTION invariants_exception_taken();
"""


class Migration(migrations.Migration):
    dependencies = [("invariants", "0010_exception_numbers")]

    operations = [
        migrations.AddField(
            model_name="exceptionevent",
            name="transaction_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
