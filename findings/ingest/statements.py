"""The SQL of the upsert."""

# What a copy gives the row of its finding, with the type of each.
COLUMNS = (
    ("finding_id", "text"),
    ("product_arn", "text"),
    ("product", "text"),
    ("feed", "text"),
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
    ("observed_at", "timestamptz"),
    ("last_failed_at", "timestamptz"),
    ("last_passed_at", "timestamptz"),
    ("fix_seen_at", "timestamptz"),
    ("opened_at", "timestamptz"),
    ("due_at", "timestamptz"),
    ("sla_rule", "text"),
    ("sla_version", "smallint"),
    ("vanished_at", "timestamptz"),
    ("history", "text"),
)
# What a look at a finding in which nothing changed leaves behind.
TOUCHED = (
    ("updated_at", "timestamptz"),
    ("feed", "text"),
    ("observed_at", "timestamptz"),
    ("last_failed_at", "timestamptz"),
    ("last_passed_at", "timestamptz"),
    ("fix_seen_at", "timestamptz"),
    ("history", "text"),
)
# What a late copy may change: never the newest copy's own columns.
LATE = (
    ("feed", "text"),
    ("status", "text"),
    ("last_failed_at", "timestamptz"),
    ("last_passed_at", "timestamptz"),
    ("fix_seen_at", "timestamptz"),
    ("opened_at", "timestamptz"),
    ("due_at", "timestamptz"),
    ("sla_rule", "text"),
    ("history", "text"),
)
CLOCK = (("due_at", "timestamptz"), ("sla_rule", "text"), ("sla_version", "smallint"))

PEEK = """
SELECT f.id, f.key, f.content_hash, f.updated_at, f.workflow, f.status, f.account_id, f.control_id,
    f.vanished_at, f.feed
FROM findings_finding f WHERE f.organization_id = %(organization)s AND f.key = ANY(%(keys)s)
"""
# A row that is not there cannot be locked: batches with new findings go one after the other, so that
# each sees what the one before it made. Taken before any row lock, so nobody waits in a circle.
LOCK_NEW = "SELECT pg_advisory_xact_lock(hashtext('findings.new'), %(organization)s)"
# Rows are locked in the order of their key, so two workers never wait for each other in a circle.
LOCK = """
SELECT f.id, f.key, f.content_hash, f.updated_at, f.workflow, f.status, f.account_id, f.control_id,
    f.vanished_at, f.feed, f.compliance, f.record_state, f.observed_at, f.workflow_set_at,
    f.fix_seen_at, f.last_failed_at, f.last_passed_at, f.opened_at, f.due_at, f.sla_rule, f.history
FROM findings_finding f WHERE f.organization_id = %(organization)s AND f.key = ANY(%(keys)s)
ORDER BY f.key FOR NO KEY UPDATE
"""
NEXT_IDS = """
SELECT nextval(pg_get_serial_sequence('findings_finding', 'id'))
FROM generate_series(1, %(count)s)
"""
COPY_FINDINGS = (
    f"COPY findings_finding (id, organization_id, key, is_excepted, "
    f"{', '.join(name for name, _ in COLUMNS)}) FROM STDIN"
)
COPY_PAYLOADS = "COPY findings_findingpayload (finding_id, payload) FROM STDIN"
COPY_EPISODES = (
    "COPY findings_episode (finding_id, opened_at, closed_at, close_reason, resumed, lapsed_at, "
    "resumed_at) FROM STDIN"
)
COPY_VULNERABILITIES = (
    "COPY findings_findingvulnerability (finding_id, cve, has_fix, has_exploit, epss) FROM STDIN"
)
COPY_WORKFLOW = "COPY findings_workflowchange (finding_id, at, before, after, note, by) FROM STDIN"
PAYLOADS = """
INSERT INTO findings_findingpayload (finding_id, payload)
SELECT * FROM unnest(%(id)s::bigint[], %(payload)s::text[]::jsonb[]) AS i (id, payload) ORDER BY id
ON CONFLICT (finding_id) DO UPDATE SET payload = EXCLUDED.payload
"""
EPISODES = """
SELECT finding_id, opened_at, closed_at, close_reason, resumed, lapsed_at, resumed_at
FROM findings_episode
WHERE finding_id = ANY(%(ids)s) ORDER BY finding_id, opened_at
"""
DROP_EPISODES = """
DELETE FROM findings_episode e
USING unnest(%(id)s::bigint[], %(opened_at)s::timestamptz[]) AS i (id, opened_at)
WHERE e.finding_id = i.id AND e.opened_at = i.opened_at
"""
CHANGE_EPISODES = """
UPDATE findings_episode e SET
    closed_at = i.closed_at, close_reason = i.close_reason, resumed = i.resumed,
    lapsed_at = i.lapsed_at, resumed_at = i.resumed_at
FROM unnest(%(id)s::bigint[], %(opened_at)s::timestamptz[], %(closed_at)s::timestamptz[],
    %(close_reason)s::text[], %(resumed)s::int[], %(lapsed_at)s::timestamptz[],
    %(resumed_at)s::timestamptz[])
    AS i (id, opened_at, closed_at, close_reason, resumed, lapsed_at, resumed_at)
WHERE e.finding_id = i.id AND e.opened_at = i.opened_at
"""
GRANTS = """
SELECT finding_id, excepted_at FROM findings_episode
WHERE finding_id = ANY(%(ids)s) AND excepted_at IS NOT NULL
"""
GIVE_GRANTS = """
UPDATE findings_episode e SET excepted_at = i.excepted_at
FROM unnest(%(id)s::bigint[], %(opened_at)s::timestamptz[], %(excepted_at)s::timestamptz[])
    AS i (id, opened_at, excepted_at)
WHERE e.finding_id = i.id AND e.opened_at = i.opened_at
    AND e.excepted_at IS DISTINCT FROM i.excepted_at
"""
DROP_VULNERABILITIES = """
DELETE FROM findings_findingvulnerability WHERE finding_id = ANY(%(ids)s)
"""
DIRTY = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT * FROM unnest(%(accounts)s::bigint[], %(controls)s::bigint[])
"""
SEEN = """
INSERT INTO findings_seenfinding (run_id, finding_id)
SELECT %(run)s, id FROM unnest(%(ids)s::bigint[]) AS i (id) ORDER BY id ON CONFLICT DO NOTHING
"""

# What a clock depends on, of findings that are open.
CLOCKED = """
SELECT f.id, f.account_id, f.control_id, f.severity, f.is_public, f.opened_at, f.fix_seen_at,
    c.clock_from, f.due_at, f.sla_rule, f.sla_version
FROM findings_finding f JOIN findings_control c ON c.id = f.control_id
WHERE f.id = ANY(%(ids)s) AND f.status = 'OPEN' ORDER BY f.key FOR NO KEY UPDATE OF f
"""
NAMED = """
SELECT v.finding_id, v.has_fix, COALESCE(k.is_exploited, FALSE), k.is_automatable,
    k.has_total_impact
FROM findings_findingvulnerability v LEFT JOIN findings_knownvulnerability k ON k.cve = v.cve
WHERE v.finding_id = ANY(%(ids)s)
"""


def update(columns: tuple[tuple[str, str], ...]) -> str:
    """Return the statement that sets these columns, given as one array each, by id."""
    names = [name for name, _ in columns]
    arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in columns)
    sets = ", ".join(
        # An array of arrays cannot have rows of different lengths, so each comes as a text.
        f"{name} = i.{name}::bigint[]" if name == "history" else f"{name} = i.{name}"
        for name in names
    )
    return f"""
UPDATE findings_finding f SET {sets}
FROM unnest(%(id)s::bigint[], {arrays}) AS i (id, {", ".join(names)}) WHERE f.id = i.id
"""
