"""What people decide of invariants is in the audit log."""

from django.db import migrations

WATCH = """
SELECT posture_audit_watch(
    'invariants_invariantmove',
    ARRAY['invariant_moved', '', ''],
    '(SELECT key FROM invariants_invariant WHERE id = ($1).invariant_id)',
    keep => ARRAY['before', 'after', 'why', 'by_name', 'gates'],
    extra => $watch$jsonb_build_object(
        'version', (SELECT number FROM invariants_invariantversion WHERE id = ($1).version_id))$watch$
);
-- Of what the files say, who is the system: they are changed where they are kept.
SELECT posture_audit_watch(
    'invariants_catalogload',
    ARRAY['catalogue_read', '', ''],
    '(SELECT org_id FROM inventory_organization WHERE id = ($1).organization_id)',
    keep => ARRAY['state', 'counts', 'files', 'problems']
);
SELECT posture_audit_watch(
    'invariants_drift',
    ARRAY['', 'drift_decided', ''],
    '(CASE WHEN ($1).target_name <> '''' THEN ($1).target_name ELSE ($1).target_id END)',
    keep => ARRAY['state', 'owner', 'note', 'decided_by_name', 'decided_why']
);
SELECT posture_audit_watch(
    'invariants_rollout',
    ARRAY['rollout_added', 'rollout_changed', 'rollout_removed'],
    '(SELECT key FROM invariants_invariant WHERE id = ($1).invariant_id)',
    keep => ARRAY['from_date', 'by_name', 'why'],
    extra => $watch$jsonb_build_object('ou', (SELECT coalesce(nullif(label, ''), name)
        FROM inventory_organizationalunit WHERE id = ($1).ou_id))$watch$
);
"""
UNWATCH = """
SELECT posture_audit_unwatch('invariants_rollout');
SELECT posture_audit_unwatch('invariants_drift');
SELECT posture_audit_unwatch('invariants_catalogload');
SELECT posture_audit_unwatch('invariants_invariantmove');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0023_webhook_notices"),
        ("invariants", "0002_coverage_proofs"),
    ]

    operations = [migrations.RunSQL(WATCH, UNWATCH)]
