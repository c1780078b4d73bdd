"""How one filter value is compared with the values of a finding. Shared by GetFindings and GetFindingsV2.

Rules (API reference, StringFilter and MapFilter): positive comparisons of one attribute are joined by OR, negative ones
by AND; both together need both. Everything is case-sensitive.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.model import Document

Test = Callable[[list[Any]], bool]
"""Takes all values of one attribute in one finding."""


class BadFilter(Exception):
    """The filter breaks a rule of the API; the message says which."""


_NEGATIVE = {"NOT_EQUALS", "PREFIX_NOT_EQUALS", "NOT_CONTAINS"}
_POSITIVE = {"EQUALS", "PREFIX", "CONTAINS", "CONTAINS_WORD"}
_CLASHES = (
    ({"EQUALS"}, {"NOT_EQUALS", "PREFIX_NOT_EQUALS"}),
    ({"CONTAINS"}, {"NOT_CONTAINS"}),
)


def check_mix(comparisons: set[str], allowed: set[str]) -> None:
    """Refuse unknown comparisons and the mixes that AWS refuses.

    :raises BadFilter: naming the comparison or the mix
    """
    unknown = comparisons - allowed
    if unknown:
        raise BadFilter(f"Comparison {sorted(unknown)[0]} is not supported")
    for one, others in _CLASHES:
        if comparisons & one and comparisons & others:
            clash = sorted(comparisons & others)[0]
            raise BadFilter(f"{next(iter(one))} and {clash} cannot be used on the same field")


def string_test(filters: Iterable[Document], *, words: bool = False) -> Test:
    """Compile the string filters of one attribute."""
    filters = list(filters)
    allowed = _POSITIVE | _NEGATIVE if words else (_POSITIVE | _NEGATIVE) - {"CONTAINS_WORD"}
    check_mix({item.get("Comparison", "EQUALS") for item in filters}, allowed)
    positive, negative = _split(filters)
    equal = {value for comparison, value in positive if comparison == "EQUALS"}
    others = [(comparison, value) for comparison, value in positive if comparison != "EQUALS"]

    def test(values: list[Any]) -> bool:
        texts = [str(value) for value in values]
        if positive and not any(
            text in equal or any(_is_like(text, *other) for other in others) for text in texts
        ):
            return False
        return not any(_is_like(text, *item) for text in texts for item in negative)

    return test


def _split(filters: list[Document]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Part filters in positive ones, and negative ones turned positive."""
    turned = {"NOT_EQUALS": "EQUALS", "PREFIX_NOT_EQUALS": "PREFIX", "NOT_CONTAINS": "CONTAINS"}
    positive, negative = [], []
    for item in filters:
        comparison, value = item.get("Comparison", "EQUALS"), str(item.get("Value", ""))
        if comparison in _NEGATIVE:
            negative.append((turned[comparison], value))
        else:
            positive.append((comparison, value))
    return positive, negative


def _is_like(text: str, comparison: str, value: str) -> bool:
    if comparison == "EQUALS":
        return text == value
    if comparison == "PREFIX":
        return text.startswith(value)
    if comparison == "CONTAINS_WORD":
        return re.search(rf"\b{re.escape(value)}\b", text) is not None
    return value in text


def map_test(filters: Iterable[Document]) -> Test:
    """Compile the map filters of one attribute; values are dicts, or `{name, value}` pairs as in OCSF tags."""
    filters = list(filters)
    allowed = {"EQUALS", "NOT_EQUALS", "CONTAINS", "NOT_CONTAINS"}
    check_mix({item.get("Comparison", "EQUALS") for item in filters}, allowed)
    tests = [(str(item.get("Key", "")), [item]) for item in filters]
    positive = [pair for pair in tests if pair[1][0].get("Comparison", "EQUALS") not in _NEGATIVE]
    negative = [pair for pair in tests if pair not in positive]

    def holds(pairs: list[tuple[str, str]], key: str, item: list[Document]) -> bool:
        return string_test(item)([value for name, value in pairs if name == key])

    def test(values: list[Any]) -> bool:
        pairs = [pair for value in values for pair in _pairs(value)]
        if positive and not any(holds(pairs, *item) for item in positive):
            return False
        return all(holds(pairs, *item) for item in negative)

    return test


def _pairs(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return []
    if set(value) <= {"name", "value", "values"} and "name" in value:
        return [(str(value["name"]), str(value.get("value", "")))]
    return [(str(name), str(inner)) for name, inner in value.items()]


def number_test(filters: Iterable[Document]) -> Test:
    """Compile number filters: within one filter all bounds hold, several filters are joined by OR."""
    checks: dict[str, Callable[[float, float], bool]] = {
        "Eq": lambda value, bound: value == bound,
        "Gte": lambda value, bound: value >= bound,
        "Lte": lambda value, bound: value <= bound,
        "Gt": lambda value, bound: value > bound,
        "Lt": lambda value, bound: value < bound,
    }
    filters = list(filters)

    def test(values: list[Any]) -> bool:
        return any(
            all(checks[name](float(value), float(bound)) for name, bound in item.items())
            for value in values
            for item in filters
        )

    return test


def date_range(item: Document, now: datetime) -> tuple[float, float]:
    """Give the inclusive bounds of one date filter, in epoch seconds.

    :raises BadFilter: when it is empty, or a date or range cannot be read
    """
    span = item.get("DateRange")
    if span:
        if span.get("Unit") != "DAYS" or not isinstance(span.get("Value"), int):
            raise BadFilter("DateRange needs Value and Unit DAYS")
        edge = (now - timedelta(days=span["Value"])).timestamp()
        if span.get("Comparison", "WITHIN") == "OLDER_THAN":
            return float("-inf"), edge
        return edge, now.timestamp()
    if not item.get("Start") or not item.get("End"):
        raise BadFilter("A date filter needs Start and End, or DateRange")
    return epoch(item["Start"]), epoch(item["End"])


def date_test(filters: Iterable[Document], now: datetime) -> Test:
    """Compile date filters, joined by OR."""
    ranges = [date_range(item, now) for item in filters]

    def test(values: list[Any]) -> bool:
        moments = [epoch(value) for value in values]
        return any(start <= moment <= end for moment in moments for start, end in ranges)

    return test


def epoch(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise BadFilter(f"Not an ISO 8601 timestamp: {text}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def ip_test(filters: Iterable[Document]) -> Test:
    """Compile CIDR filters, joined by OR."""
    try:
        networks = [ipaddress.ip_network(item["Cidr"], strict=False) for item in filters]
    except (KeyError, ValueError) as error:
        raise BadFilter(f"Not a CIDR block: {error}") from error

    def test(values: list[Any]) -> bool:
        addresses = [ipaddress.ip_address(value) for value in values]
        return any(address in network for address in addresses for network in networks)

    return test


def boolean_test(filters: Iterable[Document]) -> Test:
    """Compile boolean filters, joined by OR."""
    wanted = {bool(item.get("Value")) for item in filters}
    return lambda values: any(value in wanted for value in values)
