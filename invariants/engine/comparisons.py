"""One value of a request against the values of a condition, by the kind of the operator.

A comparison answers for the operator without its negation: TRUE where one of the policy's values matches.
A value that is not of the operator's kind (a word under NumericEquals) makes the answer UNKNOWN, since
AWS does not say what follows.
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, TypeVar

from invariants.engine import patterns
from invariants.engine.documents import Base
from invariants.engine.states import States
from invariants.engine.templates import Pattern, Template, Wild, fill, template
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth

Comparison: TypeAlias = Callable[[str, States], Truth]
T = TypeVar("T")

_NUMBER: Final = re.compile(r"[+-]?\d{1,60}(?:\.\d{0,60})?|[+-]?\.\d{1,60}", re.ASCII)
# https://www.w3.org/TR/NOTE-datetime: from the year alone to a fraction of a second.
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_EPOCH: Final = re.compile(r"-?\d{5,15}(?:\.\d{1,9})?", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
_ORDERS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


class Addresses(NamedTuple):
    """A block of addresses of one version of IP, both ends included."""

    version: int
    first: int
    last: int


def comparison(base: Base, values: Sequence[str], *, has_variables: bool) -> Comparison:
    """Return the comparison of a positive operator with these values."""
    if base.value.startswith("Numeric"):
        return _parsed(number, values, _ORDERS[base.value.removeprefix("Numeric")])
    if base.value.startswith("Date"):
        return _parsed(moment, values, _ORDERS[base.value.removeprefix("Date")])
    if base is Base.BINARY_EQUALS:
        return _parsed(binary, values, _same_bytes)
    if base is Base.IP_ADDRESS:
        return _parsed(addresses, values, _lies_in)
    templates = [template(value, has_variables=has_variables) for value in values]
    fixed = [_fixed(parts, base) for parts in templates if not parts.variables]
    moving = [parts for parts in templates if parts.variables]
    comparisons = [_FIXED[base](fixed)] if fixed else []
    comparisons += [_moving(base, parts) for parts in moving]
    return comparisons[0] if len(comparisons) == 1 else _any(comparisons)


def number(text: str) -> Decimal | None:
    """Return the number, None where it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> Decimal | None:
    """Return seconds since 1970, of an ISO 8601 date or of epoch time; None where it is neither.

    A date without a zone is taken to be in UTC.
    """
    if found := _DATE.fullmatch(text):
        return _seconds(found)
    return Decimal(text) if _EPOCH.fullmatch(text) else None


def binary(text: str) -> bytes | None:
    """Return the bytes of base64, None where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=65_536)
def addresses(text: str) -> Addresses | None:
    """Return the addresses of a CIDR block, or the one address; None where it is neither."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Addresses(network.version, int(network.network_address), int(network.broadcast_address))


def _seconds(found: re.Match[str]) -> Decimal | None:
    year, month, day, hour, minute, second = (int(found[place] or 0) for place in range(1, 7))
    zone = found[8] if found[8] not in (None, "Z") else "+00:00"
    offset = (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60) * (-1 if zone[0] == "-" else 1)
    try:
        whole = datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return Decimal(int(whole.timestamp()) - offset) + Decimal(f"0.{found[7] or 0}")


def _same_bytes(one: bytes, other: bytes) -> bool:
    return one == other


def _lies_in(inner: Addresses, outer: Addresses) -> bool:
    """Never across the versions of IP."""
    return (
        inner.version == outer.version and outer.first <= inner.first and inner.last <= outer.last
    )


def _parsed(
    read: Callable[[str], T | None], values: Sequence[str], holds: Callable[[T, T], bool]
) -> Comparison:
    limits = [limit for limit in map(read, values) if limit is not None]
    otherwise = FALSE if len(limits) == len(values) else UNKNOWN

    def compare(value: str, _: States) -> Truth:
        found = read(value)
        if found is None:
            return UNKNOWN
        return TRUE if any(holds(found, limit) for limit in limits) else otherwise

    return compare


def _fixed(parts: Template, base: Base) -> Pattern:
    return fill(parts, {}, has_wildcards=base in _WILD).pattern


def _text(pattern: Pattern) -> str:
    return "".join(piece.value if isinstance(piece, Wild) else piece for piece in pattern)


def _exact(fixed: Sequence[Pattern]) -> Comparison:
    wanted = frozenset(map(_text, fixed))
    return lambda value, _: TRUE if value in wanted else FALSE


def _ignoring_case(fixed: Sequence[Pattern]) -> Comparison:
    wanted = frozenset(_text(pattern).casefold() for pattern in fixed)
    return lambda value, _: TRUE if value.casefold() in wanted else FALSE


def _like(fixed: Sequence[Pattern]) -> Comparison:
    matches = patterns.compiled(map(patterns.glob_source, fixed)).fullmatch
    return lambda value, _: TRUE if matches(value) else FALSE


def _arn(fixed: Sequence[Pattern]) -> Comparison:
    """Where a pattern is no ARN, what it matches as mere text may match or not: AWS does not say."""
    sources = [patterns.arn_source(pattern) for pattern in fixed]
    arns = [source for source in sources if source is not None]
    others = [pattern for pattern, arn in zip(fixed, sources, strict=True) if arn is None]
    is_match = patterns.compiled(arns).fullmatch if arns else None
    may_match = patterns.compiled(map(patterns.glob_source, others)).fullmatch if others else None

    def compare(value: str, _: States) -> Truth:
        if is_match is not None and is_match(value):
            return TRUE
        return UNKNOWN if may_match is not None and may_match(value) else FALSE

    return compare


def _boolean(fixed: Sequence[Pattern]) -> Comparison:
    wanted = [_BOOLEANS.get(_text(pattern).lower()) for pattern in fixed]
    otherwise = UNKNOWN if None in wanted else FALSE

    def compare(value: str, _: States) -> Truth:
        found = _BOOLEANS.get(value.lower())
        if found is None:
            return UNKNOWN
        return TRUE if found in wanted else otherwise

    return compare


_FIXED: Final[dict[Base, Callable[[Sequence[Pattern]], Comparison]]] = {
    Base.STRING_EQUALS: _exact,
    Base.STRING_EQUALS_IGNORE_CASE: _ignoring_case,
    Base.STRING_LIKE: _like,
    Base.ARN_EQUALS: _arn,
    Base.ARN_LIKE: _arn,
    Base.BOOL: _boolean,
}
_WILD: Final = frozenset({Base.STRING_LIKE, Base.ARN_EQUALS, Base.ARN_LIKE})


def _moving(base: Base, parts: Template) -> Comparison:
    """A value with variables: what it comes to depends on the request."""

    def compare(value: str, states: States) -> Truth:
        filled = fill(parts, states, has_wildcards=base in _WILD)
        if filled.truth is TRUE:
            return _FIXED[base]([filled.pattern])(value, states)
        if filled.truth is FALSE:
            return FALSE
        return _possible(base, filled.pattern, value)

    return compare


def _possible(base: Base, pattern: Pattern, value: str) -> Truth:
    """FALSE where no value of the variables could make it match."""
    if base is Base.BOOL:
        return UNKNOWN
    if base is Base.STRING_EQUALS_IGNORE_CASE:
        pattern = tuple(piece if isinstance(piece, Wild) else piece.casefold() for piece in pattern)
        value = value.casefold()
    return UNKNOWN if patterns.glob(pattern).fullmatch(value) else FALSE


def _any(comparisons: Sequence[Comparison]) -> Comparison:
    def compare(value: str, states: States) -> Truth:
        result = FALSE
        for one in comparisons:
            truth = one(value, states)
            if truth is TRUE:
                return TRUE
            if truth is UNKNOWN:
                result = UNKNOWN
        return result

    return compare
