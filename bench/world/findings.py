"""The findings of the world: whose, on what, of which control, and how they stand."""

from typing import Final

REGIONS = (
    *("eu-west-1",) * 30,
    *("eu-central-1",) * 20,
    *("us-east-1",) * 20,
    *("us-west-2",) * 8,
    *("ap-southeast-2",) * 6,
    *("eu-west-2",) * 5,
    *("eu-north-1",) * 3,
    *("ap-northeast-1",) * 3,
    *("ca-central-1",) * 2,
    "sa-east-1",
    "af-south-1",
    "",
)

_CHANCE = "((hashint8extended({0}, {1}) & 16777215)::float8 / 16777216)"


def chance(number: str, salt: int) -> str:
    """SQL of a number in [0, 1) of each number, another one for each salt."""
    return _CHANCE.format(number, salt)


# How long each severity has, {0}.
CLOCK: Final = """
LEFT JOIN (VALUES ('CRITICAL', interval '7 days'), ('HIGH', interval '30 days'),
    ('MEDIUM', interval '90 days'), ('LOW', interval '180 days')) clock (s, days) ON s = {0}"""

# Resource r has findings 4r to 4r+3: of the four controls of its type, or one product's.
RESOURCES: Final = f"""
CREATE UNLOGGED TABLE bench_resource AS
SELECT r, (array(SELECT id FROM inventory_account ORDER BY id))
        [1 + floor(%(accounts)s * {chance("r", 1)} ^ 1.3)::int] AS account_id,
    (%(regions)s::text[])[1 + floor(100 * {chance("r", 2)})::int] AS region,
    floor(%(types)s * {chance("r", 3)} ^ 1.2)::int AS type,
    CASE WHEN {chance("r", 4)} < 0.08
        THEN floor(%(products)s * {chance("r", 5)} ^ 1.7)::int END AS product,
    substr(md5(r::text), 1, 8) AS code,
    CASE WHEN {chance("r", 6)} < 0.02 THEN true WHEN {chance("r", 6)} < 0.2 THEN false END
        AS is_public
FROM generate_series(0, (%(findings)s - 1) / 4) r
"""
FINDINGS: Final = f"""
INSERT INTO findings_finding (organization_id, key, finding_id, product_arn, product, feed,
    account_id, region, control_id, title, severity, status, compliance, workflow, record_state,
    resource_id, resource_type, resource_count, is_public, is_excepted, content_hash,
    first_observed_at, created_at, updated_at, opened_at, due_at, sla_rule, sla_version,
    last_failed_at, last_passed_at)
SELECT %(organization)s, decode(md5('key' || i), 'hex'),
    'arn:aws:' || CASE WHEN c.product = 'securityhub' THEN 'securityhub' ELSE c.product END || ':'
        || region || ':' || a.account_id || ':' || c.generator || '/finding/' || md5(i::text)::uuid,
    'arn:aws:securityhub:' || region || '::product/aws/' || c.product, c.product, 'SECURITY_HUB',
    x.account_id, region, c.id, c.title, x.severity, status,
    CASE WHEN c.product <> 'securityhub' THEN '' WHEN status = 'OPEN' THEN 'FAILED'
        WHEN status = 'UNKNOWN' THEN 'WARNING' ELSE 'PASSED' END,
    CASE WHEN status <> 'OPEN' THEN CASE WHEN u2 < 0.8 THEN 'RESOLVED' ELSE 'NEW' END
        WHEN u2 < 0.86 THEN 'NEW' WHEN u2 < 0.93 THEN 'NOTIFIED'
        WHEN u2 < 0.98 THEN 'SUPPRESSED' ELSE 'RESOLVED' END,
    CASE WHEN status = 'CLOSED' THEN 'ARCHIVED' ELSE 'ACTIVE' END,
    'arn:aws:' || lower(c.type) || ':' || region || ':' || a.account_id || ':' || c.word || '-'
        || x.code, 'Aws' || c.type, 1, x.is_public,
    u3 < 0.006, decode(md5('content' || i), 'hex'), first, first,
    %(now)s - interval '18 hours' * u3 ^ 2, CASE WHEN status = 'OPEN' THEN opened END,
    CASE WHEN status = 'OPEN' THEN opened + due.days END,
    CASE WHEN status = 'OPEN' THEN rule ELSE '' END, 1,
    CASE WHEN status = 'OPEN' THEN %(now)s - interval '18 hours' * u3 ^ 2 END,
    CASE WHEN status = 'PASSED' THEN %(now)s - interval '18 hours' * u3 ^ 2 END
FROM (
    SELECT x.*, i, c.ordinal,
        CASE WHEN x.product IS NULL THEN c.severity
            ELSE (%(severities)s::text[])[1 + floor(20 * {chance("i", 11)})::int] END AS severity,
        CASE WHEN {chance("i", 12)} < c.failing THEN 'OPEN' WHEN {chance("i", 13)} < 0.82
            AND x.product IS NULL THEN 'PASSED' WHEN {chance("i", 13)} < 0.86
            AND x.product IS NULL THEN 'UNKNOWN' ELSE 'CLOSED' END AS status,
        {chance("i", 14)} AS u2, {chance("i", 15)} AS u3,
        CASE WHEN c.product = 'inspector'
            THEN ('{{3,14,14,14,60,60,60}}'::int[])[1 + floor(7 * {chance("i", 17)})::int] END AS tier,
        %(now)s - interval '1 hour' - interval '400 days' * {chance("i", 16)} ^ 2 AS opened,
        CASE WHEN {chance("i", 18)} < 0.1 THEN interval '60 days' ELSE interval '0' END AS before
    FROM bench_resource x
    CROSS JOIN LATERAL generate_series(4 * x.r, least(4 * x.r + 3, %(findings)s - 1)) i
    JOIN bench_control c ON c.ordinal = CASE WHEN x.product IS NULL
        THEN (x.type + %(types)s * (i %% 4)) %% %(own)s ELSE %(own)s + x.product END
    ORDER BY i
) x
JOIN bench_control c USING (ordinal)
JOIN inventory_account a ON a.id = x.account_id{CLOCK.format("x.severity")}
CROSS JOIN LATERAL (SELECT COALESCE(x.tier * interval '1 day', clock.days) AS days,
    CASE WHEN x.tier IS NOT NULL THEN 'bod:' || x.tier WHEN clock.days IS NOT NULL
        THEN 'severity:' || x.severity ELSE '' END AS rule,
    -- One open finding in ten was open before.
    CASE WHEN status = 'OPEN' THEN opened - before ELSE opened END AS first) due
"""
PAYLOADS: Final = """
INSERT INTO findings_findingpayload (finding_id, payload)
SELECT id, jsonb_build_object('SchemaVersion', '2018-10-08', 'Id', finding_id,
    'ProductArn', product_arn, 'AwsAccountId', split_part(finding_id, ':', 5), 'Region', region,
    'Title', title, 'Description', 'This control checks the resource. ' || repeat(title || '. ', 5),
    'Severity', jsonb_build_object('Label', severity), 'CreatedAt', created_at,
    'UpdatedAt', updated_at, 'Workflow', jsonb_build_object('Status', workflow),
    'RecordState', record_state, 'Resources', jsonb_build_array(jsonb_build_object(
        'Id', resource_id, 'Type', resource_type, 'Region', region)))
FROM findings_finding ORDER BY id
"""
