"""Denials, added up before they are stored, and bounded: a flood of principals becomes one row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import orjson
from django.db import connection

from inventory.models import Organization

# So many principals and actions of one policy are told apart on a day; the rest are added up for each
# account. Names that callers choose (sessions of web identities) would fill the table otherwise.
LIMIT: Final = 500
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('invariants.denials'))"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What tells denials apart; principal and action are "" of those that are no longer told apart."""

    policy_type: str
    policy_arn: str
    is_explicit: bool
    aws_account_id: str
    principal: str
    action: str

    @property
    def of_others(self) -> "Key":
        return replace(self, principal="", action="")


@dataclass(frozen=True, slots=True)
class Sum:
    """How often on a day; region and resource are the newest event's."""

    key: Key
    day: date
    count: int
    first_at: datetime
    last_at: datetime
    region: str
    resource: str

    def with_one(self, at: datetime, *, region: str, resource: str) -> "Sum":
        newer = at >= self.last_at
        return replace(
            self,
            count=self.count + 1,
            first_at=min(self.first_at, at),
            last_at=max(self.last_at, at),
            region=region if newer else self.region,
            resource=resource if newer else self.resource,
        )

    def merged(self, other: "Sum") -> "Sum":
        newer = other if other.last_at >= self.last_at else self
        return replace(
            newer,
            count=self.count + other.count,
            first_at=min(self.first_at, other.first_at),
        )


_TOLD_APART: Final = """
SELECT d.policy_type, d.policy_arn, x.day, count(*)
FROM invariants_denial d JOIN invariants_denialday x ON x.denial_id = d.id
WHERE d.organization_id = %(organization)s AND d.principal <> '' AND x.day = ANY(%(days)s)
GROUP BY 1, 2, 3
"""
_HELD: Final = """
SELECT d.policy_type, d.policy_arn, d.is_explicit, d.aws_account_id, d.principal, d.action
FROM invariants_denial d JOIN invariants_denialday x ON x.denial_id = d.id
WHERE d.organization_id = %(organization)s AND d.policy_type = %(type)s AND d.policy_arn = %(arn)s
    AND x.day = %(day)s
"""
# The policy by its id, which ends its ARN.
_STORE: Final = """
WITH given AS (
    SELECT * FROM unnest(%(policy_type)s::text[], %(policy_arn)s::text[], %(is_explicit)s::bool[],
        %(aws_account_id)s::text[], %(principal)s::text[], %(action)s::text[],
        %(first_at)s::timestamptz[], %(last_at)s::timestamptz[], %(region)s::text[],
        %(resource)s::text[])
    AS g (policy_type, policy_arn, is_explicit, aws_account_id, principal, action, first_at, last_at,
        region, resource))
INSERT INTO invariants_denial AS d (organization_id, policy_type, policy_arn, policy_id, is_explicit,
    account_id, aws_account_id, principal, action, first_at, last_at, region, resource)
SELECT %(organization)s, g.policy_type, g.policy_arn, p.id, g.is_explicit, a.id, g.aws_account_id,
    g.principal, g.action, g.first_at, g.last_at, g.region, g.resource
FROM given g
LEFT JOIN inventory_orgpolicy p ON p.organization_id = %(organization)s
    AND g.policy_arn ^@ 'arn:' AND p.type = g.policy_type
    AND p.policy_id = substring(g.policy_arn FROM '[^/]+$')
LEFT JOIN inventory_account a ON a.organization_id = %(organization)s
    AND a.account_id = g.aws_account_id
ORDER BY 2, 3, 5, 7, 8, 9
ON CONFLICT (organization_id, policy_arn, policy_type, is_explicit, aws_account_id, principal, action)
DO UPDATE SET first_at = LEAST(d.first_at, EXCLUDED.first_at),
    last_at = GREATEST(d.last_at, EXCLUDED.last_at),
    policy_id = COALESCE(d.policy_id, EXCLUDED.policy_id),
    account_id = COALESCE(d.account_id, EXCLUDED.account_id),
    region = CASE WHEN EXCLUDED.last_at >= d.last_at THEN EXCLUDED.region ELSE d.region END,
    resource = CASE WHEN EXCLUDED.last_at >= d.last_at THEN EXCLUDED.resource ELSE d.resource END
RETURNING id, policy_type, policy_arn, is_explicit, aws_account_id, principal, action
"""
_STORE_DAYS: Final = """
INSERT INTO invariants_denialday AS d (denial_id, day, count)
SELECT * FROM unnest(%(denials)s::bigint[], %(days)s::date[], %(counts)s::int[]) ORDER BY 1, 2
ON CONFLICT (denial_id, day) DO UPDATE SET count = d.count + EXCLUDED.count
"""


def store(organization: Organization, sums: Sequence[Sum]) -> int:
    """Add these to what is stored, within the caller's transaction; returns how many rows of days.

    They must not have been added before: whoever calls has looked at the events' ids.
    """
    if not sums:
        return 0
    with connection.cursor() as cursor:
        # The limit is one over all writers.
        cursor.execute(_ONE_AT_A_TIME)
        bounded = _bounded(cursor, organization, sums)
        ids = _store_denials(cursor, organization, _over_days(bounded))
        values: dict[str, Any] = {
            "denials": [ids[one.key] for one in bounded],
            "days": [one.day for one in bounded],
            "counts": [one.count for one in bounded],
        }
        cursor.execute(_STORE_DAYS, values)
        return len(bounded)


def as_json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _bounded(cursor: Any, organization: Organization, sums: Sequence[Sum]) -> list[Sum]:
    """Put those beyond the limit of their policy and day into the row of the others."""
    days = sorted({one.day for one in sums})
    cursor.execute(_TOLD_APART, {"organization": organization.pk, "days": days})
    stored = {(kind, arn, day): count for kind, arn, day, count in cursor.fetchall()}
    given = Counter((one.key.policy_type, one.key.policy_arn, one.day) for one in sums)
    room: dict[tuple[str, str, date], int] = {}
    held: set[tuple[Key, date]] = set()
    for place, count in given.items():
        if stored.get(place, 0) + count > LIMIT:
            room[place] = LIMIT - stored.get(place, 0)
            held |= _held(cursor, organization, place)
    kept: dict[tuple[Key, date], Sum] = {}
    for one in sorted(sums, key=lambda one: (one.day, one.key)):
        place = (one.key.policy_type, one.key.policy_arn, one.day)
        key = one.key
        if place in room and (key, one.day) not in held:
            room[place] -= 1
            key = key if room[place] >= 0 else key.of_others
        moved = replace(one, key=key)
        before = kept.get((key, one.day))
        kept[key, one.day] = before.merged(moved) if before else moved
    return list(kept.values())


def _held(
    cursor: Any, organization: Organization, place: tuple[str, str, date]
) -> set[tuple[Key, date]]:
    kind, arn, day = place
    values = {"organization": organization.pk, "type": kind, "arn": arn, "day": day}
    cursor.execute(_HELD, values)
    return {(Key(*row), day) for row in cursor.fetchall()}


def _over_days(sums: Iterable[Sum]) -> dict[Key, Sum]:
    found: dict[Key, Sum] = {}
    for one in sums:
        before = found.get(one.key)
        found[one.key] = before.merged(one) if before else one
    return found


def _store_denials(
    cursor: Any, organization: Organization, sums: Mapping[Key, Sum]
) -> dict[Key, int]:
    columns = list(zip(*(astuple(key) for key in sums), strict=True))
    names = ("policy_type", "policy_arn", "is_explicit", "aws_account_id", "principal", "action")
    values: dict[str, Any] = {
        name: list(column) for name, column in zip(names, columns, strict=True)
    }
    for name in ("first_at", "last_at", "region", "resource"):
        values[name] = [getattr(one, name) for one in sums.values()]
    cursor.execute(_STORE, values | {"organization": organization.pk})
    return {Key(*row[1:]): row[0] for row in cursor.fetchall()}
