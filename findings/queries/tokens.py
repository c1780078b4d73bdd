"""One number for "an OPEN finding in eu-west-1", and so on for each dimension of the lists.

FindingText.tokens holds those of a finding, so that one index finds the few findings that several
filters leave. Two values may share a number, and a finding may have changed since the rollup: what
is found this way has to be compared with the filters once more.
"""

from collections.abc import Collection
from typing import Final

from django.db.models import Func, QuerySet, Value

from findings.models import AGE_SQL, EXPOSURE_SQL, SLA_SQL, FindingText

# What a finding `f` (of account `a` in OU `o`, of team `t`, of control `c`) has in each dimension.
_VALUES: Final = {
    "severities": "f.severity",
    "workflows": "f.workflow",
    "areas": "c.area",
    "controls": "c.id",
    "products": "f.product",
    "accounts": "a.id",
    "environments": "a.environment",
    "ous": "o.ou_id",
    "teams": "COALESCE(t.slug, '')",
    "regions": "f.region",
    "resource_types": "f.resource_type",
    "ages": f"({AGE_SQL})",
    "slas": f"({SLA_SQL})",
    "exposures": f"({EXPOSURE_SQL})",
    "excepted": "CASE WHEN f.is_excepted THEN 'yes' ELSE 'no' END",
}
# An int[]; needs %(as_of)s.
ROW_SQL: Final = (
    "ARRAY["
    + ", ".join(f"hashtext(f.status || ':{name}:' || {value})" for name, value in _VALUES.items())
    + "]"
)


def having(
    rows: "QuerySet[FindingText]", name: str, values: Collection[str], statuses: Collection[str]
) -> "QuerySet[FindingText]":
    """Those that have one of the values in the dimension, in one of the states.

    :param values: keys of Account and Control, ids of OUs, slugs of teams; "" is "has none".
    """
    texts = [f"{status}:{name}:{value}" for status in statuses for value in sorted(values)]
    return rows.filter(tokens__overlap=[Func(Value(text), function="hashtext") for text in texts])
