"""The moments at which figures were last written: when none of them has moved, no figure has."""

from typing import Any, Final

from django.db import connection

# Every rollup, the counts of findings, the stage of the newest collection, and the two KPIs that a
# scorecard shows. Names and places change within a collection, whose stage moves on afterwards.
_MARKS: Final = """
SELECT (SELECT string_agg(concat_ws(' ', name, day, as_of), ';' ORDER BY name) FROM posture_rollupstate),
    (SELECT max(as_of) FROM findings_countstate),
    (SELECT concat_ws(' ', id, state, stage) FROM inventory_collection ORDER BY id DESC LIMIT 1),
    (SELECT filled_at FROM posture_kpifill f WHERE f.organization_id = o.id AND f.kpi = 'K1'
        ORDER BY f.day DESC LIMIT 1),
    (SELECT filled_at FROM posture_kpifill f WHERE f.organization_id = o.id AND f.kpi = 'K2'
        ORDER BY f.day DESC LIMIT 1)
FROM (VALUES (1)) one LEFT JOIN LATERAL (
    SELECT id FROM inventory_organization ORDER BY id LIMIT 1) o ON true
"""


def marks() -> tuple[Any, ...]:
    """Comparable with those of another time, and for nothing else: no figures. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS)
        return tuple(cursor.fetchone())
