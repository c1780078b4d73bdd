"""The audit log. The database itself writes, seals and keeps it: see ADR 12."""

from django.db import migrations, models

FORWARDS = """
-- What is sealed of an entry: one line of JSON, byte for byte what exports hold and the hash is of.
CREATE FUNCTION posture_audit_text(entry posture_auditentry) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'seq', entry.seq,
        'at', to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'event', entry.event,
        'who_kind', entry.who_kind, 'who_id', entry.who_id, 'who_name', entry.who_name,
        'token', entry.token, 'address', host(entry.address),
        'request_id', entry.request_id, 'task_id', entry.task_id, 'task', entry.task,
        'subject', entry.subject, 'details', entry.details, 'changes', entry.changes,
        'previous_hash', entry.previous_hash
    )::text
$$;

-- Words of an entry for the search of the audit page. Its cost is said, or the planner would rather
-- take every entry apart than use the index.
CREATE FUNCTION posture_audit_words(
    event text, who_name text, subject text, details jsonb, changes jsonb
) RETURNS tsvector LANGUAGE sql IMMUTABLE COST 1000 AS $$
    SELECT to_tsvector('simple', translate(
        left(concat_ws(' ', event, who_name, subject, details, changes), 20000), '_-:/@.', '      '))
$$;
CREATE INDEX posture_auditentry_words ON posture_auditentry
    USING gin (posture_audit_words(event, who_name, subject, details, changes));

-- Runs when the transaction ends, so that nobody waits for another one's work: from here to its
-- commit there is one writer at a time, and the chain has one end.
CREATE FUNCTION posture_audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry posture_auditentry := NEW;
    head_seq bigint;
    head_hash text;
BEGIN
    PERFORM pg_advisory_xact_lock(5067218430461192004);
    SELECT seq, hash INTO head_seq, head_hash FROM posture_auditentry
        WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1;
    entry.seq := coalesce(head_seq, 0) + 1;
    entry.previous_hash := coalesce(head_hash, repeat('0', 64));
    entry.hash := encode(sha256(convert_to(posture_audit_text(entry), 'UTF8')), 'hex');
    UPDATE posture_auditentry
        SET seq = entry.seq, previous_hash = entry.previous_hash, hash = entry.hash
        WHERE id = entry.id;
    RETURN NULL;
END $$;

CREATE FUNCTION posture_audit_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nobody seals but the trigger.
    NEW.seq := NULL;
    NEW.previous_hash := '';
    NEW.hash := '';
    RETURN NEW;
END $$;

CREATE FUNCTION posture_audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sealed text[] := ARRAY['seq', 'previous_hash', 'hash'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.seq <= (SELECT max(seq) FROM posture_auditcut) THEN
            RETURN OLD;
        END IF;
        PERFORM posture_refuse('The audit log is only added to: an entry cannot be deleted. '
            'Old ones are exported and removed by manage.py cut_audit.');
    ELSIF OLD.hash <> '' OR pg_trigger_depth() < 2
        OR to_jsonb(OLD) - sealed IS DISTINCT FROM to_jsonb(NEW) - sealed
    THEN
        PERFORM posture_refuse('The audit log is only added to: an entry cannot be changed.');
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION posture_audit_keep_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM posture_refuse('The audit log is only added to: its table cannot be emptied.');
    RETURN NULL;
END $$;

CREATE FUNCTION posture_audit_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM posture_refuse('The anchor of the audit log cannot be changed or removed.');
    END IF;
    IF NOT EXISTS (SELECT FROM posture_auditentry WHERE seq = NEW.seq AND hash = NEW.hash)
        OR NOT EXISTS (SELECT FROM posture_auditentry WHERE seq > NEW.seq)
    THEN
        PERFORM posture_refuse('The audit log is cut after an entry that is there, and not the last.');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER posture_auditentry_begun BEFORE INSERT ON posture_auditentry
    FOR EACH ROW EXECUTE FUNCTION posture_audit_begin();
CREATE CONSTRAINT TRIGGER posture_auditentry_sealing AFTER INSERT ON posture_auditentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posture_audit_seal();
CREATE TRIGGER posture_auditentry_kept BEFORE UPDATE OR DELETE ON posture_auditentry
    FOR EACH ROW EXECUTE FUNCTION posture_audit_keep();
CREATE TRIGGER posture_auditentry_not_emptied BEFORE TRUNCATE ON posture_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION posture_audit_keep_table();
CREATE TRIGGER posture_auditcut_kept BEFORE INSERT OR UPDATE OR DELETE ON posture_auditcut
    FOR EACH ROW EXECUTE FUNCTION posture_audit_cut();
CREATE TRIGGER posture_auditcut_not_emptied BEFORE TRUNCATE ON posture_auditcut
    FOR EACH STATEMENT EXECUTE FUNCTION posture_audit_keep_table();

-- Of each watched table. Arguments: the event of an insert, update and delete, the subject, and what is
-- shown of a row: two expressions of $1, the row. No subject, no entry.
CREATE FUNCTION posture_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event text;
    subject text;
    before jsonb := '{}';
    after jsonb := '{}';
    changes jsonb;
    origin jsonb := coalesce(nullif(current_setting('parapet.origin', true), ''), '{}');
    id jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    event := TG_ARGV[CASE TG_OP WHEN 'INSERT' THEN 0 WHEN 'UPDATE' THEN 1 ELSE 2 END];
    IF TG_OP <> 'INSERT' THEN
        EXECUTE 'SELECT ' || TG_ARGV[4] INTO before USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE 'SELECT ' || TG_ARGV[4] INTO after USING NEW;
    END IF;
    SELECT jsonb_object_agg(key, jsonb_build_array(before -> key, after -> key)) INTO changes
    FROM jsonb_object_keys(before || after) AS keys (key)
    WHERE nullif(before -> key, 'null') IS DISTINCT FROM nullif(after -> key, 'null');
    IF TG_OP = 'UPDATE' AND changes IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        EXECUTE 'SELECT ' || TG_ARGV[3] INTO subject USING OLD;
        id := to_jsonb(OLD) -> 'id';
    ELSE
        EXECUTE 'SELECT ' || TG_ARGV[3] INTO subject USING NEW;
        id := to_jsonb(NEW) -> 'id';
    END IF;
    IF subject IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO posture_auditentry (
        at, event, who_kind, who_id, who_name, token, address, request_id, task_id, task,
        subject, details, changes, previous_hash, hash)
    VALUES (
        clock_timestamp(), event,
        coalesce(origin ->> 'kind', 'DATABASE'), coalesce(origin ->> 'id', ''),
        -- Not by this program: the database knows its role alone.
        coalesce(origin ->> 'name', left(session_user, 150)), coalesce(origin ->> 'token', ''),
        coalesce((origin ->> 'address')::inet, inet_client_addr()),
        coalesce(origin ->> 'request_id', ''), coalesce(origin ->> 'task_id', ''),
        coalesce(origin ->> 'task', ''),
        left(subject, 300),
        jsonb_strip_nulls(jsonb_build_object('table', TG_TABLE_NAME, 'id', id)),
        coalesce(changes, '{}'), '', '');
    RETURN NULL;
END $$;

-- Have every change of a table written down.
--   events: what an insert, an update and a delete are called; '' is not written down
--   subject: an expression of $1, the row: what it is about, in words; NULL is not written down
--   skipped: columns whose change says nothing; hidden: it is told that they changed, not from what to
--   what; keep: these columns and no others; extra: an expression of $1, JSON that is shown as well
CREATE FUNCTION posture_audit_watch(
    watched text, events text[], subject text, skip text[] DEFAULT '{}', hide text[] DEFAULT '{}',
    keep text[] DEFAULT NULL, extra text DEFAULT '''{}''::jsonb'
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    shown text;
    hidden text;
    operations text;
BEGIN
    IF keep IS NULL THEN
        shown := format('to_jsonb($1) - %L::text[]', ARRAY['id'] || skip || hide);
    ELSE
        shown := format(
            'coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb($1)) '
            'WHERE key = ANY (%L)), ''{}'')', keep);
    END IF;
    FOREACH hidden IN ARRAY hide LOOP
        shown := shown || format(
            ' || jsonb_build_object(%L, ''hidden '' || left(encode(sha256(convert_to('
            '(to_jsonb($1) ->> %L), ''UTF8'')), ''hex''), 8))', hidden, hidden);
    END LOOP;
    shown := shown || ' || ' || extra;
    SELECT string_agg(operation, ' OR ') INTO operations
    FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE'], events) AS pairs (operation, event)
    WHERE event <> '';
    EXECUTE format(
        'CREATE TRIGGER %I AFTER %s ON %I FOR EACH ROW '
        'EXECUTE FUNCTION posture_audit_row(%L, %L, %L, %L, %L)',
        watched || '_audited', operations, watched,
        events[1], events[2], events[3], subject, shown);
END $$;

CREATE FUNCTION posture_audit_unwatch(watched text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TRIGGER %I ON %I', watched || '_audited', watched);
END $$;

SELECT posture_audit_watch(
    'posture_auditcut', ARRAY['audit_log_cut', '', ''], 'format(''after entry %s'', ($1).seq)');
"""
BACKWARDS = """
SELECT posture_audit_unwatch('posture_auditcut');
DROP FUNCTION posture_audit_unwatch(text);
DROP FUNCTION posture_audit_watch(text, text[], text, text[], text[], text[], text);
DROP FUNCTION posture_audit_row();
DROP TRIGGER posture_auditcut_not_emptied ON posture_auditcut;
DROP TRIGGER posture_auditcut_kept ON posture_auditcut;
DROP TRIGGER posture_auditentry_not_emptied ON posture_auditentry;
DROP TRIGGER posture_auditentry_kept ON posture_auditentry;
DROP TRIGGER posture_auditentry_sealing ON posture_auditentry;
DROP TRIGGER posture_auditentry_begun ON posture_auditentry;
DROP FUNCTION posture_audit_cut();
DROP FUNCTION posture_audit_keep_table();
DROP FUNCTION posture_audit_keep();
DROP FUNCTION posture_audit_begin();
DROP FUNCTION posture_audit_seal();
DROP INDEX posture_auditentry_words;
DROP FUNCTION posture_audit_words(text, text, text, jsonb, jsonb);
DROP FUNCTION posture_audit_text(posture_auditentry);
"""


class Migration(migrations.Migration):
    dependencies = [("posture", "0015_people_and_tokens")]

    operations = [
        migrations.CreateModel(
            name="AuditCut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField(unique=True)),
                ("hash", models.CharField(max_length=64)),
                ("entries", models.BigIntegerField()),
                ("file_hash", models.CharField(max_length=64)),
                ("cut_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("file_hash__regex", "^[0-9a-f]{64}$"),
                            ("hash__regex", "^[0-9a-f]{64}$"),
                            ("entries__gte", 1),
                            ("seq__gte", 1),
                        ),
                        name="posture_auditcut_whole",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                ("event", models.CharField(max_length=60)),
                (
                    "who_kind",
                    models.CharField(
                        choices=[
                            ("PERSON", "person"),
                            ("SERVICE", "service account"),
                            ("SYSTEM", "system"),
                            ("NOBODY", "nobody"),
                            ("DATABASE", "database"),
                        ],
                        max_length=8,
                    ),
                ),
                ("who_id", models.CharField(blank=True, max_length=40)),
                ("who_name", models.CharField(blank=True, max_length=150)),
                ("token", models.CharField(blank=True, max_length=120)),
                ("address", models.GenericIPAddressField(null=True)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("task_id", models.CharField(blank=True, max_length=64)),
                ("task", models.CharField(blank=True, max_length=150)),
                ("subject", models.CharField(blank=True, max_length=300)),
                ("details", models.JSONField(default=dict)),
                ("changes", models.JSONField(default=dict)),
                ("previous_hash", models.CharField(blank=True, max_length=64)),
                ("hash", models.CharField(blank=True, max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], name="posture_auditentry_at"),
                    models.Index(fields=["who_name", "-id"], name="posture_auditentry_who"),
                    models.Index(fields=["event", "-id"], name="posture_auditentry_what"),
                    models.Index(fields=["who_kind", "-id"], name="posture_auditentry_kind"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("seq",), name="posture_auditentry_seq"),
                    models.CheckConstraint(
                        condition=models.Q(("event__regex", "^[a-z][a-z0-9_]*$")),
                        name="posture_auditentry_event",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("hash", ""), ("seq", None)),
                            models.Q(("seq__gte", 1), ("hash__regex", "^[0-9a-f]{64}$")),
                            _connector="OR",
                        ),
                        name="posture_auditentry_sealed",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
