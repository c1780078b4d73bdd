"""K9: what is reported from Regions that the policies along the account's path forbid."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from django.db import connection

from findings.models import Dimension, Status, bits
from inventory.models import Organization, PolicyAttachment
from posture.rollups.kpis.rows import Row

_OPERATORS: Final = frozenset({"stringnotequals", "stringnotequalsignorecase", "stringnotlike"})
_KEY: Final = "aws:requestedregion"
_ACCOUNTS: Final = "SELECT account_id, aws_id, path FROM accounts_of_day WHERE is_active ORDER BY 1"
# From the sums by Region and account: how little they are does not hang on the number of findings.
_PLACES: Final = f"""
SELECT DISTINCT f.b, v.text FROM findings_facetcount f
JOIN findings_facetvalue v ON v.id = f.a AND v.dimension = {Dimension.REGION.value}
WHERE f.dimensions = {bits((Dimension.REGION, Dimension.ACCOUNT))}
    AND f.status <> {Status.values.index(Status.CLOSED)}
"""
# Global services report from a Region of AWS's choice, and the account itself is nowhere.
_SOMEWHERE: Final = r"""resource_type <> 'AwsAccount' AND resource_type
    !~ '^Aws(Iam|CloudFront|Route53|Waf(?!Regional)|GlobalAccelerator|Organizations)'"""
_OUTSIDE: Final = "unnest(%(accounts)s::bigint[], %(regions)s::text[]) p (account_id, region)"
_RESOURCES: Final = f"""
WITH outside AS (
    SELECT DISTINCT x.account_id, x.region FROM {_OUTSIDE}
    JOIN findings_findingcount x ON x.account_id = p.account_id AND x.region = p.region
    WHERE x.status <> 'CLOSED' AND {_SOMEWHERE}
)
SELECT f.account_id, count(DISTINCT f.resource_hash) FROM outside p
JOIN findings_finding f ON f.account_id = p.account_id AND f.region = p.region
WHERE f.status <> 'CLOSED' AND {_SOMEWHERE}
GROUP BY f.account_id
"""
# Patterns of Regions, such as eu-west-1 or eu-*.
Allowed = frozenset[str]


def k09(day: date, *, organization: Organization, now: datetime) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS)
        accounts = cursor.fetchall()
        cursor.execute(_PLACES)
        places = cursor.fetchall()
    lists = _lists(organization)
    allowed = {key: _along([*path.split("/"), aws_id], lists) for key, aws_id, path in accounts}
    seen = {key for key, _ in places}
    resources = _resources([one for one in places if _is_outside(one, allowed)])
    for key, _, _ in accounts:
        is_known = int(bool(allowed[key]) and key in seen)
        found = resources.get(key, 0)
        yield Row(key, "", int(found > 0), is_known, is_known, 1)
        yield Row(key, "resources", found, 1, is_known, 1)


def _is_outside(place: tuple[int, str], allowed: Mapping[int, tuple[Allowed, ...]]) -> bool:
    account, region = place
    lists = allowed.get(account, ())
    return region not in ("", "global") and bool(lists) and not _is_in(region, lists)


def allowed_regions(content: str) -> list[Allowed]:
    """The lists outside of which a service control policy denies everything (or nearly so)."""
    try:
        document = json.loads(content)
    except ValueError:
        return []
    if not isinstance(document, dict):
        return []
    return [
        regions
        for statement in _listed(document.get("Statement"))
        if isinstance(statement, dict) and _denies_widely(statement)
        for regions in _regions_in(statement.get("Condition"))
    ]


def _denies_widely(statement: Mapping[str, Any]) -> bool:
    return statement.get("Effect") == "Deny" and (
        "NotAction" in statement or "*" in _listed(statement.get("Action"))
    )


def _regions_in(condition: Any) -> Iterator[Allowed]:
    for operator, tests in (condition if isinstance(condition, dict) else {}).items():
        if operator.lower() not in _OPERATORS or not isinstance(tests, dict):
            continue
        for key, values in tests.items():
            if key.lower() == _KEY:
                yield frozenset(str(one).lower() for one in _listed(values))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _lists(organization: Organization) -> dict[str, list[Allowed]]:
    """What policies leave over, by the root, OU or account that they are attached to."""
    attachments = PolicyAttachment.objects.filter(
        policy__organization=organization,
        policy__type="SERVICE_CONTROL_POLICY",
        policy__gone_at=None,
        until=None,
        policy__content__icontains="RequestedRegion",
    )
    found: dict[str, list[Allowed]] = {}
    for target, content in attachments.values_list("target_id", "policy__content"):
        found.setdefault(target, []).extend(allowed_regions(content))
    return found


def _along(targets: Iterable[str], lists: Mapping[str, list[Allowed]]) -> tuple[Allowed, ...]:
    """Every list that holds for the account: a Region has to be on all of them."""
    return tuple(one for target in targets for one in lists.get(target, []))


def _is_in(region: str, lists: tuple[Allowed, ...]) -> bool:
    return all(any(fnmatchcase(region, pattern) for pattern in one) for one in lists)


def _resources(outside: list[tuple[int, str]]) -> dict[int, int]:
    if not outside:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _RESOURCES,
            {"accounts": [key for key, _ in outside], "regions": [place for _, place in outside]},
        )
        return dict(cursor.fetchall())
