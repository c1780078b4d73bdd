"""Accounts move and controls are mapped anew: their findings then count elsewhere.

What was counted stays in CountedAccount and CountedControl until the counts have followed.
"""

from collections.abc import Mapping
from typing import Final

from django.db import connection

from findings.models import FindingCount
from findings.rollups import facets

_MOVED: Final = """
SELECT a.id, c.is_live, a.gone_at IS NULL
FROM inventory_account a JOIN inventory_organizationalunit o ON o.id = a.ou_id
LEFT JOIN findings_countedaccount c ON c.account_id = a.id
WHERE c.account_id IS NULL OR (c.ou_path, c.team_key, c.environment, c.is_live)
    <> (o.path, COALESCE(a.team_id, 0), a.environment, a.gone_at IS NULL)
"""
_REMAPPED: Final = """
SELECT k.id FROM findings_control k LEFT JOIN findings_countedcontrol c ON c.control_id = k.id
WHERE c.control_id IS NULL OR c.area <> k.area
"""
_AFFECTED: Final = f"""
CREATE TEMP TABLE {facets.CHANGE} ON COMMIT DROP AS
SELECT * FROM findings_findingcount
WHERE account_id = ANY(%(accounts)s) OR control_id = ANY(%(controls)s)
"""
_KEEP_ACCOUNTS: Final = """
INSERT INTO findings_countedaccount (account_id, ou_path, team_key, environment, is_live)
SELECT a.id, o.path, COALESCE(a.team_id, 0), a.environment, a.gone_at IS NULL
FROM inventory_account a JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE a.id = ANY(%(accounts)s)
ON CONFLICT (account_id) DO UPDATE SET ou_path = EXCLUDED.ou_path, team_key = EXCLUDED.team_key,
    environment = EXCLUDED.environment, is_live = EXCLUDED.is_live
"""
_KEEP_CONTROLS: Final = """
INSERT INTO findings_countedcontrol (control_id, area)
SELECT id, area FROM findings_control WHERE id = ANY(%(controls)s)
ON CONFLICT (control_id) DO UPDATE SET area = EXCLUDED.area
"""
_MARK: Final = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT DISTINCT account_id, control_id FROM findings_finding WHERE account_id = ANY(%(returned)s)
ORDER BY 1, 2
"""


def follow() -> None:
    """Count findings where their accounts and controls are now; those of a gone account nowhere.

    An account that came back has its cells marked instead: they have to be counted first.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MOVED)
        moved = cursor.fetchall()
        cursor.execute(_REMAPPED)
        remapped = [key for (key,) in cursor.fetchall()]
    if not moved and not remapped:
        return
    keys = {"accounts": [key for key, *_ in moved], "controls": remapped}
    gone = [key for key, was_live, is_live in moved if was_live and not is_live]
    returned = [key for key, was_live, is_live in moved if was_live is False and is_live]
    changes = _affected(keys)
    if not changes or facets.are_many(changes):
        _keep(keys, gone)
        facets.follow(changes)
    else:
        facets.add(facets.read(facets.CHANGE), sign=-1)
        _keep(keys, gone)
        _affected(keys)
        facets.add(facets.read(facets.CHANGE))
    with connection.cursor() as cursor:
        cursor.execute(_MARK, {"returned": returned})


def _affected(keys: Mapping[str, list[int]]) -> int:
    """Put their rows of FindingCount into CHANGE; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {facets.CHANGE}")
        cursor.execute(_AFFECTED, keys)
        return int(cursor.rowcount)


def _keep(keys: Mapping[str, list[int]], gone: list[int]) -> None:
    FindingCount.objects.filter(account__in=gone).delete()
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_ACCOUNTS, keys)
        cursor.execute(_KEEP_CONTROLS, keys)
