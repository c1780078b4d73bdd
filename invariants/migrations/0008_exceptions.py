"""Exceptions, whose rules the database keeps as well: see ADR 30 and docs/exceptions.md."""

import django.db.models.deletion
from django.db import migrations, models

# Whoever writes, and by whatever way: no state without its step, its event and its approvals, nobody
# with two parts on one record, and a log that is only added to.
FORWARDS = """
CREATE FUNCTION invariants_exception_steps() RETURNS TABLE (before text, after text)
LANGUAGE sql IMMUTABLE AS $$
    VALUES ('ACTIVE', 'EXPIRED'), ('ACTIVE', 'EXPIRING'), ('ACTIVE', 'IMPLEMENTING'),
        ('ACTIVE', 'RENEWED'), ('ACTIVE', 'REVOKED'), ('APPROVED', 'ACTIVE'),
        ('APPROVED', 'EXPIRED'), ('APPROVED', 'IMPLEMENTING'), ('APPROVED', 'RENEWED'),
        ('APPROVED', 'REVOKED'), ('CHANGES_REQUESTED', 'SUBMITTED'),
        ('CHANGES_REQUESTED', 'WITHDRAWN'), ('CLOSING', 'CLOSED'), ('CLOSING', 'RENEWED'),
        ('DRAFT', 'SUBMITTED'), ('DRAFT', 'WITHDRAWN'), ('EMERGENCY', 'APPROVED'),
        ('EMERGENCY', 'EXPIRED'), ('EMERGENCY', 'REVOKED'), ('EXPIRED', 'CLOSED'),
        ('EXPIRED', 'CLOSING'), ('EXPIRED', 'RENEWED'), ('EXPIRING', 'EXPIRED'),
        ('EXPIRING', 'IMPLEMENTING'), ('EXPIRING', 'RENEWED'), ('EXPIRING', 'REVOKED'),
        ('IMPLEMENTING', 'ACTIVE'), ('IMPLEMENTING', 'EXPIRED'), ('IMPLEMENTING', 'RENEWED'),
        ('IMPLEMENTING', 'REVOKED'), ('REVOKED', 'CLOSED'), ('REVOKED', 'CLOSING'),
        ('REVOKED', 'RENEWED'), ('RISK_ASSESSED', 'APPROVED'),
        ('RISK_ASSESSED', 'CHANGES_REQUESTED'), ('RISK_ASSESSED', 'REJECTED'),
        ('RISK_ASSESSED', 'WITHDRAWN'), ('SUBMITTED', 'CHANGES_REQUESTED'),
        ('SUBMITTED', 'EMERGENCY'), ('SUBMITTED', 'REJECTED'), ('SUBMITTED', 'TRIAGED'),
        ('SUBMITTED', 'WITHDRAWN'), ('TRIAGED', 'CHANGES_REQUESTED'), ('TRIAGED', 'EMERGENCY'),
        ('TRIAGED', 'REJECTED'), ('TRIAGED', 'RISK_ASSESSED'), ('TRIAGED', 'WITHDRAWN')
$$;

CREATE FUNCTION invariants_exception_seats(risk text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE risk
        WHEN 'LOW' THEN ARRAY['LEAD'] WHEN 'MEDIUM' THEN ARRAY['LEAD', 'OWNER']
        WHEN 'HIGH' THEN ARRAY['CISO'] WHEN 'CRITICAL' THEN ARRAY['CISO', 'EXECUTIVE'] END
$$;

CREATE FUNCTION invariants_exception_part(record bigint, person bigint, wanted text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    INSERT INTO invariants_exceptionpart (request_id, person_id, part)
        VALUES (record, person, wanted) ON CONFLICT (request_id, person_id) DO NOTHING;
    SELECT part INTO held FROM invariants_exceptionpart
        WHERE request_id = record AND person_id = person;
    IF held <> wanted THEN
        PERFORM invariants_refuse(format(
            'Separation of duties: person %s is the %s of this exception and cannot be its %s.',
            person, lower(held), lower(wanted)));
    END IF;
END $$;

CREATE FUNCTION invariants_exception_keep() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION invariants_exception_name_parts() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- Runs when the transaction ends: the event may be written after the change.
CREATE FUNCTION invariants_exception_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION invariants_exception_event_number() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION invariants_exception_event_is_true() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT state FROM invariants_exceptionrequest WHERE id = NEW.request_id) <> (
        SELECT state_after FROM invariants_exceptionevent
            WHERE request_id = NEW.request_id ORDER BY number DESC LIMIT 1)
    THEN
        PERFORM invariants_refuse('The log of an exception ends in another state than the exception.');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION invariants_exception_keep_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM invariants_refuse('What was recorded of an exception cannot be changed or deleted.');
    RETURN NULL;
END $$;

CREATE FUNCTION invariants_exception_part_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        PERFORM invariants_refuse('Parts in an exception follow from what people do.');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION invariants_exception_approve() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION invariants_exception_scope_group(kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind IN ('ACCOUNT', 'OU') THEN 'PLACE'
        WHEN kind IN ('RESOURCE', 'TAG', 'PATTERN') THEN 'RESOURCE' ELSE kind END
$$;

CREATE FUNCTION invariants_exception_keep_scope() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- An empty table holds nothing that could be lost.
CREATE FUNCTION invariants_exception_keep_table() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    has_rows boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO has_rows;
    IF has_rows THEN
        PERFORM invariants_refuse('Exceptions are kept for good: their tables cannot be emptied.');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER invariants_exceptionrequest_kept
    BEFORE INSERT OR UPDATE OR DELETE ON invariants_exceptionrequest
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep();
CREATE TRIGGER invariants_exceptionrequest_parts
    AFTER INSERT OR UPDATE ON invariants_exceptionrequest
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_name_parts();
CREATE CONSTRAINT TRIGGER invariants_exceptionrequest_told
    AFTER INSERT OR UPDATE ON invariants_exceptionrequest DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_is_told();
CREATE TRIGGER invariants_exceptionevent_numbered BEFORE INSERT ON invariants_exceptionevent
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_event_number();
CREATE CONSTRAINT TRIGGER invariants_exceptionevent_true
    AFTER INSERT ON invariants_exceptionevent DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_event_is_true();
CREATE TRIGGER invariants_exceptionpart_written BEFORE INSERT ON invariants_exceptionpart
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_part_written();
CREATE TRIGGER invariants_exceptionapproval_wanted BEFORE INSERT ON invariants_exceptionapproval
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_approve();
CREATE TRIGGER invariants_exceptionscope_kept
    BEFORE INSERT OR UPDATE OR DELETE ON invariants_exceptionscope
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_scope();
CREATE TRIGGER invariants_exceptionevent_kept BEFORE UPDATE OR DELETE ON invariants_exceptionevent
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptionpart_kept BEFORE UPDATE OR DELETE ON invariants_exceptionpart
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptionapproval_kept BEFORE UPDATE OR DELETE ON invariants_exceptionapproval
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptioncomment_kept BEFORE UPDATE OR DELETE ON invariants_exceptioncomment
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptionevidence_kept BEFORE UPDATE OR DELETE ON invariants_exceptionevidence
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptionrequest_not_emptied BEFORE TRUNCATE ON invariants_exceptionrequest
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptionevent_not_emptied BEFORE TRUNCATE ON invariants_exceptionevent
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptionpart_not_emptied BEFORE TRUNCATE ON invariants_exceptionpart
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptionapproval_not_emptied BEFORE TRUNCATE ON invariants_exceptionapproval
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptioncomment_not_emptied BEFORE TRUNCATE ON invariants_exceptioncomment
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptionevidence_not_emptied BEFORE TRUNCATE ON invariants_exceptionevidence
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
CREATE TRIGGER invariants_exceptionscope_not_emptied BEFORE TRUNCATE ON invariants_exceptionscope
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
"""
BACKWARDS = """
DROP TRIGGER invariants_exceptionrequest_kept ON invariants_exceptionrequest;
DROP TRIGGER invariants_exceptionrequest_parts ON invariants_exceptionrequest;
DROP TRIGGER invariants_exceptionrequest_told ON invariants_exceptionrequest;
DROP TRIGGER invariants_exceptionevent_numbered ON invariants_exceptionevent;
DROP TRIGGER invariants_exceptionevent_true ON invariants_exceptionevent;
DROP TRIGGER invariants_exceptionpart_written ON invariants_exceptionpart;
DROP TRIGGER invariants_exceptionapproval_wanted ON invariants_exceptionapproval;
DROP TRIGGER invariants_exceptionscope_kept ON invariants_exceptionscope;
DROP TRIGGER invariants_exceptionevent_kept ON invariants_exceptionevent;
DROP TRIGGER invariants_exceptionpart_kept ON invariants_exceptionpart;
DROP TRIGGER invariants_exceptionapproval_kept ON invariants_exceptionapproval;
DROP TRIGGER invariants_exceptioncomment_kept ON invariants_exceptioncomment;
DROP TRIGGER invariants_exceptionevidence_kept ON invariants_exceptionevidence;
DROP TRIGGER invariants_exceptionrequest_not_emptied ON invariants_exceptionrequest;
DROP TRIGGER invariants_exceptionevent_not_emptied ON invariants_exceptionevent;
DROP TRIGGER invariants_exceptionpart_not_emptied ON invariants_exceptionpart;
DROP TRIGGER invariants_exceptionapproval_not_emptied ON invariants_exceptionapproval;
DROP TRIGGER invariants_exceptioncomment_not_emptied ON invariants_exceptioncomment;
DROP TRIGGER invariants_exceptionevidence_not_emptied ON invariants_exceptionevidence;
DROP TRIGGER invariants_exceptionscope_not_emptied ON invariants_exceptionscope;
DROP FUNCTION invariants_exception_keep_table();
DROP FUNCTION invariants_exception_keep_scope();
DROP FUNCTION invariants_exception_scope_group(text);
DROP FUNCTION invariants_exception_approve();
DROP FUNCTION invariants_exception_part_written();
DROP FUNCTION invariants_exception_keep_record();
DROP FUNCTION invariants_exception_event_is_true();
DROP FUNCTION invariants_exception_event_number();
DROP FUNCTION invariants_exception_is_told();
DROP FUNCTION invariants_exception_name_parts();
DROP FUNCTION invariants_exception_keep();
DROP FUNCTION invariants_exception_part(bigint, bigint, text);
DROP FUNCTION invariants_exception_seats(text);
DROP FUNCTION invariants_exception_steps();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0016_people"),
        ("invariants", "0007_kinds_of_drift"),
        ("inventory", "0004_enabled_policy_types"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApproverAbsence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("person_name", models.CharField(max_length=150)),
                ("delegate_id", models.BigIntegerField()),
                ("delegate_name", models.CharField(max_length=150)),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("said_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["delegate_id", "until"], name="invariants_absence_delegate"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until__gte", models.F("since"))),
                        name="invariants_approverabsence_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("delegate_id", models.F("person_id")), _negated=True),
                        name="invariants_approverabsence_another",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExceptionRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("SUBMITTED", "submitted"),
                            ("TRIAGED", "triaged"),
                            ("RISK_ASSESSED", "risk assessed"),
                            ("CHANGES_REQUESTED", "changes requested"),
                            ("EMERGENCY", "emergency"),
                            ("APPROVED", "approved"),
                            ("IMPLEMENTING", "implementing"),
                            ("ACTIVE", "active"),
                            ("EXPIRING", "expiring"),
                            ("EXPIRED", "expired"),
                            ("REVOKED", "revoked"),
                            ("CLOSING", "closing"),
                            ("CLOSED", "closed"),
                            ("RENEWED", "renewed"),
                            ("REJECTED", "rejected"),
                            ("WITHDRAWN", "withdrawn"),
                        ],
                        default="DRAFT",
                        max_length=17,
                    ),
                ),
                ("state_since", models.DateTimeField()),
                ("round", models.PositiveSmallIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("requester_id", models.BigIntegerField()),
                ("requester_name", models.CharField(max_length=150)),
                (
                    "target_kind",
                    models.CharField(
                        choices=[
                            ("INVARIANT", "invariant"),
                            ("CONTROL", "control"),
                            ("FINDING", "finding"),
                        ],
                        max_length=9,
                    ),
                ),
                ("finding_key", models.BinaryField(max_length=16, null=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("LOW", "Low"),
                            ("MEDIUM", "Medium"),
                            ("HIGH", "High"),
                            ("CRITICAL", "Critical"),
                        ],
                        max_length=8,
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=200)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("TECHNICAL_LIMIT", "technical limit"),
                            ("VENDOR", "vendor"),
                            ("MIGRATION", "migration"),
                            ("OPERATIONAL_NEED", "operational need"),
                            ("FALSE_POSITIVE", "false positive"),
                        ],
                        max_length=16,
                    ),
                ),
                ("justification", models.TextField(blank=True)),
                ("system", models.CharField(blank=True, max_length=200)),
                ("business_owner", models.CharField(blank=True, max_length=150)),
                ("data_classification", models.CharField(blank=True, max_length=60)),
                ("compensating", models.TextField(blank=True)),
                ("remediation_plan", models.TextField(blank=True)),
                (
                    "mechanism",
                    models.CharField(
                        choices=[
                            ("NONE", "no policy: only the count of findings changes"),
                            ("EXCEPTIONS_OU", "account moved to an OU of exceptions"),
                            ("PRINCIPAL_LIST", "principals named in the policy"),
                            ("TAG", "tag on the principal or resource"),
                            ("VALUE_LIST", "value added to a list in the policy"),
                            ("CHILD_OVERRIDE", "other value in a policy further down"),
                            ("TIME_LIMIT", "carve-out that ends by itself on a date"),
                        ],
                        default="PRINCIPAL_LIST",
                        max_length=14,
                    ),
                ),
                ("ticket", models.CharField(blank=True, max_length=300)),
                ("starts_on", models.DateField(null=True)),
                ("asked_until", models.DateField(null=True)),
                ("is_emergency", models.BooleanField(default=False)),
                ("renewal", models.PositiveSmallIntegerField(default=0)),
                ("triaged_at", models.DateTimeField(null=True)),
                (
                    "inherent_risk",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("LOW", "Low"),
                            ("MEDIUM", "Medium"),
                            ("HIGH", "High"),
                            ("CRITICAL", "Critical"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "residual_risk",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("LOW", "Low"),
                            ("MEDIUM", "Medium"),
                            ("HIGH", "High"),
                            ("CRITICAL", "Critical"),
                        ],
                        max_length=8,
                    ),
                ),
                ("risk_note", models.TextField(blank=True)),
                ("assessor_id", models.BigIntegerField(null=True)),
                ("assessor_name", models.CharField(blank=True, max_length=150)),
                ("approved_at", models.DateTimeField(null=True)),
                ("until", models.DateField(null=True)),
                ("granted_at", models.DateTimeField(null=True)),
                ("emergency_until", models.DateTimeField(null=True)),
                ("implementer_id", models.BigIntegerField(null=True)),
                ("implementer_name", models.CharField(blank=True, max_length=150)),
                ("pull_request", models.CharField(blank=True, max_length=500)),
                ("removal_pull_request", models.CharField(blank=True, max_length=500)),
                ("looked_at", models.DateTimeField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("found", models.JSONField(default=dict)),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", models.TextField(blank=True)),
                ("gone_seen_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                ("clocks_version", models.PositiveSmallIntegerField(default=1)),
                ("review_on", models.DateField(null=True)),
                (
                    "control",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="findings.control",
                    ),
                ),
                (
                    "invariant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="invariants.invariant",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.organization"
                    ),
                ),
                (
                    "renews",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="renewals",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("request_exceptions", "Can ask for exceptions"),
                    ("triage_exceptions", "Can triage requests for exceptions"),
                    ("assess_exceptions", "Can assess the risk of exceptions"),
                    ("approve_exceptions", "Can approve exceptions of low and medium risk"),
                    ("accept_exception_risk", "Can accept the risk of exceptions for a system"),
                    ("approve_high_exceptions", "Can approve exceptions of high and critical risk"),
                    (
                        "approve_critical_exceptions",
                        "Can accept critical risks for the organisation",
                    ),
                    ("implement_exceptions", "Can put exceptions in place and remove them"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExceptionPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("REQUESTER", "requester"),
                            ("ASSESSOR", "assessor of the risk"),
                            ("APPROVER", "approver"),
                            ("IMPLEMENTER", "implementer"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionMilestone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=300)),
                ("due_on", models.DateField()),
                ("done_on", models.DateField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="milestones",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionEvidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("content_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("stored_as", models.CharField(max_length=200, unique=True)),
                ("at", models.DateTimeField()),
                ("person_id", models.BigIntegerField()),
                ("person_name", models.CharField(max_length=150)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("SUBMIT", "submitted"),
                            ("TRIAGE", "triaged"),
                            ("ASSESS", "assessed the risk"),
                            ("REQUEST_CHANGES", "asked for changes"),
                            ("APPROVE", "approved"),
                            ("GRANT", "granted in an emergency"),
                            ("REJECT", "rejected"),
                            ("WITHDRAW", "withdrew"),
                            ("IMPLEMENT", "began to put it in place"),
                            ("FIND", "found it in place"),
                            ("LOSE", "no longer found it in place"),
                            ("WARN", "saw that it ends soon"),
                            ("EXPIRE", "expired"),
                            ("REVOKE", "revoked"),
                            ("REMOVE", "began to remove it"),
                            ("CLOSE", "found it removed"),
                            ("SUPERSEDE", "was followed by its renewal"),
                            ("DRAFT", "drafted"),
                            ("SAVE", "changed the draft"),
                            ("NARROW", "narrowed the scope"),
                            ("RENEW", "asked for a renewal"),
                            ("COMMENT", "commented"),
                            ("ATTACH", "added evidence"),
                            ("PROGRESS", "finished a milestone"),
                            ("REMIND", "reminded"),
                        ],
                        max_length=15,
                    ),
                ),
                (
                    "state_before",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("DRAFT", "draft"),
                            ("SUBMITTED", "submitted"),
                            ("TRIAGED", "triaged"),
                            ("RISK_ASSESSED", "risk assessed"),
                            ("CHANGES_REQUESTED", "changes requested"),
                            ("EMERGENCY", "emergency"),
                            ("APPROVED", "approved"),
                            ("IMPLEMENTING", "implementing"),
                            ("ACTIVE", "active"),
                            ("EXPIRING", "expiring"),
                            ("EXPIRED", "expired"),
                            ("REVOKED", "revoked"),
                            ("CLOSING", "closing"),
                            ("CLOSED", "closed"),
                            ("RENEWED", "renewed"),
                            ("REJECTED", "rejected"),
                            ("WITHDRAWN", "withdrawn"),
                        ],
                        max_length=17,
                    ),
                ),
                (
                    "state_after",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("SUBMITTED", "submitted"),
                            ("TRIAGED", "triaged"),
                            ("RISK_ASSESSED", "risk assessed"),
                            ("CHANGES_REQUESTED", "changes requested"),
                            ("EMERGENCY", "emergency"),
                            ("APPROVED", "approved"),
                            ("IMPLEMENTING", "implementing"),
                            ("ACTIVE", "active"),
                            ("EXPIRING", "expiring"),
                            ("EXPIRED", "expired"),
                            ("REVOKED", "revoked"),
                            ("CLOSING", "closing"),
                            ("CLOSED", "closed"),
                            ("RENEWED", "renewed"),
                            ("REJECTED", "rejected"),
                            ("WITHDRAWN", "withdrawn"),
                        ],
                        max_length=17,
                    ),
                ),
                (
                    "who_kind",
                    models.CharField(
                        choices=[
                            ("PERSON", "person"),
                            ("CLOCK", "clock"),
                            ("COLLECTION", "collection"),
                        ],
                        max_length=10,
                    ),
                ),
                ("who_id", models.CharField(blank=True, max_length=40)),
                ("who_name", models.CharField(max_length=150)),
                (
                    "via",
                    models.CharField(
                        choices=[
                            ("PAGE", "page"),
                            ("API", "API"),
                            ("ADMIN", "administration"),
                            ("COMMAND", "command"),
                            ("TASK", "task"),
                        ],
                        max_length=7,
                    ),
                ),
                ("address", models.GenericIPAddressField(null=True)),
                ("note", models.TextField(blank=True)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("key", models.CharField(blank=True, max_length=60)),
                ("transaction_id", models.BigIntegerField(default=0)),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionComment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("person_id", models.BigIntegerField()),
                ("person_name", models.CharField(max_length=150)),
                ("text", models.TextField()),
                ("mentions", models.JSONField(default=list)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("round", models.PositiveSmallIntegerField()),
                (
                    "seat",
                    models.CharField(
                        choices=[
                            ("LEAD", "security lead"),
                            ("OWNER", "owner of the system"),
                            ("CISO", "CISO or delegate"),
                            ("EXECUTIVE", "executive"),
                            ("EMERGENCY", "grant in an emergency"),
                        ],
                        max_length=9,
                    ),
                ),
                ("person_id", models.BigIntegerField()),
                ("person_name", models.CharField(max_length=150)),
                ("instead_of_id", models.BigIntegerField(null=True)),
                ("instead_of_name", models.CharField(blank=True, max_length=150)),
                ("until", models.DateField()),
                ("comment", models.TextField(blank=True)),
                ("at", models.DateTimeField()),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptedFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="findings.finding",
                    ),
                ),
                (
                    "exception",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="excepted",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExceptionScope",
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
                            ("ACCOUNT", "account"),
                            ("OU", "OU and everything below"),
                            ("REGION", "Region"),
                            ("RESOURCE", "resource"),
                            ("TAG", "tag of a resource"),
                            ("PATTERN", "resources by pattern"),
                            ("PRINCIPAL", "principal"),
                            ("ACTION", "action"),
                            ("CONTROL", "control whose findings count"),
                        ],
                        max_length=9,
                    ),
                ),
                ("value", models.CharField(max_length=2048)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="inventory.account",
                    ),
                ),
                (
                    "ou",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="inventory.organizationalunit",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scope",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="exceptionrequest",
            index=models.Index(fields=["requester_id", "-id"], name="invariants_exception_mine"),
        ),
        migrations.AddIndex(
            model_name="exceptionrequest",
            index=models.Index(
                fields=["organization", "state", "due_at"], name="invariants_exception_inbox"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.UniqueConstraint(
                fields=("organization", "number"), name="invariants_exception_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("control", None),
                        ("finding_key", None),
                        ("invariant__isnull", False),
                        ("target_kind", "INVARIANT"),
                    ),
                    models.Q(
                        ("control__isnull", False),
                        ("finding_key", None),
                        ("invariant", None),
                        ("target_kind", "CONTROL"),
                    ),
                    models.Q(
                        ("control__isnull", False),
                        ("finding_key__isnull", False),
                        ("invariant", None),
                        ("target_kind", "FINDING"),
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_one_target",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("assessor_id", None),
                        models.Q(("assessor_id", models.F("requester_id")), _negated=True),
                        _connector="OR",
                    ),
                    models.Q(
                        ("implementer_id", None),
                        models.Q(("implementer_id", models.F("requester_id")), _negated=True),
                        _connector="OR",
                    ),
                    models.Q(
                        ("implementer_id", None),
                        ("assessor_id", None),
                        models.Q(("implementer_id", models.F("assessor_id")), _negated=True),
                        _connector="OR",
                    ),
                ),
                name="invariants_exception_duties_are_separate",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("inherent_risk", ""), ("residual_risk", "")),
                    models.Q(
                        models.Q(("residual_risk", ""), _negated=True),
                        models.Q(("inherent_risk", ""), _negated=True),
                        ("assessor_id__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_risk_has_an_assessor",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("renewal", 0), ("renews", None)),
                    models.Q(("renewal__gte", 1), ("renewal__lte", 2), ("renews__isnull", False)),
                    _connector="OR",
                ),
                name="invariants_exception_two_renewals",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("asked_until", None),
                    ("starts_on", None),
                    ("asked_until__gte", models.F("starts_on")),
                    _connector="OR",
                ),
                name="invariants_exception_starts_before_it_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("until", None),
                    models.Q(
                        ("asked_until__isnull", False), ("until__lte", models.F("asked_until"))
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_no_longer_than_asked",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "DRAFT",
                            "SUBMITTED",
                            "TRIAGED",
                            "RISK_ASSESSED",
                            "CHANGES_REQUESTED",
                            "EMERGENCY",
                            "REJECTED",
                            "WITHDRAWN",
                        ],
                    ),
                    models.Q(
                        models.Q(("compensating", ""), _negated=True),
                        ("starts_on__isnull", False),
                        ("until__isnull", False),
                        models.Q(
                            models.Q(("approved_at__isnull", False), ("residual_risk__gt", "")),
                            ("granted_at__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_approved_is_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ["APPROVED", "IMPLEMENTING", "ACTIVE", "EXPIRING"]),
                        _negated=True,
                    ),
                    models.Q(("approved_at__isnull", False), ("residual_risk__gt", "")),
                    _connector="OR",
                ),
                name="invariants_exception_approved_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["ACTIVE", "EXPIRING"]), _negated=True),
                    models.Q(
                        ("verified_at__isnull", False),
                        models.Q(
                            ("implementer_id__isnull", False),
                            ("mechanism", "NONE"),
                            ("renews__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_active_was_seen",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ["EXPIRED", "REVOKED", "CLOSING", "CLOSED", "RENEWED"]),
                        _negated=True,
                    ),
                    ("ended_at__isnull", False),
                    _connector="OR",
                ),
                name="invariants_exception_ended_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "CLOSED"), _negated=True),
                    models.Q(
                        ("gone_seen_at__gte", models.F("ended_at")), ("gone_seen_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_closed_was_seen_gone",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("granted_at", None), models.Q(("state", "EMERGENCY"), _negated=True)),
                    models.Q(
                        ("emergency_until__gt", models.F("granted_at")),
                        ("emergency_until__isnull", False),
                        ("granted_at__isnull", False),
                        ("is_emergency", True),
                    ),
                    _connector="OR",
                ),
                name="invariants_exception_emergency",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionpart",
            constraint=models.UniqueConstraint(
                fields=("request", "person_id"), name="invariants_exceptionpart_one_part"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionevidence",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                name="invariants_exceptionevidence_hash",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionevent",
            constraint=models.UniqueConstraint(
                fields=("request", "number"), name="invariants_exceptionevent_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True),
                fields=("request", "key"),
                name="invariants_exceptionevent_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("who_kind", "PERSON"), models.Q(("who_id", ""), _negated=True)),
                    models.Q(models.Q(("who_kind", "PERSON"), _negated=True), ("who_id", "")),
                    _connector="OR",
                ),
                name="invariants_exceptionevent_who",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionapproval",
            constraint=models.UniqueConstraint(
                fields=("request", "round", "seat"), name="invariants_exceptionapproval_seat"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionapproval",
            constraint=models.UniqueConstraint(
                fields=("request", "round", "person_id"), name="invariants_exceptionapproval_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("instead_of_id", None),
                    models.Q(("instead_of_id", models.F("person_id")), _negated=True),
                    _connector="OR",
                ),
                name="invariants_exceptionapproval_for_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptedfinding",
            constraint=models.UniqueConstraint(
                fields=("exception", "finding"), name="invariants_exceptedfinding_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionscope",
            constraint=models.UniqueConstraint(
                fields=("request", "kind", "value"), name="invariants_exceptionscope_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionscope",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account__isnull", False), ("kind", "ACCOUNT"), ("ou", None)),
                    models.Q(("account", None), ("kind", "OU"), ("ou__isnull", False)),
                    models.Q(
                        models.Q(("kind__in", ["ACCOUNT", "OU"]), _negated=True),
                        ("account", None),
                        ("ou", None),
                    ),
                    _connector="OR",
                ),
                name="invariants_exceptionscope_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionscope",
            constraint=models.CheckConstraint(
                condition=models.Q(("value", ""), _negated=True),
                name="invariants_exceptionscope_value",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
