"""GetFindingStatisticsV2: how many findings there are of each value of a field."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sandbox.model import Document
from sandbox.server.calls import Call
from sandbox.server.errors import Failure
from sandbox.server.models import model_of
from sandbox.server.security_hub.comparisons import BadFilter
from sandbox.server.security_hub.fields import values_at
from sandbox.server.security_hub.findings_v2 import matching, ocsf_of
from sandbox.server.world import Moment

_MOST_VALUES = 400


def get_finding_statistics_v2(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Count by each rule; a finding with several values of the field counts once for each of them."""
    most = call.params.get("MaxStatisticResults", _MOST_VALUES)
    if not 1 <= most <= _MOST_VALUES:
        raise Failure("invalid", f"MaxStatisticResults must be between 1 and {_MOST_VALUES}")
    is_rising = call.params.get("SortOrder") == "asc"
    return {
        "GroupByResults": [
            _result(call, moment, rule, most=most, is_rising=is_rising)
            for rule in call.params["GroupByRules"]
        ]
    }


def _result(
    call: Call, moment: Moment, rule: Document, *, most: int, is_rising: bool
) -> dict[str, Any]:
    field = str(rule.get("GroupByField"))
    if field not in model_of("securityhub").shape_for("GroupByField").metadata["enum"]:
        raise Failure("invalid", f"Invalid GroupByField: {field}")
    try:
        rows = matching(call, moment, rule.get("Filters") or {})
    except (BadFilter, KeyError, TypeError, AttributeError) as error:
        raise Failure("invalid", f"Invalid filter: {error}") from error
    counts: Counter[str] = Counter()
    path = tuple(field.split("."))
    for row in rows:
        counts.update({str(value) for value in values_at(ocsf_of(moment, row), path)})
    sign = 1 if is_rising else -1
    ordered = sorted(counts.items(), key=lambda item: (sign * item[1], item[0]))
    values = [{"FieldValue": value, "Count": count} for value, count in ordered[:most]]
    return {"GroupByField": field, "GroupByValues": values}
