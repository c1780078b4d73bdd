"""What a full sweep did not meet."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from findings.ingest import timeline
from findings.ingest.copies import key_of
from findings.models import Feed, SeenFinding
from findings.normalise.records import Rejected
from inventory.models import CollectionRun

# A failing check that AWS no longer reports is carried as OPEN: it was neither passed nor archived,
# so all that is known is that nobody looks any more. Other products' findings simply expire, and so
# do those of an account that left or was closed. Rows are locked in the order of their key, as the
# upsert does.
_VANISH = """
WITH missing AS (
    SELECT f.id, c.is_scored AND f.status = 'OPEN' AND a.gone_at IS NULL AND a.state = 'ACTIVE'
        AS is_carried
    FROM findings_finding f
    JOIN findings_control c ON c.id = f.control_id JOIN inventory_account a ON a.id = f.account_id
    WHERE f.organization_id = %(organization)s AND f.vanished_at IS NULL
        AND f.feed = %(feed)s AND f.product_arn <> ALL(%(spared)s)
        AND (%(region)s = '' OR f.region = %(region)s)
        AND NOT EXISTS (
            SELECT 1 FROM findings_seenfinding s WHERE s.run_id = %(run)s AND s.finding_id = f.id)
    ORDER BY f.key FOR NO KEY UPDATE OF f
), vanished AS (
    UPDATE findings_finding f SET
        vanished_at = %(as_of)s,
        status = CASE WHEN m.is_carried THEN 'OPEN' ELSE 'CLOSED' END,
        opened_at = CASE WHEN m.is_carried THEN f.opened_at END,
        due_at = CASE WHEN m.is_carried THEN f.due_at END,
        sla_rule = CASE WHEN m.is_carried THEN f.sla_rule ELSE '' END,
        history = CASE WHEN m.is_carried OR cardinality(f.history) = 0 THEN f.history
            ELSE (f.history || GREATEST(
                %(entry)s, f.history[cardinality(f.history)] / 8 * 8 + 8 + %(entry)s %% 8
            ))[greatest(1, cardinality(f.history) + 2 - %(limit)s):] END
    FROM missing m WHERE m.id = f.id
    RETURNING f.id, f.account_id, f.control_id, f.status
), closed AS (
    UPDATE findings_episode e SET
        closed_at = GREATEST(e.opened_at, %(as_of)s), close_reason = 'VANISHED'
    FROM vanished v
    WHERE v.status = 'CLOSED' AND e.finding_id = v.id AND e.closed_at IS NULL
), dirty AS (
    INSERT INTO findings_dirtycell (account_id, control_id)
    SELECT DISTINCT account_id, control_id FROM vanished ORDER BY 1, 2
)
SELECT count(*) FROM vanished
"""
_SEEN = """
INSERT INTO findings_seenfinding (run_id, finding_id)
SELECT %(run)s, id FROM findings_finding
WHERE organization_id = %(organization)s AND {column} = ANY(%(values)s)
ORDER BY id ON CONFLICT DO NOTHING
"""


def mark_seen(run: CollectionRun, rejected: Iterable[Rejected]) -> None:
    """Remember for the sweep that findings are still there, though they cannot be read any more.

    Security Hub's are found by their key; others, which are rare, by their id alone.
    """
    keys, ids = [], []
    for record in rejected:
        product_arn = record.payload.get("ProductArn") if isinstance(record.payload, dict) else None
        source_id = record.source_id.replace("\0", "")
        if isinstance(product_arn, str) and source_id and (product_arn + source_id).isascii():
            keys.append(key_of(product_arn=product_arn, finding_id=source_id))
        elif source_id.isascii() and source_id:
            ids.append(source_id)
    for column, found in (("key", keys), ("finding_id", ids)):
        if found:
            values = {"run": run.pk, "organization": run.organization_id, "values": found}
            with connection.cursor() as cursor:
                cursor.execute(_SEEN.format(column=column), values)


@transaction.atomic
def sweep_vanished(run: CollectionRun, *, as_of: datetime, spared: Iterable[str] = ()) -> int:
    """Mark what a full sweep that met everything has not met; returns how many findings.

    Only findings of the sweep's own feed. `spared` are product ARNs of which it could say nothing.

    :raises ValueError: when the run was not a full sweep or has no organisation.
    """
    if not run.is_full or run.organization_id is None:
        raise ValueError(f"{run} was not a full sweep of an organisation")
    values: dict[str, Any] = {
        "run": run.pk,
        "organization": run.organization_id,
        "feed": Feed(run.source).value,
        "region": run.region,
        "as_of": as_of,
        "spared": list(spared),
        "entry": timeline.entry(as_of, timeline.State.VANISHED),
        "limit": timeline.LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_VANISH, values)
        vanished = int(cursor.fetchone()[0])
    SeenFinding.objects.filter(run=run).delete()
    return vanished
