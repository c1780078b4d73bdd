"""What the sources told of accounts, as facts: one row an account, Region and key."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from inventory.facts import Reading
from inventory.models import AccountFact, Organization

BATCH = 5000
# A known fact stands so long while nothing can be read: a throttled call is no news about the account.
HOLD = timedelta(hours=72)

# Rows of accounts that the organisation does not have fall out by the join. An older reading never
# overwrites a newer one, so that a task that comes back from the dead changes nothing.
_UPSERT = """
INSERT INTO inventory_accountfact AS f
    (account_id, region, key, value, state, missing_permission, as_of)
SELECT a.id, r.region, r.key, r.value, r.state, r.missing_permission, %(as_of)s
FROM unnest(%(account)s::text[], %(region)s::text[], %(key)s::text[], %(value)s::jsonb[],
            %(state)s::text[], %(missing_permission)s::text[])
    AS r (account, region, key, value, state, missing_permission)
JOIN inventory_account a ON a.organization_id = %(organization)s AND a.account_id = r.account
ORDER BY a.id, r.region, r.key
ON CONFLICT (account_id, region, key) DO UPDATE SET
    value = excluded.value, state = excluded.state,
    missing_permission = excluded.missing_permission, as_of = excluded.as_of
WHERE f.as_of <= excluded.as_of
    AND NOT (excluded.state = 'UNAVAILABLE' AND f.state = 'KNOWN' AND f.as_of > %(hold_since)s)
RETURNING state
"""


def store_readings(
    organization: Organization, readings: Iterable[Reading], *, as_of: datetime
) -> Mapping[str, int]:
    """Store what was read at `as_of`; the last of two readings of the same fact counts.

    A refusal takes the value away at once: state DENIED, value None, with the missing permission. An
    UNAVAILABLE reading leaves a KNOWN fact alone until it is HOLD old; its own `as_of` shows its age.

    Returns how many were "known", "denied" and "unavailable" as stored, and "left" alone (held, older
    than what is there, or of an account that the organisation does not have).
    """
    latest = {(r.account_id, r.region, str(r.key)): r for r in readings}
    rows = [latest[key] for key in sorted(latest)]
    stored: Counter[str] = Counter()
    with transaction.atomic():
        for start in range(0, len(rows), BATCH):
            stored.update(_store(organization, rows[start : start + BATCH], as_of=as_of))
    counts = {str(state).lower(): stored[state] for state in AccountFact.State.values}
    return counts | {"left": len(rows) - stored.total()}


def _store(organization: Organization, rows: list[Reading], *, as_of: datetime) -> list[str]:
    # A value of each kind that a cursor takes, hence Any.
    params: dict[str, Any] = {
        "organization": organization.pk,
        "as_of": as_of,
        "hold_since": as_of - HOLD,
        "account": [row.account_id for row in rows],
        "region": [row.region for row in rows],
        "key": [str(row.key) for row in rows],
        "value": [json.dumps(row.value) if row.state == "KNOWN" else None for row in rows],
        "state": [row.state for row in rows],
        "missing_permission": [
            row.missing_permission[:120] if row.state == "DENIED" else "" for row in rows
        ],
    }
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, params)
        return [state for (state,) in cursor.fetchall()]
