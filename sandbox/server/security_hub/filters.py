"""The filters of GetFindings, compiled into one test, and its sort order."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.model import Document
from sandbox.server.security_hub.comparisons import (
    BadFilter,
    Test,
    boolean_test,
    date_test,
    ip_test,
    map_test,
    number_test,
    string_test,
)
from sandbox.server.security_hub.fields import Path, attributes, first_at, texts_in, values_at

MAX_ATTRIBUTES = 10
MAX_VALUES = 20
_SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")

Predicate = Callable[[Document], bool]


def check_filters(filters: Document) -> None:
    """Refuse what GetFindings refuses: unknown attributes, more than 10 of them, more than 20 values in one.

    :raises BadFilter: naming the rule
    """
    if len(filters) > MAX_ATTRIBUTES:
        raise BadFilter(f"Filters may name at most {MAX_ATTRIBUTES} attributes, got {len(filters)}")
    for name, values in filters.items():
        if name not in attributes():
            raise BadFilter(f"Unknown filter attribute {name}")
        if not isinstance(values, list) or not values:
            raise BadFilter(f"Filter {name} needs at least one value")
        if len(values) > MAX_VALUES:
            raise BadFilter(
                f"Filter {name} may have at most {MAX_VALUES} values, got {len(values)}"
            )


def compile_filters(filters: Document, now: datetime) -> Predicate:
    """Compile filters into one test on a finding; attributes are joined by AND.

    :raises BadFilter: when a filter breaks a rule
    """
    parts = [
        (attributes()[name], _compile(attributes()[name][0], name, values, now))
        for name, values in filters.items()
    ]

    def matches(finding: Document) -> bool:
        return all(test(_values(finding, kind, path)) for (kind, path), test in parts)

    return matches


def _values(finding: Document, kind: str, path: Path) -> list[Any]:
    return list(texts_in(finding)) if kind == "Keyword" else list(values_at(finding, path))


def _compile(kind: str, name: str, values: list[Document], now: datetime) -> Test:
    compilers: dict[str, Callable[[list[Document]], Test]] = {
        "String": string_test,
        "Map": map_test,
        "Number": number_test,
        "Ip": ip_test,
        "Boolean": boolean_test,
        "Date": lambda items: date_test(items, now),
        "Keyword": lambda items: string_test(
            [{**item, "Comparison": "CONTAINS"} for item in items]
        ),
    }
    try:
        return compilers[kind](values)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadFilter(f"Filter {name} is malformed: {error}") from error


def sorted_rows(
    findings: list[tuple[int, Document]],
    criteria: list[Document],
    path_of: Callable[[str], Path] | None = None,
) -> list[int]:
    """Sort (row, finding) pairs by SortCriteria, the first one strongest; missing values come last.

    `path_of` tells where a sort field stands; by default as GetFindings names its fields.

    :raises BadFilter: on an unknown field or order
    """
    for criterion in reversed(criteria):
        order = str(criterion.get("SortOrder", "asc"))
        if order not in ("asc", "desc"):
            raise BadFilter(f"SortOrder must be asc or desc, got {order}")
        path = (path_of or _sort_path)(str(criterion.get("Field", "")))
        having = [(pair, first_at(pair[1], path)) for pair in findings]
        present = [item for item in having if item[1] is not None]
        present.sort(key=lambda item: _rank(item[1]), reverse=order == "desc")
        findings = [pair for pair, _ in present] + [pair for pair, value in having if value is None]
    return [row for row, _ in findings]


def _sort_path(field: str) -> Path:
    if field in attributes() and field != "Keyword":
        return attributes()[field][1]
    if "." in field:
        return tuple(field.split("."))
    raise BadFilter(f"Cannot sort by {field or 'an empty field'}")


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, float(value), ""
    text = str(value)
    return (0, float(_SEVERITIES.index(text)), "") if text in _SEVERITIES else (1, 0.0, text)
