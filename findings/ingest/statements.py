"""The SQL of the upsert, in the order in which a batch runs through it."""

COLUMNS = (
    ("key", "bytea"),
    ("finding_id", "text"),
    ("product_arn", "text"),
    ("product", "text"),
    ("account_id", "bigint"),
    ("region", "text"),
    ("control_id", "bigint"),
    ("title", "text"),
    ("severity", "text"),
    ("status", "text"),
    ("compliance", "text"),
    ("workflow", "text"),
    ("record_state", "text"),
    ("resource_id", "text"),
    ("resource_type", "text"),
    ("resource_count", "int"),
    ("is_public", "boolean"),
    ("content_hash", "bytea"),
    ("first_observed_at", "timestamptz"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("clock_days", "int"),
    ("payload", "jsonb"),
)
STORED = [name for name, _ in COLUMNS if name not in {"clock_days", "payload"}] + [
    "opened_at",
    "due_at",
]

STAGE = f"""
CREATE TEMP TABLE IF NOT EXISTS incoming (
    {", ".join(f"{name} {kind}" for name, kind in COLUMNS)},
    id bigint, old_status text, old_hash bytea, old_updated_at timestamptz, old_control_id bigint,
    old_account_id bigint, old_vanished_at timestamptz, old_opened_at timestamptz,
    opened_at timestamptz, due_at timestamptz, resumes bigint, verdict text
) ON COMMIT DELETE ROWS
"""
COPY = f"COPY incoming ({', '.join(name for name, _ in COLUMNS)}) FROM STDIN"

# The newest copy of a finding within the batch wins.
DEDUPLICATE = """
DELETE FROM incoming WHERE ctid NOT IN (
    SELECT DISTINCT ON (key) ctid FROM incoming ORDER BY key, updated_at DESC, content_hash)
"""
HAS_NEW = """
SELECT EXISTS (SELECT 1 FROM incoming i WHERE NOT EXISTS (
    SELECT 1 FROM findings_finding f
    WHERE f.organization_id = %(organization)s AND f.key = i.key))
"""
# A row that is not there cannot be locked: batches with new findings go one after the other, so that
# each sees what the one before it made. Taken before any row lock, so nobody waits in a circle.
LOCK_NEW = "SELECT pg_advisory_xact_lock(hashtext('findings.new'), %(organization)s)"
# Rows are locked in the order of their key, so two workers never wait for each other in a circle.
LOCK = """
SELECT 1 FROM findings_finding f
WHERE f.organization_id = %(organization)s AND f.key IN (SELECT key FROM incoming)
ORDER BY f.key FOR UPDATE
"""
FIND_OLD = """
UPDATE incoming i SET id = f.id, old_status = f.status, old_hash = f.content_hash,
    old_updated_at = f.updated_at, old_control_id = f.control_id, old_account_id = f.account_id,
    old_vanished_at = f.vanished_at, old_opened_at = f.opened_at
FROM findings_finding f WHERE f.organization_id = %(organization)s AND f.key = i.key
"""
# Losing sight of a fault does not mend it: FAILED stays open through WARNING and NOT_AVAILABLE.
CARRY = """
UPDATE incoming SET status = 'OPEN' WHERE status = 'UNKNOWN' AND old_status = 'OPEN'
"""
# A change of workflow or note keeps UpdatedAt, so an equal time with other content is newer too.
JUDGE = """
UPDATE incoming SET verdict = CASE
    WHEN id IS NULL THEN 'new'
    WHEN updated_at < old_updated_at THEN 'older'
    WHEN content_hash <> old_hash OR status <> old_status OR control_id <> old_control_id
        OR account_id <> old_account_id OR old_vanished_at IS NOT NULL THEN 'changed'
    WHEN updated_at > old_updated_at THEN 'touched'
    ELSE 'same' END
"""
FIND_RESUMED = """
UPDATE incoming i SET resumes = e.id, opened_at = e.opened_at
FROM (
    SELECT DISTINCT ON (e.finding_id) e.finding_id, e.id, e.opened_at, e.closed_at
    FROM findings_episode e JOIN incoming i ON i.id = e.finding_id
    ORDER BY e.finding_id, e.opened_at DESC
) e
WHERE e.finding_id = i.id AND i.verdict = 'changed' AND i.status = 'OPEN'
    AND i.old_status <> 'OPEN' AND e.closed_at > i.updated_at - %(resume_within)s
"""
# The clock starts when we first saw it fail: AWS does not reliably restart FirstObservedAt.
SET_CLOCK = """
UPDATE incoming SET opened_at = COALESCE(opened_at, CASE
    WHEN old_status = 'OPEN' THEN old_opened_at
    ELSE LEAST(%(as_of)s, GREATEST(updated_at, first_observed_at)) END)
WHERE status = 'OPEN' AND verdict <> 'older'
"""
SET_DUE = """
UPDATE incoming SET due_at = opened_at + make_interval(days => clock_days) WHERE status = 'OPEN'
"""
UPSERT = f"""
INSERT INTO findings_finding (organization_id, {", ".join(STORED)})
SELECT %(organization)s, {", ".join(STORED)} FROM incoming
WHERE verdict IN ('new', 'changed') ORDER BY key
ON CONFLICT (organization_id, key) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in STORED if name != "key")},
    vanished_at = NULL
WHERE findings_finding.updated_at <= EXCLUDED.updated_at
"""
TOUCH = """
UPDATE findings_finding f SET updated_at = i.updated_at
FROM incoming i WHERE i.verdict = 'touched' AND f.id = i.id
"""
FIND_NEW = """
UPDATE incoming i SET id = f.id FROM findings_finding f
WHERE i.verdict = 'new' AND f.organization_id = %(organization)s AND f.key = i.key
"""
PAYLOAD = """
INSERT INTO findings_findingpayload (finding_id, payload)
SELECT id, payload FROM incoming WHERE verdict IN ('new', 'changed') ORDER BY id
ON CONFLICT (finding_id) DO UPDATE SET payload = EXCLUDED.payload
"""
CLOSE_EPISODES = """
UPDATE findings_episode e SET
    closed_at = GREATEST(e.opened_at, LEAST(%(as_of)s, i.updated_at)),
    close_reason = CASE
        WHEN i.status = 'PASSED' THEN 'PASSED'
        WHEN i.record_state = 'ARCHIVED' AND i.workflow <> 'RESOLVED' THEN 'ARCHIVED'
        ELSE 'RESOLVED' END
FROM incoming i
WHERE i.verdict = 'changed' AND i.old_status = 'OPEN' AND i.status <> 'OPEN'
    AND e.finding_id = i.id AND e.closed_at IS NULL
"""
RESUME_EPISODES = """
UPDATE findings_episode e SET closed_at = NULL, close_reason = '', resumed = resumed + 1
FROM incoming i WHERE i.resumes = e.id
"""
OPEN_EPISODES = """
INSERT INTO findings_episode (finding_id, opened_at, close_reason, resumed)
SELECT id, opened_at, '', 0 FROM incoming
WHERE verdict IN ('new', 'changed') AND status = 'OPEN' AND resumes IS NULL
    AND old_status IS DISTINCT FROM 'OPEN'
ORDER BY id ON CONFLICT DO NOTHING
"""
# A PASSED that was stale counts again once it has been checked, though nothing in it changed.
DIRTY = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT account_id, control_id FROM incoming
WHERE verdict IN ('new', 'changed')
    OR (verdict = 'touched' AND status = 'PASSED' AND old_updated_at < %(as_of)s - %(stale_after)s)
UNION
SELECT old_account_id, old_control_id FROM incoming
WHERE verdict = 'changed' AND (old_control_id <> control_id OR old_account_id <> account_id)
ORDER BY 1, 2
"""
SEEN = """
INSERT INTO findings_seenfinding (run_id, finding_id)
SELECT %(run)s, id FROM incoming WHERE id IS NOT NULL ORDER BY id ON CONFLICT DO NOTHING
"""
TALLY = """
SELECT count(*) FILTER (WHERE verdict = 'new'), count(*) FILTER (WHERE verdict = 'changed'),
    count(*) FILTER (WHERE verdict IN ('same', 'touched')),
    count(*) FILTER (WHERE verdict = 'older'),
    count(*) FILTER (WHERE verdict IN ('new', 'changed') AND status = 'OPEN'
        AND old_status IS DISTINCT FROM 'OPEN'),
    count(*) FILTER (WHERE verdict = 'changed' AND status <> 'OPEN' AND old_status = 'OPEN')
FROM incoming
"""
